"""The fixtures that find leaks are tested too: a small run that leaks must fail, a clean one must not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LEAKY = """
import threading
import pytest

stop = threading.Event()

@pytest.fixture(scope="module", autouse=True)
def stopping():
    yield
    stop.set()

def test_leaves_a_thread():
    threading.Thread(target=stop.wait, name="forgotten").start()

def test_joins_its_thread():
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
"""
LEAKY_WINDOW = """
from PySide6.QtCore import QThread, QTimer

kept = []

def test_leaves_a_timer(qtbot):
    kept.append(QTimer())
    kept[-1].start(1000)

def test_stops_its_timer(qtbot):
    kept[-1].stop()
    timer = QTimer()
    timer.start(1000)
    timer.stop()

def test_leaves_a_qthread(qtbot):
    kept.append(QThread())
    kept[-1].start()

def test_ends_its_qthread(qtbot):
    kept[-1].quit()
    assert kept[-1].wait(2000)

def test_warns(qtbot):
    from PySide6.QtCore import qWarning
    qWarning("something is wrong")
"""


def run(folder: Path) -> str:
    """What pytest prints, one line a test, with the project's configuration."""
    shutil.copy(HERE.parent / "pyproject.toml", folder)
    options = ["-rA", "--no-header", "--no-xvfb", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(HERE.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout


def test_threads_left_running_are_found(tmp_path: Path) -> None:
    shutil.copy(HERE / "conftest.py", tmp_path)
    (tmp_path / "test_leaky.py").write_text(LEAKY)
    text = run(tmp_path)
    assert "threads left running: forgotten" in text
    assert "ERROR test_leaky.py::test_leaves_a_thread" in text
    assert "ERROR test_leaky.py::test_joins_its_thread" not in text
    assert "2 passed, 1 error" in text


@pytest.mark.gui
def test_timers_and_qthreads_left_running_and_warnings_are_found(tmp_path: Path) -> None:
    ui = tmp_path / "ui"
    ui.mkdir()
    shutil.copy(HERE / "conftest.py", tmp_path)
    shutil.copy(HERE / "ui" / "conftest.py", ui)
    (ui / "test_leaky.py").write_text(LEAKY_WINDOW)
    text = run(tmp_path)
    for leaky in ("test_leaves_a_timer", "test_leaves_a_qthread"):
        assert f"ERROR ui/test_leaky.py::{leaky}" in text
    assert "FAILED ui/test_leaky.py::test_warns" in text
    assert "1 failed, 4 passed, 2 errors" in text
