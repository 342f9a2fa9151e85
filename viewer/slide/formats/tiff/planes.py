"""Planes of a TIFF that are pages of their own: how many there are, and three that make one picture."""

from __future__ import annotations

import re
from dataclasses import replace

from viewer.slide.formats.tiff.ifd import Ifd, TiffFormatError, sub_ifds
from viewer.slide.formats.tiff.layout import BLACK_IS_ZERO, RGB, TiffImage, image_from_ifd
from viewer.slide.planes import PlaneAxes

_REDUCED_BIT = 1
_MAX_PLANES = 1_000_000


def imagej_planes(description: str) -> PlaneAxes | None:
    """The planes that ImageJ states in the description of the first page, which may be the only one; None
    where ImageJ did not write it.
    """
    if not description.startswith("ImageJ="):
        return None
    stated = dict(re.findall(r"^(channels|slices|frames|images)=(\d{1,9})\s*$", description, re.MULTILINE))
    sizes = {name: min(max(int(value), 1), _MAX_PLANES) for name, value in stated.items()}
    axes = PlaneAxes(sizes.get("channels", 1), sizes.get("slices", 1), sizes.get("frames", 1))
    return axes if axes.plane_count > 1 else PlaneAxes(z=sizes.get("images", 1))


def pages_like(first: TiffImage, ifds: list[Ifd]) -> int:
    """How many pages hold pictures of the same size and kind as the first image, itself counted."""
    count = 0
    for ifd in ifds:
        try:
            image = image_from_ifd(ifd)
            is_reduced = ifd.number(254, 0) & _REDUCED_BIT
        except TiffFormatError:
            continue
        count += not image.is_mask and not is_reduced and _form(image) == _form(first)
    return max(count, 1)


def in_colour(levels: list[TiffImage], pages: tuple[Ifd, Ifd, Ifd]) -> list[TiffImage] | None:
    """Levels of which each takes its red, green and blue from the same level of three pages; None where
    these differ in anything but their pixels.
    """
    levels_of = [_levels(ifd, len(levels)) for ifd in pages]
    if any(len(each) != len(levels) for each in levels_of):
        return None
    combined = []
    for level, planes in zip(levels, zip(*levels_of, strict=True), strict=True):
        if (level.photometric, level.samples) != (BLACK_IS_ZERO, 1):
            return None
        if any(replace(plane, ifd=level.ifd) != level for plane in planes):
            return None
        if len({plane.ifd.raw(347) for plane in planes}) > 1:
            return None
        ifds = tuple(plane.ifd for plane in planes)
        colour = replace(level, ifd=ifds[0], samples=3, separate_planes=True, photometric=RGB)
        combined.append(replace(colour, plane_ifds=ifds))
    return combined


def _levels(ifd: Ifd, count: int) -> list[TiffImage]:
    """A page and, where more than it is to be had, its SubIFDs, finest first."""
    images = [image_from_ifd(each) for each in (ifd, *(sub_ifds(ifd) if count > 1 else ()))]
    return sorted(images, key=lambda image: image.width, reverse=True)[:count]


def _form(image: TiffImage) -> tuple[int, int, int, int]:
    return image.width, image.height, image.samples, image.bits
