"""``foveola demo``: opens a procedural slide, made once, in the window, with or without a display."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from viewer.common.paths import cache_dir
from viewer.common.progress import progress_bar
from viewer.ui.shell import strings
from viewer.ui.shell.app import application
from viewer.ui.shell.display import DisplayError, VirtualDisplay, has_display

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

    from viewer.ui.shell.main_window import MainWindow
    from viewer.ui.shell.slide_opener import Progress

DEMO_SIZE_PX = 16_384
DEMO_SEED = 1
SCREEN_PX = (1440, 900)
TIMEOUT_MS = 300_000
"""For the window on the virtual display, the making of the slide included."""
SETTLE_MS = 700
"""From all sharp to the picture: panels repaint later than the slide."""


def run_demo(*, screenshot: Path | None = None) -> int:
    """Make the demo slide, once, and open it in the window. Returns the exit status.

    Without a display the window opens on a virtual one, saves its picture as ``screenshot`` (None: a file in
    the cache folder), and closes. Raises DisplayError where there is neither, or the slide is not shown.
    """
    if has_display():
        from viewer.ui.widgets.messages import MessageKind

        with application() as (app, window):
            open_demo(window)
            window.messages.show_message(
                MessageKind.INFORMATION,
                strings.DEMO_CASE,
                buttons={
                    strings.READ_DEMO: partial(window.review.offer_case, strings.DEMO_TITLE, demo_slide())
                },
                stays=True,
            )
            return int(app.exec())
    target = screenshot or cache_dir() / "demo-window.png"
    with VirtualDisplay(*SCREEN_PX), application() as (app, window):
        show_and_capture(app, window, target)
    sys.stdout.write(f"{strings.DEMO_PICTURE.format(path=target)}\n")
    return 0


def open_demo(window: MainWindow) -> None:
    """Open the demo slide, made first where it does not exist; the window shows the progress."""
    window.open_slide(demo_slide(), prepare=make_slide)


def demo_slide() -> Path:
    """The file of the demo slide; it may not exist yet."""
    return cache_dir() / f"demo-{DEMO_SIZE_PX}-{DEMO_SEED}.tif"


def make_slide(path: Path, progress: Progress) -> None:
    """Write the demo slide where it does not exist."""
    from viewer.slide.phantom.slide import write_phantom

    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_phantom(path, size_px=DEMO_SIZE_PX, seed=DEMO_SEED, progress=progress)


def show_and_capture(app: QApplication, window: MainWindow, target: Path) -> None:
    """Open the demo slide, wait until it is sharp, and save a picture of the screen. Raises DisplayError."""
    from PySide6.QtCore import QTimer

    def sharp(is_sharp: bool) -> None:
        if is_sharp:
            settle.start()
        else:
            settle.stop()

    settle = QTimer(singleShot=True, interval=SETTLE_MS)
    settle.timeout.connect(lambda: app.exit(0))
    window.view.sharp_changed.connect(sharp)
    window.opener.failed.connect(lambda _path, _reason: app.exit(1))
    QTimer.singleShot(TIMEOUT_MS, app, lambda: app.exit(2))
    window.setGeometry(app.primaryScreen().geometry())
    with progress_bar(strings.DEMO_PROGRESS) as show:
        window.opener.progressed.connect(lambda share: show(share, 1.0))
        open_demo(window)
        status = app.exec()
    settle.stop()
    if status:
        reason = "; ".join(bar.text for bar in window.messages.messages) or strings.DEMO_TIMED_OUT
        raise DisplayError(strings.DEMO_FAILED.format(reason=reason))
    save_picture(app, target)


def save_picture(app: QApplication, target: Path) -> None:
    """Save the screen as a PNG. Raises SaveError."""
    from PySide6.QtCore import QBuffer, QByteArray, QIODevice

    from viewer.common.atomic_write import save_atomically

    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    app.primaryScreen().grabWindow(0).save(buffer, "PNG")
    save_atomically(target, bytes(data.data()))
