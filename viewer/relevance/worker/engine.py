"""Engine: the loop of the relevance worker. Hears the window, analyses what matters first, publishes.

Its own thread never waits for a block or a sentence model: those have threads of their own, so that a
question or a stop is heard within a fiftieth of a second.
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
    Ask,
    Attended,
    ComputingOn,
    Explain,
    Explained,
    GuessWords,
    Note,
    Overlap,
    Progress,
    Published,
    Refused,
    SetPaused,
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
    from viewer.relevance.patches.field import RelevanceField
    from viewer.relevance.patches.outcome import BlockResult
    from viewer.relevance.patches.progress import StageProgress
    from viewer.relevance.query.parser import Guess
    from viewer.relevance.worker.messages import FromWorker
    from viewer.relevance.worker.shared_memory import SharedGrid

BATCH_S = 0.05
"""What a block may take: blocks become smaller until they do."""
FIRST_ANSWER_S = 0.6
"""After a question, when the coarse pass is not done yet."""
_ANSWER_EVERY_S = 0.5
_ANSWER_SHARE = 0.1
"""Of the time, at most, for scoring again what grows: a large slide is scored more seldom."""
_ALLOCATE_EVERY_S = 0.2
_PROGRESS_EVERY_S = 0.25
_ATTEND_EVERY_S = 0.4
_WINDOWS_AT_ONCE = 2
_LEAST_TOKEN_PX = 2.0
"""On the screen: smaller ones are not shown."""
_BUSY_WAIT_S = 0.02
_IDLE_WAIT_S = 0.25
_MOVING_FOR_S = 0.3
"""After the last look that said so: the one that ends a movement may never come."""
_RATE_AFTER_S = 1.0
_RATE_MEMORY = 0.9


class Engine:
    """``run`` returns when it is told to stop; EOFError where the window is gone. Raises EncoderError,
    SlideError where the analysis cannot go on.
    """

    def __init__(
        self,
        connection: Connection,
        memory: SharedGrid,
        analysis: Analysis,
        threads: int,
        *,
        load_guess: Callable[[], Guess | None],
    ) -> None:
        self._connection = connection
        self._memory = memory
        self._analysis = analysis
        self._threads = threads
        by_region = analysis.encoder.card.attends == "tokens"
        self._order = PatchSchedule(analysis.grid, analysis.tissue, coarse_first=not by_region)
        if memory.attention is not None:
            analysis.attend(memory.attention.arrays())
        subject = analysis.store.subject
        self._allocator = Allocator(analysis.grid, analysis.source.pyramid, analysis.tissue, subject.mpp_um)
        self._guesser = TermMatcher(load_guess)
        self._reader: BlockReader | None = None
        self._stopped = self._paused = self._finished = False
        self._asked: Ask | None = None
        self._field: RelevanceField | None = None
        self._relevance: NDArray[np.float32] | None = None
        self._look: Viewport | None = None
        self._moving_until_s = 0.0
        self._notes_told: set[str] = set()
        self._computing_on: ComputingOn | None = None
        self._progress: Progress | None = None
        self._progress_due_s = 0.0
        # What was published last speaks for so many patches; the next is due at this time.
        self._scored = -1
        self._answer_due_s = 0.0
        self._coarse = True
        self._allocation_due = False
        self._allocate_due_s = 0.0
        self._attend_due_s = 0.0
        self._attention_news = self._attending = False
        self._patch_s = 0.0
        self._worked_s = 0.0
        self._worked_patches = 0.0

    def run(self) -> None:
        """Analyse to the end, and answer until told to stop."""
        self._tell_notes()
        while not self._stopped:
            started_s = monotonic()
            self._hear()
            if self._stopped:
                return
            for event in self._guesser.collect():
                self._say(event)
            self._answer_if_due()
            self._allocate_if_due()
            self._attend()
            self._tell_progress()
            self._work()
            if self._reader is not None and self._reader.busy:
                self._worked_s += monotonic() - started_s

    def close(self) -> None:
        """Let the blocks under way end, and drop the rest."""
        self._guesser.close()
        self._close_reader()

    # Hearing

    def _hear(self) -> None:
        """All that the window has said."""
        while not self._stopped and self._connection.poll(0):
            self._take(self._connection.recv())

    def _take(self, message: object) -> None:
        match message:
            case Stop():
                self._stopped = True
            case Ask():
                self._begin_answer(message)
            case GuessWords():
                self._guesser.begin(message)
            case Viewport():
                self._look = message
                if message.moving:
                    self._moving_until_s = monotonic() + _MOVING_FOR_S
                else:
                    self._moving_until_s = 0.0
                    self._order.look(message.field, message.gaze)
                    self._want_tokens(message)
                self._allocation_due = True
            case SetRelevance():
                self._weigh(message)
            case Overlap():
                self._analysis.overlap(message.merge)
                self._tell_notes()
            case Explain():
                self._explain(message)
            case SetPaused():
                self._paused = message.paused
                self._progress_due_s = 0.0
            case _:
                raise TypeError(f"the worker was told {message!r}")

    def _begin_answer(self, asked: Ask) -> None:
        """What is known is scored at once; where nothing is, after the first patches."""
        self._asked, self._field = asked, None
        examples = [cell for leaf in leaves(asked.query) if isinstance(leaf, Like) for cell in leaf.positives]
        self._order.want(examples)
        self._scored = -1
        self._answer_due_s = 0.0 if self._analysis.store.count else monotonic() + FIRST_ANSWER_S

    def _explain(self, wanted: Explain) -> None:
        if self._asked is None or wanted.number != self._asked.number:
            return
        parts = leaves(self._asked.query)
        reasons: tuple[Reason, ...] = ()
        if 0 <= wanted.leaf < len(parts):
            with suppress(UnsupportedTermError):  # the question was refused with its reason
                reasons = self._analysis.explain(parts[wanted.leaf], wanted.row, wanted.col)
        self._say(Explained(wanted.number, wanted.leaf, wanted.row, wanted.col, reasons))

    def _weigh(self, message: SetRelevance) -> None:
        """Let what is asked of another encoder say what comes first here, and with how many tokens."""
        self._relevance = self._memory.read_relevance() if message.asked else None
        self._order.learn(self._scores, *self._analysis.store.load())
        self._allocation_due, self._allocate_due_s = True, 0.0
        if self._scores is None:
            self._analysis.spend(None)

    def _want_tokens(self, look: Viewport) -> None:
        """Tokens of the field of view, where they can be told apart and features were stored without them."""
        grid = self._analysis.grid
        area = np.zeros(grid.shape, bool)
        if look.downsample * _LEAST_TOKEN_PX * TOKENS_A_SIDE <= grid.patch_width_px:
            rows = slice(*_span(look.field.y0, look.field.y1, grid.patch_height_px))
            cols = slice(*_span(look.field.x0, look.field.x1, grid.patch_width_px))
            area[rows, cols] = True
        self._analysis.want_tokens(area)

    # Working

    def _work(self) -> None:
        """Keep the reader's threads busy while there is something to do and nothing speaks against it, and
        wait a little for what they bring, or for the window.
        """
        analysis = self._analysis
        overlaps = analysis.overlaps if self._finished else None
        if not self._resting and (analysis.pending.any() or (overlaps is not None and overlaps.pending)):
            reader = self._ready_reader()
            while reader.busy < reader.room:
                side = min(self._side(), analysis.block_side)
                block = self._order.next(analysis.pending, side)
                if block is not None:
                    analysis.begin(block, reader)
                elif overlaps is None or not overlaps.begin(reader, self._order.attention, side):
                    break
        if self._reader is not None and self._reader.busy:
            for outcome in self._reader.collect(_BUSY_WAIT_S):
                self._learn(outcome)
            return
        if not self._resting and not self._finished and not analysis.refine():
            self._end_analysis()
        if not self._attending:
            soon = self._guesser.busy or (self._resting and not self._paused)
            self._connection.poll(_BUSY_WAIT_S if soon else _IDLE_WAIT_S)

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
            self._tell_notes()
        return self._reader

    def _side(self) -> int:
        """How many patches a block may have in a row to take no longer than a batch may."""
        return max(1, int((BATCH_S / self._patch_s) ** 0.5)) if self._patch_s else 1

    def _learn(self, outcome: BlockResult) -> None:
        self._analysis.take(outcome)
        patches = len(outcome.cells)
        if patches:
            each_s = outcome.seconds / patches
            self._patch_s = (
                _RATE_MEMORY * self._patch_s + (1 - _RATE_MEMORY) * each_s if self._patch_s else each_s
            )
            self._worked_patches += patches * share_of_uniform(outcome.side)
        self._attention_news |= outcome.tokens is not None
        self._tell_notes()
        if self._coarse and not self._order.coarse_left(self._analysis.pending):
            self._coarse, self._answer_due_s = False, 0.0

    def _end_analysis(self) -> None:
        self._finished = True
        self._answer_due_s = 0.0
        self._close_reader()
        self._analysis.finish()
        self._tell_notes()
        self._progress_due_s = 0.0

    # Publishing

    def _answer_if_due(self) -> None:
        """Score what is known of the question, where more is known than the last time."""
        done = self._analysis.done
        due = monotonic() >= self._answer_due_s or done == self._analysis.total
        if self._scored == done or not due:
            return
        started_s = monotonic()
        self._scored = done
        if self._asked is not None:
            try:
                self._field = self._analysis.field(self._asked.query)
            except UnsupportedTermError as error:
                self._say(Refused(self._asked.number, str(error)))
                self._asked = self._field = None
            else:
                self._memory.write_scores(self._asked.number, self._field)
                self._say(Published(self._asked.number, self._field.provenance))
        self._order.learn(self._scores, *self._analysis.store.load())
        self._allocation_due, self._allocate_due_s = self._scores is not None, 0.0
        took_s = monotonic() - started_s
        self._answer_due_s = monotonic() + max(_ANSWER_EVERY_S, took_s / _ANSWER_SHARE)

    @property
    def _scores(self) -> NDArray[np.float32] | None:
        """What speaks for each patch: its own answer, or what is asked of another encoder."""
        return self._relevance if self._field is None else self._field.scores

    def _allocate_if_due(self) -> None:
        scores = self._scores
        if not self._allocation_due or self._look is None or scores is None:
            return
        if monotonic() < self._allocate_due_s:
            return
        self._allocation_due, self._allocate_due_s = False, monotonic() + _ALLOCATE_EVERY_S
        allocation = self._allocator.allocate(scores, self._order.surprise, self._order.attention, self._look)
        self._analysis.spend(allocation.tokens)
        self._memory.write_loads(allocation)
        self._say(Allocated())
        self._tell_notes()

    def _attend(self) -> None:
        """Look at regions whose patches have become known, and tell of what is new."""
        attention, overlaps = self._analysis.attention, self._analysis.overlaps
        if attention is None:
            return
        self._attending = not self._resting and (
            self._analysis.look_at_regions(_WINDOWS_AT_ONCE, self._order.attention)
            or (overlaps is not None and overlaps.settle())
        )
        if self._attending:
            self._attention_news = True
            self._tell_notes()
        if overlaps is not None and not self._resting and self._all_known(attention.regions):
            overlaps.choose()  # before it is told that all is done
            self._tell_notes()
        if monotonic() >= self._attend_due_s:
            self._tell_attended(attention.levels)

    def _all_known(self, regions: StageProgress) -> bool:
        return self._analysis.done >= self._analysis.total and regions.done >= regions.total

    def _tell_attended(self, levels: tuple[str, ...]) -> None:
        if self._attention_news:
            self._attention_news, self._attend_due_s = False, monotonic() + _ATTEND_EVERY_S
            assert self._memory.attention is not None
            self._memory.attention.publish()
            self._say(Attended(levels))

    def _tell_progress(self) -> None:
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
        )
        if progress == self._progress:
            return
        if analysis.attention is not None and progress.finished:
            self._tell_attended(analysis.attention.levels)  # what is drawn is not behind what is said
        self._progress = progress
        self._say(progress)

    def _tell_device(self) -> None:
        computing_on = ComputingOn(compute_device().name, compute_device().why)
        if computing_on != self._computing_on:
            self._computing_on = computing_on
            self._say(computing_on)

    def _tell_notes(self) -> None:
        self._tell_device()
        for note in (*self._analysis.notes, *compute_device().notes):
            if note not in self._notes_told:
                self._notes_told.add(note)
                self._say(Note(note))

    def _say(self, event: FromWorker) -> None:
        self._connection.send(event)


def _span(start: float, end: float, step: float) -> tuple[int, int]:
    """The first of the steps that a length touches, and the one after the last."""
    return max(0, floor(start / step)), max(0, ceil(end / step))
