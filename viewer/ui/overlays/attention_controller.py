"""Attention in one window: the page follows the active view, each view has an attention of its own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from viewer.ui.overlays import strings
from viewer.ui.overlays.attention_layer import AttentionLayer
from viewer.ui.overlays.attention_panel import AttentionControls
from viewer.ui.overlays.attention_session import AttentionSession
from viewer.ui.overlays.encoder_dialog import use_after_terms
from viewer.ui.widgets.following import Following
from viewer.ui.widgets.limited_scroll_area import breakable
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.common.settings import Overlay, Settings
    from viewer.relevance.encoders.card import EncoderCard
    from viewer.relevance.patches.field import RelevanceField
    from viewer.relevance.worker.messages import Progress
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.attention_session import AttentionChoice
    from viewer.ui.overlays.encoder_menu import EncoderMenu
    from viewer.ui.overlays.overlay_controller import OverlayController
    from viewer.ui.widgets.messages import MessageArea
    from viewer.ui.widgets.theme import ThemeKeeper


class AttentionController(QObject):
    """``close`` ends its threads and the workers."""

    settings_chosen = Signal(object)
    """Other Settings were chosen here."""
    pixel_size_missing = Signal()
    """Attention was requested on a slide without a known pixel size."""

    def __init__(
        self,
        slide_view: SlideView,
        overlays: OverlayController,
        encoders: EncoderMenu,
        messages: MessageArea,
        themes: ThemeKeeper,
        settings: Settings,
        *,
        make_session: Callable[[SlideView, Settings], AttentionSession] = AttentionSession,
    ) -> None:
        super().__init__()
        self._overlays, self._encoders, self._messages = overlays, encoders, messages
        self._settings = settings
        self._make_session = make_session
        self._of: dict[SlideView, AttentionLayer] = {}
        self.controls = AttentionControls(themes)
        self._following = Following({"source_changed": self._show_notes, "mpp_changed": self._show_notes})
        self._following_session = Following(
            {
                "layer_made": self._layer_made,
                "began": self.controls.bar.begin,
                "progressed": self._show_progress,
                "notes_changed": self._show_notes,
                "pixel_size_missing": self.pixel_size_missing.emit,
            }
        )
        self.follow(slide_view)
        self.controls.chosen.connect(self._choose)
        self.controls.opened.connect(encoders.refresh)
        self.controls.facts_pressed.connect(lambda: encoders.show_facts(self.controls.card))
        self.controls.bar.pause_toggled.connect(self._pause)
        self.controls.bar.stop_pressed.connect(lambda: self.controls.shown.setChecked(False))
        encoders.add_panel(self.controls)
        encoders.changed.connect(self._show_encoders)
        overlays.look_changed.connect(self.set_look)

    @property
    def session(self) -> AttentionSession:
        """That of the active view."""
        return self._active.session

    @property
    def active(self) -> AttentionLayer:
        """What is shown over the active view."""
        return self._active

    def follow(self, slide_view: SlideView) -> None:
        """Show and choose the attention over another view."""
        self._view, self._active = slide_view, self._layer_of(slide_view)
        self._following.follow(slide_view)
        self._following_session.follow(self.session)
        self.controls.show_choice(self._active.choice)
        self.controls.bar.take_over(self._active.progress, running=self.session.running)
        self._show_levels()
        self._show_notes()

    def set_relevance(self, slide_view: SlideView, field: RelevanceField | None) -> None:
        """Analyse first, and more closely, where a query's field over a view is high; None: no query."""
        self._layer_of(slide_view).session.set_relevance(field)

    def apply_settings(self, settings: Settings) -> None:
        """Take over settings that changed."""
        self._settings = settings
        for layer in self._of.values():
            layer.session.apply_settings(settings)
        self.set_look(settings.overlay)

    def set_look(self, look: Overlay) -> None:
        """Take over the flashlight, which is one for all layers."""
        for layer in self._of.values():
            layer.set_look(look)

    def close(self) -> None:
        """End everything within two seconds."""
        for layer in self._of.values():
            layer.session.close()

    def _layer_of(self, slide_view: SlideView) -> AttentionLayer:
        if slide_view not in self._of:
            session = self._make_session(slide_view, self._settings)
            layers, look = self._overlays.of(slide_view).layers, self._overlays.look
            layer = self._of[slide_view] = AttentionLayer(slide_view, layers, session, look)
            session.failed.connect(partial(self._show_failure, layer))
        return self._of[slide_view]

    def _show_encoders(self) -> None:
        """Offer the encoders that give attention."""
        offered = [card for card in self._encoders.cards if card.attends]
        card = self._active.card
        if card is not None and card.id not in [card.id for card in offered]:
            self._messages.show_message(MessageKind.WARNING, strings.MODEL_GONE.format(title=card.title))
        self.controls.show_encoders(offered)

    def _choose(self) -> None:
        card, choice = self.controls.card, self.controls.choice
        if choice is None or card is None:
            self._use(None, None)
            return
        use_after_terms(
            self._encoders.card(card.features_of) or card,
            self._settings.relevance.accepted_encoders,
            self._view.window(),
            use=lambda accepted: self._use(card, choice, accepted),
            refused=lambda: self.controls.show_choice(self._active.choice),
        )

    def _use(self, card: EncoderCard | None, choice: AttentionChoice | None, accepted: str = "") -> None:
        if choice is not None and accepted != self._settings.relevance.accepted_encoders:
            self._settings = self._settings.replace("relevance", accepted_encoders=accepted)
            self.settings_chosen.emit(self._settings)
        before = self._active.choice
        if choice is not None and (before is None or choice.encoder_id != before.encoder_id):
            self._overlays.active.layers.set_visible(True)  # hidden layers would hide what was just chosen
        self._active.show(card, choice, self.controls.hierarchy)
        self._show_notes()

    def _show_failure(self, layer: AttentionLayer, reason: str) -> None:
        """Where the worker has ended, the message offers to begin again, and the page shows the reason."""
        again = (
            {} if layer.session.running else {strings.BEGIN_AGAIN: lambda: layer.session.show(layer.choice)}
        )
        if again and layer is self._active:
            self.controls.bar.end(breakable(reason))
        self._messages.show_message(MessageKind.WARNING, reason, buttons=again)
        self._encoders.refresh()

    def _pause(self, paused: bool) -> None:
        self.session.set_paused(paused)

    def _show_notes(self) -> None:
        view = self._view
        waits = self._active.card is not None and view.source is not None and view.mpp_um is None
        self.controls.show_notes((strings.NO_PIXEL_SIZE,) if waits else self.session.notes)

    def _layer_made(self, layer: object) -> None:
        self._show_levels()
        if layer is None:
            self.controls.bar.end("")

    def _show_levels(self) -> None:
        if self._active.card is not None:
            self.controls.show_levels(self._active.card.id, self.session.levels)

    def _show_progress(self, progress: Progress | None) -> None:
        self.controls.bar.take_over(progress, running=False)
