"""What was displayed of a slide: for how long, in each band of magnification, cell by cell. Pure.

*Displayed* means that it was on the screen, sharp, under nothing else, and not rushing by. Whether anybody
saw it is unknown without an eye tracker, and is never claimed.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from math import ceil, cos, sin, sqrt
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from viewer.view.camera import field_of_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.geometry import Rect
    from viewer.view.camera import View

    Mask = NDArray[np.bool_]

BAND_FLOORS = (0.0, 2.5, 5.0, 10.0, 20.0)
"""The lowest magnification of each band."""
OVERVIEW = BAND_FLOORS[1]
"""What is displayed below is an overview: the whole slide is, as soon as it opens."""
LEAST_S = 0.3
"""A cell counts as displayed once it was displayed so long: a fixation lasts 0.2 to 0.3 s (Rayner 1998)."""
FASTEST = 1.0
"""What moves faster, in widths of the screen per second, rushes by."""
_MAX_CELLS = 40_000
_SMALLEST_CELL_PX = 64.0
_ROUNDING = 1.02  # a view at 10x may come to rest at 9.99x
_CODE = 40.0  # steps to a doubling: 3 %, up to 80 s
_NEAR_FIELDS = 8.0  # so many fields away a place is worth 1/e of the same near by


@dataclass(frozen=True, slots=True)
class Display:
    """What one view displayed for ``duration_s``. Lengths are the screen's logical pixels, y down.

    ``speed``: widths of the screen per second. ``covered``: what other things hid of it. ``aspect``: height
    of a slide pixel over its width.
    """

    view: View
    size_px: tuple[float, float]
    aspect: float
    magnification: float
    duration_s: float
    is_sharp: bool
    speed: float = 0.0
    covered: tuple[Rect, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether anything was displayed that could be read."""
        return self.is_sharp and self.speed <= FASTEST


