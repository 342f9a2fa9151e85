"""Cases from folders and from CSVs, good and bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from viewer.review.worklist import csv_cases
from viewer.review.worklist.case import CaseSlide
from viewer.review.worklist.csv_cases import cases_of_csv, without_formula
from viewer.review.worklist.errors import WorklistError
from viewer.review.worklist.new_case import cases_of_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Slides (empty files: nothing opens them) in a folder and in folders of it."""
    for name in (
        "s2.svs",
        "s10.svs",
        "notes.txt",
        "k1/a.svs",
        "k1/deep/b.tif",
        "none/x.txt",
        ".hidden/c.svs",
    ):
        file = tmp_path / "slides" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "slides"


def csv_file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "list.csv"
    file.write_bytes(text.encode(encoding))
    return file


def test_slides_and_folders_of_a_folder_are_cases(folder: Path) -> None:
    cases = cases_of_folder(folder, "general")
    assert [case.title for case in cases] == ["k1", "s2", "s10"]
    assert [len(case.slides) for case in cases] == [2, 1, 1]
    assert cases[1].slides[0].path == str(folder / "s2.svs")
    assert {case.protocol for case in cases} == {"general"}


def test_slides_of_one_name_and_two_endings_are_two_cases(folder: Path) -> None:
    (folder / "s2.tif").touch()
    assert [case.title for case in cases_of_folder(folder, "")].count("s2") == 2


def test_a_folder_without_slides_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(WorklistError, match="no slide"):
        cases_of_folder(tmp_path, "")
    with pytest.raises(WorklistError, match="missing"):
        cases_of_folder(tmp_path / "missing", "")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_rows_become_cases(folder: Path, encoding: str, separator: str) -> None:
    rows = [
        ("Case", "Slide", "Site", "STAIN", "Clinical question", "reference_standard"),
        ("Müller", "s2.svs", "Côlon", "H&E", "Polyp?", ""),
        ("other", "s10.svs", "", "", "", "adenoma"),
        ("", "", "", "", "", ""),
        ("Müller", "k1/a.svs", "Rectum", "PAS", "", "normal"),
    ]
    text = "\r\n".join(separator.join(row) for row in rows)
    cases, told = cases_of_csv(csv_file(folder, text, encoding), "p")
    assert told == encoding
    assert [case.title for case in cases] == ["Müller", "other"]
    assert cases[0].slides == (
        CaseSlide(str(folder / "s2.svs"), None, "Côlon", "H&E"),
        CaseSlide(str(folder / "k1/a.svs"), None, "Rectum", "PAS"),
    )
    assert (cases[0].question, cases[0].reference) == ("Polyp?", "normal")
    assert cases[1].reference == "adenoma"


def test_quoted_cells_keep_separators_and_lines(folder: Path) -> None:
    file = csv_file(folder, 'case,slide,question\n1,s2.svs,"a, b\nc"\n2,missing.svs,\n')
    with pytest.raises(WorklistError, match=r"line 4: there is no slide missing\.svs"):
        cases_of_csv(file, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "case is missing"),
        ("case;file\n1;s2.svs\n", "line 1: .*'file'"),
        ("case,stain\n1,PAS\n", "slide is missing"),
        ("case,slide,case\n1,s2.svs,1\n", "case stands twice"),
        ("case,slide,reference,reference standard\n", "reference stands twice"),
        ("case,slide\n", "no row"),
        ("case,slide\n1\n", "line 2: 1 cells instead of 2"),
        ("case,slide\n,s2.svs\n", "line 2: the case is missing"),
        ("case,slide\n1,\n", "line 2: the slide is missing"),
        ("case,slide\n1,s2.svs\n1,./s2.svs\n1,s2.svs\n", "line 4: .* stands twice"),
        ("case,slide\n1,k1\n", "no slide k1"),
        ("case,slide,question\n1,s2.svs,a\n1,s10.svs,b\n", r"line 3: the question .*\(line 2\)"),
        ('case,slide\n1,"s2.svs\n', "line"),
        ("case,slide\n1,s2\0.svs\n", "not text"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(folder: Path, text: str, message: str) -> None:
    with pytest.raises(WorklistError, match=message) as caught:
        cases_of_csv(csv_file(folder, text), "")
    assert "list.csv" in str(caught.value)


def test_many_wrong_lines_are_counted(folder: Path) -> None:
    text = "case,slide\n" + "".join(f"{number},none{number}.svs\n" for number in range(30))
    with pytest.raises(WorklistError, match=r"line 2: .*line 6: .*25 more lines"):
        cases_of_csv(csv_file(folder, text), "")


def test_a_million_rows_are_refused(folder: Path) -> None:
    file = csv_file(folder, "case,slide\n" + "1,s2.svs\n" * 1_000_000)
    with pytest.raises(WorklistError, match="100,000 rows"):
        cases_of_csv(file, "")


def test_a_file_too_large_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_cases, "MAX_BYTES", 8)
    with pytest.raises(WorklistError, match="MB"):
        cases_of_csv(csv_file(folder, "case,slide\n"), "")
    with pytest.raises(WorklistError, match="none"):
        cases_of_csv(folder / "none.csv", "")


def test_a_formula_is_text_and_is_written_as_text(folder: Path) -> None:
    cases, _ = cases_of_csv(csv_file(folder, 'case,slide,question\n1,s2.svs,"=HYPERLINK(""x"")"\n'), "")
    assert cases[0].question == '=HYPERLINK("x")'
    for formula in ("=1", "+1", "-1", "@x", "\t=1"):
        assert without_formula(formula) == f"'{formula}"
    assert without_formula("a=1") == "a=1"
