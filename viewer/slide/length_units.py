"""Units of length by every name that files give them: symbols with any SI prefix, words, inches."""

from __future__ import annotations

import re
import unicodedata

_PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "": 0, "d": -1,
    "c": -2, "m": -3, "u": -6, "μ": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
_SYMBOLS = {f"{prefix}m": 10.0 ** (6 + power) for prefix, power in _PREFIXES.items()}
_SYMBOLS |= {"Å": 1e-4, "thou": 25.4, "li": 25400 / 12, "in": 25400.0, "ft": 304_800.0, "yd": 914_400.0}
_SYMBOLS |= {"pt": 25400 / 72, "mi": 1_609_344_000.0, '"': 25400.0}
_WORDS = {
    "micron": 1.0, "angstrom": 1e-4, "ångström": 1e-4, "inch": 25400.0, "inche": 25400.0, "mil": 25.4,
    "um": 1.0, "μm": 1.0, "mm": 1e3, "cm": 1e4, "nm": 1e-3, "foot": 304_800.0, "feet": 304_800.0,
}  # fmt: skip
for _word, _um in {
    "": 1e6, "kilo": 1e9, "deci": 1e5, "centi": 1e4, "milli": 1e3, "micro": 1.0, "nano": 1e-3, "pico": 1e-6,
}.items():  # fmt: skip
    _WORDS |= {f"{_word}metre": _um, f"{_word}meter": _um}
_ESCAPED = re.compile(r"\\u([0-9A-Fa-f]{4})")


def um_per_unit(name: str) -> float | None:
    """Micrometres in one unit; None for what is no unit of length: pixels, or OME's "reference frame".

    Symbols are told apart by case (mm, Mm), words are not. Both signs for micro, and Java's ``\\u00B5``,
    are the same. Source: OME model 2016-06 (UnitsLength), ImageJ (calibration units).
    """
    unescaped = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), name)
    text = unicodedata.normalize("NFKC", unescaped).strip().rstrip(".")
    if text in _SYMBOLS:
        return _SYMBOLS[text]
    word = text.casefold()
    return _WORDS.get(word, _WORDS.get(word.removesuffix("s")))
