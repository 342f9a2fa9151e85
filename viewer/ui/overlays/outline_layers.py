"""Annotations of files as outlines over one slide view: legend entries, and names where the pointer rests."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from itertools import count
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QToolTip

from viewer.overlay.kept_outlines import KeptOutlines
from viewer.overlay.legend_entry import outlines_entry
from viewer.ui.overlays import strings
from viewer.ui.overlays.layer_list import LayerRow
from viewer.view.camera import slide_from_screen

if TYPE_CHECKING:
    from viewer.overlay.legend_entry import LegendEntry
    from viewer.overlay.outlines import Outlines
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.canvas.vector_overlay import VectorOverlay
    from viewer.ui.overlays.overlay_layers import OverlayLayers

_MOST_NAMES = 5
_REACH_PX = 4.0


class OutlineLayers(QObject):
    """Outlines go with their slide; its pixel size does not matter to them."""

    kept_changed = Signal(str)
    """The name of a layer that the reader added, shows or hides."""
    kept_removed = Signal(str)
    """The name of a layer that the reader removed."""

    def __init__(self, slide_view: SlideView, layers: OverlayLayers, vectors: VectorOverlay) -> None:
        super().__init__(slide_view)
        self._view, self._layers, self._vectors = slide_view, layers, vectors
        self._laid: dict[str, KeptOutlines] = {}
        self._sequence = count(1)
        self._drawn: set[str] = set()
        slide_view.source_changed.connect(self._forget_all)
        layers.changed.connect(self._draw)
        slide_view.canvas.native.installEventFilter(self)

    @property
    def kept(self) -> list[LayerRow]:
        """The layers, oldest first."""
        return [LayerRow(name, _entry(layer).title, layer.visible) for name, layer in self._laid.items()]

    def add(self, outlines: Outlines, file_name: str, source: str) -> None:
        """Lay the outlines of a file over the slide, written by the program ``source``; shows all layers
        where all were hidden. What lies there already is shown, and not laid twice."""
        added = KeptOutlines(outlines, file_name, source)
        self._layers.set_visible(True)
        for name, layer in self._laid.items():
            if layer.has_same_content(added):
                self.set_visible(name, True)
                return
        self.kept_changed.emit(self.add_kept(added))

    def add_kept(self, layer: KeptOutlines) -> str:
        """Lay outlines that were kept over the slide; returns their name."""
        name = f"outlines-{next(self._sequence)}"
        self._laid[name] = layer
        self._show(name)
        return name

    def has(self, name: str) -> bool:
        """Whether the layer of this name is one of outlines."""
        return name in self._laid

    def layer(self, name: str) -> KeptOutlines:
        """A layer as it is. Raises KeyError where there is none of this name."""
        return self._laid[name]

    def set_visible(self, name: str, on: bool) -> None:
        """Show or hide a layer, where there is one of this name."""
        layer = self._laid.get(name)
        if layer is not None and layer.visible != on:
            self._laid[name] = replace(layer, visible=on)
            self._show(name)
            self.kept_changed.emit(name)

    def remove(self, name: str) -> None:
        """Take a layer away, where there is one of this name."""
        if self._laid.pop(name, None) is not None:
            self._layers.remove(name)
            self.kept_removed.emit(name)

    def names_at(self, x: float, y: float) -> tuple[str, ...]:
        """What the outlines at a slide point are called, the uppermost first."""
        reach_px = _REACH_PX * self._view.camera.view.downsample
        shown = [layer for name, layer in reversed(self._laid.items()) if self._layers.shows(name)]
        return tuple(name for layer in shown for name in layer.outlines.names_at(x, y, reach_px))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Name the outlines under a pointer that rests."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._laid:
            canvas, at = self._view.canvas.native, event.pos()
            size, camera = (canvas.width(), canvas.height()), self._view.camera
            names = self.names_at(*slide_from_screen(camera.view, size, camera.aspect, at.x(), at.y()))
            lines = [*names[:_MOST_NAMES], *([strings.MORE_NAMES] if len(names) > _MOST_NAMES else [])]
            # Rich text, escaped: plain text would be taken for rich where a file's names look like it.
            text = f"<qt>{'<br>'.join(map(escape, lines))}</qt>" if lines else ""
            QToolTip.showText(event.globalPos(), text, canvas)
            return True
        return super().eventFilter(watched, event)

    def _show(self, name: str) -> None:
        """Describe a layer, shown or not."""
        layer = self._laid[name]
        self._layers.put_entry(name, _entry(layer), visible=layer.visible)

    def _draw(self) -> None:
        """Hand to the view what has changed of what is to be seen."""
        shown = {name for name in self._laid if self._layers.shows(name)}
        for name in self._drawn ^ shown:
            self._vectors.set_shapes(name, self._laid[name].outlines.shapes if name in shown else ())
        self._drawn = shown
        self._view.canvas.kept_shapes = tuple(
            layer.outlines.shapes for name, layer in self._laid.items() if name in shown
        )

    def _forget_all(self) -> None:
        self._laid.clear()
        self._layers.changed.emit()  # as far as it had them, it has forgotten them before


def _entry(layer: KeptOutlines) -> LegendEntry:
    return outlines_entry(layer.outlines, layer.file_name, layer.producer)
