"""RelevanceClient: the window's side of the relevance worker. No Qt, no torch.

One thread owns the worker's process and both ends of the pipes, so that no caller ever waits. It also calls
``on_event``. A worker that dies is replaced once, and continues from what is on disk.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from viewer.common.cores import core_count
from viewer.common.log import logger
from viewer.common.text import in_words
from viewer.relevance.encoders.registry import cards, load_encoder
from viewer.relevance.patches.field import RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.query.sentence_model import load_phrase_finder
from viewer.relevance.worker import strings
from viewer.relevance.worker.messages import (
    Allocated,
    Analyse,
    ComputingOn,
    Explain,
    Failed,
    MatchTerms,
    Overlap,
    Published,
    SetPaused,
    SetQuery,
    SetRelevance,
    Stop,
    WorkerDied,
)
from viewer.relevance.worker.process import run_worker
from viewer.relevance.worker.shared_memory import ESTIMATED, GLASS, KNOWN, SharedGrid
from viewer.view.viewport import Viewport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection

    import numpy as np
    from numpy.typing import NDArray

    from viewer.relevance.attention.slide_attention import Attention
    from viewer.relevance.encoders.protocols import Encoder
    from viewer.relevance.patches.loads import Loads
    from viewer.relevance.query.parsed import PhraseFinder
    from viewer.relevance.query.tree import Query
    from viewer.relevance.worker.messages import Event, FromWorker, ToWorker
    from viewer.slide.geometry import Rect
    from viewer.slide.source import Source
    from viewer.view.gaze import SlideGaze

log = logger("relevance")

STOP_GRACE_S = 0.8
"""From ``Stop`` to the kill of a worker that has not ended."""
_KILL_GRACE_S = 0.7
_WAITING_STEP_S = 0.02
_MOST_DEATHS = 2
_SPAWN = get_context("spawn")


class RelevanceClient:
    """Made for one slide: ``open``, then the rest, and ``close`` at the end. All but events in one thread.

    ``make_encoder`` and ``load_phrase_finder`` run in the worker and must be picklable. Every method but
    ``close`` returns at once.
    """

    def __init__(
        self,
        on_event: Callable[[Event], object],
        *,
        make_encoder: Callable[[str], Encoder] = load_encoder,
        load_phrase_finder: Callable[[], PhraseFinder | None] = load_phrase_finder,
    ) -> None:
        self._on_event = on_event
        self._factories = make_encoder, load_phrase_finder
        self._number = 0
        self._job: Analyse | None = None
        self._grid: PatchGrid | None = None
        self._field: RelevanceField | None = None
        self._loads: Loads | None = None
        self._memory: SharedGrid | None = None
        self._process: Any = None
        self._relevance: NDArray[np.float32] | None = None
        self._memory_lock = threading.Lock()
        self._outgoing: deque[ToWorker] = deque()
        # The messages that a new worker gets first, and how many workers died since the last request.
        self._resent: dict[type, ToWorker] = {}
        self._deaths = 0
        self._ending = threading.Event()
        self._wake_due = threading.Lock()
        self._thread: threading.Thread | None = None
        self._finisher: threading.Thread | None = None

    def open(
        self,
        source: Source,
        mpp_um: tuple[float, float],
        *,
        mpp_estimated: bool,
        encoder_id: str,
        store_bytes: int,
        threads: int | None = None,
        after: Sequence[RelevanceClient] = (),
    ) -> None:
        """Start the analysis of a slide with pixels of ``mpp_um``.

        ``store_bytes`` bounds what all slides' features take on disk. ``threads`` read and encode; None
        leaves one core to the window. ``after``: their workers have ended before this one begins. Raises
        ValueError where the pixel size cannot be right.
        """
        if self._thread is not None:
            raise RuntimeError("this client has its slide already")
        self._grid = PatchGrid.over(source.pyramid.width, source.pyramid.height, mpp_um)
        self._job = Analyse(
            source.info.locator.absolute(),
            mpp_um,
            mpp_estimated,
            encoder_id,
            store_bytes,
            threads or max(1, core_count() - 1),
        )
        self._woken, self._waker = _SPAWN.Pipe(duplex=False)
        earlier = list(after)
        self._thread = threading.Thread(
            target=self._run, args=(earlier,), name="relevance client", daemon=True
        )
        self._thread.start()

    @property
    def grid(self) -> PatchGrid:
        """The patches of the open slide."""
        if self._grid is None:
            raise RuntimeError("no slide is open")
        return self._grid

    def set_query(self, query: Query) -> int:
        """Score a query, from now on with every new patch; its ``Published`` events repeat the number."""
        self._number += 1
        self._queue(SetQuery(self._number, query))
        return self._number

    def match_terms(self, words: Sequence[str]) -> int:
        """Have words that the lexicon lacks compared by their meaning, before their query is set;
        ``TermsMatched`` repeats the number.
        """
        self._number += 1
        self._queue(MatchTerms(self._number, tuple(words)))
        return self._number

    def set_viewport(self, field: Rect, gaze: SlideGaze | None, downsample: float, *, moving: bool) -> None:
        """The field of view (level-0 px), which is analysed first. The worker rests while it moves."""
        self._queue(Viewport(field, gaze, downsample, moving))

    def set_relevance(self, scores: NDArray[np.float32] | None) -> None:
        """Scores (rows, columns) of another worker: patches with high ones come first, and get more tokens of
        an encoder that is ``Magnifying``. None: there are none."""
        with self._memory_lock:
            self._relevance = scores
            if self._memory is not None and scores is not None:
                self._memory.write_relevance(scores)
        self._queue(SetRelevance(scores is not None))

    def overlap(self, merge: str | None) -> None:
        """Analyse patches half-way between others where attention is high; see ``Overlap``."""
        self._queue(Overlap(merge))

    def explain(self, leaf: int, row: int, col: int) -> None:
        """Request the measurements behind one patch's score, for a leaf of the present query."""
        self._queue(Explain(self._number, leaf, row, col))

    def set_paused(self, paused: bool) -> None:
        """Pause the analysis, or resume it."""
        self._queue(SetPaused(paused))

    def field(self) -> RelevanceField | None:
        """The scores published last; None before the first."""
        return self._field

    def loads(self) -> Loads | None:
        """The weight and level of each patch's tiles; None before the first allocation."""
        return self._loads

    def attention(self) -> Attention | None:
        """The encoder's attention, as far as it is known; None for an encoder without."""
        memory = self._memory
        return None if memory is None or memory.attention is None else memory.attention.read()

    @property
    def running(self) -> bool:
        """Whether there is a worker, or a thread that starts or ends one."""
        return self._thread is not None and self._thread.is_alive()

    def release(self) -> None:
        """Have the worker end within two seconds, without waiting for it; ``close`` may follow."""
        if self._thread is not None and self._finisher is None:
            self._ending.set()
            with suppress(OSError):  # the thread has ended, and closed the pipe
                self._wake()
            self._finisher = threading.Thread(
                target=self._finish, args=(self._thread,), name="relevance client's end", daemon=True
            )
            self._finisher.start()

    def close(self) -> None:
        """End the worker, within two seconds. Closing twice is allowed."""
        self.release()
        if self._finisher is not None:
            self._finisher.join()

    def _queue(self, message: ToWorker) -> None:
        if self._thread is not None and not self._ending.is_set():
            self._outgoing.append(message)
            self._wake()

    def _finish(self, thread: threading.Thread) -> None:
        thread.join(STOP_GRACE_S)
        # Still there: the worker is busy, or hangs and reads no more messages. What it measured is on disk.
        process = self._process
        if thread.is_alive() and process is not None:
            process.kill()
        thread.join(_KILL_GRACE_S)
        if thread.is_alive():
            log.error("the relevance worker's thread did not end")

    def _wake(self) -> None:
        # At most one byte is under way: the pipe never fills up, so this never waits.
        if self._wake_due.acquire(blocking=False):
            self._waker.send_bytes(b"w")

    def _clear_wake(self) -> None:
        self._woken.recv_bytes()
        self._wake_due.release()

    def _run(self, after: list[RelevanceClient]) -> None:
        try:
            while any(earlier.running for earlier in after) and not self._ending.wait(_WAITING_STEP_S):
                pass
            after.clear()  # each may hold much memory
            while not self._ending.is_set():
                self._run_worker()
                if not self._ending.is_set():
                    self._wait_for_request()
        finally:
            self._memory = None
            self._woken.close()
            self._waker.close()

    def _wait_for_request(self) -> None:
        """After a death: the next worker starts at once, or at the next request."""
        while self._deaths >= _MOST_DEATHS and not self._ending.is_set():
            self._clear_wake()
            self._take_outgoing()

    def _run_worker(self) -> None:
        """From the start of a worker's process to its end."""
        try:
            memory, process, connection = self._start()
        except Exception as error:  # whatever it is, this thread must live to start the next
            self._stay_off(strings.CANNOT_START, error)
            return
        with self._memory_lock:
            self._memory, self._process = memory, process
            if self._relevance is not None:
                memory.write_relevance(self._relevance)
        failed = False
        try:
            self._take_outgoing()
            for message in self._resent.values():
                connection.send(message)
            failed = self._exchange_messages(connection)
        except (EOFError, OSError):
            pass  # how it ended is reported below
        except Exception as error:  # what it sent cannot be understood
            failed = True
            self._stay_off(strings.PROTOCOL_ERROR, error)
        finally:
            connection.close()
            self._reap(process)
        if failed:
            self._deaths = _MOST_DEATHS
        elif not self._ending.is_set():
            self._report_death(process.exitcode)

    def _start(self) -> tuple[SharedGrid, Any, Connection]:
        """A worker's process, the memory shared with it, and our end of the pipe."""
        assert self._job is not None
        known = {card.id: card.attention_heads for card in cards()}
        memory = SharedGrid(self.grid.shape, known.get(self._job.encoder_id))
        connection, theirs = _SPAWN.Pipe()
        with theirs:
            try:
                process = _SPAWN.Process(
                    target=run_worker,
                    args=(theirs, self._job, memory, *self._factories),
                    name="foveola relevance worker",
                    daemon=True,
                )
                process.start()
            except BaseException:
                connection.close()
                raise
        return memory, process, connection

    def _stay_off(self, reason: str, error: Exception) -> None:
        """No other worker before the next request."""
        self._deaths = _MOST_DEATHS
        words = reason.format(error=in_words(error))
        log.exception("%s", words)
        if not self._ending.is_set():
            self._on_event(WorkerDied(words, restarting=False))

    def _exchange_messages(self, connection: Connection) -> bool:
        """Until the worker ends, which raises, or has failed: True."""
        while not self._ending.is_set():
            ready = wait([connection, self._woken])
            if self._woken in ready:
                self._clear_wake()
                for message in self._take_outgoing():
                    connection.send(message)
            if connection in ready:
                event: FromWorker = connection.recv()
                if self._update(event) and not self._ending.is_set():
                    self._on_event(event)
                if isinstance(event, Failed):
                    log.error("the analysis failed: %s", event.reason)
                    return True
        connection.send(Stop())
        while True:
            connection.recv()  # until the pipe ends: a worker that is still sending must not block

    def _update(self, event: FromWorker) -> bool:
        """Copy what an event announces from shared memory. False where a newer event has replaced it."""
        assert self._memory is not None
        if isinstance(event, Published):
            found = self._memory.read_scores()
            if found is None or found.number != event.number:
                return False
            self._field = RelevanceField(
                self.grid,
                found.scores,
                found.states >= KNOWN,
                found.states == ESTIMATED,
                event.provenance,
                found.states == GLASS,
            )
        elif isinstance(event, Allocated):
            self._loads = self._memory.read_loads()
            return self._loads is not None
        elif isinstance(event, ComputingOn):
            log.info("allocation and stain separation on %s: %s", event.name, event.why)
        return True

    def _take_outgoing(self) -> list[ToWorker]:
        """The messages to send; of viewports only the last. Keeps those that another worker gets too."""
        messages: list[ToWorker] = []
        while self._outgoing:
            message = self._outgoing.popleft()
            messages.append(message)
            if isinstance(message, SetQuery | MatchTerms):
                self._deaths = 0
                self._resent[SetQuery] = message
            elif not isinstance(message, Explain):
                self._resent[type(message)] = message
        last = self._resent.get(Viewport)
        return [message for message in messages if not isinstance(message, Viewport) or message is last]

    def _reap(self, process: Any) -> None:
        """The pipe has ended: what was measured is on disk."""
        process.join(0.0 if self._ending.is_set() else STOP_GRACE_S)
        if process.is_alive():
            process.kill()
            process.join()

    def _report_death(self, exit_code: int | None) -> None:
        self._deaths += 1
        restarting = self._deaths < _MOST_DEATHS
        if exit_code is not None and exit_code < 0:
            how = strings.BY_SIGNAL.format(number=-exit_code)
        else:
            how = strings.BY_EXIT_STATUS.format(code=exit_code)
        log.error("the relevance worker ended by %s", how)
        reason = strings.DIED_RESTARTING if restarting else strings.DIED
        self._on_event(WorkerDied(reason.format(how=how), restarting=restarting))
