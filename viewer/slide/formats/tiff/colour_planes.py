"""Which planes of an OME-TIFF are the red, the green and the blue of one picture. Source: OME model 2016-06,
Channel and TiffData.

Converters write a picture in colours as three channels; nothing but the channels' names and colours, or that
they have neither, tells it from three stains.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

# Red, green and blue in the languages of scanners' software, without accents.
_WORDS = (
    "r red rot rouge rojo rosso vermelho rood kirmizi",
    "g green grun gruen vert verde groen yesil",
    "b blue blau bleu azul blu blauw mavi",
)
_PARTS = {word: part for part, words in enumerate(_WORDS) for word in words.split()}
_BESIDE = re.compile(
    r"ch?|channel|[ck]ana?al[ei]?|colou?r|farbe|couleur|[ck]ompon\w+|composante|band|plane|ebene|layer|rgba?"
)
_ENDING = re.compile(r"(?<=.)(kanal|anteil)$")
_COLOURS = {0xFF0000: 0, 0x00FF00: 1, 0x0000FF: 2}  # Color is RGBA in a signed 32-bit number
_WHITE = 0xFFFFFF
_NO_NAME = re.compile(r"(?:channel)?[\s:_#-]*\d*(?::\d+)*", re.IGNORECASE)
_STAIN = ("Fluor", "EmissionWavelength", "ExcitationWavelength")
_BY_FLUORESCENCE = {"ContrastMethod": "Fluorescence", "IlluminationType": "Epifluorescence"}


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
    if any(_is_stain(each) for each in channels):
        return None
    names = [each.get("Name", "").strip() for each in channels]
    by_name = [_part_of_name(name) for name in names]
    if set(by_name) == {0, 1, 2}:
        return [part for part in by_name if part is not None]
    if not all(_NO_NAME.fullmatch(name) for name in names):
        return None
    colours = [_rgb(each.get("Color", "-1")) for each in channels]
    by_colour = [_COLOURS.get(colour) for colour in colours]
    if set(by_colour) == {0, 1, 2}:
        return [part for part in by_colour if part is not None]
    return [0, 1, 2] if is_8_bit and set(colours) == {_WHITE} else None


def _is_stain(channel: ET.Element) -> bool:
    how = any(channel.get(mark) == value for mark, value in _BY_FLUORESCENCE.items())
    return how or any(channel.get(mark) for mark in _STAIN)


def _part_of_name(name: str) -> int | None:
    """Of a name that says nothing but one colour, in whatever words: "Red (R)", "Rotkanal", "C0: green". Any
    other word may be that of a stain, as in "Texas Red", and a large number that of its light.
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    letters = unicodedata.normalize("NFKD", spaced.replace("ı", "i"))
    plain = "".join(each for each in letters if not unicodedata.combining(each)).casefold()
    words = [word for word in re.findall(r"[^\W\d_]+|\d{2,}", plain) if not _BESIDE.fullmatch(word)]
    parts = {_PARTS.get(_ENDING.sub("", word)) for word in words}
    return parts.pop() if len(parts) == 1 else None


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
