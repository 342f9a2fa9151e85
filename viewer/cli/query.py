"""The commands that look for things on slides: ``query``, ``index``, ``encoders``.

Like those of ``cli``, they import what they need when they run.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE
from viewer.cli import arguments, terminal
from viewer.cli import maps as cli_map
from viewer.common.atomic_write import check_savable
from viewer.common.text import escape_control, one_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from viewer.overlay.layer import Overlay
    from viewer.relevance.analysis.batch_index import IndexResult
    from viewer.relevance.analysis.search import Answer
    from viewer.relevance.encoders.card import EncoderCard
    from viewer.relevance.patches.field import RelevanceField
    from viewer.relevance.query.parser import Understood
    from viewer.slide.source import Source

MEASURED = "measured"
"""The encoder that is always there; its id in ``encoders.py``, which imports too much for --help."""


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands to a parser; ``add(name, run, help)`` gives one of them."""
    command = add(
        "query", _query, "say where on a slide something is, in words, numbers and files", mixed=True
    )
    command.add_argument("slide", metavar="SLIDE", type=arguments.slide)
    command.add_argument(
        "text", metavar="TEXT", nargs="?", help='such as "lymphocytes near adipose tissue without blood"'
    )
    add_question_options(command)
    for name, meaning in (("--like", "an example of it"), ("--unlike", "an example of what it is not")):
        command.add_argument(
            name, metavar="X,Y", action="append", default=[], type=arguments.point,
            help=f"{meaning}, in level-0 pixels; may be given several times",
        )  # fmt: skip
    command.add_argument("--top", metavar="N", type=arguments.count, default=10, help="places at most (10)")
    command.add_argument("--explain", action="store_true", help="all measurements behind each place")
    command.add_argument("--json", action="store_true", help="print the answer as JSON")
    command.add_argument(
        "--geojson",
        metavar="FILE.geojson",
        type=arguments.geojson_path,
        help="write places and patches for QuPath",
    )
    command.add_argument(
        "--scores",
        metavar="FILE.h5",
        type=arguments.scores_path,
        help="write the score of every analysed patch",
    )
    command.add_argument(
        "--features", metavar="FILE", type=arguments.file,
        help="use the features of TRIDENT, CLAM, STAMP or slideflow in this file, and measure nothing",
    )  # fmt: skip

    command = add("index", _index, "analyse slides, so that queries are answered at once")
    command.add_argument(
        "paths", metavar="PATH", nargs="+", type=arguments.file, help="slides, and folders of slides"
    )
    add_question_options(command)
    command.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster, as tcp://host:8786, that sees the files"
    )

    command = add("encoders", _encoders, "list what can look for things, with licences")
    command.add_argument("--json", action="store_true", help="print the list as JSON")
    command.add_argument(
        "--extract",
        metavar=("FILE", "OUT.safetensors"),
        nargs=2,
        type=arguments.file,
        help="write the HIPT or DINO network in a training's file, a tenth of its size, and list nothing",
    )


def add_question_options(command: argparse.ArgumentParser, *, encoder: str | None = MEASURED) -> None:
    """The options of every command that analyses; ``encoder``: what it is where none is given."""
    command.add_argument(
        "--encoder",
        metavar="ID",
        default=encoder,
        help=f"who looks, as foveola encoders lists them ({MEASURED})",
    )
    command.add_argument(
        "--mpp", metavar="UM", type=arguments.pixel_size, help="size of a level-0 pixel, in µm"
    )


# Commands


def _query(options: argparse.Namespace) -> int:
    from viewer.relevance.exchange.export import write_geojson, write_scores

    for output in (options.geojson, options.scores):
        check_output(output, options.slide.path)
        check_output(output, options.features, what="the features file")
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
        hits = [place.hit for place in answer.places]
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
    from viewer.slide.formats.registry import open_slide

    examples = Examples(tuple(more.pop("like", ())), tuple(more.pop("unlike", ())))
    encoder_id = card_with_terms(options.encoder).id
    try:
        # Features of another program know words only through their own model, whichever that is.
        question = read_question(options.text, "" if more.get("features") else encoder_id, examples)
        with closing(open_slide(options.slide)) as source, progress_bar("analysing") as progress:
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


