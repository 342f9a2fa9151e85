"""What commands have in common: the values of arguments (numbers, points, sizes; each says what it wants
instead) and the options of a question.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING

from viewer.relevance.encoders.card import MEASURED_ID

if TYPE_CHECKING:
    from argparse import ArgumentParser

from viewer.common.errors import FoveolaError
from viewer.slide.locator import Locator

LARGEST = 1e12
SMALLEST_MPP_UM, LARGEST_MPP_UM = 0.01, 100.0


class UsageError(FoveolaError):
    """Arguments that are fine one by one and wrong together, or for this slide."""


def number(text: str) -> float:
    """A number of sensible size. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a number") from None
    if not abs(value) <= LARGEST:  # also refuses nan
        raise ArgumentTypeError(f"{text} is not a number that makes sense here")
    return value


def positive(text: str) -> float:
    """A number above 0. Raises ArgumentTypeError."""
    value = number(text)
    if value <= 0:
        raise ArgumentTypeError(f"{text} is not above 0")
    return value


def count(text: str) -> int:
    """A whole number above 0. Raises ArgumentTypeError."""
    value = positive(text)
    if not value.is_integer():
        raise ArgumentTypeError(f"{text} is not a whole number")
    return int(value)


def seed(text: str) -> int:
    """A whole number, 0 or above, of any size. Raises ArgumentTypeError."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is not a whole number, 0 or above")
    return int(text)


def file(text: str) -> Path:
    """A path that is not empty, as an unset variable of the shell makes it. Raises ArgumentTypeError."""
    if not text:
        raise ArgumentTypeError("the name of the file is empty")
    return Path(text)


def slide(text: str) -> Locator:
    """Where a slide is, a path or a URL that is not empty. Raises ArgumentTypeError."""
    file(text)
    return Locator.parse(text)


def point(text: str) -> tuple[float, float]:
    """X,Y. Raises ArgumentTypeError."""
    x, comma, y = text.partition(",")
    if not comma:
        raise ArgumentTypeError(f"{text!r} is not X,Y")
    return number(x), number(y)


def size(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT in pixels. Raises ArgumentTypeError."""
    width, cross, height = text.lower().partition("x")
    if not cross:
        raise ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT")
    return count(width), count(height)


def png_path(text: str) -> Path:
    """The name of a PNG file. Raises ArgumentTypeError."""
    path = Path(text)
    if path.suffix.lower() != ".png":
        raise ArgumentTypeError(f"{text!r} does not end in .png")
    return path


def pixel_size(text: str) -> float:
    """Micrometres per pixel, as light microscopes have them. Raises ArgumentTypeError."""
    value = positive(text)
    if not SMALLEST_MPP_UM <= value <= LARGEST_MPP_UM:
        raise ArgumentTypeError(f"{text} µm is no size of a slide's pixel")
    return value


def geojson_path(text: str) -> Path:
    """The name of a GeoJSON file. Raises ArgumentTypeError."""
    path = file(text)
    if path.suffix.lower() not in (".geojson", ".json"):
        raise ArgumentTypeError(f"{text!r} does not end in .geojson")
    return path


def scores_path(text: str) -> Path:
    """The name of an HDF5 file. Raises ArgumentTypeError."""
    path = file(text)
    if path.suffix.lower() not in (".h5", ".hdf5"):
        raise ArgumentTypeError(f"{text!r} does not end in .h5")
    return path


def ome_path(text: str) -> Path:
    """The name of an OME-TIFF file. Raises ArgumentTypeError."""
    if not text.lower().endswith((".ome.tiff", ".ome.tif")):
        raise ArgumentTypeError(f"{text!r} does not end in .ome.tiff")
    return Path(text)


def add_question_options(command: ArgumentParser, *, encoder: str | None = MEASURED_ID) -> None:
    """The options of every command that analyses; ``encoder``: what it is where none is given."""
    command.add_argument(
        "--encoder",
        metavar="ID",
        default=encoder,
        help=f"who looks, as foveola encoders lists them ({MEASURED_ID})",
    )
    command.add_argument("--mpp", metavar="UM", type=pixel_size, help="size of a level-0 pixel, in µm")
