"""OpenSlideSource: the formats that OpenSlide reads and no direct path does, tile by tile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.slide.formats import strings
from viewer.slide.formats.openslide_handle import OpenSlideHandle
from viewer.slide.geometry import Pyramid, Rect, TileKey
from viewer.slide.pixels import opaque_rgba
from viewer.slide.resolution import (
    credible_mpp,
    mpp_from_resolution,
    number,
    objective_power,
    pixel_aspect,
)
from viewer.slide.source import NotThisReader, SlideError, SlideInfo, Source, TileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from viewer.slide.formats.slide_format import SlideFile

DEFAULT_TILE_PX = 512
MIN_TILE_PX, MAX_TILE_PX = 256, 1024
MAX_SIDE_PX = 2**31
MAX_COMPANION_BYTES = 4 << 20

FORMAT_NAMES = {
    "aperio": "Aperio SVS",
    "dicom": "DICOM WSI",
    "generic-tiff": "Tiled TIFF",
    "hamamatsu": "Hamamatsu",
    "leica": "Leica SCN",
    "mirax": "MIRAX",
    "philips": "Philips TIFF",
    "sakura": "Sakura SVSLIDE",
    "synthetic": "OpenSlide synthetic",
    "trestle": "Trestle TIFF",
    "ventana": "Ventana BIF",
    "zeiss": "Zeiss CZI",
}


def mpp_from_properties(properties: Mapping[str, str]) -> tuple[float, float] | None:
    """Micrometres per level-0 pixel (x, y), None where the file does not state it (or only a printer's
    resolution).
    """
    if properties.get("openslide.vendor") != "generic-tiff":
        return credible_mpp(number(properties, "openslide.mpp-x"), number(properties, "openslide.mpp-y"))
    x, y = number(properties, "tiff.XResolution"), number(properties, "tiff.YResolution")
    unit = {"inch": 2, "centimeter": 3}.get(properties.get("tiff.ResolutionUnit", ""), 1)
    return mpp_from_resolution(x, y, unit) if x and y else None


def background_from_properties(properties: Mapping[str, str]) -> tuple[int, int, int]:
    """The scanner's background colour, white where the file names none."""
    value = properties.get("openslide.background-color", "")
    try:
        red, green, blue = bytes.fromhex(value)
    except ValueError:
        return 255, 255, 255
    return red, green, blue


def bounds_from_properties(properties: Mapping[str, str], width: int, height: int) -> Rect:
    """The scanned part of the level-0 image, all of it where the file states none or an invalid one."""
    whole = Rect(0.0, 0.0, float(width), float(height))
    try:
        x, y, w, h = (float(properties[f"openslide.bounds-{name}"]) for name in ("x", "y", "width", "height"))
    except (KeyError, ValueError):
        return whole
    return whole.intersection(Rect(x, y, x + w, y + h)) or whole


def facts_from_handle(handle: OpenSlideHandle, *, reader: str, reader_reason: str) -> SlideInfo:
    """SlideInfo from what OpenSlide reports about a slide."""
    properties = handle.properties
    width, height = handle.level_sizes[0]
    notes: list[str] = []
    icc_profile = None
    try:
        icc_profile = handle.read_icc_profile()
    except SlideError as error:
        notes.append(strings.UNCORRECTED_COLOURS.format(reason=error.reason))
    vendor = properties.get("openslide.vendor", "")
    return SlideInfo(
        path=handle.path,
        format=FORMAT_NAMES.get(vendor, vendor or "unknown"),
        reader=reader,
        reader_reason=reader_reason,
        bounds=bounds_from_properties(properties, width, height),
        file_levels=handle.level_sizes,
        mpp_um=mpp_from_properties(properties),
        objective_power=objective_power(properties, "openslide.objective-power"),
        associated_images=handle.associated_images,
        icc_profile=icc_profile,
        background_rgb=background_from_properties(properties),
        notes=tuple(notes),
        properties=properties,
        companions=_companions(handle.path) if vendor == "mirax" else (),
    )


def _companions(path: Path) -> tuple[Path, ...]:
    """A MIRAX slide is identified by its Slidedat.ini; the .mrxs file itself holds little."""
    index = path.with_suffix("") / "Slidedat.ini"
    is_sound = index.is_file() and index.stat().st_size <= MAX_COMPANION_BYTES
    return (index,) if is_sound else ()


