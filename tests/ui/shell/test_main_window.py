"""The window with its real canvas: slides in and out, messages, state, status line, and a clean end."""

from __future__ import annotations

import re
import threading
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from PIL import ImageCms
from PySide6.QtCore import QEvent, QObject, QSize
from PySide6.QtWidgets import QApplication, QCheckBox, QToolButton

import viewer
from tests.messages import pattern
from tests.ui.children import child
from tests.ui.slide_files import write_slide
from tests.ui.sources import MadeSource
from viewer.common.paths import cache_dir
from viewer.common.settings import Settings, settings_path
from viewer.slide.formats import registry
from viewer.slide.geometry import TileKey
from viewer.ui.panels.slide_list import SlideList
from viewer.ui.panels.strings import EMPTY_FOLDER
from viewer.ui.shell import strings
from viewer.ui.shell.app import fill_most_of_screen
from viewer.ui.shell.persistence import layout_path, restore_layout
from viewer.ui.shell.reader_state import ReaderState
from viewer.ui.shell.shortcuts import ShortcutSheet
from viewer.ui.widgets.messages import MessageKind
from viewer.view.camera import View

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.slide.locator import Locator
    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


def messages(window: MainWindow) -> list[str]:
    return [bar.text for bar in window.messages.messages]


def test_an_empty_window_shows_the_start_page(window: MainWindow) -> None:
    assert window.start_page.isVisible()
    assert window.windowTitle() == strings.APPLICATION
    assert window.status.sharp.text == strings.NO_SLIDE
    assert window.status.research.text() == viewer.RESEARCH_USE
    assert window.status.research.isVisible()


def test_a_good_slide_opens(qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn) -> None:
    open_in(window, slide_file)
    assert not window.start_page.isVisible()
    assert window.windowTitle().startswith("slide 1.tif")
    assert messages(window) == []
    qtbot.wait_until(lambda: window.view.sharp)
    assert window.status.sharp.text == strings.ALL_SHARP
    assert window.status.pixel_size.text() == "0.5 µm/px"
    assert window.status.magnification.text().endswith("x")
    assert window.view.canvas.native.hasFocus()
    window.slides.close()
    assert window.start_page.isVisible()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "There is no such file"),
        (b"", "The file is empty"),
        (b"no slide at all", "It cannot be opened ("),
    ],
)
def test_what_cannot_be_opened_is_reported_in_the_window(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn, content: bytes | None, reason: str
) -> None:
    open_in(window, slide_file)
    before = window.view.source
    bad = slide_file.with_name("bad.svs")
    if content is not None:
        bad.write_bytes(content)
    with qtbot.wait_signal(window.opener.failed):
        window.open_slide(bad)
    assert len(messages(window)) == 1
    text = f"{strings.NOT_OPENED} {strings.SLIDE_STAYS_OPEN}"
    assert re.fullmatch(pattern(text, slide="bad.svs"), messages(window)[0])
    assert reason in messages(window)[0]
    assert window.messages.messages[0].kind is MessageKind.ERROR
    assert window.view.source is before


