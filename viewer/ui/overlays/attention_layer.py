"""The attention over one slide view: its session, the layer that it makes, and its entry in the legend."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from viewer import __version__
from viewer.common.scale import pixel_size_in_words
from viewer.overlay.attention_look import HierarchyLook, levels_of
from viewer.overlay.layer import OverlayLook, colour_stops
from viewer.overlay.legend_entry import LegendEntry, ends_in_words
from viewer.overlay.strings import PARTLY_KNOWN
from viewer.relevance.attention.slide_attention import MEAN
from viewer.relevance.heatmap.ome_tiff import write_attention
from viewer.relevance.heatmap.strings import ATTENTION_UNIT, RANK_UNIT, SIGNED_UNIT
from viewer.relevance.heatmap.whole_slide import attention_map
from viewer.relevance.patches.attention_codes import OCTAVES
from viewer.relevance.patches.field import Provenance
from viewer.ui.overlays import strings
from viewer.ui.overlays.analysis_bar import analysed_in_words
from viewer.ui.overlays.attention_panel import head_in_words
from viewer.ui.overlays.attention_text import ALL_LEVELS, compared_in_words, levels_drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from viewer.common.settings import Overlay
    from viewer.overlay.layer import OverlayLayer
    from viewer.relevance.attention.slide_attention import Attention
    from viewer.relevance.encoders.card import EncoderCard
    from viewer.relevance.patches.grid import PatchGrid
    from viewer.relevance.worker.messages import Progress
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.attention_session import AttentionChoice, AttentionSession
    from viewer.ui.overlays.overlay_layers import OverlayLayers

_NAME = "attention"
_COLOUR_MAPS = "ember", "magma", "viridis", "teal", "cividis"
"""The first that no other layer uses is taken, the best first: in that one even attention is grey."""
_MOST = 2 ** (OCTAVES // 2)
_OCTAVES = strings.LEAST_OF_AVERAGE.format(most=_MOST), strings.MOST_OF_AVERAGE.format(most=_MOST)
_RANKS = strings.LOWEST_RANK, strings.HIGHEST_RANK
_SIGNED = strings.AGAINST, strings.FOR
"""What 0 and 1 mean."""
_LARGE_PX = 1e6
"""A patch of this size on the screen shows all its levels, as files do."""


class AttentionLayer(QObject):
    """Belongs to one view. ``card`` and ``choice``: what was last chosen to be shown."""

    def __init__(
        self, slide_view: SlideView, layers: OverlayLayers, session: AttentionSession, look: Overlay
    ) -> None:
        super().__init__(slide_view)
        self._view, self._layers = slide_view, layers
        self.session = session
        self.card: EncoderCard | None = None
        self.choice: AttentionChoice | None = None
        self.progress: Progress | None = None
        """The last that the analysis reported, None before and after it."""
        self._common = look
        self._own = OverlayLook(opacity=look.opacity, smooth=look.smooth)
        self._colours_chosen = False
        self._chosen = HierarchyLook()
        self._layer: OverlayLayer | None = None
        self._drawn: OverlayLook | None = None
        self._shown: AttentionChoice | None = None
        """What the layer was made for. The page may be ahead of it, while terms are read for instance."""
        self._legend_levels: tuple[str, ...] = ()
        """The levels that the legend names."""
        session.layer_made.connect(self._show)
        session.progressed.connect(self._remember_progress)
        slide_view.view_changed.connect(self._follow_zoom)
        layers.look_chosen.connect(self._take_look)

    def show(self, card: EncoderCard | None, choice: AttentionChoice | None, look: HierarchyLook) -> None:
        """Show this attention, None for none, with levels combined by ``look``."""
        self.card, self.choice, self._chosen = card, choice, look
        self.session.show(choice)
        self._draw()

    def set_look(self, look: Overlay) -> None:
        """The flashlight is one for all layers; all else is its own."""
        self._common = look
        self._draw()

    def to_save(self) -> tuple[str, Callable[..., None]] | None:
        """The title of what is shown, and what writes it as an OME-TIFF: ``write(path, extent_px=…,
        slide_name=…)``; None where nothing is shown, or its colours have no meaning."""
        card, shown, found, mpp_um = self.card, self._shown, self.session.attention, self._view.mpp_um
        if self._drawn is None or card is None or shown is None or found is None or mpp_um is None:
            return None
        entry, drawn = self._entry(), levels_drawn(self._hierarchy(), _LARGE_PX)
        compared = self.session.levels or ALL_LEVELS
        if not card.views and not any(level in compared for level in drawn):
            return None
        facts = self._facts(card, shown, compared, drawn)
        provenance = Provenance(
            encoder=card.title,
            query=strings.TITLE_AND_FACTS.format(title=entry.title, facts=facts),
            normalisation=card.normalisation,
            mpp_um=mpp_um,
            mpp_estimated=self._view.mpp_estimated,
            made_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            software=f"Foveola {__version__}",
        )
        unit = SIGNED_UNIT if entry.middle else RANK_UNIT if shown.mode == "blend" else ATTENTION_UNIT
        return entry.title, partial(_write, *found, shown, self._hierarchy(), provenance, unit)

    def _take_look(self, name: str, look: OverlayLook) -> None:
        if name == _NAME and self._drawn is not None:
            self._colours_chosen |= look.colour_map != self._drawn.colour_map
            self._own = look
            self._draw()

    def _show(self, layer: OverlayLayer | None, choice: AttentionChoice | None) -> None:
        self._layer, self._shown = layer, choice
        if layer is None or self.card is None:
            self._drawn, self._own = None, replace(self._own, visible=True)
            self._layers.remove(_NAME)
        else:
            self._drawn = self._look()
            self._layers.put(_NAME, layer, self._drawn, self._entry())

    def _draw(self) -> None:
        if self._drawn is not None:
            self._drawn = self._look()
            self._layers.restyle(_NAME, self._drawn, self._entry())

    def _remember_progress(self, progress: Progress | None) -> None:
        self.progress = progress
        self._layers.set_state(_NAME, analysed_in_words(progress))

    def _look(self) -> OverlayLook:
        colour_map = self._own.colour_map
        if not self._colours_chosen:
            others = [name for name in _COLOUR_MAPS if name != self._common.colour_map]
            colour_map = self._layers.free_map(others, besides=_NAME)
        flashlight_px = self._common.flashlight_px if self._common.flashlight else None
        return replace(
            self._own, colour_map=colour_map, flashlight_px=flashlight_px, hierarchy=self._hierarchy()
        )

    def _hierarchy(self) -> HierarchyLook:
        """The page's level, and the mode that the layer was made for: its codes mean nothing in another."""
        if self._shown is None:
            return self._chosen
        mode, level = self._shown.mode, self._chosen.level
        return HierarchyLook(mode, level if level in levels_of(mode) else "patch")

    def _levels_drawn(self) -> tuple[str, ...]:
        if self._layer is None:
            return ()
        px_per_patch = self._layer.patch_width_px / self._view.camera.view.downsample
        return levels_drawn(self._hierarchy(), px_per_patch * self._view.canvas.pixel_ratio)

    def _follow_zoom(self) -> None:
        """Levels fade in and out with the zoom; the legend changes only where others are drawn."""
        if self._drawn is not None and self._levels_drawn() != self._legend_levels:
            self._layers.describe(_NAME, self._entry())

    def _entry(self) -> LegendEntry:
        """The legend's entry for the layer that is drawn."""
        self._legend_levels = self._levels_drawn()
        card, shown, layer, look = self.card, self._shown, self._layer, self._drawn
        assert card is not None
        assert shown is not None
        assert layer is not None
        assert look is not None
        title, middle = strings.ATTENTION_OF.format(title=card.title), ""
        ends, in_words = (_RANKS, "{:.2f}".format) if shown.mode == "blend" else (_OCTAVES, _of_average)
        if not card.needs_weights:
            title = card.title
        elif card.views:
            view = int(shown.patch_head)
            name = card.views[view]
            title = strings.TITLE_AND_VIEW.format(title=card.title, view=name[0].lower() + name[1:])
            if view > 0:
                ends, in_words, middle = _SIGNED, _signed, strings.ZERO
        compared = self.session.levels or ALL_LEVELS
        in_part = _known_in_part(layer, tokens_count="token" in self._legend_levels)
        return LegendEntry(
            title,
            colour_stops(look.colour_map),
            look.threshold,
            self._facts(card, shown, compared, self._legend_levels),
            *ends_in_words(look, *ends, in_words),
            dotted=PARTLY_KNOWN if in_part else "",
            middle=middle,
            ends=look.ends,
            has_scale=bool(card.views) or any(level in compared for level in self._legend_levels),
            state=analysed_in_words(self.progress),
        )

    def _facts(
        self, card: EncoderCard, shown: AttentionChoice, compared: Collection[str], drawn: tuple[str, ...]
    ) -> str:
        if card.views:
            facts = [strings.OF_THE_WHOLE_SLIDE]
            facts += [strings.LARGEST_IS_ONE] if int(shown.patch_head) > 0 else []
        else:
            facts = [compared_in_words(self._hierarchy(), drawn, compared)]
            heads = ("patch", shown.patch_head), ("token", shown.token_head)
            facts += [
                strings.HEAD_OF_LEVEL.format(
                    level=strings.LEVEL_NAMES[level], head=head_in_words(head).lower()
                )
                for level, head in heads
                if level in drawn and level in compared and head != MEAN
            ]
            if shown.overlap is not None and "token" in drawn:
                merge, _ = strings.OVERLAPS[shown.overlap]
                facts.append(strings.MERGED_OVERLAP.format(merge=merge.lower()))
        if self._view.mpp_um is not None:
            facts.append(pixel_size_in_words(self._view.mpp_um, estimated=self._view.mpp_estimated))
        return ", ".join(facts)


def _write(
    attention: Attention,
    grid: PatchGrid,
    shown: AttentionChoice,
    look: HierarchyLook,
    provenance: Provenance,
    unit: str,
    path: Path,
    *,
    extent_px: tuple[int, int],
    slide_name: str,
) -> None:
    found = attention_map(attention, look, token_head=shown.token_head, patch_head=shown.patch_head)
    write_attention(
        found.scores,
        found.known,
        grid,
        path,
        provenance=provenance,
        unit=unit,
        extent_px=extent_px,
        slide_name=slide_name,
    )


def _known_in_part(layer: OverlayLayer, *, tokens_count: bool) -> bool:
    """Whether tokens lack the value of their patch, or patches lack their tokens."""
    if tokens_count and layer.levels is not None and (layer.known & ~layer.levels.tokens_known).any():
        return True
    return bool(layer.estimated.any())


def _of_average(likeness: float) -> str:
    """ "2 × average"."""
    return strings.MOST_OF_AVERAGE.format(most=f"{2 ** (OCTAVES * (likeness - 0.5)):.2g}")


def _signed(likeness: float) -> str:
    """From −1, against, to 1, for."""
    return f"{2 * likeness - 1:+.2f}"
