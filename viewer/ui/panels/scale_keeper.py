"""Keeps the pixel sizes that the reader gives to slides, and gives them back when a slide is opened again."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import takewhile
from threading import Event
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject

from viewer.common.scale import pixel_size_in_words
from viewer.slide.formats.registry import open_for_viewing, open_slide
from viewer.slide.given_scale import GivenScale, GivenScalesError, given_scale, keep_scales, kept_identities
from viewer.slide.identity import slide_identity
from viewer.slide.source import SlideError
from viewer.ui.panels import strings
from viewer.ui.panels.pixel_size_dialog import PixelSize
from viewer.ui.widgets.background_worker import BackgroundWorker
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from PySide6.QtWidgets import QWidget

    from viewer.slide.locator import Locator
    from viewer.slide.source import Source
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.panels.slide_folder import SlideFolder
    from viewer.ui.widgets.messages import MessageArea


class ScaleKeeper(QObject):
    """Reads slides and what is kept in threads of its own; ``close`` ends them."""

    def __init__(self, folder: SlideFolder, messages: MessageArea) -> None:
        super().__init__()
        self._folder, self._messages = folder, messages
        self._found: WeakKeyDictionary[Source, tuple[GivenScale | None, str]] = WeakKeyDictionary()
        """What is kept for slides that were opened, of which not all are shown, or why it cannot be read."""
        self._thread, self._folder_thread = BackgroundWorker("given-scales"), BackgroundWorker("give-scales")
        self._closed = Event()

    def open_source(self, locator: Locator) -> Source:
        """Open a slide and read what is kept for it. In the thread that opens slides; raises SlideError."""
        source = open_for_viewing(locator)
        try:
            self._found[source] = given_scale(source), ""
        except GivenScalesError as error:
            self._found[source] = None, str(error)
        return source

    def given_to(self, source: Source) -> GivenScale | None:
        """What is kept for a slide that ``open_source`` opened; None for others. Shows where it could not be
        read."""
        given, problem = self._found.get(source, (None, ""))
        if problem:
            self._messages.show_message(MessageKind.WARNING, problem)
        return given

    def dialog(self, view: SlideView, parent: QWidget, *, needed_by: str = "") -> PixelSize:
        """The dialog about a view's slide, see ``PixelSize``; what is entered there is kept."""
        dialog = PixelSize(view, parent, needed_by=needed_by)
        dialog.given.connect(partial(self._keep, view))
        return dialog

    def close(self) -> None:
        """End the threads."""
        self._closed.set()
        self._thread.close()
        self._folder_thread.close()

    def _keep(self, view: SlideView, given: GivenScale | None) -> None:
        source = view.source
        assert source is not None, "the dialog closes with its slide"

        def work() -> None:
            keep_scales({slide_identity(source): given})

        self._thread.run(work, partial(self._offer, source, given), partial(self._show_error, given))

    def _offer(self, source: Source, given: GivenScale | None, _kept: None) -> None:
        """Ask whether the other slides of the list have pixels of this size: nothing is done unasked."""
        others = [entry.path for entry in self._folder.entries if entry.path != source.info.path]
        if given is None or not others or not self._folder.contains(source.info.path):
            return
        question = strings.OFFER_SIZE_ONE if len(others) == 1 else strings.OFFER_SIZE
        text = f"{strings.SIZE_KEPT} {question}".format(size=_in_words(given), count=len(others))
        self._messages.show_message(
            MessageKind.INFORMATION,
            text,
            buttons={strings.USE_FOR_OTHERS: partial(self._give_to, others, given)},
        )

    def _give_to(self, paths: Sequence[Path], given: GivenScale) -> None:
        self._folder_thread.run(
            partial(_give_to_files, paths, given, self._closed.is_set),
            self._report_others,
            partial(self._show_error, None),
        )

    def _report_others(self, text: str) -> None:
        self._messages.show_message(MessageKind.INFORMATION, text)

    def _show_error(self, given: GivenScale | None, error: Exception) -> None:
        text = str(error) if given is None else strings.NOT_KEPT.format(size=_in_words(given), reason=error)
        self._messages.show_message(MessageKind.WARNING, text)


def _give_to_files(paths: Sequence[Path], given: GivenScale, stopped: Callable[[], bool]) -> str:
    """Keep a pixel size for the slides that have none; returns the sentences that say for how many."""
    changes: dict[str, GivenScale | None] = {}
    have_one = failed = 0
    kept = kept_identities()
    for path in takewhile(lambda _path: not stopped(), paths):
        try:
            with closing(open_slide(path)) as source:
                identity = slide_identity(source)
                if source.info.mpp_um is not None or identity in kept:
                    have_one += 1
                else:
                    changes[identity] = replace(given, overrides=False)
        except SlideError:
            failed += 1
    keep_scales(changes)
    used = len(changes)
    text = strings.GIVEN_TO_OTHERS.format(size=_in_words(given), used=used, count=len(paths))
    more = ((strings.STATE_THEIR_OWN, have_one), (strings.NOT_OPENED, failed))
    return " ".join([text, *(sentence.format(count=count) for sentence, count in more if count)])


def _in_words(given: GivenScale) -> str:
    return pixel_size_in_words(given.mpp_um, estimated=given.estimated, digits=4)