def test_the_slide_before_stays_until_the_new_one_is_there(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_in(window, slide_file)
    before = window.view.source
    gate = threading.Event()
    opening = registry.open_slide

    def slow(locator: Locator) -> object:
        gate.wait()
        return opening(locator)

    monkeypatch.setattr(registry, "open_slide", slow)
    window.open_slide(write_slide(slide_file.with_name("other.tif")))
    qtbot.wait_until(window.messages.opening.isVisible)
    assert window.view.source is before
    window.messages.opening.cancel_pressed.emit()
    assert not window.messages.opening.isVisible()
    gate.set()
    qtbot.wait(50)
    assert window.view.source is before


def test_a_folder_without_slides_is_reported(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with qtbot.wait_signal(window.folder.failed):
        window.open_paths([tmp_path / "empty"])
    assert messages(window) == [strings.FOLDER_NOT_LISTED.format(folder="empty", reason=EMPTY_FOLDER)]


# State


def test_reopening_returns_to_where_the_reader_was(
    make_window: Callable[[], MainWindow], slide_file: Path, open_in: OpenIn
) -> None:
    first = make_window()
    open_in(first, slide_file)
    there = View(123.0, 234.0, 0.5, 0.25)
    first.view.restore(there)
    first.close()
    second = make_window()
    open_in(second, slide_file)
    assert second.view.camera.target == there


def test_switching_slides_remembers_the_view(window: MainWindow, slide_file: Path, open_in: OpenIn) -> None:
    open_in(window, slide_file)
    there = View(300.0, 200.0, 0.7)
    window.view.restore(there)
    open_in(window, write_slide(slide_file.with_name("other.tif")))
    open_in(window, slide_file)
    assert window.view.camera.target == there


def test_recent_slides_are_listed_opened_and_forgotten(
    qtbot: QtBot, make_window: Callable[[], MainWindow], slide_file: Path, open_in: OpenIn
) -> None:
    first = make_window()
    open_in(first, slide_file)
    first.close()
    second = make_window()
    recent = child(second.start_page, SlideList, strings.RECENT_SLIDES)
    qtbot.wait_until(lambda: [entry.path for entry in recent.slides.entries] == [slide_file])
    menu = second.recent_menu
    menu.fill()
    with qtbot.wait_signal(second.opener.opened):
        next(action for action in menu.actions() if action.text() == slide_file.name).trigger()
    menu.fill()
    next(action for action in menu.actions() if action.text() == strings.FORGET_RECENT).trigger()
    assert ReaderState.load().recent == ()
    assert list((cache_dir() / "thumbnails").glob("*")) == []
    menu.fill()
    assert [action.text() for action in menu.actions()] == [strings.NO_RECENT]


def test_panels_come_back_as_they_were(make_window: Callable[[], MainWindow]) -> None:
    first = make_window()
    first.docks["navigator"].hide()
    first.docks["adjustments"].show()
    first.resize(820, 610)
    first.close()
    second = make_window()
    assert restore_layout(second)
    assert not second.docks["navigator"].isVisible()
    assert second.docks["adjustments"].isVisible()
    assert not second.actions_["show_navigator"].isChecked()
    assert second.size() == QSize(820, 610)


def test_a_window_comes_back_within_its_screen(make_window: Callable[[], MainWindow]) -> None:
    first = make_window()
    first.docks["adjustments"].show()
    available = first.screen().availableGeometry()
    first.setGeometry(available.adjusted(40, 40, 300, 200))
    first.close()
    second = make_window()
    if not restore_layout(second):  # Qt may refuse a place that is much too large
        fill_most_of_screen(second)
    assert available.contains(second.geometry())
    assert second.docks["adjustments"].isVisible(), "whatever becomes of the place"


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"geometry": "?", "state": ""}', '{"geometry": "", "state": ""}']
)
def test_a_damaged_layout_is_not_used(window: MainWindow, content: str) -> None:
    assert not restore_layout(window)
    layout_path().parent.mkdir(parents=True, exist_ok=True)
    layout_path().write_text(content)
    assert not restore_layout(window)


def test_a_damaged_state_file_is_reported(make_window: Callable[[], MainWindow], own_folders: Path) -> None:
    file = own_folders / "state" / "reader.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    window = make_window()
    assert re.fullmatch(pattern(strings.STATE_DAMAGED, path=file), messages(window)[0])


def test_the_last_folder_is_kept(window: MainWindow, slide_file: Path, open_in: OpenIn) -> None:
    open_in(window, slide_file)
    assert Settings.load().viewing.last_folder == str(slide_file.parent)


