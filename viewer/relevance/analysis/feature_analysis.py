"""FeatureAnalysis: the features of one slide by one encoder, and the scores of queries from them.

Finds the tissue, stores features, and continues where an earlier analysis stopped. Patches that cannot be
read are failed and stay not analysed.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, cast

import numpy as np

from gpu.compute.device import compute_device
from viewer.common.atomic_write import SaveError
from viewer.common.errors import EncoderDeviceError, EncoderMemoryError, UnsupportedTermError
from viewer.relevance.analysis import strings
from viewer.relevance.analysis.block_reader import BlockReader
from viewer.relevance.analysis.parts_stage import PartsStage
from viewer.relevance.analysis.schedule import blocks_of
from viewer.relevance.analysis.scoring import Scoring
from viewer.relevance.models.batching import one_torch_thread, raise_malloc_trim_threshold
from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE
from viewer.slide.source import TileError
from viewer.slide.tissue.mask import tissue_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from viewer.common.errors import EncoderError
    from viewer.relevance.encoders.card import Reason
    from viewer.relevance.encoders.protocols import Encoder, NamedScores, Refining
    from viewer.relevance.features.store import FeatureStore
    from viewer.relevance.patches.blocks import Block, BlockResult
    from viewer.relevance.patches.field import RelevanceField
    from viewer.relevance.query.tree import Leaf, Query
    from viewer.slide.source import Source

    Mask = NDArray[np.bool_]

LEAST_TISSUE = 0.02
"""As a share of a patch; with less it is glass."""
BLOCK_SIDE = {"cpu": 4, "cuda": 16}
"""In patches: as many as fit the processor's cache, or keep a graphics processor busy."""

_CLOSE_MPP_UM = 0.6
"""Slides of larger pixels are not refined at 0.5 µm."""


