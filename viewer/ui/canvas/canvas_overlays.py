"""The overlay stack of one canvas: each change has a frame drawn, and is announced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from viewer.overlay.layer import Overlay, OverlayLayer, OverlayLook
    from viewer.overlay.tissue import OverlayTissue
    from viewer.ui.canvas.canvas import SlideCanvas


class CanvasOverlays(QObject):
    """What is laid over the slide goes with it."""

    changed = Signal()

    def __init__(self, canvas: SlideCanvas) -> None:
        super().__init__(canvas.native)
        self._canvas = canvas

    @property
    def drawn(self) -> tuple[Overlay, ...]:
        """The overlays that are to be seen, the lowest first."""
        return self._canvas.overlays.scene().drawn

    def put(self, name: str, layer: OverlayLayer, look: OverlayLook) -> None:
        """Lay likeness over the slide: a new layer on top, or the one of this name with other values."""
        self._canvas.overlays.put(name, layer, look)
        self._show()

    def restyle(self, name: str, look: OverlayLook) -> None:
        """Draw a layer otherwise. Uploads nothing. Raises KeyError where there is none of this name."""
        self._canvas.overlays.restyle(name, look)
        self._show()

    def remove(self, name: str) -> None:
        """Take a layer away, where there is one of this name."""
        self._canvas.overlays.remove(name)
        self._show()

    def set_hidden(self, hidden: bool) -> None:
        """Show the bare slide, while a key is held for instance, or all layers again."""
        self._canvas.overlays.hidden = hidden
        self._show()

    def set_tissue(self, tissue: OverlayTissue | None) -> None:
        """Keep blended colours to the tissue of the slide from now on; None: everywhere."""
        self._canvas.overlays.tissue = tissue
        self._show()

    def _show(self) -> None:
        self._canvas.request_frame()
        self.changed.emit()
