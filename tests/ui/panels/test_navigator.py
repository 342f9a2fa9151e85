"""The navigator shows where the field is and moves it."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent

from viewer.overlay.layer import OverlayLayer, OverlayLook, colour_stops
from viewer.slide.source import TileError
from viewer.ui.panels import strings
from viewer.ui.panels.navigator import Navigator
from viewer.view.camera import View

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pytestqt.qtbot import QtBot

    from viewer.slide.formats.array import ArraySource


@pytest.fixture
def navigator(qtbot: QtBot, open_view: Any) -> Navigator:
    """A navigator of 408 × 208 px: a fifth of the slide and the margin."""
    widget = Navigator(open_view)
    qtbot.addWidget(widget)
    widget.resize(408, 208)
    widget.show()
    qtbot.waitUntil(lambda: widget.has_overview)
    return widget


def test_the_outline_is_the_field_in_the_slides_proportions(navigator: Navigator, open_view: Any) -> None:
    open_view.camera.jump(View(1000, 500, 1.0))
    box = navigator.field_outline().boundingRect()
    assert box.center() == QPointF(204, 104)
    assert (box.width(), box.height()) == pytest.approx((160, 120))


def test_the_outline_turns_with_the_view(navigator: Navigator, open_view: Any) -> None:
    open_view.camera.jump(View(1000, 500, 1.0, pi / 2))
    box = navigator.field_outline().boundingRect()
    assert (box.width(), box.height()) == pytest.approx((120, 160))


def test_a_click_outside_the_field_goes_there(navigator: Navigator, open_view: Any, qtbot: QtBot) -> None:
    open_view.camera.jump(View(1500, 800, 0.1))
    qtbot.mouseClick(navigator, Qt.MouseButton.LeftButton, pos=QPoint(4 + 40, 4 + 20))
    assert open_view.calls == [("go_to", 200, 100, None, False)]


def test_a_drag_moves_the_field_from_where_it_was_taken(
    navigator: Navigator, open_view: Any, qtbot: QtBot
) -> None:
    open_view.camera.jump(View(1000, 500, 1.0))
    qtbot.mousePress(navigator, Qt.MouseButton.LeftButton, pos=QPoint(204 + 10, 104))
    qtbot.mouseMove(navigator, QPoint(204 + 30, 104 + 10))
    qtbot.mouseRelease(navigator, Qt.MouseButton.LeftButton, pos=QPoint(204 + 30, 104 + 10))
    qtbot.mouseMove(navigator, QPoint(5, 5))
    assert open_view.calls == [("go_to", 1100, 550, None, True)]


def test_a_drag_beyond_the_slide_stays_on_it(navigator: Navigator, open_view: Any, qtbot: QtBot) -> None:
    qtbot.mousePress(navigator, Qt.MouseButton.LeftButton, pos=QPoint(204, 104))
    qtbot.mouseMove(navigator, QPoint(408, 0))
    assert open_view.calls[-1] == ("go_to", 2000, 0, None, True)


def test_arrows_pan_and_plus_and_minus_zoom(navigator: Navigator, open_view: Any, qtbot: QtBot) -> None:
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Down, Qt.Key.Key_Plus, Qt.Key.Key_Minus):
        qtbot.keyClick(navigator, key)
    assert open_view.calls == [
        ("pan_by", -160.0, 0.0),
        ("pan_by", 0.0, 120.0),
        ("zoom_by", 1.414),
        ("zoom_by", 0.707),
    ]


def test_the_wheel_zooms(navigator: Navigator, open_view: Any) -> None:
    navigator.wheelEvent(
        QWheelEvent(
            QPointF(20, 20),
            QPointF(20, 20),
            QPoint(0, 0),
            QPoint(0, 240),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
    )
    assert open_view.calls == [("zoom_by", 2.0)]


def darkest_and_lightest(navigator: Navigator, at: QPoint, reach: int = 12) -> tuple[int, int]:
    """Grey values around a point of what the widget shows."""
    image = navigator.grab().toImage()
    grey = [
        image.pixelColor(at.x() + dx, at.y() + dy).lightness()
        for dx in range(-reach, reach + 1)
        for dy in range(-reach, reach + 1)
    ]
    return min(grey), max(grey)


@pytest.mark.parametrize("downsample", [1.0, 0.01])
def test_field_and_cross_hair_have_a_dark_and_a_light_edge(
    navigator: Navigator, open_view: Any, downsample: float
) -> None:
    open_view.camera.jump(View(1800, 800, downsample))  # plain, lightish tissue
    outline = navigator.field_outline().boundingRect()
    at = outline.center() if downsample < 1 else outline.topLeft()
    darkest, lightest = darkest_and_lightest(navigator, at.toPoint())
    assert darkest < 80
    assert lightest > 230


def test_a_slide_whose_overview_cannot_be_read_says_so(
    qtbot: QtBot,
    fake_view: Any,
    make_source: Callable[..., ArraySource],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise TileError("its coarsest level is too large")

    monkeypatch.setattr("viewer.ui.panels.navigator.thumbnail", fail)
    widget = Navigator(fake_view)
    qtbot.addWidget(widget)
    fake_view.show_source(make_source())
    failure = strings.NO_OVERVIEW.format(reason="its coarsest level is too large")
    qtbot.waitUntil(lambda: widget.message == failure)
    assert not widget.has_overview


def test_without_a_slide_nothing_is_moved(qtbot: QtBot, fake_view: Any) -> None:
    widget = Navigator(fake_view)
    qtbot.addWidget(widget)
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)
    assert widget.message == strings.NO_SLIDE
    assert fake_view.calls == []
    assert widget.field_outline().isEmpty()


def test_a_moving_view_repaints_at_most_every_interval(
    navigator: Navigator, open_view: Any, qtbot: QtBot
) -> None:
    paints: list[QEvent] = []

    class Paints(QObject):
        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                paints.append(event)
            return False

    watch = Paints()
    navigator.installEventFilter(watch)
    for step in range(50):
        open_view.camera.jump(View(1000 + step, 500, 1.0))
        open_view.view_changed.emit()
    qtbot.waitUntil(lambda: bool(paints))
    assert len(paints) == 1


def test_it_has_a_name_and_a_description(navigator: Navigator) -> None:
    assert navigator.accessibleName()
    assert navigator.accessibleDescription() == strings.NAVIGATOR_DESCRIPTION


def test_overlays_lie_over_the_overview(navigator: Navigator, open_view: Any) -> None:
    scores, unknown = np.array([[255, 0]], np.uint8), np.array([[True, False]])
    layer = OverlayLayer(scores, unknown, ~unknown & False, 1000.0, 1000.0, sequence=1)
    bare = navigator.grab().toImage()
    open_view.overlays.put("query", layer, OverlayLook("magma", opacity=1.0))
    shown = navigator.grab().toImage()
    assert shown.pixelColor(30, 60).getRgb()[:3] == colour_stops("magma")[-1], "analysed: in colour"
    right = [shown.pixelColor(x, 60) for x in range(300, 330)]
    assert any(colour != bare.pixelColor(300 + at, 60) for at, colour in enumerate(right)), "hatched"
    assert any(colour == bare.pixelColor(300 + at, 60) for at, colour in enumerate(right)), "seen through"
    open_view.overlays.remove("query")
    assert navigator.grab().toImage() == bare
