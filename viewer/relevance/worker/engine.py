"""Engine: the loop of the relevance worker. Receives messages, analyses by priority, publishes results.

Its own thread never waits for a block or a sentence model: those have threads of their own, so that a query
or a stop is received within a fiftieth of a second.
"""

from __future__ import annotations

from contextlib import suppress
from math import ceil, floor
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from gpu.compute.device import compute_device
from viewer.common.errors import UnsupportedTermError
from viewer.relevance.analysis.allocation import Allocator
from viewer.relevance.analysis.schedule import PatchSchedule
from viewer.relevance.encoders.token_budget import share_of_uniform
from viewer.relevance.patches.attention_codes import TOKENS_A_SIDE
from viewer.relevance.query.tree import Like, leaves
from viewer.relevance.worker.messages import (
    Allocated,
    Attended,
    ComputingOn,
    Explain,
    Explained,
    MatchTerms,
    Note,
    Overlap,
    Progress,
    Published,
    Refused,
    SetPaused,
    SetQuery,
    SetRelevance,
    Stop,
)
from viewer.relevance.worker.term_matcher import TermMatcher
from viewer.view.viewport import Viewport

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from numpy.typing import NDArray

    from viewer.relevance.analysis.block_reader import BlockReader
    from viewer.relevance.analysis.slide_analysis import Analysis
    from viewer.relevance.encoders.card import Reason
    from viewer.relevance.patches.blocks import BlockResult
    from viewer.relevance.patches.field import RelevanceField
    from viewer.relevance.patches.progress import StageProgress
    from viewer.relevance.query.parsed import PhraseFinder
    from viewer.relevance.worker.messages import FromWorker
    from viewer.relevance.worker.shared_memory import SharedGrid

BATCH_S = 0.05
"""The most time for a block: blocks become smaller until they fit."""
FIRST_ANSWER_S = 0.6
"""After a query, when the coarse pass is not done yet."""
_ANSWER_EVERY_S = 0.5
_ANSWER_SHARE = 0.1
"""Of the time, at most, for scoring: a large slide is scored less often."""
_ALLOCATE_EVERY_S = 0.2
_PROGRESS_EVERY_S = 0.25
_ATTEND_EVERY_S = 0.4
_WINDOWS_AT_ONCE = 2
_LEAST_TOKEN_PX = 2.0
"""On the screen: smaller ones are not shown."""
_BUSY_WAIT_S = 0.02
_IDLE_WAIT_S = 0.25
_MOVING_FOR_S = 0.3
"""After the last moving viewport: the one that ends a movement may never come."""
_RATE_AFTER_S = 1.0
_RATE_MEMORY = 0.9


