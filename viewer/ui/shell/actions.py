"""Qt actions made from the table, their keys, and why some are greyed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence

from viewer.ui.shell.action_table import ACTIONS, ActionSpec, Need

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from PySide6.QtCore import QObject
    from PySide6.QtGui import QIcon


def keys_in_force(chosen: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The keys of every action: the reader's choice (one key, or "" for none), else the usual ones."""
    keys: dict[str, tuple[str, ...]] = {}
    for spec in ACTIONS:
        choice = chosen.get(spec.id)
        keys[spec.id] = spec.keys if choice is None else tuple(filter(None, [choice]))
    return keys


def conflicts(chosen: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Keys that two actions share, as (key, id, id). Empty where every key means one thing."""
    owner: dict[str, str] = {}
    clashes: list[tuple[str, str, str]] = []
    for action_id, keys in keys_in_force(chosen).items():
        for key in keys:
            normal = QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)
            if normal in owner:
                clashes.append((normal, owner[normal], action_id))
            owner.setdefault(normal, action_id)
    return clashes


def keys_in_words(keys: Collection[str]) -> str:
    """Keys as the platform writes them: "Ctrl+O", "F, Home"."""
    return ", ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys)


class ActionSet:
    """A QAction for every row of the table, wired to the methods of ``handlers``."""

    def __init__(self, parent: QObject, handlers: object) -> None:
        self._actions = {spec.id: _made(spec, parent, handlers) for spec in ACTIONS}
        self._unmet: frozenset[Need] = frozenset()
        self.set_keys({})

    def __getitem__(self, action_id: str) -> QAction:
        return self._actions[action_id]

    def set_keys(self, chosen: Mapping[str, str]) -> None:
        """Give every action the reader's key, or its usual ones."""
        for action_id, keys in keys_in_force(chosen).items():
            self._actions[action_id].setShortcuts([QKeySequence(key) for key in keys])
        self.refresh(self._unmet)

    def set_icons(self, icon: Callable[[str], QIcon]) -> None:
        """Draw the icons, in the colours of a theme."""
        for spec in ACTIONS:
            self._actions[spec.id].setIcon(icon(spec.icon))

    def set_checked(self, action_id: str, on: bool) -> None:
        """Show what is on. The handler is told and, as it is on already, has nothing to do."""
        self._actions[action_id].setChecked(on)

    def refresh(self, unmet: Collection[Need]) -> None:
        """Grey the actions whose need is not met, and say why in their tooltips."""
        self._unmet = frozenset(unmet)
        for spec in ACTIONS:
            action = self._actions[spec.id]
            reason = self._reason(spec.need)
            action.setEnabled(not reason)
            key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            tip = f"{spec.tooltip} ({key})" if key else spec.tooltip
            action.setToolTip(f"{tip}\n{reason}" if reason else tip)
            action.setStatusTip(reason)

    def _reason(self, need: Need) -> str:
        if need not in (Need.NOTHING, Need.FOLDER) and Need.SLIDE in self._unmet:
            return Need.SLIDE.value
        return need.value if need in self._unmet else ""


def _made(spec: ActionSpec, parent: QObject, handlers: object) -> QAction:
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
