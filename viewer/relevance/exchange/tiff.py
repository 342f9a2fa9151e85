"""Maps in TIFF: OME-TIFF and plain, one level or a pyramid, one channel of numbers or several.

Directories and pixels are read by the slides' own TIFF reader, and checked before a pixel is decoded.
Sources: TIFF 6.0, OME-TIFF 6 (pyramids in SubIFDs).
"""

from __future__ import annotations

import html
import re
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from viewer.relevance.exchange import strings
from viewer.relevance.exchange.raster import MAX_PIXELS, covers, raster_scores, stretched_pixel
from viewer.relevance.exchange.scores import ImportedScores, chosen_column
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.patches.grid import PATCH_UM
from viewer.slide.byte_source import FileBytes
from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.tiff.ifd import TiffFormatError, read_ifds, sub_ifds
from viewer.slide.formats.tiff.layout import (
    BLACK_IS_ZERO,
    COMPRESSIONS,
    WHITE_IS_ZERO,
    TiffImage,
    image_from_ifd,
)
from viewer.slide.formats.tiff.metadata import mpp_from_ifd
from viewer.slide.formats.tiff.ome import ome_from_ifd
from viewer.slide.formats.tiff.samples import kind_of_numbers, read_numbers

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.exchange.scores import MapRequest

_MAX_COLUMNS = 256
_MAX_TILES = 1_000_000
_LZW, _MAX_LZW_BYTES = 5, 64 << 20
"""Of a tile or strip: Pillow, which decodes LZW, refuses larger ones."""
_LOSSLESS = (1, _LZW, 8, 32773, 32946, 34925, 50000)
_LARGEST_SHARE = 0.2
_OURS = "Values: 0 not analysed; 1 to 255 "


@dataclass(frozen=True, slots=True)
class _Facts:
    """The content of the directories: the levels of every column by name (and which sample of them it is),
    ``mpp_um`` of the finest, and whether we wrote it."""

    columns: dict[str, tuple[tuple[TiffImage, ...], int]]
    mpp_um: tuple[float, float] | None
    is_ome: bool
    is_ours: bool
    query: str


def read_tiff_map(path: Path, request: MapRequest) -> ImportedScores:
    """The map of a file over the whole slide. Raises FeatureFileError."""
    try:
        file = FileBytes(path)
    except OSError as error:
        raise FeatureFileError(path, strings.UNREADABLE.format(error=error.strerror)) from error
    with closing(file):
        facts = _facts(path, file)
        return _scores_over(path, file, facts, request)


def _scores_over(path: Path, file: FileBytes, facts: _Facts, to: MapRequest) -> ImportedScores:
    chosen = chosen_column(path, list(facts.columns), to.column)
    levels, sample = facts.columns[chosen]
    first = levels[0]
    fitting = [level for level in levels if level.width * level.height <= MAX_PIXELS]
    if not fitting:
        raise FeatureFileError(
            path,
            strings.TOO_MANY_PIXELS.format(width=first.width, height=first.height),
        )
    level = max(fitting, key=lambda each: each.width * each.height)
    pixel_px, notes = _pixel_px(path, facts, first, to)
    coarser = first.width / level.width, first.height / level.height
    try:
        numbers = read_numbers(file, level, sample)
    except (CodecError, TiffFormatError, EOFError, OSError) as error:
        raise FeatureFileError(path, strings.PIXELS_DAMAGED.format(error=error)) from error
    values, note, largest = _scores(numbers, is_ours=facts.is_ours)
    return raster_scores(
        path,
        values,
        (pixel_px[0] * coarser[0], pixel_px[1] * coarser[1]),
        to.extent_px,
        to.grid,
        producer="Foveola" if facts.is_ours else "OME-TIFF" if facts.is_ome else "TIFF",
        column=facts.query or chosen,
        notes=(*notes, *note),
        largest=largest,
    )


def _facts(path: Path, file: FileBytes) -> _Facts:
    try:
        ifds, damage = read_ifds(file)
        if damage:
            raise TiffFormatError(damage)
        first = image_from_ifd(ifds[0])
        ome = next(iter(ome_from_ifd(ifds[0], plane_limit=_MAX_COLUMNS)), None)
        description = ifds[0].text(270)
        mpp_um = ome.mpp_um if ome is not None else mpp_from_ifd(ifds[0])
        planes: list[list[TiffImage]] = []
        for ifd in ifds:
            image = image_from_ifd(ifd)
            if image.is_mask:
                continue
            if (image.width, image.height) == (first.width, first.height):
                planes.append([image, *(image_from_ifd(sub) for sub in sub_ifds(ifd))])
            elif _is_coarser(image, first) and len(planes) == 1:
                planes[0].append(image)
        missing = any(_has_gaps(level) for levels in planes for level in levels)
    except (TiffFormatError, EOFError, OSError) as error:
        raise FeatureFileError(path, strings.NOT_TIFF.format(error=error)) from error
    if missing:
        raise FeatureFileError(path, strings.MISSING_TILES)
    if not planes or len(planes) > _MAX_COLUMNS:
        raise FeatureFileError(path, strings.TOO_MANY_PICTURES.format(count=len(planes)))
    for levels in planes:
        levels[1:] = [level for level in levels[1:] if _is_coarser(level, first)]
        for level in levels:
            _check(path, level, first)
    names: tuple[str, ...] = ()
    if ome is not None:
        candidates = tuple(name[:200] for name in ome.channel_names), ome.plane_names
        names = next((each for each in candidates if len(set(each)) == len(each) == len(planes)), ())
    columns: dict[str, tuple[tuple[TiffImage, ...], int]] = {}
    for index, levels in enumerate(planes):
        name = names[index] if names and names[index] else f"page {index + 1}"
        if first.samples == 1:
            columns[name] = tuple(levels), 0
        else:
            parts = {f"{name}, channel {at + 1}": (tuple(levels), at) for at in range(first.samples)}
            columns.update(parts)
    is_ours = _OURS in description and "Encoder: " in description and first.bits == 8
    if len(columns) == 1:
        columns = {"map": next(iter(columns.values()))}
    return _Facts(columns, mpp_um, ome is not None, is_ours, _query(description) if is_ours else "")


