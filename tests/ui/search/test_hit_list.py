"""The places found: choosing and stepping, thumbnails of visible rows, a selection that stays."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel

from tests.messages import pattern
from viewer.relevance.patches.peaks import Hit
from viewer.slide.geometry import Rect
from viewer.ui.search import strings
from viewer.ui.search.hit_list import HitList, HitRow
from viewer.ui.search.hit_thumbnails import MIN_SIDE_UM, HitThumbnails, thumbnail_rect
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from viewer.slide.formats.array import ArraySource


def row(number: int, x: float, score: float = 0.9) -> HitRow:
    """A place of 100 px at ``x``."""
    return HitRow(number, Hit(rect=Rect(x, 0, x + 100, 100), score=score, peak=(x + 50, 50)), f"{x}, 0 µm")


@pytest.fixture
def places(qtbot: QtBot) -> HitList:
    places = HitList()
    qtbot.add_widget(places)
    places.resize(300, 400)
    places.show_rows([row(1, 0), row(2, 500), row(3, 1000)])
    return places


@pytest.fixture
def chosen(places: HitList) -> list[int]:
    numbers: list[int] = []
    places.chosen.connect(lambda hit_row: numbers.append(hit_row.number))
    return numbers


def test_stepping_goes_round(places: HitList, chosen: list[int]) -> None:
    for _ in range(4):
        places.step(1)
    places.step(-1)
    assert chosen == [1, 2, 3, 1, 3]


def test_the_first_step_back_goes_to_the_last(places: HitList, chosen: list[int]) -> None:
    places.step(-1)
    assert chosen == [3]


def test_no_places_no_step(qtbot: QtBot) -> None:
    places = HitList()
    qtbot.add_widget(places)
    assert not places.step(1)


def test_arrows_only_mark_and_enter_chooses(qtbot: QtBot, places: HitList, chosen: list[int]) -> None:
    places.setCurrentIndex(places.hits.index(0))
    qtbot.keyClick(places, Qt.Key.Key_Down)
    assert chosen == []
    qtbot.keyClick(places, Qt.Key.Key_Return)
    assert chosen == [2]


def test_the_mark_stays_on_its_place_when_the_order_changes(places: HitList) -> None:
    places.step(1)
    places.show_rows([row(1, 500), row(2, 20), row(3, 1000)])
    assert places.current_row is not None
    assert places.current_row.number == 2


def numbers(places: HitList) -> list[float]:
    return [row.hit.rect.x0 for row in places.hits.rows]


def test_the_order_stands_while_one_steps_and_what_is_new_waits(places: HitList) -> None:
    places.step(1)
    places.offer_rows([row(1, 9000), row(2, 1000), row(3, 0), row(4, 500), row(5, 7000)], anew=False)
    assert numbers(places) == [0, 500, 1000]
    assert places.waiting_count == 2
    places.step(1)
    assert places.current_row is not None
    assert places.current_row.hit.rect.x0 == 500
    places.show_waiting()
    assert numbers(places) == [9000, 1000, 0, 500, 7000]
    assert places.current_row is not None
    assert places.current_row.hit.rect.x0 == 500, "the mark stays on its place"
    assert places.waiting_count is None


def test_the_same_places_again_do_not_wait(places: HitList) -> None:
    places.step(1)
    places.offer_rows([row(1, 0, 0.7), row(2, 500), row(3, 1000)], anew=False)
    assert places.waiting_count is None
    assert places.current_row is not None
    assert places.current_row.hit.score == 0.7, "with their present values"
    places.offer_rows([row(1, 500), row(2, 0), row(3, 1000)], anew=False)
    assert places.waiting_count == 0, "only their order is another"
    places.offer_rows([row(1, 0), row(2, 500), row(3, 1000)], anew=False)
    assert places.waiting_count is None, "as they are listed"


def test_stepping_past_the_end_shows_what_waits(places: HitList, chosen: list[int]) -> None:
    for _ in range(3):
        places.step(1)
    places.offer_rows([row(1, 9000), row(2, 0), row(3, 500), row(4, 1000)], anew=False)
    places.step(1)
    assert numbers(places) == [9000, 0, 500, 1000]
    assert chosen == [1, 2, 3, 1]


def test_without_a_step_new_places_come_at_once(places: HitList) -> None:
    places.offer_rows([row(1, 9000), row(2, 0)], anew=False)
    assert numbers(places) == [9000, 0]


def test_the_order_stands_while_the_list_has_the_keyboard(qtbot: QtBot, places: HitList) -> None:
    with qtbot.wait_active(places):
        places.show()
        places.activateWindow()
    places.setFocus(Qt.FocusReason.MouseFocusReason)
    qtbot.wait_until(places.hasFocus)
    places.setCurrentIndex(places.hits.index(-1))
    places.offer_rows([row(1, 9000), row(2, 0)], anew=False)
    assert numbers(places) == [0, 500, 1000]
    places.clearFocus()
    assert numbers(places) == [9000, 0]


def test_another_question_begins_at_the_top(qtbot: QtBot, places: HitList) -> None:
    with qtbot.wait_exposed(places):
        places.show()
    places.offer_rows([row(number, 200.0 * number) for number in range(1, 101)], anew=True)
    places.step(-1)
    qtbot.wait_until(lambda: places.verticalScrollBar().value() > 0)
    places.offer_rows([row(number, 300.0 * number) for number in range(1, 101)], anew=True)
    assert places.verticalScrollBar().value() == 0
    assert places.current_row is None
    assert numbers(places)[0] == 300
    places.offer_rows([], anew=False)
    assert numbers(places) == []


def test_thumbnails_stay_with_their_places(places: HitList) -> None:
    places.hits.set_thumbnail(places.hits.rows[1], QImage(4, 4, QImage.Format.Format_RGB888))
    places.show_rows([row(1, 500), row(2, 0)])
    assert places.hits.rows[0].pixmap is not None
    assert places.hits.rows[1].pixmap is None


def test_rows_show_value_and_place(places: HitList) -> None:
    index = places.hits.index(1)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == f"{'2. likeness 0.90'}\n500, 0 µm"


def test_thumbnails_are_requested_for_visible_rows_once(qtbot: QtBot, places: HitList) -> None:
    requested: list[int] = []
    places.hits.thumbnail_requested.connect(lambda hit_row: requested.append(hit_row.number))
    places.show_rows([row(number, 200.0 * number) for number in range(1, 101)])
    with qtbot.wait_exposed(places):
        places.show()
    qtbot.wait_until(lambda: len(requested) > 0)
    places.grab()
    assert requested[0] == 1
    assert len(requested) == len(set(requested)) < 50


def test_thumbnails_come_from_the_slide(
    qtbot: QtBot, places: HitList, make_source: Callable[..., ArraySource]
) -> None:
    thumbnails = HitThumbnails(places.hits)
    thumbnails.show_slide(make_source(), (1.0, 1.0))
    hit_row = row(1, 400)
    places.show_rows([hit_row])
    places.hits.request_thumbnail(hit_row)
    qtbot.wait_until(lambda: hit_row.pixmap is not None)
    thumbnails.close(wait_s=1)
    assert hit_row.pixmap is not None
    assert not hit_row.pixmap.isNull()


def test_thumbnails_of_a_list_that_stands_still_come(
    qtbot: QtBot, places: HitList, make_source: Callable[..., ArraySource]
) -> None:
    thumbnails = HitThumbnails(places.hits)
    thumbnails.show_slide(make_source(), (1.0, 1.0))
    thumbnails.set_paused(True)
    places.step(1)
    listed, gone = places.hits.rows[0], row(1, 9000)
    places.hits.request_thumbnail(listed)
    places.offer_rows([gone, row(2, 0)], anew=False)
    thumbnails.set_paused(False)
    qtbot.wait_until(lambda: listed.pixmap is not None)
    thumbnails.set_paused(True)
    places.show_waiting()
    places.hits.request_thumbnail(gone)
    places.offer_rows([row(1, 300)], anew=True)
    thumbnails.set_paused(False)
    places.hits.request_thumbnail(places.hits.rows[0])
    qtbot.wait_until(lambda: places.hits.rows[0].pixmap is not None)
    thumbnails.close(wait_s=1)
    assert gone.pixmap is None


def test_a_thumbnail_that_cannot_be_read_has_an_error(
    qtbot: QtBot, places: HitList, make_source: Callable[..., ArraySource]
) -> None:
    source = make_source()
    source.close()
    thumbnails = HitThumbnails(places.hits)
    thumbnails.show_slide(source, (0.0001, 0.0001))
    hit_row = row(1, 400)
    places.show_rows([hit_row])
    places.hits.request_thumbnail(hit_row)
    qtbot.wait_until(lambda: bool(hit_row.thumbnail_error))
    thumbnails.close(wait_s=1)
    assert re.fullmatch(pattern(strings.NO_THUMBNAIL), hit_row.thumbnail_error)


def test_a_thumbnail_for_another_list_is_dropped(places: HitList) -> None:
    late = row(2, 0)
    changes: list[object] = []
    places.hits.dataChanged.connect(lambda *_: changes.append(1))
    places.hits.set_thumbnail(late, QImage(4, 4, QImage.Format.Format_RGB888))
    assert changes == []


def test_a_thumbnail_shows_the_surroundings_of_a_small_place() -> None:
    assert thumbnail_rect(Rect(0, 0, 100, 100), (0.5, 0.25)) == Rect(
        50 - MIN_SIDE_UM, 50 - 2 * MIN_SIDE_UM, 50 + MIN_SIDE_UM, 50 + 2 * MIN_SIDE_UM
    )
    large = thumbnail_rect(Rect(0, 0, 4000, 1000), (1, 1))
    assert (large.width, large.height) == (4000, 4000)


def test_a_narrow_list_cuts_no_score(qtbot: QtBot) -> None:
    def picture(score: float, width_px: int) -> QImage:
        places = HitList()
        qtbot.add_widget(places)
        places.resize(width_px, 100)
        places.show_rows([row(1, 0, score)])
        return places.grab().toImage()

    width_px = QLabel(row(1, 0).short_title).sizeHint().width() + em_px(2)
    assert picture(0.91, width_px) != picture(0.98, width_px), "the last digit is seen"
