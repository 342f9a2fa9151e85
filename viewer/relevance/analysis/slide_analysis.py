"""Analysis: one slide looked at by one encoder, and everything that can be asked of what is known so far.

Finds the tissue, keeps what is measured in the store, and goes on where an earlier analysis stopped. What
cannot be read is failed and stays not analysed. The worker process and the commands drive it alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpu.compute.device import compute_device
from viewer.common.atomic_write import SaveError
from viewer.common.errors import EncoderDeviceError, EncoderError, EncoderMemoryError
from viewer.relevance.analysis.block_reader import BlockReader
from viewer.relevance.analysis.schedule import blocks_of
from viewer.relevance.analysis.scoring import Scoring
from viewer.relevance.attention.mil_attention import WholeAttention
from viewer.relevance.attention.overlap_merge import OverlapBuilder, is_between
from viewer.relevance.attention.region_attention import AttentionBuilder
from viewer.relevance.encoders.protocols import Attending, Magnifying, NamedScores, Refining, SlideAttention
from viewer.relevance.encoders.token_budget import sides_for
from viewer.relevance.features.mixed_resolution import MixedFeatures
from viewer.relevance.models.batching import raise_malloc_trim_threshold
from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE
from viewer.relevance.patches.progress import StageProgress
from viewer.slide.source import TileError
from viewer.slide.tissue.mask import tissue_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from viewer.relevance.attention.slide_attention import Attention
    from viewer.relevance.encoders.card import Reason
    from viewer.relevance.encoders.protocols import Encoder
    from viewer.relevance.features.store import FeatureStore
    from viewer.relevance.patches.blocks import Block
    from viewer.relevance.patches.field import RelevanceField
    from viewer.relevance.patches.outcome import BlockResult
    from viewer.relevance.query.tree import Leaf, Query
    from viewer.slide.source import Source

    Mask = NDArray[np.bool_]

LEAST_TISSUE = 0.02
"""Of a patch; with less it is glass."""
BLOCK_SIDE = {"cpu": 4, "cuda": 16}
"""Patches: as many as fit the cache while they are measured, or keep a graphics processor busy."""

_EVEN = "No part of the slide gets more attention than others: there is nowhere to look again."
_CLOSE_MPP_UM = 0.6
"""A slide of larger pixels has nothing to show at 0.5 µm."""


class Analysis:
    """``source``, ``encoder`` and ``store`` stay the caller's to close. Used by one thread.

    ``notes`` are sentences for the reader, of the store, the tissue and the calibration, and more come as
    things happen. ``failed`` (rows, columns) are patches that could not be read, ``pending`` those still to
    be looked at, ``tissue`` those that are not glass. ``attention`` of an encoder that says where it looks
    goes to where ``attend`` says.
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
        self.block_side = BLOCK_SIDE["cpu"]
        """The most patches in a row that the device can take; falls when its memory is full."""
        self.device = "cpu"
        self.attention: AttentionBuilder | WholeAttention | None = None
        self._overlaps: OverlapBuilder | None = None
        self._reader: BlockReader | None = None
        self._begun: Mask = np.zeros(grid.shape, bool)  # those under way
        self._torn: Mask = np.zeros(grid.shape, bool)  # those that could not be read, or gave no tokens
        self._notes = dict.fromkeys((*notes, *store.notes, *self._found.notes))
        if not self._found.has_tissue or not self._found.brightfield:
            self._notes[self._found.reason] = None
        if store.calibration is not None:
            self._note_calibration()
        self._scoring = Scoring(encoder, store, self.tissue)
        self._mixed = MixedFeatures(grid.shape)
        self._sides: NDArray[np.uint8] | None = None
        self._in_detail: Mask = np.zeros(grid.shape, bool)

    @property
    def notes(self) -> tuple[str, ...]:
        said = "" if self.attention is None else self.attention.said
        even = _EVEN if self._overlaps is not None and self._overlaps.even else ""
        return (*self._notes, *self._mixed.said(), *(words for words in (said, even) if words))

    @property
    def total(self) -> int:
        """How many patches are to be analysed: all with tissue, or what a complete store has of them."""
        return self.store.count if self.store.complete else int(self.tissue.sum())

    @property
    def done(self) -> int:
        """How many of them are known or failed; those encoded by their budget count by their tokens, as half
        at most: they are to be encoded uniformly."""
        return self.store.count + self.failed_count + int(self._mixed.done)

    @property
    def failed_count(self) -> int:
        return int(self.failed.sum())

    def use(self, device: str) -> None:
        """Encode on "cpu" or "cuda" from now on. Raises EncoderMemoryError where the weights do not fit."""
        self.encoder.use(device)
        self.device, self.block_side = device, BLOCK_SIDE[device]

    def use_fastest(self) -> None:
        """Encode on a graphics processor from now on, where there is one that takes the encoder's weights."""
        import torch

        if torch.cuda.is_available():
            try:
                self.use("cuda")
            except (EncoderMemoryError, EncoderDeviceError) as error:
                self.use("cpu")
                self._notes[f"{error}. The CPU is used, more slowly."] = None

    def attend(self, memory: Attention) -> None:
        """Write to ``memory`` where the encoder looks, from now on. Raises EncoderError for one
        that does not say."""
        if isinstance(self.encoder, SlideAttention):
            self.attention = WholeAttention(self.encoder, self.store, self.tissue, memory)
        elif isinstance(self.encoder, Attending):
            self.attention = AttentionBuilder(self.encoder, self.store, self._mixed, self.tissue, memory)
            self._overlaps = OverlapBuilder(memory)
        else:
            raise EncoderError(f"{self.encoder.card.title} does not say where it looks")

    def look_at_regions(self, most: int, first: NDArray[np.float32] | None = None) -> bool:
        """Look at up to ``most`` regions that have become known, where ``first`` (rows, columns) is highest
        before others; whether there were any. Raises EncoderError."""
        if self.attention is None:
            return False
        given_up = self.failed | (self.tissue & ~self.store.known()) if self.store.complete else self.failed
        if first is None:
            first = np.zeros(self.grid.shape, np.float32)
        try:
            return self.attention.update(given_up, most, first)
        except (EncoderMemoryError, EncoderDeviceError) as error:
            self._fall_back(error)
            return True

    def want_tokens(self, area: Mask) -> None:
        """Look at patches (rows, columns) with all their tokens, whatever their budget: again where features
        came from the store, or from fewer tokens."""
        self._in_detail = area
        if self.attention is not None:
            missing = self.attention.tokens_missing & self.store.known()
            self.pending |= area & ((missing & ~self._torn) | self._mixed.known) & ~self._begun

    def overlap(self, merge: str | None) -> None:
        """Look at patches half-way between others where attention is high, once all else is known, and merge
        what they say ("mean" or "max"); None: only what the patches of the grid say."""
        if self._overlaps is not None:
            self._overlaps.set_merge(merge)
        elif merge is not None:
            title = self.encoder.card.title
            self._notes[f"{title} does not look at parts of a patch: there is nowhere to look again."] = None

    @property
    def regions(self) -> StageProgress | None:
        """How many regions have been looked at; the whole slide is one where there are no smaller ones."""
        return None if self.attention is None else self.attention.progress

    @property
    def tokens(self) -> tuple[StageProgress | None, bool]:
        """Of patches whose features are known, how many of those whose tokens are wanted have these; and
        whether there are others that lack theirs."""
        if self.attention is None:
            return None, False
        known = self.store.known() & self.tissue
        missing = self.attention.tokens_missing & known
        wanted = known & (self._in_detail | self.pending | self._begun)
        torn = missing & self._torn
        left = missing & wanted & ~torn
        total = int((wanted | torn).sum())
        more = bool((missing & ~wanted & ~torn).any())
        return StageProgress(total - int(left.sum()), total, int(torn.sum())), more

    @property
    def between(self) -> StageProgress | None:
        """How far patches half-way between others are; None where there are none to look at."""
        return None if self._overlaps is None else self._overlaps.progress

    def choose_between(self) -> None:
        """Choose such patches by what is known now."""
        if self._overlaps is not None:
            self._overlaps.choose()

    @property
    def between_pending(self) -> bool:
        """Whether some of those chosen are to be begun."""
        return self._overlaps is not None and self._overlaps.pending

    def merge_between(self) -> bool:
        """Merge some of what has been looked at; whether there was anything."""
        return self._overlaps is not None and self._overlaps.settle()

    def begin_between(self, reader: BlockReader, first: NDArray[np.float32], side: int) -> bool:
        """Have a block of such patches read, of at most ``side`` in a row, where ``first`` (rows, columns) is
        highest; whether there was one."""
        if self._overlaps is None or not self.between_pending:
            return False
        block, wanted, half = self._overlaps.next(first, side)
        reader.submit(block, wanted, half=half)
        return True

    def spend(self, tokens: NDArray[np.uint16] | None) -> None:
        """Encode patches with as many tokens (rows, columns) as their budget has, where the encoder can, and
        uniformly after that (``refine``). None: uniformly at once."""
        can = isinstance(self.encoder, Magnifying) and tokens is not None
        self._sides = sides_for(tokens) if can and tokens is not None else None

    def refine(self) -> bool:
        """Have what was encoded by its budget encoded uniformly as well; whether there is anything."""
        left = self._mixed.known & ~self._begun
        self.pending |= left
        return bool(left.any())

    def reader(self, threads: int) -> BlockReader:
        """Threads that read and encode for this analysis. Calibrates where that was not done: up to a
        second. Raises SlideError, EncoderError.
        """
        if self.store.calibration is None:
            calibration = self.encoder.calibrate(self.source, self._found, self.store.subject.mpp_um)
            self._keep(lambda: self.store.set_calibration(calibration))
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
        """Have the pending patches of a block read and encoded."""
        wanted = self.pending[block.cells].copy()
        self.pending[block.cells] = False
        self._begun[block.cells] |= wanted
        reader.submit(block, wanted, self._side_of(block, wanted))

    def take(self, outcome: BlockResult) -> None:
        """Keep what a reader gives. A full memory makes later blocks smaller, and at last the CPU does it."""
        if self._overlaps is not None and is_between(outcome):
            self._take_between(self._overlaps, outcome)
            return
        if len(outcome.cells):
            self._begun[tuple(outcome.cells.T)] = False
        if outcome.device_error is not None:
            self.pending[tuple(outcome.cells.T)] = True
            self._shrink_or_fall_back(outcome)
            return
        if len(outcome.failed):
            self._begun[tuple(outcome.failed.T)] = False
            self._torn[tuple(outcome.failed.T)] = True
            # What the store knows of a patch stands, though its tokens could not be read.
            self.failed[tuple(outcome.failed.T)] = ~self.store.known()[tuple(outcome.failed.T)]
            self._mixed.drop(outcome.failed)
        if not len(outcome.cells):
            return
        if self.attention is not None and outcome.tokens is not None:
            kept = self.attention.take(outcome.cells, outcome.tokens, outcome.side)
            if self._overlaps is not None:
                self._overlaps.renew(kept)
            cells = tuple(outcome.cells.T)
            self._torn[cells] = self.attention.tokens_missing[cells]
        if outcome.side == TOKENS_A_SIDE:
            self._keep(lambda: self.store.append(outcome.cells, outcome.features))
            self._mixed.replace(outcome.cells, outcome.features, self.store.load()[1])
        else:
            checked = self._mixed.take(outcome.cells, outcome.features, outcome.side)
            self.pending[tuple(checked.T)] = True

    def finish(self) -> None:
        """Keep what is known as one file, complete where nothing failed."""
        if not self.store.complete:
            self._keep(lambda: self.store.finish(failed=self.failed_count, scores=self._named_scores))

    def run_to_end(
        self, progress: Callable[[float, float], None] | None = None, *, threads: int | None = None
    ) -> None:
        """Analyse all that is pending, on as many threads as torch has been given where ``threads`` is None.

        ``progress`` is told how many patches are done, of how many. Raises EncoderError, SlideError.
        """
        if self.pending.any():
            import torch

            threads_before = torch.get_num_threads()
            torch.set_num_threads(1)  # a thread for each block uses all cores better
            try:
                with self.reader(threads or threads_before) as reader:
                    self._run(reader, progress)
            finally:
                torch.set_num_threads(threads_before)
        self.finish()

    def field(self, query: Query) -> RelevanceField:
        """The field of a query from what is known now. Raises UnsupportedTermError."""
        return self._scoring.field(query, self.failed)

    def explain(self, leaf: Leaf, row: int, col: int) -> tuple[Reason, ...]:
        """The measurements behind the score of a patch, strongest first, looked at closer where the slide has
        the pixels; () where there are none. Raises UnsupportedTermError.
        """
        reasons = self._scoring.explain(leaf, row, col)
        if not isinstance(self.encoder, Refining) or max(self.store.subject.mpp_um) > _CLOSE_MPP_UM:
            return reasons
        try:
            patch = self.grid.rect(row, col)
            return self.encoder.refine(reasons, self.source, patch, self.store.calibration or {})
        except TileError:
            return reasons  # what was measured of the patch before it could not be read stands

    def _side_of(self, block: Block, wanted: Mask) -> int:
        """With how many tokens along each patch a block is encoded: the most that one of them is worth.
        Uniformly, where one of them is in the field of view, or was encoded by its budget before."""
        if self._sides is None or not wanted.any():
            return TOKENS_A_SIDE
        again = self._mixed.known[block.cells] | self.store.known()[block.cells]
        if (wanted & again).any():
            return TOKENS_A_SIDE
        paid = int(self._sides[block.cells][wanted].max())
        return max(paid, TOKENS_A_SIDE) if (wanted & self._in_detail[block.cells]).any() else paid

    def _run(self, reader: BlockReader, progress: Callable[[float, float], None] | None) -> None:
        waiting: list[Block] = []
        while True:
            while reader.busy < reader.room:
                if not waiting:
                    waiting = blocks_of(self.pending, self.block_side)[::-1]
                    if not waiting:
                        break
                self.begin(waiting.pop(), reader)
            if not reader.busy:
                return
            side = self.block_side
            for outcome in reader.collect(None):
                self.take(outcome)
            if self.block_side != side:
                waiting = []
            if progress is not None:
                progress(self.done, self.total)

    def _take_between(self, overlaps: OverlapBuilder, outcome: BlockResult) -> None:
        if outcome.device_error is not None:
            overlaps.again(outcome)
            self._shrink_or_fall_back(outcome)
        else:
            overlaps.take(outcome)

    def _shrink_or_fall_back(self, outcome: BlockResult) -> None:
        block = outcome.block
        side = max(block.rows, block.cols)
        lost = isinstance(outcome.device_error, EncoderDeviceError)
        if outcome.device != self.device or (side > self.block_side and not lost):
            return  # others were under way when this became known
        if side > 1 and not lost:
            self.block_side = (side + 1) // 2
            self._notes["The memory of the graphics processor is full: smaller blocks are analysed."] = None
        elif outcome.device_error is not None:
            self._fall_back(outcome.device_error)

    def _fall_back(self, trouble: EncoderError) -> None:
        """Go on without the graphics processor. Raises what is wrong with it where it was not used."""
        if self.device == "cpu":
            raise trouble
        if self._reader is not None:
            self._reader.fall_back_to_cpu()
        else:
            self.encoder.use("cpu")
        self.device, self.block_side = "cpu", BLOCK_SIDE["cpu"]
        if isinstance(trouble, EncoderDeviceError):
            compute_device().leave_card(str(trouble))
        self._notes[f"{trouble}. The CPU goes on, more slowly."] = None

    def _named_scores(self) -> Mapping[str, NDArray[np.float32]]:
        if not isinstance(self.encoder, NamedScores) or not self.store.count:
            return {}
        return self.encoder.named_scores(self.store.load()[1], self.store.calibration or {})

    def _note_calibration(self) -> None:
        notes = (self.store.calibration or {}).get("notes", ())
        self._notes.update(dict.fromkeys(str(note) for note in notes))

    def _keep(self, write: Callable[[], None]) -> None:
        """What does not reach the disk is in memory all the same."""
        try:
            write()
        except SaveError as error:
            self._notes[f"What is measured is not kept: {error}."] = None
