"""The slides of the case that is read: which is shown, whether it is the same still, what was displayed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from viewer.common.errors import FoveolaError
from viewer.common.log import logger
from viewer.review.coverage import OVERVIEW, packed, unpack_into
from viewer.review.reading.kinds import Kind
from viewer.review.worklist.case import Place
from viewer.slide.identity import slide_identity
from viewer.slide.locator import Locator
from viewer.slide.source import SlideError
from viewer.ui.review import strings
from viewer.ui.widgets.following import Following
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.review.findings.finding import Finding
    from viewer.review.protocols import ReadingProtocol
    from viewer.review.reading.reading import Reading
    from viewer.review.reading.session import ReadingSession
    from viewer.review.worklist.case import Case
    from viewer.review.worklist.worklist import Worklist
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.review.coverage_controller import CoverageController
    from viewer.ui.widgets.messages import MessageArea

log = logger("review")

_KEEP_MS = 60_000
"""How often the place and what was displayed are recorded; what is lost with the power is no more."""
_MOST_PLACES = 20
_UNKNOWN_MPP_UM = 0.25


class CaseSlides(QObject):
    """Of one case at a time. ``left``: the reader chose to leave the case."""

    changed = Signal()
    left = Signal()

    def __init__(
        self,
        slide_view: SlideView,
        coverage: CoverageController,
        open_slide: Callable[[str], None],
        messages: MessageArea,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._view, self._coverage, self._messages = slide_view, coverage, messages
        self._open_slide = open_slide
        self._worklist: Worklist | None = None
        self._session: ReadingSession | None = None
        self._case: Case | None = None
        self._number = 0
        self._is_same = False
        """Whether the slide in the view is the one of the case."""
        self._figures: dict[str, dict[str, Any]] = {}
        """By slide id, the figures at the time when another slide was opened."""
        self._go_to_then: tuple[float, float, float | None] | None = None
        self._timer = QTimer(self, interval=_KEEP_MS)
        self._timer.timeout.connect(self.keep)
        self._cursor: tuple[float, float] | None = None
        self._following = Following(
            {"source_changed": self._source_changed, "cursor_moved": self._cursor_moved}
        )
        self._following.follow(slide_view)

    def follow(self, slide_view: SlideView) -> None:
        """Show them in another view."""
        self.keep()
        self._view = slide_view
        self._following.follow(slide_view)
        self._source_changed()

    @property
    def slide_id(self) -> str | None:
        """Of the slide that is shown; None where it is none of the case's."""
        return self._case.slides[self._number].slide_id if self._case is not None and self._is_same else None

    @property
    def mpp_um(self) -> float:
        """Of the slide that is shown."""
        mpp_um = self._view.mpp_um
        return _UNKNOWN_MPP_UM if mpp_um is None else sum(mpp_um) / 2

    @property
    def pointed_at(self) -> tuple[float, float]:
        """The slide point under the pointer, or in the middle of the view without one."""
        now = self._view.camera.view
        return self._cursor or (now.centre_x, now.centre_y)

    def open(self, worklist: Worklist, case_id: str, session: ReadingSession) -> None:
        """Show the slide of a case at which the reader left, or the first."""
        self._worklist, self._session, self._case = worklist, session, worklist.case(case_id)
        self._figures.clear()
        place = self._case.places.get(session.reader)
        self._number = place.slide if place is not None and place.slide < len(self._case.slides) else 0
        self._timer.start()
        self.show_slide(self._number)

    def leave(self) -> None:
        """Record where the reader is, and forget the case."""
        self.keep()
        self._timer.stop()
        self._worklist = self._session = self._case = None
        self._is_same = False

    def show_slide(self, number: int) -> None:
        """Open one of the slides, by its number from 0."""
        assert self._case is not None
        self.keep()
        self._number, self._is_same = number, False
        path = self._case.slides[number].path
        source = self._view.source
        if source is not None and source.info.locator == Locator.parse(path):
            self._source_changed()
        else:
            self._open_slide(path)
        self.changed.emit()

    def go_to(self, slide_id: str, x: float, y: float, downsample: float | None = None) -> None:
        """Go to a point of a slide of the case, which is opened where another one is shown."""
        if slide_id == self.slide_id:
            self._view.go_to(x, y, downsample=downsample)
            return
        numbers = (
            [n for n, slide in enumerate(self._case.slides) if slide.slide_id == slide_id]
            if self._case
            else []
        )
        if numbers:
            self._go_to_then = x, y, downsample
            self.show_slide(numbers[0])

    def described(self, protocol: ReadingProtocol, reading: Reading) -> tuple[str, str, list[str], int]:
        """Title, facts, names of the slides and the number of the one that is shown, for the panel."""
        assert self._case is not None
        case = self._case
        mode = reading.mode.value if reading.mode is not None else ""
        facts = strings.CASE_FACTS.format(protocol=protocol.title, mode=mode)
        if case.question:
            facts = f"{facts}\n{strings.QUESTION.format(question=case.question)}"
        names = []
        for number, slide in enumerate(case.slides, 1):
            known = ", ".join(filter(None, (slide.site, slide.stain)))
            names.append(strings.SLIDE_OF_CASE.format(number=number, facts=f": {known}" if known else ""))
        return case.title or case.id, facts, names, self._number

    # What was displayed

    def figures(self) -> dict[str, Any]:
        """By slide id, shares of the tissue that were displayed; only of slides that were opened and whose
        tissue was found."""
        self._take_figures()
        return dict(self._figures)

    def displayed(
        self, in_words: Callable[[Finding], str]
    ) -> tuple[str, list[tuple[str, tuple[str, float, float]]]]:
        """Sentences on each slide, and places of the shown one that were not displayed: tissue at the asked
        magnification, and findings at any."""
        assert self._case is not None
        assert self._session is not None
        self._take_figures()
        protocol = self._session.protocol
        lines = []
        for number, slide in enumerate(self._case.slides, 1):
            name = strings.SLIDE_OF_CASE.format(number=number, facts="")
            figures = self._figures.get(slide.slide_id or "")
            lines.append(
                strings.DISPLAYED_UNKNOWN.format(slide=name)
                if figures is None
                else strings.DISPLAYED.format(
                    slide=name,
                    share=100 * figures["at_magnification"],
                    magnification=protocol.magnification,
                    wanted=100 * protocol.coverage_share,
                )
            )
        return "\n".join(lines), [*self._findings_not_displayed(in_words), *self._tissue_not_displayed()]

    def _findings_not_displayed(
        self, in_words: Callable[[Finding], str]
    ) -> list[tuple[str, tuple[str, float, float]]]:
        coverage, session = self._coverage.recorder.coverage, self._session
        if coverage is None or session is None or self.slide_id is None:
            return []
        shown = coverage.displayed(OVERVIEW)
        found = []
        for finding in session.reading.shown:
            if finding.slide_id != self.slide_id or not finding.by_program:
                continue
            column, row = (int(place / coverage.cell_px) for place in finding.point)
            if row < shown.shape[0] and column < shown.shape[1] and not shown[row, column]:
                text = strings.FINDING_PLACE.format(label=finding.label, place=in_words(finding))
                found.append((text, (finding.slide_id, *finding.point)))
        return found

    def _tissue_not_displayed(self) -> list[tuple[str, tuple[str, float, float]]]:
        slide_id, session = self.slide_id, self._session
        if slide_id is None or session is None:
            return []
        places = self._coverage.places_not_displayed(_MOST_PLACES)
        text = strings.TISSUE_PLACE
        magnification = session.protocol.magnification
        return [
            (text.format(magnification=magnification, place=self._coverage.in_words(*at)), (slide_id, *at))
            for at in places
        ]

    def _take_figures(self) -> None:
        slide_id, found = self.slide_id, self._coverage.shares
        if slide_id is not None and found is not None:
            self._figures[slide_id] = {
                "at_magnification": round(found.at_magnification, 4),
                "less_magnified": round(found.less_magnified, 4),
                "overview": round(found.overview, 4),
                "magnification": self._coverage.required,
            }

    # Recording

    def keep(self) -> None:
        """Record where the reader is, and what was displayed of the slide so far."""
        slide_id, worklist, session = self.slide_id, self._worklist, self._session
        coverage = self._coverage.recorder.coverage
        if slide_id is None or worklist is None or session is None or coverage is None or session.is_erased:
            return
        self._take_figures()
        payload = {"displayed": packed(coverage), "shares": self._figures.get(slide_id)}
        before = session.reading.viewed.get(slide_id, {})
        try:
            if session.reading.signature is None and before.get("displayed") != payload["displayed"]:
                worklist.leave(session.case, session.reader, Place(self._number, self._view.camera.target))
                session.viewed(slide_id, payload)
        except FoveolaError as error:
            self._messages.show_message(MessageKind.WARNING, str(error))

    def _cursor_moved(self, *at: Any) -> None:
        self._cursor = (float(at[0]), float(at[1])) if len(at) == 2 and None not in at else None

    def _source_changed(self) -> None:
        """Another slide is shown: whether it is the one of the case."""
        self._is_same = False
        source, case, worklist = self._view.source, self._case, self._worklist
        if source is None or case is None or worklist is None:
            return
        slide = case.slides[self._number]
        if source.info.locator != Locator.parse(slide.path):
            self.changed.emit()
            return
        try:
            found = slide_identity(source)
        except SlideError as error:
            self._messages.show_message(MessageKind.WARNING, str(error))
            return
        if slide.slide_id is None:
            try:
                self._record_identity(found)
            except FoveolaError as error:
                self._messages.show_message(MessageKind.WARNING, str(error))
                return
        elif slide.slide_id != found:
            name = Path(slide.path).name
            self._messages.show_message(
                MessageKind.WARNING,
                strings.SLIDE_CHANGED.format(slide=name),
                buttons={
                    strings.USE_CHANGED: partial(self._use_changed, found),
                    strings.LEAVE_CASE: self.left.emit,
                },
                stays=True,
            )
            return
        self._begin_slide()

    def _record_identity(self, found: str) -> None:
        assert self._case is not None
        assert self._worklist is not None
        assert self._session is not None
        slides = list(self._case.slides)
        slides[self._number] = replace(slides[self._number], slide_id=found)
        self._case = self._worklist.change(self._case.id, self._session.reader, slides=slides)

    def _use_changed(self, found: str) -> None:
        assert self._case is not None
        assert self._worklist is not None
        assert self._session is not None
        slide = self._case.slides[self._number]
        payload = {
            "slide": self._number,
            "path": slide.path,
            "slide_id": found,
            "before": slide.slide_id,
        }
        try:
            reader = self._session.reader
            self._case = self._worklist.append(self._case.id, Kind.REPLACED.value, reader, payload)
        except FoveolaError as error:
            self._messages.show_message(MessageKind.WARNING, str(error))
            return
        self._begin_slide()

    def _begin_slide(self) -> None:
        """Go where the reader left, with what was displayed then."""
        assert self._case is not None
        assert self._session is not None
        self._is_same = True
        self._coverage.find_tissue()
        slide_id, coverage = self.slide_id, self._coverage.recorder.coverage
        viewed = self._session.reading.viewed.get(slide_id or "", {})
        if coverage is not None and "displayed" in viewed:
            try:
                unpack_into(coverage, str(viewed["displayed"]))
            except ValueError as error:
                log.warning("what was displayed of %s cannot be read: %s", slide_id, error)
        if self._go_to_then is not None:
            x, y, downsample = self._go_to_then
            self._go_to_then = None
            self._view.go_to(x, y, downsample=downsample)
        else:
            place = self._case.places.get(self._session.reader)
            if place is not None and place.slide == self._number:
                self._view.restore(place.view)
        self.changed.emit()
