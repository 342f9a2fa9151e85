"""Relevance fields as layers over one slide view: the present query's, those kept, and imported maps."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from viewer.overlay.from_field import layer_from_field
from viewer.overlay.kept_layers import KeptLayer
from viewer.overlay.layer import OverlayLook
from viewer.overlay.legend_entry import field_entry
from viewer.relevance.encoders.tissue.meaning import NOTHING_KNOWN, Judgement
from viewer.ui.overlays.layer_list import LayerRow

if TYPE_CHECKING:
    from viewer.common.settings import Overlay
    from viewer.overlay.legend_entry import LegendEntry
    from viewer.relevance.patches.field import RelevanceField
    from viewer.slide.source import Source
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.overlay_layers import OverlayLayers

PRESENT = "query"
"""The name of the present query's layer; the others are numbered."""
_KEPT_MAPS = ("teal", "magma", "cividis", "ember", "viridis")
"""Of layers that are kept, the first that is free."""


class FieldLayers(QObject):
    """Fields count patches of one pixel size: with another they are gone, as with another slide."""

    kept_changed = Signal(str)
    """The name of a layer that the reader kept, or draws otherwise."""
    kept_removed = Signal(str)
    """The name of a kept layer that the reader removed."""

    def __init__(self, slide_view: SlideView, layers: OverlayLayers, look: Overlay) -> None:
        super().__init__(slide_view)
        self._view, self._layers = slide_view, layers
        self._chosen = look
        self._fields: dict[str, KeptLayer] = {}
        self._sequence = count(1)
        slide_view.source_changed.connect(self._remove_all)
        slide_view.mpp_changed.connect(self._remove_all)
        layers.look_chosen.connect(self._restyle)

    def has(self, name: str) -> bool:
        """Whether the layer of this name is a field."""
        return name in self._fields

    @property
    def has_present(self) -> bool:
        """Whether there is a field of the present query."""
        return self.has(PRESENT)

    @property
    def present(self) -> list[LayerRow]:
        """The present query's layer, where there is one."""
        return [self._row(name) for name in self._fields if name == PRESENT]

    @property
    def kept(self) -> list[LayerRow]:
        """The layers that were kept, oldest first."""
        return [self._row(name) for name in self._fields if name != PRESENT]

    def shows(self, source: Source) -> bool:
        """Whether this slide is still the one in the view."""
        return self._view.source is source

    def show_field(
        self,
        field: RelevanceField | None,
        query: str,
        *,
        state: str = "",
        judgement: Judgement = NOTHING_KNOWN,
    ) -> None:
        """Show the present query's field, or none. ``state``: how much is analysed, as text; ``judgement``:
        of its values, of which weak ones are not drawn."""
        before = self._fields.get(PRESENT)
        if field is None:
            self.remove(PRESENT)
        else:
            same = before if before is not None and before.title == query else None
            look = OverlayLook.of(self._chosen) if same is None else same.look
            meaning, threshold = judgement.of_drawn, judgement.threshold
            layer = KeptLayer(field, query, look, state=state, meaning=meaning, threshold=threshold)
            self._put(PRESENT, layer)

    def set_state(self, state: str) -> None:
        """State how much of the present query's field is analysed."""
        if self.has_present:
            self._fields[PRESENT] = replace(self._fields[PRESENT], state=state)
        self._layers.set_state(PRESENT, state)

    def set_look(self, look: Overlay) -> None:
        """Draw the present layer otherwise; of the others the flashlight, which is one for all."""
        self._chosen, drawn = look, OverlayLook.of(look)
        for name, layer in self._fields.items():
            if name == PRESENT:
                self._restyle(name, replace(drawn, visible=layer.look.visible))
            elif layer.look.flashlight_px != drawn.flashlight_px:
                self._restyle(name, replace(layer.look, flashlight_px=drawn.flashlight_px))

    def layer(self, name: str) -> KeptLayer:
        """A layer as it is. Raises KeyError where there is none of this name."""
        return self._fields[name]

    def keep(self) -> None:
        """Keep the present layer as it is, in colours of its own, beside the next query."""
        present = self._fields.pop(PRESENT, None)
        if present is not None:
            look = replace(present.drawn, colour_map=self._free_colours())
            name = self.add_kept(replace(present, look=look, threshold=None))
            self._layers.remove(PRESENT)
            self._put(PRESENT, present)  # on top again: the present query lies over kept ones
            self.kept_changed.emit(name)

    def add_imported(self, field: RelevanceField, title: str) -> None:
        """Lay another program's map over the slide as a kept layer; shows all where all were hidden. What
        lies there already is shown, and not laid twice."""
        look = replace(OverlayLook.of(self._chosen), colour_map=self._free_colours())
        added = KeptLayer(field, title, look, imported=True)
        self._layers.set_visible(True)
        for name, layer in self._fields.items():
            if layer.has_same_content(added):
                self._restyle(name, replace(layer.look, visible=True))
                return
        self.kept_changed.emit(self.add_kept(added))

    def add_kept(self, layer: KeptLayer) -> str:
        """Lay a layer that was kept over the slide; returns its name."""
        name = f"kept-{next(self._sequence)}"
        self._put(name, layer)
        return name

    def remove(self, name: str) -> None:
        """Take a layer away, where there is one of this name."""
        if self._fields.pop(name, None) is not None:
            self._layers.remove(name)
            if name != PRESENT:
                self.kept_removed.emit(name)

    def _free_colours(self) -> str:
        """A colour map for another layer: never that of the next query."""
        return self._layers.free_map([name for name in _KEPT_MAPS if name != self._chosen.colour_map])

    def _row(self, name: str) -> LayerRow:
        layer = self._fields[name]
        unfinished = _entry(layer).unfinished
        return LayerRow(name, layer.title, layer.look.visible, kept=name != PRESENT, unfinished=unfinished)

    def _put(self, name: str, layer: KeptLayer) -> None:
        self._fields[name] = layer
        self._layers.put(
            name,
            layer_from_field(layer.field, sequence=next(self._sequence)),
            layer.drawn,
            _entry(layer),
        )

    def _restyle(self, name: str, look: OverlayLook) -> None:
        layer = self._fields.get(name)
        if layer is None:
            return
        layer = self._fields[name] = replace(layer, look=look)
        self._layers.restyle(name, layer.drawn, _entry(layer))
        if name != PRESENT:
            self.kept_changed.emit(name)

    def _remove_all(self) -> None:
        names = list(self._fields)
        self._fields.clear()
        for name in names:
            self._layers.remove(name)
        self._layers.changed.emit()  # the view has dropped the layers before, while they were listed here


def _entry(layer: KeptLayer) -> LegendEntry:
    return field_entry(
        layer.field,
        layer.drawn,
        layer.title,
        imported=layer.imported,
        state=layer.state,
        meaning=layer.meaning,
    )
