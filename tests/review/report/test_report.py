"""Reports: what they say is what was recorded; hostile names, slides and templates do no harm."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.review.report.conftest import DISPLAYED, FILE_NAME, READER, found
from viewer import RESEARCH_USE_STATEMENT
from viewer.common.errors import FoveolaError
from viewer.review.reading.kinds import Answer
from viewer.review.report.page import TemplateError, own_folder
from viewer.review.report.write import MOST_PICTURES, ReportError, write_report
from viewer.slide.geometry import Rect

if TYPE_CHECKING:
    from pathlib import Path

    from tests.review.report.conftest import Scripted


def facts_of(scripted: Scripted, file: Path, **options: Any) -> dict[str, Any]:
    write_report(scripted.record, scripted.case_id, file, **options)
    facts: dict[str, Any] = json.loads(file.read_text())
    return facts


def html_of(scripted: Scripted, file: Path, **options: Any) -> str:
    write_report(scripted.record, scripted.case_id, file, **options)
    return file.read_text(encoding="utf-8")


class Outline(HTMLParser):
    """What a reader without eyes gets of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_a_report_says_what_was_recorded(scripted: Scripted, tmp_path: Path) -> None:
    scripted.propose()
    scripted.finish(scripted.begin())
    facts = facts_of(scripted, tmp_path / "r.json")
    assert facts["disclaimer"] == RESEARCH_USE_STATEMENT
    assert facts["protocol"]["limits"] == "Nothing but tests."
    (reading,) = facts["readings"]
    assert (reading["reader"], reading["mode"], reading["is_signed"]) == (READER, "blinded first", True)
    assert [(s["name"], s["meaning"]) for s in reading["signatures"]] == [("Ada", "I have read it.")]
    first, last = reading["opinions"]
    assert (first["after_reveal"], first["confidence"], first["reason"]) == (False, 70, "")
    assert (last["after_reveal"], last["confidence"], last["reason"]) == (True, 85, "finding 1")
    assert [one["answer"] for one in last["answers"]] == ["yes", "more"]
    assert reading["displayed"][0] == {"slide": 1, "slide_id": scripted.slide_id} | DISPLAYED
    states = {one["id"]: one["state"] for one in reading["discordances"]}
    assert states["missed:f-000000000000"] == "resolved"
    assert states["extra:f-00000000ffff"] == "deferred"
    by_id = {finding["id"]: finding for finding in facts["findings"]}
    assert len(by_id) == 4
    own, answered = by_id["f-00000000ffff"], by_id["f-000000000000"]
    assert (own["by"], own["reader"], own["before_reveal"]) == ("reader", READER, True)
    assert (answered["point_px"], answered["point_um"]) == ([100, 500], [50, 250])
    assert answered["answers"][0]["answer"] == "disagree"
    assert answered["answers"][0]["text"] == "a <script>alert(1)</script>"
    assert {finding["number"] for finding in (own, answered)} == {1, 2}, "what was answered comes first"
    (slide,) = facts["slides"]
    assert slide["not_analysed"][0]["what"] == "granuloma"
    assert slide["asked"][0]["weights"] == "version 1"
    count, digest = scripted.record.head()
    assert (facts["record"]["events"], facts["record"]["digest"]) == (count, digest)
    assert facts["record"]["verified"] is True


def test_names_of_files_stand_only_where_asked_for(scripted: Scripted, tmp_path: Path) -> None:
    scripted.propose()
    for file in (tmp_path / "r.json", tmp_path / "r.html"):
        assert "Jane Doe" not in html_of(scripted, file)
        assert FILE_NAME in html_of(scripted, file, titles=True)


def test_whom_the_window_keeps_blinded_no_report_unblinds(scripted: Scripted, tmp_path: Path) -> None:
    scripted.propose()
    file = tmp_path / "r.json"
    assert facts_of(scripted, file)["findings"] == [], "nobody has read it"
    scripted.finish(scripted.begin())
    assert len(facts_of(scripted, file)["findings"]) == 4
    other = scripted.begin("r2")
    facts = facts_of(scripted, file)
    assert facts["findings_withheld"]
    assert [finding["by"] for finding in facts["findings"]] == ["reader"]
    signed, reading = facts["readings"]
    assert (signed["opinions"], signed["discordances"]) == ([], [])
    assert len(reading["opinions"]) == 1
    assert "highest" not in facts["slides"][0]["asked"][0]
    scripted.finish(other)
    assert not facts_of(scripted, file)["findings_withheld"]


