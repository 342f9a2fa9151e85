"""What the OME-XML of a TIFF states about each of its images: its pages, its pixel size, its planes.

Source: OME model 2016-06 (Image, Pixels, TiffData), OME-TIFF specification.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.colour_planes import colour_pages
from viewer.slide.formats.tiff.ifd import TiffFormatError
from viewer.slide.length_units import um_per_unit
from viewer.slide.planes import PlaneAxes
from viewer.slide.resolution import credible_mpp, number, objective_power

if TYPE_CHECKING:
    from viewer.slide.formats.tiff.ifd import Ifd

_OME_ROOT = re.compile(r"<(?:[\w.-]+:)?OME[\s>]")  # any prefix: <ome:OME xmlns:ome="…">
_MAX_IMAGES = 1000


@dataclass(frozen=True, slots=True)
class OmeFacts:
    """What one Image of an OME-XML block states; ``plane_names`` are in the file's order.

    ``first_page`` is the page (from 0) of its first plane, None where the planes lie in another file;
    ``pages`` are those of all its planes. ``colour_pages``: those that are the red, the green and the blue of
    one picture, None where none are. ``channel_names`` are empty where the channel has none.
    """

    mpp_um: tuple[float, float] | None
    planes: PlaneAxes
    plane_names: tuple[str, ...]
    objective_power: float | None
    name: str = ""
    first_page: int | None = 0
    pages: frozenset[int] = frozenset()
    colour_pages: tuple[int, int, int] | None = None
    channel_names: tuple[str, ...] = ()


def ome_from_ifd(ifd: Ifd, *, plane_limit: int) -> tuple[OmeFacts, ...]:
    """The Images of the OME-XML in the image description, in its order; empty where there is none.

    ``plane_limit`` bounds the planes and pages that are counted, whatever the XML claims. Raises
    TiffFormatError for broken XML.
    """
    text = ifd.text(270).lstrip("\ufeff \t\r\n")
    if not _OME_ROOT.search(text, 0, 4096):
        return ()
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise TiffFormatError(strings.OME_XML.format(error=error)) from None
    images = []
    objectives = {each.get("ID"): each for each in reversed(root.findall("{*}Instrument/{*}Objective"))}
    next_page = 0
    for image in root.findall("{*}Image")[:_MAX_IMAGES]:
        pixels = image.find("{*}Pixels")
        if pixels is None:
            continue
        sizes = _plane_sizes(pixels, ifd.number(277, 1), plane_limit)
        planes = PlaneAxes(sizes.get("C", 1), sizes.get("Z", 1), sizes.get("T", 1))
        first, pages = _pages(root, pixels, next_page, planes.plane_count, plane_limit)
        in_colour = colour_pages(pixels, sizes, first) if first is not None else None
        next_page = max(pages, default=next_page - 1) + 1
        images.append(
            OmeFacts(
                mpp_um=credible_mpp(_physical_size_um(pixels, "X"), _physical_size_um(pixels, "Y")),
                planes=planes,
                plane_names=_plane_names(sizes),
                objective_power=_objective_power(objectives, image),
                name=image.get("Name", ""),
                first_page=first,
                pages=pages,
                colour_pages=in_colour,
                channel_names=tuple(each.get("Name", "") for each in pixels.findall("{*}Channel")),
            )
        )
    return tuple(images)


def _pages(
    root: ET.Element, pixels: ET.Element, next_page: int, plane_count: int, limit: int
) -> tuple[int | None, frozenset[int]]:
    """The page of the first plane, and those of all planes that lie in this file.

    An image that names no page has the pages behind the image before it. The planes of another file have
    another UUID.
    """
    blocks = pixels.findall("{*}TiffData")
    own = root.get("UUID")
    here = [block for block in blocks if own is None or block.findtext("{*}UUID", own).strip() == own]
    if blocks and not here:
        return None, frozenset()
    first: int | None = None
    pages: set[int] = set()
    for block in here:
        start = _whole(block, "IFD", None)
        count = _whole(block, "PlaneCount", plane_count if start is None else 1) or 1
        start = next_page if start is None else start
        pages.update(range(start, min(start + count, limit)))
        is_first = not any(_whole(block, f"First{axis}", 0) for axis in "CZT")
        if is_first and first is None:
            first = start
    if not blocks:
        pages.update(range(next_page, min(next_page + plane_count, limit)))
    return min(pages, default=None) if first is None or first not in pages else first, frozenset(pages)


def _whole(element: ET.Element, name: str, default: int | None) -> int | None:
    text = element.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else default


def _objective_power(objectives: dict[str | None, ET.Element], image: ET.Element) -> float | None:
    """Of the objective that the image names, else of the first one; ``objectives`` by ID, the first last."""
    settings = image.find("{*}ObjectiveSettings")
    named = None if settings is None else objectives.get(settings.get("ID"))
    chosen = next(reversed(objectives.values()), None) if named is None else named
    return None if chosen is None else objective_power(chosen.attrib, "NominalMagnification")


def _physical_size_um(pixels: ET.Element, axis: str) -> float | None:
    """None where the size is missing, in pixels, or not a length."""
    size = number(pixels.attrib, f"PhysicalSize{axis}")
    um = um_per_unit(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    return size * um if size is not None and um is not None else None


def _plane_sizes(pixels: ET.Element, samples: int, limit: int) -> dict[str, int]:
    """Planes along each axis, fastest first by DimensionOrder, ``limit`` at most in all; the ``samples`` of
    an RGB channel are one plane.
    """
    channels = pixels.findall("{*}Channel")
    sizes: dict[str, int] = {}
    for axis in pixels.get("DimensionOrder", "XYZCT")[2:]:
        if axis in "ZCT" and axis not in sizes:
            claimed = max(int(number(pixels.attrib, f"Size{axis}") or 1), 1)
            if axis == "C":
                claimed = min(claimed, len(channels)) if channels else max(claimed // max(samples, 1), 1)
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
