"""Qt actions made from the action table: their keys, reasons for disabling, menus and toolbar."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QToolBar, QToolButton

from viewer.ui.shell import strings
from viewer.ui.shell.action_table import ACTIONS, MENUS, PRESETS, TOOLBAR
from viewer.ui.widgets.action_spec import Need

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from PySide6.QtCore import QObject
    from PySide6.QtGui import QIcon
    from PySide6.QtWidgets import QMainWindow

    from viewer.ui.shell.reader_state import ReaderState
    from viewer.ui.widgets.action_spec import ActionSpec
    from viewer.ui.widgets.theme import ThemeKeeper

RECENT_IN_MENU = 10
_PRESET_IDS = frozenset(preset.id for preset in PRESETS)


def keys_in_force(chosen: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The keys of every action: the reader's choice (one key, or "" for none), else the default ones."""
    keys: dict[str, tuple[str, ...]] = {}
    for spec in ACTIONS:
        choice = chosen.get(spec.id)
        keys[spec.id] = spec.keys if choice is None else tuple(filter(None, [choice]))
    return keys


def conflicts(chosen: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Keys that two actions share, as (key, id, id)."""
    owner: dict[str, str] = {}
    shared: list[tuple[str, str, str]] = []
    for action_id, keys in keys_in_force(chosen).items():
        for key in keys:
            normal = QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)
            if normal in owner:
                shared.append((normal, owner[normal], action_id))
            owner.setdefault(normal, action_id)
    return shared


def keys_in_words(keys: Collection[str]) -> str:
    """Keys in the platform's notation: "Ctrl+O", "F, Home"."""
    return ", ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys)


class ActionSet:
    """A QAction for every row of the table, connected to the methods of ``handlers``."""

    def __init__(self, parent: QObject, handlers: object) -> None:
        self._actions = {spec.id: _make_action(spec, parent, handlers) for spec in ACTIONS}
        self._unmet: frozenset[Need] = frozenset()
        self._locked: Mapping[str, str] = {}
        self.set_keys({})

    def __getitem__(self, action_id: str) -> QAction:
        return self._actions[action_id]

    def set_keys(self, chosen: Mapping[str, str]) -> None:
        """Give every action the reader's key, or its default ones."""
        for action_id, keys in keys_in_force(chosen).items():
            self._actions[action_id].setShortcuts([QKeySequence(key) for key in keys])
        self.refresh(self._unmet)

    def set_icons(self, icon: Callable[[str], QIcon]) -> None:
        """Set the icons, in the colours of a theme."""
        for spec in ACTIONS:
            self._actions[spec.id].setIcon(icon(spec.icon))

    def set_checked(self, action_id: str, on: bool) -> None:
        """Check or uncheck an action. The handler is called; in the same state it must do nothing."""
        self._actions[action_id].setChecked(on)

    def refresh(self, unmet: Collection[Need], locked: Mapping[str, str] | None = None) -> None:
        """Disable the actions with an unmet need, and give the reason in their tooltips. ``locked``: further
        reasons by the id of an action; None: as before."""
        self._unmet = frozenset(unmet)
        self._locked = self._locked if locked is None else locked
        for spec in ACTIONS:
            action = self._actions[spec.id]
            reason = self._reason(spec.need) or self._locked.get(spec.id, "")
            action.setEnabled(not reason)
            key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            tip = f"{spec.tooltip} ({key})" if key else spec.tooltip
            action.setToolTip(f"{tip}\n{reason}" if reason else tip)
            action.setStatusTip(reason)

    def _reason(self, need: Need) -> str:
        if need not in (Need.NOTHING, Need.FOLDER) and Need.SLIDE in self._unmet:
            return Need.SLIDE.value
        return need.value if need in self._unmet else ""


def _make_action(spec: ActionSpec, parent: QObject, handlers: object) -> QAction:
    action = QAction(spec.text, parent)
    action.setObjectName(spec.id)
    action.setCheckable(spec.checkable)
    handler = getattr(handlers, spec.handler)
    if spec.argument is not None:
        handler = partial(handler, spec.argument)
    if spec.checkable:
        action.toggled.connect(handler)
    else:
        action.triggered.connect(lambda _checked: handler())
    return action


def fill_menus(window: QMainWindow, actions: ActionSet, *, after: Mapping[str, Sequence[QAction]]) -> None:
    """Fill the menu bar. ``after``: more actions, such as submenus, to follow an action, by its id."""
    for name, title in MENUS.items():
        menu = window.menuBar().addMenu(title)
        menu.setToolTipsVisible(True)
        for spec in (spec for spec in ACTIONS if spec.menu == name):
            if spec.starts_section:
                menu.addSeparator()
            menu.addAction(actions[spec.id])
            window.addAction(actions[spec.id])  # its key works while the menu bar is hidden
            menu.addActions(after.get(spec.id, ()))


def make_toolbar(actions: ActionSet, themes: ThemeKeeper) -> QToolBar:
    """The toolbar: icons, and text for the magnifications."""
    toolbar = QToolBar(strings.TOOLBAR)
    toolbar.setObjectName("toolbar")
    toolbar.setAccessibleName(strings.TOOLBAR)
    toolbar.setMovable(False)
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
    more.setAccessibleName(strings.MORE_BUTTONS)
    more.setToolTip(strings.MORE_BUTTONS_TOOLTIP)
    themes.changed.connect(lambda: more.setIcon(themes.icon("more")))
    more.setIcon(themes.icon("more"))
    return toolbar


class RecentMenu(QMenu):
    """The recent slides; filled each time it opens."""

    def __init__(
        self, state: ReaderState, choose: Callable[[Path], None], forget: Callable[[], None]
    ) -> None:
        super().__init__(strings.OPEN_RECENT)
        self.setToolTipsVisible(True)
        self._state, self._choose, self._forget = state, choose, forget
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """List the recent slides of the state."""
        self.clear()
        recent = self._state.recent[:RECENT_IN_MENU]
        for path in recent:
            action = self.addAction(path.name.replace("&", "&&"))
            action.setToolTip(str(path))
            action.triggered.connect(partial(self._choose_path, path))
        if recent:
            self.addSeparator()
            forget = self.addAction(strings.FORGET_RECENT)
            forget.setToolTip(strings.FORGET_RECENT_TOOLTIP)
            forget.triggered.connect(self._forget)
        else:
            self.addAction(strings.NO_RECENT).setEnabled(False)

    def _choose_path(self, path: Path, _checked: bool = False) -> None:
        self._choose(path)
