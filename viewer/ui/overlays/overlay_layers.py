"""The relevance layers over one slide view: the present query's, and those kept. Tells the legend."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from viewer.overlay.layer import OverlayLayer, OverlayLook, colour_stops
from viewer.ui.overlays.layer_list import LayerRow
from viewer.ui.overlays.legend import ESTIMATED, LegendEntry, provenance_in_words

if TYPE_CHECKING:
    from viewer.common.settings import Overlay
    from viewer.relevance.patches.field import RelevanceField
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.legend import Legend

PRESENT = "query"
_BESIDE = "beside"
_KEPT_MAPS = ("teal", "magma", "cividis", "viridis")


@dataclass(slots=True)
class _Layer:
    """A field, what it was asked with, and how it looks."""

    field: RelevanceField
    words: str
    look: OverlayLook
    imported: bool = False
    """Another program's: its words are its own."""


class OverlayLayers(QObject):
    """Hands fields to the view as layers. A look that changes uploads nothing."""

    changed = Signal()

    def __init__(self, slide_view: SlideView, legend: Legend, look: Overlay) -> None:
        super().__init__(slide_view)
        self._view, self._legend = slide_view, legend
        self._chosen = look
        self._visible = True
        self._bare = False
        self._layers: dict[str, _Layer] = {}
        self._beside: LegendEntry | None = None
        self._order: list[str] = []
        """Of all layers, the lowest first, as the view has them."""
        self._sequence = count(1)
        slide_view.source_changed.connect(self._remove_all)
        slide_view.mpp_changed.connect(self._remove_all)

    @property
    def visible(self) -> bool:
        """Whether layers are shown, while there are some and no key is held."""
        return self._visible

    @property
    def has_any(self) -> bool:
        """Whether there is a layer, shown or not."""
        return bool(self._order)

    @property
    def has_present(self) -> bool:
        """Whether there is a field of the present query."""
        return PRESENT in self._layers

    @property
    def colour_maps(self) -> set[str]:
        """Those that are in use, or would be for the next query."""
        return {self._chosen.colour_map, *(layer.look.colour_map for layer in self._layers.values())}

    @property
    def kept(self) -> list[LayerRow]:
        """The layers that were kept, oldest first."""
        return [
            LayerRow(name, layer.words, layer.look.visible)
            for name, layer in self._layers.items()
            if name != PRESENT
        ]

    def show_field(self, field: RelevanceField | None, words: str) -> None:
        """Show the present query's field, or none."""
        if field is None:
            self._remove(PRESENT)
        else:
            self._put(PRESENT, _Layer(field, words, self._present_look()))

    def set_look(self, look: Overlay) -> None:
        """Let the present layer look otherwise."""
        self._chosen = look
        if self.has_present:
            self._restyle(PRESENT, self._present_look())

    def set_visible(self, on: bool) -> None:
        """Show or hide all layers, those of others too."""
        if on != self._visible:
            self._visible = on
            self._show_or_hide()

    def set_bare(self, bare: bool) -> None:
        """Hide all layers while a key is held."""
        self._bare = bare
        self._show_or_hide()

    def _show_or_hide(self) -> None:
        self._view.overlays.set_hidden(self._hidden)
        self._tell()

    @property
    def _hidden(self) -> bool:
        return self._bare or not self._visible

    def keep(self) -> None:
        """Keep the present layer as it is, in colours of its own, beside what is asked next."""
        present = self._layers.pop(PRESENT, None)
        if present is not None:
            self._view.overlays.remove(PRESENT)
            self._order.remove(PRESENT)
            look = replace(present.look, colour_map=self._free_colours())
            self._put(f"kept-{next(self._sequence)}", _Layer(present.field, present.words, look))
            self._put(PRESENT, present)  # on top again: what is asked lies over what was

    def add_imported(self, field: RelevanceField, words: str) -> None:
        """Lay what another program says over the slide, as a layer that is kept; shows all where all was
        hidden."""
        look = replace(self._present_look(), colour_map=self._free_colours())
        self._put(f"kept-{next(self._sequence)}", _Layer(field, words, look, imported=True))
        self.set_visible(True)

    def _free_colours(self) -> str:
        """A colour map that no layer has yet, while there is one."""
        colours = [name for name in _KEPT_MAPS if name != self._chosen.colour_map]
        taken = self.colour_maps
        if self._beside is not None:
            taken |= {name for name in colours if colour_stops(name) == self._beside.colours}
        return next((name for name in colours if name not in taken), colours[len(taken) % len(colours)])

    def set_kept_visible(self, name: str, on: bool) -> None:
        """Show or hide a kept layer."""
        self._restyle(name, replace(self._layers[name].look, visible=on))

    def remove_kept(self, name: str) -> None:
        """Take a kept layer away."""
        self._remove(name)

    def show_beside(self, entry: LegendEntry | None) -> None:
        """Have the legend speak for another layer too, which somebody else lays on top and takes away."""
        if self._beside is None and entry is not None:
            self._order.append(_BESIDE)
        elif self._beside is not None and entry is None:
            self._order.remove(_BESIDE)
        self._beside = entry
        self._tell()

    def _present_look(self) -> OverlayLook:
        look = self._chosen
        return OverlayLook(
            colour_map=look.colour_map,
            opacity=look.opacity,
            threshold=look.threshold,
            contours=look.contours,
            flashlight_px=look.flashlight_px if look.flashlight else None,
            smooth=look.smooth,
        )

    def _put(self, name: str, layer: _Layer) -> None:
        if name not in self._layers:
            self._order.append(name)
        self._layers[name] = layer
        field = layer.field
        self._view.overlays.put(
            name,
            OverlayLayer(
                scores=np.rint(field.scores * 255).astype(np.uint8),
                known=field.known,
                estimated=field.estimated,
                patch_width_px=field.grid.patch_width_px,
                patch_height_px=field.grid.patch_height_px,
                sequence=next(self._sequence),
            ),
            layer.look,
        )
        self._tell()

    def _restyle(self, name: str, look: OverlayLook) -> None:
        self._layers[name].look = look
        self._view.overlays.restyle(name, look)
        self._tell()

    def _remove(self, name: str) -> None:
        if self._layers.pop(name, None) is not None:
            self._view.overlays.remove(name)
            self._order.remove(name)
            self._tell()

    def _remove_all(self) -> None:
        for name in list(self._layers):
            self._remove(name)

    def _tell(self) -> None:
        if not self._order and not self._visible:  # what comes next is not hidden by a key pressed long ago
            self.set_visible(True)
            return
        entries = {name: _entry(layer) for name, layer in self._layers.items() if layer.look.visible}
        if self._beside is not None:
            entries[_BESIDE] = self._beside
        shown = [] if self._hidden else [name for name in reversed(self._order) if name in entries]
        self._legend.show_entries([entries[name] for name in shown])
        self.changed.emit()


def _entry(layer: _Layer) -> LegendEntry:
    field, look = layer.field, layer.look
    return LegendEntry(
        layer.words if layer.imported else f"Measured likeness to: {layer.words}",
        colour_stops(look.colour_map),
        look.threshold,
        field.provenance.normalisation if layer.imported else provenance_in_words(field.provenance),
        *(("low", "high") if layer.imported else ("0 unlike", "1 alike")),
        dotted=ESTIMATED if field.estimated.any() else "",
    )