def overlays_for(
    options: argparse.Namespace, source: Source
) -> tuple[RelevanceField | None, tuple[Overlay, ...]]:
    """The field of a snapshot's ``--query`` or ``--map``, and how it lies over the picture; without them
    (None, ()).

    Raises UsageError for a look without a field, an encoder without a query, and for colours that there are
    not.
    """
    has_map = cli_map.wants_map(options)
    if options.text is None and options.encoder is not None:
        raise arguments.UsageError("--encoder says who looks for --query: it fits nothing else")
    options.encoder = options.encoder or MEASURED
    if options.text is None and not has_map:
        if options.overlay is not None:
            raise arguments.UsageError("--overlay colours a query or a map: give --query or --map")
        return None, ()
    from viewer.common.settings import Settings
    from viewer.overlay.from_field import layer_from_field
    from viewer.overlay.layer import Overlay, OverlayLook

    chosen = Settings.load().overlay
    try:
        look = OverlayLook(
            colour_map=options.overlay or chosen.colour_map,
            opacity=chosen.opacity,
            threshold=chosen.threshold,
            contours=chosen.contours,
            smooth=chosen.smooth,
        )
    except ValueError as error:
        raise arguments.UsageError(str(error)) from error
    field = cli_map.map_over(source, options) if has_map else answer_to(options).field
    return field, (Overlay("map" if has_map else "query", layer_from_field(field), look),)


def check_output(output: Path | None, read: Path | None, *, what: str = "the slide") -> None:
    """Raises UsageError where a result would take the place of what is read, or of a device; SaveError where
    it could not be saved, before anything is computed for it.

    A saved file replaces what stood there: with a privileged user that would be /dev/null for all.
    """
    if output is None:
        return
    check_savable(output)
    if not output.exists():
        return
    if read is not None and read.exists() and output.samefile(read):
        raise arguments.UsageError(f"{output}: this is {what} itself; choose another name")
    if not output.is_file():
        raise arguments.UsageError(f"{output}: this is no ordinary file; choose another name")


