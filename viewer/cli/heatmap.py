"""``foveola heatmap``: scores of a query, or where an encoder looks, as an image that lies over the slide."""

from __future__ import annotations

from argparse import ArgumentTypeError
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from viewer.cli import arguments, terminal
from viewer.cli import head_map as cli_head_map
from viewer.cli import maps as cli_map
from viewer.cli import query as cli_query
from viewer.cli.output import card_with_terms, check_output, tell_terms
from viewer.relevance.encoders.card import MEASURED_ID

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from viewer.relevance.analysis.slide_analysis import Analysis
    from viewer.relevance.attention.slide_attention import Attention, Head
    from viewer.relevance.encoders.card import EncoderCard, ModelEntry
    from viewer.relevance.heatmap.whole_slide import AttentionMap
    from viewer.relevance.patches.field import Provenance
    from viewer.relevance.patches.grid import PatchGrid

MODES = "factorised", "blend", "single"
LEVELS = "region", "patch", "token"
"""Those of overlay/attention_look.py, which imports too much for --help; likewise what follows."""
HEADS = MERGES = "mean", "max"
SHARE, MOST_POINTS, RADIUS_UM, MAX_RADIUS_UM = 0.1, 100, 64.0, 10_000.0
_ATTENTION_UNIT = "attention over even attention, from an eighth to eight times as much by octaves"
_RANK_UNIT = "rank of attention"
_AS_PUBLISHED = (
    "The published heatmap of every region of 2 mm. Beyond a region it sees what the slide has there, not "
    "white; glass is white."
)


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    command = add("heatmap", _heatmap, "write scores, or attention, as an image that lies over the slide")
    command.add_argument("slide", metavar="SLIDE", type=arguments.slide)
    command.add_argument("--query", metavar="TEXT", dest="text", help="what to look for")
    arguments.add_question_options(command, encoder=None)  # a map has none
    attention = command.add_argument_group("attention, of an encoder that says where it looks")
    attention.add_argument("--weights", metavar="DIR", type=Path, help="folder of its weights")
    attention.add_argument("--mode", choices=MODES, help=f"how levels are joined ({MODES[0]})")
    attention.add_argument("--level", choices=LEVELS, help=f"down to which level ({LEVELS[-1]})")
    attention.add_argument(
        "--head",
        metavar="H",
        type=_head,
        help="mean, max or a number from 1 (mean); of a slide head, which of its maps",
    )
    attention.add_argument(
        "--overlap", choices=MERGES,
        help="look again half-way between patches where attention is highest, and take the mean or the most",
    )  # fmt: skip
    attention.add_argument(
        "--overlap-share", metavar="X", type=_share,
        help=f"of the tissue, what --overlap takes for the highest, up to 1 ({SHARE:g})",
    )  # fmt: skip
    attention.add_argument(
        "--points", metavar="FILE.geojson", type=arguments.geojson_path,
        help="write the tokens with most attention on the slide, all levels together, as points for QuPath",
    )  # fmt: skip
    attention.add_argument("--top", metavar="N", type=arguments.count, help=f"points at most ({MOST_POINTS})")
    attention.add_argument(
        "--radius", metavar="UM", type=_radius, help=f"least distance of two points, in µm ({RADIUS_UM:g})"
    )
    cli_map.add_map_options(command)
    command.add_argument("-o", "--output", metavar="FILE.ome.tiff", required=True, type=arguments.ome_path)


def _head(text: str) -> Head:
    """Raises ArgumentTypeError."""
    return text if text in HEADS else arguments.count(text) - 1


def _share(text: str) -> float:
    """Above 0 and at most 1. Raises ArgumentTypeError."""
    value = arguments.positive(text)
    if value > 1:
        raise ArgumentTypeError(f"{text} is more than 1, which is all of the tissue")
    return value


def _radius(text: str) -> float:
    """Above 0 and at most a centimetre. Raises ArgumentTypeError."""
    value = arguments.positive(text)
    if value > MAX_RADIUS_UM:
        raise ArgumentTypeError(f"{text} µm is more than a centimetre")
    return value


