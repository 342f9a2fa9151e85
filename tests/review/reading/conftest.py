"""A record in a file, a protocol with one question of each kind, and a session of one reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from viewer.review.database.record import open_record
from viewer.review.findings.finding import Finding, Maker, new_id
from viewer.review.protocols import parse_protocol
from viewer.review.reading.kinds import Mode
from viewer.review.reading.session import ReadingSession
from viewer.slide.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from viewer.review.database.record import Record
    from viewer.review.protocols import ReadingProtocol

    MakeFinding = Callable[..., Finding]

PROTOCOL = b"""
title = "Test"
purpose = "Tests."
limits = "None."
[[query]]
text = "necrosis"
threshold = 0.6
[[query]]
text = "tumour"
threshold = 0.6
[[question]]
id = "abnormal"
text = "Abnormal?"
kind = "yes/no"
[[question]]
id = "size"
text = "How large?"
kind = "grade"
options = ["none", "small", "large"]
[[question]]
id = "remarks"
text = "Remarks"
kind = "text"
[coverage]
magnification = 10
share = 0.9
[findings]
most = 10
least_um = 0
merge_um = 200
"""
MPP_UM = 0.5
MAKER = Maker("measured", "Measured concepts", "version 1", "necrosis", 0.6, "likeness")
GIVEN = {"abnormal": "yes", "size": "small"}


@pytest.fixture
def protocol() -> ReadingProtocol:
    return parse_protocol("test", PROTOCOL, is_own=True)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with open_record(tmp_path / "record.sqlite") as opened:
        yield opened


@pytest.fixture
def session(record: Record, protocol: ReadingProtocol) -> ReadingSession:
    """A blinded reading that has just begun."""
    made = ReadingSession(record, "case-1", "r1", protocol)
    made.open(Mode.BLINDED_FIRST, ["slide"])
    return made


@pytest.fixture
def make_finding() -> MakeFinding:
    """``make_finding(x, y, label, by_program=…, side=…)``."""

    def make(
        x: float, y: float, label: str = "necrosis", *, by_program: bool = True, side: float = 100.0
    ) -> Finding:
        extent = Rect(x - side / 2, y - side / 2, x + side / 2, y + side / 2)
        left, top, right, bottom = extent
        corners = (left, top), (right, top), (right, bottom), (left, bottom)
        return Finding(
            new_id(),
            "slide",
            label,
            (x, y),
            extent,
            0.9 if by_program else None,
            MAKER if by_program else None,
            outline=() if by_program else corners,
        )

    return make


def found(*findings: Finding) -> dict[str, object]:
    """The payload of what the second reader found."""
    return {
        "mpp_um": MPP_UM,
        "findings": [finding.as_json() for finding in findings],
        "asked": [{"text": "necrosis"}],
        "not_analysed": [["granuloma", "cannot be measured"]],
    }
