"""The encoders that a reader can choose from: their cards, their terms, and problems in the lists."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from PySide6.QtCore import QFileSystemWatcher, QObject, Signal

from viewer.relevance.encoders.head_registry import heads_file
from viewer.relevance.encoders.model_registry import registry_file
from viewer.relevance.encoders.registry import listing
from viewer.ui.overlays.encoder_dialog import EncoderDialog
from viewer.ui.widgets.dialogs import show_dialog
from viewer.ui.widgets.following import Following
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from viewer.relevance.encoders.card import EncoderCard
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.widgets.messages import MessageArea


class EncoderMenu(QObject):
    """Shared by the panels that offer encoders. Problems in the lists are shown once a slide."""

    changed = Signal()
    """The lists were read again."""

    def __init__(self, slide_view: SlideView, messages: MessageArea) -> None:
        super().__init__()
        self._messages = messages
        self._panels: list[QWidget] = []
        self._shown_problems: tuple[str, ...] = ()
        # Queued: whoever draws must have noted that its layer is gone with the slide before.
        self._following = Following({}, queued={"source_changed": self._slide_changed})
        self.cards: tuple[EncoderCard, ...] = ()
        self._lists = _state_of_lists()
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(self._folder_changed)
        folder = registry_file().parent
        with contextlib.suppress(OSError):  # then the lists are read again with each slide all the same
            folder.mkdir(parents=True, exist_ok=True)
            self._watcher.addPath(str(folder))
        self.follow(slide_view)

    def follow(self, slide_view: SlideView) -> None:
        """Show problems again with each slide of another view."""
        self._view = slide_view
        self._following.follow(slide_view)

    def add_panel(self, panel: QWidget) -> None:
        """A panel that offers encoders: while one is visible the lists are read again with each slide."""
        self._panels.append(panel)

    def refresh(self) -> None:
        """Read the lists again: a panel became visible, or an analysis failed."""
        self.cards, problems = listing()
        self.changed.emit()
        for problem in problems if problems != self._shown_problems else ():
            self._messages.show_message(MessageKind.WARNING, problem)
        self._shown_problems = problems

    def card(self, encoder_id: str) -> EncoderCard | None:
        return next((card for card in self.cards if card.id == encoder_id), None)

    def show_facts(self, card: EncoderCard | None) -> None:
        """Show licence, pixel size and notes of an encoder."""
        if card is not None:
            show_dialog(EncoderDialog(card, first_use=False, parent=self._view.window()), modal=True)

    def _folder_changed(self) -> None:
        """A command may have added a model or a head; the settings lie in the same folder."""
        lists = _state_of_lists()
        if lists != self._lists and any(panel.isVisible() for panel in self._panels):
            self._lists = lists
            self.refresh()

    def _slide_changed(self) -> None:
        """Messages go with their slide, so problems are shown again."""
        self._shown_problems = ()
        if self._view.source is not None and any(panel.isVisible() for panel in self._panels):
            self.refresh()


def _state_of_lists() -> list[tuple[int, int] | None]:
    """What differs once a list was written anew."""
    files = [path if path.is_file() else None for path in (registry_file(), heads_file())]
    stats = [path.stat() if path else None for path in files]
    return [(stat.st_mtime_ns, stat.st_size) if stat else None for stat in stats]