class Engine:
    """``run`` returns after ``Stop``. It raises EOFError where the window is gone, EncoderError and
    SlideError where the analysis cannot continue.
    """

    def __init__(
        self,
        connection: Connection,
        memory: SharedGrid,
        analysis: Analysis,
        threads: int,
        *,
        load_phrase_finder: Callable[[], PhraseFinder | None],
    ) -> None:
        self._connection = connection
        self._memory = memory
        self._analysis = analysis
        self._threads = threads
        by_region = analysis.encoder.card.attends == "tokens"
        self._schedule = PatchSchedule(analysis.grid, analysis.tissue, coarse_first=not by_region)
        if memory.attention is not None:
            analysis.attend(memory.attention.arrays())
        subject = analysis.store.subject
        self._allocator = Allocator(analysis.grid, analysis.source.pyramid, analysis.tissue, subject.mpp_um)
        self._term_matcher = TermMatcher(load_phrase_finder)
        self._reader: BlockReader | None = None
        self._stopped = self._paused = self._finished = False
        self._query: SetQuery | None = None
        self._field: RelevanceField | None = None
        self._relevance: NDArray[np.float32] | None = None
        self._viewport: Viewport | None = None
        self._moving_until_s = 0.0
        self._sent_notes: set[str] = set()
        self._computing_on: ComputingOn | None = None
        self._progress: Progress | None = None
        self._progress_due_s = 0.0
        # How many patches were done, and in parts, when scores were published last; when the next are due.
        self._scored: tuple[int, int] | None = None
        self._answer_due_s = 0.0
        self._coarse = True
        self._allocation_due = False
        self._allocate_due_s = 0.0
        self._attend_due_s = 0.0
        self._attention_changed = self._attending = False
        self._patch_s = 0.0
        self._worked_s = 0.0
        self._worked_patches = 0.0

    def run(self) -> None:
        """Analyse to the end, and answer until ``Stop``."""
        self._send_notes()
        while not self._stopped:
            started_s = monotonic()
            self._receive()
            if self._stopped:
                return
            for event in self._term_matcher.collect():
                self._send(event)
            self._score_if_due()
            self._allocate_if_due()
            self._update_attention()
            self._send_progress()
            self._work()
            if self._reader is not None and self._reader.busy:
                self._worked_s += monotonic() - started_s

    def close(self) -> None:
        """Let the blocks under way end, and drop the rest."""
        self._term_matcher.close()
        self._close_reader()

    # Receiving

    def _receive(self) -> None:
        """Handle all messages that have arrived."""
        while not self._stopped and self._connection.poll(0):
            self._handle(self._connection.recv())

    def _handle(self, message: object) -> None:
        match message:
            case Stop():
                self._stopped = True
            case SetQuery():
                self._set_query(message)
            case MatchTerms():
                self._term_matcher.begin(message)
            case Viewport():
                self._viewport = message
                if message.moving:
                    self._moving_until_s = monotonic() + _MOVING_FOR_S
                else:
                    self._moving_until_s = 0.0
                    self._schedule.set_viewport(message.field, message.gaze)
                    self._request_tokens(message)
                self._allocation_due = True
            case SetRelevance():
                self._set_relevance(message)
            case Overlap():
                self._analysis.overlap(message.merge)
                self._send_notes()
            case Explain():
                self._explain(message)
            case SetPaused():
                self._paused = message.paused
                self._progress_due_s = 0.0
            case _:
                raise TypeError(f"unknown message {message!r}")

    def _set_query(self, message: SetQuery) -> None:
        """Known patches are scored at once; where there are none, after the first."""
        self._query, self._field = message, None
        if self._analysis.parts is not None:  # it asks for others
            self._finished = False
            self._analysis.parts.pending[:] = False
        asked = leaves(message.query)
        self._schedule.put_first(cell for leaf in asked if isinstance(leaf, Like) for cell in leaf.positives)
        self._scored = None
        self._answer_due_s = 0.0 if self._analysis.store.count else monotonic() + FIRST_ANSWER_S

    def _explain(self, message: Explain) -> None:
        if self._query is None or message.number != self._query.number:
            return
        asked = leaves(self._query.query)
        reasons: tuple[Reason, ...] = ()
        if 0 <= message.leaf < len(asked):
            with suppress(UnsupportedTermError):  # the query was refused with its reason
                reasons = self._analysis.explain(asked[message.leaf], message.row, message.col)
        self._send(Explained(message.number, message.leaf, message.row, message.col, reasons))

    def _set_relevance(self, message: SetRelevance) -> None:
        """Order patches by another worker's scores, and give them tokens by these."""
        self._relevance = self._memory.read_relevance() if message.given else None
        self._schedule.update(self._scores, *self._analysis.store.load())
        self._allocation_due, self._allocate_due_s = True, 0.0
        if self._scores is None:
            self._analysis.spend(None)

    def _request_tokens(self, viewport: Viewport) -> None:
        """Compute tokens of the field of view, where the screen shows them and they are not stored."""
        grid = self._analysis.grid
        area = np.zeros(grid.shape, bool)
        if viewport.downsample * _LEAST_TOKEN_PX * TOKENS_A_SIDE <= grid.patch_width_px:
            rows = slice(*_span(viewport.field.y0, viewport.field.y1, grid.patch_height_px))
            cols = slice(*_span(viewport.field.x0, viewport.field.x1, grid.patch_width_px))
            area[rows, cols] = True
        self._analysis.request_tokens(area)

    # Working

    def _work(self) -> None:
        """Keep the reader's threads busy while patches are pending and the analysis is not paused, and wait
        briefly for their results, or for a message.
        """
        analysis = self._analysis
        overlaps = analysis.overlaps if self._finished else None
        parts = analysis.parts
        in_parts = parts is not None and parts.pending.any()
        between = overlaps is not None and overlaps.pending
        if not self._resting and (analysis.pending.any() or in_parts or between):
            reader = self._ready_reader()
            while reader.busy < reader.room:
                side = min(self._side(), analysis.block_side)
                block = self._schedule.next(analysis.pending, side)
                if block is not None:
                    analysis.begin(block, reader)
                elif overlaps is not None and overlaps.pending:
                    block, requested, half = overlaps.next(self._schedule.attention, side)
                    reader.submit(block, requested, half=half)
                elif parts is not None and parts.pending.any():
                    parts.begin(reader, side)
                else:
                    break
        if self._reader is not None and self._reader.busy:
            for outcome in self._reader.collect(_BUSY_WAIT_S):
                self._take_result(outcome)
            return
        if not self._resting and not self._finished and not analysis.refine() and not self._divide():
            self._end_analysis()
        if not self._attending:
            soon = self._term_matcher.busy or (self._resting and not self._paused)
            self._connection.poll(_BUSY_WAIT_S if soon else _IDLE_WAIT_S)

    def _divide(self) -> bool:
        """Whether patches are to be analysed in parts, for the query where there is one."""
        return self._analysis.divide(None if self._query is None else self._query.query)

    @property
    def _resting(self) -> bool:
        return self._paused or monotonic() < self._moving_until_s

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _ready_reader(self) -> BlockReader:
        if self._reader is None:
            self._reader = self._analysis.reader(self._threads)
            self._send_notes()
        return self._reader

    def _side(self) -> int:
        """How many patches a block may have in a row to take at most ``BATCH_S``."""
        return max(1, int((BATCH_S / self._patch_s) ** 0.5)) if self._patch_s else 1

    def _take_result(self, outcome: BlockResult) -> None:
        self._analysis.take(outcome)
        patches = 0 if outcome.parts else len(outcome.cells)
        if patches and self._analysis.done == self._analysis.total:
            self._divide()  # before progress says that all is done
        if patches:
            each_s = outcome.seconds / patches
            self._patch_s = (
                _RATE_MEMORY * self._patch_s + (1 - _RATE_MEMORY) * each_s if self._patch_s else each_s
            )
            self._worked_patches += patches * share_of_uniform(outcome.side)
        self._attention_changed |= outcome.tokens is not None
        self._send_notes()
        if self._coarse and not self._schedule.coarse_left(self._analysis.pending):
            self._coarse, self._answer_due_s = False, 0.0

    def _end_analysis(self) -> None:
        self._finished = True
        self._answer_due_s = 0.0
        self._close_reader()
        self._analysis.finish()
        self._send_notes()
        self._progress_due_s = 0.0

    # Publishing

    def _score_if_due(self) -> None:
        """Score the query where more patches are known than the last time."""
        parts = self._analysis.parts
        in_parts = parts.progress if parts is not None else None
        done = self._analysis.done, 0 if in_parts is None else in_parts.done
        all_done = done == (self._analysis.total, 0 if in_parts is None else in_parts.total)
        if self._scored == done or not (all_done or monotonic() >= self._answer_due_s):
            return
        started_s = monotonic()
        self._scored = done
        if self._query is not None:
            try:
                self._field = self._analysis.field(self._query.query)
            except UnsupportedTermError as error:
                self._send(Refused(self._query.number, str(error)))
                self._query = self._field = None
            else:
                self._memory.write_scores(self._query.number, self._field)
                self._send(Published(self._query.number, self._field.provenance))
        self._schedule.update(self._scores, *self._analysis.store.load())
        self._allocation_due, self._allocate_due_s = self._scores is not None, 0.0
        took_s = monotonic() - started_s
        self._answer_due_s = monotonic() + max(_ANSWER_EVERY_S, took_s / _ANSWER_SHARE)

    @property
    def _scores(self) -> NDArray[np.float32] | None:
        """(rows, columns) of the query, or of another worker where this one has no query."""
        return self._relevance if self._field is None else self._field.scores

    def _allocate_if_due(self) -> None:
        scores = self._scores
        if not self._allocation_due or self._viewport is None or scores is None:
            return
        if monotonic() < self._allocate_due_s:
            return
        self._allocation_due, self._allocate_due_s = False, monotonic() + _ALLOCATE_EVERY_S
        allocation = self._allocator.allocate(
            scores, self._schedule.surprise, self._schedule.attention, self._viewport
        )
        self._analysis.spend(allocation.tokens)
        self._memory.write_loads(allocation)
        self._send(Allocated())
        self._send_notes()

    def _update_attention(self) -> None:
        """Compute attention of regions whose patches have become known, and publish it when due."""
        attention, overlaps = self._analysis.attention, self._analysis.overlaps
        if attention is None:
            return
        self._attending = not self._resting and (
            self._analysis.attend_regions(_WINDOWS_AT_ONCE, self._schedule.attention)
            or (overlaps is not None and overlaps.settle())
        )
        if self._attending:
            self._attention_changed = True
            self._send_notes()
        if overlaps is not None and not self._resting and self._all_known(attention.builder.progress):
            overlaps.choose()  # before progress says that all is done
            self._send_notes()
        if monotonic() >= self._attend_due_s:
            self._send_attention(attention.builder.levels)

    def _all_known(self, regions: StageProgress) -> bool:
        return self._analysis.done >= self._analysis.total and regions.done >= regions.total

    def _send_attention(self, levels: tuple[str, ...]) -> None:
        if self._attention_changed:
            self._attention_changed, self._attend_due_s = False, monotonic() + _ATTEND_EVERY_S
            assert self._memory.attention is not None
            self._memory.attention.publish()
            self._send(Attended(levels))

    def _send_progress(self) -> None:
        now_s = monotonic()
        if now_s < self._progress_due_s:
            return
        self._progress_due_s = now_s + _PROGRESS_EVERY_S
        analysis = self._analysis
        tokens, more_tokens = analysis.tokens
        left = analysis.total - analysis.done + (tokens.total - tokens.done if tokens is not None else 0)
        seconds_left = 0.0 if left <= 0 else None
        if left > 0 and self._worked_s > _RATE_AFTER_S and self._worked_patches:
            seconds_left = left * self._worked_s / self._worked_patches
        progress = Progress(
            analysis.done,
            analysis.total,
            analysis.failed_count,
            seconds_left,
            self._paused,
            None if analysis.overlaps is None else analysis.overlaps.progress,
            analysis.regions,
            tokens,
            more_tokens,
            None if analysis.parts is None else analysis.parts.progress,
        )
        if progress == self._progress:
            return
        if analysis.attention is not None and progress.finished:
            self._send_attention(analysis.attention.builder.levels)  # before progress says that it is there
        self._progress = progress
        self._send(progress)

    def _send_device(self) -> None:
        computing_on = ComputingOn(compute_device().name, compute_device().why)
        if computing_on != self._computing_on:
            self._computing_on = computing_on
            self._send(computing_on)

    def _send_notes(self) -> None:
        self._send_device()
        for note in (*self._analysis.notes, *compute_device().notes):
            if note not in self._sent_notes:
                self._sent_notes.add(note)
                self._send(Note(note))

    def _send(self, event: FromWorker) -> None:
        self._connection.send(event)


def _span(start: float, end: float, step: float) -> tuple[int, int]:
    """The first of the steps that a length touches, and the one after the last."""
    return max(0, floor(start / step)), max(0, ceil(end / step))
