"""Pixel sizes in words, and numbers that stay on the line of their unit. Pure."""

from __future__ import annotations

_AS_GOOD_AS_SQUARE = 1e-3


def pixel_size_in_words(mpp_um: tuple[float, float], *, estimated: bool, digits: int = 3) -> str:
    """ "0.38 µm/px (estimated)", with both sides where pixels are not as good as square."""
    x, y = (f"{side:.{digits}g}" for side in mpp_um)
    square = x == y or abs(mpp_um[0] / mpp_um[1] - 1) < _AS_GOOD_AS_SQUARE
    return f"{x if square else f'{x} × {y}'} µm/px{' (estimated)' if estimated else ''}"


def whole_units(text: str) -> str:
    """The text with no place to break a line between a number and its µm, nor within µm/px."""
    return text.replace(" µm", "\u00a0µm").replace("µm/px", "µm\u2060/\u2060px")
