"""Commands on the worklist and on protocols."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE_STATEMENT
from viewer.cli import arguments, strings_help, terminal
from viewer.cli.review import strings, strings_worklist
from viewer.common.text import escape_control, one_line
from viewer.review.worklist.priority import Order
from viewer.review.worklist.state import State

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from viewer.review.asked import Asked
    from viewer.review.database.record import Record
    from viewer.review.protocols import ReadingProtocol
    from viewer.review.worklist.case import Case

_STATES = tuple(state.value for state in State)
_ORDERS = tuple(order.value for order in Order)


def add_commands(add: Callable[..., Any], kinds: Any) -> None:
    """Add the commands below ``review``."""
    command = add("add", _add, strings_worklist.ADD, into=kinds)
    command.add_argument("where", metavar="FOLDER|CSV", type=arguments.file, help=strings_worklist.ADD_WHERE)
    command.add_argument("--protocol", metavar="NAME", help=strings_worklist.PROTOCOL)
    command.add_argument("--reader", metavar="NAME", help=strings_worklist.READER)
    command.add_argument("--record", metavar="FILE|URL", help=strings.RECORD)

    command = add("list", _list, strings_worklist.LIST, into=kinds)
    states = strings_worklist.STATE.format(states=", ".join(_STATES))
    command.add_argument(
        "--state", metavar="STATE", action="append", default=[], choices=_STATES, help=states
    )
    command.add_argument("--protocol", metavar="NAME", default="", help=strings_worklist.OF_PROTOCOL)
    command.add_argument("--find", metavar="TEXT", default="", help=strings_worklist.FIND)
    orders = strings_worklist.ORDER.format(orders=", ".join(_ORDERS))
    command.add_argument("--order", metavar="ORDER", default="priority", choices=_ORDERS, help=orders)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)
    command.add_argument("--csv", action="store_true", help=strings_worklist.CSV)
    command.add_argument("--titles", action="store_true", help=strings_worklist.TITLES)
    command.add_argument("--record", metavar="FILE|URL", help=strings.RECORD)

    command = add("protocols", _protocols, strings_worklist.PROTOCOLS, into=kinds)
    command.add_argument("--encoder", metavar="ID", default="", help=strings_help.ENCODER)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)


# Commands


def _add(options: argparse.Namespace) -> int:
    from viewer.review.protocols import DEFAULT, find_protocol
    from viewer.review.worklist.csv_cases import cases_of_csv
    from viewer.review.worklist.new_case import cases_of_folder
    from viewer.review.worklist.worklist import Worklist

    protocol = find_protocol(options.protocol or DEFAULT).name
    reader = reader_of(options)
    if options.where.is_dir():
        new = cases_of_folder(options.where, protocol)
    else:
        new, encoding = cases_of_csv(options.where, protocol)
        terminal.write_stderr(strings_worklist.READ_AS.format(path=options.where, encoding=encoding))
    with _opened(options, create=True) as record:
        added = Worklist(record).add(new, reader)
        lines = [_counted(strings_worklist.ADDED, len(added.ids), where=record.where)]
    lines += [_counted(strings_worklist.KNOWN, added.known)] if added.known else []
    terminal.write_stdout("\n".join(map(escape_control, lines)))
    return 0


def _list(options: argparse.Namespace) -> int:
    from viewer.review.worklist.worklist import Worklist

    if options.json and options.csv:
        raise arguments.UsageError(strings_worklist.ONE_FORMAT)
    with _opened(options, create=False) as record:
        worklist = Worklist(record)
    for problem in worklist.problems:
        terminal.write_stderr(problem)
    cases = worklist.cases(
        states=[State(word) for word in options.state],
        text=options.find,
        protocol=options.protocol,
        order=Order(options.order),
    )
    facts = _facts(cases, with_titles=options.titles)
    if options.json:
        terminal.write_stdout(json.dumps({"research_use": RESEARCH_USE_STATEMENT, "cases": facts}, indent=2))
    elif options.csv:
        terminal.write_stdout(_csv(facts, with_titles=options.titles))
    else:
        terminal.write_stdout(_table(cases, facts, any_there=bool(worklist.counts())))
    return 0


def _protocols(options: argparse.Namespace) -> int:
    from viewer.relevance.encoders.head_registry import read_heads
    from viewer.relevance.encoders.registry import cards, find_card
    from viewer.relevance.encoders.vocabulary import lexicon_of
    from viewer.review.asked import Encoders, asked
    from viewer.review.protocols import read_protocols

    if options.encoder:
        find_card(options.encoder)
    there = {card.id: card for card in cards()}
    encoders = Encoders(there, read_heads().heads, options.encoder, lexicon_of)
    found, problems = read_protocols()
    for problem in problems:
        terminal.write_stderr(problem)
    all_asked = [(protocol, asked(protocol, encoders)) for protocol in found.values()]
    if options.json:
        facts = [_protocol_facts(protocol, things) for protocol, things in all_asked]
        terminal.write_stdout(
            json.dumps({"research_use": RESEARCH_USE_STATEMENT, "protocols": facts}, indent=2)
        )
        return 0
    lines = [line for protocol, things in all_asked for line in _protocol_lines(protocol, things)]
    terminal.write_stdout("\n".join(escape_control(line) for line in (*lines, RESEARCH_USE_STATEMENT)))
    return 0


# What they share


def reader_of(options: argparse.Namespace) -> str:
    """The name after ``--reader``, or the login name. Raises UsageError where there is none."""
    import getpass

    if options.reader:
        return str(options.reader)
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise arguments.UsageError(strings_worklist.NO_NAME) from None


def _opened(options: argparse.Namespace, *, create: bool) -> Record:
    """The record after ``--record``, or the usual one. Prints what the reader must be told of it."""
    from viewer.review.database.record import open_record

    record = open_record(options.record, create=create)
    if record.notice:
        terminal.write_stderr(record.notice)
    return record


# Cases as data and as text


def _facts(cases: Iterable[Case], *, with_titles: bool) -> list[dict[str, Any]]:
    from datetime import UTC, datetime

    from viewer.review.worklist.priority import in_words, without_advice

    now = datetime.now(UTC)
    return [
        {
            "case": case.id,
            "state": case.state.value,
            "reason": case.reason,
            "priority": in_words(case, now),
            "findings": case.findings,
            "highest": case.highest,
            "audit": case.audit,
            "protocol": case.protocol,
            "question": case.question,
            "added": case.added_utc,
            # Who reads blinded must not meet the reference standard.
            **({"title": case.title, "reference": case.reference} if with_titles else {}),
            "slides": [
                {
                    "site": slide.site,
                    "stain": slide.stain,
                    "slide_id": slide.slide_id,
                    **({"path": slide.path} if with_titles else {}),
                }
                for slide in case.slides
            ],
        }
        for case in map(without_advice, cases)
    ]


def _csv(facts: list[dict[str, Any]], *, with_titles: bool) -> str:
    """One row a slide, with the facts of its case in each."""
    from viewer.review.worklist.csv_cases import without_formula

    of_case = ["case", "state", "priority", "protocol", "question", "added"]
    of_slide = ["site", "stain", "slide_id"]
    if with_titles:
        of_case[1:1] = ["title", "reference"]
        of_slide.append("path")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*of_case, *of_slide, RESEARCH_USE_STATEMENT])
    for case in facts:
        for slide in case["slides"]:
            cells = [*(case[name] for name in of_case), *(slide[name] for name in of_slide), None]
            writer.writerow([without_formula("" if cell is None else str(cell)) for cell in cells])
    return text.getvalue().removesuffix("\n")


def _table(cases: list[Case], facts: list[dict[str, Any]], *, any_there: bool) -> str:
    if not cases:
        return strings_worklist.NO_CASES if any_there else strings_worklist.NOTHING_TO_READ
    lines = [strings_worklist.LINE.format(**strings_worklist.HEADER)]
    for case, fact in zip(cases, facts, strict=True):
        line = strings_worklist.LINE.format(
            id=case.id,
            state=case.state.value,
            title=one_line(case.title),
            slides=len(case.slides),
            priority=one_line(fact["priority"]),
        )
        lines.append(line)
    return "\n".join([*lines, RESEARCH_USE_STATEMENT])


# Protocols as data and as text


def _protocol_facts(protocol: ReadingProtocol, things: list[Asked]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        **asdict(protocol),
        "is_calibrated": protocol.is_calibrated,
        "asked": [
            {
                "text": one.text,
                "encoder": one.encoder,
                "threshold": one.threshold,
                "not_analysed": one.not_analysed or None,
            }
            for one in things
        ],
    }


def _protocol_lines(protocol: ReadingProtocol, things: list[Asked]) -> list[str]:
    own = strings_worklist.OWN if protocol.is_own else ""
    first = strings_worklist.PROTOCOL_LINE.format(
        name=protocol.name, title=protocol.title + own, purpose=protocol.purpose
    )
    analysed = [one.text for one in things if not one.not_analysed]
    more = (
        [strings_worklist.LOOKS_FOR.format(asked=strings_worklist.BETWEEN.join(analysed))] if analysed else []
    )
    more += [
        strings_worklist.NOT_ANALYSED.format(text=one.text, why=one.not_analysed)
        for one in things
        if one.not_analysed
    ]
    questions = strings_worklist.BETWEEN.join(question.text for question in protocol.questions)
    more += [strings_worklist.ANSWERS.format(questions=questions)] if questions else []
    more.append(
        strings_worklist.COVERAGE.format(magnification=protocol.magnification, share=protocol.coverage_share)
    )
    more.append(strings_worklist.LIMITS.format(limits=protocol.limits))
    more += [] if protocol.is_calibrated else [strings_worklist.NOT_CALIBRATED]
    return [one_line(first), *(f"{'':<16} {one_line(line)}" for line in more)]


def _counted(templates: dict[bool, str], count: int, **values: object) -> str:
    return templates[count == 1].format(count=count, **values)
