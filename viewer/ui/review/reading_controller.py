"""The case that is read in this window: its panel, the marks on its slides, what is locked, what is recorded.

Everything that the reader does is in the record before the window shows it as done.
"""

from __future__ import annotations

from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut

from viewer.common.errors import FoveolaError
from viewer.common.scale import format_position
from viewer.review.findings.finding import Finding, new_id
from viewer.review.reading.kinds import Mode
from viewer.review.reading.session import ReadingSession
from viewer.slide.geometry import Rect
from viewer.ui.canvas.slide_picker import SlidePicker
from viewer.ui.review import strings
from viewer.ui.review.case_slides import CaseSlides
from viewer.ui.review.finding_marks import marks
from viewer.ui.review.reading_panel import ReadingPanel
from viewer.ui.widgets.following import Following
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from viewer.review.protocols import ReadingProtocol
    from viewer.review.reading.kinds import Answer
    from viewer.review.worklist.worklist import Worklist
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.overlay_controller import OverlayController
    from viewer.ui.review.coverage_controller import CoverageController
    from viewer.ui.widgets.messages import MessageArea

_PRODUCER = "findings"
_MARK_SHARE = 1 / 3
"""Of the view's shorter side that a finding fills when it is gone to."""
_MARK_UM = 64.0
"""Half the side of the extent of what is marked by a click."""
_REFRESH_MS = 2000
"""How often what others, and the program, recorded is read."""


