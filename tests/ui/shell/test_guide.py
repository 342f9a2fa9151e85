"""The guide in the window: pages, links, search, pictures that fit, and nothing from outside the package."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QTextDocument
from PySide6.QtWidgets import QLineEdit, QListWidget, QPushButton, QWidget

from viewer.ui.shell import strings
from viewer.ui.shell.guide import FIRST_PAGE, Guide, read_pages

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow
    from viewer.ui.widgets.theme import ThemeKeeper

PICTURE = QTextDocument.ResourceType.ImageResource.value
PAGE = QTextDocument.ResourceType.MarkdownResource.value


@pytest.fixture
def guide(qtbot: QtBot) -> Guide:
    guide = Guide()
    qtbot.add_widget(guide)
    with qtbot.wait_active(guide):
        guide.show()
        guide.activateWindow()
    return guide


def type_in(qtbot: QtBot, guide: Guide, text: str) -> None:
    guide.search.clear()
    qtbot.keyClicks(guide.search, text)


def marked(guide: Guide) -> set[str]:
    return {mark.cursor.selectedText().casefold() for mark in guide.browser.extraSelections()}


def test_help_opens_it_once(window: MainWindow) -> None:
    for _ in range(2):
        window.actions_["guide"].trigger()
    assert [guide.isModal() for guide in window.findChildren(Guide) if guide.isVisible()] == [False]


def test_it_begins_with_the_first_page_and_lists_all_by_title(guide: Guide) -> None:
    assert guide.browser.page == FIRST_PAGE
    assert guide.listed == list(read_pages())
    titles = [guide.pages.item(row).text() for row in range(guide.pages.count())]
    assert titles[0] == "Foveola's guide"
    assert "Keys and mouse" in titles


def test_every_page_is_shown_with_its_pictures(guide: Guide) -> None:
    for row, (name, text) in enumerate(read_pages().items()):
        guide.pages.setCurrentRow(row)
        assert guide.browser.page == name
        assert guide.browser.toPlainText().startswith(text.partition("\n")[0].lstrip("# "))
        for picture in _pictures(guide.browser.document()):
            image = guide.browser.document().resource(PICTURE, guide.browser.source().resolved(QUrl(picture)))
            assert not image.isNull()
            assert image.deviceIndependentSize().width() <= guide.browser.viewport().width()


def test_pictures_follow_the_width(qtbot: QtBot, guide: Guide) -> None:
    def width() -> float:
        url = QUrl("guide:/pictures/window.png")
        return float(guide.browser.document().resource(PICTURE, url).deviceIndependentSize().width())

    before = width()
    guide.resize(guide.width() // 2, guide.height())
    qtbot.wait_until(lambda: width() < before)
    assert width() <= guide.browser.viewport().width()


def test_links_lead_from_page_to_page_and_back(qtbot: QtBot, guide: Guide) -> None:
    back = next(button for button in guide.findChildren(QPushButton) if button.text() == strings.BACK)
    assert not back.isEnabled()
    guide.browser.setFocus()
    qtbot.keyClick(guide.browser, Qt.Key.Key_Tab)  # to the first link of the page
    qtbot.keyClick(guide.browser, Qt.Key.Key_Return)
    second = list(read_pages())[1]
    assert guide.browser.page == second
    assert guide.pages.currentRow() == 1
    back.setFocus()
    qtbot.keyClick(back, Qt.Key.Key_Return)
    assert guide.browser.page == FIRST_PAGE
    assert guide.pages.currentRow() == 0
    guide.search.setFocus()
    qtbot.keyClick(guide.search, Qt.Key.Key_Return)
    assert guide.isVisible()
    close = next(button for button in guide.findChildren(QPushButton) if button is not back)
    close.setFocus()
    qtbot.keyClick(close, Qt.Key.Key_Return)
    assert not guide.isVisible()


@pytest.mark.parametrize(
    ("address", "opened"),
    [
        ("https://openslide.org", True),
        ("http://openslide.org", False),
        ("file:///etc/passwd", False),
        ("guide:/../settings.toml", False),
        ("javascript:alert(1)", False),
    ],
)
def test_only_secure_web_addresses_leave_and_only_to_the_browser(
    guide: Guide, monkeypatch: pytest.MonkeyPatch, address: str, opened: bool
) -> None:
    left: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: left.append(url.toString()))
    guide.browser.follow(QUrl(address))
    assert left == ([address] if opened else [])
    assert guide.browser.page == FIRST_PAGE


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "guide:/../default_settings.toml",
        "guide:/pictures/../../themes/dark.toml",
        "https://x/y.png",
    ],
)
@pytest.mark.parametrize("kind", [PICTURE, PAGE])
def test_nothing_is_read_from_elsewhere(guide: Guide, address: str, kind: int) -> None:
    assert guide.browser.loadResource(kind, QUrl(address)) is None


def test_the_search_lists_pages_with_all_words_and_marks_them(qtbot: QtBot, guide: Guide) -> None:
    type_in(qtbot, guide, "Heads.TOML sha256")
    assert guide.listed == ["models.md"]
    assert guide.browser.page == "models.md"
    assert marked(guide) == {"heads.toml", "sha256"}
    assert guide.found.text() == strings.ONE_PAGE_FOUND
    guide.search.clear()
    assert guide.listed == list(read_pages())
    assert marked(guide) == set()
    assert guide.found.isHidden()


def test_words_on_no_page_are_reported(qtbot: QtBot, guide: Guide) -> None:
    type_in(qtbot, guide, "zyzzyva")
    assert guide.listed == []
    assert guide.found.text() == strings.NO_PAGE_FOUND
    qtbot.keyClick(guide.search, Qt.Key.Key_Return)
    assert guide.browser.page == FIRST_PAGE


def test_enter_goes_through_all_places_of_all_pages_and_closes_nothing(qtbot: QtBot, guide: Guide) -> None:
    type_in(qtbot, guide, "hatched")
    places = []
    while not places or places[0] not in places[1:]:
        qtbot.keyClick(guide.search, Qt.Key.Key_Return)
        cursor = guide.browser.textCursor()
        assert cursor.selectedText().casefold() == "hatched"
        places.append((guide.browser.page, cursor.selectionStart()))
    assert {page for page, _ in places} == set(guide.listed)
    assert len(set(places)) == sum(text.casefold().count("hatched") for text in read_pages().values())
    assert guide.isVisible()


def test_from_a_page_that_is_not_listed_enter_goes_to_the_next_that_is(qtbot: QtBot, guide: Guide) -> None:
    type_in(qtbot, guide, "hatched")
    guide.browser.follow(QUrl("guide:/how_it_works.md"))
    qtbot.keyClick(guide.search, Qt.Key.Key_Return)
    assert guide.browser.page == "limits.md"


def test_ctrl_f_goes_to_the_search(qtbot: QtBot, guide: Guide) -> None:
    guide.browser.setFocus()
    qtbot.keyClick(guide.browser, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert guide.focusWidget() is guide.search


def test_another_theme_formats_the_page_again(guide: Guide, themes: ThemeKeeper) -> None:
    guide.browser.mark(("slide",))
    before = [mark.format.background().color() for mark in guide.browser.extraSelections()]
    themes.choose("dark")
    after = [mark.format.background().color() for mark in guide.browser.extraSelections()]
    assert len(after) == len(before) > 0
    assert after[0] == themes.theme.colour("accent") != before[0]


def test_assistive_technology_can_name_every_part(guide: Guide) -> None:
    for part in (*guide.findChildren(QLineEdit), *guide.findChildren(QListWidget), guide.browser):
        assert isinstance(part, QWidget)
        assert part.accessibleName()


def _pictures(document: QTextDocument) -> list[str]:
    return re.findall(r'<img src="([^"]+)"', document.toHtml())
