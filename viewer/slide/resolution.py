"""The pixel size and objective that a file states, where they are credible."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from viewer.slide import strings

if TYPE_CHECKING:
    from collections.abc import Mapping

# Resolutions outside this range come from printing software (72 dpi is 353 µm), not from a scanner. µm per
# pixel.
PLAUSIBLE_MPP_UM = (0.05, 50.0)
# Printers and office scanners state inches too, up to 2400 a pixel's side (10.6 µm).
PLAUSIBLE_INCH_MPP_UM = (0.05, 10.0)
# Beyond these a header is damaged, and lengths would overflow.
CREDIBLE_MPP_UM = (1e-5, 1e9)
# What a person may give as a pixel size, from the finest detail of a microscope to a photograph of the glass.
GIVEN_MPP_UM = (0.001, 10_000.0)
CREDIBLE_POWERS = (0.01, 10_000.0)
MAX_PIXEL_ASPECT = 100.0


def number(properties: Mapping[str, str], name: str) -> float | None:
    """A finite number greater than 0 from a property, None where there is none."""
    try:
        value = float(properties[name])
    except (KeyError, ValueError):
        return None
    return value if isfinite(value) and value > 0 else None


def credible_mpp(x_um: float | None, y_um: float | None) -> tuple[float, float] | None:
    """Micrometres per pixel (x, y), None where one is missing or out of range."""
    if x_um is None or y_um is None:
        return None
    low, high = CREDIBLE_MPP_UM
    in_range = low <= x_um <= high and low <= y_um <= high
    return (x_um, y_um) if in_range and max(x_um, y_um) <= MAX_PIXEL_ASPECT * min(x_um, y_um) else None


def check_given_mpp(side_um: float) -> None:
    """Raises ValueError where micrometres per pixel that a person gave are no pixel size of a slide."""
    least, most = GIVEN_MPP_UM
    if not least <= side_um <= most:  # also refuses nan
        raise ValueError(strings.NOT_A_PIXEL_SIZE.format(size_um=side_um, least=least, most=most))


_INCH, _CENTIMETRE = 2, 3


def mpp_from_resolution(x: float, y: float, unit: int) -> tuple[float, float] | None:
    """Micrometres per pixel (x, y) from pixels per unit, TIFF's ResolutionUnit; None where they may be those
    of a printer. ``x`` and ``y`` are above 0.
    """
    if unit not in (_INCH, _CENTIMETRE):
        return None
    um, (low, high) = (25_400.0, PLAUSIBLE_INCH_MPP_UM) if unit == _INCH else (10_000.0, PLAUSIBLE_MPP_UM)
    mpp_um = credible_mpp(um / x, um / y)
    return mpp_um if mpp_um and all(low <= value <= high for value in mpp_um) else None


def objective_power(properties: Mapping[str, str], name: str) -> float | None:
    """The power of an objective from a property, None where there is none or it is out of range."""
    power, (low, high) = number(properties, name), CREDIBLE_POWERS
    return power if power is not None and low <= power <= high else None


def pixel_aspect(mpp_um: tuple[float, float] | None) -> float:
    """Physical pixel height over width; 1 where unknown or where the two differ by less than 0.1 %."""
    if mpp_um is None:
        return 1.0
    aspect = mpp_um[1] / mpp_um[0]
    return aspect if abs(aspect - 1) > 0.001 else 1.0
