"""Values of arguments (numbers, points, sizes, file names), and the options of commands that analyse."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING

from viewer.cli import strings, strings_help
from viewer.common.errors import FoveolaError
from viewer.slide.locator import Locator
from viewer.slide.resolution import check_given_mpp

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

LARGEST = 1e12


class UsageError(FoveolaError):
    """Arguments that are each valid, but not together, or not for this slide."""


def number(text: str) -> float:
    """A number of sensible size. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        raise ArgumentTypeError(strings.NOT_A_NUMBER.format(text=text)) from None
    if not abs(value) <= LARGEST:  # also refuses nan
        raise ArgumentTypeError(strings.NUMBER_RANGE.format(text=text))
    return value


def positive(text: str) -> float:
    """A number above 0. Raises ArgumentTypeError."""
    value = number(text)
    if value <= 0:
        raise ArgumentTypeError(strings.NOT_POSITIVE.format(text=text))
    return value


def count(text: str) -> int:
    """A whole number above 0. Raises ArgumentTypeError."""
    value = positive(text)
    if not value.is_integer():
        raise ArgumentTypeError(strings.NOT_WHOLE.format(text=text))
    return int(value)


def seed(text: str) -> int:
    """A whole number, 0 or above, of any size. Raises ArgumentTypeError."""
    if not text.isdecimal():
        raise ArgumentTypeError(strings.NOT_A_SEED.format(text=text))
    return int(text)


def file(text: str) -> Path:
    """A path that is not empty, as an unset shell variable would be. Raises ArgumentTypeError."""
    if not text:
        raise ArgumentTypeError(strings.EMPTY_FILE_NAME)
    return Path(text)


def slide(text: str) -> Locator:
    """The locator of a slide: a path or a URL that is not empty. Raises ArgumentTypeError."""
    file(text)
    return Locator.parse(text)


def slides(text: str) -> Path | Locator:
    """A file or folder, or the locator of one image of a file. Raises ArgumentTypeError."""
    locator = slide(text)
    return file(text) if locator.image is None else locator


def point(text: str) -> tuple[float, float]:
    """X,Y. Raises ArgumentTypeError."""
    x, comma, y = text.partition(",")
    if not comma:
        raise ArgumentTypeError(strings.NOT_A_POINT.format(text=text))
    return number(x), number(y)


def size(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT in pixels. Raises ArgumentTypeError."""
    width, cross, height = text.lower().partition("x")
    if not cross:
        raise ArgumentTypeError(strings.NOT_A_SIZE.format(text=text))
    return count(width), count(height)


def saved_as(*suffixes: str) -> Callable[[str], Path]:
    """The type of a file name with one of these suffixes; an error names the first of them."""

    def path(text: str) -> Path:
        named = file(text)
        if not named.name.lower().endswith(suffixes):
            raise ArgumentTypeError(strings.WRONG_SUFFIX.format(text=text, suffix=suffixes[0]))
        return named

    return path


png_path = saved_as(".png")
geojson_path = saved_as(".geojson", ".json")
scores_path = saved_as(".h5", ".hdf5")
ome_path = saved_as(".ome.tiff", ".ome.tif")


def pixel_size(text: str) -> float:
    """Micrometres per pixel of a slide. Raises ArgumentTypeError."""
    value = number(text)
    try:
        check_given_mpp(value)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    return value


def add_analysis_options(command: ArgumentParser) -> None:
    """Add the options of every command that analyses."""
    command.add_argument("--encoder", metavar="ID", help=strings_help.ENCODER)
    command.add_argument("--mpp", metavar="UM", type=pixel_size, help=strings_help.MPP)