def test_a_page_is_whole_and_accessible(scripted: Scripted, tmp_path: Path) -> None:
    scripted.propose()
    scripted.finish(scripted.begin())
    html = html_of(scripted, tmp_path / "r.html")
    assert html.count(RESEARCH_USE_STATEMENT) >= 2
    tags = Outline(html).tags
    assert ("html", {"lang": "en"}) in tags
    pictures = [attributes for tag, attributes in tags if tag == "img"]
    assert len(pictures) == 5, "four findings, and what was displayed"
    assert all(picture["alt"] and str(picture["src"]).startswith("data:") for picture in pictures)
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert not {"script", "link", "iframe"} & {tag for tag, _ in tags}
    assert not re.findall(r"(?:src|href)=.?https?:|url\(", html)


def test_names_with_markup_and_turned_text_are_shown_as_they_are(scripted: Scripted, tmp_path: Path) -> None:
    scripted.propose()
    scripted.finish(scripted.begin())
    html = html_of(scripted, tmp_path / "r.html")
    assert "&lt;b&gt;bold&lt;/b&gt; ⟨U+202E⟩evil" in html
    assert "\u202e" not in html
    assert "<script>" not in html


def test_a_text_without_end_is_cut_on_the_page_alone(scripted: Scripted, tmp_path: Path) -> None:
    scripted.propose()
    session = scripted.begin()
    session.reveal()
    text = 5000 * "W"
    session.answer("f-000000000000", Answer.AGREE, "", text)
    html = html_of(scripted, tmp_path / "r.html")
    assert text not in html
    assert "the whole text stands in the JSON report" in html
    assert text in html_of(scripted, tmp_path / "r.json")


def test_many_findings_are_counted_beyond_those_with_pictures(scripted: Scripted, tmp_path: Path) -> None:
    scripted.propose(2000)
    scripted.finish(scripted.begin())
    html = html_of(scripted, tmp_path / "r.html")
    assert html.count('<article class="finding') == MOST_PICTURES
    assert f"{2001 - MOST_PICTURES} more stand in the JSON report" in html
    assert len(facts_of(scripted, tmp_path / "r.json")["findings"]) == 2001


@pytest.mark.parametrize("change", ["gone", "changed"])
def test_a_slide_that_is_not_the_same_has_no_pictures(
    scripted: Scripted, tmp_path: Path, change: str
) -> None:
    scripted.propose()
    scripted.finish(scripted.begin())
    if change == "gone":
        scripted.slide.unlink()
    else:
        data = bytearray(scripted.slide.read_bytes())
        scripted.slide.write_bytes(data + b"more")
    html = html_of(scripted, tmp_path / "r.html")
    assert "<img" not in html
    assert "No pictures of slide 1" in html
    assert "Jane Doe" not in html


def test_what_cannot_be_drawn_is_told(scripted: Scripted, tmp_path: Path) -> None:
    session = scripted.begin()
    huge = found(1, 500, 500, scripted.slide_id, by_program=False)
    session.mark(replace(huge, extent=Rect(-1e12, -1e12, 1e12, 1e12)))
    session.viewed(scripted.slide_id, {"displayed": "AAAA", "shares": None})
    counted: list[tuple[int, int]] = []
    html = html_of(scripted, tmp_path / "r.html", progress=lambda done, total: counted.append((done, total)))
    assert "the picture could not be made" in html
    assert "what was displayed of it cannot be read" in html
    assert counted == [(1, 3), (2, 3), (3, 3)]


def test_a_file_of_another_kind_is_refused(scripted: Scripted, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"ends in \.pdf, \.html or \.json"):
        write_report(scripted.record, scripted.case_id, tmp_path / "r.txt")


def test_a_changed_record_is_told(scripted: Scripted, tmp_path: Path) -> None:
    scripted.propose()
    with scripted.record.engine.connect() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all()
        for (name,) in names:
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        connection.exec_driver_sql("UPDATE events SET reader = 'x' WHERE number = 1")
        connection.commit()
    assert "The record is not what was recorded" in html_of(scripted, tmp_path / "r.html")


