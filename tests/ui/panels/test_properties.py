"""The properties panel shows the facts about a slide, filters and copies them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QTreeWidget, QTreeWidgetItemIterator

from tests.messages import pattern
from viewer.slide.planes import PlaneAxes
from viewer.slide.source import FileImage
from viewer.ui.panels import strings
from viewer.ui.panels.associated_images import AssociatedImages
from viewer.ui.panels.properties import Fact, PropertiesPanel, slide_facts

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pytestqt.qtbot import QtBot

    from viewer.slide.formats.array import ArraySource


LEVEL_0 = strings.FACT_LEVEL.format(index=0)


def values(source: ArraySource, mpp_um: tuple[float, float] | None = None) -> dict[str, str]:
    return {fact.name: fact.value for fact in slide_facts(source, mpp_um=mpp_um)}


def visible_names(panel: PropertiesPanel) -> list[str]:
    tree = panel.findChild(QTreeWidget)
    iterator = QTreeWidgetItemIterator(tree)
    names = []
    while item := iterator.value():
        if item.parent() is not None and not item.isHidden():
            names.append(item.text(0))
        iterator += 1
    return names


def test_facts_of_a_slide_that_states_everything(make_source: Callable[..., ArraySource]) -> None:
    source = make_source(
        mpp_um=(0.5, 0.25),
        objective_power=40.0,
        icc_profile=b"x",
        planes=PlaneAxes(z=2),
        associated_images=("label",),
    )
    known = values(source, (0.5, 0.25))
    size = strings.SIZE_PX.format(width=2000, height=1000)
    assert known[strings.FACT_FILE] == "liver, case 12.svs"
    assert known[strings.FACT_FOLDER] == "/slides"
    assert known[strings.FACT_READER] == "array. It was made for a test."
    assert known[strings.FACT_SIZE] == size
    assert known[strings.FACT_PIXEL_SIZE] == "0.5 × 0.25 µm"
    assert known[strings.FACT_EXTENT] == "1 mm × 250 µm"
    assert known[strings.FACT_OBJECTIVE] == "40x"
    assert known[strings.FACT_COLOUR_PROFILE] == strings.PROFILE_IN_FILE
    assert known[strings.FACT_PLANES] == strings.PLANES.format(count=2)
    assert known[LEVEL_0] == strings.LEVEL.format(size=size, downsample=1.0, tile_width=256, tile_height=256)
    assert known["label"] == strings.IMAGE_HIDDEN


def test_facts_of_a_slide_that_states_nothing(make_source: Callable[..., ArraySource]) -> None:
    known = values(make_source(file_levels=()))
    assert known[strings.FACT_PIXEL_SIZE] == strings.PIXEL_SIZE_NOT_STATED
    assert known[strings.FACT_OBJECTIVE] == strings.NOT_STATED
    assert known[strings.FACT_COLOUR_PROFILE] == strings.PROFILE_NONE
    assert re.fullmatch(pattern(strings.LEVEL_MADE), known[LEVEL_0])
    assert strings.FACT_EXTENT not in known
    assert strings.FACT_PLANES not in known


def test_a_pixel_size_that_the_reader_entered_is_marked(make_source: Callable[..., ArraySource]) -> None:
    entered = strings.PIXEL_SIZE_ENTERED.format(size="0.5 µm")
    assert values(make_source(), (0.5, 0.5))[strings.FACT_PIXEL_SIZE] == entered


def test_an_estimated_pixel_size_is_marked(make_source: Callable[..., ArraySource]) -> None:
    facts = slide_facts(make_source(), mpp_um=(0.38, 0.38), mpp_estimated=True)
    estimated = strings.PIXEL_SIZE_ESTIMATED.format(size="0.38 µm")
    assert Fact(strings.SLIDE_SECTION, strings.FACT_PIXEL_SIZE, estimated) in facts


def test_notes_stand_first_and_are_hidden_where_there_are_none(
    qtbot: QtBot, fake_view: Any, make_source: Callable[..., ArraySource]
) -> None:
    panel = PropertiesPanel(fake_view)
    qtbot.addWidget(panel)
    notes = next(
        label for label in panel.findChildren(QLabel) if label.accessibleName() == strings.NOTES_NAME
    )
    assert notes.isHidden()
    fake_view.show_source(make_source(notes=("Only the first of 5 planes is shown.",)))
    assert not notes.isHidden()
    assert "first of 5 planes" in notes.text()
    assert panel.layout().indexOf(notes) == 0


def test_the_filter_searches_names_and_values(
    qtbot: QtBot, fake_view: Any, make_source: Callable[..., ArraySource]
) -> None:
    fake_view.show_source(
        make_source(properties={"aperio.AppMag": "20", "scanner": "APERIO GT450", "user": "x"})
    )
    panel = PropertiesPanel(fake_view)
    qtbot.addWidget(panel)
    panel.findChild(QLineEdit).setText(" aperio ")
    assert visible_names(panel) == ["aperio.AppMag", "scanner"]
    panel.findChild(QLineEdit).clear()
    assert "user" in visible_names(panel)


def test_selected_lines_are_copied_whole(
    qtbot: QtBot, fake_view: Any, make_source: Callable[..., ArraySource]
) -> None:
    description = "Aperio\nLeica " + "x" * 5000
    fake_view.show_source(make_source(properties={"description": description}))
    panel = PropertiesPanel(fake_view)
    qtbot.addWidget(panel)
    tree = panel.findChild(QTreeWidget)
    (item,) = tree.findItems("description", Qt.MatchFlag.MatchRecursive | Qt.MatchFlag.MatchExactly)
    item.setSelected(True)
    panel.show()
    tree.setFocus()
    qtbot.keyClick(tree, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == f"description\t{description}"
    panel.copy_all()
    assert QGuiApplication.clipboard().text().splitlines()[:3] == [
        f"{strings.FACT_FILE}\tliver, case 12.svs",
        f"{strings.FACT_FOLDER}\t/slides",
        f"{strings.FACT_FORMAT}\tTest slide",
    ]


def test_label_images_wait_behind_a_button(
    qtbot: QtBot, fake_view: Any, make_source: Callable[..., ArraySource]
) -> None:
    panel = PropertiesPanel(fake_view)
    qtbot.addWidget(panel)
    button = panel.findChild(QPushButton)
    assert button.isHidden()
    fake_view.show_source(make_source(associated_images=("label", "macro")))
    assert not button.isHidden()
    button.click()
    dialog = panel.findChild(AssociatedImages)
    assert dialog.isVisible()
    assert not dialog.picture_shown
    fake_view.show_source(None)
    assert not dialog.isVisible()


def test_images_of_the_file_are_listed(make_source: Callable[..., ArraySource]) -> None:
    images = (
        FileImage(1, "roi 1", 900, 600, is_shown=True, is_slide=True),
        FileImage(3, "", 90, 60, is_shown=False, is_slide=False),
    )
    known = values(make_source(images=images))
    assert known[strings.FACT_IMAGE.format(number=1)] == strings.IMAGE_SHOWN.format(
        image="roi 1, 900 × 600 px"
    )
    assert known[strings.FACT_IMAGE.format(number=3)] == "90 × 60 px"
