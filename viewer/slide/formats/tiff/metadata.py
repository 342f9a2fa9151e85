"""What a TIFF states beside its pixels: resolution, planes, ICC profile, OME-XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.colour_planes import colour_planes
from viewer.slide.formats.tiff.ifd import TiffFormatError
from viewer.slide.planes import PlaneAxes
from viewer.slide.resolution import PLAUSIBLE_MPP_UM, credible_mpp, number, objective_power

if TYPE_CHECKING:
    from viewer.slide.formats.tiff.ifd import Ifd

MAX_ICC_BYTES = 16 * 2**20
MAX_PROPERTY_CHARACTERS = 65536

_UM_PER_UNIT = {
    "µm": 1.0,
    "μm": 1.0,
    "um": 1.0,
    "nm": 1e-3,
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
    "Å": 1e-4,
    "pm": 1e-6,
}
_CENTIMETRE = 3
_TEXT_TAGS = {
    270: "tiff.ImageDescription",
    271: "tiff.Make",
    272: "tiff.Model",
    305: "tiff.Software",
    306: "tiff.DateTime",
}


@dataclass(frozen=True, slots=True)
class OmeFacts:
    """What the first Image of an OME-XML block states; ``plane_names`` are in the file's order, and
    ``colour_planes`` the places in it of those that are red, green and blue, None where none are.
    """

    mpp_um: tuple[float, float] | None
    planes: PlaneAxes
    plane_names: tuple[str, ...]
    objective_power: float | None
    colour_planes: tuple[int, int, int] | None = None


def properties_from_ifd(ifd: Ifd) -> dict[str, str]:
    """The text tags of a directory, by OpenSlide's names; very long ones are cut."""
    texts = {name: ifd.text(code) for code, name in _TEXT_TAGS.items()}
    return {name: text[:MAX_PROPERTY_CHARACTERS] for name, text in texts.items() if text}


def mpp_from_ifd(ifd: Ifd) -> tuple[float, float] | None:
    """Micrometres per pixel (x, y) from the resolution tags, where they are in centimetres and plausible."""
    x, y = ifd.real(282), ifd.real(283)
    if ifd.number(296, 2) != _CENTIMETRE or not x or not y:
        return None
    mpp_um = credible_mpp(1e4 / x, 1e4 / y)
    low, high = PLAUSIBLE_MPP_UM
    return mpp_um if mpp_um and all(low <= value <= high for value in mpp_um) else None


def icc_profile_from_ifd(ifd: Ifd) -> bytes | None:
    """The ICC profile of the image, None where it has none; raises TiffFormatError beyond 16 MiB."""
    return ifd.raw(34675, at_most=MAX_ICC_BYTES) or None


def is_cloud_optimised(ifd: Ifd) -> bool:
    """Whether the file carries the GeoTIFF tags; its coordinates are not used."""
    return 34735 in ifd or 33550 in ifd


def ome_from_ifd(ifd: Ifd, *, plane_limit: int) -> OmeFacts | None:
    """Facts from the OME-XML in the image description; None where there is none.

    ``plane_limit`` bounds the planes that are counted, whatever the XML claims. Raises TiffFormatError for
    broken XML. Source: OME model 2016-06, Image/Pixels.
    """
    text = ifd.text(270)
    if "<OME" not in text[:4096]:
        return None
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise TiffFormatError(strings.OME_XML.format(error=error)) from None
    pixels = root.find("{*}Image/{*}Pixels")
    if pixels is None:
        return None
    sizes = _plane_sizes(pixels, plane_limit)
    objective = root.find("{*}Instrument/{*}Objective")
    return OmeFacts(
        mpp_um=credible_mpp(_physical_size_um(pixels, "X"), _physical_size_um(pixels, "Y")),
        planes=PlaneAxes(sizes.get("C", 1), sizes.get("Z", 1), sizes.get("T", 1)),
        plane_names=_plane_names(sizes),
        objective_power=None
        if objective is None
        else objective_power(objective.attrib, "NominalMagnification"),
        colour_planes=colour_planes(pixels, sizes),
    )


def _physical_size_um(pixels: ET.Element, axis: str) -> float | None:
    """None where the size is missing, in pixels, or not a length."""
    size = number(pixels.attrib, f"PhysicalSize{axis}")
    um_per_unit = _UM_PER_UNIT.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    return size * um_per_unit if size is not None and um_per_unit is not None else None


def _plane_sizes(pixels: ET.Element, limit: int) -> dict[str, int]:
    """Planes along each axis, fastest first by DimensionOrder, ``limit`` at most in all; the samples of
    an RGB channel are one plane.
    """
    channels = pixels.findall("{*}Channel")
    sizes: dict[str, int] = {}
    for axis in pixels.get("DimensionOrder", "XYZCT")[2:]:
        if axis in "ZCT" and axis not in sizes:
            claimed = max(int(number(pixels.attrib, f"Size{axis}") or 1), 1)
            if axis == "C" and channels:
                claimed = min(claimed, len(channels))
            sizes[axis] = min(claimed, limit)
            limit //= sizes[axis]
    return sizes


def _plane_names(sizes: dict[str, int]) -> tuple[str, ...]:
    """One name a plane, in the file's order."""
    slowest_first = product(*(range(size) for size in reversed(sizes.values())))
    places = (dict(zip(reversed(sizes), place, strict=True)) for place in slowest_first)
    return tuple(
        ", ".join(f"{axis} {at[axis] + 1}" for axis in "CZT" if sizes.get(axis, 1) > 1) for at in places
    )