def _has_gaps(image: TiffImage) -> bool:
    """Whether a tile or strip is not there: what is missing is decoded as 0, which would be low."""
    expected = image.tiles_per_plane * (image.samples if image.separate_planes else 1)
    counts = image.ifd.numbers(325 if image.tiled else 279, at_most=_MAX_TILES)
    return counts.size < expected or not counts.all()


def _is_coarser(image: TiffImage, first: TiffImage) -> bool:
    """A level of the same picture: smaller, and of the same shape to a pixel or two."""
    x, y = first.width / image.width, first.height / image.height
    return x > 1.5 and abs(x - y) * max(image.width / x, image.height / y) <= 2 * max(x, y)


def _check(path: Path, image: TiffImage, first: TiffImage) -> None:
    if image.bits == 1:
        raise FeatureFileError(path, strings.ONE_BIT)
    if image.photometric == WHITE_IS_ZERO:
        raise FeatureFileError(path, strings.WHITE_IS_ZERO)
    if image.photometric != BLACK_IS_ZERO:
        raise FeatureFileError(path, strings.IN_COLOURS)
    if image.compression not in _LOSSLESS:
        name = COMPRESSIONS.get(image.compression, f"method {image.compression}")
        raise FeatureFileError(path, strings.COMPRESSION.format(name=name))
    if image.compression == _LZW and image.raw_tile_bytes > _MAX_LZW_BYTES:
        raise FeatureFileError(path, strings.LZW_TOO_LARGE)
    kind = kind_of_numbers(image)
    if kind is None or (kind, image.samples) != (kind_of_numbers(first), first.samples):
        raise FeatureFileError(
            path,
            strings.WRONG_SAMPLES.format(channels=image.samples, bits=image.bits),
        )
    if image.samples > _MAX_COLUMNS or image.tiles_per_plane > _MAX_TILES:
        raise FeatureFileError(path, strings.TOO_MANY_CHANNELS)
    decoded = max(image.raw_tile_bytes, min(image.width * image.height, MAX_PIXELS) * image.bits // 8)
    if decoded > psutil.virtual_memory().available * _LARGEST_SHARE:
        raise FeatureFileError(
            path, strings.PIXELS_EXCEED_MEMORY.format(width=image.width, height=image.height)
        )


def _pixel_px(
    path: Path, facts: _Facts, first: TiffImage, to: MapRequest
) -> tuple[tuple[float, float], tuple[str, ...]]:
    """The size of a pixel of the finest level in level-0 px: as stated, where that covers the slide."""
    shape, extent_px, grid = (first.height, first.width), to.extent_px, to.grid
    if facts.mpp_um is not None:
        x, y = facts.mpp_um
        stated = x * grid.patch_width_px / PATCH_UM, y * grid.patch_height_px / PATCH_UM
        if covers(shape, stated, extent_px):
            return stated, ()
        if facts.is_ome and not to.mpp_estimated:
            raise FeatureFileError(
                path,
                strings.OF_OTHER_SIZE.format(
                    width_mm=shape[1] * x / 1000,
                    height_mm=shape[0] * y / 1000,
                    slide_width_mm=extent_px[0] / grid.patch_width_px * PATCH_UM / 1000,
                    slide_height_mm=extent_px[1] / grid.patch_height_px * PATCH_UM / 1000,
                ),
            )
    return stretched_pixel(path, shape, extent_px, grid), (strings.STRETCHED_AS_MISFIT,)


def _scores(values: NDArray[Any], *, is_ours: bool) -> tuple[NDArray[Any], tuple[str, ...], float]:
    """Whole numbers of 8 and 16 bits as parts of the largest, which is last; ours as they were written."""
    if is_ours:
        scores = (values.astype(np.float32) - 1) / 254
        return np.where(values == 0, np.float32(np.nan), scores), (), 1.0
    if values.dtype.kind == "u" and values.dtype.itemsize <= 2 and int(values.max()) > 1:
        largest = np.iinfo(values.dtype).max
        note = strings.WHOLE_NUMBERS.format(largest=largest)
        return values.astype(np.float32) / np.float32(largest), (note,), float(largest)
    return values, (), 1.0


def _query(description: str) -> str:
    """The query or map in our own description."""
    found = re.search(
        r"<Description>(?:Query: |Map of [^:]{1,40}: )?(.{1,200}?)\. Encoder: ", description, re.DOTALL
    )
    return html.unescape(found[1]) if found else ""
