"""Start and end of the application: uncaught errors, signals, missing displays, the demo."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QImage

from tests.messages import pattern
from viewer.common.settings import Settings, settings_path
from viewer.slide.source import SlideError
from viewer.ui.shell import app, strings
from viewer.ui.shell.app import (
    closed_by_signals,
    fill_most_of_screen,
    load_settings,
    uncaught_errors_shown,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

TIMEOUT_S = 60


def start(code: str, **environment: str | None) -> subprocess.Popen[str]:
    """Python code in a process of its own; None takes a variable away."""
    variables = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_an_uncaught_error_is_shown_in_the_window(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: before.append(error))
    with uncaught_errors_shown(window):
        error = ZeroDivisionError("by accident")
        sys.excepthook(ZeroDivisionError, error, None)
        qtbot.wait_until(lambda: bool(window.messages.messages))
        text = strings.UNEXPECTED_ERROR.format(kind="ZeroDivisionError", error="by accident")
        assert window.messages.messages[0].text == text
    assert before == [(ZeroDivisionError, error, None)]


def test_an_error_in_a_thread_is_shown_in_the_window(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: list[object] = []
    monkeypatch.setattr(threading, "excepthook", before.append)
    with uncaught_errors_shown(window):
        thread = threading.Thread(target=[].pop)
        thread.start()
        thread.join()
        qtbot.wait_until(lambda: bool(window.messages.messages))
    text = strings.UNEXPECTED_ERROR.format(kind="IndexError", error="pop from empty list")
    assert window.messages.messages[0].text == text
    assert len(before) == 1


def test_an_error_in_a_slot_is_shown_in_the_window(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    with uncaught_errors_shown(window):
        QTimer.singleShot(0, lambda: raised(ZeroDivisionError("in a slot")))
        qtbot.wait_until(lambda: bool(window.messages.messages))
        text = strings.UNEXPECTED_ERROR.format(kind="ZeroDivisionError", error="in a slot")
        assert window.messages.messages[0].text == text
        QTimer.singleShot(0, lambda: raised(SlideError("a.svs", "it is empty")))
        qtbot.wait_until(lambda: len(window.messages.messages) == 2)
    assert "a.svs: it is empty" in {message.text for message in window.messages.messages}


def raised(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_window(qtbot: QtBot, window: MainWindow, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with closed_by_signals(window):
        os.kill(os.getpid(), number)
        qtbot.wait_until(lambda: not window.isVisible())
    assert signal.getsignal(number) == before


def test_wrong_settings_are_reported_and_the_defaults_used() -> None:
    settings_path().parent.mkdir(parents=True)
    written = '# by hand\n[display]\ntheme = "pink"\n'
    settings_path().write_text(written)
    settings, problem = load_settings()
    assert settings == Settings.default()
    kept = settings_path().with_name("settings.toml.refused")
    said = f"{pattern(strings.DEFAULT_SETTINGS_USED)}. {pattern(strings.SETTINGS_KEPT, path=kept)}"
    assert re.fullmatch(said, problem)
    assert "theme must be one of" in problem
    settings.save()
    assert kept.read_text() == written, "saving loses nothing that was written by hand"
    settings_path().unlink()
    assert load_settings() == (Settings.default(), "")


def test_the_window_gets_most_of_the_screen(window: MainWindow) -> None:
    fill_most_of_screen(window)
    available = window.screen().availableGeometry()
    assert available.contains(window.geometry())
    assert window.width() > 0.8 * available.width()


def test_a_window_on_a_small_screen_is_maximised(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "SMALL_SCREEN_EM", (10_000, 10_000))
    fill_most_of_screen(window)
    assert window.isMaximized()
    assert window.screen().availableGeometry().contains(window.geometry())


def test_without_a_display_one_line_reports_it() -> None:
    process = start(
        "import sys; from viewer.cli.main import main; sys.exit(main([]))", DISPLAY=None, WAYLAND_DISPLAY=None
    )
    output, error = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    assert output == ""
    assert error == f"foveola: {strings.NO_DISPLAY}\n"


def test_the_application_runs_and_ends_quietly_at_a_signal(slide_file: Path, own_folders: Path) -> None:
    process = start(f"import sys; from viewer.cli.main import main; sys.exit(main([{str(slide_file)!r}]))")
    state = own_folders / "state" / "reader.json"
    deadline = time.monotonic() + TIMEOUT_S
    while not state.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    _, error = process.communicate(timeout=TIMEOUT_S)
    assert error == ""
    assert process.returncode == 0
    assert slide_file.name in state.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="virtual displays are made on Linux only")
def test_the_demo_without_a_display_leaves_a_picture_of_the_slide(tmp_path: Path) -> None:
    picture = tmp_path / "demo.png"
    code = f"""
from pathlib import Path
from viewer.ui.shell import demo
demo.DEMO_SIZE_PX = 1024
raise SystemExit(demo.run_demo(screenshot=Path({str(picture)!r})))
"""
    process = start(code, DISPLAY=None, WAYLAND_DISPLAY=None)
    output, error = process.communicate(timeout=2 * TIMEOUT_S)
    assert (process.returncode, error) == (0, "")
    assert str(picture) in output
    image = QImage(str(picture))
    assert (image.width(), image.height()) == (1440, 900)
    middle = {image.pixelColor(400 + 10 * i, 200 + 10 * j).rgb() for i in range(30) for j in range(30)}
    assert len(middle) > 100  # tissue, not an empty canvas


@pytest.mark.skipif(sys.platform != "linux", reason="the ways to be without OpenGL here are Mesa's and X11's")
@pytest.mark.parametrize(
    ("without", "message"),
    [
        ({"QT_XCB_GL_INTEGRATION": "none"}, strings.NO_OPENGL.format(advice=strings.OPENGL_ADVICE)),
        (
            {"MESA_GL_VERSION_OVERRIDE": "2.1"},
            strings.OPENGL_TOO_OLD.format(version="2.1", needed="3.3", advice=strings.OPENGL_ADVICE),
        ),
    ],
)
def test_a_display_without_opengl_gives_one_clear_error(without: dict[str, str], message: str) -> None:
    code = "from viewer.ui.shell.app import application\nwith application(): pass"
    process = start(code, QT_QPA_PLATFORM="xcb", **without)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    assert f"GraphicsError: {message}" in errors


def test_messages_of_qt_are_logged(own_folders: Path) -> None:
    code = (
        "from PySide6.QtCore import qWarning\n"
        "from viewer.ui.shell.app import application\n"
        "with application(): qWarning('a word from Qt')"
    )
    process = start(code)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert "a word from Qt" in errors
    assert "WARNING foveola.qt: a word from Qt" in (own_folders / "log" / "foveola.log").read_text()
