"""Whether a page of a TIFF is a coarser version of another, by their pixels: where its tags do not say so
for certain, a page of the same shape may as well be a macro, another region or another stain.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from viewer.slide.source import TileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from numpy.typing import NDArray

    from viewer.slide.formats.tiff.level import TiffLevel

    # Shares of the width and the height of any level.
    Place: TypeAlias = tuple[float, float]

_WINDOW_PX = 64
_MAX_OVERVIEW_PX = 2**20
_MAX_FINE_PX = 1024
_SAMPLES = 256  # across the overview, to find its structure
_SHIFT_PX = 3  # coarse levels may be cut or padded by a few pixels
_PLAIN = 6.0  # standard deviation of grey levels below which a window has no structure to compare
_CLEAR = 20.0  # and above which there is no need for a better one
_MAX_PLAIN_DIFFERENCE = 12.0
_MIN_CORRELATION = 0.6


def places_to_compare(overview: TiffLevel) -> list[Place]:
    """Where to compare levels of a picture: on a grid where the middle of a coarse one shows clear structure;
    else first where it shows most, which costs all its pixels; not on a grid where it shows none anywhere.
    """
    grid: list[Place] = [(x, y) for y in (0.5, 0.25, 0.75) for x in (0.5, 0.25, 0.75)]
    width, height = overview.width, overview.height
    if width * height > _MAX_OVERVIEW_PX:
        return grid
    if any(_contrast(window) >= _CLEAR for _x, _y, window in _windows(overview, _WINDOW_PX, grid[:1])):
        return grid
    try:
        pixels = overview.read_region(0, 0, width, height)
    except TileError:
        return grid
    step = max(1, min(width, height) // _SAMPLES)
    samples = pixels[::step, ::step, :3]
    height, width = samples.shape[:2]
    side = max(4, min(width, height) // 16)
    rows, columns = height // side, width // side
    if not (rows and columns):
        return grid
    grey = samples[: rows * side, : columns * side].mean(axis=2).reshape(rows, side, columns, side)
    structure = grey.std(axis=(1, 3))
    busiest = np.argsort(structure, axis=None)[::-1][:3].tolist()
    centres = ((index % columns + 0.5, index // columns + 0.5) for index in busiest)
    best: list[Place] = [(x * side / width, y * side / height) for x, y in centres]
    return [*best, *(grid if structure.max() >= _PLAIN else ())]


def shows_the_same(fine: TiffLevel, coarse: TiffLevel, places: Sequence[Place]) -> bool | None:
    """Compares the first place of the coarse level that has structure, or one without where none has.

    None where nothing can be read.
    """
    ratio = fine.width / coarse.width
    side_px = int(min(_WINDOW_PX, max(8, _MAX_FINE_PX // ratio)))
    plain: tuple[int, int, NDArray[np.float32]] | None = None
    for x, y, window in _windows(coarse, side_px, places, ratio=ratio):
        if _is_plain(window):
            plain = plain or (x, y, window)
        elif (answer := _agrees(fine, coarse, (x, y), window)) is not None:
            return answer
    return None if plain is None else _agrees(fine, coarse, plain[:2], plain[2])


def _windows(
    level: TiffLevel, side_px: int, places: Sequence[Place], *, ratio: float = 1.0
) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Windows of (h, w, 3) at the places, each inside one tile where that is large enough, and inside one
    tile of a level ``ratio`` times finer where these are large enough.
    """
    size = width, height = min(side_px, level.width), min(side_px, level.height)
    extent = level.width, level.height
    for place in places:
        corner = []
        for share, side, whole, tile in zip(place, size, extent, level.engine_tile, strict=True):
            finer_tile = int(tile / ratio)
            cell = finer_tile if finer_tile >= side + 2 * _SHIFT_PX else tile
            first = int(share * whole) // cell * cell
            corner.append(max(0, min(first + max(0, cell - side) // 2, whole - side)))
        x, y = corner
        if not level.holds(x, y, width, height):
            continue
        try:
            yield x, y, level.read_region(x, y, width, height)[..., :3].astype(np.float32)
        except TileError:
            continue


def _agrees(
    fine: TiffLevel, coarse: TiffLevel, corner: tuple[int, int], window: NDArray[np.float32]
) -> bool | None:
    """Whether the finer level shows the window's content at its place, a few pixels aside at most; None where
    it cannot be read there.
    """
    size = np.array([window.shape[1], window.shape[0]])
    scale = np.array([fine.width / coarse.width, fine.height / coarse.height])
    low = np.maximum(0, np.floor(np.subtract(corner, _SHIFT_PX) * scale)).astype(int)
    high = np.ceil((corner + size + _SHIFT_PX) * scale).astype(int)
    extent = np.minimum(high, (fine.width, fine.height)) - low
    if not fine.holds(*low.tolist(), *extent.tolist()):
        return None
    try:
        pixels = fine.read_region(*low.tolist(), *extent.tolist())
    except TileError:
        return None
    picture = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))

    def means(shift: tuple[int, int]) -> NDArray[np.float32] | None:
        start = np.add(corner, shift) * scale - low
        end = start + size * scale
        if (start < 0).any() or (end > extent + 1e-6).any():
            return None
        box = (*start.tolist(), *np.minimum(end, extent).tolist())
        small = picture.resize((int(size[0]), int(size[1])), Image.Resampling.BOX, box=box)
        return np.asarray(small, np.float32)

    if _is_plain(window):
        here = means((0, 0))
        return here is not None and float(np.abs(here - window).mean()) <= _MAX_PLAIN_DIFFERENCE
    shifts = product(range(-_SHIFT_PX, _SHIFT_PX + 1), repeat=2)
    # The place itself comes first: nearly always it is the one.
    for shift in sorted(shifts, key=lambda shift: shift[0] ** 2 + shift[1] ** 2):
        there = means((shift[0], shift[1]))
        if there is not None and _correlation(there, window) >= _MIN_CORRELATION:
            return True
    return False


def _is_plain(window: NDArray[np.float32]) -> bool:
    return _contrast(window) < _PLAIN


def _contrast(window: NDArray[np.float32]) -> float:
    """The largest standard deviation of a channel."""
    return float(window.std(axis=(0, 1)).max())


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Of two windows, without what their colours alone have in common."""
    a, b = a - a.mean(axis=(0, 1)), b - b.mean(axis=(0, 1))
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0