class Coverage:
    """Seconds displayed: ``seconds`` float32 (bands, rows, columns), of square cells of ``cell_px`` level-0
    pixels from the corner of a slide of ``slide_px`` (width, height)."""

    def __init__(self, slide_px: tuple[int, int]) -> None:
        width, height = self.slide_px = slide_px
        self.cell_px = max(_SMALLEST_CELL_PX, sqrt(width * height / _MAX_CELLS))
        rows, columns = ceil(height / self.cell_px), ceil(width / self.cell_px)
        self.seconds = np.zeros((len(BAND_FLOORS), rows, columns), np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        _bands, rows, columns = self.seconds.shape
        return rows, columns

    def add(self, display: Display) -> None:
        """Count what was displayed; nothing where it was not sharp or rushed by."""
        if not display.counts:
            return
        rows, columns, inside = self._cells(display)
        band = int(np.searchsorted(BAND_FLOORS, display.magnification * _ROUNDING, side="right")) - 1
        self.seconds[band, rows, columns] += np.float32(display.duration_s) * inside

    def cells_in(self, display: Display) -> Mask:
        """The cells whose middle lies in a view: (rows, columns)."""
        mask = np.zeros(self.shape, np.bool_)
        rows, columns, inside = self._cells(display)
        mask[rows, columns] = inside
        return mask

    def displayed(self, at_least: float) -> Mask:
        """The cells that were displayed at this magnification or more: (rows, columns)."""
        bands = [floor >= at_least for floor in BAND_FLOORS]
        enough: Mask = self.seconds[bands].sum(axis=0) >= LEAST_S
        return enough

    def _cells(self, display: Display) -> tuple[slice, slice, Mask | np.bool_]:
        """The rows and columns around a view, and which of these cells lie in it."""
        view, size_px, aspect = display.view, display.size_px, display.aspect
        field = field_of_view(view, size_px, aspect)
        rows = _middles(field.y0, field.y1, self.cell_px, self.shape[0])
        columns = _middles(field.x0, field.x1, self.cell_px, self.shape[1])
        if view.rotation_rad == 0 and not display.covered:
            return rows, columns, np.True_
        dx = ((np.arange(columns.start, columns.stop) + 0.5) * self.cell_px - view.centre_x) / view.downsample
        dy = ((np.arange(rows.start, rows.stop) + 0.5) * self.cell_px - view.centre_y) / view.downsample
        dy = dy[:, None] * aspect
        c, s = cos(view.rotation_rad), sin(view.rotation_rad)
        x, y = size_px[0] / 2 + c * dx - s * dy, size_px[1] / 2 + s * dx + c * dy
        inside: Mask = (x >= 0) & (x < size_px[0]) & (y >= 0) & (y < size_px[1])
        for rect in display.covered:
            inside &= ~((x >= rect.x0) & (x < rect.x1) & (y >= rect.y0) & (y < rect.y1))
        return rows, columns, inside


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the tissue, 0 to 1, that were displayed at a magnification or more, less magnified only, and
    at most as an overview."""

    at_magnification: float
    less_magnified: float
    overview: float


def shares(coverage: Coverage, tissue: Mask, at_least: float) -> Shares | None:
    """Shares of the ``tissue`` (rows, columns); None where there is none."""
    count = np.count_nonzero(tissue)
    if not count:
        return None
    enough = np.count_nonzero(tissue & coverage.displayed(at_least)) / count
    ever = np.count_nonzero(tissue & coverage.displayed(OVERVIEW)) / count
    return Shares(enough, ever - enough, 1 - ever)


def pieces(coverage: Coverage, tissue: Mask, at_least: float, most: int) -> list[tuple[float, float]]:
    """Slide points (x, y) in the largest connected pieces of the ``tissue`` (rows, columns) that were not
    displayed at a magnification or more, largest first."""
    labels, count = ndimage.label(tissue & ~coverage.displayed(at_least), np.ones((3, 3)))
    if not count:
        return []
    sizes = np.bincount(labels.ravel())[1:]
    largest = np.argsort(-sizes, kind="stable")[:most] + 1
    depth = ndimage.distance_transform_edt(np.pad(labels > 0, 1))[1:-1, 1:-1]
    deepest = ndimage.maximum_position(depth, labels, largest)
    cell = coverage.cell_px
    return [((column + 0.5) * cell, (row + 0.5) * cell) for row, column in deepest]


def next_place(
    missing: Mask, cell_px: float, field_px: tuple[float, float], near: tuple[float, float]
) -> tuple[float, float] | None:
    """The slide point to go to for what is ``missing`` (rows, columns): where a field of ``field_px`` slide
    pixels shows much of it, near ``near``; None where nothing is missing.
    """
    if not missing.any():
        return None
    size = [max(1, int(side / cell_px)) for side in reversed(field_px)]
    shown = ndimage.uniform_filter(missing.astype(np.float32), size, mode="constant")
    # The window of an even number of cells begins half a cell before its middle.
    y, x = (
        (np.arange(count) + (0.5 if cells % 2 else 0.0)) * cell_px
        for count, cells in zip(missing.shape, size, strict=True)
    )
    distance_px = np.hypot(x - near[0], y[:, None] - near[1])
    worth = shown * np.exp(-distance_px / (_NEAR_FIELDS * max(field_px)))
    row, column = np.unravel_index(int(np.argmax(worth)), worth.shape)
    return float(x[column]), float(y[row])


def _middles(low: float, high: float, cell_px: float, count: int) -> slice:
    """The cells whose middle lies from ``low`` to ``high`` (excluded)."""
    first, last = (min(max(ceil(edge / cell_px - 0.5), 0), count) for edge in (low, high))
    return slice(first, max(first, last))


def packed(coverage: Coverage) -> str:
    """The seconds as text for the record: one byte a cell and band, its logarithm, compressed."""
    code = np.minimum(np.rint(_CODE * np.log2(1 + coverage.seconds)), 255).astype(np.uint8)
    return b64encode(zlib.compress(code.tobytes(), 9)).decode("ascii")


def unpack_into(coverage: Coverage, text: str) -> None:
    """Give a coverage the seconds of ``packed``, where it has fewer. Raises ValueError for other text."""
    size = coverage.seconds.size
    reader = zlib.decompressobj()
    try:
        content = reader.decompress(b64decode(text, validate=True), size + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(content) != size:
        raise ValueError(f"{len(content)} cells, not {size}")
    code = np.frombuffer(content, np.uint8).reshape(coverage.seconds.shape)
    seconds = np.exp2(code / np.float32(_CODE)) - 1
    np.maximum(coverage.seconds, seconds, out=coverage.seconds)
