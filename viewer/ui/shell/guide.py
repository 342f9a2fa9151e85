"""The guide of the Help menu: the pages of ``resources/guide``, a list of them, and a search over all.

Pages and pictures come from the package only. Nothing is downloaded: a web address opens in the browser.
"""

from __future__ import annotations

import re
from importlib import resources

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QImage,
    QKeySequence,
    QResizeEvent,
    QShortcut,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFrameFormat,
    QTextTable,
)
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QTextBrowser,
    QTextEdit,
    QWidget,
)

from viewer.ui.shell import strings
from viewer.ui.widgets.dialogs import SearchDialog
from viewer.ui.widgets.theme import em_px, without_icons

FIRST_PAGE = "index.md"
_SCHEME = "guide"
_LINK_TO_PAGE = re.compile(r"\]\(([\w-]+\.md)\)")
_PICTURE = re.compile(r"pictures/[\w-]+\.png")


def read_pages() -> dict[str, str]:
    """Markdown by file name: the first page, then the others in the order in which it links to them."""
    folder = resources.files("resources").joinpath("guide")
    first = folder.joinpath(FIRST_PAGE).read_text(encoding="utf-8")
    names = [name for name in dict.fromkeys(_LINK_TO_PAGE.findall(first)) if name != FIRST_PAGE]
    return {FIRST_PAGE: first} | {name: folder.joinpath(name).read_text(encoding="utf-8") for name in names}


