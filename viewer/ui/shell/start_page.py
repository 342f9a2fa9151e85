"""The page for a window without a slide: how to open one, and the recent slides."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from viewer.ui.panels.slide_folder import entries_of
from viewer.ui.panels.slide_list import SlideList
from viewer.ui.shell import strings
from viewer.ui.widgets.background_worker import NewestWork, raise_defect
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PySide6.QtGui import QAction, QPixmap

    from viewer.ui.panels.thumbnails import ThumbnailWorker


class StartPage(QWidget):
    """A heading, buttons for the given actions, and the recent slides.

    Their files are read in a thread, so that a slow share stops no window; ``close_work`` ends it.
    """

    chosen = Signal(object)
    """The path of the recent slide to open."""

    def __init__(
        self,
        thumbnails: ThumbnailWorker,
        actions: Sequence[QAction],
        logo: QPixmap,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.START_PAGE)
        self.setAutoFillBackground(True)
        picture = QLabel()
        picture.setPixmap(logo)
        picture.setAccessibleName(strings.APPLICATION)
        title = QLabel(strings.APPLICATION)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 2)
        font.setBold(True)
        title.setFont(font)
        hint = QLabel(strings.START_HINT, wordWrap=True)
        hint.setProperty("muted", True)
        heading = QVBoxLayout()
        heading.addWidget(title)
        heading.addWidget(hint)
        top = QHBoxLayout()
        top.setSpacing(em_px(1))
        top.addWidget(picture)
        top.addLayout(heading, 1)
        buttons = QHBoxLayout()
        for action in actions:
            buttons.addWidget(_button(action))
        buttons.addStretch(1)
        self._files = NewestWork("recent-slides")
        self._recent_heading = QLabel(strings.RECENT_SLIDES)
        self._recent = SlideList(thumbnails)
        self._recent.setAccessibleName(strings.RECENT_SLIDES)
        self._recent.setAccessibleDescription(strings.RECENT_SLIDES_KEYS)
        self._recent.chosen.connect(self.chosen)
        column_widget = QWidget()
        column_widget.setMaximumWidth(em_px(40))
        column = QVBoxLayout(column_widget)
        column.setSpacing(em_px(0.8))
        column.addStretch(1)
        column.addLayout(top)
        column.addLayout(buttons)
        column.addWidget(self._recent_heading)
        column.addWidget(self._recent, 8)
        column.addStretch(1)
        layout = QHBoxLayout(self)
        margin = em_px(2)
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.addStretch(1)
        layout.addWidget(column_widget, 8)
        layout.addStretch(1)
        self.show_recent(())

    @property
    def recent_list(self) -> SlideList:
        """The list of recent slides."""
        return self._recent

    def show_recent(self, paths: Sequence[Path]) -> None:
        """List the recent slides once their files are read; without any, the list is hidden."""
        if paths:
            self._files.run(partial(entries_of, paths), self._recent.slides.set_entries, raise_defect)
        else:
            self._files.drop()
            self._recent.slides.set_entries([])
        self._recent.setVisible(bool(paths))
        self._recent_heading.setVisible(bool(paths))

    def close_work(self) -> None:
        """End the thread; one that hangs in a system call is left behind."""
        self._files.close(wait_s=0.2)


def _button(action: QAction) -> QPushButton:
    button = QPushButton(action.icon(), action.text())
    button.setToolTip(action.toolTip())
    button.setAccessibleName(action.text().rstrip("…"))
    button.clicked.connect(action.trigger)
    action.changed.connect(lambda: button.setIcon(action.icon()))
    return button