def test_settings_are_applied_and_saved(window: MainWindow) -> None:
    settings = window.settings.replace("display", theme="dark", kinetic_pan=False).replace(
        "shortcuts", fit="X"
    )
    window.apply_settings(settings)
    assert window.themes.theme.name == "dark"
    assert window.actions_["dark_theme"].isChecked()
    assert not window.view.canvas.hand.kinetic
    assert window.actions_["fit"].shortcut().toString() == "X"
    assert Settings.load() == settings
    window.actions_["dark_theme"].trigger()
    assert window.themes.theme.name == "light"


def test_the_surround_is_dark_with_the_dark_theme_or_as_chosen(
    window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    def surround() -> tuple[int, ...]:
        return tuple(round(255 * part) for part in window.view.canvas.look.surround_rgb)

    open_in(window, slide_file)
    source = window.view.source
    assert source is not None
    assert surround() == source.info.background_rgb
    window.actions_["dark_theme"].trigger()
    assert max(surround()) < 40
    open_in(window, slide_file)
    assert max(surround()) < 40, "the next slide has it too"
    for choice, colour in (("white", (255,) * 3), ("black", (0,) * 3), ("slide", source.info.background_rgb)):
        window.apply_settings(window.settings.replace("display", surround=choice))
        assert surround() == colour
    window.themes.choose("light")


def test_a_disk_that_refuses_settings_is_reported(window: MainWindow) -> None:
    settings_path().mkdir(parents=True)
    window.apply_settings(window.settings.replace("display", theme="dark"))
    assert "not saved" in messages(window)[0]
    window.themes.choose("light")


# The status line


def test_the_cursor_position_is_in_micrometres(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    window.view.cursor_moved.emit((100.0, 50.0))
    qtbot.wait_until(lambda: window.status.position.text() == "50.0, 25.0 µm")


class _LayoutRequests(QObject):
    count = 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.LayoutRequest
        return super().eventFilter(watched, event)


def test_a_moving_view_does_not_lay_out_the_window(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    requests = _LayoutRequests()
    for step in range(1, 6):
        window.view.go_to(20.0 * step, 10.0, downsample=1.0 + step, instant=True)
        middle = strings.MIDDLE.format(position=f"{10.0 * step:.1f}, 5.0 µm")
        qtbot.wait_until(lambda middle=middle: window.status.position.text() == middle)  # type: ignore[misc]
        QApplication.processEvents()
        window.installEventFilter(requests)
    assert requests.count <= 1  # what opening has begun may end here; before, it was one a step


def test_a_figure_longer_than_its_place_is_shown_in_full(window: MainWindow) -> None:
    figure = window.status.magnification
    figure.setText("1" * 40)
    QApplication.processEvents()
    assert figure.width() >= figure.fontMetrics().horizontalAdvance(figure.text())


def test_building_levels_is_shown(window: MainWindow) -> None:
    window.view.build_progress.emit(0.4)
    assert window.status.building.isVisible()
    assert window.status.building.value() == 40
    window.view.build_progress.emit(1.0)
    assert not window.status.building.isVisible()


# The end


def test_closing_ends_everything_within_two_seconds(
    make_window: Callable[[], MainWindow], slide_folder: Path, open_in: OpenIn
) -> None:
    window = make_window()
    window.docks["folder"].show()
    open_in(window, slide_folder / "Slide 1.tif")
    started = monotonic()
    window.close()
    assert monotonic() - started < 2.0
    assert {t.name for t in threading.enumerate() if t.name.startswith("foveola")} == set()


def test_the_colour_profile_switches_follow_each_other(window: MainWindow) -> None:
    window.view.set_source(
        MadeSource(size=1024, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    )
    box = window.docks["adjustments"].findChild(QCheckBox)
    assert window.view.colour.icc
    assert box.isChecked()
    box.click()
    assert not window.view.colour.icc
    assert not window.actions_["icc"].isChecked()
    assert not Settings.load().display.icc
    window.actions_["icc"].trigger()
    assert window.view.colour.icc
    assert box.isChecked()


def test_without_a_cursor_the_middle_of_the_view_is_shown(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    window.view.go_to(100, 200, downsample=1.0, instant=True)
    middle = strings.MIDDLE.format(position="50.0, 100.0 µm")
    qtbot.wait_until(lambda: window.status.position.text() == middle)
    window.view.cursor_moved.emit((10.0, 20.0))
    qtbot.wait_until(lambda: window.status.position.text() == "5.0, 10.0 µm")
    window.view.cursor_moved.emit(None)
    qtbot.wait_until(lambda: window.status.position.text() == middle)


def test_a_slide_that_cannot_be_drawn_is_reported(qtbot: QtBot, window: MainWindow) -> None:
    window.view.undrawable.emit("the texture pool is too large")
    qtbot.wait_until(lambda: bool(messages(window)))
    assert window.messages.messages[-1].kind is MessageKind.ERROR
    assert messages(window)[-1] == strings.NOT_DRAWN.format(
        slide=strings.THE_SLIDE, reason="the texture pool is too large"
    )


def test_a_view_with_failed_tiles_is_never_called_sharp(qtbot: QtBot, window: MainWindow) -> None:
    window.view.set_source(MadeSource(size=2048, broken=frozenset({TileKey(0, 0, 0)})))
    window.view.go_to(128, 128, downsample=1.0, instant=True)
    qtbot.wait_until(lambda: window.status.sharp.text == strings.FAILED_IN_VIEW)
    assert window.status.failed.text() == strings.ONE_TILE_FAILED
    window.view.go_to(1900, 1900, downsample=1.0, instant=True)
    qtbot.wait_until(lambda: window.status.sharp.text == strings.ALL_SHARP)
    assert window.status.failed.text() == strings.ONE_TILE_FAILED


def test_why_tiles_fail_is_reported_once(qtbot: QtBot, window: MainWindow, slide_file: Path) -> None:
    size = slide_file.stat().st_size
    broken = frozenset({TileKey(0, 0, 0), TileKey(0, 7, 7)})
    window.opener.opened.emit(MadeSource(size=2048, path=slide_file, broken=broken))
    slide_file.write_bytes(bytes(100))
    window.view.go_to(128, 128, downsample=1.0, instant=True)
    qtbot.wait_until(lambda: bool(messages(window)))
    window.view.go_to(1900, 1900, downsample=1.0, instant=True)
    qtbot.wait_until(lambda: window.status.failed.text() == strings.MANY_TILES_FAILED.format(count=2))
    QApplication.processEvents()
    reason = strings.FILE_CHANGED.format(now=100, before=size)
    assert messages(window) == [strings.TILES_FAILED.format(slide="slide 1.tif", reason=reason)]
    assert window.messages.messages[0].kind is MessageKind.WARNING


def test_a_key_opens_one_dialog_not_one_more(window: MainWindow) -> None:
    window.actions_["keyboard"].trigger()
    window.actions_["keyboard"].trigger()
    shown = [sheet for sheet in window.findChildren(ShortcutSheet) if sheet.isVisible()]
    assert len(shown) == 1
    shown[0].close()


def test_the_start_page_does_not_enlarge_the_window(window: MainWindow) -> None:
    assert window.area.minimumSizeHint().width() < window.start_page.minimumSizeHint().width()


def test_the_button_for_what_does_not_fit_the_toolbar_can_be_seen_and_named(
    qtbot: QtBot, window: MainWindow
) -> None:
    more = window.findChild(QToolButton, "qt_toolbar_ext_button")
    assert more.accessibleName() == strings.MORE_BUTTONS
    window.resize(500, 650)
    qtbot.wait_until(more.isVisible)
    picture = more.grab().toImage()
    colours = {picture.pixel(x, y) for x in range(picture.width()) for y in range(picture.height())}
    assert len(colours) > 1