class PageBrowser(QTextBrowser):
    """One page at a time, by its address ``guide:/NAME.md``, with pictures no wider than the browser."""

    def __init__(self, pages: dict[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pages = pages
        self._words: tuple[str, ...] = ()
        self._matches: list[QTextCursor] = []
        """The words on this page, from top to bottom."""
        self.setOpenLinks(False)
        self.anchorClicked.connect(self.follow)
        # A page's width must not depend on its height.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)

    @property
    def page(self) -> str:
        """The file name of the page that is shown."""
        return _file_name(self.source())

    def show_page(self, name: str) -> None:
        self.setSource(QUrl(f"{_SCHEME}:/{name}"), QTextDocument.ResourceType.MarkdownResource)
        self._format()

    def follow(self, url: QUrl) -> None:
        """Open another page, or a web address in the browser; anything else is not followed."""
        name = _file_name(url)
        if url.scheme() == _SCHEME and name in self._pages:
            self.show_page(name)
        elif url.scheme() == "https":
            QDesktopServices.openUrl(url)

    def mark(self, words: tuple[str, ...]) -> None:
        """Mark these words on this page and on pages shown later."""
        self._words = words
        self._mark()

    def next_mark(self) -> bool:
        """Select the next marked word below the cursor; False where there is none."""
        here = self.textCursor().selectionEnd()
        below = next((match for match in self._matches if match.selectionStart() >= here), None)
        if below is not None:
            self.setTextCursor(below)
        return below is not None

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        url = QUrl(name)
        path = _file_name(url)
        if url.scheme() == _SCHEME and path in self._pages:
            return self._pages[path]
        if url.scheme() == _SCHEME and _PICTURE.fullmatch(path):
            data = resources.files("resources").joinpath("guide", path).read_bytes()
            return self._fitted(QImage.fromData(data))
        return None

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._reload()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._reload()  # colours of links and tables are part of the page

    def _reload(self) -> None:
        scrolled_px = self.verticalScrollBar().value()
        self.reload()
        self._format()
        self.verticalScrollBar().setValue(scrolled_px)

    def _fitted(self, picture: QImage) -> QImage:
        """The picture at the screen's resolution, so that text is legible, and no wider than the page."""
        room_px = self.viewport().width() - 2 * self.document().documentMargin()
        ratio = self.devicePixelRatioF()
        width_px = round(min(picture.width(), room_px) * ratio)
        picture = picture.scaledToWidth(width_px, Qt.TransformationMode.SmoothTransformation)
        picture.setDevicePixelRatio(ratio)
        return picture

    def _format(self) -> None:
        """Give tables lines and padding, which Markdown cannot, and mark the words searched."""
        frames = self.document().rootFrame().childFrames()
        for table in [frame for frame in frames if isinstance(frame, QTextTable)]:
            table_format = table.format().toTableFormat()
            table_format.setCellPadding(em_px(0.3))
            table_format.setCellSpacing(0)
            table_format.setBorderCollapse(True)
            table_format.setBorder(1)
            table_format.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
            table_format.setBorderBrush(self.palette().mid())
            table.setFormat(table_format)
        self._mark()

    def _mark(self) -> None:
        highlight = QTextCharFormat()
        highlight.setBackground(self.palette().highlight())
        highlight.setForeground(self.palette().highlightedText())
        matches, marks = [], []
        for word in self._words:
            cursor = self.document().find(word)
            while not cursor.isNull():
                mark = QTextEdit.ExtraSelection()
                mark.cursor, mark.format = cursor, highlight
                marks.append(mark)
                matches.append(cursor)
                cursor = self.document().find(word, cursor)
        self._matches = sorted(matches, key=QTextCursor.selectionStart)
        self.setExtraSelections(marks)


class Guide(SearchDialog):
    """Search and list of pages at the left, the page at the right; stays open beside the window."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(strings.GUIDE)
        pages = read_pages()
        self._names = list(pages)
        self._texts = [_plain_text(text) for text in pages.values()]
        self.search = QLineEdit(placeholderText=strings.SEARCH_GUIDE, clearButtonEnabled=True)
        self.search.setAccessibleName(strings.SEARCH_GUIDE)
        self.search.setToolTip(strings.SEARCH_GUIDE_TOOLTIP)
        self.pages = QListWidget()
        self.pages.setAccessibleName(strings.GUIDE_PAGES)
        self.found = QLabel(wordWrap=True)
        self.found.setProperty("muted", True)
        self.browser = PageBrowser(pages)
        self.browser.setAccessibleName(strings.GUIDE_PAGE)
        self.pages.addItems([text.partition("\n")[0].lstrip("# ") for text in pages.values()])
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        back = buttons.addButton(strings.BACK, QDialogButtonBox.ButtonRole.ActionRole)
        without_icons(buttons.buttons())
        back.setEnabled(False)
        layout = QGridLayout(self)
        layout.addWidget(self.search, 0, 0)
        layout.addWidget(self.found, 1, 0)
        layout.addWidget(self.pages, 2, 0)
        layout.addWidget(self.browser, 0, 1, 3, 1)
        layout.addWidget(buttons, 3, 0, 1, 2)
        layout.setColumnMinimumWidth(0, em_px(14))
        layout.setColumnStretch(1, 1)
        for part in (self.search, self.found, self.pages):
            part.setMaximumWidth(em_px(16))
        self.found.hide()
        self.search.textChanged.connect(self._search)
        self.search.returnPressed.connect(self.next_match)
        self.pages.currentRowChanged.connect(lambda row: self.browser.show_page(self._names[row]))
        self.browser.sourceChanged.connect(self._follow_browser)
        self.browser.backwardAvailable.connect(back.setEnabled)
        back.clicked.connect(self.browser.backward)
        buttons.rejected.connect(self.reject)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self, self.search.setFocus)
        self.resize(em_px(70), em_px(44))
        self.browser.show_page(FIRST_PAGE)

    @property
    def listed(self) -> list[str]:
        """File names of the pages in the list."""
        return [name for row, name in enumerate(self._names) if not self.pages.isRowHidden(row)]

    def next_match(self) -> None:
        """Go to the next marked word: on this page, else the first on the next listed page."""
        if not self.browser.next_mark() and self.listed:
            following = self._names[self._names.index(self.browser.page) + 1 :]
            self.browser.show_page(next((name for name in following if name in self.listed), self.listed[0]))
            self.browser.next_mark()

    def _search(self, text: str) -> None:
        words = tuple(text.casefold().split())
        for row, page_text in enumerate(self._texts):
            self.pages.setRowHidden(row, not all(word in page_text for word in words))
        listed = self.listed
        summary = {0: strings.NO_PAGE_FOUND, 1: strings.ONE_PAGE_FOUND}
        self.found.setText(summary.get(len(listed), strings.PAGES_FOUND.format(count=len(listed))))
        self.found.setVisible(bool(words))
        self.browser.mark(words)
        if listed and self.browser.page not in listed:
            self.browser.show_page(listed[0])

    def _follow_browser(self, url: QUrl) -> None:
        """Select the shown page in the list, also after a link or Back."""
        with QSignalBlocker(self.pages):
            self.pages.setCurrentRow(self._names.index(_file_name(url)))


def _file_name(url: QUrl) -> str:
    """The path of a page or picture within the guide's folder."""
    return url.path().lstrip("/")


def _plain_text(markdown: str) -> str:
    """The text of a page as it is shown, in lower case, for the search."""
    document = QTextDocument()
    document.setMarkdown(markdown)
    return document.toPlainText().casefold()