class ReadingController(QObject):
    """``close`` ends the reading of the case, which goes on another time."""

    changed = Signal()
    """A case was opened or left, or what is locked has changed."""
    noted = Signal(str)
    """A sentence for the status line."""
    worklist_pressed = Signal()
    reading_requested = Signal(str)
    """The id of a case that the program is to read now."""

    def __init__(
        self,
        slide_view: SlideView,
        overlays: OverlayController,
        coverage: CoverageController,
        open_slide: Callable[[str], None],
        messages: MessageArea,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._view, self._overlays, self._coverage, self._messages = slide_view, overlays, coverage, messages
        self.session: ReadingSession | None = None
        self.progress: float | None = None
        """Of the program's reading of this case, 0 to 1; None while it does not read it."""
        self._began_s = 0.0
        self.panel = ReadingPanel()
        self.slides = CaseSlides(slide_view, coverage, open_slide, messages, self)
        self.slides.changed.connect(self._show)
        self.slides.left.connect(self.leave)
        self._picker = SlidePicker(slide_view, self)
        self._picker.framed.connect(self._mark_frame)
        self._picker.picking_changed.connect(lambda _on: self.changed.emit())
        self._timer = QTimer(self, interval=_REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self._following = Following({"source_changed": self._draw})
        self._following.follow(slide_view)
        self._connect()
        for number in range(1, 10):
            shortcut = QShortcut(QKeySequence(f"Alt+{number}"), window)
            shortcut.activated.connect(partial(self._mark_as, number))
        self.panel.show_case("", "", [], -1)

    # What is open, and what is locked

    @property
    def is_open(self) -> bool:
        """Whether a case is open."""
        return self.session is not None

    @property
    def locked(self) -> str:
        """Why nothing of the program may be shown; "" where it may be."""
        reading = None if self.session is None else self.session.reading
        if reading is None or reading.signature is not None:
            return ""
        if reading.mode is Mode.UNAIDED:
            return strings.LOCKED_UNAIDED
        return "" if reading.is_revealed else strings.LOCKED

    @property
    def framing(self) -> bool:
        """Whether a drag draws a frame around a finding."""
        return self._picker.picking

    def follow(self, slide_view: SlideView) -> None:
        """Read in another view."""
        self._clear_marks()
        self._view = slide_view
        self._picker.follow(slide_view)
        self.slides.follow(slide_view)
        self._following.follow(slide_view)
        self._lock()
        self._draw()

    def open_case(
        self, worklist: Worklist, case_id: str, reader: str, protocol: ReadingProtocol, mode: Mode
    ) -> None:
        """Open a case, or go on with it where the reader left. Raises FoveolaError; then none is open."""
        self.leave()
        session = ReadingSession(worklist.record, case_id, reader, protocol)
        case = worklist.case(case_id)
        if session.reading.mode is None or session.reading.signature is not None:
            session.open(mode, [slide.slide_id or "" for slide in case.slides])
        self.session = session
        self._began_s = monotonic() - self._recorded_s(session)
        self.panel.opinion.show_questions(protocol.questions)
        self.panel.findings.show_labels(list(dict.fromkeys(query.text for query in protocol.queries)))
        self.panel.sign.propose_name(reader)
        self.slides.open(worklist, case_id, session)
        self._coverage.require(protocol.magnification)
        self._timer.start()
        if (
            not session.reading.slides
            and (protocol.queries or protocol.heads)
            and session.reading.mode is not Mode.UNAIDED
        ):
            self.reading_requested.emit(case_id)
        self._lock()
        self._show()
        assert session.reading.mode is not None
        self.noted.emit(strings.CASE_OPENED.format(case=case_id, mode=session.reading.mode.value))
        self.changed.emit()

    def leave(self) -> None:
        """Keep where the reader is, and close the case."""
        if self.session is None:
            return
        self._picker.set_picking(False)
        self.slides.leave()
        self.session = None
        self.progress = None
        self._timer.stop()
        self._clear_marks()
        self._coverage.require(None)
        self.panel.show_case("", "", [], -1)
        self._lock()
        self.changed.emit()

    def show_progress(self, case_id: str, share: float | None) -> None:
        """How far the program's reading of a case is; None: it has ended."""
        if self.session is not None and self.session.case == case_id:
            self.progress = share
            if share is None:
                self.refresh()
            self._show()

    # What the reader does

    def mark_here(self) -> None:
        """Mark what lies under the pointer, or in the middle of the view."""
        x, y = self.slides.pointed_at
        half_px = _MARK_UM / self.slides.mpp_um
        self._mark((x, y), Rect(x - half_px, y - half_px, x + half_px, y + half_px), ())

    def set_framing(self, on: bool) -> None:
        """Draw a frame around a finding with the next drag."""
        self._picker.set_picking(on and self.is_open)

    def show_page(self, name: str) -> None:
        """Turn to "opinion", "findings" or "sign", with the keyboard."""
        page = {
            "opinion": self.panel.opinion,
            "findings": self.panel.findings,
            "sign": self.panel.sign,
        }[name]
        self.panel.show_page(page)
        if page is self.panel.opinion:
            self.panel.opinion.focus_first()
        elif page is self.panel.findings:
            self.panel.findings.focus_list()
        else:
            self._show_sign()
            self.panel.sign.focus_list()

    def _connect(self) -> None:
        panel = self.panel
        panel.worklist_pressed.connect(self.worklist_pressed)
        panel.slide_chosen.connect(self.slides.show_slide)
        panel.tabs.currentChanged.connect(lambda _index: self._show_sign())
        panel.opinion.record_pressed.connect(self._record_opinion)
        panel.opinion.reveal_pressed.connect(self._reveal)
        panel.findings.chosen.connect(self._go_to)
        panel.findings.answered.connect(self._answer)
        panel.findings.mark_pressed.connect(self.mark_here)
        panel.findings.withdraw_pressed.connect(lambda name: self._do(lambda s: s.withdraw(name)))
        panel.sign.finding_chosen.connect(self._go_to)
        panel.sign.place_chosen.connect(lambda place: self.slides.go_to(*place))
        panel.sign.resolve_pressed.connect(
            lambda name, deferred: self._do(lambda s: s.resolve(name, deferred=deferred))
        )
        panel.sign.sign_pressed.connect(self._sign)

    def _do(self, action: Callable[[ReadingSession], None]) -> bool:
        """Record something; a failure is shown, and then nothing was recorded."""
        if self.session is None:
            return False
        try:
            action(self.session)
        except FoveolaError as error:
            self._messages.show_message(MessageKind.WARNING, str(error))
            if self.session.is_erased:
                self.leave()
            return False
        self._show()
        return True

    def _record_opinion(self, answers: dict[str, object], confidence: int | None, reason: str) -> None:
        time_s = monotonic() - self._began_s
        if self._do(lambda s: s.give_opinion(answers, confidence, time_s, reason)):
            self.panel.opinion.reason.clear()
            self.noted.emit(strings.OPINION_RECORDED)

    def _reveal(self) -> None:
        assert self.session is not None
        asks = self.session.protocol.queries or self.session.protocol.heads
        if asks and not self.session.reading.slides:
            # What is marked from then on would count as marked after the findings were shown.
            text = strings.NOT_READ if self.progress is None else self._heading_while_read()
            self._messages.show_message(MessageKind.INFORMATION, f"{text} {strings.SIGN_WITHOUT}")
            return
        if self._do(ReadingSession.reveal):
            self._lock()
            self.changed.emit()
            self.show_page("findings")

    def _answer(self, finding: str, answer: Answer, code: str, text: str) -> None:
        if self._do(lambda s: s.answer(finding, answer, code, text)):
            self.panel.findings.step(1)

    def _sign(self, name: str, reason: str) -> None:
        figures = self.slides.figures()

        def sign(session: ReadingSession) -> None:
            if session.is_to_adjudicate:
                session.adjudicate(name, reason)
            else:
                session.sign(name, strings.MEANING, figures)

        if self._do(sign):
            self._lock()
            self.changed.emit()

    def _mark_as(self, number: int) -> None:
        if self.is_open and self._view.source is not None and self.panel.findings.choose_label(number):
            self.mark_here()

    def _mark_frame(self, corners: tuple[tuple[float, float], ...]) -> None:
        xs, ys = zip(*corners, strict=True)
        middle = sum(xs) / len(xs), sum(ys) / len(ys)
        self._mark(middle, Rect(min(xs), min(ys), max(xs), max(ys)), corners)
        self._picker.set_picking(False)

    def _mark(
        self, point: tuple[float, float], extent: Rect, outline: tuple[tuple[float, float], ...]
    ) -> None:
        slide_id = self.slides.slide_id
        if slide_id is None:
            if self.is_open:
                self.noted.emit(strings.NOT_MARKED)
            return
        label = self.panel.findings.label_box.currentData() or ""
        finding = Finding(new_id(), slide_id, label, point, extent, outline=outline)
        if self._do(lambda s: s.mark(finding)):
            self.noted.emit(
                strings.MARKED.format(label=label or strings.NO_CLASS, place=self._in_words(finding))
            )

    def _go_to(self, finding: Finding) -> None:
        side_px = max(finding.extent.width, finding.extent.height, 1.0)
        fitting = side_px / (_MARK_SHARE * min(self._view.canvas.size_px))
        self.slides.go_to(finding.slide_id, *finding.point, downsample=max(fitting, 1.0))
        self._draw()

    # Showing

    def refresh(self) -> None:
        """Read what others recorded meanwhile."""
        if self.session is None:
            return
        try:
            has_news = self.session.refresh()
        except FoveolaError as error:
            self._messages.show_message(MessageKind.WARNING, str(error))
            return
        if self.session.is_erased:
            self._messages.show_message(
                MessageKind.WARNING, strings.CASE_ERASED.format(case=self.session.case)
            )
            self.leave()
        elif has_news:
            self._show()

    def _show(self) -> None:
        """Show the reading as it is recorded."""
        if self.session is None:
            return
        reading, protocol = self.session.reading, self.session.protocol
        can_reveal = (
            reading.mode is Mode.BLINDED_FIRST and reading.first is not None and not reading.is_revealed
        )
        self.panel.show_case(*self.slides.described(protocol, reading))
        self.panel.opinion.show_reading(reading, can_reveal=can_reveal)
        self.panel.findings.show_findings(reading, self._heading(), self._in_words)
        found = self.session.discordances
        self.panel.show_counts(len(reading.shown), sum(one.state == "open" for one in found))
        self.panel.sign.show_reading(reading, found)
        self.panel.sign.show_others(self._others_in_words(), adjudicates=self.session.is_to_adjudicate)
        self._show_sign()
        self._draw()

    def _others_in_words(self) -> list[str]:
        """What the readers who signed have answered, once this one has an opinion."""
        assert self.session is not None
        if self.session.reading.first is None:
            return []
        questions = self.session.protocol.questions
        return [
            strings.OTHER_OPINION.format(
                number=number,
                answers="; ".join(
                    f"{one.text} {opinion.answers[one.id]}" for one in questions if one.id in opinion.answers
                ),
            )
            for number, opinion in enumerate(self.session.others, 1)
        ]

    def _show_sign(self) -> None:
        if self.session is not None and self.panel.sign.isVisible():
            self.panel.sign.show_displayed(*self.slides.displayed(self._in_words))

    def _heading(self) -> str:
        assert self.session is not None
        reading = self.session.reading
        if reading.mode is Mode.UNAIDED:
            return strings.UNAIDED_FINDINGS
        if not reading.is_revealed:
            return strings.LOCKED_FINDINGS
        if self.progress is not None:
            return self._heading_while_read()
        if not reading.slides:
            return strings.NOT_READ
        count = len(reading.proposed)
        return strings.SOME_FINDINGS[count == 1].format(count=count) if count else strings.NO_FINDINGS

    def _heading_while_read(self) -> str:
        return strings.READING_NOW.format(percent=100 * (self.progress or 0.0))

    def _in_words(self, finding: Finding) -> str:
        return format_position(*finding.point, mpp_um=self._view.mpp_um)

    def _draw(self) -> None:
        """Draw the marks of the slide that is shown."""
        if self.session is None:
            return
        current = self.panel.findings.current
        here = [one for one in self.session.reading.shown if one.slide_id == self.slides.slide_id]
        shapes = marks(here, "" if current is None else current.id)
        self._overlays.of(self._view).vectors.set_shapes(_PRODUCER, shapes)

    def _clear_marks(self) -> None:
        self._overlays.of(self._view).vectors.set_shapes(_PRODUCER, ())

    def _lock(self) -> None:
        self._overlays.set_locked({"coverage"} if self.locked else None)

    @staticmethod
    def _recorded_s(session: ReadingSession) -> float:
        """How long the case was read before it was left, as far as that is recorded."""
        last = session.reading.last
        return 0.0 if last is None else last.time_s
