"""The menus at a right click or the menu key: on the slide, a place, a kept layer, a slide of a list.

They are built from the window's actions; while one is open, these act on the place that it was opened for.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, Qt, QUrl
from PySide6.QtGui import QAction, QContextMenuEvent, QDesktopServices, QGuiApplication, QShortcut
from PySide6.QtWidgets import QApplication, QMenu

from viewer.ui.overlays import strings as overlay_strings
from viewer.ui.overlays.field_layers import PRESENT
from viewer.ui.search import strings
from viewer.ui.widgets.messages import MessageKind
from viewer.view.camera import screen_from_slide, slide_from_screen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PySide6.QtCore import QModelIndex
    from PySide6.QtWidgets import QAbstractItemView

    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.overlay_controller import OverlayController
    from viewer.ui.panels.slide_list import SlideList
    from viewer.ui.search.controller import SearchController
    from viewer.ui.search.export import Export
    from viewer.ui.widgets.messages import MessageArea

SLIDE_MENU = (
    ("why", "like", "unlike"),
    ("copy_position", "go_to"),
    ("copy_view", "save_view"),
    ("overlay", "pin", "add_map", "export_layer"),
    ("full_legend", "fit", "one_to_one"),
)
PLACE_MENU = (("why", "like", "unlike"), ("copy_position", "export_places"))
"""Actions of the window by their ids, in sections."""
_MENU_KEY = "Shift+F10"


class ContextMenus(QObject):
    """``follow`` moves the slide's menu to another view; the lists are those of the window."""

    def __init__(
        self,
        slide_view: SlideView,
        action: Callable[[str], QAction],
        search: SearchController,
        overlays: OverlayController,
        exports: Export,
        messages: MessageArea,
    ) -> None:
        super().__init__()
        self._action, self._search, self._overlays = action, search, overlays
        self._exports, self._messages = exports, messages
        self._view = slide_view
        self._native = slide_view.canvas.native
        self.follow(slide_view)
        # Qt knows the menu key, which many keyboards lack.
        QShortcut(_MENU_KEY, slide_view.window()).activated.connect(_open_by_key)
        _open_on(search.panel.hits, self._fill_place)
        _open_on(overlays.layer_list.list_widget, self._fill_layer)

    def follow(self, slide_view: SlideView) -> None:
        """Open the slide's menu on another view."""
        self._native.removeEventFilter(self)
        self._view, self._native = slide_view, slide_view.canvas.native
        self._native.installEventFilter(self)

    def add_slide_list(
        self,
        slides: SlideList,
        *,
        remove: Callable[[Path], None],
        removable: Callable[[], bool] = lambda: True,
    ) -> None:
        """Give a list of slides its menu. ``remove`` takes a slide out of the list, while it is
        ``removable``."""

        def fill(menu: QMenu, index: QModelIndex) -> None:
            path: Path = index.data(Qt.ItemDataRole.UserRole).path
            _add(menu, strings.OPEN_SLIDE, lambda: slides.chosen.emit(path))
            menu.addSeparator()
            _add(menu, strings.SHOW_IN_FOLDER, partial(self._show_in_folder, path))
            _add(menu, strings.COPY_PATH, lambda: QGuiApplication.clipboard().setText(str(path)))
            if removable():
                menu.addSeparator()
                _add(menu, strings.TAKE_OUT, lambda: remove(path))

        _open_on(slides, fill)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Open the slide's menu, at the pointer or, by key, at the place that actions act on."""
        if not isinstance(event, QContextMenuEvent) or event.type() != QEvent.Type.ContextMenu:
            return super().eventFilter(watched, event)
        if self._view.source is not None:
            canvas, camera = self._view.canvas, self._view.camera
            if event.reason() == QContextMenuEvent.Reason.Keyboard:
                place = self._search.session.pointed_at
                x, y = screen_from_slide(camera.view, canvas.size_px, camera.aspect, *place)
                at = QPoint(round(x), round(y))
            else:
                at = event.pos()
                place = slide_from_screen(camera.view, canvas.size_px, camera.aspect, at.x(), at.y())
            menu = QMenu(self._native)
            self._add_actions(menu, SLIDE_MENU, place)
            _pop_up(menu, self._native.mapToGlobal(at))
        return True

    def _fill_place(self, menu: QMenu, index: QModelIndex) -> None:
        row = index.data(Qt.ItemDataRole.UserRole)
        _add(menu, strings.GO_TO_PLACE, lambda: self._search.panel.hits.chosen.emit(row))
        menu.addSeparator()
        self._add_actions(menu, PLACE_MENU, row.hit.peak)

    def _fill_layer(self, menu: QMenu, _index: QModelIndex) -> None:
        layers = self._overlays.layer_list
        item, selected = layers.list_widget.currentItem(), layers.selected
        assert selected is not None
        shown = menu.addAction(strings.SHOW_LAYER)
        shown.setCheckable(True)
        shown.setChecked(selected.visible)
        states = {True: Qt.CheckState.Checked, False: Qt.CheckState.Unchecked}
        shown.toggled.connect(lambda on: item.setCheckState(states[on]))
        if self._overlays.active.layers.look_of(selected.name) is not None:
            _add(menu, strings.LOOK, self._overlays.controls.take_keyboard)
        if selected.name == PRESENT:  # what it keeps, whichever layer is selected
            menu.addAction(self._action("pin"))
        if self._overlays.active.fields.has(selected.name):
            export = partial(self._exports.export_layer_of, selected.name)
            _add(menu, self._action("export_layer").text(), export)
        if selected.kept:
            menu.addSeparator()
            _add(menu, overlay_strings.REMOVE.replace("&", ""), layers.remove_current)

    def _add_actions(
        self, menu: QMenu, sections: tuple[tuple[str, ...], ...], place: tuple[float, float]
    ) -> None:
        """Add actions of the window, which act on ``place`` while the menu is open."""
        for section in sections:
            for action_id in section:
                menu.addAction(self._action(action_id))
            if section is not sections[-1]:
                menu.addSeparator()
        self._search.session.hold(place)
        # Queued: Qt hides a menu before it triggers what was chosen.
        menu.aboutToHide.connect(self._release, Qt.ConnectionType.QueuedConnection)

    def _release(self) -> None:
        """Act on the place of the pointer again, unless another menu has opened meanwhile."""
        if QApplication.activePopupWidget() is None:
            self._search.session.hold(None)

    def _show_in_folder(self, path: Path) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent))):
            text = strings.FOLDER_NOT_SHOWN.format(folder=path.parent)
            self._messages.show_message(MessageKind.WARNING, text)


def _open_by_key() -> None:
    """As the menu key does: open the menu of the part that has the keyboard."""
    part = QApplication.focusWidget()
    if part is not None:
        at = QRectF(part.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle)).center().toPoint()
        reason = QContextMenuEvent.Reason.Keyboard
        QApplication.sendEvent(part, QContextMenuEvent(reason, at, part.mapToGlobal(at)))


def _open_on(view: QAbstractItemView, fill: Callable[[QMenu, QModelIndex], None]) -> None:
    """Give the rows of a list a menu, which ``fill`` makes for the row that was clicked or is selected."""

    def open_at(at: QPoint) -> None:
        index = view.indexAt(at)
        if index.isValid():
            view.setCurrentIndex(index)
            menu = QMenu(view)
            fill(menu, index)
            _pop_up(menu, view.viewport().mapToGlobal(at))

    view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    view.customContextMenuRequested.connect(open_at)


def _add(menu: QMenu, text: str, call: Callable[[], object]) -> None:
    menu.addAction(text).triggered.connect(lambda _checked: call())


def _pop_up(menu: QMenu, at: QPoint) -> None:
    menu.setToolTipsVisible(True)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.popup(at)
