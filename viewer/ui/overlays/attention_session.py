"""One slide view's attention: runs the chosen encoder, and emits the layers that are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from viewer.common.cores import core_count
from viewer.overlay.from_field import layer_from_attention
from viewer.relevance.attention.slide_attention import MEAN
from viewer.relevance.worker.messages import Attended, ComputingOn, Progress
from viewer.relevance.worker.session import SessionCallbacks
from viewer.ui.canvas.viewport_report import session_of
from viewer.ui.overlays import strings
from viewer.ui.widgets.background_worker import BackgroundWorker
from viewer.ui.widgets.gui_thread import GuiThreadQueue

if TYPE_CHECKING:
    from viewer.common.settings import Settings
    from viewer.overlay.layer import OverlayLayer
    from viewer.relevance.attention.slide_attention import Attention, Head
    from viewer.relevance.patches.field import RelevanceField
    from viewer.relevance.patches.grid import PatchGrid
    from viewer.relevance.worker.messages import Event
    from viewer.relevance.worker.session import MakeClient
    from viewer.ui.canvas.slide_view import SlideView


@dataclass(frozen=True, slots=True)
class AttentionChoice:
    """Which encoder's attention, by which of its heads, how levels are combined (a mode of
    ``viewer.overlay.attention_look``), and how overlapping patches are merged ("mean" or "max"; None: there
    are none)."""

    encoder_id: str
    mode: str = "factorised"
    token_head: Head = MEAN
    patch_head: Head = MEAN
    overlap: str | None = None


class AttentionSession(QObject):
    """Belongs to one ``SlideView``. ``close`` ends the worker and its threads."""

    layer_made = Signal(object, object)
    """An OverlayLayer of the present state and the AttentionChoice it was made for; None, None where nothing
    is shown."""
    began = Signal()
    """A worker has begun to analyse the slide."""
    progressed = Signal(object)
    """A Progress, or None when the worker has ended."""
    notes_changed = Signal()
    pixel_size_missing = Signal()
    """The analysis waits for the pixel size, which is unknown."""
    failed = Signal(str)
    """A message about an error."""

    def __init__(
        self, slide_view: SlideView, settings: Settings, *, make_client: MakeClient | None = None
    ) -> None:
        super().__init__(slide_view)
        self._view = slide_view
        self._settings = settings
        self._outbox = GuiThreadQueue()
        self._drawing = BackgroundWorker("attention")
        self._drawing_busy = self._drawing_due = False
        self._choice: AttentionChoice | None = None
        self._field: RelevanceField | None = None
        self._levels: tuple[str, ...] = ()
        self._sequence = count(1)
        callbacks = SessionCallbacks(
            began=self._worker_began,
            ended=lambda _reason: self.progressed.emit(None),
            failed=self.failed.emit,
            notes_changed=self.notes_changed.emit,
            event=self._take,
        )
        self._session = session_of(slide_view, self._outbox, callbacks, make_client)
        slide_view.source_changed.connect(self._restart)
        slide_view.mpp_changed.connect(self._restart)

    @property
    def running(self) -> bool:
        """Whether there is a worker for this slide."""
        return self._session.client is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """The encoder's notes on this slide."""
        return self._session.notes

    @property
    def levels(self) -> tuple[str, ...]:
        """Those of "region", "patch" and "token" that the encoder compares; () until they are known.
        ``layer_made`` follows a change."""
        return self._levels

    @property
    def attention(self) -> tuple[Attention, PatchGrid] | None:
        """What is known so far, and over which patches; None while no worker runs."""
        client = self._session.client
        attention = None if client is None else client.attention()
        return None if client is None or attention is None else (attention, client.grid)

    def apply_settings(self, settings: Settings) -> None:
        """For the next worker."""
        self._settings = settings

    def show(self, choice: AttentionChoice | None) -> None:
        """Show this attention, or none, which ends its worker. Heads and modes need no analysis, unless the
        worker has ended."""
        before, self._choice = self._choice, choice
        if before == choice and (choice is None or self.running):
            return
        client = self._session.client
        if client and before and choice and before.encoder_id == choice.encoder_id:
            if before.overlap != choice.overlap:
                client.overlap(choice.overlap)
            self._make_layer()
        else:
            self._restart()

    def set_paused(self, paused: bool) -> None:
        """Pause the analysis, or resume it."""
        self._session.set_paused(paused)

    def set_relevance(self, field: RelevanceField | None) -> None:
        """Analyse first, and more closely, where a query's field is high; None: no query."""
        self._field = field
        self._send_relevance()

    def close(self) -> None:
        """End everything, within two seconds."""
        self._outbox.close()
        self._drawing.close(wait_s=0.3)
        self._session.close()

    def _restart(self) -> None:
        self._session.forget()
        self._levels = ()
        self.layer_made.emit(None, None)
        choice, relevance = self._choice, self._settings.relevance
        if choice is None or self._view.source is None:
            return
        if self._view.mpp_um is None:
            self.pixel_size_missing.emit()
            return
        # All cores: a network is slow, and the worker rests while the view moves.
        threads = relevance.worker_threads or core_count()
        self._session.begin(choice.encoder_id, store_bytes=relevance.store_bytes, threads=threads)

    def _worker_began(self) -> None:
        client, choice = self._session.client, self._choice
        if client is not None and choice is not None and choice.overlap is not None:
            client.overlap(choice.overlap)
        if self._field is not None:
            self._send_relevance()
        self.began.emit()

    def _take(self, event: Event) -> None:
        match event:
            case Attended():
                self._levels = event.levels
                self._make_layer()
            case Progress():
                self.progressed.emit(event)
            case ComputingOn():
                self._view.compute_device = event.name

    def _make_layer(self) -> None:
        """Make a layer of the present state in the background; one at a time, the newest."""
        self._drawing_due = True
        client, choice = self._session.client, self._choice
        attention = None if client is None else client.attention()
        if self._drawing_busy or attention is None or choice is None or client is None:
            return
        self._drawing_busy, self._drawing_due = True, False
        grid, sequence = client.grid, next(self._sequence)

        def made(layer: OverlayLayer) -> None:
            self._drawing_busy = False
            if client is self._session.client:
                self.layer_made.emit(layer, choice)
            if self._drawing_due:
                self._make_layer()

        def not_made(error: Exception) -> None:
            self._drawing_busy = False
            if client is self._session.client:
                self.failed.emit(strings.ATTENTION_NOT_SHOWN.format(error=error))
            if self._drawing_due:
                self._make_layer()

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
        client, field = self._session.client, self._field
        if client is not None:
            client.set_relevance(field.scores if field is not None and field.grid == client.grid else None)
