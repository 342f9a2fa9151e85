"""Attention over one slide view: page, session, layer and legend, joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from viewer.common.scale import pixel_size_in_words
from viewer.overlay.attention_look import HierarchyLook, levels_of
from viewer.overlay.layer import OverlayLook, colour_stops
from viewer.relevance.attention.slide_attention import MEAN
from viewer.relevance.patches.attention_codes import OCTAVES
from viewer.ui.overlays.attention_panel import AttentionControls, head_in_words, overlap_in_words
from viewer.ui.overlays.attention_session import AttentionSession
from viewer.ui.overlays.attention_text import ALL_LEVELS, compared_in_words, levels_drawn
from viewer.ui.overlays.encoder_dialog import EncoderDialog, use_after_terms
from viewer.ui.overlays.legend import PARTLY_KNOWN, LegendEntry
from viewer.ui.widgets.dialogs import show_dialog
from viewer.ui.widgets.limited_scroll_area import breakable
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from viewer.common.settings import Overlay, Settings
    from viewer.overlay.layer import OverlayLayer
    from viewer.relevance.encoders.card import EncoderCard
    from viewer.relevance.worker.messages import Progress
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.attention_session import AttentionChoice
    from viewer.ui.overlays.overlay_layers import OverlayLayers
    from viewer.ui.widgets.messages import MessageArea
    from viewer.ui.widgets.theme import ThemeKeeper

_NAME = "attention"
_COLOUR_MAPS = "ember", "magma", "viridis", "teal"
"""The first that no layer of the search has, while there is one: in the best, even attention is grey."""
_MOST = 2 ** (OCTAVES // 2)
_OCTAVES = f"1/{_MOST} of average", f"{_MOST} × average"
_RANKS = "lowest rank", "highest"
_SIGNED = "speaks against", "speaks for"
"""What clear and full colour mean."""
_NO_PIXEL_SIZE = (
    "The pixel size of this slide is not known, and nothing is analysed without it: Tools › Set pixel size…"
)


class AttentionTools(QObject):
    """``close`` ends its threads and the worker."""

    settings_chosen = Signal(object)
    """Other Settings were chosen here."""
    pixel_size_wanted = Signal()
    """Attention was asked for on a slide whose pixel size nobody knows."""

    def __init__(
        self,
        slide_view: SlideView,
        layers: OverlayLayers,
        messages: MessageArea,
        themes: ThemeKeeper,
        settings: Settings,
        *,
        session: AttentionSession | None = None,
    ) -> None:
        super().__init__(slide_view)
        self._view, self._layers = slide_view, layers
        self._settings = settings
        self._overlay = settings.overlay
        self._encoders: dict[str, EncoderCard] = {}
        self._card: EncoderCard | None = None
        self._choice: AttentionChoice | None = None
        """What the session was told to show last."""
        self._layer: OverlayLayer | None = None
        self._drawn: OverlayLook | None = None
        self._shown: AttentionChoice | None = None
        """What the layer was made for: the page may be ahead of it, while terms are read for instance."""
        self._told_levels: tuple[str, ...] = ()
        """Those of which the legend speaks."""
        self.controls = AttentionControls(themes)
        self.session = session or AttentionSession(slide_view, settings)
        self.controls.chosen.connect(self._choose)
        self.session.layer_made.connect(self._show)
        self.session.began.connect(self.controls.bar.begin)
        self.session.progressed.connect(self._show_progress)
        self.session.notes_changed.connect(self._show_notes)
        self.session.pixel_size_wanted.connect(self.pixel_size_wanted)
        slide_view.view_changed.connect(self._follow_zoom)
        slide_view.source_changed.connect(self._show_notes)
        slide_view.mpp_changed.connect(self._show_notes)
        self._messages = messages
        self.session.failed.connect(self._tell_failure)
        self.controls.facts_pressed.connect(self._show_facts)
        self.controls.bar.pause_toggled.connect(self.session.set_paused)
        self.controls.bar.stop_pressed.connect(lambda: self.controls.shown.setChecked(False))

    def show_encoders(self, cards: Sequence[EncoderCard]) -> None:
        """Offer those that say where they look."""
        self._encoders = {card.id: card for card in cards}
        offered = [card for card in cards if card.attends]
        if self._card is not None and self._card.id not in [card.id for card in offered]:
            gone = f"{self._card.title} is no longer in the list of models and is not shown."
            self._messages.show_message(MessageKind.WARNING, gone)
        self.controls.show_encoders(offered)

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
        if choice is None or card is None:
            self._use(None, None)
            return
        use_after_terms(
            self._encoders.get(card.features_of, card),
            self._settings.relevance.accepted_encoders,
            self._view.window(),
            use=lambda accepted: self._use(card, choice, accepted),
            refused=lambda: self.controls.go_back_to(self._choice),
        )

    def _use(self, card: EncoderCard | None, choice: AttentionChoice | None, accepted: str = "") -> None:
        if choice is not None and accepted != self._settings.relevance.accepted_encoders:
            self._settings = self._settings.replace("relevance", accepted_encoders=accepted)
            self.settings_chosen.emit(self._settings)
        before = None if self._choice is None else self._choice.encoder_id
        if choice is not None and choice.encoder_id != before:
            self._layers.set_visible(True)  # who asks for it wants to see it
        self._card, self._choice = card, choice
        self.session.show(choice)
        self._show_notes()
        self._draw()

    def _tell_failure(self, reason: str) -> None:
        """Where the worker is gone, the message can have it begin again, and the page says so meanwhile."""
        again = {} if self.session.running else {"Begin again": self._begin_again}
        if again:
            self.controls.bar.end(breakable(reason))
        self._messages.show_message(MessageKind.WARNING, reason, buttons=again)

    def _begin_again(self) -> None:
        self.session.show(self._choice)

    def _show_notes(self) -> None:
        waits = self._card is not None and self._view.source is not None and self._view.mpp_um is None
        self.controls.show_remark(_NO_PIXEL_SIZE if waits else "\n".join(self.session.notes))

    def _show_facts(self) -> None:
        if self.controls.card is not None:
            dialog = EncoderDialog(self.controls.card, first_use=False, parent=self._view.window())
            show_dialog(dialog, modal=True)

    def _show(self, layer: OverlayLayer | None, choice: AttentionChoice | None) -> None:
        self._layer, self._shown = layer, choice
        if self._card is not None:
            self.controls.show_levels(self._card.id, self.session.levels)
        if layer is None:
            self._view.remove_overlay(_NAME)
            self.controls.bar.end("")
        else:
            self._drawn = self._look()
            self._view.set_overlay(_NAME, layer, self._drawn)
        self._tell()

    def _draw(self) -> None:
        if self._layer is not None:
            self._drawn = self._look()
            self._view.set_overlay_look(_NAME, self._drawn)
            self._tell()

    def _show_progress(self, progress: Progress | None) -> None:
        if progress is None:
            self.controls.bar.end("")
        else:
            self.controls.bar.show_progress(progress)

    def _look(self) -> OverlayLook:
        look, taken = self._overlay, self._layers.colour_maps
        return OverlayLook(
            colour_map=next((name for name in _COLOUR_MAPS if name not in taken), _COLOUR_MAPS[0]),
            opacity=look.opacity,
            threshold=look.threshold,
            flashlight_px=look.flashlight_px if look.flashlight else None,
            smooth=look.smooth,
            hierarchy=self._hierarchy(),
        )

    def _hierarchy(self) -> HierarchyLook:
        """The level is the page's, but the mode is the layer's: its codes would mean something else."""
        chosen = self.controls.hierarchy
        if self._shown is None:
            return chosen
        mode = self._shown.mode
        return HierarchyLook(mode, chosen.level if chosen.level in levels_of(mode) else "patch")

    def _levels_drawn(self) -> tuple[str, ...]:
        if self._layer is None:
            return ()
        px_per_patch = self._layer.patch_width_px / self._view.camera.view.downsample
        return levels_drawn(self._hierarchy(), px_per_patch * self._view.canvas.pixel_ratio)

    def _follow_zoom(self) -> None:
        """Levels fade in and out with the zoom, and the legend is told only where there is another one."""
        if self._levels_drawn() != self._told_levels:
            self._tell()

    def _tell(self) -> None:
        self._told_levels = self._levels_drawn()
        card, shown, layer = self._card, self._shown, self._layer
        look = self._drawn
        if layer is None or card is None or shown is None or look is None:
            self._layers.show_beside(None)
            return
        title = f"Attention of {card.title}" if card.needs_weights else card.title
        ends, middle = _RANKS if shown.mode == "blend" else _OCTAVES, ""
        if card.views:
            view = int(shown.patch_head)
            words = card.views[view]
            title = f"{card.title}: {words[0].lower()}{words[1:]}"
            if view > 0:
                ends, middle = _SIGNED, "0"
        told_apart = self.session.levels or ALL_LEVELS
        in_part = _known_in_part(layer, tokens_count="token" in self._told_levels)
        self._layers.show_beside(
            LegendEntry(
                title,
                colour_stops(look.colour_map),
                look.threshold,
                self._facts(card, shown, told_apart),
                *ends,
                dotted=PARTLY_KNOWN if in_part else "",
                middle=middle,
                has_scale=bool(card.views) or any(level in told_apart for level in self._told_levels),
            )
        )

    def _facts(self, card: EncoderCard, shown: AttentionChoice, told_apart: Collection[str]) -> str:
        if card.views:
            what = ["patches of the whole slide"]
        else:
            drawn = self._told_levels
            what = [compared_in_words(self._hierarchy(), drawn, told_apart)]
            heads = ("patch", shown.patch_head), ("token", shown.token_head)
            what += [
                f"{of}: {head_in_words(head).lower()}"
                for of, head in heads
                if of in drawn and of in told_apart and head != MEAN
            ]
            if shown.overlap is not None and "token" in drawn:
                what.append(f"overlap: {overlap_in_words(shown.overlap).lower()}")
        if self._view.mpp_um is not None:
            what.append(pixel_size_in_words(self._view.mpp_um, estimated=self._view.mpp_estimated))
        return ", ".join(what)


def _known_in_part(layer: OverlayLayer, *, tokens_count: bool) -> bool:
    """Whether there are tokens without what their patch gets, or patches without their tokens."""
    if tokens_count and layer.levels is not None and (layer.known & ~layer.levels.tokens_known).any():
        return True
    return bool(layer.estimated.any())
