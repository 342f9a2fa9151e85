"""``foveola review report``: files by their ends, and refusals in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from viewer.cli.main import main
from viewer.review.database.record import open_record
from viewer.review.worklist.worklist import Worklist

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def case_id(tmp_path: Path, copy_phantom: Callable[[Path, int], Path]) -> str:
    """A case that nobody has read."""
    (tmp_path / "slides").mkdir()
    copy_phantom(tmp_path / "slides" / "slide.tif", 1024)
    assert main(["review", "add", str(tmp_path / "slides")]) == 0
    with open_record() as record:
        return Worklist(record).cases()[0].id


def test_the_end_of_the_name_says_what_is_written(case_id: str, tmp_path: Path) -> None:
    for name in ("r.json", "r.html"):
        assert main(["review", "report", case_id, "-o", str(tmp_path / name)]) == 0
    assert json.loads((tmp_path / "r.json").read_text())["case"]["id"] == case_id
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.usefixtures("case_id")
def test_no_case_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "report", "case-none", "-o", str(tmp_path / "r.json")]) == 1
    assert "case-none" in capsys.readouterr().err
    assert not (tmp_path / "r.json").exists()


def test_the_record_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    with open_record(file) as record:
        record.append("case-1", "case added", "", {"slides": []})
    before = file.read_bytes()
    assert main(["review", "report", "case-1", "--record", str(file), "-o", str(file)]) == 2
    assert file.read_bytes() == before


def test_a_template_that_fails_fails(
    case_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.html").write_text("\n{{ 1 / 0 }}")
    output = tmp_path / "r.html"
    assert main(["review", "report", case_id, "-o", str(output), "--template", str(tmp_path)]) == 1
    assert f"{tmp_path / 'report.html'}, line 2: division by zero" in capsys.readouterr().err
    assert not output.exists()
