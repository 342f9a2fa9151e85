"""A reader study from readings to figures: the table, the analysis, the plots, wrong tables."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from viewer import RESEARCH_USE_STATEMENT
from viewer.cli.main import main
from viewer.review.database.record import open_record
from viewer.review.protocols import find_protocol
from viewer.review.reading.kinds import Mode
from viewer.review.reading.session import ReadingSession
from viewer.review.study import StudyRow
from viewer.review.worklist.case import CaseSlide
from viewer.review.worklist.new_case import NewCase
from viewer.review.worklist.worklist import Worklist

if TYPE_CHECKING:
    from pathlib import Path

# Of each case the truth, and what two readers say first (answer, confidence) and last.
SAID = [
    ("yes", [("yes", 80, "yes"), ("no", 60, "yes")]),
    ("yes", [("yes", 60, "yes"), ("yes", 90, "yes")]),
    ("yes", [("no", 50, "no"), ("yes", 70, "no")]),
    ("no", [("no", 90, "no"), ("no", 40, "no")]),
    ("no", [("yes", 40, "no"), ("no", 95, "no")]),
    ("no", [("no", 70, "no"), ("yes", 20, "yes")]),
]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The record of six cases read by two readers."""
    file = tmp_path / "record.sqlite"
    protocol = find_protocol("general")
    category = {"yes": "other", "no": "nothing abnormal"}
    with open_record(file) as record:
        worklist = Worklist(record)
        new = [
            NewCase(f"=case {n}", (CaseSlide(f"/slides/{n}.tif"),), "", "general", f"abnormal={truth}")
            for n, (truth, _said) in enumerate(SAID)
        ]
        ids = worklist.add(new, "").ids
        for case, (_truth, said) in zip(ids, SAID, strict=True):
            for reader, (first, confidence, last) in zip(("r1", "=r2"), said, strict=True):
                session = ReadingSession(record, case, reader, protocol)
                session.open(Mode.BLINDED_FIRST, [])
                session.give_opinion({"abnormal": first, "category": category[first]}, confidence, 30.0)
                session.reveal()
                if last != first:
                    session.give_opinion({"abnormal": last, "category": category[last]}, 99, 50.0, "why")
                for one in session.discordances:
                    session.resolve(one.id)
                session.sign(reader, "mine", {})
        unsigned = ReadingSession(record, ids[0], "r3", protocol)
        unsigned.open(Mode.UNAIDED, [])
        unsigned.give_opinion({"abnormal": "no", "category": "nothing abnormal"}, None, 1.0)
    return file


def exported(study: Path) -> Path:
    table = study.with_name("study.csv")
    assert main(["review", "study-export", "-o", str(table), "--record", str(study)]) == 0
    return table


def test_a_study_is_exported_as_it_was_read(study: Path) -> None:
    head, *lines = exported(study).read_text().splitlines()
    assert head == ",".join(StudyRow._fields)
    assert len(lines) == 2 * 2 * len(SAID)  # two readers, two questions that are no text
    abnormal = [line for line in lines if ",abnormal," in line]
    assert sum(",kept right," in line for line in abnormal) == 7
    assert sum(",corrected," in line for line in abnormal) == 2
    assert sum(",spoiled," in line for line in abnormal) == 1
    assert sum(",kept wrong," in line for line in abnormal) == 2
    assert all(",'=r2," in line or ",r1," in line for line in lines)  # nothing that a spreadsheet runs
    assert not any("=case" in line or "/slides" in line for line in lines)


