"""``foveola heatmap --encoder head/NAME``: a map of a slide head, as an image over the slide.

A head has neither levels nor tokens; its maps are those that the window offers as views.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from viewer.cli import arguments, strings, terminal
from viewer.cli.output import head_with_terms

if TYPE_CHECKING:
    import argparse

    from viewer.relevance.encoders.card import EncoderCard


def write_head_map(options: argparse.Namespace) -> int:
    """Write the map that ``--head`` numbers, by default the attention; returns the exit status.

    Raises UsageError, EncoderError, SlideError, SaveError.
    """
    from viewer.common.progress import progress_bar
    from viewer.common.settings import Settings
    from viewer.overlay.attention_look import HierarchyLook
    from viewer.relevance.analysis.open import open_analysis, pixel_size_of
    from viewer.relevance.heatmap.ome_tiff import write_attention
    from viewer.relevance.heatmap.strings import ATTENTION_UNIT, SIGNED_UNIT
    from viewer.relevance.heatmap.whole_slide import attention_map, attention_of
    from viewer.slide.formats.registry import open_slide

    card = head_with_terms(options.encoder)
    view = _view(options, card)
    map_name = card.views[view]
    limit_bytes = Settings.load().relevance.store_bytes
    with closing(open_slide(options.slide)) as source:
        size = pixel_size_of(source, options.mpp)
        with open_analysis(source, size, encoder_id=card.id, limit_bytes=limit_bytes) as analysis:
            with progress_bar(strings.ANALYSING) as progress:
                attention = attention_of(analysis, progress)
            notes, subject, grid = analysis.notes, analysis.store.subject, analysis.grid
        extent_px = source.pyramid.width, source.pyramid.height
    if attention.patches_known.any() and not attention.patches[view].any():
        raise arguments.UsageError(strings.NO_SUCH_MAP.format(encoder=card.title, map=map_name))
    for note in (*size.notes, *notes):
        terminal.write_stderr(note)
    found = attention_map(attention, HierarchyLook("single", "patch"), patch_head=view)
    found.check_known(attention.tissue)
    write_attention(
        found.scores,
        found.known,
        grid,
        options.output,
        provenance=subject.provenance(card, strings.MAP_NAME.format(encoder=card.title, map=map_name)),
        unit=SIGNED_UNIT if view else ATTENTION_UNIT,
        extent_px=extent_px,
        slide_name=options.slide.name,
    )
    return 0


def _view(options: argparse.Namespace, card: EncoderCard) -> int:
    """The index of one of the card's views; raises UsageError."""
    if options.head == "mean":  # the default
        return 0
    if isinstance(options.head, int) and 0 <= options.head < len(card.views):
        return options.head
    maps = ", ".join(f"{number} {view}" for number, view in enumerate(card.views, 1))
    raise arguments.UsageError(strings.HEAD_MAP.format(encoder=card.title, maps=maps))
