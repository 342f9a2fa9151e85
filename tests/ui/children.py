"""Parts of a window as its user finds them: by kind and by the name that a screen reader speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from PySide6.QtWidgets import QAbstractButton, QDialogButtonBox, QLabel, QPushButton, QWidget

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

Kind = TypeVar("Kind", bound=QWidget)


def child(parent: QObject, kind: type[Kind], name: str) -> Kind:
    """The only part of ``parent`` of this kind and name: its accessible name, else the text of the button
    or of the label beside it, without the mark of a key.
    """
    plain = name.replace("&", "")
    (found,) = (part for part in parent.findChildren(kind) if _name_of(part) == plain)
    return found


def standard_button(dialog: QWidget, which: QDialogButtonBox.StandardButton) -> QPushButton:
    """OK, Cancel and the like of a dialog."""
    (buttons,) = dialog.findChildren(QDialogButtonBox)
    return buttons.button(which)


def _name_of(part: QWidget) -> str:
    if part.accessibleName():
        return part.accessibleName()
    if isinstance(part, QAbstractButton):
        return part.text().replace("&", "")
    beside = part.parentWidget().findChildren(QLabel)
    return next((label.text().replace("&", "") for label in beside if label.buddy() == part), "")
