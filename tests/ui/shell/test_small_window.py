"""Small windows and large letters: the slide keeps half of the window, and what must be seen is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication, QPushButton, QScrollArea, QSlider, QToolBar

from tests.ui.children import child
from tests.ui.slide_files import write_slide
from viewer.relevance.patches.peaks import Hit
from viewer.slide.geometry import Rect
from viewer.ui.overlays import strings as overlay_strings
from viewer.ui.search.hit_list import HitRow
from viewer.ui.search.query_panel import QueryPanel
from viewer.ui.shell import strings
from viewer.ui.shell.persistence import restore_layout
from viewer.ui.widgets.limited_scroll_area import YieldingArea
from viewer.ui.widgets.messages import MessageKind
from viewer.ui.widgets.throttle import PANEL_INTERVAL_MS
from viewer.view.camera import fitting_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]

SCALED = QSize(512, 350)
"""What a screen of 1024 × 700 holds at a scale of 2."""
SIZES = [SCALED, QSize(1024, 700)]
LONG = "The file has no coarse levels; Foveola builds its own, averaged in linear light. " * 2


def share_of_slide(window: MainWindow) -> float:
    width, height = window.view.canvas.size_px
    return width * height / (window.width() * window.height())


def shown_as_a_whole(window: MainWindow) -> bool:
    view = window.view
    assert view.source is not None
    return view.camera.target == fitting_view(
        view.source.info.bounds, view.canvas.size_px, view.camera.aspect
    )


@pytest.fixture
def large_letters(window: MainWindow, request: pytest.FixtureRequest) -> Iterator[None]:
    window.apply_settings(window.settings.replace("display", font_percent=getattr(request, "param", 200)))
    yield
    window.themes.set_font_percent(100)


@pytest.mark.parametrize("size", SIZES)
def test_every_panel_leaves_the_slide_half_of_a_small_window(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn, size: QSize
) -> None:
    open_in(window, slide_file)
    window.resize(size)
    qtbot.wait_until(lambda: window.size() == size and share_of_slide(window) >= 0.5)
    for name in window.docks.built_in:
        window.docks.show(name)
        dock = window.docks[name]
        qtbot.wait_until(lambda dock=dock: dock.isVisible() and not window.docks.folding.is_behind(dock))
        qtbot.wait_until(lambda: share_of_slide(window) >= 0.5)
        assert shown_as_a_whole(window)
    for bar in window.status.magnification, window.status.angle, window.status.research:
        assert bar.isVisible()
        assert window.status.rect().contains(bar.geometry())


@pytest.mark.parametrize("panels", [["query"], ["query", "navigator", "properties"]])
@pytest.mark.parametrize("large_letters", [150, 200], indirect=True)
@pytest.mark.usefixtures("large_letters")
def test_a_tiny_window_with_large_letters_and_a_note_has_no_toolbar_but_half_a_slide(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn, panels: list[str]
) -> None:
    open_in(window, slide_file)
    window.resize(SCALED)
    for name in panels:
        window.docks.show(name)
    window.messages.show_message(MessageKind.INFORMATION, LONG)
    qtbot.wait_until(lambda: window.size() == SCALED and share_of_slide(window) >= 0.5)
    (toolbar,) = window.findChildren(QToolBar)
    assert toolbar.isHidden()
    window.resize(1300, 900)
    qtbot.wait_until(lambda: window.width() == 1300 and not window.tabifiedDockWidgets(window.docks["query"]))
    assert toolbar.isVisible(), "it is back, with the panels"
    window.set_full_screen(True)
    assert toolbar.isHidden()
    window.set_full_screen(False)
    assert toolbar.isVisible()


@pytest.mark.usefixtures("large_letters")
def test_large_letters_leave_the_slide_half(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    size = QSize(1024, 700)
    window.resize(size)
    window.actions_["show_query"].trigger()
    qtbot.wait_until(lambda: window.size() == size and share_of_slide(window) >= 0.5)
    assert window.status.magnification.font().pointSizeF() > 15
    assert window.status.magnification.isVisible()
    assert window.status.angle.isVisible()


def test_a_key_brings_a_covered_panel_to_the_front_and_then_hides_it(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    window.resize(SCALED)
    window.actions_["show_adjustments"].trigger()
    navigator, adjustments = window.docks["navigator"], window.docks["adjustments"]
    qtbot.wait_until(lambda: adjustments in window.tabifiedDockWidgets(navigator))
    assert window.docks.folding.is_behind(navigator)
    window.docks.show("navigator")
    adjustments.raise_()
    qtbot.wait_until(lambda: window.docks.folding.is_behind(navigator))
    window.actions_["show_navigator"].trigger()
    qtbot.wait_until(lambda: window.docks.folding.is_behind(adjustments))
    assert window.actions_["show_navigator"].isChecked()
    window.actions_["show_navigator"].trigger()
    assert navigator.isHidden()


def test_panels_of_a_large_window_come_back_after_a_small_one(
    qtbot: QtBot, make_window: Callable[[], MainWindow]
) -> None:
    def sizes(window: MainWindow) -> list[tuple[int, int]]:
        names = "folder", "query", "navigator", "properties"
        return [(window.docks[name].width(), window.docks[name].height()) for name in names]

    window = make_window()
    window.resize(1200, 900)
    window.docks.show("folder")
    window.docks.show("query")
    qtbot.wait_until(lambda: set(window.docks.folding.sizes.heights) >= {"folder", "query"})
    QApplication.processEvents()
    before = sizes(window)
    window.resize(SCALED)
    qtbot.wait_until(lambda: len(window.tabifiedDockWidgets(window.docks["folder"])) == 3)
    window.close()
    later = make_window()
    restore_layout(later)
    later.resize(1200, 900)
    qtbot.wait_until(lambda: later.width() == 1200 and later.docks["folder"].isVisible())
    assert [later.tabifiedDockWidgets(dock) for dock in later.docks.values()] == [[]] * len(later.docks)
    QApplication.processEvents()
    assert sizes(later) == before


def test_a_slide_that_opens_with_a_note_is_shown_as_a_whole(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    before = window.view.canvas.size_px
    window.messages.show_message(MessageKind.INFORMATION, LONG)
    qtbot.wait_until(lambda: window.view.canvas.size_px < before)
    assert shown_as_a_whole(window)
    window.messages.clear()
    qtbot.wait_until(lambda: window.view.canvas.size_px == before)
    assert shown_as_a_whole(window)
    window.view.go_to(100.0, 100.0, instant=True)
    moved = window.view.camera.target
    window.messages.show_message(MessageKind.INFORMATION, LONG)
    qtbot.wait_until(lambda: window.view.canvas.size_px < before)
    assert window.view.camera.target == moved, "what the reader looks at stays"


def test_a_slide_left_as_a_whole_opens_as_a_whole_in_a_window_of_another_size(
    qtbot: QtBot, window: MainWindow, slide_file: Path, tmp_path: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    open_in(window, write_slide(tmp_path / "other.tif", mpp_um=0.5))
    window.resize(1100, 500)
    qtbot.wait_until(lambda: window.size() == QSize(1100, 500))
    open_in(window, slide_file)
    assert shown_as_a_whole(window)


def test_many_long_messages_leave_most_of_the_height_to_the_slide(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    window.resize(SCALED)
    for number in range(3):
        buttons = dict.fromkeys(("Try again", "Open another…"), lambda: None)
        window.messages.show_message(MessageKind.ERROR, f"{number}. {LONG}", buttons=buttons)
    qtbot.wait_until(lambda: window.size() == SCALED)
    QApplication.processEvents()
    _, height = window.view.canvas.size_px
    assert height >= 0.6 * window.area.height()
    newest = window.messages.messages[-1]
    qtbot.wait_until(lambda: not newest.visibleRegion().isEmpty())
    for button in newest.findChildren(QPushButton):
        assert newest.rect().contains(button.geometry()), "buttons are below the text, none is cut off"


def test_fields_give_way_to_a_message_in_the_status_line(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    window.resize(1000, 600)
    qtbot.wait_until(window.status.position.isVisible)
    window.status.showMessage("m" * 80)
    assert not window.status.position.isVisible()
    assert window.status.magnification.isVisible()
    window.status.clearMessage()
    assert window.status.position.isVisible()


def test_angle_and_zoom_have_figures_with_and_without_a_pixel_size(
    qtbot: QtBot, window: MainWindow, slide_file: Path, tmp_path: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    window.view.rotate_by(-22.5)
    qtbot.wait_until(lambda: window.status.angle.text() == "337.5°")
    window.view.set_rotation(0)
    qtbot.wait_until(lambda: window.status.angle.text() == "0°")
    open_in(window, write_slide(tmp_path / "unknown.tif"))
    assert window.view.magnification is None
    window.view.one_to_one()
    qtbot.wait_until(lambda: window.status.magnification.text() == strings.ZOOM_SHARE.format(percent=100))


def test_a_turn_taken_back_before_it_was_drawn_leaves_no_angle(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    qtbot.wait_until(lambda: window.view.sharp)
    qtbot.wait(2 * PANEL_INTERVAL_MS)  # what the opening asked to be shown has been shown
    window.view.rotate_by(-22.5)
    window.status.refresh()
    assert window.status.angle.text() == "337.5°"
    window.view.set_rotation(0)
    qtbot.wait_until(lambda: window.status.angle.text() == "0°")


@pytest.mark.parametrize(
    ("size", "panels"), [(QSize(1600, 1000), ["folder", "query"]), (QSize(1024, 700), ["query"])]
)
def test_six_places_are_seen(qtbot: QtBot, window: MainWindow, size: QSize, panels: list[str]) -> None:
    window.resize(size)
    for name in panels:
        window.docks.show(name)
    panel = window.docks.panel("query")
    assert isinstance(panel, QueryPanel)
    found = Hit(Rect(0, 0, 100, 100), 0.9, (50, 50))
    panel.show_rows([HitRow(number, found, "somewhere") for number in range(1, 20)], (), anew=True)
    hits = panel.hits
    sixth = hits.hits.index(5)
    seen = hits.viewport()
    qtbot.wait_until(lambda: seen.visibleRegion().boundingRect().contains(hits.visualRect(sixth)))
    assert all(window.docks[name].isVisible() for name in panels)


def test_a_small_window_scrolls_no_query_sideways(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    window.resize(SCALED)
    window.messages.show_message(MessageKind.INFORMATION, LONG)
    window.docks.show("query")
    panel, area = window.docks.panel("query"), window.docks["query"].widget()
    assert isinstance(panel, QueryPanel)
    assert isinstance(area, YieldingArea)
    qtbot.wait_until(lambda: window.size() == SCALED and panel.width() < panel.minimumSizeHint().width())
    assert area.horizontalScrollBar().maximum() == 0
    for name in overlay_strings.PAUSE, overlay_strings.STOP:
        button = child(panel.bar, QPushButton, name.replace("&", ""))
        assert panel.bar.rect().contains(button.geometry()), "below each other, none is cut off"


@pytest.mark.usefixtures("large_letters")
def test_a_long_note_in_large_letters_leaves_the_slide_half(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    size = QSize(1024, 700)
    window.resize(size)
    window.docks.show("query")
    window.messages.show_message(MessageKind.INFORMATION, LONG * 2)
    qtbot.wait_until(lambda: window.size() == size and share_of_slide(window) >= 0.5)


def test_a_note_that_is_not_all_seen_begins_with_its_first_line(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    window.resize(SCALED)
    for number in range(2):
        window.messages.show_message(MessageKind.INFORMATION, f"{number}. {LONG * 2}")
        newest = window.messages.messages[-1]
        qtbot.wait_until(
            lambda newest=newest: 0 < newest.visibleRegion().boundingRect().height() < newest.height()
        )
        qtbot.wait_until(lambda newest=newest: newest.visibleRegion().boundingRect().y() == 0)


@pytest.mark.parametrize("size", [(1600, 1000), (1300, 800), (1024, 700)])
def test_the_slides_beside_the_query_scroll_once(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, open_in: OpenIn, size: tuple[int, int]
) -> None:
    for number in range(20):
        write_slide(tmp_path / f"slide {number}.tif")
    with qtbot.wait_signal(window.folder.listed):
        open_in(window, tmp_path / "slide 0.tif")
    window.resize(*size)
    window.docks.show("query")
    window.docks.show("folder")
    area, slides = window.docks["folder"].widget(), window.folder.slide_list
    assert isinstance(area, YieldingArea)
    third = slides.slides.index(2, 0)
    qtbot.wait_until(lambda: slides.viewport().rect().contains(slides.visualRect(third)))
    assert slides.verticalScrollBar().maximum() > 0
    qtbot.wait_until(lambda: area.verticalScrollBar().maximum() == 0)


@pytest.mark.usefixtures("large_letters")
def test_a_page_that_is_wider_than_its_panel_scrolls_instead_of_being_cut(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    window.resize(1024, 700)
    window.docks.show("query")
    panel, page = window.docks.panel("query"), window.overlays.page
    assert isinstance(panel, QueryPanel)
    assert isinstance(page, QScrollArea)
    panel.tabs.setCurrentWidget(page)
    slider = child(page, QSlider, overlay_strings.SLIDERS["opacity"][0].replace("&", ""))
    qtbot.wait_until(lambda: page.viewport().width() < page.widget().width())
    qtbot.wait_until(page.horizontalScrollBar().isVisible)
    page.ensureWidgetVisible(slider)
    assert (
        page.viewport()
        .rect()
        .contains(
            slider.geometry().translated(
                slider.parentWidget().mapTo(page.viewport(), slider.parentWidget().rect().topLeft())
            )
        )
    )
