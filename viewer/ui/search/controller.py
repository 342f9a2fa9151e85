"""The search of a window: query, places and examples of the active view.

Each view has a session of its own; the panel shows that of the active view. Requests to the window are
signals.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from viewer.common.scale import MPP_UM_AT_1X
from viewer.overlay.shapes import Shape
from viewer.relevance.patches.field import UNIT
from viewer.relevance.patches.grid import PATCH_UM
from viewer.ui.canvas.slide_picker import SlidePicker
from viewer.ui.overlays.analysis_bar import analysed_in_words
from viewer.ui.overlays.askable import AskableDialog
from viewer.ui.overlays.encoder_dialog import use_after_terms
from viewer.ui.search import strings
from viewer.ui.search.advice_page import advice_about, none_reaches
from viewer.ui.search.hit_list import HitRow
from viewer.ui.search.hit_thumbnails import HitThumbnails
from viewer.ui.search.query_panel import QueryPanel
from viewer.ui.search.saved_queries import SavedQueries
from viewer.ui.search.search_state import Example, cells_in_frame
from viewer.ui.search.session import RelevanceSession
from viewer.ui.widgets.dialogs import show_dialog
from viewer.ui.widgets.following import Following
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.common.settings import Settings
    from viewer.relevance.patches.grid import PatchGrid
    from viewer.relevance.query.tree import Query
    from viewer.slide.geometry import Rect
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.encoder_menu import EncoderMenu
    from viewer.ui.overlays.overlay_controller import OverlayController
    from viewer.ui.widgets.messages import MessageArea
    from viewer.ui.widgets.theme import ThemeKeeper

PATCH_SHARE = 1 / 3
"""Of the view's shorter side that the best patch of a place fills: cells show, and what is around them."""
_PRODUCER = "search"
"""The producer of the shapes that outline a place."""
_MARK_RGBA = (0.05, 0.05, 0.08, 1.0), (1.0, 1.0, 1.0, 1.0)


