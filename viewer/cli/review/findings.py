"""``foveola review findings``: findings of a reading to and from other programs."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE_STATEMENT
from viewer.cli import arguments, terminal
from viewer.cli.review import strings, strings_findings
from viewer.cli.review.worklist import reader_of
from viewer.common.errors import FoveolaError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from viewer.review.database.record import Record
    from viewer.review.worklist.case import Case

_FORMATS = "qupath", "asap"


def add_commands(add: Callable[..., Any], kinds: Any) -> None:
    """Add the commands below ``review``."""
    command = add("findings", _findings, strings_findings.FINDINGS, into=kinds)
    command.add_argument("case", metavar="CASE", help=strings_findings.CASE)
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("-o", dest="out", metavar="FILE", type=arguments.file, help=strings_findings.OUT)
    which.add_argument(
        "--from", dest="source", metavar="FILE", type=arguments.file, help=strings_findings.FROM
    )
    command.add_argument("--reader", metavar="NAME", help=strings_findings.READER)
    command.add_argument("--slide", metavar="N", type=int, help=strings_findings.SLIDE)
    command.add_argument("--format", choices=_FORMATS, help=strings_findings.FORMAT)
    command.add_argument("--record", metavar="FILE|URL", help=strings.RECORD)


def _findings(options: argparse.Namespace) -> int:
    from viewer.review.database.record import open_record
    from viewer.review.worklist.worklist import Worklist

    if options.source is not None and not options.reader:
        raise arguments.UsageError(strings_findings.READER_MISSING)
    with open_record(options.record, create=False) as record:
        case = Worklist(record).case(options.case)
        number = _slide_number(case, options.slide)
        said = (_export if options.source is None else _import)(record, case, number, options)
    terminal.write_stdout(f"{said}\n{RESEARCH_USE_STATEMENT}")
    return 0


def _slide_number(case: Case, stated: int | None) -> int:
    """From 1. Raises UsageError where it is not clear."""
    count = len(case.slides)
    if stated is None and count == 1:
        return 1
    if stated is None or not 1 <= stated <= count:
        raise arguments.UsageError(strings_findings.WHICH_SLIDE.format(case=case.id, count=count))
    return stated


def _slide_id(case: Case, number: int) -> str:
    slide_id = case.slides[number - 1].slide_id
    if slide_id is None:
        raise FoveolaError(strings_findings.NOT_READ.format(case=case.id, number=number))
    return slide_id


def _export(record: Record, case: Case, number: int, options: argparse.Namespace) -> str:
    """Only what the reader was shown: an export must not unblind. Raises FoveolaError."""
    from viewer.common.atomic_write import save_atomically
    from viewer.review.interchange.formats import format_of
    from viewer.review.interchange.shapes import Exported
    from viewer.review.reading.reading import read_reading

    form, reader = format_of(options.out, options.format), reader_of(options)
    slide_id = _slide_id(case, number)
    shown = read_reading(case.id, reader, record.events(case=case.id)).shown
    findings = tuple(finding for finding in shown if finding.slide_id == slide_id)
    if not findings:
        raise FoveolaError(strings_findings.NO_FINDINGS.format(reader=reader, number=number, case=case.id))
    save_atomically(options.out, form.write(Exported(case.id, slide_id, findings)))
    return strings_findings.EXPORTED.format(path=options.out, count=len(findings))


def _import(record: Record, case: Case, number: int, options: argparse.Namespace) -> str:
    """All shapes of the file, or none. Raises FoveolaError."""
    from viewer.review.interchange.formats import format_of
    from viewer.review.interchange.shapes import findings_from
    from viewer.review.protocols import find_protocol
    from viewer.review.reading.session import ReadingSession
    from viewer.slide.formats.registry import open_slide
    from viewer.slide.identity import slide_identity

    form, slide_id = format_of(options.source, options.format), _slide_id(case, number)
    session = ReadingSession(record, case.id, options.reader, find_protocol(case.protocol))
    session.check_open()
    with closing(open_slide(case.slides[number - 1].path)) as slide:
        if slide_identity(slide) != slide_id:
            raise FoveolaError(strings.SLIDE_REPLACED.format(case=case.id, number=number))
        extent_px = slide.pyramid.width, slide.pyramid.height
    known = {finding.id for finding in (*session.reading.proposed, *session.reading.marked.values())}
    shapes = form.read(options.source, slide_id)
    findings = findings_from(options.source, shapes, slide_id, extent_px, known)
    session.mark_all(findings)
    return strings_findings.IMPORTED.format(case=case.id, count=len(findings), reader=options.reader)
