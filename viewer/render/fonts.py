"""A font for the words of a picture, found without a display: one of the system's that has every letter."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageFont

from viewer.common.text import escape_control

# Usual on Linux, Windows and macOS; the later ones have Chinese, Japanese and Korean.
SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "segoeui.ttf",
    "arial.ttf",
    "Arial Unicode.ttf",
    "NotoSansCJK-Regular.ttc",
    "msyh.ttc",
    "malgun.ttf",
    "PingFang.ttc",
)
_PLAIN = str.maketrans(
    {"µ": "u", "×": "x", "·": "-", "–": "-", "−": "-", "…": "...", "°": " deg", "\xa0": " "}
)
"""For Pillow's own font, which has little beyond ASCII."""


@dataclass(frozen=True, slots=True)
class Lettering:
    """A font, and whether texts must do with the letters of Pillow's own."""

    font: ImageFont.FreeTypeFont
    is_plain: bool

    def printable(self, text: str) -> str:
        """A text on one line, in letters that the font has, as far as that is known."""
        shown = escape_control(text)
        return shown.translate(_PLAIN) if self.is_plain else shown

    def wrapped(self, text: str, width_px: float) -> list[str]:
        """The lines of a text: broken between words, and within a word that is longer than a line, as file
        names may be."""
        lines, line = [], ""
        for word in self.printable(text).split(" "):
            longer = f"{line} {word}" if line else word
            if self.font.getlength(longer) <= width_px:
                line = longer
                continue
            lines += [line] if line else []
            *full, line = self._cut(word, width_px)
            lines += full
        return [*lines, line]

    def _cut(self, word: str, width_px: float) -> list[str]:
        pieces = [""]
        for letter in word:
            if pieces[-1] and self.font.getlength(pieces[-1] + letter) > width_px:
                pieces.append("")
            pieces[-1] += letter
        return pieces


def lettering_for(text: str, size_px: int) -> Lettering:
    """The first font that has every letter of ``text``, else the one that lacks fewest."""
    found = (font for name in SYSTEM_FONTS if (font := _system_font(name, size_px)) is not None)
    best, lacking = None, len(text) + 1
    for font in found:
        missing = _missing(font, text)
        if missing < lacking:
            best, lacking = font, missing
        if not missing:
            break
    if best is not None:
        return Lettering(best, is_plain=False)
    own = ImageFont.load_default(size_px)
    assert isinstance(own, ImageFont.FreeTypeFont), "Pillow is built with FreeType, as its wheels are"
    return Lettering(own, is_plain=True)


@lru_cache(64)
def _system_font(name: str, size_px: int) -> ImageFont.FreeTypeFont | None:
    with suppress(OSError):
        return ImageFont.truetype(name, size_px)
    return None


def _missing(font: ImageFont.FreeTypeFont, text: str) -> int:
    """How many letters are drawn as the font's sign for a missing one."""
    none = bytes(font.getmask("\uffff"))
    return sum(bytes(font.getmask(letter)) == none for letter in set(text) if not letter.isspace())
