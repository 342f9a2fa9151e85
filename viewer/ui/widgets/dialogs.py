"""How dialogs are shown: one of each kind, in front, within the screen, deleted when they close."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QMessageBox, QPushButton

from viewer.ui.widgets import strings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QKeyEvent, QShowEvent
    from PySide6.QtWidgets import QWidget


class SearchDialog(QDialog):
    """With a line to search in: Enter there must not press Close, only the button that has the focus."""

    def showEvent(self, event: QShowEvent) -> None:
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # none is drawn as the one that Enter presses
        super().showEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            super().keyPressEvent(event)
        elif isinstance(button := self.focusWidget(), QPushButton):
            button.click()


def show_dialog(dialog: QDialog, *, modal: bool = False) -> None:
    """Show a dialog beside its parent's window, which stays usable unless it is ``modal``.

    An older dialog of the same class is closed: a key pressed twice opens one dialog, not two.
    """
    parent = dialog.parentWidget()
    assert parent is not None
    for older in parent.window().findChildren(type(dialog)):
        if older is not dialog:
            older.close()
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setModal(modal)
    if not dialog.testAttribute(Qt.WidgetAttribute.WA_Resized):
        dialog.adjustSize()  # one with a parent begins at its least size, in which fields are cut
        if dialog.hasHeightForWidth():
            dialog.resize(dialog.width(), dialog.heightForWidth(dialog.width()))
    frame = parent.window().frameGeometry().size() - parent.window().size()
    dialog.resize(dialog.size().boundedTo(parent.screen().availableGeometry().size() - frame))
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()


def choose_save_path(parent: QWidget, title: str, proposed: Path, kinds: Mapping[str, str]) -> Path | None:
    """Let the reader choose a file to save to; None where they do not.

    ``kinds``: what a file is, by the ending of its name. A name without one of these endings gets that of the
    chosen kind; what would be replaced then is asked about, as the dialog asks about the name as typed.
    """
    filters = {strings.FILE_KIND.format(kind=kind, ending=ending): ending for ending, kind in kinds.items()}
    name, chosen = QFileDialog.getSaveFileName(parent, title, str(proposed), ";;".join(filters))
    if not name:
        return None
    if name.lower().endswith(tuple(kinds)):
        return Path(name)
    path = Path(name + filters.get(chosen, next(iter(kinds))))
    question = strings.REPLACE.format(file=path.name)
    buttons = QMessageBox.StandardButton
    if path.is_file() and QMessageBox.question(parent, title, question) != buttons.Yes:
        return None
    return path
