"""Commands on the record itself."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE_STATEMENT
from viewer.cli import arguments, strings_help, terminal
from viewer.cli.output import check_output
from viewer.cli.review import strings
from viewer.cli.review import strings_record as texts
from viewer.common.text import escape_control, shortened

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from viewer.review.database.event import Event
    from viewer.review.database.record import Record

_MOST_SAID = 160
"""Letters of a payload on a line; ``--json`` has all."""


def add_commands(add: Callable[..., Any], kinds: Any) -> None:
    """Add the commands below ``review``."""

    def command_on_record(name: str, run: Callable[[argparse.Namespace], int], help_text: str) -> Any:
        command = add(name, run, help_text, into=kinds)
        command.add_argument("--record", metavar="FILE|URL", help=strings.RECORD)
        return command

    command = command_on_record("verify", _verify, strings.VERIFY)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)
    command = command_on_record("show", _show, texts.SHOW)
    command.add_argument("case", metavar="CASE")
    command.add_argument("--json", action="store_true", help=strings_help.JSON)
    command = command_on_record("stored", _stored, texts.STORED)
    command.add_argument("case", metavar="CASE", nargs="?")
    command_on_record("backup", _backup, texts.BACKUP)
    command = command_on_record("export", _export, texts.EXPORT)
    command.add_argument("cases", metavar="CASE", nargs="+")
    command.add_argument(
        "-o", "--output", metavar="FILE.json", required=True, type=arguments.file, help=texts.OUTPUT
    )
    command.add_argument("--fhir", action="store_true", help=texts.FHIR)
    command = command_on_record("import", _import, texts.IMPORT)
    command.add_argument("file", metavar="FILE.json", type=arguments.file)
    command = command_on_record("erase", _erase, texts.ERASE)
    command.add_argument("case", metavar="CASE")
    command.add_argument("--reason", metavar="TEXT", default="", help=texts.REASON)
    command.add_argument("--reader", metavar="NAME", help=texts.READER)
    command.add_argument("--yes", action="store_true", help=strings_help.WITHOUT_ASKING)


def _verify(options: argparse.Namespace) -> int:
    from viewer.review.database.record import open_unrepaired
    from viewer.review.database.verify import verify

    with open_unrepaired(options.record) as record:
        problems = verify(record)
        is_whole = all(problem.is_note for problem in problems)
        count, digest = record.head() if is_whole else (0, "")
    if options.json:
        found = [
            {
                "kind": problem.kind.value,
                "text": problem.text,
                "first": problem.first,
                "last": problem.last,
                "field": problem.field,
            }
            for problem in problems
        ]
        terminal.write_stdout(
            json.dumps({"whole": is_whole, "events": count, "digest": digest, "problems": found}, indent=2)
        )
        return 0 if is_whole else 1
    lines = [problem.text for problem in problems]
    damage = sum(not problem.is_note for problem in problems)
    lines.append(
        strings.WHOLE.format(where=record.where, count=count, digest=digest)
        if is_whole
        else strings.NOT_WHOLE[damage == 1].format(where=record.where, count=damage)
    )
    terminal.write_stdout("\n".join(lines))
    return 0 if is_whole else 1


def _show(options: argparse.Namespace) -> int:
    with _opened(options) as record:
        events = _events_of(record, options.case)
    if options.json:
        facts = [
            {
                "number": event.number,
                "utc": event.utc,
                "reader": event.reader,
                "kind": event.kind,
                "program": event.program,
                "payload": None if event.erased else event.payload,
                "origin": event.origin,
                "digest": event.digest,
            }
            for event in events
        ]
        trail = {"case": options.case, "note": RESEARCH_USE_STATEMENT, "events": facts}
        terminal.write_stdout(json.dumps(trail, indent=2))
        return 0
    lines = []
    for event in events:
        reader = event.reader or texts.BY_PROGRAM
        lines.append(
            texts.LINE.format(number=event.number, utc=event.utc[:19], reader=reader, kind=event.kind)
        )
        said = json.dumps(event.payload, ensure_ascii=False)
        lines.append(
            texts.ERASED if event.erased else texts.PAYLOAD_LINE.format(text=shortened(said, _MOST_SAID))
        )
    terminal.write_stdout("\n".join(escape_control(line) for line in (*lines, RESEARCH_USE_STATEMENT)))
    return 0


def _stored(options: argparse.Namespace) -> int:
    from viewer.common.paths import cache_dir, state_dir
    from viewer.review.database.backup import backups_of, damaged_files_of

    with _opened(options) as record:
        events = record.events() if options.case is None else _events_of(record, options.case)
        files = [] if record.file is None else [*backups_of(record.file), *damaged_files_of(record.file)]
    if options.case is None:
        cases = {event.case for event in events if event.case}
        line = texts.RECORD_FACTS.format(
            where=record.where, count=len(events), cases=len(cases), record=record.id
        )
    else:
        line = texts.STORED_EVENTS.format(case=options.case, count=len(events), where=record.where)
    lines = [line]
    counts = Counter(event.kind for event in events if not event.erased)
    lines += [texts.STORED_KIND.format(kind=kind, count=count) for kind, count in counts.items()]
    lines += [texts.STORED_FILE.format(file=file) for file in files]
    lines.append(texts.STORED_OUTSIDE.format(cache=cache_dir(), state=state_dir()))
    terminal.write_stdout("\n".join(escape_control(line) for line in lines))
    return 0


def _backup(options: argparse.Namespace) -> int:
    from viewer.common.file_lock import locked
    from viewer.review.database.backup import back_up
    from viewer.review.database.errors import RecordError

    with _opened(options) as record:
        if record.file is None:
            raise RecordError(texts.NOT_A_FILE.format(where=record.where))
        with locked(record.file):
            made = back_up(record.file)
    terminal.write_stdout(texts.BACKED_UP.format(file=made))
    return 0


def _export(options: argparse.Namespace) -> int:
    from viewer.review.database.fhir import export_fhir
    from viewer.review.database.transfer import export_cases

    check_output(options.output, None)
    with _opened(options) as record:
        for case in options.cases:
            _events_of(record, case)
        write = export_fhir if options.fhir else export_cases
        count = write(record, options.cases, options.output)
    terminal.write_stdout(texts.EXPORTED.format(file=options.output, count=count))
    return 0


def _import(options: argparse.Namespace) -> int:
    from viewer.review.database.record import open_record
    from viewer.review.database.transfer import import_cases

    with open_record(options.record) as record:
        count, known = import_cases(record, options.file)
    terminal.write_stdout(texts.IMPORTED.format(count=count, known=known))
    return 0


def _erase(options: argparse.Namespace) -> int:
    import getpass

    from viewer.review.database.erase import erase

    with _opened(options) as record:
        count = sum(not event.erased for event in _events_of(record, options.case))
        question = texts.ERASE_QUESTION.format(count=count, case=options.case)
        if not options.yes and terminal.ask(question).strip().lower() not in {"y", "yes"}:
            terminal.write_stderr(texts.NOT_ERASED)
            return 1
        done = erase(record, options.case, options.reader or getpass.getuser(), options.reason)
    if not done.events:
        terminal.write_stdout(texts.NOTHING_TO_ERASE.format(case=options.case))
        return 0
    lines = [texts.ERASED_COUNT.format(case=options.case, count=done.events)]
    lines += [texts.ERASED_FILE.format(file=file) for file in done.removed]
    terminal.write_stdout("\n".join(lines))
    return 0


def _opened(options: argparse.Namespace) -> Record:
    """The record, which must be there; what must be said about it goes to standard error."""
    from viewer.review.database.record import open_record

    record = open_record(options.record, create=False)
    if record.notice:
        terminal.write_stderr(record.notice)
    return record


def _events_of(record: Record, case: str) -> list[Event]:
    """Raises RecordError where there are none."""
    from viewer.review.database import strings as database_strings
    from viewer.review.database.errors import RecordError

    events = record.events(case=case)
    if not events:
        raise RecordError(database_strings.NO_CASE.format(case=case, where=record.where))
    return events
