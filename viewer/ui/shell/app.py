"""Start and end of the window: environment, application, theme, log, uncaught errors, signals.

PyOpenGL and Qt read the environment when they are first imported, so everything that imports them is imported
inside the functions here, after ``prepare``.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
from contextlib import contextmanager
from functools import partial
from logging import CRITICAL, DEBUG, ERROR, INFO, WARNING
from typing import TYPE_CHECKING

from gpu.gl.context import prepare_egl_environment
from viewer.common.errors import FoveolaError
from viewer.common.log import Logging, logger
from viewer.common.settings import Settings, SettingsError
from viewer.ui.shell import strings
from viewer.ui.shell.display import require_display

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType, TracebackType

    from PySide6.QtWidgets import QApplication

    from viewer.slide.locator import Locator
    from viewer.ui.shell.main_window import MainWindow

log = logger("ui")

WINDOW_SHARE_OF_SCREEN = 0.9
SMALL_SCREEN_EM = 80, 50
"""A screen that is less wide or high than so many times the font is filled."""


def run(places: Sequence[Locator], *, settings: Settings | None = None) -> int:
    """Open the window with slides, or folders of slides, and run until it is closed. Returns the exit status.

    Raises DisplayError where no window can be opened.
    """
    from viewer.ui.shell.display import GraphicsError

    try:
        with application(settings) as (app, window):
            window.open_paths(places)
            return int(app.exec())
    except GraphicsError as error:
        _show_start_error(str(error))
        raise


@contextmanager
def application(settings: Settings | None = None) -> Iterator[tuple[QApplication, MainWindow]]:
    """An application with its window on the screen; on leaving, the window is closed and Qt shut down."""
    require_display()
    prepare_egl_environment()
    import OpenGL

    OpenGL.ERROR_CHECKING = False  # doubles the calls to the driver; on in tests
    from PySide6.QtWidgets import QApplication

    from viewer.ui.shell.display import require_opengl

    logging = Logging()
    logging.start()
    app = QApplication(sys.argv[:1])
    app.setApplicationName("foveola")
    app.setApplicationDisplayName(strings.APPLICATION)
    app.setDesktopFileName("foveola")
    try:
        require_opengl()
        with _window(app, settings, logging) as window:
            yield app, window
    finally:
        app.shutdown()
        logging.stop()


@contextmanager
def _window(app: QApplication, settings: Settings | None, logging: Logging) -> Iterator[MainWindow]:
    """The window on the screen; on leaving it is closed."""
    from viewer.ui.shell.main_window import MainWindow
    from viewer.ui.shell.persistence import restore_layout
    from viewer.ui.shell.reader_state import ReaderState
    from viewer.ui.widgets.messages import MessageKind
    from viewer.ui.widgets.theme import ThemeKeeper

    settings, problem = (settings, "") if settings is not None else load_settings()
    display = settings.display
    themes = ThemeKeeper(display.theme, app, font_percent=display.font_percent)
    window = MainWindow(settings, ReaderState.load(), themes, logging=logging)
    if problem:
        window.messages.show_message(MessageKind.WARNING, problem, stays=True)
    if not restore_layout(window):
        fill_most_of_screen(window)
    try:
        with qt_messages_logged(), uncaught_errors_shown(window), closed_by_signals(window):
            window.show()
            window.activateWindow()  # needed without a window manager, as on a virtual display
            yield window
    finally:
        window.close()
        window.deleteLater()
        app.sendPostedEvents()
        app.processEvents()


def _show_start_error(reason: str) -> None:
    """Show a message box, which needs no OpenGL, for a start without a terminal."""
    from PySide6.QtWidgets import QApplication, QMessageBox

    app = QApplication(sys.argv[:1])
    box = QMessageBox(
        QMessageBox.Icon.Critical, strings.APPLICATION, strings.CANNOT_START.format(reason=reason)
    )
    box.exec()
    del box
    app.shutdown()


@contextmanager
def qt_messages_logged() -> Iterator[None]:
    """Write Qt's messages to the log, and pass them on to the handler before it, such as vispy's."""
    from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

    levels = {
        QtMsgType.QtDebugMsg: DEBUG,
        QtMsgType.QtInfoMsg: INFO,
        QtMsgType.QtWarningMsg: WARNING,
        QtMsgType.QtCriticalMsg: ERROR,
        QtMsgType.QtFatalMsg: CRITICAL,
    }
    qt_log = logger("qt")

    def handle(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        qt_log.log(levels[kind], "%s", text)
        if before is not None:
            before(kind, context, text)
        elif kind not in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg):
            sys.stderr.write(f"{text}\n")

    before = qInstallMessageHandler(handle)
    try:
        yield
    finally:
        qInstallMessageHandler(before)


def load_settings() -> tuple[Settings, str]:
    """The reader's settings and ""; where the file cannot be used, the defaults and a sentence about it."""
    try:
        return Settings.load(), ""
    except SettingsError as error:
        log.warning("settings not used: %s", error)
        problem = strings.DEFAULT_SETTINGS_USED.format(error=error)
        kept = Settings.keep_refused()
        if kept is not None:
            problem = f"{problem}. {strings.SETTINGS_KEPT.format(path=kept)}"
        return Settings.default(), problem


