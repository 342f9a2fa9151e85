"""``foveola heatmap``: scores of a query, or attention, as an image that lies over the slide."""

from __future__ import annotations

from argparse import ArgumentTypeError
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from viewer.cli import arguments, strings, strings_help, terminal
from viewer.cli import head_map as cli_head_map
from viewer.cli import maps as cli_map
from viewer.cli import query as cli_query
from viewer.cli.output import card_with_terms, check_output, encoder_of, print_terms

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
"""As in overlay/attention_look.py, which imports too much for --help; likewise what follows."""
HEADS = MERGES = "mean", "max"
SHARE, MOST_POINTS, RADIUS_UM, MAX_RADIUS_UM = 0.1, 100, 64.0, 10_000.0


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    command = add("heatmap", _heatmap, strings_help.HEATMAP)
    command.add_argument("slide", metavar="SLIDE", type=arguments.slide)
    command.add_argument("--query", metavar="TEXT", dest="text", help=strings_help.HEATMAP_QUERY)
    arguments.add_analysis_options(command)
    attention = command.add_argument_group(strings_help.ATTENTION_GROUP)
    attention.add_argument("--weights", metavar="DIR", type=Path, help=strings_help.WEIGHTS)
    attention.add_argument("--mode", choices=MODES, help=strings_help.MODE.format(default=MODES[0]))
    attention.add_argument("--level", choices=LEVELS, help=strings_help.LEVEL.format(default=LEVELS[-1]))
    attention.add_argument("--head", metavar="H", type=_head, help=strings_help.HEAD)
    attention.add_argument("--overlap", choices=MERGES, help=strings_help.OVERLAP)
    attention.add_argument(
        "--overlap-share", metavar="X", type=_share, help=strings_help.OVERLAP_SHARE.format(default=SHARE)
    )
    attention.add_argument(
        "--points", metavar="FILE.geojson", type=arguments.geojson_path, help=strings_help.POINTS
    )
    attention.add_argument(
        "--top", metavar="N", type=arguments.count, help=strings_help.TOP_POINTS.format(default=MOST_POINTS)
    )
    attention.add_argument(
        "--radius", metavar="UM", type=_radius, help=strings_help.RADIUS.format(default=RADIUS_UM)
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
        raise ArgumentTypeError(strings.SHARE_RANGE.format(text=text))
    return value


def _radius(text: str) -> float:
    """Above 0 and at most a centimetre. Raises ArgumentTypeError."""
    value = arguments.positive(text)
    if value > MAX_RADIUS_UM:
        raise ArgumentTypeError(strings.DISTANCE_RANGE.format(text=text))
    return value


def _heatmap(options: argparse.Namespace) -> int:
    from viewer.common.errors import EncoderError
    from viewer.relevance.encoders.model_registry import entry_in
    from viewer.relevance.encoders.registry import cards

    _check(options)
    if cli_map.has_map(options):
        return cli_map.write_map(options)
    option = _attention_option(options)
    if options.text is not None and options.encoder is None and not (option or options.weights):
        return _scores(options)  # by the encoder that the words need
    options.encoder = encoder_of(options)
    options.head = HEADS[0] if options.head is None else options.head
    if any(card.features_of for card in cards() if card.id == options.encoder):
        _check_for_head(options)
        return cli_head_map.write_head_map(options)
    options.mode, options.level = options.mode or MODES[0], options.level or LEVELS[-1]
    if options.weights is not None:
        entry = entry_in(options.encoder, options.weights)
        print_terms(entry.card)
        return _attention(options, entry.card, entry)
    try:
        card = card_with_terms(options.encoder)
    except EncoderError as error:
        raise EncoderError(strings.WEIGHTS_HINT.format(error=error)) from error
    if card.attends:
        return _attention(options, card, None)
    if option:
        raise arguments.UsageError(strings.NO_ATTENTION.format(encoder=card.title, option=option))
    if options.text is None:
        raise arguments.UsageError(strings.NEEDS_QUERY.format(encoder=card.title))
    return _scores(options)


def _check(options: argparse.Namespace) -> None:
    """Raises UsageError for files that cannot be written, and options that do not go together."""
    for output in (options.output, options.points):
        check_output(output, options.slide.path)
        check_output(output, options.map, what=strings.THE_MAP)
        if None not in (output, options.weights) and options.weights.resolve() in output.resolve().parents:
            raise arguments.UsageError(strings.AMONG_WEIGHTS.format(path=output))
    if options.overlap is None and options.overlap_share is not None:
        raise arguments.UsageError(strings.SHARE_NEEDS_OVERLAP)
    if options.points is None and not (options.top is None and options.radius is None):
        raise arguments.UsageError(strings.POINT_OPTIONS_NEED_POINTS)
    option = _attention_option(options) or ("--encoder" if options.encoder is not None else "")
    if options.map is not None and option:
        raise arguments.UsageError(strings.MAP_TAKES_NO.format(option=option))


def _check_for_head(options: argparse.Namespace) -> None:
    """Raises UsageError for options that a slide head does not have: a query, weights, levels, tokens."""
    given = {
        "--query": options.text is not None,
        "--weights": options.weights is not None,
        "--mode": options.mode is not None,
        "--level": options.level is not None,
        _token_option(options): _token_option(options),
    }
    option = next((name for name, value in given.items() if value), None)
    if option is not None:
        raise arguments.UsageError(strings.HEAD_TAKES_NO.format(encoder=options.encoder, option=option))


def _attention_option(options: argparse.Namespace) -> str:
    """The first given option of those that need an encoder with attention; "" for none."""
    given = {"--mode": options.mode, "--level": options.level, "--head": options.head}
    return next((name for name, value in given.items() if value is not None), _token_option(options))


def _token_option(options: argparse.Namespace) -> str:
    """The first given option of those that need an encoder with attention of tokens; "" for none."""
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
    from viewer.relevance.heatmap.strings import ATTENTION_UNIT, RANK_UNIT
    from viewer.relevance.heatmap.whole_slide import attention_map
    from viewer.slide.formats.registry import open_slide

    if options.text is not None:
        raise arguments.UsageError(strings.NO_TEXT_QUERIES.format(encoder=card.title))
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
            if _token_option(options) and analysis.encoder.card.attends != "tokens":
                raise arguments.UsageError(
                    strings.NO_TOKENS.format(encoder=card.title, option=_token_option(options))
                )
            if options.mode == "blend" and can_make_published(analysis.encoder):
                found, mode = _published(analysis, options), strings.PUBLISHED_BLEND
                note = strings.AS_PUBLISHED
                attention = None if options.points is None else _computed(analysis, options)[0]
            else:
                attention, note = _computed(analysis, options)
                found = attention_map(attention, look, token_head=options.head, patch_head=options.head)
                mode = strings.RANKS_BLENDED if options.mode == "blend" else options.mode
            for line in (*size.notes, *analysis.notes, *((note,) if note else ())):
                terminal.write_stderr(line)
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
        unit=RANK_UNIT if options.mode == "blend" else ATTENTION_UNIT,
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
        raise arguments.UsageError(strings.BLEND_WITH_OVERLAP)
    with progress_bar(strings.ANALYSING) as progress:
        return published_blend(
            analysis,
            token_head=options.head,
            patch_head=options.head,
            tokens=options.level == "token",
            progress=progress,
        )


def _computed(analysis: Analysis, options: argparse.Namespace) -> tuple[Attention, str]:
    """The attention of the whole slide, and a note on the overlap pass, "" for none."""
    from viewer.common.progress import progress_bar
    from viewer.relevance.heatmap.whole_slide import attention_of

    tokens = options.level == "token" or bool(_token_option(options))
    with progress_bar(strings.ANALYSING) as progress:
        attention = attention_of(analysis, progress, tokens=tokens)
    return attention, "" if options.overlap is None else _merge_overlap(analysis, attention, options)


def _merge_overlap(analysis: Analysis, attention: Attention, options: argparse.Namespace) -> str:
    """Analyse patches between those with most attention and merge them into ``attention``; returns a note."""
    from viewer.common.progress import progress_bar
    from viewer.relevance.heatmap.overlap import run_overlap_pass

    share = options.overlap_share or SHARE
    with progress_bar(strings.OVERLAP_PASS) as progress:
        overlap = run_overlap_pass(
            analysis, attention, options.overlap, share=share, patch_head=options.head, progress=progress
        )
    if not len(overlap.corners) and not overlap.failed:
        return strings.OVERLAP_UNIFORM
    area = strings.ALL_TISSUE if share == 1 else strings.TISSUE_SHARE.format(percent=100 * share)
    template = strings.OVERLAP_DONE_PARTLY if overlap.failed else strings.OVERLAP_DONE
    patches = strings.PATCHES[len(overlap.corners) == 1].format(count=len(overlap.corners))
    return template.format(patches=patches, area=area, failed=overlap.failed)


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
        terminal.write_stderr(strings.NO_POINTS.format(path=options.points))


def _provenance(analysis: Analysis, options: argparse.Namespace, mode: str, level: str) -> Provenance:
    card = analysis.encoder.card
    head = options.head
    name = strings.ATTENTION_NAME.format(
        encoder=card.title,
        mode=mode,
        level=level,
        head=head if isinstance(head, str) else strings.HEAD_NUMBER.format(number=head + 1),
    )
    if options.overlap is not None:
        name = strings.ATTENTION_NAME_OVERLAP.format(name=name, merge=options.overlap)
    return analysis.store.subject.provenance(card, name)
