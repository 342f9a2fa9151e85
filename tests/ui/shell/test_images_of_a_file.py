"""A file that holds several images: the note, the list, and each image opened as a slide of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidget, QPushButton

from tests.ui.children import child
from viewer.ui.panels import strings as panel_strings
from viewer.ui.panels.file_images import FileImages
from viewer.ui.shell import strings
from viewer.ui.widgets.action_spec import Need

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


@pytest.fixture
def two_images(tmp_path: Path) -> Path:
    path = tmp_path / "two.tif"
    options = {"tile": (256, 256), "photometric": "rgb", "metadata": None}
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(np.full((500, 700, 3), (190, 90, 140), np.uint8), **options)
        tiff.write(np.full((300, 400, 3), (0, 200, 0), np.uint8), **options)
    return path


def test_another_image_is_opened_from_the_note_and_the_slide_by_the_file(
    qtbot: QtBot, window: MainWindow, two_images: Path, open_in: OpenIn
) -> None:
    open_in(window, two_images)
    (bar,) = window.messages.messages
    child(bar, QPushButton, strings.OTHER_IMAGES).click()
    dialog = window.findChild(FileImages)
    rows = child(dialog, QListWidget, panel_strings.FILE_IMAGES)
    rows.setCurrentRow(1)
    with qtbot.wait_signal(window.opener.opened):
        qtbot.keyClick(rows, Qt.Key.Key_Return)
    assert window.view.source is not None
    assert (window.view.source.pyramid.width, window.windowTitle()[:15]) == (400, "two.tif#image=2")
    open_in(window, two_images)
    assert window.view.source.pyramid.width == 700


def test_without_other_images_the_action_says_why(
    window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    action = window.actions_["file_images"]
    assert not action.isEnabled()
    assert Need.FILE_IMAGES.value in action.toolTip()
