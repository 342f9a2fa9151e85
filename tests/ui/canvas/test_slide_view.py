"""The slide view: the wheel-to-frame flow, in a real window with real OpenGL."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QMainWindow

from gpu.errors import GpuError
from tests.messages import pattern
from tests.ui.sources import MadeSource
from viewer.common.settings import Settings
from viewer.overlay.attention_look import HierarchyLevels
from viewer.overlay.layer import OverlayLayer, OverlayLook, colour_stops
from viewer.relevance.patches.loads import Loads
from viewer.slide.geometry import TileKey
from viewer.ui.canvas import canvas, strings
from viewer.ui.canvas.canvas import FrameBudget
from viewer.view.camera import View, slide_from_screen
from viewer.view.gaze import NoGaze

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from viewer.render.frame import FrameReport
    from viewer.ui.canvas.slide_view import SlideView


@pytest.fixture
def view(slide_view: SlideView) -> SlideView:
    return slide_view


def show(qtbot: QtBot, view: SlideView, source: MadeSource) -> None:
    view.set_source(source)
    qtbot.wait_until(lambda: view.sharp)


def wheel(view: SlideView, notches: int, at: tuple[int, int], modifiers: Qt.KeyboardModifier) -> None:
    point = QPointF(*at)
    event = QWheelEvent(
        point,
        view.mapToGlobal(point),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view.canvas.native, event)


def mouse(view: SlideView, kind: QEvent.Type, at: tuple[int, int]) -> None:
    point = QPointF(*at)
    button = Qt.MouseButton.LeftButton
    buttons = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
    event = QMouseEvent(kind, point, view.mapToGlobal(point), button, buttons, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view.canvas.native, event)


def under(view: SlideView, at: tuple[int, int]) -> tuple[float, float]:
    return slide_from_screen(view.camera.view, view.canvas.size_px, view.camera.aspect, *at)


def test_a_slide_opens_at_its_fitting_view_and_becomes_sharp(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())

    assert (view.camera.view.centre_x, view.camera.view.centre_y) == (4096, 4096)
    picture = view.frame_image()
    assert picture.shape == (480, 640, 4)
    centre = picture[240, 320]
    assert abs(int(centre[0]) - 100) <= 2
    assert abs(int(centre[1]) - 100) <= 2


def test_wheel_zooms_about_the_cursor(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    before, downsample = under(view, (500, 100)), view.camera.view.downsample

    wheel(view, 4, (500, 100), Qt.KeyboardModifier.NoModifier)
    qtbot.wait_until(lambda: not view.camera.moving)

    assert view.camera.view.downsample == pytest.approx(downsample / 4)
    assert under(view, (500, 100)) == pytest.approx(before, abs=0.5)


def test_shift_wheel_turns_the_slide(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    before = under(view, (200, 300))

    wheel(view, 3, (200, 300), Qt.KeyboardModifier.ShiftModifier)
    qtbot.wait_until(lambda: not view.camera.moving)

    assert np.degrees(view.camera.view.rotation_rad) == pytest.approx(15)
    assert under(view, (200, 300)) == pytest.approx(before, abs=1.0)


def test_a_dragged_slide_stays_under_the_hand(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    view.apply_settings(Settings.default().replace("display", kinetic_pan=False))
    view.go_to(4000, 4000, downsample=2, instant=True)
    held = under(view, (300, 200))

    mouse(view, QEvent.Type.MouseButtonPress, (300, 200))
    mouse(view, QEvent.Type.MouseMove, (340, 180))
    mouse(view, QEvent.Type.MouseMove, (390, 150))
    mouse(view, QEvent.Type.MouseButtonRelease, (390, 150))
    assert under(view, (390, 150)) == pytest.approx(held)
    qtbot.wait_until(lambda: view.sharp)


def test_arrow_keys_move_the_view(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    view.go_to(4000, 4000, downsample=2, instant=True)

    qtbot.keyClick(view.canvas.native, Qt.Key.Key_Right)
    qtbot.keyClick(view.canvas.native, Qt.Key.Key_Up)
    qtbot.wait_until(lambda: not view.camera.moving)

    assert view.camera.view.centre_x == pytest.approx(4000 + 0.2 * 640 * 2)
    assert view.camera.view.centre_y == pytest.approx(4000 - 0.2 * 480 * 2)


def test_no_frame_after_the_first_picture_has_a_hole(qtbot: QtBot, view: SlideView) -> None:
    reports: list[FrameReport] = []
    show(qtbot, view, MadeSource(step=4))
    view.frame_report.connect(reports.append)
    rng = np.random.default_rng(3)
    for _ in range(12):
        x, y = rng.uniform(0, 8192, 2)
        view.go_to(float(x), float(y), downsample=float(2 ** rng.uniform(-1, 4)))
        qtbot.wait(40)
        view.rotate_by(20)
    qtbot.wait_until(lambda: view.sharp)

    assert len(reports) > 12
    assert all(report.holes == 0 for report in reports)


def test_coarse_tiles_stand_in_until_fine_ones_come(qtbot: QtBot, view: SlideView) -> None:
    gate = threading.Event()
    view.set_source(MadeSource(gate=gate))
    try:
        view.go_to(4096, 4096, downsample=1, instant=True)
        qtbot.wait_until(lambda: view.frame_stats.gpu_tiles > 0 and view.frame_stats.level == 0)
        qtbot.wait_until(lambda: view.frame_image()[240, 320, 2] == 160)  # the coarsest level shows
        assert not view.sharp
    finally:
        gate.set()
    qtbot.wait_until(lambda: view.sharp)
    assert view.frame_image()[240, 320, 2] == 0, "the finest level shows"


def test_a_jump_keeps_the_old_picture_until_the_new_one_is_sharp(
    qtbot: QtBot, view: SlideView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canvas, "_JUMP_HOLD_S", 5.0)
    view.apply_settings(Settings.default().replace("streaming", upload_budget_rest_ms=100.0))
    show(qtbot, view, MadeSource())
    qtbot.wait(300)  # tiles beyond the view are still coming in and may ask for a frame
    reports: list[FrameReport] = []
    view.frame_report.connect(reports.append)

    view.go_to(6000, 6000, downsample=1, instant=True)
    qtbot.wait_until(lambda: len(reports) > 0)

    assert reports[0].missing == 0


def test_a_tile_that_cannot_be_read_is_marked_and_counted(qtbot: QtBot, view: SlideView) -> None:
    source = MadeSource(broken=frozenset({TileKey(0, 16, 16)}))
    view.set_source(source)
    view.go_to(16.5 * 256, 16.5 * 256, downsample=1, instant=True)
    with qtbot.wait_signal(view.failed_tiles_changed):
        pass
    qtbot.wait_until(lambda: view.sharp)

    assert view.failed_tiles == 1
    marked = view.frame_image()[240 - 100 : 240 + 100, 320 - 100 : 320 + 100, :3].reshape(-1, 3)
    assert {tuple(pixel) for pixel in marked.tolist()} == {(236, 232, 238), (150, 60, 110)}


def test_the_picture_survives_another_gl_context(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    view.go_to(3000, 2000, downsample=2, instant=True)
    qtbot.wait_until(lambda: view.sharp)
    before, engine = view.frame_image(), view.canvas.engine

    other = QMainWindow()
    qtbot.add_widget(other)
    other.resize(640, 480)
    other.setCentralWidget(view)
    with qtbot.wait_exposed(other):
        other.show()
    qtbot.wait_until(lambda: view.canvas.engine not in (None, engine))
    qtbot.wait_until(lambda: view.sharp)

    assert np.array_equal(view.frame_image(), before)
    other.takeCentralWidget()  # the fixture, not this window, deletes the view


def test_a_still_view_draws_nothing(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    qtbot.wait(300)  # prefetch and the coarsest levels
    reports: list[FrameReport] = []
    view.frame_report.connect(reports.append)

    qtbot.wait(200)

    assert reports == []


def test_the_view_stays_on_the_slide(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    view.go_to(-1e9, 1e9, instant=True)

    assert (view.camera.view.centre_x, view.camera.view.centre_y) == (0, 8192)


def test_another_slide_closes_the_one_before(qtbot: QtBot, view: SlideView) -> None:
    first, second = MadeSource(), MadeSource(size=4096)
    show(qtbot, view, first)
    show(qtbot, view, second)

    assert first.closed
    assert not second.closed
    view.close_slide()
    assert second.closed


def test_entered_pixel_size_holds_until_the_next_slide(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource(mpp_um=None))
    assert view.mpp_um is None
    view.set_mpp_um((0.5, 0.5))
    assert view.mpp_um == (0.5, 0.5)
    show(qtbot, view, MadeSource(mpp_um=None))

    assert view.mpp_um is None


def test_restoring_a_view_returns_to_it_exactly(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    there = View(1234.5, 2345.25, 1.75, 0.5)
    view.restore(there)

    assert view.camera.view == there


def test_cache_sizes_change_while_a_slide_is_open(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    smaller = Settings.default().replace("memory", cpu_cache_bytes=32 << 20, gpu_cache_bytes=64 << 20)
    view.apply_settings(smaller)
    qtbot.wait_until(lambda: view.sharp)

    assert view.frame_stats.gpu_capacity < 200


def test_the_place_under_a_resting_cursor_follows_the_slide(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource(size=4096))
    places: list[tuple[float, float] | None] = []
    view.cursor_moved.connect(places.append)
    mouse(view, QEvent.Type.MouseMove, (200, 100))
    first = places[-1]
    view.go_to(1000, 1000, downsample=1.0, instant=True)
    qtbot.wait_until(lambda: places[-1] != first)
    assert places[-1] == pytest.approx(under(view, (200, 100)))
    QApplication.sendEvent(view.canvas.native, QEvent(QEvent.Type.Leave))
    assert places[-1] is None


def test_a_slide_that_the_gpu_refuses_is_reported_once(
    qtbot: QtBot, view: SlideView, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> None:
        raise GpuError("texture pool too large")

    reasons: list[str] = []
    view.undrawable.connect(reasons.append)
    with monkeypatch.context() as patched:
        patched.setattr(canvas, "TileEngine", refuse)
        view.set_source(MadeSource(size=1024))
        qtbot.wait_until(lambda: bool(reasons))
        view.canvas.native.repaint()
    assert reasons == ["texture pool too large"]
    show(qtbot, view, MadeSource(size=1024))


def test_an_error_in_the_canvas_is_not_swallowed(
    qtbot: QtBot, view: SlideView, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(qtbot, view, MadeSource(size=1024))

    def fail(*_args: object) -> None:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr(view.canvas.hand, "press", fail)
    with pytest.raises(ZeroDivisionError, match="by accident"):
        mouse(view, QEvent.Type.MouseButtonPress, (50, 50))


def likeness(value: int, *, sequence: int = 1) -> OverlayLayer:
    """Of every patch of a MadeSource."""
    scores = np.full((64, 64), value, np.uint8)
    known = np.ones(scores.shape, bool)
    return OverlayLayer(scores, known, ~known, 128.0, 128.0, sequence)


def test_overlays_are_laid_restyled_hidden_and_taken_away(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    bare = view.frame_image()
    changes: list[None] = []
    view.overlays.changed.connect(lambda: changes.append(None))
    view.overlays.put("query", likeness(255), OverlayLook("magma", opacity=1.0))
    assert view.frame_image()[240, 320, :3].tolist() == list(colour_stops("magma")[-1])
    view.overlays.restyle("query", OverlayLook("viridis", opacity=1.0))
    assert view.frame_image()[240, 320, :3].tolist() == list(colour_stops("viridis")[-1])
    view.overlays.set_hidden(True)
    assert (view.frame_image() == bare).all()
    assert view.overlays.drawn == ()
    view.overlays.set_hidden(False)
    assert [overlay.name for overlay in view.overlays.drawn] == ["query"]
    view.overlays.remove("query")
    assert (view.frame_image() == bare).all()
    assert len(changes) == 5


def test_an_overlay_goes_with_its_slide(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    view.overlays.put("query", likeness(255), OverlayLook())
    show(qtbot, view, MadeSource())
    assert view.overlays.drawn == ()


def large(side: int, sequence: int = 1) -> OverlayLayer:
    """All as attentive as can be, over a MadeSource."""
    known, full = np.ones((side, side), bool), np.uint8(255)
    regions = -(-side // 16)
    levels = HierarchyLevels(
        np.full((regions, regions), full), np.full((side * 16, side * 16), full), np.ones((side, side), bool)
    )
    patch_px = 8192 / side
    return OverlayLayer(np.full((side, side), full), known, ~known, patch_px, patch_px, sequence, levels)


def test_a_layer_that_takes_several_frames_to_upload_is_there_without_the_reader_moving(
    qtbot: QtBot, view: SlideView
) -> None:
    show(qtbot, view, MadeSource())
    reports: list[FrameReport] = []
    view.frame_report.connect(reports.append)
    view.canvas.budget = FrameBudget(0.0, 0.0, 0.0)
    view.overlays.put("attention", large(80), OverlayLook("magma", opacity=1.0))
    qtbot.wait_until(lambda: bool(reports) and not reports[-1].upload_backlog)
    assert len(reports) >= 4
    assert view.frame_image()[240, 320, :3].tolist() == list(colour_stops("magma")[-1])


def test_a_layer_that_the_driver_cannot_hold_is_reported_once(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    messages: list[str] = []
    view.message.connect(messages.append)
    long = np.zeros((1, 40_000), np.uint8)
    for sequence in (1, 2):
        layer = OverlayLayer(long, long == 0, long > 0, 0.2, 8192.0, sequence)
        with qtbot.wait_signal(view.frame_drawn):
            view.overlays.put("query", layer, OverlayLook())
    assert len(messages) == 1
    assert re.fullmatch(pattern(strings.HATCHED), messages[0])
    assert "40000 × 1" in messages[0]


def test_a_flashlight_is_drawn_where_the_pointer_goes(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    bare = view.frame_image()
    view.overlays.put("query", likeness(255), OverlayLook(opacity=1.0, flashlight_px=30.0))

    def shines_here() -> bool:
        # Moves that come too fast are taken together, and the last may be lost: a hand goes on moving.
        for x_px in (319, 320):
            qtbot.mouseMove(view.canvas.native, QPoint(x_px, 240))
        return bool((view.frame_image()[240, 320] != bare[240, 320]).any())

    qtbot.mouseMove(view.canvas.native, QPoint(200, 200))
    qtbot.wait_until(shines_here)
    lit = (view.frame_image() != bare).any(axis=-1)
    assert lit[240, 320]
    assert not lit[240, 360]


def test_weighty_regions_load_first_and_all_become_sharp(qtbot: QtBot, view: SlideView) -> None:
    source = MadeSource()
    order: list[TileKey] = []
    read = source.read_tile
    source.read_tile = lambda key: (order.append(key), read(key))[1]  # type: ignore[method-assign]
    view.apply_settings(Settings.default().replace("streaming", decode_threads=1, prefetch=False))
    show(qtbot, view, source)
    weights = np.ones((8, 8), np.float32)
    weights[4, 4] = 4.0  # right below the middle
    view.set_region_loads(Loads(weights, np.zeros((8, 8), np.uint8)), 1024.0, 1024.0)
    order.clear()
    view.go_to(4096, 4096, downsample=1, instant=True)
    qtbot.wait_until(lambda: view.sharp)
    finest = [key for key in order if key.level == 0]
    assert finest[0].col >= 16
    assert finest[0].row >= 16
    assert (view.frame_image()[..., 2] == 0).all()


def test_gaze_comes_from_the_pointer_or_a_given_source(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    middle = pytest.approx((4096, 4096), abs=40)

    def follows() -> bool:
        # Moves that come too fast are taken together, and the last may be lost: a hand goes on moving.
        for x_px in (319, 320):
            qtbot.mouseMove(view.canvas.native, QPoint(x_px, 240))
        gaze = view.canvas.gaze_on_slide
        return gaze is not None and gaze[:2] == middle

    qtbot.wait_until(follows)
    view.set_gaze(NoGaze())
    assert view.canvas.gaze_on_slide is None


def test_foveated_drawing_is_signalled_never_sharp_and_never_kept(qtbot: QtBot, view: SlideView) -> None:
    show(qtbot, view, MadeSource())
    qtbot.mouseMove(view.canvas.native, QPoint(5, 5))
    qtbot.mouseMove(view.canvas.native, QPoint(10, 10))
    plain = view.frame_image()
    with qtbot.waitSignal(view.foveated_changed, check_params_cb=lambda on: on):
        view.set_foveated(True)
    qtbot.wait_until(lambda: not view.sharp)
    assert (view.frame_image() == plain).all()
    view.set_foveated(False)
    qtbot.wait_until(lambda: view.sharp)