def test_a_protocol_that_is_gone_is_told(scripted: Scripted, tmp_path: Path) -> None:
    from viewer.review.protocols import own_folder as protocols

    scripted.propose()
    scripted.finish(scripted.begin())
    (protocols() / "test.toml").unlink()
    facts = facts_of(scripted, tmp_path / "r.json")
    assert facts["protocol"] is None
    assert "test" in facts["protocol_problem"]
    assert "could not be used" in html_of(scripted, tmp_path / "r.html")


# Templates of a laboratory


def own_template(text: str) -> None:
    own_folder().mkdir(parents=True)
    (own_folder() / "report.html").write_text(text, encoding="utf-8")


def test_a_laboratory_changes_a_block(scripted: Scripted, tmp_path: Path) -> None:
    own_template(
        '{% extends "shipped/report.html" %}'
        "{% block head %}<h1>Our lab: {{ case.id }}</h1>{{ 2 * 3 }} parts{% endblock %}"
    )
    html = html_of(scripted, tmp_path / "r.html")
    assert f"<h1>Our lab: {scripted.case_id}</h1>" in html
    assert "6 parts" in html
    assert "What the program analysed" in html


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a\n{% if %}", 2, "Expected an expression"),
        ("a\nb\n{{ nothing.there }}", 3, "undefined"),
        ("a\n{{ ''.__class__.__mro__ }}", 2, "unsafe"),
        ("a\n{{ 'x' * 100000000 }}", 2, "more than"),
        ("a\n{{ 1 / 0 }}", 2, "division"),
        ("a\n{% include 'none.html' %}", 2, "none.html"),
        ("a\n{% include '../../data/record.sqlite' %}", 2, "record.sqlite"),
    ],
)
def test_a_template_that_fails_says_where_and_writes_nothing(
    scripted: Scripted, tmp_path: Path, text: str, line: int, words: str
) -> None:
    own_template(text)
    file = tmp_path / "r.html"
    with pytest.raises(TemplateError) as caught:
        write_report(scripted.record, scripted.case_id, file)
    assert f"report.html, line {line}: " in str(caught.value)
    assert words in str(caught.value)
    assert str(own_folder()) in str(caught.value)
    assert not file.exists()


def test_a_template_without_the_statement_is_refused(scripted: Scripted, tmp_path: Path) -> None:
    own_template("<p>{{ case.id }}</p>")
    with pytest.raises(TemplateError, match="For Research Use Only"):
        write_report(scripted.record, scripted.case_id, tmp_path / "r.html")


def test_a_folder_without_a_template_is_refused(scripted: Scripted, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(TemplateError, match=re.escape(str(folder))):
            write_report(scripted.record, scripted.case_id, tmp_path / "r.html", template=folder)


# PDF


def test_a_pdf_has_pages(scripted: Scripted, tmp_path: Path) -> None:
    pytest.importorskip("weasyprint")
    scripted.propose()
    scripted.finish(scripted.begin())
    file = tmp_path / "r.pdf"
    write_report(scripted.record, scripted.case_id, file)
    data = file.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Subtype /Image") + data.count(b"/Subtype/Image") == 5


def test_a_pdf_takes_nothing_from_the_disk(scripted: Scripted, tmp_path: Path) -> None:
    pytest.importorskip("weasyprint")
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    own_template(f'<p>{{{{ disclaimer }}}}</p><img src="file://{tmp_path}/secret.png">')
    file = tmp_path / "r.pdf"
    write_report(scripted.record, scripted.case_id, file)
    assert b"/Image" not in file.read_bytes()


def test_a_pdf_that_fails_writes_nothing(
    scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weasyprint = pytest.importorskip("weasyprint")

    def fail(*_: object, **__: object) -> bytes:
        raise AssertionError("a box too wide")

    monkeypatch.setattr(weasyprint.HTML, "write_pdf", fail)
    with pytest.raises(FoveolaError, match=r"could not be made: a box too wide"):
        write_report(scripted.record, scripted.case_id, tmp_path / "r.pdf")
    assert not (tmp_path / "r.pdf").exists()


def test_without_its_library_a_pdf_is_refused_with_the_way_out(
    scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(FoveolaError, match=r"foveola\[report\].*\.html"):
        write_report(scripted.record, scripted.case_id, tmp_path / "r.pdf")
    assert not (tmp_path / "r.pdf").exists()
