"""The images of a file that holds several are listed, and another is opened from the list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QListWidget, QPushButton

from tests.ui.children import child
from viewer.slide.locator import Locator
from viewer.slide.source import FileImage
from viewer.ui.panels import strings
from viewer.ui.panels.file_images import FileImages

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from viewer.slide.formats.array import ArraySource

PATH = Path("/slides/two.ome.tif")
IMAGES = (
    FileImage(1, "macro", 90, 60, is_shown=False, is_slide=False),
    FileImage(2, "roi\n1", 900, 600, is_shown=False, is_slide=True),
    FileImage(5, "", 800, 600, is_shown=True, is_slide=False),
)


@pytest.fixture
def dialog(qtbot: QtBot, fake_view: Any, make_source: Callable[..., ArraySource]) -> FileImages:
    fake_view.show_source(make_source(path=PATH, images=IMAGES))
    dialog = FileImages(fake_view)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_all_images_are_listed_with_a_caution(dialog: FileImages) -> None:
    rows = child(dialog, QListWidget, strings.FILE_IMAGES)
    texts = [rows.item(row).text() for row in range(rows.count())]
    assert texts == [
        "Image 1: macro, 90 × 60 px",
        "Image 2: roi 1, 900 × 600 px",
        "Image 5: 800 × 600 px (shown)",
    ]
    assert rows.currentRow() == 2
    assert strings.CAUTION in child(dialog, QLabel, strings.CAUTION_NAME).text()


@pytest.mark.parametrize(("row", "image"), [(0, 1), (1, None)])
def test_a_chosen_image_is_asked_for_by_its_locator(
    row: int, image: int | None, dialog: FileImages, qtbot: QtBot
) -> None:
    rows = child(dialog, QListWidget, strings.FILE_IMAGES)
    rows.setCurrentRow(row)
    with qtbot.wait_signal(dialog.chosen) as chosen:
        qtbot.keyClick(rows, Qt.Key.Key_Return)
    assert chosen.args == [Locator.parse(PATH).with_image(image)]
    assert not dialog.isVisible()


def test_the_image_that_is_shown_is_not_opened_again(dialog: FileImages, qtbot: QtBot) -> None:
    with qtbot.assert_not_emitted(dialog.chosen):
        dialog.open_chosen()
    button = next(each for each in dialog.findChildren(QPushButton) if each.text() == strings.OPEN_IMAGE)
    assert not button.isEnabled()


def test_it_closes_with_its_slide(
    dialog: FileImages, fake_view: Any, make_source: Callable[..., ArraySource]
) -> None:
    fake_view.show_source(make_source())
    assert not dialog.isVisible()
