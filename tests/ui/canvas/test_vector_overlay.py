"""The vector layer in a real canvas: in the right place, on any slide, and back after a lost GL context."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QMainWindow

from viewer.common.settings import Settings
from viewer.overlay.shapes import Shape
from viewer.slide.geometry import Pyramid, Rect, TileKey
from viewer.slide.source import SlideInfo
from viewer.ui.canvas import shapes_layer
from viewer.ui.canvas.slide_view import SlideView
from viewer.ui.canvas.strokes import StrokePainter
from viewer.ui.canvas.vector_overlay import VectorOverlay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from viewer.view.camera import View

RED, BLUE = (1.0, 0.0, 0.0, 1.0), (0.0, 0.0, 1.0, 1.0)
SIDE = 200_000


class GreySource:
    """A slide of 200,000 px square, all grey, whose tiles are made when asked for."""

    is_remote = False

    def __init__(self, mpp_um: tuple[float, float] | None) -> None:
        sides = [SIDE >> step for step in range(0, 11, 2)]
        self.pyramid = Pyramid.from_sizes([(side, side) for side in sides], [(256, 256)] * len(sides))
        self.info = SlideInfo(
            path=Path("grey.svs"),
            format="test",
            reader="test",
            reader_reason="",
            bounds=self.pyramid.extent,
            file_levels=tuple((side, side) for side in sides),
            mpp_um=mpp_um,
        )

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        width, height = self.pyramid.tile_size(key)
        return np.full((height, width, 4), (200, 200, 200, 255), np.uint8)

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        raise KeyError(name)

    def close(self) -> None:
        """Nothing is held."""


class Stage:
    """A real slide view with its overlay, and what it shows."""

    def __init__(self, qtbot: QtBot) -> None:
        self._qtbot = qtbot
        self.view = SlideView(Settings.default())
        self.overlay = VectorOverlay(self.view)
        self._windows: list[QMainWindow] = []
        self.move_to_new_window()

    def move_to_new_window(self) -> None:
        """Show the canvas in another window, hence in another GL context."""
        window = QMainWindow()
        self._windows.append(window)
        window.setCentralWidget(self.view)
        window.resize(400, 300)
        window.show()
        self._qtbot.waitExposed(window)

    def close(self) -> None:
        """Close slide and windows, before anything looks for what was left behind."""
        self.view.close_slide()
        for window in self._windows:
            window.close()
            window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def open(self, mpp_um: tuple[float, float] | None = (0.5, 0.5)) -> None:
        self.view.set_source(GreySource(mpp_um))
        self.settle()

    def settle(self) -> None:
        self.view.canvas.request_frame()
        self._qtbot.waitUntil(lambda: self.view.sharp)

    def look(self, x: float, y: float, downsample: float, rotation_deg: float = 0.0) -> None:
        self.view.go_to(x, y, downsample=downsample, instant=True)
        self.view.set_rotation(rotation_deg)
        self._qtbot.waitUntil(lambda: not self.view.camera.moving)
        self.settle()

    def pixels(self) -> NDArray[np.int_]:
        """(300, 400, 3) RGB of the canvas."""
        image = self.view.canvas.native.grabFramebuffer()
        # The bytes themselves: vispy clears the alpha channel, which a conversion would multiply in.
        bytes_ = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
        return bytes_[..., 2::-1].astype(int)

    def place_of(self, rgba: tuple[float, ...]) -> tuple[float, float]:
        """The middle of all pixels of a colour, in canvas pixels."""
        close = (np.abs(self.pixels() - np.array(rgba[:3]) * 255) < 60).all(axis=2)
        rows, cols = np.nonzero(close)
        assert len(rows), "the colour is nowhere"
        return float(cols.mean()) + 0.5, float(rows.mean()) + 0.5


@pytest.fixture
def stage(qtbot: QtBot) -> Iterator[Stage]:
    stage = Stage(qtbot)
    yield stage
    stage.close()


@pytest.fixture(params=["direct", "picture"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to show shapes."""
    monkeypatch.setattr(shapes_layer, "DIRECT_STROKES", 0 if request.param == "picture" else 10**6)
    return str(request.param)


def test_points_stand_where_they_lie_far_from_the_origin(stage: Stage, way: str) -> None:
    stage.open()
    stage.overlay.set_shapes(
        "test", [Shape.point(180_000.5, 170_000.5, rgba=RED), Shape.point(180_010.5, 170_004.5, rgba=BLUE)]
    )
    stage.look(180_000, 170_000, 0.1)
    assert stage.place_of(RED) == pytest.approx((205, 155), abs=0.6)
    assert stage.place_of(BLUE) == pytest.approx((305, 195), abs=0.6)
    assert stage.overlay.shapes.uses_picture is (way == "picture")


@pytest.mark.usefixtures("way")
def test_shapes_turn_with_the_slide(stage: Stage) -> None:
    stage.open()
    stage.overlay.set_shapes("test", [Shape.point(1100, 1000, rgba=RED)])
    stage.look(1000, 1000, 1.0, rotation_deg=90)
    assert stage.place_of(RED) == pytest.approx((200, 250), abs=0.6)


def test_a_producer_replaces_and_removes_its_own_shapes_only(stage: Stage) -> None:
    stage.open()
    stage.look(1000, 1000, 1.0)
    bare = stage.pixels()
    stage.overlay.set_shapes("search", [Shape.point(1100, 1000, rgba=RED)])
    stage.overlay.set_shapes("review", [Shape.point(900, 1000, rgba=BLUE)])
    stage.overlay.set_shapes("search", [Shape.point(1000, 1050, rgba=RED)])
    stage.settle()
    assert stage.place_of(RED) == pytest.approx((200, 200), abs=0.6)
    assert stage.place_of(BLUE) == pytest.approx((100, 150), abs=0.6)
    stage.overlay.set_shapes("search", [])
    stage.settle()
    assert stage.place_of(BLUE) == pytest.approx((100, 150), abs=0.6)
    stage.overlay.set_shapes("review", [])
    stage.settle()
    assert (stage.pixels() == bare).all()


