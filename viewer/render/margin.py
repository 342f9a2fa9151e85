"""A picture to keep: pixels untouched, and a white margin below that says what it shows.

Scale bar, slide, place, the layers with their colours, and "Research use only" are in the margin and, as
text, in the PNG's metadata, never over pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

import viewer
from viewer.common.scale import format_length, format_magnification, nice_length_um
from viewer.common.text import escape_control
from viewer.overlay.legend_entry import dots_in_words
from viewer.overlay.strings import DOTTED, FRAMED, HATCHED, NOT_A_DIAGNOSIS, NOT_ANALYSED
from viewer.render import strings
from viewer.render.fonts import lettering_for

if TYPE_CHECKING:
    from viewer.overlay.legend_entry import LegendEntry

_INK, _DIM, _PAPER = (20, 22, 28), (90, 94, 104), (255, 255, 255)
_CHECKS = np.array([(255, 255, 255), (214, 216, 220)], np.uint8)
_SMALLEST_FONT_PX = 13
_FONT_SHARE = 1 / 64
"""Letters grow with the picture, so that they can be read when it is printed or shrunk to a page."""
_LONGEST_BAR_SHARE = 0.2
_LEAST_WIDTH_PX = 480
"""Of a margin with layers: in less, their words would make a column."""


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What is written about a picture. ``um_per_px``: micrometres per pixel of the picture; ``is_estimated``:
    by an estimate of the slide's pixel size. ``layers``: those over the slide, the uppermost first.
    """

    slide_name: str
    centre: tuple[float, float]
    downsample: float
    rotation_deg: float
    magnification: float | None
    um_per_px: float | None
    is_estimated: bool = False
    changes: tuple[str, ...] = ()
    layers: tuple[LegendEntry, ...] = ()

    def description(self) -> str:
        """One line for the margin: what, where and how large."""
        parts = [self.slide_name, strings.CENTRE.format(x=self.centre[0], y=self.centre[1])]
        if self.magnification is not None:
            parts.append(format_magnification(self.magnification))
        parts.append(strings.SLIDE_PIXELS.format(downsample=self.downsample))
        if self.rotation_deg:
            parts.append(strings.TURNED.format(degrees=self.rotation_deg))
        if self.is_estimated:
            parts.append(strings.SCALE_ESTIMATED)
        return strings.BETWEEN_FACTS.join([*parts, *self.changes])

    def layers_in_words(self) -> list[str]:
        """A sentence for each layer, and what hatching and dots mean."""
        lines = [" ".join([layer.in_words(), *_stated(layer)]) for layer in self.layers]
        return [*lines, self.patterns_in_words()] if lines else []

    def patterns_in_words(self) -> str:
        """What hatching, dots and frames mean."""
        dotted = dots_in_words(self.layers)
        has_patches = any(layer.has_patches for layer in self.layers)
        sentences = [
            *([HATCHED.format(meaning=NOT_ANALYSED)] if has_patches else []),
            *([DOTTED.format(meaning=dotted)] if dotted else []),
            *([FRAMED] if has_patches else []),
        ]
        return " ".join([*sentences, NOT_A_DIAGNOSIS])

    def metadata(self) -> dict[str, str]:
        """Text chunks of the PNG."""
        scale = strings.SCALE_UNKNOWN
        if self.um_per_px is not None:
            template = strings.SCALE_BY_ESTIMATE if self.is_estimated else strings.SCALE
            scale = template.format(um_per_px=self.um_per_px)
        layers = {"Layers": "\n".join(map(escape_control, self.layers_in_words()))} if self.layers else {}
        return {
            "Software": strings.SOFTWARE.format(version=viewer.__version__),
            "Comment": viewer.RESEARCH_USE,
            "Source": escape_control(self.slide_name),
            "Description": escape_control(self.description()),
            "Scale": scale,
            **layers,
        }


def with_margin(picture: Image.Image, facts: PictureFacts) -> Image.Image:
    """The picture (RGB), its pixels as they are, with the margin below, which may be wider."""
    width_px = max(picture.width, _LEAST_WIDTH_PX if facts.layers else 0)
    margin = _Margin(width_px, facts)
    kept = Image.new("RGB", (width_px, picture.height + margin.height_px), _PAPER)
    kept.paste(picture, (0, 0))
    margin.draw(kept, picture.height)
    return kept


