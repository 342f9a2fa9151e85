"""Cases to be added from a CSV: one row a slide, the rows of a case together or apart.

Columns, in any order: case, slide and, where wanted, site, stain, question, reference. Separated by comma,
semicolon or tab. What begins like a formula is text here, and is never written where it could be run.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viewer.common.text import one_line
from viewer.review.worklist import strings
from viewer.review.worklist.case import CaseSlide
from viewer.review.worklist.errors import WorklistError
from viewer.review.worklist.new_case import NewCase
from viewer.slide.formats.tile_tree.detection import is_tile_folder
from viewer.slide.locator import Locator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAX_BYTES = 64 << 20
MAX_ROWS = 100_000
_MAX_SAID = 5
_SEPARATORS = ",;\t"
_COLUMNS = {
    "case": "case",
    "slide": "slide",
    "site": "site",
    "stain": "stain",
    "question": "question",
    "clinical question": "question",
    "reference": "reference",
    "reference standard": "reference",
}
_OF_CASE = ("question", "reference")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass
class _Case:
    line: int
    texts: dict[str, str]
    slides: dict[str, CaseSlide] = field(default_factory=dict)


def cases_of_csv(file: Path, protocol: str) -> tuple[list[NewCase], str]:
    """The cases of a CSV, and the encoding that it was read in. Paths of slides count from its folder.

    Raises WorklistError, naming the lines that are wrong, the first of them where there are many.
    """
    text, encoding = _decoded(file)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        columns = _columns(file, next(lines, []))
        cases, problems = _cases(file, columns, lines)
    except csv.Error as error:
        raise _wrong(file, [strings.BAD_LINE.format(line=lines.line_num, error=error)]) from error
    if problems:
        raise _wrong(file, problems)
    if not cases:
        raise WorklistError(strings.NO_ROWS.format(path=file))
    found = [
        NewCase(
            title,
            tuple(case.slides.values()),
            question=case.texts["question"],
            protocol=protocol,
            reference=case.texts["reference"] or None,
            place=strings.PLACE.format(path=file, line=case.line),
        )
        for title, case in cases.items()
    ]
    return found, encoding


def without_formula(cell: str) -> str:
    """A cell as it may stand in a CSV that a spreadsheet opens: text that it would run is marked as text."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _decoded(file: Path) -> tuple[str, str]:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise WorklistError(strings.UNREADABLE.format(path=file, error=error.strerror)) from error
    if len(data) > MAX_BYTES:
        raise WorklistError(strings.CSV_TOO_LARGE.format(path=file, most_mb=MAX_BYTES >> 20))
    encoding = "utf-8"
    if data.startswith(b"\xef\xbb\xbf"):
        encoding = "utf-8-sig"
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    for name in (encoding, "latin-1"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text, name
    raise WorklistError(strings.NOT_TEXT.format(path=file))


def _separator(text: str) -> str:
    header = text[: text.find("\n")] if "\n" in text else text
    return max(_SEPARATORS, key=header.count)


def _columns(file: Path, header: Sequence[str]) -> list[str]:
    names = [" ".join(cell.replace("_", " ").split()).casefold() for cell in header]
    known = ", ".join(dict.fromkeys(_COLUMNS.values()))
    for cell, name in zip(header, names, strict=True):
        if name not in _COLUMNS:
            raise WorklistError(
                strings.UNKNOWN_COLUMN.format(path=file, name=one_line(cell[:80]), known=known)
            )
    columns = [_COLUMNS[name] for name in names]
    for name in ("case", "slide"):
        if name not in columns:
            raise WorklistError(strings.NO_COLUMN.format(path=file, name=name, known=known))
    for name in columns:
        if columns.count(name) > 1:
            raise WorklistError(strings.COLUMN_TWICE.format(path=file, name=name))
    return columns


def _cases(file: Path, columns: Sequence[str], lines: Any) -> tuple[dict[str, _Case], list[str]]:
    """The cases by title, and what is wrong. ``lines``: a reader of the csv module."""
    cases: dict[str, _Case] = {}
    problems: list[str] = []
    for count, cells in enumerate(lines, 1):
        if count > MAX_ROWS:
            raise WorklistError(strings.TOO_MANY_ROWS.format(path=file, most=MAX_ROWS))
        if any(cell.strip() for cell in cells):
            problem = _take_row(file, cases, lines.line_num, columns, cells)
            problems += [strings.LINE.format(line=lines.line_num, problem=problem)] if problem else []
    return cases, problems


def _take_row(
    file: Path, cases: dict[str, _Case], line: int, columns: Sequence[str], cells: Sequence[str]
) -> str:
    """Add a row to its case; what is wrong with it, "" for nothing."""
    if len(cells) != len(columns):
        return strings.CELL_COUNT.format(found=len(cells), wanted=len(columns))
    row = dict.fromkeys(_COLUMNS.values(), "") | {
        name: cell.strip() for name, cell in zip(columns, cells, strict=True)
    }
    for name in ("case", "slide"):
        if not row[name]:
            return strings.EMPTY_CELL.format(name=name)
    texts = {name: row[name] for name in _OF_CASE}
    case = cases.setdefault(row["case"], _Case(line, texts))
    for name in _OF_CASE:
        if row[name] and case.texts[name] and row[name] != case.texts[name]:
            return strings.OTHER_TEXT.format(case=one_line(row["case"]), name=name, line=case.line)
        case.texts[name] = case.texts[name] or row[name]
    locator = Locator.parse(row["slide"])
    if locator.is_local:
        where = file.parent / locator.path
        try:
            is_there = where.is_file() or is_tile_folder(where)
        except (OSError, ValueError):
            is_there = False
        if not is_there:
            return strings.NO_SLIDE.format(slide=one_line(row["slide"]))
        locator = Locator.parse(where).with_image(locator.image).absolute()
    path = str(locator)
    if path in case.slides:
        return strings.SLIDE_TWICE.format(case=one_line(row["case"]), slide=one_line(row["slide"]))
    case.slides[path] = CaseSlide(path, site=row["site"], stain=row["stain"])
    return ""


def _wrong(file: Path, problems: Sequence[str]) -> WorklistError:
    said = "; ".join(problems[:_MAX_SAID])
    more = len(problems) - _MAX_SAID
    rest = strings.AND_MORE[more == 1].format(count=more) if more > 0 else ""
    return WorklistError(strings.WRONG_LINES.format(path=file, problems=said, more=rest))
