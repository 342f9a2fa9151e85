"""What lies over the slides of a window: layers, legend and shapes of each view, and how each is drawn.

Owned by the window and shared by all that lay something over a slide. The page of controls follows the active
view.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from viewer.overlay.layer import CHOSEN
from viewer.overlay.legend_entry import source_value_in_words
from viewer.ui.canvas.hold_key import HoldKey
from viewer.ui.canvas.vector_overlay import VectorOverlay
from viewer.ui.overlays.field_layers import PRESENT, FieldLayers
from viewer.ui.overlays.layer_list import LayerList, LayerRow
from viewer.ui.overlays.legend import Legend
from viewer.ui.overlays.map_import import MapImport
from viewer.ui.overlays.outline_layers import OutlineLayers
from viewer.ui.overlays.overlay_controls import OverlayControls
from viewer.ui.overlays.overlay_layers import OverlayLayers
from viewer.ui.widgets.following import Following
from viewer.ui.widgets.limited_scroll_area import ScrollPage

if TYPE_CHECKING:
    from collections.abc import Set

    from viewer.common.settings import Overlay
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.widgets.messages import MessageArea


@dataclass(frozen=True, slots=True)
class ViewOverlays:
    """What lies over one view."""

    legend: Legend
    layers: OverlayLayers
    fields: FieldLayers
    outlines: OutlineLayers
    vectors: VectorOverlay


class OverlayController(QObject):
    """``close`` ends its thread."""

    changed = Signal()
    """The layers, or what is switched on, have changed."""
    look_changed = Signal(object)
    """The ``settings.Overlay`` that was chosen, to be saved."""

    def __init__(self, slide_view: SlideView, messages: MessageArea, look: Overlay) -> None:
        super().__init__()
        self.look = look
        """That of the next answer, which is also the present one's, and the flashlight of all layers."""
        self.controls = OverlayControls(look)
        self.layer_list = LayerList()
        self.page = _stacked(self.layer_list, self.controls)
        self.hide_key = HoldKey(self)
        self.maps = MapImport(messages)
        self._of: dict[SlideView, ViewOverlays] = {}
        self._scale_bar_visible = True
        self._allowed: Set[str] | None = None
        self._following = Following({"layers.changed": self._show_layers})
        self.controls.look_changed.connect(self._take_look)
        self.layer_list.keep_pressed.connect(self.keep)
        self.layer_list.add_pressed.connect(self.maps.choose)
        self.layer_list.selected_changed.connect(self._show_look)
        self.layer_list.shown_changed.connect(self._show_layer)
        self.layer_list.remove_pressed.connect(self._remove_kept)
        self.hide_key.held_changed.connect(self._set_bare)
        self.follow(slide_view)

    def follow(self, slide_view: SlideView) -> None:
        """Show and change what lies over another view."""
        self.active = self.of(slide_view)
        self._following.follow(self.active)
        self.maps.follow(slide_view, self.active.fields, self.active.outlines)
        self._show_layers()

    def of(self, slide_view: SlideView) -> ViewOverlays:
        """What lies over a view, active or not."""
        if slide_view not in self._of:
            legend = Legend(slide_view)
            layers = OverlayLayers(slide_view, legend)
            fields = FieldLayers(slide_view, layers, self.look)
            vectors = VectorOverlay(slide_view)
            outlines = OutlineLayers(slide_view, layers, vectors)
            self._of[slide_view] = ViewOverlays(legend, layers, fields, outlines, vectors)
            self._of[slide_view].vectors.set_scale_bar_visible(self._scale_bar_visible)
            layers.set_locked(self._allowed)
            legend.folding_changed.connect(self.changed)
            self.hide_key.watch(slide_view.canvas.native)
        return self._of[slide_view]

    @property
    def switches(self) -> dict[str, bool]:
        """What is on, by the id of its action."""
        look = self.controls.look if self.controls.has_contours else self.look
        return {
            "overlay": self.active.layers.visible,
            "full_legend": self.active.legend.unfolded,
            "contours": look.contours,
            "flashlight": look.flashlight,
            "show_scale_bar": self._scale_bar_visible,
        }

    def set_look(self, look: Overlay) -> None:
        """Take over a look that was chosen elsewhere for the present answer and the next."""
        self.look = look
        for of_view in self._of.values():
            of_view.fields.set_look(look)
        self._show_look()

    def change_look(self, **changes: Any) -> None:
        """Switch something of the selected layer on or off; of the present one where that cannot be."""
        if self._chosen_layer and ("contours" not in changes or self.controls.has_contours):
            self._take_look(self.controls.look.changed(**changes))
        else:
            self._take_common(self.look.changed(**changes))

    def set_scale_bar_visible(self, on: bool) -> None:
        """Show or hide the scale bar of every view."""
        self._scale_bar_visible = on
        for of_view in self._of.values():
            of_view.vectors.set_scale_bar_visible(on)

    def set_locked(self, allowed: Set[str] | None) -> None:
        """Show no layer in any view but those of these names; None: all again."""
        self._allowed = allowed
        for of_view in self._of.values():
            of_view.layers.set_locked(allowed)

    def keep(self) -> None:
        """Keep the present query's layer beside that of the next query."""
        self.active.fields.keep()

    def close(self) -> None:
        """End the thread."""
        self.maps.close()

    @property
    def _chosen_layer(self) -> str:
        """The selected layer that has a look of its own; "" for the present one, or where there is none."""
        selected = self.layer_list.selected
        return "" if selected is None or selected.name == PRESENT else selected.name

    def _take_look(self, look: Overlay) -> None:
        """Draw the selected layer so."""
        name, layers = self._chosen_layer, self.active.layers
        before = layers.look_of(name)
        if before is None:
            self._take_common(look)
            return
        changes = {choice: getattr(look, choice) for choice in CHOSEN}
        layers.look_chosen.emit(name, replace(before, **changes))
        common = replace(self.look, flashlight=look.flashlight, flashlight_px=look.flashlight_px)
        if common != self.look:
            self._take_common(common)

    def _take_common(self, look: Overlay) -> None:
        if look != self.look:
            self.set_look(look)
            self.look_changed.emit(look)
            self.changed.emit()

    def _show_look(self) -> None:
        """Show how the selected layer is drawn."""
        name, selected = self._chosen_layer, self.layer_list.selected
        own, fields = self.active.layers.look_of(name), self.active.fields
        of_map = fields.has(name) and fields.layer(name).imported
        self.controls.show_look(
            self.look if own is None else own.as_chosen(self.look),
            selected.title if selected is not None and (own is not None or not name) else "",
            has_contours=own is None or fields.has(name),
            in_words=partial(source_value_in_words, fields.layer(name).field.provenance) if of_map else None,
        )

    def _show_layer(self, name: str, on: bool) -> None:
        look = self.active.layers.look_of(name)
        if look is None:
            self.active.outlines.set_visible(name, on)
        else:
            self.active.layers.look_chosen.emit(name, replace(look, visible=on))

    def _remove_kept(self, name: str) -> None:
        self.active.fields.remove(name)
        self.active.outlines.remove(name)

    def _set_bare(self, bare: bool) -> None:
        self.active.layers.set_bare(bare)

    def _show_layers(self) -> None:
        fields, layers = self.active.fields, self.active.layers
        known = {row.name: row for row in (*fields.present, *fields.kept, *self.active.outlines.kept)}
        rows = []
        for name, entry in layers.described.items():  # in the order of the legend
            if name in known:
                rows.append(known[name])
            elif (look := layers.look_of(name)) is not None:
                rows.append(
                    LayerRow(name, entry.title, look.visible, kept=False, unfinished=entry.unfinished)
                )
        self.layer_list.show_layers(rows, can_keep=fields.has_present)
        self._show_look()
        self.changed.emit()


def _stacked(*widgets: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch(1)
    return ScrollPage(page)
