"""The guide of the Help menu: the pages of ``resources/guide``, a list of them, and a search over all.

Pages and pictures come from the package alone. Nothing is fetched: a web address opens in the browser.
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
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QTextBrowser,
    QTextEdit,
    QWidget,
)

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
        self._places: list[QTextCursor] = []
        """Where the words are on this page, from top to bottom."""
        self.setOpenLinks(False)
        self.anchorClicked.connect(self.follow)
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAlwaysOn
        )  # a page as wide whatever it holds

    @property
    def page(self) -> str:
        """File name of the page that is shown."""
        return _file_name(self.source())

    def show_page(self, name: str) -> None:
        self.setSource(QUrl(f"{_SCHEME}:/{name}"), QTextDocument.ResourceType.MarkdownResource)
        self._dress()

    def follow(self, url: QUrl) -> None:
        """To another page, or to the browser with a web address; anything else is not followed."""
        name = _file_name(url)
        if url.scheme() == _SCHEME and name in self._pages:
            self.show_page(name)
        elif url.scheme() == "https":
            QDesktopServices.openUrl(url)

    def mark(self, words: tuple[str, ...]) -> None:
        """Mark these words on this page and on those shown later."""
        self._words = words
        self._mark()

    def next_mark(self) -> bool:
        """Select the next marked word below the cursor; False where there is none."""
        here = self.textCursor().selectionEnd()
        below = next((place for place in self._places if place.selectionStart() >= here), None)
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
            self._show_again()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_again()  # colours of links and tables are part of the page

    def _show_again(self) -> None:
        line = self.verticalScrollBar().value()
        self.reload()
        self._dress()
        self.verticalScrollBar().setValue(line)

    def _fitted(self, picture: QImage) -> QImage:
        """As many pixels as it has on the screen: text in it stays legible."""
        room_px = self.viewport().width() - 2 * self.document().documentMargin()
        ratio = self.devicePixelRatioF()
        width_px = round(min(picture.width(), room_px) * ratio)
        picture = picture.scaledToWidth(width_px, Qt.TransformationMode.SmoothTransformation)
        picture.setDevicePixelRatio(ratio)
        return picture

    def _dress(self) -> None:
        """Lines and room for tables, which Markdown does not speak of, and marks for the words searched."""
        frames = self.document().rootFrame().childFrames()
        for table in [frame for frame in frames if isinstance(frame, QTextTable)]:
            look = table.format().toTableFormat()
            look.setCellPadding(em_px(0.3))
            look.setCellSpacing(0)
            look.setBorderCollapse(True)
            look.setBorder(1)
            look.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
            look.setBorderBrush(self.palette().mid())
            table.setFormat(look)
        self._mark()

    def _mark(self) -> None:
        look = QTextCharFormat()
        look.setBackground(self.palette().highlight())
        look.setForeground(self.palette().highlightedText())
        places, marks = [], []
        for word in self._words:
            cursor = self.document().find(word)
            while not cursor.isNull():
                mark = QTextEdit.ExtraSelection()
                mark.cursor, mark.format = cursor, look
                marks.append(mark)
                places.append(cursor)
                cursor = self.document().find(word, cursor)
        self._places = sorted(places, key=QTextCursor.selectionStart)
        self.setExtraSelections(marks)


class Guide(QDialog):
    """Search and pages at the left, the page at the right; stays open beside the window."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Guide")
        pages = read_pages()
        self._names = list(pages)
        self._plain = [_plain(text) for text in pages.values()]
        self.search = QLineEdit(placeholderText="Search the guide", clearButtonEnabled=True)
        self.search.setAccessibleName("Search the guide")
        self.search.setToolTip("Show the pages with all these words; Enter goes from place to place")
        self.pages = QListWidget()
        self.pages.setAccessibleName("Pages of the guide")
        self.found = QLabel(wordWrap=True)
        self.found.setProperty("muted", True)
        self.browser = PageBrowser(pages)
        self.browser.setAccessibleName("Page of the guide")
        self.pages.addItems([text.partition("\n")[0].lstrip("# ") for text in pages.values()])
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        back = buttons.addButton("Back", QDialogButtonBox.ButtonRole.ActionRole)
        without_icons(buttons.buttons())
        for button in buttons.findChildren(QPushButton):
            button.setAutoDefault(False)  # Enter in the search goes on, it closes nothing
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
        self.search.returnPressed.connect(self.next_place)
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
        """File names of the pages that the list shows."""
        return [name for row, name in enumerate(self._names) if not self.pages.isRowHidden(row)]

    def next_place(self) -> None:
        """To the next marked word, on this page or the first on the next page that is listed."""
        if not self.browser.next_mark() and self.listed:
            behind = self._names[self._names.index(self.browser.page) + 1 :]
            self.browser.show_page(next((name for name in behind if name in self.listed), self.listed[0]))
            self.browser.next_mark()

    def _search(self, text: str) -> None:
        words = tuple(text.casefold().split())
        for row, plain in enumerate(self._plain):
            self.pages.setRowHidden(row, not all(word in plain for word in words))
        listed = self.listed
        said = {0: "No page has these words.", 1: "1 page"}
        self.found.setText(said.get(len(listed), f"{len(listed)} pages"))
        self.found.setVisible(bool(words))
        self.browser.mark(words)
        if listed and self.browser.page not in listed:
            self.browser.show_page(listed[0])

    def _follow_browser(self, url: QUrl) -> None:
        """The list says which page is shown, however the reader came to it."""
        with QSignalBlocker(self.pages):
            self.pages.setCurrentRow(self._names.index(_file_name(url)))


def _file_name(url: QUrl) -> str:
    """Within the guide's folder."""
    return url.path().lstrip("/")


def _plain(markdown: str) -> str:
    """The words of a page as they are shown, for the search."""
    document = QTextDocument()
    document.setMarkdown(markdown)
    return document.toPlainText().casefold()
