"""Which planes of an OME-TIFF are the red, the green and the blue of one picture. Source: OME model 2016-06,
Channel and TiffData.

Converters write a picture in colours as three channels; nothing but the channels' names and colours, or that
they have neither, tells it from three stains.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

_NAMES = {"red": 0, "r": 0, "green": 1, "g": 1, "blue": 2, "b": 2}
_COLOURS = {0xFF0000: 0, 0x00FF00: 1, 0x0000FF: 2}  # Color is RGBA in a signed 32-bit number
_WHITE = 0xFFFFFF
_NO_NAME = re.compile(r"(?:channel)?[\s:_#-]*\d*(?::\d+)*", re.IGNORECASE)
_STAIN = ("Fluor", "EmissionWavelength", "ExcitationWavelength")


def colour_pages(pixels: ET.Element, sizes: dict[str, int], first_page: int) -> tuple[int, int, int] | None:
    """The pages (from 0) of red, green and blue of an image, at its first focal plane and time; None where
    its channels are anything else.

    ``sizes`` counts the planes along each axis, fastest first. ``first_page``: that of the first plane, which
    the others follow where the file does not state the page of each.
    """
    channels = pixels.findall("{*}Channel")
    if sizes.get("C") != 3 or len(channels) != 3 or any(_samples(each) != "1" for each in channels):
        return None
    parts = _parts(channels, is_8_bit=pixels.get("Type") == "uint8")
    if parts is None:
        return None
    step = 1
    for axis, size in sizes.items():
        if axis == "C":
            break
        step *= size
    places = _stated_places(pixels) or {channel: first_page + channel * step for channel in range(3)}
    red, green, blue = (places[parts.index(part)] for part in range(3))
    return red, green, blue


def _parts(channels: list[ET.Element], *, is_8_bit: bool) -> list[int] | None:
    """For each channel which part of the colour it is: 0 red, 1 green, 2 blue."""
    names = [each.get("Name", "").strip() for each in channels]
    by_name = [_NAMES.get(name.lower()) for name in names]
    if set(by_name) == {0, 1, 2}:
        return [part for part in by_name if part is not None]
    is_stained = any(each.get(mark) for each in channels for mark in _STAIN)
    if is_stained or not all(_NO_NAME.fullmatch(name) for name in names):
        return None
    colours = [_rgb(each.get("Color", "-1")) for each in channels]
    by_colour = [_COLOURS.get(colour) for colour in colours]
    if set(by_colour) == {0, 1, 2}:
        return [part for part in by_colour if part is not None]
    return [0, 1, 2] if is_8_bit and set(colours) == {_WHITE} else None


def _stated_places(pixels: ET.Element) -> dict[int, int] | None:
    """Which directory holds each channel, where the file states all three one by one."""
    places: dict[int, int] = {}
    for data in pixels.findall("{*}TiffData")[:10_000]:
        at = [data.get(key, "0") for key in ("FirstZ", "FirstT", "FirstC", "IFD")]
        if all(each.isdecimal() and len(each) < 10 for each in at) and at[:2] == ["0", "0"]:
            places.setdefault(int(at[2]), int(at[3]))
    return places if all(channel in places for channel in range(3)) else None


def _samples(channel: ET.Element) -> str:
    return channel.get("SamplesPerPixel", "1")


def _rgb(colour: str) -> int:
    """Its upper 24 bits; white where it is no number."""
    return (int(colour) & 0xFFFFFFFF) >> 8 if re.fullmatch(r"-?\d{1,10}", colour) else _WHITE
