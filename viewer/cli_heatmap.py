"""``foveola heatmap``: scores of a query, or where an encoder looks, as an image that lies over the slide."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from viewer import __version__, arguments, cli_map, cli_relevance, terminal

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from viewer.relevance.analysis import Analysis
    from viewer.relevance.attention import Head
    from viewer.relevance.encoders import EncoderCard, ModelEntry
    from viewer.relevance.field import Provenance

MODES = "factorised", "blend", "single"
LEVELS = "region", "patch", "token"
"""Those of viewer/view/hierarchy.py, which imports too much for --help."""
_ATTENTION_UNIT = "attention over even attention, from an eighth to eight times as much by octaves"
_RANK_UNIT = "rank of attention"


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    command = add("heatmap", _heatmap, "write scores, or attention, as an image that lies over the slide")
    command.add_argument("slide", metavar="SLIDE", type=arguments.file)
    command.add_argument("--query", metavar="TEXT", dest="text", help="what to look for")
    cli_relevance.add_question_options(command)
    attention = command.add_argument_group("attention, of an encoder that says where it looks")
    attention.add_argument("--weights", metavar="DIR", type=Path, help="folder of its weights")
    attention.add_argument(
        "--mode", choices=MODES, default=MODES[0], help=f"how levels are joined ({MODES[0]})"
    )
    attention.add_argument(
        "--level", choices=LEVELS, default=LEVELS[-1], help=f"down to which level ({LEVELS[-1]})"
    )
    attention.add_argument(
        "--head", metavar="H", type=_head, default="mean", help="mean, max or a number from 1 (mean)"
    )
    cli_map.add_map_options(command)
    command.add_argument("-o", "--output", metavar="FILE.ome.tiff", required=True, type=arguments.ome_path)


def _head(text: str) -> Head:
    """Raises ArgumentTypeError."""
    return text if text in ("mean", "max") else arguments.count(text) - 1


def _heatmap(options: argparse.Namespace) -> int:
    from viewer.relevance.encoders import entry_in

    cli_relevance.check_output(options.output, options.slide)
    if cli_map.wants_map(options):
        return cli_map.write_map(options)
    if options.weights is not None:
        entry = entry_in(options.encoder, options.weights)
        cli_relevance.tell_terms(entry.card)
        return _attention(options, entry.card, entry)
    card = cli_relevance.card_with_terms(options.encoder)
    if card.attention_heads is not None:
        return _attention(options, card, None)
    if options.text is None:
        raise arguments.UsageError(f"{card.title} needs --query TEXT: what to look for")
    return _scores(options)


def _scores(options: argparse.Namespace) -> int:
    from viewer.relevance.heatmap import write_heatmap
    from viewer.slide.source import open_slide

    answer = cli_relevance.answer_to(options)
    with closing(open_slide(options.slide)) as source:
        extent_px = source.pyramid.width, source.pyramid.height
    write_heatmap(answer.field, options.output, extent_px=extent_px, slide_name=options.slide.name)
    return 0


def _attention(options: argparse.Namespace, card: EncoderCard, entry: ModelEntry | None) -> int:
    from viewer.progress import progress_bar
    from viewer.relevance.attention import check_head
    from viewer.relevance.attention_map import attention_map, attention_of
    from viewer.relevance.heatmap import write_attention
    from viewer.relevance.offline import open_analysis, pixel_size_of
    from viewer.settings import Settings
    from viewer.slide.source import open_slide
    from viewer.view.hierarchy import HierarchyLook

    if options.text is not None:
        raise arguments.UsageError(f"{card.title} knows no words: leave --query out, or take another encoder")
    try:
        look = HierarchyLook(options.mode, options.level)
        check_head(options.head, min(card.attention_heads or (1, 1)))
    except ValueError as error:
        raise arguments.UsageError(str(error)) from error
    limit_bytes = Settings.load().relevance.store_bytes
    with closing(open_slide(options.slide)) as source, progress_bar("looking") as progress:
        size = pixel_size_of(source, options.mpp)
        with open_analysis(
            source, size, encoder_id=card.id, limit_bytes=limit_bytes, entry=entry
        ) as analysis:
            attention = attention_of(analysis, progress)
            provenance, notes = _provenance(analysis, options), analysis.notes
        extent_px = source.pyramid.width, source.pyramid.height
    found = attention_map(attention, look, token_head=options.head, patch_head=options.head)
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
    if size.estimated:
        terminal.tell(f"{options.slide.name} states no pixel size: {size.mpp_um[0]:.3g} µm is {size.reason}.")
    for note in notes:
        terminal.tell(note)
    return 0


def _provenance(analysis: Analysis, options: argparse.Namespace) -> Provenance:
    from datetime import UTC, datetime

    from viewer.relevance.field import Provenance

    card, subject = analysis.encoder.card, analysis.store.subject
    head = options.head if isinstance(options.head, str) else f"head {options.head + 1}"
    return Provenance(
        encoder=card.title,
        query=f"{card.title}, {options.mode}, down to the {options.level}, {head}",
        normalisation=card.normalisation,
        mpp_um=subject.mpp_um,
        mpp_estimated=subject.mpp_estimated,
        made_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"Foveola {__version__}",
    )