class _Margin:
    """Rows of two columns: a bar on the left, words on the right."""

    def __init__(self, width_px: int, facts: PictureFacts) -> None:
        self._layers = facts.layers
        size_px = max(_SMALLEST_FONT_PX, round(width_px * _FONT_SHARE))
        scale_words = [strings.NO_SCALE] if facts.um_per_px is None else []
        rows = [[viewer.RESEARCH_USE, facts.description(), *scale_words]]
        rows += [
            [layer.title, strings.BETWEEN_FACTS.join([layer.facts, *_stated(layer)])]
            for layer in facts.layers
        ]
        if facts.layers:
            rows.append([facts.patterns_in_words()])
        ends = [f"{layer.low}  {layer.middle}  {layer.high}" for layer in facts.layers if layer.has_scale]
        keys = [meaning for layer in facts.layers for _, meaning in layer.keys]
        self._lettering = lettering_for("".join([*ends, *keys, *("".join(row) for row in rows)]), size_px)
        self._line_px, self._gap_px = round(size_px * 1.3), round(size_px * 0.7)
        self._bar_um = self._bar_px = 0.0
        if facts.um_per_px is not None:
            self._bar_um = nice_length_um(width_px * _LONGEST_BAR_SHARE * facts.um_per_px)
            self._bar_px = self._bar_um / facts.um_per_px
        lengths = [self._lettering.font.getlength(end) for end in ends]
        lengths += [self._lettering.font.getlength(key) + 2 * self._line_px for key in keys]
        widest = max(lengths, default=0.0)
        self._column_px = max(self._bar_px, min(widest, width_px / 2))
        self._words_left_px = self._gap_px + (self._column_px + 2 * self._gap_px if self._column_px else 0)
        words_px = max(width_px - self._words_left_px - self._gap_px, width_px * 0.4, size_px)
        self._rows = [
            [line for text in row for line in self._lettering.wrapped(text, words_px)] for row in rows
        ]
        # A bar with its words takes two.
        least_lines = [2, *(max(2, len(layer.keys)) for layer in facts.layers), 1]
        self._heights_px = [
            max(len(lines), least) * self._line_px
            for lines, least in zip(self._rows, least_lines, strict=False)
        ]
        self.height_px = sum(self._heights_px) + self._gap_px * (len(self._rows) + 1)

    def draw(self, picture: Image.Image, top_px: int) -> None:
        """Draw into a picture, from a row on."""
        ink = ImageDraw.Draw(picture)
        y = top_px + self._gap_px
        for number, (lines, height_px) in enumerate(zip(self._rows, self._heights_px, strict=True)):
            if number == 0 and self._bar_px:
                self._draw_scale_bar(ink, y)
            elif 0 < number <= len(self._layers) and self._layers[number - 1].has_scale:
                self._draw_colours(picture, ink, y, self._layers[number - 1])
            elif 0 < number <= len(self._layers):
                self._draw_keys(ink, y, self._layers[number - 1])
            for place, line in enumerate(lines):
                self._write(ink, self._words_left_px, y + place * self._line_px, line)
            y += height_px + self._gap_px

    def _write(self, ink: ImageDraw.ImageDraw, x: float, y: float, text: str, anchor: str = "la") -> None:
        ink.text((x, y), self._lettering.printable(text), _INK, self._lettering.font, anchor=anchor)

    def _draw_scale_bar(self, ink: ImageDraw.ImageDraw, y: float) -> None:
        left, length_px = self._gap_px, round(self._bar_px)
        self._write(ink, left + length_px / 2, y, format_length(self._bar_um), "ma")
        thick, tick, bottom = max(self._line_px // 9, 1), self._line_px // 3, y + round(self._line_px * 1.6)
        ink.rectangle((left, bottom - thick, left + length_px - 1, bottom - 1), _INK)
        for x in (left, left + length_px - thick):
            ink.rectangle((x, bottom - tick, x + thick - 1, bottom - 1), _INK)

    def _draw_colours(
        self, picture: Image.Image, ink: ImageDraw.ImageDraw, y: int, layer: LegendEntry
    ) -> None:
        left, width, height = self._gap_px, round(self._column_px), round(self._line_px * 0.7)
        side = max(height // 3, 1)
        rows, columns = np.indices((height, width)) // side
        checks = _CHECKS[(rows + columns) % 2]  # visible through clear colours
        picture.paste(Image.fromarray(checks), (left, y))
        bar = Image.fromarray(layer.bar()[np.newaxis]).resize((width, height), Image.Resampling.NEAREST)
        picture.paste(bar, (left, y), bar)
        ink.rectangle((left, y, left + width - 1, y + height - 1), outline=_DIM)
        below = y + height + self._gap_px // 4
        self._write(ink, left, below, layer.low)
        self._write(ink, left + width, below, layer.high, "ra")
        if layer.middle_at is not None:
            self._write(ink, left + width * layer.middle_at, below, layer.middle, "ma")

    def _draw_keys(self, ink: ImageDraw.ImageDraw, y: int, layer: LegendEntry) -> None:
        left, side = self._gap_px, round(self._line_px * 0.7)
        words_px = self._column_px - 2 * self._line_px
        for place, (rgb, meaning) in enumerate(layer.keys):
            top = y + place * self._line_px
            box = left, top, left + round(self._line_px * 1.4), top + side
            ink.rectangle(box, outline=rgb, width=max(side // 5, 2))
            first = self._lettering.wrapped(meaning, words_px)[0]
            self._write(ink, left + 2 * self._line_px, top, first)


def _stated(layer: LegendEntry) -> list[str]:
    """What applies to this layer only."""
    in_words = layer.threshold_in_words or f"{layer.threshold:.2g}"
    threshold = [strings.THRESHOLD.format(threshold=in_words)] if layer.threshold else []
    lines = [layer.lines_in_words] if layer.lines else []
    return [*threshold, *lines, *([layer.state] if layer.state else [])]
