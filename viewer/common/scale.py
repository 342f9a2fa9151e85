"""Lengths and magnifications, as arithmetic and as text. Pure.

A magnification is what a reader calls "20x": the power of the objective under which tissue has the same size
as on the screen. Where the file states the objective it is that power over the downsample; else it follows
from the pixel size, as 10x is 1 µm per pixel by convention. ``mpp_um``: micrometres per level-0 pixel (x, y).
"""

from __future__ import annotations

from math import floor, isfinite, log10

from viewer.common import strings

MPP_UM_AT_1X = 10.0
"""Micrometres per pixel at 1x, by the convention that 10x is 1 µm per pixel."""

ESTIMATE_DIGITS = 2
"""Of an estimated pixel size."""

_ROUNDING = 1e-9


def nice_length_um(max_um: float) -> float:
    """The longest of 1, 2 or 5 times a power of ten that is no longer than ``max_um`` micrometres.

    Raises ValueError for lengths that are not positive and finite.
    """
    if not (isfinite(max_um) and max_um > 0):
        raise ValueError(f"a length must be positive, not {max_um} µm")
    # The tolerance keeps 1000 from becoming 500 because log10 or a product came out one bit low.
    exponent = floor(log10(max_um) + _ROUNDING)
    decade = 10.0**exponent
    for digit in (5, 2):
        if digit * decade <= max_um * (1 + _ROUNDING):
            return float(digit * decade)
    return decade


def power_at_full_resolution(
    *, objective_power: float | None, mpp_um: tuple[float, float] | None
) -> float | None:
    """The magnification of level-0 pixels shown 1:1, None without objective and pixel size."""
    if objective_power is not None:
        return objective_power
    if mpp_um is not None:
        return MPP_UM_AT_1X / mpp_um[0]
    return None


def magnification_from_downsample(
    downsample: float, *, objective_power: float | None, mpp_um: tuple[float, float] | None
) -> float | None:
    """The magnification at ``downsample`` slide pixels per screen pixel, None where it is unknown."""
    power = power_at_full_resolution(objective_power=objective_power, mpp_um=mpp_um)
    return None if power is None else power / downsample


def downsample_from_magnification(
    magnification: float, *, objective_power: float | None, mpp_um: tuple[float, float] | None
) -> float | None:
    """The downsample that shows the slide at ``magnification``, None where it is unknown."""
    power = power_at_full_resolution(objective_power=objective_power, mpp_um=mpp_um)
    return None if power is None else power / magnification


def format_length(length_um: float) -> str:
    """A length as text: "500 nm", "50 µm", "1.2 mm"; three significant digits at most."""
    size = abs(length_um)
    if 0 < size < 0.9995:
        return f"{_short(length_um * 1000)} nm"
    if size < 999.5:
        return f"{_short(length_um)} µm"
    return f"{_short(length_um / 1000)} mm"


def format_magnification(magnification: float | None) -> str:
    """A magnification as text: "20x", "1.25x", "0.31x"; "–" for None."""
    return "–" if magnification is None else f"{_short(magnification)}x"


def format_position(x: float, y: float, *, mpp_um: tuple[float, float] | None) -> str:
    """A slide point as text: micrometres from the slide's corner, or level-0 pixels without a pixel size.

    No thousands separators: the text can be pasted where a place is typed.
    """
    if mpp_um is None:
        return f"{floor(x)}, {floor(y)} px"
    return f"{x * mpp_um[0]:.1f}, {y * mpp_um[1]:.1f} µm"


def _short(value: float) -> str:
    """Three significant digits without an exponent or trailing zeros; all digits before the point."""
    if value == 0 or not isfinite(value):
        return f"{value:g}"
    decimals = max(0, 2 - floor(log10(abs(value)) + _ROUNDING))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_SQUARE_TOLERANCE = 1e-3


def pixel_size_in_words(mpp_um: tuple[float, float], *, estimated: bool, digits: int = 3) -> str:
    """ "0.38 µm/px (estimated)", with both sides where they differ by more than 0.1 %. An estimate has two
    ``digits`` at most: it is right to a quarter."""
    digits = min(digits, ESTIMATE_DIGITS) if estimated else digits
    x, y = (f"{side:.{digits}g}" for side in mpp_um)
    square = x == y or abs(mpp_um[0] / mpp_um[1] - 1) < _SQUARE_TOLERANCE
    template = strings.PIXEL_SIZE_ESTIMATED if estimated else strings.PIXEL_SIZE
    return template.format(size=x if square else f"{x} × {y}")


def whole_units(text: str) -> str:
    """The text with no line break allowed between a number and its µm, nor within µm/px."""
    return text.replace(" µm", "\u00a0µm").replace("µm/px", "µm\u2060/\u2060px")