def _tile_size(properties: Mapping[str, str], level: int) -> tuple[int, int]:
    """The file's own tile size where a tile of it is a sensible unit of work, else 512 px."""
    sides = [number(properties, f"openslide.level[{level}].tile-{side}") for side in ("width", "height")]
    width, height = (int(side) if side else 0 for side in sides)
    if min(width, height) >= MIN_TILE_PX and max(width, height) <= MAX_TILE_PX:
        return width, height
    return DEFAULT_TILE_PX, DEFAULT_TILE_PX


class OpenSlideSource(Source):
    """A Source over OpenSlide."""

    def __init__(self, handle: OpenSlideHandle, info: SlideInfo) -> None:
        self._handle = handle
        self._info = info
        sizes = list(handle.level_sizes)
        if max(max(size) for size in sizes) > MAX_SIDE_PX:
            raise SlideError(handle.path, strings.OPENSLIDE_LEVEL_SIDE.format(most=MAX_SIDE_PX))
        tiles = [_tile_size(handle.properties, level) for level in range(len(sizes))]
        try:
            self._pyramid = Pyramid.from_sizes(sizes, tiles, pixel_aspect=pixel_aspect(info.mpp_um))
        except ValueError as error:
            raise SlideError(handle.path, strings.NO_PYRAMID.format(error=error)) from error

    @property
    def info(self) -> SlideInfo:
        return self._info

    @property
    def pyramid(self) -> Pyramid:
        return self._pyramid

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        """See ``Source.read_tile``."""
        x, y, width, height = self.tile_region(key)
        pixels = read_level_region(self._handle, key.level, (x, y), (width, height))
        return opaque_rgba(pixels, self._info.background_rgb)

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        """See ``Source.read_associated_image``."""
        return opaque_rgba(self._handle.read_associated_image(name), self._info.background_rgb)

    def close(self) -> None:
        """See ``Source.close``."""
        self._handle.close()


def read_level_region(
    handle: OpenSlideHandle, level: int, corner: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """(height, width, 4) straight RGBA of a region given in pixels of its own level.

    OpenSlide takes the corner in whole level-0 pixels, so levels of odd ratios may be up to half a level-0
    pixel off. The corner is converted with OpenSlide's own mean downsample, which OpenSlide divides by.
    """
    downsample = handle.level_downsamples[level]
    return handle.read_region((round(corner[0] * downsample), round(corner[1] * downsample)), level, size)


def open_openslide(file: SlideFile, *, is_checked_dicom: bool = False) -> OpenSlideSource:
    """Open through OpenSlide; ``info.reader_reason`` gives why no faster reader took the file.

    ``is_checked_dicom``: see ``OpenSlideHandle``. Raises NotThisReader where OpenSlide refuses,
    SlideError where what it reports is invalid.
    """
    handle = OpenSlideHandle(file, is_checked_dicom=is_checked_dicom)
    try:
        if not handle.level_sizes:
            raise NotThisReader(file.path, strings.OPENSLIDE_NO_LEVEL)
        vendor = handle.properties.get("openslide.vendor", "unknown")
        template = strings.OPENSLIDE_REASON_REFUSED if file.refusals else strings.OPENSLIDE_REASON
        name, refusals = FORMAT_NAMES.get(vendor, vendor), "; ".join(file.refusals)
        reason = template.format(format=name, refusals=refusals)
        source = OpenSlideSource(handle, facts_from_handle(handle, reader="openslide", reader_reason=reason))
        _probe(source)
        return source
    except SlideError:
        handle.close()
        raise


def _probe(source: OpenSlideSource) -> None:
    """Read the first, the middle and the last tile of the coarsest level until one works; where none does,
    refuse.

    OpenSlide opens files whose samples it cannot decode, floats for one.
    """
    pyramid = source.pyramid
    coarsest = len(pyramid.levels) - 1
    columns, rows = pyramid.levels[coarsest].columns, pyramid.levels[coarsest].rows
    failure: TileError | None = None
    for column, row in ((0, 0), (columns // 2, rows // 2), (columns - 1, rows - 1)):
        try:
            source.read_tile(TileKey(coarsest, column, row))
        except TileError as error:
            failure = error
        else:
            return
    path = source.info.path
    reason = str(failure).removeprefix(f"{path}: ")
    raise NotThisReader(path, strings.OPENSLIDE_NO_TILE.format(reason=reason))
