"""Clicks and drawn frames on the slide, as opposed to the drags that move it.

A click is a press and release in one place. While ``picking`` is on, a drag draws a frame instead of moving
the slide, and Escape ends it. Wheel and keys work as always.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QRubberBand

from viewer.ui.widgets.following import Following
from viewer.view.camera import slide_from_screen

if TYPE_CHECKING:
    from viewer.ui.canvas.slide_view import SlideView


class SlidePicker(QObject):
    """Watches the canvas of the view that it follows."""

    clicked = Signal(float, float)
    """A slide point (x, y) was clicked."""
    framed = Signal(object)
    """The four corners of a drawn frame as slide points, clockwise from the top left of the screen."""
    picking_changed = Signal(bool)

    def __init__(self, slide_view: SlideView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._slide_view = slide_view
        self._picking = False
        self._pressed: QPoint | None = None
        self._native = slide_view.canvas.native
        self._frame = QRubberBand(QRubberBand.Shape.Rectangle, self._native)
        self._following = Following({"source_changed": self._slide_changed})
        self.follow(slide_view)

    def follow(self, slide_view: SlideView) -> None:
        """Watch another view; picking ends."""
        self.set_picking(False)
        self._native.removeEventFilter(self)
        self._slide_view, self._native = slide_view, slide_view.canvas.native
        self._pressed = None
        self._frame.setParent(self._native)
        self._native.installEventFilter(self)
        self._following.follow(slide_view)

    @property
    def picking(self) -> bool:
        """Whether a drag draws a frame."""
        return self._picking

    def set_picking(self, on: bool) -> None:
        """Draw frames from now on, or move the slide again."""
        if on == self._picking:
            return
        self._picking = on
        self._pressed = None
        self._frame.hide()
        if on:
            self._native.setCursor(Qt.CursorShape.CrossCursor)
        else:
            self._native.unsetCursor()
        self.picking_changed.emit(on)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle Qt's mouse events before the canvas, from which they are kept while picking."""
        kind = event.type()
        if isinstance(event, QMouseEvent) and self._slide_view.source is not None:
            if kind == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
                self._pressed = event.position().toPoint()
                return self._picking
            if kind == QEvent.Type.MouseMove and self._pressed is not None:
                return self._moved(event)
            if kind == QEvent.Type.MouseButtonRelease and event.button() == Qt.MouseButton.LeftButton:
                return self._released(event)
            if kind == QEvent.Type.MouseButtonDblClick:
                self._pressed = None  # the second click zooms, and is no click of its own
                return self._picking
        elif self._picking and kind == QEvent.Type.ShortcutOverride and _is_escape(event):
            self.set_picking(False)
            event.accept()
            return True
        return super().eventFilter(watched, event)

    def _moved(self, event: QMouseEvent) -> bool:
        assert self._pressed is not None
        if self._picking:
            self._frame.setGeometry(QRect(self._pressed, event.position().toPoint()).normalized())
            self._frame.show()
        return self._picking

    def _released(self, event: QMouseEvent) -> bool:
        pressed, self._pressed = self._pressed, None
        self._frame.hide()
        if pressed is None:
            return False
        released = event.position().toPoint()
        if (released - pressed).manhattanLength() < QApplication.startDragDistance():
            self.clicked.emit(*self._slide_point(event.position()))
        elif self._picking:
            left, right = sorted((pressed.x(), released.x()))
            top, bottom = sorted((pressed.y(), released.y()))
            corners = ((left, top), (right, top), (right, bottom), (left, bottom))
            self.framed.emit(tuple(self._slide_point(QPointF(*corner)) for corner in corners))
        return self._picking

    def _slide_point(self, at: QPointF) -> tuple[float, float]:
        view, canvas = self._slide_view.camera.view, self._slide_view.canvas
        return slide_from_screen(view, canvas.size_px, self._slide_view.camera.aspect, at.x(), at.y())

    def _slide_changed(self) -> None:
        self.set_picking(False)


def _is_escape(event: QEvent) -> bool:
    return isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