def _heatmap(options: argparse.Namespace) -> int:
    from viewer.common.errors import EncoderError
    from viewer.relevance.encoders.model_registry import entry_in
    from viewer.relevance.encoders.registry import cards

    _check(options)
    if cli_map.wants_map(options):
        return cli_map.write_map(options)
    given = _of_attention(options)
    options.encoder = MEASURED_ID if options.encoder is None else options.encoder
    options.head = HEADS[0] if options.head is None else options.head
    if any(card.features_of for card in cards() if card.id == options.encoder):
        _check_for_head(options)
        return cli_head_map.write_head_map(options, attention_unit=_ATTENTION_UNIT)
    options.mode, options.level = options.mode or MODES[0], options.level or LEVELS[-1]
    if options.weights is not None:
        entry = entry_in(options.encoder, options.weights)
        tell_terms(entry.card)
        return _attention(options, entry.card, entry)
    try:
        card = card_with_terms(options.encoder)
    except EncoderError as error:
        raise EncoderError(f"{error}; for weights in a folder give --weights DIR") from error
    if card.attends:
        return _attention(options, card, None)
    if given:
        raise arguments.UsageError(f"{card.title} does not say where it looks: {given} needs that")
    if options.text is None:
        raise arguments.UsageError(f"{card.title} needs --query TEXT: what to look for")
    return _scores(options)


def _check(options: argparse.Namespace) -> None:
    """Raises UsageError for files that cannot be written, and options that do not go together."""
    for output in (options.output, options.points):
        check_output(output, options.slide.path)
        check_output(output, options.map, what="the map")
        if None not in (output, options.weights) and options.weights.resolve() in output.resolve().parents:
            raise arguments.UsageError(f"{output}: this is among the weights; choose another folder")
    if options.overlap is None and options.overlap_share is not None:
        raise arguments.UsageError("--overlap-share says where to look again: give --overlap")
    if options.points is None and not (options.top is None and options.radius is None):
        raise arguments.UsageError("--top and --radius are of points: give --points")
    unfit = _of_attention(options) or ("--encoder" if options.encoder is not None else "")
    if options.map is not None and unfit:
        raise arguments.UsageError(f"--map is what another program has found: it takes no {unfit}")


def _check_for_head(options: argparse.Namespace) -> None:
    """Raises UsageError for what a slide head has nothing of: words, weights of an encoder, levels."""
    given = {
        "--query": options.text is not None,
        "--weights": options.weights is not None,
        "--mode": options.mode is not None,
        "--level": options.level is not None,
        _of_tokens(options): _of_tokens(options),
    }
    unfit = next((name for name, value in given.items() if value), None)
    if unfit is not None:
        raise arguments.UsageError(
            f"{options.encoder}: a slide head says something of whole patches, {unfit} "
            "does not fit it; leave it out"
        )


def _of_attention(options: argparse.Namespace) -> str:
    """The first option given of those that need an encoder that says where it looks; "" for none."""
    given = {"--mode": options.mode, "--level": options.level, "--head": options.head}
    return next((name for name, value in given.items() if value is not None), _of_tokens(options))


def _of_tokens(options: argparse.Namespace) -> str:
    """The first option given of those that need an encoder that looks at tokens; "" for none."""
    given = {"--overlap": options.overlap, "--points": options.points}
    return next((name for name, value in given.items() if value is not None), "")


def _scores(options: argparse.Namespace) -> int:
    from viewer.relevance.heatmap.ome_tiff import write_heatmap
    from viewer.slide.formats.registry import open_slide

    answer = cli_query.answer_to(options)
    with closing(open_slide(options.slide)) as source:
        extent_px = source.pyramid.width, source.pyramid.height
    write_heatmap(answer.field, options.output, extent_px=extent_px, slide_name=options.slide.name)
    return 0


