"""A case of one phantom slide, read blinded by a scripted reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from viewer.review.coverage import Coverage, packed
from viewer.review.database.record import open_record
from viewer.review.findings.finding import Finding, Maker
from viewer.review.protocols import find_protocol, own_folder
from viewer.review.reading.kinds import Answer, Mode
from viewer.review.reading.session import ReadingSession
from viewer.review.worklist.new_case import cases_of_folder
from viewer.review.worklist.worklist import Worklist
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import Rect
from viewer.slide.identity import slide_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from viewer.review.database.record import Record

PROTOCOL = """
title = "Test"
purpose = "Tests."
limits = "Nothing but tests."
[[query]]
text = "necrosis"
threshold = 0.6
[[question]]
id = "abnormal"
text = "Abnormal?"
kind = "yes/no"
[[question]]
id = "remarks"
text = "Remarks"
kind = "text"
[coverage]
magnification = 10
share = 0.9
[findings]
most = 10000
least_um = 0
merge_um = 20
"""
MAKER = Maker("measured", "Measured concepts", "version 1", "necrosis", 0.6, "likeness")
READER = "r1 <b>bold</b> \u202eevil"
SIZE_PX = 1024
DISPLAYED = {"at_magnification": 0.41, "less_magnified": 0.3, "overview": 0.29, "magnification": 10.0}
FILE_NAME = "Jane Doe.tif"


def found(number: int, x: float, y: float, slide_id: str, *, by_program: bool = True) -> Finding:
    """A finding of 100 px around a point."""
    return Finding(
        f"f-{number:012x}",
        slide_id,
        "necrosis",
        (x, y),
        Rect(x - 50, y - 50, x + 50, y + 50),
        0.9 - number / 1e6 if by_program else None,
        MAKER if by_program else None,
        ("dense <i>nuclei</i>",) if by_program else (),
    )


@dataclass
class Scripted:
    """The case, and steps of its reader; ``proposed`` findings are on the slide."""

    record: Record
    slide: Path
    case_id: str
    slide_id: str

    def session(self, reader: str = READER) -> ReadingSession:
        return ReadingSession(self.record, self.case_id, reader, find_protocol("test"))

    def propose(self, count: int = 3) -> None:
        """By the program: findings in a row."""
        findings = [found(n, 100.0 + n % 800, 500.0 + n // 800, self.slide_id) for n in range(count)]
        payload = {
            "slide_id": self.slide_id,
            "mpp_um": 0.5,
            "findings": [finding.as_json() for finding in findings],
            "asked": [{"text": "necrosis", **MAKER.as_json(), "patches": 9, "unread": 0, "highest": 0.9}],
            "not_analysed": [["granuloma", f"{self.slide}: it cannot be measured"]],
            "notes": ["A note."],
        }
        self.record.append(self.case_id, "findings read", "", payload)

    def begin(self, reader: str = READER) -> ReadingSession:
        """Up to the first opinion and a mark of the reader's own."""
        session = self.session(reader)
        session.open(Mode.BLINDED_FIRST, [self.slide_id])
        session.mark(found(0xFFFF, 800, 200, self.slide_id, by_program=False))
        session.give_opinion({"abnormal": "no", "remarks": None}, 70, 95.4)
        return session

    def finish(self, session: ReadingSession) -> None:
        """Reveal, answer, revise, sign."""
        session.reveal()
        session.answer("f-000000000000", Answer.DISAGREE, "benign mimic", "a <script>alert(1)</script>")
        session.give_opinion({"abnormal": "yes", "remarks": "more"}, 85, 190, "finding 1")
        coverage = Coverage((SIZE_PX, SIZE_PX))
        coverage.seconds[3, :, : coverage.shape[1] // 2] = np.float32(2)
        session.viewed(self.slide_id, {"displayed": packed(coverage), "shares": DISPLAYED})
        for one in session.discordances:
            if one.state == "open":
                session.resolve(one.id, deferred=one.kind == "extra", text="considered")
        session.sign("Ada", "I have read it.", {self.slide_id: DISPLAYED})


@pytest.fixture
def scripted(tmp_path: Path, copy_phantom: Callable[[Path, int], Path]) -> Iterator[Scripted]:
    folder = tmp_path / "slides"
    folder.mkdir()
    slide = copy_phantom(folder / FILE_NAME, SIZE_PX)
    own_folder().mkdir(parents=True, exist_ok=True)
    (own_folder() / "test.toml").write_text(PROTOCOL)
    source = open_slide(slide)
    slide_id = slide_identity(source)
    source.close()
    with open_record() as record:
        worklist = Worklist(record)
        (case_id,) = worklist.add(cases_of_folder(folder, "test"), "r1").ids
        case = worklist.case(case_id)
        slides = [type(case.slides[0])(case.slides[0].path, slide_id, "colon", "H&E")]
        worklist.change(case_id, "", slides=slides)
        yield Scripted(record, slide, case_id, slide_id)
