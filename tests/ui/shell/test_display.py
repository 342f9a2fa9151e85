"""Whether a window can be opened, asked before Qt aborts the process; and displays in memory."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from viewer.ui.shell.display import DisplayError, VirtualDisplay, has_display, require_display

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux can the display be missing")


@pytest.fixture(autouse=True)
def no_wayland(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


def test_the_display_of_the_tests_will_do() -> None:
    require_display()


def test_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY")
    assert not has_display()
    with pytest.raises(DisplayError, match="no display"):
        require_display()


def test_a_display_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":9876")
    assert has_display()
    with pytest.raises(DisplayError, match=":9876 does not answer"):
        require_display()


def test_a_platform_without_opengl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    with pytest.raises(DisplayError, match="has no OpenGL"):
        require_display()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str) -> None:
        raise OSError("libxcb-cursor.so.0: cannot open shared object file: No such file or directory")

    monkeypatch.setattr("viewer.ui.shell.display.ctypes.CDLL", refuse)
    with pytest.raises(DisplayError, match=r"libxcb-cursor\.so\.0 is missing"):
        require_display()


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")
def test_a_virtual_display_answers_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.environ["DISPLAY"]
    with VirtualDisplay(320, 200):
        inside = os.environ["DISPLAY"]
        assert inside != before
        require_display()
    assert os.environ["DISPLAY"] == before
    monkeypatch.setenv("DISPLAY", inside)
    with pytest.raises(DisplayError):
        require_display()


def test_without_xvfb_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DisplayError, match="apt-get install xvfb"), VirtualDisplay(320, 200):
        pass


def test_an_x_server_that_does_not_start() -> None:
    with pytest.raises(DisplayError, match="did not start"), VirtualDisplay(-1, 200):
        pass
