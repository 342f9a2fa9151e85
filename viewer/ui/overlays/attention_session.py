"""One slide view's attention: a worker of its own looks where the reader looks; layers come back as signals.

The worker is another one than the search's: a model that fails, or takes all memory, takes no question with
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from viewer.common.cores import core_count
from viewer.overlay.from_field import layer_from_attention
from viewer.relevance.attention.slide_attention import MEAN
from viewer.relevance.worker.client import RelevanceClient, RetiredClients
from viewer.relevance.worker.messages import Attended, ComputingOn, Failed, Note, Progress, WorkerDied
from viewer.ui.canvas.viewport_report import LOOK_INTERVAL_MS, send_viewport
from viewer.ui.widgets.background_worker import SideThread
from viewer.ui.widgets.gui_thread import GuiThreadQueue
from viewer.ui.widgets.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.common.settings import Settings
    from viewer.overlay.layer import OverlayLayer
    from viewer.relevance.attention.slide_attention import Head
    from viewer.relevance.patches.field import RelevanceField
    from viewer.relevance.worker.messages import Event
    from viewer.ui.canvas.slide_view import SlideView

    MakeClient = Callable[[Callable[[Event], None]], RelevanceClient]


@dataclass(frozen=True, slots=True)
class AttentionChoice:
    """Which encoder's attention, by which of its heads, how levels are joined (a mode of
    ``viewer.overlay.attention_look``), and how what patches half-way between others say is merged ("mean" or
    "max"); None: they are not looked at."""

    encoder_id: str
    mode: str = "factorised"
    token_head: Head = MEAN
    patch_head: Head = MEAN
    overlap: str | None = None


class AttentionSession(QObject):
    """Belongs to one ``SlideView``. ``close`` ends the worker and its threads."""

    layer_made = Signal(object, object)
    """An OverlayLayer of what is known now and the AttentionChoice it was made for; None, None where nothing
    is shown."""
    began = Signal()
    """A worker was asked to analyse the slide."""
    progressed = Signal(object)
    """A Progress, or None when the worker has ended."""
    notes_changed = Signal()
    pixel_size_wanted = Signal()
    """Attention waits for the size of a pixel, which nobody knows."""
    failed = Signal(str)
    """Something went wrong, in words."""

    def __init__(
        self, slide_view: SlideView, settings: Settings, *, make_client: MakeClient | None = None
    ) -> None:
        super().__init__(slide_view)
        self._view = slide_view
        self._settings = settings
        self._make_client = make_client or RelevanceClient
        self._outbox = GuiThreadQueue()
        self._drawing = SideThread("attention")
        self._drawing_busy = self._drawing_due = False
        self._client: RelevanceClient | None = None
        self._leaving = RetiredClients()
        self._choice: AttentionChoice | None = None
        self._field: RelevanceField | None = None
        self._notes: tuple[str, ...] = ()
        self._levels: tuple[str, ...] = ()
        self._sequence = count(1)
        self._look = Throttle(slide_view, self._send_look, LOOK_INTERVAL_MS)
        slide_view.source_changed.connect(self._begin_anew)
        slide_view.mpp_changed.connect(self._begin_anew)
        slide_view.view_changed.connect(self._look.ask)

    @property
    def running(self) -> bool:
        """Whether there is a worker for this slide."""
        return self._client is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the encoder says of this slide."""
        return self._notes

    @property
    def levels(self) -> tuple[str, ...]:
        """Those of "region", "patch" and "token" that the encoder tells apart; () until it is known. Where it
        changes ``layer_made`` follows."""
        return self._levels

    def apply_settings(self, settings: Settings) -> None:
        """For the next worker."""
        self._settings = settings

    def show(self, choice: AttentionChoice | None) -> None:
        """Show this attention, or none, which ends its worker. Heads and modes cost no analysis, unless the
        worker had given up."""
        before, self._choice = self._choice, choice
        if before == choice and (choice is None or self.running):
            return
        if self._client and before and choice and before.encoder_id == choice.encoder_id:
            if before.overlap != choice.overlap:
                self._client.overlap(choice.overlap)
            self._draw_again()
        else:
            self._begin_anew()

    def set_paused(self, paused: bool) -> None:
        """Hold the analysis, or let it go on."""
        if self._client is not None:
            self._client.set_paused(paused)

    def weigh(self, field: RelevanceField | None) -> None:
        """Let what is asked of the slide say what is looked at first, and how closely. None: nothing is."""
        self._field = field
        self._send_relevance()

    def close(self) -> None:
        """End everything, within two seconds."""
        self._outbox.close()
        self._drawing.close(wait_s=0.3)
        client, self._client = self._client, None
        if client is not None:
            self._leaving.let_go(client)
        self._leaving.close()

    def _begin_anew(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._leaving.let_go(client)
            self.progressed.emit(None)
        self._levels = ()
        self.layer_made.emit(None, None)
        self._note(())
        source, mpp_um, choice = self._view.source, self._view.mpp_um, self._choice
        if choice is None or source is None:
            return
        if mpp_um is None:
            self.pixel_size_wanted.emit()
            return
        following = self._make_client(lambda event: self._hear(following, event))
        relevance = self._settings.relevance
        try:
            following.open(
                source,
                mpp_um,
                mpp_estimated=self._view.mpp_estimated,
                encoder_id=choice.encoder_id,
                store_bytes=relevance.store_bytes,
                # All cores: a network is slow, and the worker rests while the view moves.
                threads=relevance.worker_threads or core_count(),
                after=self._leaving.still,
            )
        except ValueError as error:
            self.failed.emit(f"The slide cannot be analysed: {error}.")
            return
        self._client = following
        if choice.overlap is not None:
            following.overlap(choice.overlap)
        if self._field is not None:
            self._send_relevance()
        self._look.ask()
        self.began.emit()

    def _hear(self, client: RelevanceClient, event: Event) -> None:
        """Runs in the client's thread."""
        self._outbox.post(lambda: self._take(client, event))

    def _take(self, client: RelevanceClient, event: Event) -> None:
        """One event of the worker, in the GUI thread; those of a worker given up come too late."""
        if client is not self._client:
            return
        match event:
            case Attended():
                self._levels = event.levels
                self._draw_again()
            case Progress():
                self.progressed.emit(event)
            case ComputingOn():
                self._view.compute_device = event.name
            case Note():
                self._note((*self._notes, event.text))
            case Failed() | WorkerDied():
                if isinstance(event, Failed) or not event.restarting:
                    self._client = None
                    self._leaving.let_go(client)
                    self.progressed.emit(None)
                self.failed.emit(event.reason)

    def _note(self, notes: tuple[str, ...]) -> None:
        notes = tuple(dict.fromkeys(notes))  # a worker that starts again says all of it again
        if notes != self._notes:
            self._notes = notes
            self.notes_changed.emit()

    def _draw_again(self) -> None:
        """Make a layer of what is known, beside the window, one at a time, the newest."""
        self._drawing_due = True
        client, choice = self._client, self._choice
        attention = None if client is None else client.attention()
        if self._drawing_busy or attention is None or choice is None or client is None:
            return
        self._drawing_busy, self._drawing_due = True, False
        grid, sequence = client.grid, next(self._sequence)

        def made(layer: OverlayLayer) -> None:
            self._drawing_busy = False
            if client is self._client:
                self.layer_made.emit(layer, choice)
            if self._drawing_due:
                self._draw_again()

        def not_made(error: Exception) -> None:
            self._drawing_busy = False
            if client is self._client:
                self.failed.emit(f"The attention cannot be shown: {error}.")
            if self._drawing_due:
                self._draw_again()

        self._drawing.run(
            lambda: layer_from_attention(
                attention,
                grid,
                mode=choice.mode,
                token_head=choice.token_head,
                patch_head=choice.patch_head,
                sequence=sequence,
            ),
            made,
            not_made,
        )

    def _send_relevance(self) -> None:
        client, field = self._client, self._field
        if client is not None:
            client.weigh(field.scores if field is not None and field.grid == client.grid else None)

    def _send_look(self) -> None:
        if self._client is not None and send_viewport(self._client, self._view):
            self._look.ask()
