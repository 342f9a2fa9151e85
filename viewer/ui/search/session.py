"""The search of one slide view: questions go to the relevance worker, answers come back as signals.

The worker starts with the first question, or when the panel is shown and the settings let it begin early; it
ends with the slide. Nothing is computed here: ``viewer.relevance`` parses queries and ranks places.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from viewer.common.scale import format_position
from viewer.relevance.encoders.vocabulary import judgement_of
from viewer.relevance.patches.peaks import Places, find_places
from viewer.relevance.query.tree import Like, text_of, with_weights
from viewer.relevance.worker.messages import (
    Allocated,
    ComputingOn,
    Explained,
    Progress,
    Published,
    Refused,
    TermsMatched,
)
from viewer.relevance.worker.session import SessionCallbacks
from viewer.ui.canvas.viewport_report import session_of
from viewer.ui.search import strings
from viewer.ui.search.search_state import Explanation, Question
from viewer.ui.search.word_reader import WordReader
from viewer.ui.widgets.background_worker import BackgroundWorker
from viewer.ui.widgets.gui_thread import GuiThreadQueue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.common.settings import Settings
    from viewer.relevance.encoders.tissue.meaning import Judgement
    from viewer.relevance.patches.field import RelevanceField
    from viewer.relevance.patches.grid import PatchGrid
    from viewer.relevance.patches.peaks import Hit
    from viewer.relevance.query.lexicon import Lexicon
    from viewer.relevance.query.tree import Query
    from viewer.relevance.worker.client import RelevanceClient
    from viewer.relevance.worker.messages import Event
    from viewer.relevance.worker.session import MakeClient
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.search.search_state import Example, Examples


class RelevanceSession(QObject):
    """Belongs to one ``SlideView``. ``close`` ends the worker and its threads."""

    question_changed = Signal()
    field_changed = Signal()
    hits_changed = Signal()
    started = Signal()
    """A worker was started."""
    progressed = Signal(object)
    """A Progress."""
    ended = Signal(str)
    """The reason why the analysis ended before it was done; "" with its slide."""
    explained = Signal(object)
    """An Explanation, or None."""
    notes_changed = Signal()
    failed = Signal(str)
    """A message about what went wrong."""
    pixel_size_missing = Signal()
    """A question needs the pixel size of a slide that does not state it."""

    def __init__(
        self,
        slide_view: SlideView,
        settings: Settings,
        *,
        make_client: MakeClient | None = None,
    ) -> None:
        super().__init__(slide_view)
        self._view = slide_view
        self._settings = settings
        self._words = WordReader(settings.relevance.encoder)
        self._outbox = GuiThreadQueue()
        self._ranking = BackgroundWorker("ranking")
        self._question = Question()
        self._end_reason = ""
        self._number = -1
        self._field: RelevanceField | None = None
        self._places = Places()
        self._ranked = -1
        """The number of the question that they answer."""
        self._explanation: Explanation | None = None
        self._explained_cell: tuple[int, int] | None = None
        self._cursor: tuple[float, float] | None = None
        self._held: tuple[float, float] | None = None
        self._ranking_busy = self._ranking_due = False
        callbacks = SessionCallbacks(
            began=self._began,
            ended=self._ended,
            failed=self.failed.emit,
            notes_changed=self.notes_changed.emit,
            event=self._take,
        )
        self._session = session_of(slide_view, self._outbox, callbacks, make_client)
        slide_view.source_changed.connect(self._slide_changed)
        slide_view.mpp_changed.connect(self._begin_anew)  # another grid
        slide_view.cursor_moved.connect(self._cursor_moved)

    @property
    def question(self) -> Question:
        return self._question

    @property
    def field(self) -> RelevanceField | None:
        """The scores so far; None before the first answer."""
        return self._field

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The places found, most alike first."""
        return self._places.hits

    @property
    def weak(self) -> bool:
        """Whether no place reaches the threshold of the question, and those found are only the most alike."""
        return self._places.weak and self._ranked == self._number

    @property
    def judgement(self) -> Judgement:
        """What is known of the values of this question."""
        return judgement_of(self._words.encoder_id, self._question.query)

    @property
    def progress(self) -> Progress | None:
        """How far the analysis is, None while none runs."""
        return self._session.progress

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes of the analysis of this slide, in whole sentences."""
        return self._session.notes

    @property
    def running(self) -> bool:
        """Whether there is a worker for this slide."""
        return self._client is not None

    @property
    def end_reason(self) -> str:
        """Why the last analysis of this slide ended before it was done; "" while one runs, or without one."""
        return self._end_reason

    @property
    def encoder_id(self) -> str:
        """The encoder that answers now: the chosen one, else the one that the question needs."""
        return self._words.encoder_id

    @property
    def by_second_encoder(self) -> bool:
        """Whether a word needs one that takes longer."""
        return self._words.needs_second(self._question.query)

    @property
    def chosen_encoder(self) -> str:
        """The encoder that the reader chose; "" for the best for each word."""
        return self._words.chosen

    @property
    def _client(self) -> RelevanceClient | None:
        return self._session.client

    def apply_settings(self, settings: Settings) -> None:
        """Use changed settings. Another encoder answers the same question anew."""
        before, chosen = self.chosen_encoder, settings.relevance.encoder
        self._settings = settings
        if not settings.relevance.steers_loading:
            self._view.set_region_loads(None)
        if chosen == before:
            return
        question = self._words.choose(chosen, self._question)
        if self._client is not None:
            self.stop("")
            self._forget_answers()
            self._set_question(question)
        else:
            self._question = question
            self.question_changed.emit()

    def begin(self) -> bool:
        """Start the analysis, also before there is a question. False where it cannot run: no slide, no pixel
        size, or an impossible one, which also emits ``failed``."""
        relevance = self._settings.relevance
        return self._session.begin(
            self._words.encoder_id, store_bytes=relevance.store_bytes, threads=relevance.worker_threads
        )

    def ask(self, text: str) -> None:
        """Ask a query as text, in place of any examples; "" ends the present question. Words that the lexicon
        lacks are matched by their meaning first, where a worker runs that has the model for it.
        """
        if not text.strip():
            self.clear()
            return
        self._set_question(self._words.read(Question(text.strip())))

    def ask_query(self, query: Query) -> None:
        """Ask a saved query, with its saved weights."""
        self._set_question(Question(text_of(query), query, query))

    def ask_like(self, examples: Examples) -> None:
        """Ask for places like the examples and unlike the counter-examples; with counter-examples alone, or
        none at all, the question ends."""
        positives, negatives = examples.positives, examples.negatives
        query = Like(positives, negatives) if positives else None
        self._set_question(Question("", query, query, examples=examples))

    def add_example(self, example: Example) -> None:
        """Ask with one more example. Raises ValueError where there are too many."""
        self.ask_like(self._question.examples.added(example))

    def set_weights(self, leaf: int, weights: Sequence[tuple[str, float]]) -> None:
        """Ask with other (concept id, weight) pairs for the term of number ``leaf``."""
        if self._question.query is not None:
            query = with_weights(self._question.query, leaf, tuple(weights))
            self._set_question(replace(self._question, query=query))

    def reset_weights(self) -> None:
        """Ask with the weights that the text alone gives."""
        self._set_question(replace(self._question, query=self._question.as_read))

    def clear(self) -> None:
        """End the question. The analysis goes on, for the next one."""
        self._set_question(Question())

    def set_paused(self, paused: bool) -> None:
        """Pause the analysis, or resume it, also one that was stopped."""
        if paused or self.running:
            self._session.set_paused(paused)
        elif self._question.query is not None:
            self._send_question()
        else:
            self.begin()

    def stop(self, reason: str = strings.STOPPED) -> None:
        """End the worker. What was found stays visible."""
        self._session.stop(reason)

    def explain_at(self, x: float, y: float) -> None:
        """Emit ``explained`` for a slide point; its reasons follow when the worker has them."""
        field, question = self._field, self._question
        cell = None if field is None else field.grid.cell_at(x, y)
        if field is None or cell is None or self._client is None:
            self._set_explanation(None)
            return
        known, estimated = bool(field.known[cell]), bool(field.estimated[cell])
        self._explained_cell = cell
        parts = question.unexplained if known else ()
        score = float(field.scores[cell]) if known or estimated else None
        self._set_explanation(
            Explanation(
                self.place_in_words(*field.grid.rect(*cell).centre),
                score,
                estimated,
                parts,
                self.judgement.of_value(score),
                field.provenance.unit,
            )
        )
        for number in range(len(parts)):
            self._client.explain(number, *cell)

    def close(self) -> None:
        """End everything, within two seconds."""
        self._outbox.close()
        self._ranking.close(wait_s=0.3)
        self._session.close()

    def place_in_words(self, x: float, y: float) -> str:
        """A slide point as the status line writes it."""
        return format_position(x, y, mpp_um=self._view.mpp_um)

    @property
    def grid(self) -> PatchGrid | None:
        """The patches of the slide; None while no analysis runs."""
        return None if self._client is None else self._client.grid

    @property
    def pointed_at(self) -> tuple[float, float]:
        """The slide point under the cursor, or in the middle of the view without one; while a menu is open,
        the one that it was opened for."""
        now = self._view.camera.view
        return self._held or self._cursor or (now.centre_x, now.centre_y)

    def hold(self, at: tuple[float, float] | None) -> None:
        """Point at a slide point, wherever the cursor is; None: at the cursor again."""
        self._held = at

    # The question

    @property
    def lexicon(self) -> Lexicon:
        """The terms that the encoder knows."""
        return self._words.lexicon

    def _set_question(self, question: Question) -> None:
        changed = question.query != self._question.query
        if question.text != self._question.text:
            self._places = Places()  # those of other words are no answer to these
        if self._words.turns_to(question.query, running=self.running) and self.running:
            self.stop("")
            self._forget_answers()
        self._question = question = self._words.checked(question)
        if changed:
            self._ranked = -1
            self._set_explanation(None)
        if question.query is None or question.refused:
            self._forget_answers()
        self.question_changed.emit()
        if question.query is not None and self._view.source is not None:
            if self._view.mpp_um is None and not question.refused:
                self.pixel_size_missing.emit()
            self._send_question()

    def _send_question(self) -> None:
        question = self._question
        if question.query is None or not self.begin():
            return
        assert self._client is not None
        if question.unknown and not question.matched and self._words.of_concepts:
            self._number = self._client.match_terms(question.unknown)
        else:
            self._number = self._client.set_query(question.query)

    def _forget_answers(self) -> None:
        self._number = -1
        self._field, self._places = None, Places()
        self.field_changed.emit()
        self.hits_changed.emit()

    # The worker

    def _began(self) -> None:
        self._end_reason = ""
        self.started.emit()

    def _ended(self, reason: str) -> None:
        self._end_reason = reason
        self.ended.emit(reason)

    def _take(self, event: Event) -> None:
        match event:
            case Progress():
                self.progressed.emit(event)
            case Published() if event.number == self._number:
                self._take_field()
            case TermsMatched() if event.number == self._number:
                self._take_matches(event)
            case Allocated():
                self._take_loads()
            case ComputingOn():
                self._view.compute_device = event.name
            case Explained():
                self._take_reasons(event)
            case Refused() if event.number == self._number:
                self._question = replace(self._question, refused=event.reason)
                self._forget_answers()
                self.question_changed.emit()

    def _take_matches(self, event: TermsMatched) -> None:
        """Parse the text again, to offer the nearest phrases of unknown words."""
        matched = replace(self._question, matched=True)
        self._set_question(self._words.read(matched, dict(event.nearest).get))

    def _take_field(self) -> None:
        assert self._client is not None
        self._field = self._client.field()
        self.field_changed.emit()
        self._ranking_due = True
        self._rank()

    def _take_loads(self) -> None:
        assert self._client is not None
        loads = self._client.loads()
        if loads is not None and self._settings.relevance.steers_loading:
            grid = self._client.grid
            self._view.set_region_loads(loads, grid.patch_width_px, grid.patch_height_px)

    def _rank(self) -> None:
        """Rank the newest field in a thread, one field at a time."""
        field = self._field
        if self._ranking_busy or not self._ranking_due or field is None:
            return
        self._ranking_busy, self._ranking_due = True, False
        number, threshold = self._number, self.judgement.threshold

        def ranked(places: Places) -> None:
            self._ranking_busy = False
            if number == self._number:
                self._places, self._ranked = places, number
                self.hits_changed.emit()
            self._rank()

        def not_ranked(error: Exception) -> None:
            self._ranking_busy = False
            self.failed.emit(strings.RANKING_FAILED.format(error=error))

        self._ranking.run(lambda: find_places(field, threshold), ranked, not_ranked)

    def _take_reasons(self, event: Explained) -> None:
        shown = self._explanation
        if shown is None or (event.row, event.col) != self._explained_cell or event.leaf >= len(shown.leaves):
            return
        parts = list(shown.leaves)
        parts[event.leaf] = replace(parts[event.leaf], reasons=event.reasons)
        self._set_explanation(replace(shown, leaves=tuple(parts)))

    def _set_explanation(self, explanation: Explanation | None) -> None:
        self._explanation = explanation
        self.explained.emit(explanation)

    # The slide and the cursor

    def _slide_changed(self) -> None:
        """Start a new worker for another slide, with the same question."""
        self._cursor = None
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._session.forget()
        self._end_reason = ""
        self._set_explanation(None)
        self._forget_answers()
        # Examples are patches of the previous grid.
        by_examples = bool(self._question.examples.items)
        question = Question() if by_examples else self._question
        self._words.turns_to(question.query, running=False)
        self._question = self._words.checked(question)
        self.question_changed.emit()
        self._send_question()

    def _cursor_moved(self, at: tuple[float, float] | None) -> None:
        self._cursor = at
        self._session.schedule_viewport()
