"""RelevanceClient: the window's side of the relevance worker. No Qt, no torch.

One thread owns the worker's process and both ends of the conversation, so that nobody who asks ever waits.
Events are told from that thread. A worker that dies is replaced once, and goes on from what is on disk.
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
from viewer.relevance.query.sentence_model import load_guess
from viewer.relevance.worker.messages import (
    Allocated,
    Analyse,
    Ask,
    ComputingOn,
    Explain,
    Failed,
    GuessWords,
    Overlap,
    Published,
    SetPaused,
    SetRelevance,
    Stop,
    WorkerDied,
)
from viewer.relevance.worker.process import run_worker
from viewer.relevance.worker.shared_memory import ESTIMATED, KNOWN, SharedGrid
from viewer.view.viewport import Viewport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection

    import numpy as np
    from numpy.typing import NDArray

    from viewer.relevance.attention.slide_attention import Attention
    from viewer.relevance.encoders.protocols import Encoder
    from viewer.relevance.patches.loads import Loads
    from viewer.relevance.query.parser import Guess
    from viewer.relevance.query.tree import Query
    from viewer.relevance.worker.messages import Event, FromWorker, ToWorker
    from viewer.slide.geometry import Rect
    from viewer.slide.source import Source
    from viewer.view.gaze import SlideGaze

log = logger("relevance")

STOP_GRACE_S = 0.8
"""A worker that is told to stop has so long before it is killed."""
_KILL_GRACE_S = 0.7
_WAITING_STEP_S = 0.02
_MOST_DEATHS = 2
_SPAWN = get_context("spawn")


class RelevanceClient:
    """Made for one slide: ``open``, then the rest, and ``close`` at the end. All but events in one thread.

    ``make_encoder`` and ``load_guess`` run in the worker and must be picklable. Its own thread starts workers
    and passes messages on; every method but ``close`` returns at once.
    """

    def __init__(
        self,
        on_event: Callable[[Event], object],
        *,
        make_encoder: Callable[[str], Encoder] = load_encoder,
        load_guess: Callable[[], Guess | None] = load_guess,
    ) -> None:
        self._on_event = on_event
        self._makers = make_encoder, load_guess
        self._number = 0
        self._job: Analyse | None = None
        self._grid: PatchGrid | None = None
        self._field: RelevanceField | None = None
        self._loads: Loads | None = None
        self._memory: SharedGrid | None = None
        self._process: Any = None
        self._relevance: NDArray[np.float32] | None = None
        self._weighing = threading.Lock()
        self._outgoing: deque[ToWorker] = deque()
        # What a new worker must be told, and how many have died since something was asked.
        self._standing: dict[type, ToWorker] = {}
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
            str(source.info.path.absolute()),
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

    def ask(self, query: Query) -> int:
        """Have a query answered, from now on with every new patch; the number comes back with its answers."""
        self._number += 1
        self._tell(Ask(self._number, query))
        return self._number

    def guess(self, words: Sequence[str]) -> int:
        """Have words that the lexicon lacks compared by their meaning, before the query they are of is asked;
        the number comes back with the answer, a ``Guessed``.
        """
        self._number += 1
        self._tell(GuessWords(self._number, tuple(words)))
        return self._number

    def look(self, field: Rect, gaze: SlideGaze | None, downsample: float, *, moving: bool) -> None:
        """Where the reader looks (level-0 px): analysed first. The worker rests while the view moves."""
        self._tell(Viewport(field, gaze, downsample, moving))

    def weigh(self, scores: NDArray[np.float32] | None) -> None:
        """What another worker says of the slide's patches (rows, columns): those that score high come first,
        and get more tokens where the encoder can. None: nothing is asked."""
        with self._weighing:
            self._relevance = scores
            if self._memory is not None and scores is not None:
                self._memory.write_relevance(scores)
        self._tell(SetRelevance(scores is not None))

    def overlap(self, merge: str | None) -> None:
        """Look again half-way between patches where attention is high; see ``Overlap``."""
        self._tell(Overlap(merge))

    def explain(self, leaf: int, row: int, col: int) -> None:
        """Ask for the measurements behind one patch's score, for a leaf of the query asked last."""
        self._tell(Explain(self._number, leaf, row, col))

    def set_paused(self, paused: bool) -> None:
        """Hold the analysis, or let it go on."""
        self._tell(SetPaused(paused))

    def field(self) -> RelevanceField | None:
        """The answer published last; None before the first."""
        return self._field

    def loads(self) -> Loads | None:
        """What each patch's tiles are worth loading; None before the first allocation."""
        return self._loads

    def attention(self) -> Attention | None:
        """Where the encoder looks, as far as it is known; None where it never says."""
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

    def _tell(self, message: ToWorker) -> None:
        if self._thread is not None and not self._ending.is_set():
            self._outgoing.append(message)
            self._wake()

    def _finish(self, thread: threading.Thread) -> None:
        thread.join(STOP_GRACE_S)
        # Still there: the worker is busy, or hangs and takes no more messages. What it measured is on disk.
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

    def _slept(self) -> None:
        self._woken.recv_bytes()
        self._wake_due.release()

    def _run(self, after: list[RelevanceClient]) -> None:
        try:
            while any(earlier.running for earlier in after) and not self._ending.wait(_WAITING_STEP_S):
                pass
            after.clear()  # each may hold much memory
            while not self._ending.is_set():
                self._one_worker()
                if not self._ending.is_set():
                    self._wait_for_a_question()
        finally:
            self._memory = None
            self._woken.close()
            self._waker.close()

    def _wait_for_a_question(self) -> None:
        """After a death: the next worker starts at once, or when something is asked."""
        while self._deaths >= _MOST_DEATHS and not self._ending.is_set():
            self._slept()
            self._note_outgoing()

    def _one_worker(self) -> None:
        """From the start of a worker's process to its end."""
        try:
            memory, process, connection = self._start()
        except Exception as error:  # whatever it is, this thread must live to start the next
            self._give_up("cannot start", error)
            return
        with self._weighing:
            self._memory, self._process = memory, process
            if self._relevance is not None:
                memory.write_relevance(self._relevance)
        failed = False
        try:
            self._note_outgoing()
            for message in self._standing.values():
                connection.send(message)
            failed = self._converse(connection)
        except (EOFError, OSError):
            pass  # how it ended is told below
        except Exception as error:  # what it sent cannot be understood
            failed = True
            self._give_up("has ended", error)
        finally:
            connection.close()
            self._reap(process)
        if failed:
            self._deaths = _MOST_DEATHS
        elif not self._ending.is_set():
            self._tell_death(process.exitcode)

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
                    args=(theirs, self._job, memory, *self._makers),
                    name="foveola relevance worker",
                    daemon=True,
                )
                process.start()
            except BaseException:
                connection.close()
                raise
        return memory, process, connection

    def _give_up(self, what: str, error: Exception) -> None:
        """No other worker before something is asked."""
        self._deaths = _MOST_DEATHS
        log.exception("the relevance worker %s", what)
        if not self._ending.is_set():
            self._on_event(WorkerDied(f"The analysis {what}: {in_words(error)}", restarting=False))

    def _converse(self, connection: Connection) -> bool:
        """Until the worker ends, which raises, or has failed: True."""
        while not self._ending.is_set():
            ready = wait([connection, self._woken])
            if self._woken in ready:
                self._slept()
                for message in self._note_outgoing():
                    connection.send(message)
            if connection in ready:
                event: FromWorker = connection.recv()
                if self._is_news(event) and not self._ending.is_set():
                    self._on_event(event)
                if isinstance(event, Failed):
                    return True
        connection.send(Stop())
        while True:
            connection.recv()  # until the pipe ends: a worker that is still telling must not get stuck

    def _is_news(self, event: FromWorker) -> bool:
        """Take over what lies in shared memory. False where an event that will come speaks for it."""
        assert self._memory is not None
        if isinstance(event, Published):
            found = self._memory.read_scores()
            if found is None or found.number != event.number:
                return False
            self._field = RelevanceField(
                self.grid,
                found.scores,
                found.states == KNOWN,
                found.states == ESTIMATED,
                event.provenance,
            )
        elif isinstance(event, Allocated):
            self._loads = self._memory.read_loads()
            return self._loads is not None
        elif isinstance(event, ComputingOn):
            log.info("allocation and stain separation on %s: %s", event.name, event.why)
        return True

    def _note_outgoing(self) -> list[ToWorker]:
        """What is to be sent; of viewports only the last. Remembers what another worker must be told."""
        messages: list[ToWorker] = []
        while self._outgoing:
            message = self._outgoing.popleft()
            messages.append(message)
            if isinstance(message, Ask | GuessWords):
                self._deaths = 0
                self._standing[Ask] = message
            elif not isinstance(message, Explain):
                self._standing[type(message)] = message
        last = self._standing.get(Viewport)
        return [message for message in messages if not isinstance(message, Viewport) or message is last]

    def _reap(self, process: Any) -> None:
        """The pipe has ended: what was measured is on disk."""
        process.join(0.0 if self._ending.is_set() else STOP_GRACE_S)
        if process.is_alive():
            process.kill()
            process.join()

    def _tell_death(self, exit_code: int | None) -> None:
        self._deaths += 1
        restarting = self._deaths < _MOST_DEATHS
        how = f"exit status {exit_code}"
        if exit_code is not None and exit_code < 0:
            how = f"signal {-exit_code}"
        log.error("the relevance worker ended by %s", how)
        then = (
            "another one goes on from there"
            if restarting
            else "it stays off until it is asked for again; what was analysed is kept"
        )
        self._on_event(WorkerDied(f"The analysis ended unexpectedly ({how}); {then}.", restarting=restarting))