def test_its_figures_are_those_counted_by_hand(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, plots = exported(study), study.with_name("plots")
    capsys.readouterr()
    assert main(["review", "analyse", str(table), "--json", "--plots", str(plots)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["research_use"] == RESEARCH_USE_STATEMENT
    first = found["ways"]["first"]["readers"]["r1"]
    assert first["sensitivity"]["value"] == pytest.approx(2 / 3)
    assert first["specificity"]["value"] == pytest.approx(2 / 3)
    # r1 rates the diseased 0.9, 0.8, 0.25 and the others 0.05, 0.7, 0.15: 8 of 9 pairs.
    assert first["auc"] == pytest.approx(8 / 9)
    assert found["ways"]["last"]["readers"]["=r2"]["sensitivity"]["value"] == pytest.approx(2 / 3)
    assert found["ways"]["first"]["agreement"]["kind"] == "Cohen"
    assert found["changes"]["r1"] == {"kept right": 4, "kept wrong": 1, "corrected": 1}
    assert found["multi_reader"]["ways"] == ["first", "last"]
    assert 0 <= found["multi_reader"]["readers_and_cases"]["p"] <= 1
    for name in ("roc.svg", "changes.svg"):
        assert RESEARCH_USE_STATEMENT in "".join(ET.parse(plots / name).getroot().itertext())
    assert main(["review", "analyse", str(table)]) == 0
    said = capsys.readouterr().out
    assert "readers and cases as a sample" in said
    assert "area 0.889" in said


def test_what_cannot_be_computed_is_said(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = exported(study).read_text().splitlines()
    one = [line for line in rows if ",r1," in line and ",abnormal," in line]
    table = tmp_path / "one.csv"
    table.write_text("\n".join([rows[0], *(line.replace(",yes|no,yes,", ",yes|no,,") for line in one)]))
    capsys.readouterr()
    assert main(["review", "analyse", str(table), "--json", "--plots", str(tmp_path / "plots")]) == 0
    found = json.loads(capsys.readouterr().out)
    notes = " ".join(found["notes"])
    assert "all cases are of one kind" in notes
    assert "agreement needs two of both" in notes
    assert "not compared" in notes
    assert found["multi_reader"] is None
    assert not (tmp_path / "plots" / "roc.svg").exists()
    bare = [line.replace(",yes|no,yes,", ",yes|no,,").replace(",yes|no,no,", ",yes|no,,") for line in one]
    table.write_text("\n".join([rows[0], *bare]))
    assert main(["review", "analyse", str(table)]) == 0
    assert "No case has a reference standard" in capsys.readouterr().out


def test_arms_of_a_study_are_compared_by_last_opinions(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head, *lines = exported(study).read_text().splitlines()
    lines = [line for line in lines if ",abnormal," in line]
    aided = [line.replace(",blinded first,", ",aided,") for line in lines]
    unaided = [line.replace(",blinded first,", ",unaided,") for line in lines]
    table = tmp_path / "arms.csv"
    table.write_text("\n".join([head, *aided, *unaided]))
    capsys.readouterr()
    assert main(["review", "analyse", str(table), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["ways"]) == ["aided", "unaided"]
    assert found["multi_reader"]["readers_and_cases"]["difference"] == 0.0
    alike = [line.split(",") for line in lines]
    for cells in alike:
        cells[6:8] = ["no", "no"]
    table.write_text("\n".join([head, *map(",".join, alike)]))
    assert main(["review", "analyse", str(table), "--json"]) == 0
    assert "agreement beyond chance is not defined" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("c,r,a,q,yes|no,yes,yes,yes,101,5,1,1,,", "line 2: first_confidence"),
        ("c,r,a,q,yes|no,yes,yes,yes,high,5,1,1,,", "line 2: first_confidence"),
        ("c,r,a,q,yes|no,maybe,yes,yes,5,5,1,1,,", "line 2: reference"),
        ("c,r,a,q", "line 2: 4 cells"),
        ('"c,r', "cannot be read"),
    ],
)
def test_a_wrong_line_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    table = tmp_path / "study.csv"
    table.write_text(f"{','.join(StudyRow._fields)}\n{line}\n")
    assert main(["review", "analyse", str(table)]) == 1
    assert said in capsys.readouterr().err
    table.write_text("case,reader\n")
    assert main(["review", "analyse", str(table)]) == 1
    assert "it lacks the columns arm" in capsys.readouterr().err
    table.write_bytes(b"\xff\xfe\x00")
    assert main(["review", "analyse", str(table)]) == 1
    assert main(["review", "analyse", str(tmp_path / "none.csv")]) == 1


def test_unknown_questions_and_answers_are_named(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = exported(study)
    assert main(["review", "analyse", str(table), "--question", "colour"]) == 1
    assert "it has abnormal, category" in capsys.readouterr().err
    assert main(["review", "analyse", str(table), "--positive", "perhaps"]) == 1
    assert "it has yes, no" in capsys.readouterr().err
