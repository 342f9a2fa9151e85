"""Areas that limit what they take: all that fits is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from viewer.ui.widgets.limited_scroll_area import LimitedHeightScrollArea

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def test_a_scroll_bar_that_was_needed_goes_where_all_fits_without_it(qtbot: QtBot) -> None:
    area = LimitedHeightScrollArea(QLabel("The file holds 35 planes; one is shown. " * 3, wordWrap=True))
    area.set_max_height(200)
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.addWidget(area)
    layout.addWidget(QWidget(), 1)
    qtbot.add_widget(holder)
    with qtbot.wait_exposed(holder):
        holder.show()
    for width in range(200, 600, 3):
        for height in (30, 300):
            holder.resize(width, height)
            QApplication.processEvents()
        assert not area.verticalScrollBar().isVisible(), width
