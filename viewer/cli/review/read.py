"""``foveola review read``: the second reader reads cases. The window runs this in the background, too: what
reads imports torch, which the window does without.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from viewer.cli import terminal
from viewer.cli.review import strings
from viewer.common.errors import FoveolaError
from viewer.common.priority import yield_to_others

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from viewer.relevance.analysis.search import Answer
    from viewer.review.asked import Asked, Encoders
    from viewer.review.protocols import ReadingProtocol
    from viewer.review.second_reader import Answered
    from viewer.review.worklist.case import Case, CaseSlide
    from viewer.review.worklist.worklist import Worklist
    from viewer.slide.source import Source

    Progress = Callable[[float, float], None]

_MOST_REASONS = 3


def add_commands(add: Callable[..., Any], kinds: Any) -> None:
    """Add the commands below ``review``."""
    command = add("read", _read, strings.READ, into=kinds)
    command.add_argument("cases", metavar="CASE", nargs="*", help=strings.READ_CASES)
    command.add_argument("--again", action="store_true", help=strings.READ_AGAIN)
    command.add_argument("--record", metavar="FILE|URL", help=strings.RECORD)
    command.add_argument("--progress-lines", action="store_true", help=strings.PROGRESS_LINES)


def _read(options: argparse.Namespace) -> int:
    from viewer.common.progress import progress_bar
    from viewer.review.database.record import open_record
    from viewer.review.protocols import find_protocol
    from viewer.review.worklist.state import State
    from viewer.review.worklist.worklist import Worklist

    if options.progress_lines:
        yield_to_others()
    failed = 0
    with open_record(options.record, create=False) as record:
        worklist = Worklist(record)
        cases = [worklist.case(name) for name in options.cases] or worklist.cases(
            states=(State.NEW, State.INDEXING)
        )
        encoders = _encoders()
        for case in cases:
            try:
                protocol = find_protocol(case.protocol)
                if options.progress_lines:
                    _read_case(worklist, case, protocol, encoders, partial(_say_progress, case.id), options)
                else:
                    with progress_bar(strings.READING.format(case=case.id)) as progress:
                        _read_case(worklist, case, protocol, encoders, progress, options)
            except FoveolaError as error:
                failed += 1
                terminal.write_stderr(strings.CASE_FAILED.format(case=case.id, error=error))
                continue
            terminal.write_stdout(_outcome(worklist.case(case.id)))
    return 1 if failed else 0


def _say_progress(case_id: str, done: float, total: float) -> None:
    share = done / total if total else 1.0
    terminal.write_stdout(json.dumps({"case": case_id, "share": round(share, 4)}))


def _outcome(case: Case) -> str:
    if case.findings is None:
        return strings.CASE_READ_IN_READING.format(case=case.id)
    return strings.CASE_READ.format(case=case.id, state=case.state.value, count=case.findings)


def _encoders() -> Encoders:
    from viewer.common.settings import Settings
    from viewer.relevance.encoders.head_registry import read_heads
    from viewer.relevance.encoders.registry import cards
    from viewer.relevance.encoders.vocabulary import lexicon_of
    from viewer.review.asked import Encoders

    chosen = Settings.load().relevance.encoder
    return Encoders({card.id: card for card in cards()}, read_heads().heads, chosen, lexicon_of)


def _read_case(
    worklist: Worklist,
    case: Case,
    protocol: ReadingProtocol,
    encoders: Encoders,
    progress: Progress,
    options: argparse.Namespace,
) -> None:
    """Read the slides of a case, and record what was found. Raises FoveolaError."""
    from viewer.review.asked import asked
    from viewer.review.reading.kinds import Kind
    from viewer.review.worklist.state import State

    questions = asked(protocol, encoders)
    is_waiting = case.state in (State.NEW, State.INDEXING, State.READY, State.NOT_ANALYSED)
    if is_waiting and case.state is not State.INDEXING:
        worklist.set_state(case.id, State.INDEXING)
    read = {
        str(event.payload.get("slide_id")): event.payload
        for event in worklist.record.events(case=case.id, kinds=[Kind.READ.value])
        if event.payload.get("protocol_digest") == protocol.digest
    }
    problems = []
    for number, slide in enumerate(case.slides):
        count = max(len(questions), 1) * len(case.slides)
        first = number * max(len(questions), 1)
        if slide.slide_id in read and not options.again:
            continue
        try:
            payload = _read_one(worklist, case, number, slide, questions, protocol, progress, first, count)
        except FoveolaError as error:
            problems.append(str(error))
            continue
        read[payload["slide_id"]] = payload
        worklist.record.append(case.id, Kind.READ.value, "", payload)
    worklist.refresh()
    if worklist.case(case.id).state is not State.INDEXING:  # a reader has it, maybe since a moment ago
        return
    # Also what was found before: in slides that were not read again.
    payloads = [read[slide.slide_id] for slide in worklist.case(case.id).slides if slide.slide_id in read]
    not_analysed = [f"{what}: {why}" for one in payloads for what, why in one["not_analysed"]]
    scores = [found.get("score", 0.0) for one in payloads for found in one["findings"]]
    anything = any(one["asked"] for one in payloads) or not questions
    worklist.set_state(
        case.id,
        State.READY if anything and not problems else State.NOT_ANALYSED,
        reason="; ".join(dict.fromkeys([*problems, *not_analysed])),
        findings=len(scores) if anything else None,
        highest=max(scores, default=None),
    )


def _read_one(
    worklist: Worklist,
    case: Case,
    number: int,
    slide: CaseSlide,
    questions: list[Asked],
    protocol: ReadingProtocol,
    progress: Progress,
    first: int,
    count: int,
) -> dict[str, Any]:
    """What is found on one slide. Raises FoveolaError where it cannot be opened, or is another one now."""
    from viewer.review.second_reader import read_slide
    from viewer.slide.formats.registry import open_slide
    from viewer.slide.identity import slide_identity

    with closing(open_slide(slide.path)) as source:
        slide_id = slide_identity(source)
        if slide.slide_id is None:
            slides = list(worklist.case(case.id).slides)
            slides[number] = replace(slides[number], slide_id=slide_id)
            worklist.change(case.id, "", slides=slides)
        elif slide.slide_id != slide_id:
            raise FoveolaError(strings.SLIDE_REPLACED.format(case=case.id, number=number + 1))
        done = first

        def ask(question: Asked) -> Answered:
            nonlocal done
            answered = _answer(source, question, lambda at, of: progress(done + at / max(of, 1e-9), count))
            done += 1
            return answered

        payload = read_slide(slide_id, questions, protocol.findings, ask)
    return {"slide_id": slide_id, "protocol": protocol.name, "protocol_digest": protocol.digest, **payload}


def _answer(source: Source, question: Asked, progress: Progress) -> Answered:
    """Ask one question. Raises FoveolaError where it cannot be answered."""
    from viewer.common.settings import Settings
    from viewer.relevance.analysis.search import Question, ask
    from viewer.relevance.encoders.vocabulary import encoder_for
    from viewer.review.second_reader import Answered

    if question.query is None:
        raise FoveolaError(strings.HEAD_NOT_READ)
    encoder = question.encoder or encoder_for("", question.query)
    answer = ask(
        source,
        Question(question.query),
        encoder_id=encoder,
        mpp_um=None,
        limit_bytes=Settings.load().relevance.store_bytes,
        top=200,
        progress=progress,
    )
    return Answered(
        answer.field,
        encoder,
        _weights_of(encoder),
        answer.judgement.threshold,
        answer.patches,
        answer.unread,
        partial(_reasons, answer),
        answer.notes,
    )


def _reasons(answer: Answer, point: tuple[float, float]) -> tuple[str, ...]:
    for place in answer.places:
        if place.hit.peak == point:
            reasons = [reason.in_words() for _term, reasons in place.reasons for reason in reasons[:1]]
            return tuple(dict.fromkeys(reasons))[:_MOST_REASONS]
    return ()


def _weights_of(encoder_id: str) -> str:
    """The SHA-256 of an encoder's weights, where there are any and it is stated; else its version."""
    from viewer.relevance.encoders.card import TISSUE_ID
    from viewer.relevance.encoders.model_registry import read_registry
    from viewer.relevance.encoders.registry import cards
    from viewer.relevance.encoders.tissue.card import tissue_cards, tissue_facts

    if encoder_id == TISSUE_ID and tissue_cards():
        facts = tissue_facts()
        if facts is not None:
            return facts.weights_sha256
    entry = read_registry().models.get(encoder_id)
    if entry is not None and entry.sha256:
        return entry.sha256
    version = next((card.version for card in cards() if card.id == encoder_id), "")
    return strings.VERSION.format(version=version)