def fill_most_of_screen(window: MainWindow) -> None:
    """Size the window to most of its screen, and centre it; maximise it on a small one, where its frame would
    reach beyond the screen."""
    from PySide6.QtCore import Qt

    from viewer.ui.widgets.theme import em_px

    available = window.screen().availableGeometry()
    width_em, height_em = SMALL_SCREEN_EM
    small = available.width() < em_px(width_em) or available.height() < em_px(height_em)
    window.resize(available.size() * (1 if small else WINDOW_SHARE_OF_SCREEN))
    window.move(available.center() - window.rect().center())
    if small:
        window.setWindowState(window.windowState() | Qt.WindowState.WindowMaximized)


@contextmanager
def uncaught_errors_shown(window: MainWindow) -> Iterator[None]:
    """Show uncaught errors in the window, which stays usable; they are logged as before."""
    from viewer.ui.widgets.gui_thread import GuiThreadQueue
    from viewer.ui.widgets.messages import MessageKind

    gui_queue = GuiThreadQueue()
    copy = window.actions_["diagnostics"]
    buttons = {copy.text(): copy.trigger}
    before, before_in_thread = sys.excepthook, threading.excepthook

    def show(error: BaseException | None) -> None:
        text = str(error)
        if not isinstance(error, FoveolaError):
            text = strings.UNEXPECTED_ERROR.format(kind=type(error).__name__, error=error)
        gui_queue.post(
            partial(window.messages.show_message, MessageKind.ERROR, text, buttons=buttons, stays=True)
        )

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before(kind, error, trace)
        show(error)

    def hook_in_thread(args: threading.ExceptHookArgs) -> None:
        before_in_thread(args)
        show(args.exc_value)

    sys.excepthook, threading.excepthook = hook, hook_in_thread
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = before, before_in_thread
        gui_queue.close()


@contextmanager
def closed_by_signals(window: MainWindow) -> Iterator[None]:
    """Close the window at SIGINT and SIGTERM as its close button does.

    Python runs signal handlers between its own instructions only, of which an idle Qt loop executes none, and
    a handler that closed the window could do so in the middle of a frame. The interpreter also writes every
    signal to a socket; Qt watches it and closes the window from its event loop.
    """
    from PySide6.QtCore import QSocketNotifier

    receiver, sender = socket.socketpair()
    receiver.setblocking(False)
    sender.setblocking(False)
    notifier = QSocketNotifier(receiver.fileno(), QSocketNotifier.Type.Read)

    def close() -> None:
        receiver.recv(64)
        window.close()

    notifier.activated.connect(close)
    old_fd = signal.set_wakeup_fd(sender.fileno())
    old = {number: signal.signal(number, _leave_to_socket) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(old_fd)
        notifier.setEnabled(False)
        receiver.close()
        sender.close()


def _leave_to_socket(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: without a handler the signal would end the process."""
