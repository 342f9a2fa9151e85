"""Keeps the pixel sizes that the reader gives to slides, and gives them back when a slide is opened again."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from threading import Event
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject

from viewer.common.scale import pixel_size_in_words
from viewer.slide.formats.registry import open_for_viewing, open_slide
from viewer.slide.given_scale import GivenScale, GivenScalesError, given_scale, keep_scales, kept_scales
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
    from viewer.ui.widgets.messages import MessageArea, MessageBar


@dataclass(frozen=True, slots=True)
class _Others:
    """The other slides of a list: ``takers``, by ``slide_identity``, have no pixel size, or one that the list
    was given; ``have_one`` and ``failed`` count the rest.
    """

    takers: tuple[str, ...]
    have_one: int
    failed: int


class ScaleKeeper(QObject):
    """Reads slides and what is kept in threads of its own; ``close`` ends them."""

    def __init__(self, folder: SlideFolder, messages: MessageArea) -> None:
        super().__init__()
        self._folder, self._messages = folder, messages
        self._found: WeakKeyDictionary[Source, tuple[GivenScale | None, str]] = WeakKeyDictionary()
        """What is kept for slides that were opened, of which not all are shown, or why it cannot be read."""
        self._thread, self._folder_thread = BackgroundWorker("given-scales"), BackgroundWorker("give-scales")
        self._closed = Event()
        self._offer_bar: MessageBar | None = None
        self._newest = 0
        """Counts what the reader gave: an offer about anything older is void."""

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
        self._withdraw_offer()

        def work() -> None:
            keep_scales({slide_identity(source): given})

        offer = partial(self._find_others, self._newest, source, given)
        self._thread.run(work, offer, partial(self._show_error, given))

    def _withdraw_offer(self) -> None:
        """Take away the offer of an older size, also one that is still being counted."""
        self._newest += 1
        if self._offer_bar in self._messages.messages:
            self._offer_bar.dismiss()
        self._offer_bar = None

    def _find_others(self, number: int, source: Source, given: GivenScale | None, _kept: None) -> None:
        """Count the other slides of the list that would take this size."""
        paths = [entry.path for entry in self._folder.entries if entry.path != source.info.path]
        if given is None or number != self._newest or not self._folder.contains(source.info.path):
            return
        self._folder_thread.run(
            partial(_others, paths, given, lambda: self._closed.is_set() or number != self._newest),
            partial(self._offer, number, given),
            partial(self._show_error, None),
        )

    def _offer(self, number: int, given: GivenScale, others: _Others) -> None:
        """Ask whether those slides have pixels of this size: nothing is done unasked."""
        count = len(others.takers)
        if not count or number != self._newest:
            return
        question = strings.OFFER_SIZE_ONE if count == 1 else strings.OFFER_SIZE
        text = f"{strings.SIZE_KEPT} {question}".format(size=_in_words(given), count=count)
        self._offer_bar = self._messages.show_message(
            MessageKind.INFORMATION,
            text,
            buttons={strings.USE_FOR_OTHERS: partial(self._give_to, others, given)},
        )

    def _give_to(self, others: _Others, given: GivenScale) -> None:
        self._folder_thread.run(
            partial(_give_to_others, others, given), self._report_others, partial(self._show_error, None)
        )

    def _report_others(self, text: str) -> None:
        self._messages.show_message(MessageKind.INFORMATION, text)

    def _show_error(self, given: GivenScale | None, error: Exception) -> None:
        text = str(error) if given is None else strings.NOT_KEPT.format(size=_in_words(given), reason=error)
        self._messages.show_message(MessageKind.WARNING, text)


def _others(paths: Sequence[Path], given: GivenScale, stopped: Callable[[], bool]) -> _Others:
    """Which slides would take a pixel size. Reads each until ``stopped``. Raises GivenScalesError."""
    takers: list[str] = []
    have_one = failed = 0
    kept = kept_scales()
    for path in takewhile(lambda _path: not stopped(), paths):
        try:
            with closing(open_slide(path)) as source:
                identity = slide_identity(source)
                if source.info.mpp_um is None and _takes(kept.get(identity), given):
                    takers.append(identity)
                else:
                    have_one += 1
        except SlideError:
            failed += 1
    return _Others(tuple(takers), have_one, failed)


def _takes(kept: GivenScale | None, given: GivenScale) -> bool:
    """Whether a slide that this is kept for takes a size with its list: not where it was given its own."""
    return kept is None or (kept.for_list and kept.mpp_um != given.mpp_um)


def _give_to_others(others: _Others, given: GivenScale) -> str:
    """Keep a pixel size for the slides that still take it; returns the sentences that say for how many.

    Raises GivenScalesError, SaveError.
    """
    kept = kept_scales()
    takers = [identity for identity in others.takers if _takes(kept.get(identity), given)]
    keep_scales(dict.fromkeys(takers, replace(given, overrides=False, for_list=True)))
    have_one = others.have_one + len(others.takers) - len(takers)
    count = len(takers) + have_one + others.failed
    text = strings.GIVEN_TO_OTHERS.format(size=_in_words(given), used=len(takers), count=count)
    more = ((strings.STATE_THEIR_OWN, have_one), (strings.NOT_OPENED, others.failed))
    return " ".join([text, *(sentence.format(count=count) for sentence, count in more if count)])


def _in_words(given: GivenScale) -> str:
    return pixel_size_in_words(given.mpp_um, estimated=given.estimated, digits=4)
