"""What every window test stands on: marked ``gui``, and no QTimer or QThread may be left running."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from viewer.ui.slide_view import SlideView

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a display."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.gui)


@pytest.fixture(autouse=True)
def no_qt_work_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that leaves a QTimer ticking or a QThread running fails."""
    import shiboken6
    from PySide6.QtCore import QThread, QTimer

    started: list[weakref.ref[Any]] = []

    def remembering(start: Callable[..., None]) -> Callable[..., None]:
        def remembered(self: Any, *args: Any) -> None:
            started.append(weakref.ref(self))
            start(self, *args)

        return remembered

    monkeypatch.setattr(QTimer, "start", remembering(QTimer.start))
    monkeypatch.setattr(QThread, "start", remembering(QThread.start))
    yield
    alive = [thing for ref in started if (thing := ref()) is not None and shiboken6.isValid(thing)]
    timers = [thing for thing in alive if isinstance(thing, QTimer) and thing.isActive()]
    threads = [thing for thing in alive if isinstance(thing, QThread) and thing.isRunning()]
    assert not timers, f"timers left ticking: {timers}"
    assert not threads, f"threads left running: {threads}"


@pytest.fixture
def slide_view(qtbot: QtBot) -> Iterator[SlideView]:
    """An empty slide view in a window of its own."""
    from PySide6.QtWidgets import QMainWindow

    from gpu.context import drain_errors
    from viewer.settings import Settings
    from viewer.ui.slide_view import SlideView

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
