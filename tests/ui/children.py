"""Parts of a window as its user finds them: by kind and by the name that a screen reader speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from PySide6.QtWidgets import QAbstractButton, QWidget

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

Kind = TypeVar("Kind", bound=QWidget)


def child(parent: QObject, kind: type[Kind], name: str) -> Kind:
    """The only part of ``parent`` of this kind and name: its accessible name, else a button's text."""
    (found,) = (part for part in parent.findChildren(kind) if _name_of(part) == name)
    return found


def _name_of(part: QWidget) -> str:
    text = part.text().replace("&", "") if isinstance(part, QAbstractButton) else ""
    return part.accessibleName() or text
