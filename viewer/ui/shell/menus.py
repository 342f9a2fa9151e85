"""The frame of the window: menus and toolbar, made from the table of actions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QMenu, QToolBar, QToolButton

from viewer.ui.shell.action_table import ACTIONS, MENUS, PRESETS, TOOLBAR
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QMainWindow

    from viewer.ui.shell.actions import ActionSet
    from viewer.ui.shell.reader_state import ReaderState
    from viewer.ui.widgets.theme import ThemeKeeper

RECENT_IN_MENU = 10
_PRESET_IDS = frozenset(preset.id for preset in PRESETS)


def fill_menus(window: QMainWindow, actions: ActionSet, *, after: Mapping[str, Sequence[QAction]]) -> None:
    """The menu bar. ``after`` puts further actions, of menus for instance, behind some, by their id."""
    for name in MENUS:
        menu = window.menuBar().addMenu(f"&{name}")
        menu.setToolTipsVisible(True)
        for spec in (spec for spec in ACTIONS if spec.menu == name):
            if spec.starts_section:
                menu.addSeparator()
            menu.addAction(actions[spec.id])
            window.addAction(actions[spec.id])  # its key works while the menu bar is hidden
            menu.addActions(after.get(spec.id, ()))


def make_toolbar(actions: ActionSet, themes: ThemeKeeper) -> QToolBar:
    """The toolbar: icons, and words for the magnifications."""
    toolbar = QToolBar("Toolbar")
    toolbar.setObjectName("toolbar")
    toolbar.setAccessibleName("Toolbar")
    toolbar.setMovable(False)
    toolbar.setIconSize(QSize(em_px(1.5), em_px(1.5)))
    for group in TOOLBAR:
        for action_id in group:
            action = actions[action_id]
            toolbar.addAction(action)
            button = toolbar.widgetForAction(action)
            assert isinstance(button, QToolButton)
            button.setAccessibleName(action.text().rstrip("…"))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            if action_id in _PRESET_IDS:
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        if group is not TOOLBAR[-1]:
            toolbar.addSeparator()
    more = toolbar.findChild(QToolButton, "qt_toolbar_ext_button")
    assert isinstance(more, QToolButton)
    more.setAccessibleName("More buttons")
    more.setToolTip("Buttons for which there is no room")
    themes.changed.connect(lambda: more.setIcon(themes.icon("more")))
    more.setIcon(themes.icon("more"))
    return toolbar


class RecentMenu(QMenu):
    """Recent slides, filled anew each time it opens."""

    def __init__(
        self, state: ReaderState, choose: Callable[[Path], None], forget: Callable[[], None]
    ) -> None:
        super().__init__("Open recent")
        self.setToolTipsVisible(True)
        self._state, self._choose, self._forget = state, choose, forget
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """Take over the recent slides of the state."""
        self.clear()
        recent = self._state.recent[:RECENT_IN_MENU]
        for path in recent:
            action = self.addAction(path.name.replace("&", "&&"))
            action.setToolTip(str(path))
            action.triggered.connect(partial(self._choose_path, path))
        if recent:
            self.addSeparator()
            forget = self.addAction("Forget recent slides")
            forget.setToolTip("Forget the list, and where you looked on each slide")
            forget.triggered.connect(self._forget)
        else:
            self.addAction("No recent slides").setEnabled(False)

    def _choose_path(self, path: Path, _checked: bool = False) -> None:
        self._choose(path)
