"""Label and macro images are shown on request only, with a caution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel, QListWidget, QPushButton, QWidget

from tests.ui.children import child
from viewer.slide.source import SlideError
from viewer.ui.panels import strings
from viewer.ui.panels.associated_images import AssociatedImages

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pytestqt.qtbot import QtBot

    from viewer.slide.formats.array import ArraySource


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the images that were decoded; "broken" cannot be."""
    names: list[str] = []

    def read(source: ArraySource, name: str) -> np.ndarray[Any, Any]:
        names.append(name)
        if name == "broken":
            raise SlideError(source.info.path, "its JPEG data are damaged")
        height = 3000 if name == "macro" else 30
        return np.full((height, 400, 4), (200, 200, 200, 255), np.uint8)

    monkeypatch.setattr("viewer.slide.formats.array.ArraySource.read_associated_image", read)
    return names


@pytest.fixture
def dialog(
    qtbot: QtBot, fake_view: Any, make_source: Callable[..., ArraySource], reads: list[str]
) -> AssociatedImages:
    fake_view.show_source(make_source(associated_images=("label", "macro", "broken")))
    dialog = AssociatedImages(fake_view)
    qtbot.addWidget(dialog)
    dialog.show()
    assert reads == []
    return dialog


def test_nothing_is_decoded_before_show_is_pressed(dialog: AssociatedImages, reads: list[str]) -> None:
    dialog.findChild(QListWidget).setCurrentRow(1)
    assert reads == []
    assert not dialog.picture_shown
    assert any(strings.CAUTION in label.text() for label in dialog.findChildren(QLabel))


def test_show_decodes_the_chosen_one_and_another_choice_hides_it(
    dialog: AssociatedImages, reads: list[str]
) -> None:
    show = next(b for b in dialog.findChildren(QPushButton) if b.text() == strings.SHOW_IMAGE)
    show.click()
    assert reads == ["label"]
    assert dialog.picture_shown
    dialog.findChild(QListWidget).setCurrentRow(1)
    assert not dialog.picture_shown


def test_a_large_image_is_shown_whole(dialog: AssociatedImages) -> None:
    dialog.findChild(QListWidget).setCurrentRow(1)
    dialog.show_chosen()
    picture = child(dialog, QWidget, strings.IMAGE_NAME).grab().toImage()
    middle = picture.width() // 2
    shown = [picture.pixelColor(middle, y).red() == 200 for y in range(picture.height())]
    assert sum(shown) == pytest.approx(picture.height(), abs=2)


def test_an_image_that_cannot_be_decoded_says_so(dialog: AssociatedImages) -> None:
    dialog.findChild(QListWidget).setCurrentRow(2)
    dialog.show_chosen()
    assert not dialog.picture_shown
    assert child(dialog, QWidget, strings.IMAGE_NAME).text == strings.IMAGE_UNREADABLE.format(
        name="broken", reason="its JPEG data are damaged"
    )
