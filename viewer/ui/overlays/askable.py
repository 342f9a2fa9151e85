"""What measured concepts can be asked, by group, with limits and what cannot; a list that can be searched."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtWidgets import QDialogButtonBox, QLineEdit, QTextBrowser, QVBoxLayout, QWidget

from viewer.relevance.query.languages import load_languages
from viewer.relevance.query.lexicon import Entry, Lexicon, key_of
from viewer.relevance.query.tree import text_of
from viewer.ui.overlays import strings
from viewer.ui.widgets.dialogs import SearchDialog
from viewer.ui.widgets.theme import em_px, without_icons

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_NAMES = 12


class AskableList(QWidget):
    """A line to search in, and the entries of the lexicon that hold its words; ``can_ask``: as links."""

    asked = Signal(str)
    """A term that was pressed."""

    def __init__(self, lexicon: Lexicon, *, can_ask: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lexicon = lexicon
        self._can_ask = can_ask
        self._filter = QLineEdit(placeholderText=strings.FIND_TERM, clearButtonEnabled=True)
        self._filter.setAccessibleName(strings.FIND_TERM)
        self._filter.textChanged.connect(self._show)
        self._page = QTextBrowser()
        self._page.setAccessibleName(strings.ASKABLE)
        self._page.setOpenLinks(False)
        self._page.anchorClicked.connect(self._press)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._filter)
        layout.addWidget(self._page, 1)
        self.setFocusProxy(self._filter)
        self._show("")

    @property
    def text(self) -> str:
        """What is listed, as plain text."""
        return self._page.toPlainText()

    def _show(self, words: str) -> None:
        entries = _holding(self._lexicon, words)
        self._page.setHtml(_html(entries, self._lexicon.problems, links=self._can_ask))

    def _press(self, link: QUrl) -> None:
        self.asked.emit(link.path())


class AskableDialog(SearchDialog):
    """The list in a window of its own, beside the panel."""

    asked = Signal(str)

    def __init__(self, lexicon: Lexicon, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(strings.ASKABLE)
        askable = AskableList(lexicon, can_ask=True)
        askable.asked.connect(self.asked)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        without_icons(buttons.buttons())
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(askable, 1)
        layout.addWidget(buttons)
        askable.setFocus(Qt.FocusReason.OtherFocusReason)
        self.resize(em_px(34), em_px(38))


def _holding(lexicon: Lexicon, words: str) -> list[Entry]:
    """The entries of which a name holds these words, or begins so in another language; all without any."""
    wanted = key_of(words, whole_words=False)
    if not wanted:
        return list(lexicon.entries)
    found = {lexicon.find(name) for language in lexicon.languages for name in language.begins(words)}
    return [
        entry
        for entry in lexicon.entries
        if entry in found or any(wanted in key_of(name, whole_words=False) for name in entry.names)
    ]


def _html(entries: Sequence[Entry], problems: Sequence[str], *, links: bool) -> str:
    languages = [language.name for language in load_languages()]
    how = strings.ASKABLE_HOW.format(languages=", ".join(languages[:-1]), last=languages[-1])
    parts = [f"<p>{escape(how)}</p>"]
    for group, members in groupby(entries, lambda entry: entry.group):
        parts.append(f"<h3>{escape(group)}</h3>")
        in_group = list(members)
        parts += [_line(entry, link=links) for entry in in_group if entry.measurable]
        parts += [_line(entry, link=False) for entry in in_group if not entry.measurable]
    parts += [f"<p>{escape(strings.PROBLEM.format(problem=problem))}</p>" for problem in problems]
    if not entries:
        parts = [f"<p>{escape(strings.NO_SUCH_TERM)}</p>"]
    return "".join(parts)


def _line(entry: Entry, *, link: bool) -> str:
    first, *others = entry.names
    more = ", ".join(others[:_MOST_NAMES]) + ("…" if len(others) > _MOST_NAMES else "")
    names = f"<b>{escape(first)}</b>"
    if link:
        names = f'<a href="{escape(first, quote=True)}">{names}</a>'
    limits = strings.LIMITS.format(limits=entry.limits) if entry.limits else ""
    if entry.rule is not None:
        rule = text_of(entry.rule)
        limits = strings.COMPOSED.format(rule=rule, meaning=entry.meaning, limits=entry.limits)
    refused = strings.PART_MISSING if entry.meaning else strings.NOT_MEASURABLE
    ranked = dict.fromkeys(strings.READ_BY.format(ranked=one) for _, one in entry.ranked)
    notes = [limits if entry.measurable else refused.format(why=entry.why), *ranked]
    note = escape(" ".join(filter(None, notes)))
    also = f" · {escape(more)}" if more else ""
    return f"<p>{names}{also}<br><i>{note}</i></p>" if note else f"<p>{names}{also}</p>"
