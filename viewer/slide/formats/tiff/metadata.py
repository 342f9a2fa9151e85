"""What the tags of a TIFF state beside its pixels: resolution, objective, ICC profile, texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from viewer.slide.length_units import um_per_unit
from viewer.slide.resolution import credible_mpp, mpp_from_resolution, number, objective_power

if TYPE_CHECKING:
    from viewer.slide.formats.tiff.ifd import Ifd

MAX_ICC_BYTES = 16 * 2**20
MAX_PROPERTY_CHARACTERS = 65536

_PAIR = re.compile(r"^(\w+)=(.*?)\s*$", re.MULTILINE)
_APERIO_PAIR = re.compile(r"\|\s*(MPP|AppMag)\s*=\s*([\d.,eE+-]+)")
_APERIO_REDUCED = re.compile(
    r"\b(\d{1,9})x\d{1,9}(?: \[\d{1,9},\d{1,9} (\d{1,9})x\d{1,9}\])?[^|\n]{0,80}-> ?\d"
)
_TEXT_TAGS = {
    270: "tiff.ImageDescription",
    271: "tiff.Make",
    272: "tiff.Model",
    305: "tiff.Software",
    306: "tiff.DateTime",
}


def properties_from_ifd(ifd: Ifd) -> dict[str, str]:
    """The text tags of a directory, by OpenSlide's names; very long ones are cut."""
    texts = {name: ifd.text(code) for code, name in _TEXT_TAGS.items()}
    return {name: text[:MAX_PROPERTY_CHARACTERS] for name, text in texts.items() if text}


def mpp_from_ifd(ifd: Ifd) -> tuple[float, float] | None:
    """Micrometres per pixel (x, y): Aperio's in the description, else ImageJ's unit of the resolution tags,
    else their own, where plausible.
    """
    description = ifd.text(270)
    if (aperio := _aperio_value(description, "MPP")) is not None:
        um = aperio * _aperio_reduction(description, ifd.number(256, 0))
        return credible_mpp(um, um)
    x, y = ifd.real(282), ifd.real(283)
    if not x or not y or min(x, y) < 0:
        return None
    imagej = dict(_PAIR.findall(description)) if description.startswith("ImageJ=") else {}
    if um_x := um_per_unit(imagej.get("unit", "")):
        um_y = um_per_unit(imagej.get("yunit", "")) or um_x
        return credible_mpp(um_x / x, um_y / y)
    return mpp_from_resolution(x, y, ifd.number(296, 2))


def objective_power_from_ifd(ifd: Ifd) -> float | None:
    """The power that an Aperio description states."""
    power = _aperio_value(ifd.text(270), "AppMag")
    return None if power is None else objective_power({"AppMag": str(power)}, "AppMag")


def _aperio_value(description: str, name: str) -> float | None:
    """A number of Aperio's list "…|AppMag = 20|MPP = 0.4970", which exports keep in part, some with a decimal
    comma.
    """
    found = _APERIO_PAIR.findall(description[:MAX_PROPERTY_CHARACTERS])
    values = {key: text.replace(",", ".") for key, text in found}
    return number(values, name)


def _aperio_reduction(description: str, width: int) -> float:
    """How much coarser the image is than the scan whose pixel size Aperio's description states: it may be
    made smaller, "46000x32914 [0,100 46000x32814] -> 1024x731".
    """
    match = _APERIO_REDUCED.search(description)
    return max(1.0, int(match[2] or match[1]) / width) if match and width else 1.0


def vendor_mark(ifd: Ifd) -> str | None:
    """OpenSlide's name of the scanner maker whose mark the first image bears, for files that are damaged
    where OpenSlide looks for it; None for a plain TIFF.
    """
    if 65420 in ifd:
        return "hamamatsu"
    if b"iScan" in (ifd.raw(700) or b""):
        return "ventana"
    texts = {"aperio": (270, "Aperio"), "philips": (305, "Philips"), "trestle": (305, "MedScan")}
    found = (vendor for vendor, (code, mark) in texts.items() if ifd.text(code).startswith(mark))
    return next(found, "leica" if "leica-microsystems.com/scn" in ifd.text(270)[:4096] else None)


def icc_profile_from_ifd(ifd: Ifd) -> bytes | None:
    """The ICC profile of the image, None where it has none; raises TiffFormatError beyond 16 MiB."""
    return ifd.raw(34675, at_most=MAX_ICC_BYTES) or None


def is_cloud_optimised(ifd: Ifd) -> bool:
    """Whether the file carries the GeoTIFF tags; its coordinates are not used."""
    return 34735 in ifd or 33550 in ifd