class FeatureAnalysis:
    """``source``, ``encoder`` and ``store`` stay the caller's to close. Used by one thread.

    ``notes`` are sentences for the reader, of the store, the tissue and the calibration, and more come as
    it proceeds. ``failed`` (rows, columns) are patches that could not be read, ``pending`` those still to
    be analysed, ``begun`` those under way, ``tissue`` those that are not glass.
    """

    def __init__(
        self, source: Source, encoder: Encoder, store: FeatureStore, *, notes: Sequence[str] = ()
    ) -> None:
        """Finds the tissue: up to a second. Raises TileNotReadyError where a level is still being built."""
        grid = store.grid
        self.source = source
        self.encoder = encoder
        self.store = store
        self.grid = grid
        self._found = tissue_mask(source, store.subject.mpp_um)
        fractions = self._found.patch_fractions(
            grid.columns, grid.rows, grid.patch_width_px, grid.patch_height_px
        )
        self.tissue: Mask = (fractions >= LEAST_TISSUE) | store.known()
        self.failed: Mask = np.zeros(grid.shape, bool)
        self.pending: Mask = np.zeros(grid.shape, bool) if store.complete else self.tissue & ~store.known()
        self.begun: Mask = np.zeros(grid.shape, bool)
        self.block_side = BLOCK_SIDE["cpu"]
        """The most patches in a row that the device can take; falls when its memory is full."""
        self.device = "cpu"
        self._reader: BlockReader | None = None
        self._notes = dict.fromkeys((*notes, *store.notes, *self._found.notes))
        if not self._found.has_tissue or not self._found.brightfield:
            self._notes[self._found.reason] = None
        if store.calibration is not None:
            self._note_calibration()
        self._scoring = Scoring(encoder, store, self.tissue)
        self.parts = PartsStage(store) if encoder.card.part_features else None

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    @property
    def total(self) -> int:
        """How many patches are to be analysed: all with tissue, or what a complete store has of them."""
        return self.store.count if self.store.complete else int(self.tissue.sum())

    @property
    def done(self) -> int:
        """How many of them are known or failed."""
        return self.store.count + self.failed_count

    @property
    def failed_count(self) -> int:
        return int(self.failed.sum())

    def use(self, device: str) -> None:
        """Encode on "cpu" or "cuda" from now on. Raises EncoderMemoryError where the weights do not fit."""
        self.encoder.use(device)
        self.device, self.block_side = device, BLOCK_SIDE[device]

    def use_fastest(self) -> None:
        """Encode on a graphics processor from now on, where there is one that holds the weights."""
        import torch

        if torch.cuda.is_available():
            try:
                self.use("cuda")
            except (EncoderMemoryError, EncoderDeviceError) as error:
                self.use("cpu")
                self._notes[strings.CPU_USED.format(error=error)] = None

    def reader(self, threads: int) -> BlockReader:
        """Threads that read and encode for this analysis. Calibrates where that was not done: up to a
        second. Raises SlideError, EncoderError.
        """
        if self.store.calibration is None:
            calibration = self.encoder.calibrate(self.source, self._found, self.store.subject.mpp_um)
            self._store_or_note(lambda: self.store.set_calibration(calibration))
            self._note_calibration()
        raise_malloc_trim_threshold()
        self._reader = BlockReader(
            self.source,
            self.encoder,
            self.grid,
            self.store.calibration or {},
            threads=threads,
            device=self.device,
        )
        return self._reader

    def begin(self, block: Block, reader: BlockReader) -> None:
        """Read and encode the pending patches of a block."""
        requested = self.pending[block.cells].copy()
        self.pending[block.cells] = False
        self.begun[block.cells] |= requested
        reader.submit(block, requested, self._side_of(block, requested))

    def divide(self, query: Query | None) -> bool:
        """Analyse some patches in parts once all are known, more of them for a query; whether there are any
        to do."""
        if self.parts is None or not self.store.count:
            return False
        scores = None
        if query is not None and self._scoring.scores_parts(query):
            with suppress(UnsupportedTermError):  # raised where it is scored
                scores = self._scoring.field(query, self.failed, parts=False).scores
        self.parts.choose(scores)
        return bool(self.parts.pending.any())

    def take(self, outcome: BlockResult) -> None:
        """Keep a reader's result. A full memory makes later blocks smaller; at last the CPU is used."""
        if outcome.parts and self.parts is not None:
            if self.parts.take(outcome):
                self._store_or_note(lambda: self.store.append_parts(outcome.cells, outcome.features))
            elif outcome.device_error is not None:
                self._shrink_or_fall_back(outcome)
            return
        self.begun[tuple(outcome.cells.T)] = self.begun[tuple(outcome.failed.T)] = False
        if outcome.device_error is not None:
            self.pending[tuple(outcome.cells.T)] = True
            self._shrink_or_fall_back(outcome)
            return
        if len(outcome.failed):
            self._mark_failed(outcome.failed)
        if len(outcome.cells):
            self._keep(outcome)

    def finish(self) -> None:
        """Store all features as one file, complete where nothing failed."""
        if not self.store.complete:
            self._store_or_note(
                lambda: self.store.finish(failed=self.failed_count, scores=self._named_scores)
            )

    def run_to_end(
        self,
        progress: Callable[[float, float], None] | None = None,
        *,
        query: Query | None = None,
        threads: int | None = None,
    ) -> None:
        """Analyse all that is pending, on as many threads as torch has been given where ``threads`` is None,
        then some patches in parts (``divide``).

        ``progress`` is called with how many patches are done, of how many. Raises EncoderError, SlideError.
        """
        if self.pending.any():
            with one_torch_thread() as before, self.reader(threads or before) as reader:
                self._run(reader, progress)
        if self.divide(query):
            with one_torch_thread() as before, self.reader(threads or before) as reader:
                self._run(reader, progress)
        self.finish()

    def field(self, query: Query) -> RelevanceField:
        """The field of a query from the features known now. Raises UnsupportedTermError."""
        return self._scoring.field(query, self.failed)

    def explain(self, leaf: Leaf, row: int, col: int) -> tuple[Reason, ...]:
        """The measurements behind the score of a patch, strongest first, refined where the slide has the
        pixels; () where there are none. Raises UnsupportedTermError.
        """
        reasons = self._scoring.explain(leaf, row, col)
        coarse = max(self.store.subject.mpp_um) > _CLOSE_MPP_UM
        if not self.encoder.card.refines or coarse or any(reason.of_part for reason in reasons):
            return reasons
        try:
            patch = self.grid.rect(row, col)
            refining = cast("Refining", self.encoder)
            return refining.refine(reasons, self.source, patch, self.store.calibration or {})
        except TileError:
            return reasons  # those of its stored features stand

    def _side_of(self, block: Block, requested: Mask) -> int:
        """With how many tokens along each patch a block is encoded."""
        return TOKENS_A_SIDE

    def _mark_failed(self, cells: NDArray[np.int64]) -> None:
        """Patches (n, 2) could not be read; features that the store has of them stay."""
        self.failed[tuple(cells.T)] = ~self.store.known()[tuple(cells.T)]

    def _keep(self, outcome: BlockResult) -> None:
        """Keep patches that were encoded."""
        self._store_or_note(lambda: self.store.append(outcome.cells, outcome.features))

    def _run(self, reader: BlockReader, progress: Callable[[float, float], None] | None) -> None:
        waiting: list[Block] = []
        while True:
            while reader.busy < reader.room:
                if not waiting:
                    waiting = blocks_of(self.pending, self.block_side)[::-1]
                if waiting:
                    self.begin(waiting.pop(), reader)
                elif self.parts is not None and self.parts.pending.any():
                    self.parts.begin(reader, self.block_side)
                else:
                    break
            if not reader.busy:
                return
            side = self.block_side
            for outcome in reader.collect(None):
                self.take(outcome)
            if self.block_side != side:
                waiting = []
            if progress is not None:
                progress(self.done, self.total)

    def _shrink_or_fall_back(self, outcome: BlockResult) -> None:
        block = outcome.block
        side = max(block.rows, block.cols)
        lost = isinstance(outcome.device_error, EncoderDeviceError)
        if outcome.device != self.device or (side > self.block_side and not lost):
            return  # blocks that were under way before this one shrank them
        if side > 1 and not lost:
            self.block_side = (side + 1) // 2
            self._notes[strings.SMALLER_BLOCKS] = None
        elif outcome.device_error is not None:
            self._fall_back(outcome.device_error)

    def _fall_back(self, error: EncoderError) -> None:
        """Continue without the graphics processor. Raises the error where the CPU was used already."""
        if self.device == "cpu":
            raise error
        if self._reader is not None:
            self._reader.fall_back_to_cpu()
        else:
            self.encoder.use("cpu")
        self.device, self.block_side = "cpu", BLOCK_SIDE["cpu"]
        if isinstance(error, EncoderDeviceError):
            compute_device().leave_card(str(error))
        self._notes[strings.CPU_CONTINUES.format(error=error)] = None

    def _named_scores(self) -> Mapping[str, NDArray[np.float32]]:
        if not self.encoder.card.names_scores or not self.store.count:
            return {}
        naming = cast("NamedScores", self.encoder)
        return naming.named_scores(self.store.load()[1], self.store.calibration or {})

    def _note_calibration(self) -> None:
        notes = (self.store.calibration or {}).get("notes", ())
        self._notes.update(dict.fromkeys(str(note) for note in notes))

    def _store_or_note(self, write: Callable[[], None]) -> None:
        """Write to the store. What does not reach the disk stays in memory, with a note."""
        try:
            write()
        except SaveError as error:
            self._notes[strings.NOT_SAVED.format(error=error)] = None
