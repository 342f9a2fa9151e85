"""Blocks of patches read and encoded on threads: while one is encoded the next is decoded."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from time import thread_time
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from viewer.common.errors import EncoderDeviceError, EncoderMemoryError
from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE
from viewer.relevance.patches.blocks import ON_GRID, Block, BlockResult, Half
from viewer.relevance.patches.parts import REACH
from viewer.slide.geometry import Rect
from viewer.slide.region import read_region
from viewer.slide.source import TileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from viewer.relevance.encoders.card import EncoderCard
    from viewer.relevance.encoders.protocols import Attending, Dividing, Encoder, Magnifying
    from viewer.relevance.patches.grid import PatchGrid
    from viewer.slide.source import Source

    Mask = NDArray[np.bool_]


class _Encoded(NamedTuple):
    """The features of those of some patches that did not fail, and which did."""

    features: NDArray[np.float32]
    failed: Mask
    device: str
    device_error: EncoderMemoryError | EncoderDeviceError | None = None
    tokens: NDArray[np.float32] | None = None


_NO_FEATURES = np.empty((0, 0), np.float32)


class _Way(NamedTuple):
    """How a block is encoded, see ``BlockReader.submit``."""

    side: int = TOKENS_A_SIDE
    half: Half = ON_GRID
    parts: bool = False


class BlockReader:
    """Reads and encodes blocks on ``threads`` threads. Used by one thread; ``close`` ends the others.

    On a device other than "cpu" one block is encoded at a time; reading goes on beside it.
    """

    def __init__(
        self,
        source: Source,
        encoder: Encoder,
        grid: PatchGrid,
        calibration: Mapping[str, Any],
        *,
        threads: int,
        device: str,
    ) -> None:
        self._source = source
        self._encoder = encoder
        self._grid = grid
        self._calibration = calibration
        self._threads = threads
        self._device = device
        self._turn = threading.Semaphore(threads if device == "cpu" else 1)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="analysis")
        self._running: set[Future[BlockResult]] = set()
        self.room = threads + 1
        """How many blocks to have under way: one more than there are threads."""

    def __enter__(self) -> BlockReader:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def busy(self) -> int:
        """How many blocks are under way."""
        return len(self._running)

    def fall_back_to_cpu(self) -> None:
        """Encode on the CPU from now on. Waits for a block that is being encoded elsewhere."""
        with self._turn:
            self._encoder.use("cpu")
            self._device = "cpu"
        for _ in range(self._threads - 1):
            self._turn.release()

    def submit(
        self,
        block: Block,
        requested: Mask,
        side: int = TOKENS_A_SIDE,
        *,
        half: Half = ON_GRID,
        parts: bool = False,
    ) -> None:
        """Read and encode a block: those of its patches that are ``requested`` (rows, columns of the block),
        with ``side`` tokens along each (of an encoder that is ``Magnifying``), ``half`` patches, 0 or 1,
        further down and to the right; or their ``parts`` (of an encoder that is ``Dividing``)."""
        way = _Way(side, half, parts)
        self._running.add(self._pool.submit(self._read_and_encode, block, np.argwhere(requested), way))

    def collect(self, timeout_s: float | None) -> list[BlockResult]:
        """The blocks that are done, in any order; waits for the first, up to ``timeout_s``. Raises what an
        encoder raised."""
        if not self._running:
            return []
        done, self._running = wait(self._running, timeout_s, FIRST_COMPLETED)
        return [future.result() for future in done]

    def close(self) -> None:
        """Drop blocks that wait, and wait for those that run: at most one a thread."""
        self._pool.shutdown(cancel_futures=True)
        self._running = set()

    def _read_and_encode(self, block: Block, requested: NDArray[np.int64], way: _Way) -> BlockResult:
        started_s = thread_time()
        cells = requested + np.array([block.row, block.col])
        try:
            done = self._encoded(block, cells, way)
        except (TileError, UnreadableBlockError):
            done = self._patch_by_patch(cells, way)
        features, failed, device, error, tokens = done
        seconds = thread_time() - started_s
        what = features, cells[failed], seconds, device, error, tokens, *way
        return BlockResult(block, cells[~failed], *what)

    def _patch_by_patch(self, cells: NDArray[np.int64], way: _Way) -> _Encoded:
        """The patches of a block that cannot be read as a whole, one by one."""
        found: list[_Encoded] = []
        failed = np.zeros(len(cells), bool)
        device = self._device
        for index, cell in enumerate(cells):
            try:
                one = self._encoded(Block(int(cell[0]), int(cell[1]), 1, 1), cell[None], way)
            except (TileError, UnreadableBlockError):
                failed[index] = True
                continue
            if one.device_error is not None:
                return one._replace(failed=np.zeros(len(cells), bool))
            found.append(one)
        if not found:
            return _Encoded(_NO_FEATURES, failed, device)
        tokens = [one.tokens for one in found if one.tokens is not None]
        return _Encoded(
            np.concatenate([one.features for one in found]),
            failed,
            device,
            tokens=np.concatenate(tokens) if tokens else None,
        )

    def _encoded(self, block: Block, cells: NDArray[np.int64], way: _Way) -> _Encoded:
        card, side = self._encoder.card, way.side
        if side != TOKENS_A_SIDE:
            card = replace(card, patch_px=card.patch_px * side // TOKENS_A_SIDE)
        if way.parts:  # they reach beyond their patches
            card = replace(card, margin_px=card.margin_px + round(card.patch_px * REACH))
        pixels = read_block(self._source, self._grid, card, block, way.half)
        rows, cols = (cells - np.array([block.row, block.col])).T
        with self._turn:
            device = self._device
            try:
                none_failed = np.zeros(len(cells), bool)
                if way.parts:
                    parts = cast("Dividing", self._encoder).encode_parts(pixels, self._calibration)
                    return _Encoded(parts[rows, cols].reshape(len(cells), -1), none_failed, device)
                if side != TOKENS_A_SIDE:
                    features, tokens = cast("Magnifying", self._encoder).attend_at(pixels, side)
                    return _Encoded(features[rows, cols], none_failed, device, tokens=tokens[rows, cols])
                if card.attends == "tokens":
                    attending = cast("Attending", self._encoder)
                    features, tokens = attending.attend(pixels, self._calibration)
                    return _Encoded(features[rows, cols], none_failed, device, tokens=tokens[rows, cols])
                features = self._encoder.encode(pixels, self._calibration)
                return _Encoded(features[rows, cols], none_failed, device)
            except (EncoderMemoryError, EncoderDeviceError) as error:
                return _Encoded(_NO_FEATURES, np.zeros(len(cells), bool), device, error)


class UnreadableBlockError(Exception):
    """A block of so many pixels that it is not read."""


def read_block(
    source: Source, grid: PatchGrid, card: EncoderCard, block: Block, half: Half = ON_GRID
) -> NDArray[np.uint8]:
    """The pixels of a block as an encoder needs them, with its margin, in an array that may be changed.
    It lies ``half`` patches further down and to the right.

    Raises TileError, and UnreadableBlockError where that is too many pixels of the slide's nearest level.
    """
    inner = grid.rect(*block)
    margin_x, margin_y = (
        card.margin_px / card.patch_px * side for side in (grid.patch_width_px, grid.patch_height_px)
    )
    down, right = half[0] * grid.patch_height_px / 2, half[1] * grid.patch_width_px / 2
    rect = Rect(
        inner.x0 - margin_x + right,
        inner.y0 - margin_y + down,
        inner.x1 + margin_x + right,
        inner.y1 + margin_y + down,
    )
    size_px = (
        block.cols * card.patch_px + 2 * card.margin_px,
        block.rows * card.patch_px + 2 * card.margin_px,
    )
    try:
        return np.require(read_region(source, rect, size_px), requirements=["C", "W"])
    except ValueError as error:
        raise UnreadableBlockError(str(error)) from error