def _index(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from viewer.common.cores import core_count
    from viewer.common.progress import progress_bar
    from viewer.common.settings import Settings
    from viewer.relevance.analysis.batch_index import IndexJob, index_slides, slides_among
    from viewer.relevance.encoders.device_errors import graphics_cards
    from viewer.relevance.features.cache_folder import features_dir

    card = card_with_terms(options.encoder)
    slides = slides_among(options.paths)
    if not slides:
        raise arguments.UsageError("there are no slides in these folders")
    cores = core_count()
    graphics = () if options.scheduler else graphics_cards()
    processes = min(len(graphics) or cores, len(slides))
    job = IndexJob(
        card.id,
        options.mpp,
        str(features_dir().absolute()),
        Settings.load().relevance.store_bytes,
        threads=None if options.scheduler else max(1, cores // processes),
        cards=graphics,
    )
    failed = 0
    with progress_bar(f"{len(slides):,} slides") as progress:
        results = index_slides(
            slides, job, processes=processes, scheduler=options.scheduler, progress=progress
        )
        for result in results:
            failed += bool(result.failure)
            with tqdm.external_write_mode():  # the bar steps aside for a line
                if result.failure:
                    terminal.write_stderr(result.failure)
                else:
                    terminal.write_stdout(_index_line(result))
                    for note in result.notes:
                        terminal.write_stderr(f"{Path(result.path).name}: {note}")
    if failed:
        terminal.write_stderr(f"{failed:,} of {len(slides):,} slides could not be analysed")
    return 1 if failed else 0


def _index_line(result: IndexResult) -> str:
    name = one_line(result.path)
    if result.skipped:
        return f"complete   {name}: {result.patches:,} patches were there"
    unread = f", {result.failed_patches:,} could not be read" if result.failed_patches else ""
    return f"analysed   {name}: {result.patches:,} patches{unread}, {result.seconds:.1f} s"


def _encoders(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from viewer.relevance.encoders.model_registry import registry_file
    from viewer.relevance.encoders.registry import cards, problems

    if options.extract is not None:
        from viewer.relevance.models.hipt import save_backbone

        trained, target = options.extract
        if target.suffix.lower() != ".safetensors":
            raise arguments.UsageError(f"{target}: its name must end in .safetensors")
        check_output(target, trained, what="the training's file")
        save_backbone(trained, target)
        return 0
    known = cards()
    for problem in problems():
        terminal.write_stderr(problem)
    if options.json:
        terminal.write_stdout(json.dumps([asdict(card) for card in known], indent=2))
        return 0
    lines = []
    for card in known:
        lines.append(f"{card.id:<16} {card.title}: {card.family}")
        lines.append(f"{'':<16} {_licence(card)}")
        lines += [f"{'':<16} {note}" for note in card.notes]
    lines.append(f"More are named in {registry_file()}; see the README.")
    terminal.write_stdout("\n".join(escape_control(line) for line in lines))
    return 0


def card_with_terms(encoder_id: str) -> EncoderCard:
    """What is known of an encoder; the terms of a model are told before it is used. Raises EncoderError."""
    from viewer.relevance.analysis.open import card_of

    card = card_of(encoder_id)
    tell_terms(card)
    return card


def head_with_terms(encoder_id: str) -> EncoderCard:
    """What is known of a slide head; the terms of the model whose features it reads are told. Raises
    EncoderError.
    """
    from viewer.relevance.encoders.registry import find_card

    card = find_card(encoder_id)
    card_with_terms(card.features_of)
    return card


def tell_terms(card: EncoderCard) -> None:
    """Say under which terms an encoder may be used, where they are not Foveola's own."""
    if card.needs_terms:
        terminal.write_stderr(f"{card.title}: {_licence(card)}")


def _licence(card: EncoderCard) -> str:
    uses = {True: "commercial use allowed", False: "no commercial use", None: "commercial use not stated"}
    return f"{card.licence}; {uses[card.commercial]}"


# Answers as data and as text


def _facts(answer: Answer, slide_name: str) -> dict[str, Any]:
    from dataclasses import asdict

    from viewer.relevance.exchange.export import export_facts

    places = [
        {
            "rank": rank,
            "score": round(place.hit.score, 4),
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
        "places": places,
        "patches_unread": answer.unread,
        "notes": list(answer.notes),
    }


def _text(answer: Answer, *, explain: bool) -> str:
    field = answer.field
    analysed = f"{int(field.known.sum()):,} of {field.grid.patch_count:,} patches"
    lines = [
        f"query       {field.provenance.query}",
        *(f"understood  {_understood(term)}" for term in answer.understood),
        f"analysed    {analysed}, {field.provenance.encoder}",
    ]
    if not answer.places:
        lines.append("places      none stands out")
    else:
        lines += ["", f"{'rank':>4} {'likeness':>8} {'x px':>9} {'y px':>9}  because"]
    for rank, place in enumerate(answer.places, 1):
        x, y = place.hit.peak
        words = dict.fromkeys(reasons[0].in_words() for _, reasons in place.reasons)
        strongest = "" if explain else "; ".join(words)
        lines.append(f"{rank:>4} {place.hit.score:>8.2f} {x:>9,.0f} {y:>9,.0f}  {strongest}".rstrip())
        if explain:
            lines += [
                f"{'':>35}{term}: {reason.in_words()}"
                for term, reasons in place.reasons
                for reason in reasons
            ]
    lines += ["", f"Measured likeness, no diagnosis. {RESEARCH_USE}."]
    return "\n".join(escape_control(line) for line in lines)


def _understood(term: Understood) -> str:
    weights = ", ".join(f"{concept.replace('_', ' ')} {weight:g}" for concept, weight in term.weights)
    return f"{term.text}: {weights or 'as these words'}"
