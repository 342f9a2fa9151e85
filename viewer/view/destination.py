"""A place to go to, as a reader types it: "12000, 8000", "12000 8000 20x", "3.1 2.5 mm". Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from viewer.common.errors import FoveolaError
from viewer.common.scale import downsample_from_magnification, format_length
from viewer.view import strings

if TYPE_CHECKING:
    from viewer.slide.geometry import Rect

MAX_MAGNIFICATION = 1000.0

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)"
_DESTINATION = re.compile(
    rf"\s*(?:x\s*[=:]?\s*)?(?P<x>{_NUMBER})(?:\s*[,;]\s*|\s+)(?:y\s*[=:]?\s*)?(?P<y>{_NUMBER})"
    rf"\s*(?P<unit>px|[µμu]m|mm)?(?:(?:\s*[,;]\s*|\s+)(?:at\s+|@\s*)?(?P<power>{_NUMBER})\s*[x×])?\s*",
    re.IGNORECASE,
)
_UM_PER_UNIT = {"um": 1.0, "mm": 1000.0}


class DestinationError(FoveolaError, ValueError):
    """A destination that cannot be gone to; the message says why and what to type."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A slide point in level-0 pixels, and the downsample to see it at (None: as it is)."""

    x: float
    y: float
    downsample: float | None = None


def parse_destination(
    text: str,
    *,
    unit: str,
    extent: Rect,
    mpp_um: tuple[float, float] | None,
    objective_power: float | None,
) -> Destination:
    """What ``text`` means on a slide of ``extent``; ``unit`` ("px" or "um") counts where the text names none.

    Raises DestinationError for what is no place, lies outside the slide or needs an unknown pixel size.
    """
    match = _DESTINATION.fullmatch(text)
    if match is None:
        raise DestinationError(strings.HOW_TO_TYPE_A_PLACE)
    unit = _plain_unit(match["unit"] or unit)
    x, y = float(match["x"]), float(match["y"])
    if unit != "px":
        if mpp_um is None:
            raise DestinationError(strings.NO_PIXEL_SIZE)
        x, y = x * _UM_PER_UNIT[unit] / mpp_um[0], y * _UM_PER_UNIT[unit] / mpp_um[1]
    for name, value, limit, size_um in (
        ("x", x, extent.x1, None if mpp_um is None else mpp_um[0]),
        ("y", y, extent.y1, None if mpp_um is None else mpp_um[1]),
    ):
        if not (isfinite(value) and 0 <= value <= limit):
            end = f"{limit:.0f} px" if unit == "px" or size_um is None else format_length(limit * size_um)
            raise DestinationError(strings.OUTSIDE_THE_SLIDE.format(axis=name, end=end))
    if match["power"] is None:
        return Destination(x, y)
    power = float(match["power"])
    if not 0 < power <= MAX_MAGNIFICATION:
        raise DestinationError(strings.MAGNIFICATION_RANGE.format(most=MAX_MAGNIFICATION))
    downsample = downsample_from_magnification(power, objective_power=objective_power, mpp_um=mpp_um)
    if downsample is None:
        raise DestinationError(strings.NO_MAGNIFICATION)
    return Destination(x, y, downsample)


def _plain_unit(unit: str) -> str:
    return unit.lower().replace("µ", "u").replace("μ", "u")