def test_both_ways_draw_the_same_pixels(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.open()
    outline = [(900, 900), (1100, 950), (1000, 1120)]
    shapes = [
        Shape.polygon(outline, rgba=RED, width_px=3),
        Shape.rectangle(Rect(850, 860, 1130, 1130), rgba=BLUE),
        Shape([(0, 0), (2000, 2000)], rgba=(0, 0, 0, 0.5)),
    ]
    stage.overlay.set_shapes("test", shapes)
    stage.look(1000, 1000, 1.0, rotation_deg=30)
    direct = stage.pixels()
    monkeypatch.setattr(shapes_layer, "DIRECT_STROKES", 0)
    stage.overlay.set_shapes("test", shapes)
    stage.settle()
    picture = stage.pixels()
    assert stage.overlay.shapes.uses_picture
    assert np.abs(picture - direct).max() <= 3
    assert (direct != 200).any(axis=2).sum() > 1500


def test_the_picture_follows_the_view_and_is_made_anew_at_rest(
    stage: Stage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[View] = []
    draw = StrokePainter.draw

    def record_and_draw(painter: StrokePainter, view: View, *args: Any) -> None:
        drawn.append(view)
        draw(painter, view, *args)

    monkeypatch.setattr(StrokePainter, "draw", record_and_draw)
    monkeypatch.setattr(shapes_layer, "DIRECT_STROKES", 0)
    stage.open()
    stage.overlay.set_shapes("test", [Shape.point(1000, 1000, rgba=RED, width_px=12)])
    stage.look(1000, 1000, 1.0)
    pictured = drawn[-1]
    stage.view.go_to(990, 1000, instant=True)
    assert stage.place_of(RED) == pytest.approx((210, 150), abs=0.6)
    assert drawn[-1] == pictured, "a small move uses the picture as it is"
    qtbot.waitUntil(lambda: drawn[-1].centre_x == 990)
    assert stage.place_of(RED) == pytest.approx((210, 150), abs=0.6)
    stage.look(3000, 1000, 0.2)
    qtbot.waitUntil(lambda: not stage.overlay.shapes.uses_picture)


def test_strokes_are_kept_while_the_view_stays_near(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[StrokePainter] = []

    def make(*args: Any) -> StrokePainter:
        made.append(StrokePainter(*args))
        return made[-1]

    monkeypatch.setattr(shapes_layer, "StrokePainter", make)
    stage.open()
    stage.overlay.set_shapes("test", [Shape.point(1000, 1000, rgba=RED)])
    stage.look(1000, 1000, 1.0)
    kept = list(made)
    stage.look(1050, 1000, 1.2)
    assert made == kept != []
    stage.look(2000, 1000, 1.2)
    assert made != kept


def bar_length_px(pixels: NDArray[np.int_]) -> int:
    """The longest run of ink in the lower left quarter."""
    ink = (pixels[150:, :200] < 80).all(axis=2)
    longest = 0
    for row in ink:
        edges = np.flatnonzero(np.diff(np.concatenate(([0], row.astype(int), [0]))))
        longest = max([longest, *(edges[1::2] - edges[::2])])
    return int(longest)


def test_the_scale_bar_is_as_long_as_it_says(stage: Stage) -> None:
    stage.open(mpp_um=(0.5, 0.5))
    stage.look(1000, 1000, 2.0)  # 1 µm a pixel: 50 µm fit in a fifth of 400 px
    assert bar_length_px(stage.pixels()) == 50
    stage.look(1000, 1000, 1.6)
    assert bar_length_px(stage.pixels()) == pytest.approx(50 / 0.8, abs=1)


def test_the_scale_bar_waits_for_a_pixel_size_and_can_be_hidden(stage: Stage) -> None:
    stage.open(mpp_um=None)
    stage.look(1000, 1000, 2.0)
    assert bar_length_px(stage.pixels()) == 0
    stage.view.set_mpp_um((0.5, 0.5))
    assert bar_length_px(stage.pixels()) == 50
    stage.overlay.set_scale_bar_visible(False)
    assert bar_length_px(stage.pixels()) == 0


def test_the_cursor_cross_stands_at_the_cursor(stage: Stage) -> None:
    stage.open(mpp_um=None)
    stage.look(1000, 1000, 1.0)
    stage.view.cursor_moved.emit((1100.0, 950.0))
    assert (stage.pixels() == 200).all()
    stage.overlay.cursor.visible = True
    changed = np.argwhere((stage.pixels() != 200).any(axis=2))
    assert changed.mean(axis=0) + 0.5 == pytest.approx((100, 300), abs=1)
    stage.view.cursor_moved.emit(None)
    assert (stage.pixels() == 200).all()


def test_everything_is_back_after_a_lost_context(stage: Stage, way: str) -> None:
    stage.open()
    stage.overlay.set_shapes("test", [Shape.point(1100, 1000, rgba=RED)])
    stage.look(1000, 1000, 2.0)
    before = stage.pixels()
    lost: list[Any] = []
    stage.overlay.cursor.context_lost = lambda: lost.append(way)  # type: ignore[method-assign]
    stage.move_to_new_window()
    stage.settle()
    assert lost, "the canvas kept its context: this test tests nothing"
    assert np.abs(stage.pixels() - before).max() <= 3
