"""Attention over one slide view: page, session, layer and legend, joined."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from viewer.relevance.encoders import SALIENCY_ID
from viewer.relevance.head_registry import head_cards
from viewer.ui.attention_controls import AttentionControls
from viewer.ui.attention_session import AttentionSession
from viewer.ui.encoder_dialog import use_after_terms
from viewer.ui.legend import LegendEntry
from viewer.ui.messages import MessageKind
from viewer.view.hierarchy import OCTAVES
from viewer.view.overlay import OverlayLook, colour_stops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.relevance.encoders import EncoderCard
    from viewer.relevance.messages import Progress
    from viewer.settings import Overlay, Settings
    from viewer.ui.attention_session import AttentionChoice
    from viewer.ui.messages import MessageArea
    from viewer.ui.overlay_layers import OverlayLayers
    from viewer.ui.slide_view import SlideView
    from viewer.view.overlay import OverlayLayer

_NAME = "attention"
_COLOUR_MAPS = "magma", "viridis"
"""The first that the search does not use."""
_MOST = 2 ** (OCTAVES // 2)
_OCTAVES = f"a {_MOST}th of even", f"{_MOST} times even"
_RANKS = "lowest rank", "highest"
_SIGNED = "speaks against", "speaks for"
"""What clear and full colour mean."""


class AttentionTools(QObject):
    """``close`` ends its threads and the worker."""

    settings_chosen = Signal(object)
    """Other Settings were chosen here."""
    pixel_size_wanted = Signal()
    """Attention was asked for on a slide whose pixel size nobody knows."""

    def __init__(
        self, slide_view: SlideView, layers: OverlayLayers, messages: MessageArea, settings: Settings
    ) -> None:
        super().__init__(slide_view)
        self._view, self._layers = slide_view, layers
        self._settings = settings
        self._overlay = settings.overlay
        self._layer: OverlayLayer | None = None
        self.controls = AttentionControls()
        self.session = AttentionSession(slide_view, settings)
        self.controls.chosen.connect(self._choose)
        self.session.layer_made.connect(self._show)
        self.session.progressed.connect(self._show_progress)
        self.session.noted.connect(self.controls.show_remark)
        self.session.failed.connect(partial(messages.show_message, MessageKind.WARNING))
        self.controls.bar.pause_toggled.connect(self.session.set_paused)
        self.controls.bar.stop_pressed.connect(lambda: self.controls.shown.setChecked(False))

    def show_encoders(self, cards: Sequence[EncoderCard]) -> None:
        """Offer those that say where they look, and the reader's slide heads."""
        attending = [card for card in cards if card.attention_heads is not None]
        self.controls.show_encoders([*attending, *head_cards()])

    def apply_settings(self, settings: Settings) -> None:
        """Take over settings that changed."""
        self._settings = settings
        self.session.apply_settings(settings)
        self.set_look(settings.overlay)

    def set_look(self, look: Overlay) -> None:
        """Opacity, threshold and flashlight are those of the search; colours are its own."""
        self._overlay = look
        self._draw()

    def close(self) -> None:
        """End everything within two seconds."""
        self.session.close()

    def _choose(self) -> None:
        card, choice = self.controls.card, self.controls.choice
        self.controls.show_remark("")
        if choice is None or card is None:
            self._use(None)
            return
        if self._view.source is not None and self._view.mpp_um is None:
            self.pixel_size_wanted.emit()
        use_after_terms(
            card,
            self._settings.relevance.accepted_encoders,
            self._view.window(),
            use=lambda accepted: self._use(choice, accepted),
            refused=lambda: self.controls.shown.setChecked(False),
        )

    def _use(self, choice: AttentionChoice | None, accepted: str | None = None) -> None:
        if accepted not in (None, self._settings.relevance.accepted_encoders):
            self._settings = self._settings.replace("relevance", accepted_encoders=accepted)
            self.settings_chosen.emit(self._settings)
        self.session.show(choice)
        self._draw()

    def _show(self, layer: OverlayLayer | None) -> None:
        self._layer = layer
        if layer is None:
            self._view.remove_overlay(_NAME)
        else:
            self._view.set_overlay(_NAME, layer, self._look())
        self._tell()

    def _draw(self) -> None:
        if self._layer is not None:
            self._view.set_overlay_look(_NAME, self._look())
            self._tell()

    def _show_progress(self, progress: Progress | None) -> None:
        if progress is None:
            self.controls.bar.end("")
        else:
            self.controls.bar.begin()
            self.controls.bar.show_progress(progress)

    def _look(self) -> OverlayLook:
        look = self._overlay
        return OverlayLook(
            colour_map=next(name for name in _COLOUR_MAPS if name != look.colour_map),
            opacity=look.opacity,
            threshold=look.threshold,
            flashlight_px=look.flashlight_px if look.flashlight else None,
            smooth=look.smooth,
            hierarchy=self.controls.hierarchy,
        )

    def _tell(self) -> None:
        card = self.controls.card
        if self._layer is None or card is None:
            self._layers.show_beside(None, estimated=False)
            return
        look = self._look()
        blend = look.hierarchy.mode == "blend"
        words = self.controls.view_words
        title = card.title if card.id == SALIENCY_ID else f"Attention of {card.title}"
        signed = bool(words) and self.controls.patch_head.currentData() > 0
        if words:
            title = f"{card.title}: {words[0].lower()}{words[1:]}"
        self._layers.show_beside(
            LegendEntry(
                title,
                colour_stops(look.colour_map),
                look.threshold,
                self._facts(),
                *_SIGNED if signed else _RANKS if blend else _OCTAVES,
            ),
            estimated=bool(self._layer.estimated.any()),
        )

    def _facts(self) -> str:
        size = " × ".join(f"{mpp:.3g}" for mpp in dict.fromkeys(self._view.mpp_um or ()))
        estimated = " (estimated)" if self._view.mpp_estimated else ""
        what = "patches of the whole slide" if self.controls.view_words else self.controls.mode.currentText()
        return f"{what}, {size} µm/px{estimated}"