def _attention(options: argparse.Namespace, card: EncoderCard, entry: ModelEntry | None) -> int:
    from viewer.common.settings import Settings
    from viewer.overlay.attention_look import HierarchyLook
    from viewer.relevance.analysis.open import open_analysis, pixel_size_of
    from viewer.relevance.attention.slide_attention import check_head
    from viewer.relevance.heatmap.hipt_blend import can_make_published
    from viewer.relevance.heatmap.ome_tiff import write_attention
    from viewer.relevance.heatmap.whole_slide import attention_map
    from viewer.slide.formats.registry import open_slide

    if options.text is not None:
        raise arguments.UsageError(f"{card.title} knows no words: leave --query out, or take another encoder")
    try:
        look = HierarchyLook(options.mode, options.level)
        check_head(options.head, min(card.attention_heads or (1, 1)))
    except ValueError as error:
        raise arguments.UsageError(str(error)) from error
    limit_bytes = Settings.load().relevance.store_bytes
    with closing(open_slide(options.slide)) as source:
        size = pixel_size_of(source, options.mpp)
        with open_analysis(
            source, size, encoder_id=card.id, limit_bytes=limit_bytes, entry=entry
        ) as analysis:
            if _of_tokens(options) and analysis.encoder.card.attends != "tokens":
                raise arguments.UsageError(
                    f"{card.title} looks at whole patches: {_of_tokens(options)} needs one that looks closer"
                )
            if options.mode == "blend" and can_make_published(analysis.encoder):
                found, mode, said = _published(analysis, options), "published blend", _AS_PUBLISHED
                attention = None if options.points is None else _looked_at(analysis, options)[0]
            else:
                attention, said = _looked_at(analysis, options)
                found = attention_map(attention, look, token_head=options.head, patch_head=options.head)
                mode = "ranks, blended" if options.mode == "blend" else options.mode
            for note in (*size.notes(options.slide.name), *analysis.notes, *((said,) if said else ())):
                terminal.write_stderr(note)
            found.check_known(analysis.tissue)
            provenance = _provenance(analysis, options, mode, options.level)
            of_points = _provenance(analysis, options, MODES[0], LEVELS[-1])
        extent_px = source.pyramid.width, source.pyramid.height
    write_attention(
        found.scores,
        found.known,
        analysis.grid,
        options.output,
        provenance=provenance,
        unit=_RANK_UNIT if options.mode == "blend" else _ATTENTION_UNIT,
        extent_px=extent_px,
        slide_name=options.slide.name,
    )
    if attention is not None and options.points is not None:
        _write_points(attention, analysis.grid, of_points, options)
    return 0


def _published(analysis: Analysis, options: argparse.Namespace) -> AttentionMap:
    from viewer.common.progress import progress_bar
    from viewer.relevance.heatmap.hipt_blend import published_blend

    if options.overlap is not None:
        raise arguments.UsageError("the published blend looks half-way between patches anyway: no --overlap")
    with progress_bar("looking") as progress:
        return published_blend(
            analysis,
            token_head=options.head,
            patch_head=options.head,
            tokens=options.level == "token",
            progress=progress,
        )


def _looked_at(analysis: Analysis, options: argparse.Namespace) -> tuple[Attention, str]:
    """All attention there is, and a sentence on where it was looked at again, "" for none."""
    from viewer.common.progress import progress_bar
    from viewer.relevance.heatmap.whole_slide import attention_of

    tokens = options.level == "token" or bool(_of_tokens(options))
    with progress_bar("looking") as progress:
        attention = attention_of(analysis, progress, tokens=tokens)
    return attention, "" if options.overlap is None else _look_again(analysis, attention, options)


def _look_again(analysis: Analysis, attention: Attention, options: argparse.Namespace) -> str:
    """Look between the patches with most attention, which changes ``attention``; a sentence on it."""
    from viewer.common.progress import progress_bar
    from viewer.relevance.heatmap.overlap import run_overlap_pass

    share = options.overlap_share or SHARE
    with progress_bar("looking again") as progress:
        looks = run_overlap_pass(
            analysis, attention, options.overlap, share=share, patch_head=options.head, progress=progress
        )
    if not len(looks.corners) and not looks.failed:
        return "No part of the slide gets more attention than others: there was nowhere to look again."
    failed = f"; {looks.failed:,} more could not be" if looks.failed else ""
    most = (
        "all of the tissue" if share == 1 else f"{100 * share:.3g} % of the tissue that gets most attention"
    )
    return (
        f"{len(looks.corners):,} patches half-way between others were looked at as well, over {most}{failed}."
    )


def _write_points(
    attention: Attention, grid: PatchGrid, provenance: Provenance, options: argparse.Namespace
) -> None:
    from viewer.relevance.attention.slide_attention import token_attention
    from viewer.relevance.exchange.export import write_points
    from viewer.relevance.heatmap.points import find_points

    values = token_attention(attention, token_head=options.head, patch_head=options.head)
    points = find_points(values, grid, options.top or MOST_POINTS, radius_um=options.radius or RADIUS_UM)
    write_points(points, options.points, provenance=provenance, slide_name=options.slide.name)
    if not points:
        terminal.write_stderr("No token gets more than even attention: there are no points in the file.")


def _provenance(analysis: Analysis, options: argparse.Namespace, mode: str, level: str) -> Provenance:
    card = analysis.encoder.card
    head = options.head if isinstance(options.head, str) else f"head {options.head + 1}"
    again = (
        "" if options.overlap is None else f", {options.overlap} of overlapping patches where it is highest"
    )
    said = f"{card.title}, {mode}, down to the {level}, {head}{again}"
    return analysis.store.subject.provenance(card, said)
