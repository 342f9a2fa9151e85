"""``foveola bench decode``: tiles per second on one core, Foveola beside OpenSlide and beside the bare codec.

All three decode the same tiles of level 0, spread evenly over the slide, in the same run and in turns.
OpenSlide gets a fresh handle for every turn, so that its cache is cold, as Foveola's readers have none. The
codec decodes bytes that were read before: it is the lower bound of any reader's time.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import openslide
import simplejpeg

from viewer.slide.byte_source import FileBytes
from viewer.slide.formats.codecs.jpeg_stream import adobe_segment, read_header, tables_markers
from viewer.slide.formats.registry import open_slide
from viewer.slide.formats.tiff import layout as tiff
from viewer.slide.formats.tiff.ifd import TiffFormatError, read_ifds
from viewer.slide.geometry import TileKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from viewer.slide.geometry import Pyramid


def bench_decode(path: Path, *, tiles: int = 400, repeats: int = 3) -> dict[str, Any]:
    """Tiles per second of each reader, the best of ``repeats`` turns, and their ratios.

    Keys: ``tiles_per_s`` {foveola, openslide, codec} (None where a reader does not take the file), ``tiles``,
    ``tile_px`` [width, height], ``repeats``, ``ratio`` {openslide, codec}: Foveola's speed over theirs.
    Raises SlideError where Foveola cannot open the file or a tile cannot be decoded.
    """
    source = open_slide(path)
    try:
        keys = _spread_keys(source.pyramid, tiles)
        readers: dict[str, Callable[[], float] | None] = {
            "foveola": lambda: _seconds(source.read_tile, keys),
            "openslide": _openslide_turn(path, source.pyramid, keys),
            "codec": _codec_turn(path, source.pyramid, keys),
        }
        best: dict[str, float] = {}
        with _one_core():
            for _ in range(repeats):
                for name, turn in readers.items():
                    if turn is not None:
                        best[name] = min(best.get(name, float("inf")), turn())
    finally:
        source.close()
    speeds = {name: round(len(keys) / best[name], 1) if name in best else None for name in readers}
    level = source.pyramid.levels[0]
    return {
        "tiles_per_s": speeds,
        "ratio": {
            name: round(best["foveola"] and best[name] / best["foveola"], 3)
            for name in best
            if name != "foveola"
        },
        "tiles": len(keys),
        "tile_px": [level.tile_width, level.tile_height],
        "repeats": repeats,
    }


def _spread_keys(pyramid: Pyramid, count: int) -> list[TileKey]:
    """Up to ``count`` whole tiles of level 0 at even steps through the slide; cropped ones only where all
    are.
    """
    level = pyramid.levels[0]
    columns = max(1, level.width // level.tile_width)
    rows = max(1, level.height // level.tile_height)
    chosen = np.unique(np.linspace(0, columns * rows - 1, min(count, columns * rows)).astype(int))
    return [TileKey(0, int(index) % columns, int(index) // columns) for index in chosen]


def _seconds(read: Callable[[TileKey], object], keys: list[TileKey]) -> float:
    start = perf_counter()
    for key in keys:
        read(key)
    return perf_counter() - start


def _openslide_turn(path: Path, pyramid: Pyramid, keys: list[TileKey]) -> Callable[[], float] | None:
    level = pyramid.levels[0]
    size = (level.tile_width, level.tile_height)

    def turn() -> float:
        with openslide.OpenSlide(path) as slide:
            return _seconds(
                lambda key: slide.read_region((key.col * size[0], key.row * size[1]), 0, size), keys
            )

    return turn if openslide.OpenSlide.detect_format(path) else None


def _codec_turn(path: Path, pyramid: Pyramid, keys: list[TileKey]) -> Callable[[], float] | None:
    """A bare loop over the codec's own call, where the file's JPEG or JPEG 2000 tiles are engine tiles."""
    file = FileBytes(path)
    try:
        image = tiff.image_from_ifd(read_ifds(file)[0][0])
        level = pyramid.levels[0]
        decode = {
            tiff.JPEG: lambda data: simplejpeg.decode_jpeg(data, "RGBA"),
            tiff.JPEG_2000_RGB: imagecodecs.jpeg2k_decode,
        }.get(image.compression)
        if (
            decode is None
            or not image.tiled
            or (image.tile_width, image.tile_height) != (level.tile_width, level.tile_height)
        ):
            return None
        offsets, counts = tiff.read_tile_table(image)
        indices = [key.row * image.columns + key.col for key in keys]
        tiles = [file.read(int(offsets[index]), int(counts[index])) for index in indices]
        if image.compression == tiff.JPEG:
            tables = tables_markers(image.ifd.raw(347)).segments
            prefix = adobe_segment(int(image.photometric == tiff.YCBCR)) + tables
            headers = [read_header(tile) for tile in tiles]
            tiles = [
                header.rewritten(prefix) + tile[len(header.original) :]
                for tile, header in zip(tiles, headers, strict=True)
            ]
    except TiffFormatError:
        return None
    finally:
        file.close()

    def turn() -> float:
        start = perf_counter()
        for tile in tiles:
            decode(tile)
        return perf_counter() - start

    return turn


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this thread on one core, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
