"""Fixtures of all window tests: the mark ``gui``, no QTimer or QThread left running, slides, a fake slide
view, and the window itself."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.ui.fake_relevance import FakeClient
from tests.ui.fake_view import SLIDE_HEIGHT, SLIDE_WIDTH, FakeSlideView
from tests.ui.slide_files import write_slide
from viewer.common.settings import Settings
from viewer.slide.formats.array import ArraySource
from viewer.slide.geometry import Rect
from viewer.slide.source import SlideInfo
from viewer.ui.panels.thumbnails import ThumbnailWorker
from viewer.ui.shell.main_window import MainWindow
from viewer.ui.shell.reader_state import ReaderState
from viewer.ui.widgets.theme import ThemeKeeper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from viewer.ui.canvas.slide_view import SlideView

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a display."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.gui)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[FakeClient]:
    """The clients that sessions make from now on, none with a worker."""
    made: list[FakeClient] = []

    def make(on_event: Callable[[object], None]) -> FakeClient:
        made.append(FakeClient(on_event))
        return made[-1]

    monkeypatch.setattr("viewer.relevance.worker.session.RelevanceClient", make)
    return made


@pytest.fixture(autouse=True)
def no_qt_work_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves a QTimer or a QThread running."""
    import shiboken6
    from PySide6.QtCore import QThread, QTimer

    started: list[weakref.ref[Any]] = []

    def recording(start: Callable[..., None]) -> Callable[..., None]:
        def record_and_start(self: Any, *args: Any) -> None:
            started.append(weakref.ref(self))
            start(self, *args)

        return record_and_start

    monkeypatch.setattr(QTimer, "start", recording(QTimer.start))
    monkeypatch.setattr(QThread, "start", recording(QThread.start))
    yield
    alive = [obj for ref in started if (obj := ref()) is not None and shiboken6.isValid(obj)]
    timers = [obj for obj in alive if isinstance(obj, QTimer) and obj.isActive()]
    threads = [obj for obj in alive if isinstance(obj, QThread) and obj.isRunning()]
    assert not timers, f"timers left running: {timers}"
    assert not threads, f"threads left running: {threads}"


@pytest.fixture
def slide_view(qtbot: QtBot) -> Iterator[SlideView]:
    """An empty slide view in a window of its own."""
    from PySide6.QtWidgets import QMainWindow

    from gpu.gl.context import drain_errors
    from viewer.common.settings import Settings
    from viewer.ui.canvas.slide_view import SlideView

    window = QMainWindow()
    view = SlideView(Settings.default())
    window.setCentralWidget(view)
    window.resize(640, 480)
    qtbot.add_widget(window)
    with qtbot.wait_exposed(window):
        window.show()
    yield view
    view.canvas.set_current()
    assert drain_errors() == []
    view.close_slide()


@pytest.fixture
def make_source() -> Callable[..., ArraySource]:
    """Makes slides in memory, with any fields of SlideInfo."""

    def make(**facts: Any) -> ArraySource:
        pixels = np.empty((SLIDE_HEIGHT, SLIDE_WIDTH, 3), np.uint8)
        pixels[...] = (228, 170, 200)
        pixels[200:600, 300:900] = (120, 70, 150)
        known: dict[str, Any] = {
            "path": Path("/slides/liver, case 12.svs"),
            "format": "Test slide",
            "reader": "array",
            "reader_reason": "It was made for a test.",
            "bounds": Rect(0, 0, SLIDE_WIDTH, SLIDE_HEIGHT),
            "file_levels": ((SLIDE_WIDTH, SLIDE_HEIGHT),),
        }
        return ArraySource(SlideInfo(**(known | facts)), pixels)

    return make


@pytest.fixture
def fake_view(qtbot: QtBot) -> FakeSlideView:
    """A view without a slide."""
    view = FakeSlideView()
    qtbot.addWidget(view)
    return view


@pytest.fixture
def open_view(fake_view: FakeSlideView, make_source: Callable[..., ArraySource]) -> FakeSlideView:
    """A view with a slide of known pixel size."""
    fake_view.show_source(make_source(mpp_um=(0.5, 0.5), objective_power=20.0))
    return fake_view


@pytest.fixture
def slide_file(tmp_path: Path) -> Path:
    """A slide file with a pixel size."""
    return write_slide(tmp_path / "slide 1.tif", mpp_um=0.5)


@pytest.fixture
def slide_folder(tmp_path: Path) -> Path:
    """A folder of three good slides, a broken one, and a file that is not a slide."""
    folder = tmp_path / "slides"
    folder.mkdir()
    for name in ("slide 2.tif", "slide 10.tif", "Slide 1.tif"):
        write_slide(folder / name, mpp_um=0.5)
    (folder / "slide 3.tif").write_bytes(b"II*\0 this is no slide")
    (folder / "notes.txt").write_text("not a slide")
    return folder


@pytest.fixture
def themes(qapp: QApplication) -> ThemeKeeper:
    return ThemeKeeper("light", qapp)


@pytest.fixture
def thumbnails(qapp: QApplication) -> Iterator[ThumbnailWorker]:
    maker = ThumbnailWorker(qapp)
    yield maker
    maker.close()


@pytest.fixture
def make_window(qtbot: QtBot, themes: ThemeKeeper) -> Iterator[Callable[[], MainWindow]]:
    """Makes windows that share the reader's state through its file, as successive starts do."""
    windows: list[MainWindow] = []

    def make() -> MainWindow:
        window = MainWindow(Settings.load(), ReaderState.load(), themes)
        windows.append(window)
        window.resize(900, 650)
        with qtbot.wait_active(window):  # keys reach only the active window
            window.show()
            window.activateWindow()  # needed without a window manager
        return window

    yield make
    for window in windows:
        window.close()
        window.deleteLater()


@pytest.fixture
def window(make_window: Callable[[], MainWindow]) -> MainWindow:
    return make_window()


@pytest.fixture
def open_in(qtbot: QtBot) -> Callable[[MainWindow, Path], None]:
    """Opens a slide and waits until it is open."""

    def open_slide(window: MainWindow, path: Path) -> None:
        with qtbot.wait_signal(window.opener.opened):
            window.open_slide(path)

    return open_slide