class SearchController(QObject):
    """Connects panel, sessions, overlays and picker. ``close`` ends its threads and the workers."""

    changed = Signal()
    """The enabled or checked state of actions has changed."""
    answered = Signal(object, object)
    """A SlideView, and the present RelevanceField of its query, or None."""
    pixel_size_missing = Signal()
    """A query, or examples, need the pixel size of a slide that does not state it."""
    settings_chosen = Signal(object)
    """The Settings with another encoder."""

    def __init__(
        self,
        slide_view: SlideView,
        overlays: OverlayController,
        encoders: EncoderMenu,
        messages: MessageArea,
        themes: ThemeKeeper,
        settings: Settings,
    ) -> None:
        super().__init__()
        self._overlays, self._encoders, self._messages = overlays, encoders, messages
        self._settings = settings
        self._sessions: dict[SlideView, RelevanceSession] = {}
        self._view, self.session = slide_view, self._session_of(slide_view)
        self.saved = SavedQueries(lambda: self.session.question, slide_view)
        self.panel = QueryPanel(
            themes,
            completions=self._completions,
            history=self.saved.asked,
            tabs=[(strings.OVERLAY_TAB, overlays.page)],
        )
        self.panel.saved.setMenu(self.saved.menu)
        self.thumbnails = HitThumbnails(self.panel.hits.hits)
        self.picker = SlidePicker(slide_view, self)
        self._picks_like = True
        self._marked_for: Query | None = None
        self._listed_for: Query | None = None
        overlays.hide_key.watch(self.panel.hits, self.panel.tabs)
        encoders.add_panel(self.panel)
        self._following = Following(
            {
                "source_changed": self._slide_changed,
                "mpp_changed": self._slide_changed,
                "sharp_changed": self._sharp_changed,
            }
        )
        self._following_session = Following(
            {
                "question_changed": self._show_question,
                "hits_changed": self._show_new_hits,
                "field_changed": self.changed.emit,
                "started": self._started,
                "progressed": self._show_progress,
                "ended": self._ended,
                "explained": self.panel.why.show_explanation,
                "notes_changed": self._show_notes,
                "pixel_size_missing": self.pixel_size_missing.emit,
            }
        )
        self._connect()
        self.follow(slide_view)
        if self.saved.notice:
            self._messages.show_message(MessageKind.WARNING, self.saved.notice, stays=True)

    def follow(self, slide_view: SlideView) -> None:
        """Show and change the search of another view."""
        self._mark(None)
        self._view, self.session = slide_view, self._session_of(slide_view)
        self._following.follow(slide_view)
        self._following_session.follow(self.session)
        self.picker.follow(slide_view)
        self._show_analysis()
        self.panel.why.show_explanation(None)
        self._show_notes()
        self.panel.hits.offer_rows([], anew=True)  # those of the other view do not wait
        self._slide_changed()

    @property
    def has_query(self) -> bool:
        """Whether there is a query now."""
        return self.session.question.query is not None

    @property
    def has_hits(self) -> bool:
        return bool(self.session.hits)

    @property
    def analysing(self) -> bool:
        """Whether an analysis runs that can be paused, or was stopped and can be resumed."""
        return self.session.progress is not None or bool(self.session.end_reason)

    @property
    def paused(self) -> bool:
        """Whether the analysis is paused, or was stopped."""
        progress = self.session.progress
        return bool(self.session.end_reason) if progress is None else progress.paused

    def open_panel(self) -> None:
        """To be called when the panel becomes visible."""
        self._encoders.refresh()
        self._begin_early()

    def apply_settings(self, settings: Settings) -> None:
        """Use changed settings."""
        self._settings = settings
        for session in self._sessions.values():
            session.apply_settings(settings)

    def step_hit(self, step: int) -> None:
        """Go to the next place (1) or the previous one (−1)."""
        self.panel.hits.step(step)

    def explain_here(self) -> None:
        """Show which measurements made the value under the cursor."""
        self.panel.show_why()
        self.session.explain_at(*self.session.pointed_at)

    def add_example_here(self, like: bool) -> None:
        """Take the patch under the cursor as an example."""
        self._add_example_at(*self.session.pointed_at, like)

    def set_paused(self, paused: bool) -> None:
        """Pause the analysis, or resume it."""
        self.session.set_paused(paused)

    def stop(self) -> None:
        """End the analyses of all views, without waiting for their workers; ``close`` waits."""
        for session in self._sessions.values():
            session.stop("")

    def close(self) -> None:
        """End everything within two seconds."""
        self.stop()
        self.thumbnails.close(wait_s=0.3)
        for session in self._sessions.values():
            session.close()

    def _completions(self, text: str) -> tuple[str, ...]:
        """Queries that a half-typed one may become, in the words of the encoder in use."""
        return self.session.lexicon.complete_query(text)

    def _session_of(self, slide_view: SlideView) -> RelevanceSession:
        """The session of a view; its overlay is shown on this view also while another one is active."""
        if slide_view not in self._sessions:
            session = self._sessions[slide_view] = RelevanceSession(slide_view, self._settings)
            session.field_changed.connect(partial(self._show_field, slide_view, session))
            session.failed.connect(partial(self._show_message, MessageKind.WARNING))
        return self._sessions[slide_view]

    def _connect(self) -> None:
        panel, picker, call = self.panel, self.picker, self._call_session
        self._encoders.changed.connect(self._show_encoders)
        self.saved.chosen.connect(partial(call, RelevanceSession.ask_query))
        self.saved.failed.connect(partial(self._show_message, MessageKind.WARNING))
        panel.box.asked.connect(self._ask)
        panel.box.leave_pressed.connect(self._focus_slide)
        panel.query_pressed.connect(panel.box.ask)
        panel.askable_pressed.connect(self._show_askable)
        panel.pixel_size_pressed.connect(self.pixel_size_missing)
        panel.encoder_chosen.connect(self._choose_encoder)
        panel.encoder_facts_pressed.connect(self._show_encoder_facts)
        panel.weights.changed.connect(partial(call, RelevanceSession.set_weights))
        panel.weights.reset_pressed.connect(partial(call, RelevanceSession.reset_weights))
        panel.bar.pause_toggled.connect(self.set_paused)
        panel.bar.stop_pressed.connect(partial(call, RelevanceSession.stop))
        panel.hits.chosen.connect(self._go_to_hit)
        panel.examples.add_pressed.connect(self.add_example_here)
        panel.examples.pick_toggled.connect(self._pick)
        panel.examples.remove_pressed.connect(self._remove_example)
        panel.examples.clear_pressed.connect(partial(call, RelevanceSession.clear))
        picker.clicked.connect(self._clicked)
        picker.framed.connect(self._framed)
        picker.picking_changed.connect(lambda on: None if on else panel.examples.end_picking())

    def _call_session(self, method: Callable[..., None], *arguments: object) -> None:
        """Call a method of the session that is active at that time."""
        method(self.session, *arguments)

    # The query

    def _ask(self, text: str) -> None:
        self.session.ask(text)
        question = self.session.question
        if question.query is not None:
            self._overlays.active.layers.set_visible(True)  # a new query shows its overlay
            self.saved.remember(text)
        if question.query is not None and not question.refused:
            if self._view.source is not None:
                self._focus_slide()
        elif text:
            self.panel.show_places()  # which says what is wrong

    def _focus_slide(self) -> None:
        self._view.setFocus()

    def _show_question(self) -> None:
        if self.session.question.query != self._marked_for:
            self._mark(None)  # the outlined place belongs to another query
        self.panel.show_question(self.session.question)
        self._show_analysis()
        self._show_hits()

    def _started(self) -> None:
        self.panel.bar.begin()
        self._update_hits()

    def _show_progress(self) -> None:
        self._show_analysis()
        self._overlays.active.fields.set_state(analysed_in_words(self.session.progress))
        self._update_hits()

    def _show_analysis(self) -> None:
        session = self.session
        self.panel.bar.take_over(
            session.progress,
            running=session.running,
            ended=session.end_reason,
            asked=not session.question.refused,
        )

    def _ended(self) -> None:
        self._show_analysis()
        self._update_hits()

    def _update_hits(self) -> None:
        """Without places, or with weak ones, show why: that depends on how far the analysis is."""
        if self.has_hits and not self.session.weak:
            self.changed.emit()
        else:
            self._show_hits()

    # Results

    def _show_field(self, slide_view: SlideView, session: RelevanceSession) -> None:
        fields = self._overlays.of(slide_view).fields
        fields.show_field(
            session.field,
            session.question.title,
            state=analysed_in_words(session.progress),
            judgement=session.judgement,
        )
        self.answered.emit(slide_view, session.field)

    def _show_new_hits(self) -> None:
        """Show an answer, from the top where it is the first to its question."""
        anew = self.session.question.query != self._listed_for
        self._listed_for = self.session.question.query if self.has_hits else None
        self._show_hits(anew=anew)

    def _show_hits(self, *, anew: bool = False) -> None:
        session, view = self.session, self._view
        judged, weak, place = session.judgement, session.weak, session.place_in_words
        unit = UNIT if session.field is None else session.field.provenance.unit
        rows = [
            HitRow(number, hit, place(*hit.rect.centre), judged.of_value(hit.score), weak, unit)
            for number, hit in enumerate(session.hits, start=1)
        ]
        progress = session.progress
        done = progress is not None and progress.finished
        self.panel.show_rows(
            rows,
            advice_about(
                session.question,
                slide_open=view.source is not None,
                pixel_size_known=view.mpp_um is not None,
                answered=session.field is not None,
                running=session.running,
                done=done,
                hatched=session.field is not None and session.field.has_gaps,
                by_second=session.by_second_encoder,
            ),
            anew=anew,
            verdict=none_reaches(judged.threshold, session.question.title, done) if weak else "",
        )
        self.changed.emit()

    def _go_to_hit(self, row: HitRow) -> None:
        view = self._view
        mpp_um = view.mpp_um or (MPP_UM_AT_1X, MPP_UM_AT_1X)
        fitting = PATCH_UM / mpp_um[0] / (PATCH_SHARE * min(view.canvas.size_px))
        view.go_to(*row.hit.peak, downsample=max(fitting, 1.0))
        self._mark(row.hit.rect)
        self.session.explain_at(*row.hit.peak)

    def _clicked(self, x: float, y: float) -> None:
        if self.picker.picking:
            self._add_example_at(x, y, self._picks_like)
        elif self.has_query:
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
        self._overlays.of(self._view).vectors.set_shapes(_PRODUCER, shapes)

    # Examples

    def _pick(self, on: bool, like: bool) -> None:
        self._picks_like = like
        if on:
            self.picker.set_picking(True)
        elif not (self.panel.examples.pick_like.isChecked() or self.panel.examples.pick_unlike.isChecked()):
            self.picker.set_picking(False)

    def _remove_example(self, number: int) -> None:
        self.session.ask_like(self.session.question.examples.without(number))

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
        """The slide's patches; None where no analysis can run. A missing pixel size is requested."""
        self.panel.show_similar()
        if self._view.mpp_um is None:
            self.pixel_size_missing.emit()
            return None
        return self.session.grid if self.session.begin() else None

    def _add_examples(self, cells: frozenset[tuple[int, int]], like: bool, at: tuple[float, float]) -> None:
        if not cells:
            self._show_message(MessageKind.INFORMATION, strings.NO_PATCH)
        else:
            try:
                self.session.add_example(Example(cells, like, self.session.place_in_words(*at)))
            except ValueError as error:
                self._show_message(MessageKind.WARNING, strings.NOT_ADDED.format(error=error))

    # Encoders

    def _show_encoders(self) -> None:
        text_encoders = [card for card in self._encoders.cards if card.query_kind != "none"]
        self.panel.show_encoders(text_encoders, self.session.chosen_encoder)

    def _choose_encoder(self, encoder_id: str) -> None:
        """Use another encoder, after its terms were shown if it is used for the first time."""
        accepted, card = self._settings.relevance.accepted_encoders, self._encoders.card(encoder_id)

        def use(accepted: str) -> None:
            changed = self._settings.replace("relevance", encoder=encoder_id, accepted_encoders=accepted)
            self.settings_chosen.emit(changed)

        if encoder_id == self.session.chosen_encoder:
            return
        if card is None:  # the best for each word
            use(accepted)
        else:
            use_after_terms(card, accepted, self._view.window(), use=use, refused=self._show_encoders)

    def _show_askable(self) -> None:
        """List what can be asked, beside the panel."""
        dialog = AskableDialog(self.session.lexicon, self._view.window())
        dialog.asked.connect(self.panel.box.ask)
        show_dialog(dialog)

    def _show_encoder_facts(self) -> None:
        encoder_id = self.panel.encoder.currentData() or self.session.encoder_id
        self._encoders.show_facts(self._encoders.card(encoder_id))

    # The rest

    def _begin_early(self) -> None:
        if self._settings.relevance.analyse_ahead and self.panel.isVisible():
            self.session.begin()

    def _slide_changed(self) -> None:
        self._mark(None)
        self.thumbnails.show_slide(self._view.source, self._view.mpp_um)
        self._show_question()
        self._begin_early()

    def _sharp_changed(self, sharp: bool) -> None:
        self.thumbnails.set_paused(not sharp)

    def _show_notes(self) -> None:
        self.panel.show_notes(self.session.notes)

    def _show_message(self, kind: MessageKind, text: str) -> None:
        self._messages.show_message(kind, text)
