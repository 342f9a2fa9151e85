"""``foveola heatmap --encoder head/NAME``: what a slide head says of patches, as an image over the slide.

A head has no levels and no tokens: its maps are those that the window offers as views, one at a time.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from viewer.cli import arguments, terminal
from viewer.cli.output import head_with_terms

if TYPE_CHECKING:
    import argparse

    from viewer.relevance.encoders.card import EncoderCard

_SIGNED_UNIT = "from most against (0) to most for (1) on this slide, 0.5 neither"


def write_head_map(options: argparse.Namespace, *, attention_unit: str) -> int:
    """Write the map that ``--head`` numbers, where the head looks without it. ``attention_unit``: what
    attention from 0 to 1 means. Raises UsageError, EncoderError, SlideError, SaveError.
    """
    from viewer.common.progress import progress_bar
    from viewer.common.settings import Settings
    from viewer.overlay.attention_look import HierarchyLook
    from viewer.relevance.analysis.open import open_analysis, pixel_size_of
    from viewer.relevance.heatmap.ome_tiff import write_attention
    from viewer.relevance.heatmap.whole_slide import attention_map, attention_of
    from viewer.slide.formats.registry import open_slide

    card = head_with_terms(options.encoder)
    view = _view(options, card)
    words = card.views[view]
    limit_bytes = Settings.load().relevance.store_bytes
    with closing(open_slide(options.slide)) as source:
        size = pixel_size_of(source, options.mpp)
        with open_analysis(source, size, encoder_id=card.id, limit_bytes=limit_bytes) as analysis:
            with progress_bar("looking") as progress:
                attention = attention_of(analysis, progress)
            notes, subject, grid = analysis.notes, analysis.store.subject, analysis.grid
        extent_px = source.pyramid.width, source.pyramid.height
    if attention.patches_known.any() and not attention.patches[view].any():
        raise arguments.UsageError(f"{card.title} does not tell this: {words}; choose another with --head")
    for note in (*size.notes(options.slide.name), *notes):
        terminal.write_stderr(note)
    found = attention_map(attention, HierarchyLook("single", "patch"), patch_head=view)
    found.check_known(attention.tissue)
    write_attention(
        found.scores,
        found.known,
        grid,
        options.output,
        provenance=subject.provenance(card, f"{card.title}, {words}"),
        unit=_SIGNED_UNIT if view else attention_unit,
        extent_px=extent_px,
        slide_name=options.slide.name,
    )
    return 0


def _view(options: argparse.Namespace, card: EncoderCard) -> int:
    """Which of the card's views; raises UsageError."""
    if options.head == "mean":  # where nothing was asked for
        return 0
    if isinstance(options.head, int) and 0 <= options.head < len(card.views):
        return options.head
    known = ", ".join(f"{number} {view}" for number, view in enumerate(card.views, 1))
    raise arguments.UsageError(f"--head is one of the maps of {card.title}: {known}")
