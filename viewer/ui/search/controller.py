"""The search of one window: session, panel, overlay, legend and marks, joined. The window holds one of these.

Commands and the panel act on it; what it wants of the window goes out as signals.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from viewer.common.scale import MPP_UM_AT_1X
from viewer.overlay.shapes import Shape
from viewer.relevance.encoders.registry import cards, problems
from viewer.relevance.query.lexicon import load_lexicon
from viewer.ui.canvas.hold_key import HoldKey
from viewer.ui.canvas.slide_picker import SlidePicker
from viewer.ui.overlays.attention_controller import AttentionTools
from viewer.ui.overlays.encoder_dialog import EncoderDialog, use_after_terms
from viewer.ui.overlays.layer_list import LayerList
from viewer.ui.overlays.legend import Legend
from viewer.ui.overlays.map_import import MapImport
from viewer.ui.overlays.overlay_controls import OverlayControls
from viewer.ui.overlays.overlay_layers import OverlayLayers
from viewer.ui.panels.pixel_size_dialog import TO_LAY_A_MAP, TO_SEARCH, TO_SHOW_ATTENTION, PixelSize
from viewer.ui.search.hit_list import HitRow
from viewer.ui.search.hit_thumbnails import HitPictures
from viewer.ui.search.query_panel import QueryPanel, empty_html
from viewer.ui.search.saved_queries import SavedQueries
from viewer.ui.search.search_state import Example, cells_in_frame
from viewer.ui.search.session import RelevanceSession
from viewer.ui.widgets.dialogs import show_dialog
from viewer.ui.widgets.limited_scroll_area import ScrollPage
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from viewer.common.settings import Overlay, Settings
    from viewer.relevance.encoders.card import EncoderCard
    from viewer.relevance.patches.grid import PatchGrid
    from viewer.relevance.query.tree import Query
    from viewer.slide.geometry import Rect
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.canvas.vector_overlay import VectorOverlay
    from viewer.ui.widgets.messages import MessageArea
    from viewer.ui.widgets.theme import ThemeKeeper

FINEST_MPP_UM = 1.0
"""A place is shown no larger than at 10x: what it is shows in what is round it."""
_PLACE_SHARE = 0.5
"""How much of the view a place may fill."""
_MARK_RGBA = (0.05, 0.05, 0.08, 1.0), (1.0, 1.0, 1.0, 1.0)


class SearchController(QObject):
    """Everything of the search. ``close`` ends its threads and the worker."""

    changed = Signal()
    """What can be done, or is on, has changed."""
    look_changed = Signal(object)
    """The overlay looks otherwise: a ``settings.Overlay`` to keep."""
    settings_chosen = Signal(object)
    """Other Settings were chosen here."""

    def __init__(
        self,
        slide_view: SlideView,
        vectors: VectorOverlay,
        messages: MessageArea,
        themes: ThemeKeeper,
        settings: Settings,
        *,
        session: RelevanceSession | None = None,
    ) -> None:
        super().__init__(slide_view)
        self._view, self._vectors, self._messages, self._settings = slide_view, vectors, messages, settings
        self.session = session or RelevanceSession(slide_view, settings)
        self.controls = OverlayControls(settings.overlay)
        self.legend = Legend(slide_view)
        self.layers = OverlayLayers(slide_view, self.legend, settings.overlay)
        self.layer_list = LayerList()
        self.attention = AttentionTools(slide_view, self.layers, messages, themes, settings)
        self.session.field_changed.connect(lambda: self.attention.session.weigh(self.session.field))
        self.maps = MapImport(slide_view, self.layers, messages)
        self.saved = SavedQueries(lambda: self.session.question, slide_view)
        self.panel = QueryPanel(
            themes,
            completions=lambda text: load_lexicon().complete_query(text),
            history=self.saved.asked,
            tabs=[("Overlay", _stacked(self.controls, self.layer_list))],
        )
        self.panel.saved.setMenu(self.saved.menu)
        self.pictures = HitPictures(self.panel.hits.hits)
        self.picker = SlidePicker(slide_view)
        self._picks_like = True
        native = slide_view.canvas.native
        self.hide_key = HoldKey([native, self.panel.hits, self.panel.tabs], self)
        self._cards: tuple[EncoderCard, ...] = ()
        self._marked_for: Query | None = None
        self._connect()
        self._told_problems: tuple[str, ...] = ()
        self._show_encoders()
        self._slide_changed()
        if self.saved.notice:
            self._tell(MessageKind.WARNING, self.saved.notice)

    @property
    def asked(self) -> bool:
        """Whether a question stands."""
        return self.session.question.query is not None

    @property
    def has_hits(self) -> bool:
        return bool(self.session.hits)

    @property
    def analysing(self) -> bool:
        """Whether an analysis runs that could be held."""
        return self.session.progress is not None

    @property
    def switches(self) -> dict[str, bool]:
        """What is on, by the id of its action."""
        look, progress = self.controls.look, self.session.progress
        return {
            "overlay": self.layers.visible,
            "contours": look.contours,
            "flashlight": look.flashlight,
            "pause": progress is not None and progress.paused,
        }

    def open_panel(self) -> None:
        """The panel came into sight."""
        self._show_encoders()
        self._begin_early()

    def apply_settings(self, settings: Settings) -> None:
        """Take over settings that changed."""
        self._settings = settings
        self.controls.show_look(settings.overlay)
        self.layers.set_look(settings.overlay)
        self.session.apply_settings(settings)
        self.attention.apply_settings(settings)
        self._show_encoders()

    def change_look(self, **changes: Any) -> None:
        """Switch something of the overlay's look on or off."""
        look = replace(self.controls.look, **changes)
        if look != self.controls.look:
            self.controls.show_look(look)
            self._take_look(look)

    def step_hit(self, step: int) -> None:
        """Go to the next place, or the one before."""
        self.panel.hits.step(step)

    def explain_here(self) -> None:
        """Say what made the value under the cursor."""
        self.panel.show_why()
        self.session.explain_at(*self.session.pointed_at)

    def add_example_here(self, like: bool) -> None:
        """Take the patch under the cursor as an example."""
        self._add_example_at(*self.session.pointed_at, like)

    def close(self) -> None:
        """End everything within two seconds."""
        self.session.stop("")  # its worker ends while the other's is waited for
        self.pictures.close(wait_s=0.3)
        self.attention.close()
        self.maps.close()
        self.session.close()

    def _connect(self) -> None:
        view, session, panel, picker = self._view, self.session, self.panel, self.picker
        view.source_changed.connect(self._slide_changed)
        view.source_changed.connect(self._tell_problems_again)
        view.mpp_changed.connect(self._slide_changed)
        view.sharp_changed.connect(lambda sharp: self.pictures.set_paused(not sharp))
        session.question_changed.connect(self._show_question)
        session.field_changed.connect(self._show_field)
        session.hits_changed.connect(self._show_hits)
        session.started.connect(panel.bar.begin)
        session.progressed.connect(self._show_progress)
        session.ended.connect(self._ended)
        session.explained.connect(panel.why.show_explanation)
        session.notes_changed.connect(lambda: panel.show_notes(session.notes))
        session.failed.connect(partial(self._tell, MessageKind.WARNING))
        ask_to_search = partial(self._ask_pixel_size, TO_SEARCH)
        session.pixel_size_wanted.connect(ask_to_search)
        self.attention.pixel_size_wanted.connect(partial(self._ask_pixel_size, TO_SHOW_ATTENTION))
        self.attention.settings_chosen.connect(self.settings_chosen)
        self.attention.controls.opened.connect(self._show_encoders)
        self.attention.session.failed.connect(self._show_encoders)
        self.saved.chosen.connect(session.ask_query)
        self.saved.told.connect(partial(self._tell, MessageKind.WARNING))
        panel.box.asked.connect(self._ask)
        panel.box.left.connect(view.setFocus)
        panel.link_pressed.connect(panel.box.ask)
        panel.pixel_size_pressed.connect(ask_to_search)
        panel.encoder_chosen.connect(self._choose_encoder)
        panel.encoder_facts_pressed.connect(self._show_encoder_facts)
        panel.weights.changed.connect(session.set_weights)
        panel.weights.reset_pressed.connect(session.reset_weights)
        panel.bar.pause_toggled.connect(session.set_paused)
        panel.bar.stop_pressed.connect(session.stop)
        panel.hits.chosen.connect(self._go_to_hit)
        panel.examples.add_pressed.connect(self.add_example_here)
        panel.examples.pick_toggled.connect(self._pick)
        panel.examples.remove_pressed.connect(
            lambda number: session.ask_like(session.question.examples.without(number))
        )
        panel.examples.clear_pressed.connect(session.clear)
        self.controls.look_changed.connect(self._take_look)
        self.layers.changed.connect(self._show_layers)
        self.layer_list.keep_pressed.connect(self.layers.keep)
        self.layer_list.add_pressed.connect(self.maps.choose)
        self.maps.pixel_size_wanted.connect(partial(self._ask_pixel_size, TO_LAY_A_MAP))
        self.layer_list.shown_changed.connect(self.layers.set_kept_visible)
        self.layer_list.remove_pressed.connect(self.layers.remove_kept)
        self.hide_key.held_changed.connect(self.layers.set_bare)
        picker.clicked.connect(self._clicked)
        picker.framed.connect(self._framed)
        picker.picking_changed.connect(lambda on: None if on else panel.examples.end_picking())

    # What is asked

    def _ask(self, text: str) -> None:
        self.session.ask(text)
        if self.session.question.query is not None:
            self.layers.set_visible(True)  # who asks wants to see it
            self.saved.remember(text)

    def _ask_pixel_size(self, wanted: str) -> None:
        if self._view.source is not None and self._view.mpp_um is None:
            show_dialog(PixelSize(self._view, self._view.window(), wanted=wanted), modal=True)

    def _show_question(self) -> None:
        if self.session.question.query != self._marked_for:
            self._mark(None)  # the outlined place was an answer to something else
        self.panel.show_question(self.session.question)
        self._show_hits()

    def _show_progress(self) -> None:
        progress = self.session.progress
        if progress is not None:
            self.panel.bar.show_progress(progress)
            self._show_hits_or_why_none()

    def _ended(self, reason: str) -> None:
        self.panel.bar.end(reason)
        self._show_hits_or_why_none()

    def _show_hits_or_why_none(self) -> None:
        """Why there are no places depends on how far the analysis is; places that stand do not."""
        if self.has_hits:
            self.changed.emit()
        else:
            self._show_hits()

    # What is found

    def _show_field(self) -> None:
        self.layers.show_field(self.session.field, self.session.question.words)
        self.changed.emit()

    def _show_hits(self) -> None:
        session, view = self.session, self._view
        self.pictures.forget_waiting()
        rows = [
            HitRow(number, hit, session.place_in_words(*hit.rect.centre))
            for number, hit in enumerate(session.hits, start=1)
        ]
        progress = session.progress
        self.panel.show_rows(
            rows,
            empty_html=empty_html(
                session.question,
                slide_open=view.source is not None,
                pixel_size_known=view.mpp_um is not None,
                answered=session.field is not None,
                running=session.running,
                done=progress is not None and progress.done >= progress.total,
            ),
        )
        self.changed.emit()

    def _go_to_hit(self, row: HitRow) -> None:
        rect, view = row.hit.rect, self._view
        width, height = view.canvas.size_px
        fitting = max(rect.width / width, rect.height / height) / _PLACE_SHARE
        mpp_um = view.mpp_um or (MPP_UM_AT_1X, MPP_UM_AT_1X)
        view.go_to(*rect.centre, downsample=max(fitting, FINEST_MPP_UM / mpp_um[0]))
        self._mark(rect)
        self.session.explain_at(*row.hit.peak)

    def _clicked(self, x: float, y: float) -> None:
        if self.picker.picking:
            self._add_example_at(x, y, self._picks_like)
        elif self.asked:
            self.session.explain_at(x, y)

    def _mark(self, rect: Rect | None) -> None:
        """Outline a place, light within dark, so that it shows on any tissue and any colour map."""
        self._marked_for = self.session.question.query
        shapes = (
            []
            if rect is None
            else [
                Shape.rectangle(rect, rgba=rgba, width_px=width)
                for rgba, width in zip(_MARK_RGBA, (5.0, 2.0), strict=True)
            ]
        )
        self._vectors.set_shapes(shapes)

    def _show_layers(self) -> None:
        self.layer_list.show_layers(self.layers.kept, can_keep=self.layers.has_present)
        self.changed.emit()

    # Examples

    def _pick(self, on: bool, like: bool) -> None:
        self._picks_like = like
        if on:
            self.picker.set_picking(True)
        elif not (self.panel.examples.pick_like.isChecked() or self.panel.examples.pick_unlike.isChecked()):
            self.picker.set_picking(False)

    def _framed(self, corners: tuple[tuple[float, float], ...]) -> None:
        grid = self._grid_for_examples()
        if grid is not None:
            x = sum(corner[0] for corner in corners) / len(corners)
            y = sum(corner[1] for corner in corners) / len(corners)
            self._add_examples(cells_in_frame(grid, corners), self._picks_like, (x, y))

    def _add_example_at(self, x: float, y: float, like: bool) -> None:
        grid = self._grid_for_examples()
        if grid is not None:
            self._add_examples(frozenset(filter(None, [grid.cell_at(x, y)])), like, (x, y))

    def _grid_for_examples(self) -> PatchGrid | None:
        """The slide's patches; None where they are not known, and then the pixel size is asked for."""
        self.panel.show_similar()
        if self._view.mpp_um is None:
            self._ask_pixel_size(TO_SEARCH)
            return None
        return self.session.grid if self.session.begin() else None

    def _add_examples(self, cells: frozenset[tuple[int, int]], like: bool, at: tuple[float, float]) -> None:
        if not cells:
            self._tell(MessageKind.INFORMATION, "No patch of the slide lies there.")
        else:
            try:
                self.session.add_example(Example(cells, like, self.session.place_in_words(*at)))
            except ValueError as error:
                self._tell(MessageKind.WARNING, f"Not added: {error}.")

    # Encoders

    def _show_encoders(self) -> None:
        """As the lists of models are now: a panel came into sight, or an analysis failed."""
        self._cards = cards()
        know_words = [card for card in self._cards if card.query_kind != "none"]
        self.panel.show_encoders(know_words, self._settings.relevance.encoder)
        self.attention.show_encoders(self._cards)
        wrong = problems()
        for problem in wrong if wrong != self._told_problems else ():
            self._tell(MessageKind.WARNING, problem)
        self._told_problems = wrong

    def _card(self, encoder_id: str) -> EncoderCard | None:
        return next((card for card in self._cards if card.id == encoder_id), None)

    def _choose_encoder(self, encoder_id: str) -> None:
        """Use another encoder; one that is used the first time shows its terms before."""
        relevance, card = self._settings.relevance, self._card(encoder_id)
        if card is None or encoder_id == relevance.encoder:
            return
        use_after_terms(
            card,
            relevance.accepted_encoders,
            self._view.window(),
            use=lambda accepted: self._use_encoder(encoder_id, accepted),
            refused=self._show_encoders,
        )

    def _use_encoder(self, encoder_id: str, accepted: str) -> None:
        self.settings_chosen.emit(
            self._settings.replace("relevance", encoder=encoder_id, accepted_encoders=accepted)
        )

    def _show_encoder_facts(self) -> None:
        card = self._card(self.panel.encoder.currentData())
        if card is not None:
            show_dialog(EncoderDialog(card, first_use=False, parent=self._view.window()), modal=True)

    # The rest

    def _begin_early(self) -> None:
        if self._settings.relevance.analyse_ahead and self.panel.isVisible():
            self.session.begin()

    def _slide_changed(self) -> None:
        self._mark(None)
        self.pictures.show_slide(self._view.source, self._view.mpp_um)
        self._show_question()
        self._begin_early()

    def _tell_problems_again(self) -> None:
        """The messages of before are gone with the slide before."""
        self._told_problems = ()
        if self._view.source is not None and (self.panel.isVisible() or self.attention.controls.isVisible()):
            self._show_encoders()

    def _take_look(self, look: Overlay) -> None:
        self.layers.set_look(look)
        self.attention.set_look(look)
        self.look_changed.emit(look)
        self.changed.emit()

    def _tell(self, kind: MessageKind, text: str) -> None:
        self._messages.show_message(kind, text)


def _stacked(*widgets: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return ScrollPage(page)
