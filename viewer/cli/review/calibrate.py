"""``foveola review calibrate``: thresholds from slides with marked lesions, and how well they do."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE_STATEMENT
from viewer.cli import arguments, strings_help, terminal
from viewer.cli.review import strings_calibrate as strings
from viewer.common.text import escape_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from viewer.review.asked import Asked
    from viewer.review.calibration import Lesion, SlideScores
    from viewer.review.protocols import ReadingProtocol

_LEAST_SCORE = 0.01
"""Of a place to be looked at: to be like what is asked for at all."""


def add_commands(add: Callable[..., Any], kinds: Any) -> None:
    """Add the command below ``review``."""
    command = add("calibrate", _calibrate, strings.CALIBRATE, into=kinds)
    command.add_argument("protocol", metavar="PROTOCOL")
    command.add_argument("slides", metavar="SLIDE", nargs="+", type=arguments.file)
    command.add_argument(
        "--lesions", metavar="FOLDER", required=True, type=arguments.file, help=strings.LESIONS
    )
    command.add_argument("--class", metavar="NAME", default="", dest="class_name", help=strings.CLASS)
    command.add_argument("--query", metavar="TEXT", help=strings.QUERY)
    command.add_argument(
        "--distance", metavar="UM", type=arguments.number, default=0.0, help=strings.DISTANCE
    )
    command.add_argument("--false", metavar="N", type=arguments.positive, default=1.0, help=strings.FALSE)
    command.add_argument("--save", metavar="NAME", help=strings.SAVE)
    command.add_argument("--encoder", metavar="ID", default="", help=strings_help.ENCODER)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)


def _calibrate(options: argparse.Namespace) -> int:
    from viewer.common.atomic_write import check_savable, save_atomically
    from viewer.relevance.encoders.vocabulary import encoder_for
    from viewer.review.calibration import read_lesions, threshold_for
    from viewer.review.protocols import SUFFIX, find_protocol, own_folder, parse_protocol, with_thresholds

    protocol = find_protocol(options.protocol)
    saved = own_folder() / f"{options.save}{SUFFIX}"
    if options.save:
        parse_protocol(
            options.save, with_thresholds(protocol, {}), is_own=True
        )  # the name, before hours of work
        check_savable(saved)
    wanted = _wanted(protocol, options)
    marked = [
        (slide, read_lesions(_lesions_file(slide, options.lesions), options.class_name))
        for slide in options.slides
    ]
    found: list[dict[str, Any]] = []
    thresholds: dict[str, tuple[float, str]] = {}
    for one in wanted:
        encoder = one.encoder or encoder_for("", one.query)
        slides = [_scores(slide, lesions, one.text, encoder, options.distance) for slide, lesions in marked]
        threshold = threshold_for(slides, options.false)
        if threshold is not None:
            thresholds[one.text] = threshold, encoder
        found.append(_figures(one.text, encoder, slides, threshold))
    if options.save and thresholds:
        save_atomically(saved, with_thresholds(protocol, thresholds))
        terminal.write_stderr(strings.SAVED.format(path=saved))
    if options.json:
        terminal.write_stdout(
            json.dumps({"research_use": RESEARCH_USE_STATEMENT, "queries": found}, indent=2)
        )
    else:
        lines = [line for figures in found for line in _lines(figures)]
        terminal.write_stdout("\n".join(escape_control(line) for line in (*lines, RESEARCH_USE_STATEMENT)))
    return 0


def _lesions_file(slide: Path, folder: Path) -> Path:
    file = folder / f"{slide.stem}.geojson"
    if not file.is_file():
        raise arguments.UsageError(strings.NO_LESIONS_FILE.format(path=file))
    return file


def _wanted(protocol: ReadingProtocol, options: argparse.Namespace) -> list[Asked]:
    """The queries to calibrate. Prints those that are not analysed. Raises UsageError where there is none."""
    from viewer.relevance.encoders.registry import cards, find_card
    from viewer.relevance.encoders.vocabulary import lexicon_of
    from viewer.review.asked import Encoders, asked

    if options.encoder:
        find_card(options.encoder)
    # Thresholds are set anew: those that the protocol has for another encoder do not matter.
    anew = replace(protocol, queries=tuple(replace(query, encoder="") for query in protocol.queries))
    encoders = Encoders({card.id: card for card in cards()}, {}, options.encoder, lexicon_of)
    words = [one for one in asked(anew, encoders) if one.head is None]
    for one in words:
        if one.not_analysed:
            terminal.write_stderr(strings.NOT_ANALYSED.format(text=one.text, why=one.not_analysed))
    analysed = [one for one in words if not one.not_analysed]
    if not analysed:
        raise arguments.UsageError(strings.NONE_ANALYSED.format(protocol=protocol.name))
    if options.query is None:
        return analysed
    found = [one for one in analysed if one.text == options.query]
    if not found:
        known = ", ".join(one.text for one in analysed)
        message = strings.NO_QUERY.format(protocol=protocol.name, query=options.query, known=known)
        raise arguments.UsageError(message)
    return found


def _scores(
    slide: Path, lesions: Sequence[Lesion], text: str, encoder: str, distance_um: float
) -> SlideScores:
    """The places of a query on a slide, against its lesions. Prints notes."""
    from viewer.common.progress import progress_bar
    from viewer.common.settings import Settings
    from viewer.relevance.analysis.search import ask, read_question
    from viewer.relevance.patches.peaks import find_hits
    from viewer.review.calibration import scores_of_slide
    from viewer.slide.formats.registry import open_slide

    label = strings.READING.format(slide=slide.name, text=text)
    with closing(open_slide(slide)) as source, progress_bar(label) as progress:
        answer = ask(
            source,
            read_question(text, encoder),
            encoder_id=encoder,
            mpp_um=None,
            limit_bytes=Settings.load().relevance.store_bytes,
            progress=progress,
        )
    for note in answer.notes:
        terminal.write_stderr(strings.READING.format(slide=slide.name, text=note))
    return scores_of_slide(
        [(*hit.peak, hit.score) for hit in find_hits(answer.field, least=_LEAST_SCORE)],
        lesions,
        mpp_um=answer.field.provenance.mpp_um,
        distance_um=distance_um,
    )


def _figures(
    text: str, encoder: str, slides: Sequence[SlideScores], threshold: float | None
) -> dict[str, Any]:
    """What is printed of a query. ``hit`` and ``false_a_slide``: at the threshold."""
    from viewer.review.statistics.froc import FALSE_A_SLIDE, froc

    figures = {"query": text, "encoder": encoder, "slides": len(slides), "threshold": threshold}
    figures["lesions"] = sum(slide.lesions.size for slide in slides)
    if threshold is not None:
        figures["hit"] = int(sum((slide.lesions >= threshold).sum() for slide in slides))
        false = sum((slide.false >= threshold).sum() for slide in slides)
        figures["false_a_slide"] = float(false / len(slides))
    curve = froc(slides)
    if curve is not None:
        figures["froc"] = {"false_a_slide": list(FALSE_A_SLIDE), **curve._asdict()}
    return figures


def _lines(figures: dict[str, Any]) -> list[str]:
    reached = strings.NO_THRESHOLD if figures["threshold"] is None else strings.THRESHOLD_LINE
    lines = [strings.QUERY_LINE.format(**figures), reached.format(**figures)]
    curve = figures.get("froc")
    if curve is not None:
        pairs = zip(curve["false_a_slide"], curve["sensitivities"], strict=True)
        at = ", ".join(strings.FROC_AT.format(share=share, false=false) for false, share in pairs)
        between = "" if curve["low"] is None else strings.FROC_BETWEEN.format(**curve)
        lines.append(strings.FROC_LINE.format(mean=curve["mean"], between=between, at=at))
    return lines
