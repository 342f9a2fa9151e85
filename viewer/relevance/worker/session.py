"""Session: the analyses of one slide view, one worker after the other. No Qt, no torch.

Search and attention are two sessions: a model that fails, or takes all memory, does not end a search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from viewer.relevance.worker import strings
from viewer.relevance.worker.client import RelevanceClient
from viewer.relevance.worker.messages import Failed, Note, Progress, WorkerDied

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.relevance.worker.messages import Event
    from viewer.slide.source import Source

    MakeClient = Callable[[Callable[[Event], object]], RelevanceClient]


class AnalysedView(Protocol):
    """The slide that is analysed, and the size of its pixels as far as it is known."""

    @property
    def source(self) -> Source | None: ...
    @property
    def mpp_um(self) -> tuple[float, float] | None: ...
    @property
    def mpp_estimated(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class SessionCallbacks:
    """Called in the owner's thread: when a worker has started; when it has ended, with the reason ("" with
    its slide); with a message on every failure; with every other event of the present worker.
    """

    began: Callable[[], None]
    ended: Callable[[str], None]
    failed: Callable[[str], None]
    notes_changed: Callable[[], None]
    event: Callable[[Event], None]


class Session:
    """``post`` makes a call in the owner's thread, where all methods are called. ``send_viewport`` sends a
    client what is on the screen, and returns whether that moves; ``schedule_viewport`` schedules a call of
    ``viewport_due``, throttled.
    """

    def __init__(
        self,
        view: AnalysedView,
        callbacks: SessionCallbacks,
        *,
        post: Callable[[Callable[[], None]], object],
        send_viewport: Callable[[RelevanceClient], bool],
        schedule_viewport: Callable[[], None],
        make_client: MakeClient | None = None,
    ) -> None:
        self.client: RelevanceClient | None = None
        """Of the present worker; None while none runs."""
        self.progress: Progress | None = None
        """How far the analysis is; None while none runs."""
        self.notes: tuple[str, ...] = ()
        """The notes on this slide, in sentences for the reader, each once."""
        self._view = view
        self._callbacks = callbacks
        self._post = post
        self._send_viewport = send_viewport
        self.schedule_viewport = schedule_viewport
        self._make_client = make_client or RelevanceClient
        self._retired = RetiredClients()

    def begin(self, encoder_id: str, *, store_bytes: int, threads: int | None) -> bool:
        """Run an analysis. False where it cannot: no slide, no pixel size, or one that cannot be right, which
        is reported by ``failed``."""
        source, mpp_um = self._view.source, self._view.mpp_um
        if source is None or mpp_um is None:
            return False
        if self.client is not None:
            return True
        client = self._make_client(lambda event: self._post(lambda: self._take(client, event)))
        try:
            client.open(
                source,
                mpp_um,
                mpp_estimated=self._view.mpp_estimated,
                encoder_id=encoder_id,
                store_bytes=store_bytes,
                threads=threads,
                after=self._retired.running,
            )
        except ValueError as error:
            self._callbacks.failed(strings.BAD_PIXEL_SIZE.format(error=error))
            return False
        self.client = client
        self._set_notes(())
        self._callbacks.began()
        self.schedule_viewport()
        return True

    def set_paused(self, paused: bool) -> None:
        """Pause the analysis, or resume it."""
        if self.client is not None:
            self.client.set_paused(paused)

    def viewport_due(self) -> None:
        """Send what is on the screen, and again while it moves: the worker rests until it no longer does."""
        if self.client is not None and self._send_viewport(self.client):
            self.schedule_viewport()

    def stop(self, reason: str) -> None:
        """End the worker. Its notes stay."""
        client, self.client = self.client, None
        self.progress = None
        if client is not None:
            self._retired.add(client)
            self._callbacks.ended(reason)

    def forget(self) -> None:
        """End the worker of a slide that is closed, and drop its notes."""
        self.stop("")
        self._set_notes(())

    def close(self) -> None:
        """End everything, within two seconds; no callback is called any more."""
        client, self.client = self.client, None
        if client is not None:
            self._retired.add(client)
        self._retired.close()

    def _take(self, client: RelevanceClient, event: Event) -> None:
        """Handle one event; those of a retired worker are dropped."""
        if client is not self.client:
            return
        match event:
            case Progress():
                self.progress = event
            case Note():
                self._set_notes((*self.notes, event.text))
            case Failed() | WorkerDied():
                if isinstance(event, Failed) or not event.restarting:
                    self.stop(event.reason)
                self._callbacks.failed(event.reason)
                return
        self._callbacks.event(event)

    def _set_notes(self, notes: tuple[str, ...]) -> None:
        notes = tuple(dict.fromkeys(notes))  # a worker that is restarted sends all of them again
        if notes != self.notes:
            self.notes = notes
            self._callbacks.notes_changed()


class RetiredClients:
    """Clients whose workers are to end. ``close`` waits for them, for two seconds at most."""

    def __init__(self) -> None:
        self._clients: list[RelevanceClient] = []

    @property
    def running(self) -> tuple[RelevanceClient, ...]:
        """Those whose workers have not ended yet."""
        self._clients = [client for client in self._clients if client.running]
        return tuple(self._clients)

    def add(self, client: RelevanceClient) -> None:
        """End a client without waiting for it."""
        client.release()
        self._clients = [*self.running, client]

    def close(self) -> None:
        """Wait until all have ended."""
        for client in self.running:
            client.close()
