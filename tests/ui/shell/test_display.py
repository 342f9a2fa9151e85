"""Checks for a display before Qt aborts the process; displays in memory."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from tests.messages import pattern
from viewer.ui.shell import strings
from viewer.ui.shell.display import DisplayError, VirtualDisplay, has_display, require_display

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux can the display be missing")


@pytest.fixture(autouse=True)
def no_wayland(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


def test_the_display_of_the_tests_is_usable() -> None:
    require_display()


def test_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY")
    assert not has_display()
    with pytest.raises(DisplayError, match=pattern(strings.NO_DISPLAY)):
        require_display()


def test_a_display_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":9876")
    assert has_display()
    with pytest.raises(DisplayError, match=pattern(strings.DISPLAY_UNREACHABLE, display=":9876")):
        require_display()


def test_a_platform_without_opengl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    with pytest.raises(DisplayError, match=pattern(strings.PLATFORM_WITHOUT_OPENGL, platform="offscreen")):
        require_display()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str) -> None:
        raise OSError("libxcb-cursor.so.0: cannot open shared object file: No such file or directory")

    monkeypatch.setattr("viewer.ui.shell.display.ctypes.CDLL", refuse)
    with pytest.raises(DisplayError, match=pattern(strings.LIBRARY_MISSING, library="libxcb-cursor.so.0")):
        require_display()


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")
def test_a_virtual_display_starts_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.environ["DISPLAY"]
    with VirtualDisplay(320, 200):
        inside = os.environ["DISPLAY"]
        assert inside != before
        require_display()
    assert os.environ["DISPLAY"] == before
    monkeypatch.setenv("DISPLAY", inside)
    with pytest.raises(DisplayError):
        require_display()


def test_without_xvfb_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DisplayError, match=pattern(strings.NO_XVFB)), VirtualDisplay(320, 200):
        pass


def test_an_x_server_that_does_not_start() -> None:
    with pytest.raises(DisplayError, match=pattern(strings.XVFB_NOT_STARTED)), VirtualDisplay(-1, 200):
        pass
