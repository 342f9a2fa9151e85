"""``foveola review add``, ``list`` and ``protocols``."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from viewer import RESEARCH_USE_STATEMENT
from viewer.cli.main import main
from viewer.review.database.record import open_record
from viewer.review.protocols import own_folder
from viewer.review.worklist.state import State
from viewer.review.worklist.worklist import Worklist

if TYPE_CHECKING:
    from pathlib import Path

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    slides = tmp_path / "slides"
    (slides / "two").mkdir(parents=True)
    for name in ("Smith.svs", "two/x.svs", "two/y.svs"):
        (slides / name).touch()
    return slides


@pytest.fixture
def added(folder: Path) -> Path:
    """The folder, with its cases in the usual record."""
    assert main(["review", "add", str(folder), "--reader", "r1", "--protocol", "lymph_node"]) == 0
    return folder


def test_a_folder_is_added_once(folder: Path, capsys: Captured) -> None:
    for said in ("2 cases added", "0 cases added"):
        assert main(["review", "add", str(folder), "--reader", "r1"]) == 0
        assert said in capsys.readouterr().out
    with open_record() as record:
        events = record.events(kinds=["case added"])
        assert [event.reader for event in events] == ["r1", "r1"]


@pytest.mark.usefixtures("added")
def test_cases_are_listed_with_their_reasons(capsys: Captured) -> None:
    capsys.readouterr()
    assert main(["review", "list"]) == 0
    out = capsys.readouterr().out
    assert "Smith" in out
    assert "waiting since today" in out
    assert RESEARCH_USE_STATEMENT in out


def test_titles_and_paths_stand_in_exports_only_where_wanted(added: Path, capsys: Captured) -> None:
    capsys.readouterr()
    for form in ("--json", "--csv"):
        assert main(["review", "list", form]) == 0
        out = capsys.readouterr().out
        assert "Smith" not in out
        assert str(added) not in out
        assert RESEARCH_USE_STATEMENT in out
        assert main(["review", "list", form, "--titles"]) == 0
        assert str(added / "Smith.svs") in capsys.readouterr().out
    assert main(["review", "list", "--json", "--csv"]) == 2


@pytest.mark.usefixtures("added")
def test_a_list_is_filtered(capsys: Captured) -> None:
    with open_record() as record:
        worklist = Worklist(record)
        case_id = worklist.cases(text="Smith")[0].id
        worklist.set_state(case_id, State.INDEXING)
        worklist.set_state(case_id, State.NOT_ANALYSED, reason="stain unknown")
    capsys.readouterr()
    for wanted in (["--state", "not analysed"], ["--find", "smith"]):
        assert main(["review", "list", "--json", *wanted]) == 0
        (case,) = json.loads(capsys.readouterr().out)["cases"]
        assert case["case"] == case_id
        assert case["priority"].startswith("not analysed: stain unknown")
    assert main(["review", "list", "--protocol", "general"]) == 0
    assert case_id not in capsys.readouterr().out


def test_formulas_are_never_exported_as_such(folder: Path, capsys: Captured) -> None:
    file = folder / "list.csv"
    file.write_text("case;slide;site;question\nMüller;Smith.svs;=1+1;@x\n", encoding="latin-1")
    assert main(["review", "add", str(file)]) == 0
    assert "latin-1" in capsys.readouterr().err
    assert main(["review", "list", "--csv"]) == 0
    header, row = csv.reader(io.StringIO(capsys.readouterr().out))
    cells = dict(zip(header, row, strict=True))
    assert (cells["site"], cells["question"]) == ("'=1+1", "'@x")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "none.csv"], "none.csv"),
        (["add", "{folder}", "--protocol", "none"], "no protocol 'none'"),
        (["list"], "no record yet"),
    ],
)
def test_errors_are_one_line(folder: Path, arguments: list[str], message: str, capsys: Captured) -> None:
    assert main(["review", *(one.format(folder=folder) for one in arguments)]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_nothing_is_added_from_a_csv_with_a_wrong_line(folder: Path, capsys: Captured) -> None:
    file = folder / "list.csv"
    file.write_text("case,slide\n1,Smith.svs\n2,gone.svs\n")
    assert main(["review", "add", str(file)]) == 1
    assert "line 3" in capsys.readouterr().err
    assert main(["review", "list"]) == 1  # not even a record was made


def test_protocols_are_listed_with_what_is_not_analysed(capsys: Captured) -> None:
    own_folder().mkdir(parents=True)
    (own_folder() / "bad.toml").write_text("title = 3")
    assert main(["review", "protocols"]) == 0
    said = capsys.readouterr()
    assert "not analysed: metastasis" in said.out
    assert "bad.toml: " in said.err
    assert main(["review", "protocols", "--json", "--encoder", "measured"]) == 0
    protocols = {one["name"]: one for one in json.loads(capsys.readouterr().out)["protocols"]}
    analysed = {one["text"]: one["not_analysed"] for one in protocols["lymph_node"]["asked"]}
    assert analysed["tumour"] is None
    assert analysed["metastasis"]
    assert main(["review", "protocols", "--encoder", "none"]) == 1
