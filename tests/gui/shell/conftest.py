"""Small slide files, and the window that opens them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from viewer.settings import Settings
from viewer.state import ReaderState
from viewer.ui.main_window import MainWindow
from viewer.ui.portraits import PortraitMaker
from viewer.ui.theme import ThemeKeeper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

SLIDE_PX = (700, 500)


def write_slide(
    path: Path, *, mpp_um: float | None = None, colour: tuple[int, int, int] = (190, 90, 140)
) -> Path:
    """A tiled TIFF of 700 × 500 px in one colour, with a pixel size if one is given."""
    pixels = np.full((SLIDE_PX[1], SLIDE_PX[0], 3), colour, np.uint8)
    resolution = {} if mpp_um is None else {"resolution": (1e4 / mpp_um, 1e4 / mpp_um), "resolutionunit": 3}
    tifffile.imwrite(path, pixels, tile=(256, 256), photometric="rgb", compression="deflate", **resolution)
    return path


@pytest.fixture
def slide_file(tmp_path: Path) -> Path:
    """A slide that states its pixel size."""
    return write_slide(tmp_path / "slide 1.tif", mpp_um=0.5)


@pytest.fixture
def slide_folder(tmp_path: Path) -> Path:
    """Three good slides, a broken one among them, and a file that is none."""
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
def portraits(qapp: QApplication) -> Iterator[PortraitMaker]:
    maker = PortraitMaker(qapp)
    yield maker
    maker.close()


@pytest.fixture
def make_window(qtbot: QtBot, themes: ThemeKeeper) -> Iterator[Callable[[], MainWindow]]:
    """Makes windows that share the reader's state through its file, as one start after another does."""
    windows: list[MainWindow] = []

    def make() -> MainWindow:
        window = MainWindow(Settings.load(), ReaderState.load(), themes)
        windows.append(window)
        window.resize(900, 650)
        with qtbot.wait_active(window):  # keys reach only the active window, which without a window manager
            window.show()  # becomes so only when asked
            window.activateWindow()
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
    """Opens a slide and waits until it is there."""

    def open_slide(window: MainWindow, path: Path) -> None:
        with qtbot.wait_signal(window.opener.opened):
            window.open_slide(path)

    return open_slide
