"""``foveola review read``: what the list says of a case afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from viewer.cli.main import main
from viewer.review.database.record import open_record
from viewer.review.protocols import own_folder
from viewer.review.reading.kinds import Kind
from viewer.review.worklist.state import OPENED, State
from viewer.review.worklist.worklist import Worklist

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROTOCOL = """
title = "Stroma"
purpose = "Anything."
limits = "Nothing else."
query = [{ text = "stroma", threshold = 0.1 }, { text = "mitosis", threshold = 0.5 }]
coverage = { magnification = 10, share = 0.9 }
findings = { most = 50, least_um = 0, merge_um = 0 }
"""


@pytest.fixture
def case_id(tmp_path: Path, copy_phantom: Callable[[Path, int], Path]) -> str:
    """A case of one slide, read."""
    (tmp_path / "slides").mkdir()
    copy_phantom(tmp_path / "slides" / "slide.tif", 1024)
    own_folder().mkdir(parents=True)
    (own_folder() / "stroma.toml").write_text(PROTOCOL)
    assert main(["review", "add", str(tmp_path / "slides"), "--protocol", "stroma"]) == 0
    assert main(["review", "read"]) == 0
    with open_record() as record:
        return Worklist(record).cases()[0].id


def test_a_case_keeps_its_findings_when_it_is_read_again(case_id: str) -> None:
    with open_record() as record:
        before = Worklist(record).case(case_id)
    assert before.findings
    for more in ([], ["--again"]):
        assert main(["review", "read", case_id, *more]) == 0
        with open_record() as record:
            after = Worklist(record).case(case_id)
            assert (after.state, after.findings, after.highest) == (
                State.READY,
                before.findings,
                before.highest,
            )
            assert "mitosis" in after.not_analysed
            assert after.audit is None
            assert len(record.events(kinds=[Kind.READ.value])) == 1 + bool(more)


def test_a_case_that_a_reader_has_stays_his(case_id: str) -> None:
    with open_record() as record:
        Worklist(record).append(case_id, OPENED, "r1", {})
    assert main(["review", "read", case_id, "--again"]) == 0
    with open_record() as record:
        assert Worklist(record).case(case_id).state is State.IN_READING
