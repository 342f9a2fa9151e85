"""``foveola query``: where on a slide something is, as text, as JSON and in files."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE
from viewer.cli import arguments, strings, strings_help, terminal
from viewer.cli.output import card_with_terms, check_output, print_problems
from viewer.common.text import escape_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from viewer.relevance.analysis.search import Answer
    from viewer.relevance.query.parsed import Understood


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    command = add("query", _query, strings_help.QUERY, mixed=True)
    command.add_argument("slide", metavar="SLIDE", type=arguments.slide)
    command.add_argument("text", metavar="TEXT", nargs="?", help=strings_help.QUERY_TEXT)
    arguments.add_analysis_options(command)
    for name, meaning in (("--like", strings_help.LIKE), ("--unlike", strings_help.UNLIKE)):
        command.add_argument(
            name, metavar="X,Y", action="append", default=[], type=arguments.point, help=meaning
        )
    command.add_argument("--top", metavar="N", type=arguments.count, default=10, help=strings_help.TOP_PLACES)
    command.add_argument("--explain", action="store_true", help=strings_help.EXPLAIN)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)
    command.add_argument(
        "--geojson", metavar="FILE.geojson", type=arguments.geojson_path, help=strings_help.GEOJSON
    )
    command.add_argument("--scores", metavar="FILE.h5", type=arguments.scores_path, help=strings_help.SCORES)
    command.add_argument("--features", metavar="FILE", type=arguments.file, help=strings_help.FEATURES)


def _query(options: argparse.Namespace) -> int:
    from viewer.relevance.exchange.export import write_geojson, write_scores

    for output in (options.geojson, options.scores):
        check_output(output, options.slide.path)
        check_output(output, options.features, what=strings.THE_FEATURES)
    answer = answer_to(
        options,
        features=options.features,
        like=options.like,
        unlike=options.unlike,
        top=options.top,
    )
    name = options.slide.name
    if options.scores:
        write_scores(answer.field, options.scores, slide_name=name)
    if options.geojson:
        hits = [] if answer.weak else [place.hit for place in answer.places]
        write_geojson(answer.field, hits, options.geojson, slide_name=name)
    if options.json:
        terminal.write_stdout(json.dumps(_facts(answer, name), indent=2))
    else:
        terminal.write_stdout(_text(answer, explain=options.explain))
    return 0


def answer_to(options: argparse.Namespace, **more: Any) -> Answer:
    """The answer to ``options.text`` on ``options.slide``; its notes go to standard error."""
    from viewer.common.progress import progress_bar
    from viewer.common.settings import Settings
    from viewer.relevance.analysis.search import Examples, QuestionError, ask, read_question
    from viewer.relevance.encoders.vocabulary import encoder_for
    from viewer.slide.formats.registry import open_slide

    examples = Examples(tuple(more.pop("like", ())), tuple(more.pop("unlike", ())))
    if options.encoder is None:
        print_problems()
    else:
        card_with_terms(options.encoder)
    chosen = options.encoder or ""
    try:
        # Features of another program are searched by text only through their own model, whichever that is.
        question = read_question(options.text, None if more.get("features") else chosen, examples)
        encoder_id = options.encoder or encoder_for("", question.query)
        with closing(open_slide(options.slide)) as source, progress_bar(strings.ANALYSING) as progress:
            answer = ask(
                source,
                question,
                encoder_id=encoder_id,
                mpp_um=options.mpp,
                limit_bytes=Settings.load().relevance.store_bytes,
                progress=progress,
                **more,
            )
    except QuestionError as error:
        raise arguments.UsageError(str(error)) from error
    for note in answer.notes:
        terminal.write_stderr(note)
    return answer


# Answers as data and as text


def _facts(answer: Answer, slide_name: str) -> dict[str, Any]:
    from dataclasses import asdict

    from viewer.relevance.exchange.export import export_facts

    places = [
        {
            "rank": rank,
            "score": round(place.hit.score, 4),
            "meaning": answer.judgement.of_value(place.hit.score),
            "x": round(place.hit.peak[0], 1),
            "y": round(place.hit.peak[1], 1),
            "rect": [round(side, 1) for side in place.hit.rect],
            "reasons": [
                {"term": term, **asdict(reason), "in_words": reason.in_words()}
                for term, reasons in place.reasons
                for reason in reasons
            ],
        }
        for rank, place in enumerate(answer.places, 1)
    ]
    return {
        **export_facts(answer.field, slide_name),
        "understood": [asdict(term) for term in answer.understood],
        "weak": answer.weak,
        **asdict(answer.judgement),
        "places": places,
        "patches": answer.patches,
        "patches_unread": answer.unread,
        "notes": list(answer.notes),
    }


def _text(answer: Answer, *, explain: bool) -> str:
    field, unit = answer.field, answer.field.provenance.unit
    lines = [
        strings.QUERY_LINE.format(query=field.provenance.query),
        *(_understood(term) for term in answer.understood),
        strings.ANALYSED_LINE.format(
            known=answer.patches - answer.unread,
            patches=strings.PATCHES[answer.patches == 1].format(count=answer.patches),
            encoder=field.provenance.encoder,
        ),
    ]
    lines += _verdict(answer)
    lines += (
        ["", strings.PLACES_HEADER.format(value=strings.VALUES[unit])]
        if answer.places
        else [strings.NO_PLACES_LINE]
    )
    for rank, place in enumerate(answer.places, 1):
        x, y = place.hit.peak
        strongest = dict.fromkeys(reasons[0].in_words() for _, reasons in place.reasons)
        because = "" if explain else "; ".join(strongest)
        lines.append(f"{rank:>4} {place.hit.score:>8.2f} {x:>9,.0f} {y:>9,.0f}  {because}".rstrip())
        if explain:
            lines += [
                f"{'':>35}{term}: {reason.in_words()}"
                for term, reasons in place.reasons
                for reason in reasons
            ]
    lines += ["", strings.VALUES_NOTE[unit].format(research_use=RESEARCH_USE)]
    return "\n".join(escape_control(line) for line in lines)


def _verdict(answer: Answer) -> list[str]:
    """What values meant on test slides, and that no place reaches what it must."""
    lines, meaning = [], answer.judgement.meaning
    if meaning is not None:
        lines += [
            strings.MEANING_LINE.format(sentence=sentence)
            for sentence in (meaning.of_threshold, *meaning.of_levels)
        ]
    if answer.weak:
        title = answer.field.provenance.query if meaning is None else meaning.title
        lines += ["", strings.ALL_WEAK.format(threshold=answer.judgement.threshold, title=title)]
    return lines


def _understood(term: Understood) -> str:
    weights = ", ".join(f"{concept.replace('_', ' ')} {weight:g}" for concept, weight in term.weights)
    return strings.UNDERSTOOD_LINE.format(term=term.text, concepts=weights or strings.AS_WORDS)
