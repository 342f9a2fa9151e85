"""Messages inside the window, above the slide: their kind shown by icon and word, dismissed by a click."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.widgets import strings
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QResizeEvent

    from viewer.ui.widgets.theme import ThemeKeeper

MAX_MESSAGES = 3
_LEAST_WIDTH_EM, _TEXT_WIDTH_EM = 8.0, 14.0
SHOW_PROGRESS_AFTER_MS = 200
"""A quicker opening shows no progress bar, which would only flash."""


class MessageKind(Enum):
    """How serious a message is: the name of its icon and of its colours."""

    INFORMATION = "information"
    WARNING = "warning"
    ERROR = "error"

    @property
    def label(self) -> str:
        """The kind as a word for the reader."""
        return strings.MESSAGE_KINDS[self.value]


class MessageBar(QFrame):
    """One message with its buttons."""

    closed = Signal(object)

    def __init__(
        self, kind: MessageKind, text: str, themes: ThemeKeeper, parent: QWidget, *, stays: bool
    ) -> None:
        super().__init__(parent)
        self.kind = kind
        self.text = text
        self.stays = stays
        self.setObjectName("message")
        self.setProperty("kind", kind.value)
        self.setAccessibleName(strings.MESSAGE_NAME.format(kind=kind.label, text=text))
        self._themes = themes
        self._icon = QLabel()
        self._icon.setAccessibleName(kind.label)
        self._label = QLabel(text, wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(
            self._label.textInteractionFlags() | self._label.textInteractionFlags().TextSelectableByMouse
        )
        self._label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        text_row = QHBoxLayout()
        text_row.addWidget(self._icon)
        text_row.addWidget(self._label, 1)
        self._buttons = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        margin = em_px(0.4)
        self._layout.setContentsMargins(2 * margin, margin, margin, margin)
        self._layout.addLayout(text_row, 1)
        self._layout.addLayout(self._buttons)
        self._close = self.add_button(strings.DISMISS, self.dismiss)
        themes.changed.connect(self._draw_icon)
        self._draw_icon()

    def add_button(self, text: str, call: Callable[[], None]) -> QPushButton:
        """A button before the last one. Pressing it also dismisses the message."""
        button = QPushButton(text)
        button.setToolTip(strings.MESSAGE_BUTTON_TOOLTIP.format(button=text, kind=self.kind.label.lower()))
        button.setAccessibleName(text)
        button.clicked.connect(self.dismiss)
        if call != self.dismiss:
            button.clicked.connect(lambda _checked: call())
        self._buttons.insertWidget(max(0, self._buttons.count() - 1), button)
        return button

    def minimumSizeHint(self) -> QSize:
        """Narrower than text and buttons beside each other: they may be below each other."""
        return QSize(em_px(_LEAST_WIDTH_EM), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the buttons below the text where it would get little room beside them."""
        super().resizeEvent(event)
        buttons_px = sum(button.sizeHint().width() for button in self.findChildren(QPushButton))
        for layout, text_em in (self._layout, _TEXT_WIDTH_EM), (self._buttons, 2):
            beside = self.width() >= buttons_px + em_px(text_em)
            directions = QBoxLayout.Direction
            layout.setDirection(directions.LeftToRight if beside else directions.TopToBottom)

    def dismiss(self) -> None:
        """Remove the message."""
        self.closed.emit(self)

    def _draw_icon(self) -> None:
        self._icon.setPixmap(self._themes.pixmap(self.kind.value, f"{self.kind.value}_text", em_px(1.4)))


class OpeningBar(QFrame):
    """The progress of an opening, with Cancel. Shown only after ``SHOW_PROGRESS_AFTER_MS``."""

    cancel_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("opening")
        self._label = QLabel()
        self._progress = QProgressBar(textVisible=False)
        self._progress.setAccessibleName(strings.OPENING_PROGRESS)
        self._progress.setFixedWidth(em_px(12))
        self._cancel = QPushButton(strings.CANCEL)
        self._cancel.setToolTip(strings.CANCEL_TOOLTIP)
        self._cancel.clicked.connect(self.cancel_pressed)
        layout = QHBoxLayout(self)
        margin = em_px(0.4)
        layout.setContentsMargins(2 * margin, margin, margin, margin)
        layout.addWidget(self._label, 1)
        layout.addWidget(self._progress)
        layout.addWidget(self._cancel)
        self._delay = QTimer(self, singleShot=True, interval=SHOW_PROGRESS_AFTER_MS)
        self._delay.timeout.connect(self.show)
        self.hide()

    def begin(self, name: str) -> None:
        """Start the delay after which the progress of opening ``name`` is shown."""
        self._label.setText(strings.OPENING.format(name=name))
        self.setAccessibleName(self._label.text())
        self._progress.setRange(0, 0)
        self._delay.start()

    def set_progress(self, share: float) -> None:
        """Show how much is done, 0 to 1."""
        self._progress.setRange(0, 1000)
        self._progress.setValue(round(share * 1000))

    def end(self) -> None:
        """Hide the progress: the slide is open, or the opening failed or was cancelled."""
        self._delay.stop()
        self._progress.setRange(0, 1000)  # a busy bar that is hidden would go on animating
        self.hide()


class MessageArea(QWidget):
    """The newest messages, at most three, and the progress of an opening."""

    def __init__(self, themes: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self._bars: list[MessageBar] = []
        self.opening = OpeningBar(self)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addWidget(self.opening)

    @property
    def messages(self) -> list[MessageBar]:
        """The messages that are shown, oldest first."""
        return list(self._bars)

    def show_message(
        self,
        kind: MessageKind,
        text: str,
        *,
        buttons: dict[str, Callable[[], None]] | None = None,
        stays: bool = False,
    ) -> MessageBar:
        """Show a message until it is dismissed. The same message replaces itself; the oldest makes room.
        ``stays``: it is not about the slide, and opening another leaves it."""
        for bar in [bar for bar in self._bars if (bar.kind, bar.text) == (kind, text)]:
            self._remove(bar)
        while len(self._bars) >= MAX_MESSAGES:
            self._remove(self._bars[0])
        bar = MessageBar(kind, text, self._themes, self, stays=stays)
        for label, call in (buttons or {}).items():
            bar.add_button(label, call)
        bar.closed.connect(self._remove)
        self._bars.append(bar)
        self._layout.addWidget(bar)
        bar.show()
        event = QAccessibleEvent(bar, QAccessible.Event.Alert)
        QAccessible.updateAccessibility(event)
        return bar

    def clear(self) -> None:
        """Remove the messages about the slide."""
        for bar in self.messages:
            if not bar.stays:
                self._remove(bar)

    def _remove(self, bar: MessageBar) -> None:
        if bar in self._bars:
            self._bars.remove(bar)
            self._layout.removeWidget(bar)
            bar.hide()
            bar.deleteLater()
