"""viewer.view.camera: transforms undo each other, points under the cursor stay there, springs end where they
should."""

from __future__ import annotations

from itertools import pairwise
from math import cos, exp, hypot, log, pi, sin
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.slide.geometry import Rect
from viewer.view.camera import (
    KINETIC_TIME_CONSTANT_S,
    Camera,
    Velocity,
    VelocityEstimator,
    View,
    field_of_view,
    fitting_view,
    screen_from_slide,
    slide_from_screen,
    slide_offset_from_screen,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME_S = 1 / 60
SIZE = (1280.0, 800.0)
INVISIBLE_PX = 0.25
"""What the last step of a spring may jump: the rest of the way, a tenth of a pixel at the centre."""

views = st.builds(
    View,
    st.floats(-1e5, 1e5),
    st.floats(-1e5, 1e5),
    st.floats(-3, 8).map(exp),
    st.floats(-10, 10) | st.just(0.0),
)
aspects = st.floats(0.5, 2)
offsets = st.floats(-640, 640)
sizes = st.tuples(st.floats(1, 4000), st.floats(1, 4000))


def run(camera: Camera, *, longest_s: float = 10.0) -> list[View]:
    """The views of every frame until the camera rests."""
    views = [camera.view]
    while camera.moving:
        camera.step(FRAME_S)
        views.append(camera.view)
        assert len(views) < longest_s / FRAME_S, "the camera never rests"
    return views


def same_view(view: View, *, tolerance: float = 1e-9) -> object:
    return pytest.approx(
        (view.centre_x, view.centre_y, view.downsample, view.rotation_rad), rel=tolerance, abs=tolerance
    )


def numbers(view: View) -> tuple[float, float, float, float]:
    return view.centre_x, view.centre_y, view.downsample, view.rotation_rad


class TestTransforms:
    @given(views, sizes, aspects, offsets, offsets)
    def test_to_the_screen_and_back_is_the_same_point(
        self, view: View, size: tuple[float, float], aspect: float, dx: float, dy: float
    ) -> None:
        x, y = view.centre_x + dx * view.downsample, view.centre_y + dy * view.downsample
        back = slide_from_screen(view, size, aspect, *screen_from_slide(view, size, aspect, x, y))
        assert back == pytest.approx((x, y), rel=1e-9, abs=1e-9 * (1 + view.downsample * 1e3))

    @given(views, sizes, aspects)
    def test_the_centre_is_in_the_middle(self, view: View, size: tuple[float, float], aspect: float) -> None:
        middle = size[0] / 2, size[1] / 2
        assert screen_from_slide(view, size, aspect, view.centre_x, view.centre_y) == pytest.approx(middle)

    def test_x_goes_right_y_goes_down_and_tall_pixels_stretch_y(self) -> None:
        view = View(1000, 2000, 4.0)
        assert screen_from_slide(view, (100, 100), 1.5, 1040, 2040) == (60, 65)

    def test_a_positive_turn_is_clockwise_on_the_screen(self) -> None:
        """What lay right of the centre lies below it."""
        turned = screen_from_slide(View(0, 0, 1.0, pi / 2), (100, 100), 1.0, 30, 0)
        assert turned == pytest.approx((50, 80))

    @given(views, aspects, offsets, offsets)
    def test_distances_keep_their_length_on_tissue(
        self, view: View, aspect: float, dx: float, dy: float
    ) -> None:
        x, y = slide_offset_from_screen(view, aspect, dx, dy)
        assert hypot(x, y * aspect) == pytest.approx(hypot(dx, dy) * view.downsample, rel=1e-9, abs=1e-9)

    @given(views, sizes, aspects)
    def test_the_field_is_the_smallest_that_holds_the_corners(
        self, view: View, size: tuple[float, float], aspect: float
    ) -> None:
        corners = [(0.0, 0.0), (size[0], 0.0), (0.0, size[1]), size]
        points = [slide_from_screen(view, size, aspect, *corner) for corner in corners]
        xs, ys = [x for x, _ in points], [y for _, y in points]
        field = field_of_view(view, size, aspect)
        tight = (min(xs), min(ys), max(xs), max(ys))
        assert field == pytest.approx(tight, rel=1e-9, abs=1e-9 * (1 + field.width + field.height))


class TestFittingView:
    @given(st.floats(1, 1e5), st.floats(1, 1e5), sizes, aspects, st.floats(-pi, pi) | st.just(0.0))
    def test_shows_all_of_it_with_a_narrow_margin(
        self, width: float, height: float, size: tuple[float, float], aspect: float, rotation_rad: float
    ) -> None:
        rect = Rect(50, 80, 50 + width, 80 + height)
        view = fitting_view(rect, size, aspect, rotation_rad)
        corners = [(x, y) for x in (rect.x0, rect.x1) for y in (rect.y0, rect.y1)]
        seen = [screen_from_slide(view, size, aspect, *corner) for corner in corners]
        used = [
            (max(along) - min(along)) / side
            for along, side in zip(zip(*seen, strict=True), size, strict=True)
        ]
        assert max(used) == pytest.approx(1 / 1.04, rel=1e-6)
        middle = [sum(along) / 4 for along in zip(*seen, strict=True)]
        assert middle == pytest.approx([size[0] / 2, size[1] / 2], rel=1e-6)
        assert view.rotation_rad == rotation_rad

    def test_a_window_without_size_yet_is_no_error(self) -> None:
        assert fitting_view(Rect(0, 0, 100, 50), (0, 0), 1.0).downsample == pytest.approx(104)


class TestZoom:
    @given(views, aspects, st.floats(-3, 3), offsets, offsets, st.floats(0.001, 0.2))
    def test_the_point_under_the_cursor_stays_there_at_every_step(
        self, view: View, aspect: float, ratio_log: float, dx: float, dy: float, dt_s: float
    ) -> None:
        camera = Camera(view, aspect=aspect)
        held = slide_from_screen(view, SIZE, aspect, SIZE[0] / 2 + dx, SIZE[1] / 2 + dy)
        camera.zoom(view.downsample * exp(ratio_log), about_px=(dx, dy))
        for _ in range(2000):
            x, y = screen_from_slide(camera.view, SIZE, aspect, *held)
            assert hypot(x - SIZE[0] / 2 - dx, y - SIZE[1] / 2 - dy) < INVISIBLE_PX
            if not camera.moving:
                break
            camera.step(dt_s)
        assert not camera.moving
        assert camera.view.downsample == pytest.approx(view.downsample * exp(ratio_log))

    def test_it_stays_there_while_notches_follow_each_other_and_the_slide_turns(self) -> None:
        camera = Camera(View(5000, 4000, 8.0, 0.3), aspect=1.2)
        about = (200.0, -150.0)
        for notch in range(8):
            held = slide_from_screen(camera.view, SIZE, 1.2, 640 + about[0], 400 + about[1])
            camera.zoom(camera.target.downsample / 2**0.5, about_px=about)
            camera.rotate(camera.target.rotation_rad + 0.1, about_px=about)
            for _ in range(2 + notch % 2):
                camera.step(FRAME_S)
            assert screen_from_slide(camera.view, SIZE, 1.2, *held) == pytest.approx((840, 250), abs=1e-6)
        assert camera.target.downsample == pytest.approx(8.0 / 16)

    def test_equal_notches_are_equal_ratios_and_equal_times_equal_shares_of_the_way(self) -> None:
        camera = Camera(View(0, 0, 16.0))
        camera.zoom(1.0)
        ratios = [log(b.downsample / a.downsample) for a, b in pairwise(run(camera)[:8])]
        shares = [b / a for a, b in pairwise(ratios)]
        assert shares == pytest.approx([shares[0]] * len(shares))
        assert 0 < shares[0] < 1

    def test_the_way_does_not_depend_on_the_frame_rate(self) -> None:
        fast, slow = Camera(View(0, 0, 16.0)), Camera(View(0, 0, 16.0))
        for camera in (fast, slow):
            camera.zoom(4.0, about_px=(100, 50))
        for _ in range(4):
            fast.step(FRAME_S / 2)
        for _ in range(2):
            slow.step(FRAME_S)
        assert numbers(fast.view) == same_view(slow.view)

    @pytest.mark.parametrize(("wanted", "reached"), [(1e-9, 0.25), (1e9, 64.0), (2.0, 2.0)])
    def test_stops_at_the_limits_with_the_point_still_under_the_cursor(
        self, wanted: float, reached: float
    ) -> None:
        camera = Camera(View(1000, 1000, 4.0))
        camera.downsample_limits = (0.25, 64.0)
        held = slide_from_screen(camera.view, SIZE, 1.0, 740, 400)
        camera.zoom(wanted, about_px=(100, 0))
        run(camera)
        assert camera.view.downsample == reached
        assert screen_from_slide(camera.view, SIZE, 1.0, *held) == pytest.approx((740, 400), abs=INVISIBLE_PX)

    def test_where_the_centre_would_leave_the_slide_it_stays_inside_instead(self) -> None:
        camera = Camera(View(990, 500, 1.0))
        camera.centre_limits = Rect(0, 0, 1000, 1000)
        camera.zoom(100.0, about_px=(-600, 0))
        for view in run(camera):
            assert 0 <= view.centre_x <= 1000
        assert camera.view == View(1000, 500, 100.0)


class TestRotate:
    @given(st.floats(-pi, pi), st.floats(-20, 20))
    def test_goes_the_shorter_way_and_rests_within_half_a_turn(self, start: float, wanted: float) -> None:
        camera = Camera(View(0, 0, 1.0, start))
        camera.rotate(wanted)
        path = [view.rotation_rad for view in run(camera)[:-1]]
        assert all(abs(angle - start) <= pi + 1e-9 for angle in path)
        assert abs(camera.view.rotation_rad) <= pi + 1e-9
        assert (cos(camera.view.rotation_rad), sin(camera.view.rotation_rad)) == pytest.approx(
            (cos(wanted), sin(wanted)), abs=1e-9
        )

    @given(offsets, offsets, st.floats(-3, 3))
    def test_the_point_turned_about_stays(self, dx: float, dy: float, angle: float) -> None:
        camera = Camera(View(3000, 2000, 2.0), aspect=0.9)
        held = slide_from_screen(camera.view, SIZE, 0.9, 640 + dx, 400 + dy)
        camera.rotate(angle, about_px=(dx, dy))
        for view in run(camera):
            assert screen_from_slide(view, SIZE, 0.9, *held) == pytest.approx(
                (640 + dx, 400 + dy), abs=INVISIBLE_PX
            )


class TestPanAndDrag:
    @given(views, aspects, offsets, offsets)
    def test_a_dragged_point_follows_the_hand_at_once(
        self, view: View, aspect: float, dx: float, dy: float
    ) -> None:
        camera = Camera(view, aspect=aspect)
        held = slide_from_screen(view, SIZE, aspect, 300, 300)
        camera.drag(dx, dy)
        assert not camera.moving
        x, y = screen_from_slide(camera.view, SIZE, aspect, *held)
        assert (x, y) == pytest.approx((300 + dx, 300 + dy), abs=1e-3)

    def test_a_drag_stops_whatever_moves(self) -> None:
        camera = Camera(View(0, 0, 8.0))
        camera.zoom(1.0, about_px=(300, 0))
        camera.step(FRAME_S)
        before = camera.view
        camera.drag(0, 0)
        assert camera.view == camera.target == before
        assert len(run(camera)) == 1

    def test_a_pan_moves_the_target_along_the_screen_on_a_spring(self) -> None:
        camera = Camera(View(100, 100, 2.0, pi / 2), aspect=2.0)
        camera.pan(10, 0)
        assert camera.view == View(100, 100, 2.0, pi / 2)
        assert numbers(camera.target) == pytest.approx((100, 90, 2.0, pi / 2))
        camera.pan(10, 0)
        assert camera.target.centre_y == pytest.approx(80), "two pans add up, also under way"
        path = run(camera)
        assert len(path) > 5
        assert all(a.centre_y > b.centre_y for a, b in pairwise(path))
        assert camera.view == camera.target

    @pytest.mark.parametrize(
        ("wanted", "reached"), [((-50, 70), (0, 70)), ((50, 700), (50, 200)), ((101, -1), (100, 0))]
    )
    def test_the_centre_stays_within_its_limits(
        self, wanted: tuple[float, float], reached: tuple[float, float]
    ) -> None:
        camera = Camera(View(50, 50, 1.0))
        camera.centre_limits = Rect(0, 0, 100, 200)
        camera.drag(50 - wanted[0], 50 - wanted[1])
        assert (camera.view.centre_x, camera.view.centre_y) == reached


class TestThrow:
    def test_glides_on_at_the_speed_of_the_hand_and_rests_where_friction_says(self) -> None:
        """Speed times time constant, in the direction of the hand."""
        camera = Camera(View(10_000, 10_000, 4.0))
        camera.throw(1000, -500)
        expected = (10_000 - 4 * 1000 * KINETIC_TIME_CONSTANT_S, 10_000 + 4 * 500 * KINETIC_TIME_CONSTANT_S)
        camera.step(1e-4)
        assert (10_000 - camera.view.centre_x) / 4 / 1e-4 == pytest.approx(1000, rel=1e-3)
        path = run(camera)
        assert (camera.view.centre_x, camera.view.centre_y) == expected
        assert all(a.centre_x > b.centre_x and a.centre_y < b.centre_y for a, b in pairwise(path))

    def test_its_speed_falls_to_one_eth_in_the_time_constant(self) -> None:
        camera = Camera(View(0, 0, 1.0))
        camera.throw(-1000, 0)
        rest = camera.target.centre_x
        camera.step(KINETIC_TIME_CONSTANT_S)
        assert (rest - camera.view.centre_x) / rest == pytest.approx(exp(-1))

    def test_ends_at_the_limits(self) -> None:
        camera = Camera(View(50, 50, 1.0))
        camera.centre_limits = Rect(0, 0, 100, 100)
        camera.throw(-10_000, 0)
        run(camera)
        assert camera.view == View(100, 50, 1.0)

    @pytest.mark.parametrize(
        "move",
        [
            lambda camera: camera.go(View(300, 0, 1.0)),
            lambda camera: camera.zoom(8.0, about_px=(-600, 0)),
        ],
        ids=["go", "zoom that the limits push"],
    )
    def test_the_next_movement_is_as_quick_as_ever(self, move: Callable[[Camera], None]) -> None:
        thrown, fresh = Camera(View(0, 0, 1.0)), Camera(View(0, 0, 1.0))
        thrown.throw(500, 0)
        for camera in (thrown, fresh):
            camera.centre_limits = Rect(-1000, -1000, 1000, 1000)
            move(camera)
            camera.step(FRAME_S)
        assert thrown.view == fresh.view
        assert fresh.moving


class TestGoAndJump:
    @given(views, views)
    def test_go_gets_there_and_jump_is_there(self, start: View, end: View) -> None:
        camera, jumper = Camera(start), Camera(start)
        camera.go(end)
        run(camera)
        jumper.jump(end)
        assert not jumper.moving
        for reached in (camera.view, jumper.view):
            assert numbers(reached)[:3] == numbers(end)[:3]
            assert cos(reached.rotation_rad - end.rotation_rad) == pytest.approx(1)

    def test_both_keep_the_limits(self) -> None:
        camera = Camera(View(50, 50, 1.0))
        camera.centre_limits = Rect(0, 0, 100, 100)
        camera.downsample_limits = (0.5, 2.0)
        camera.jump(View(-5, 500, 10.0))
        assert camera.view == camera.target == View(0, 100, 2.0)
        camera.go(View(500, -5, 0.1))
        assert camera.target == View(100, 0, 0.5)

    def test_a_zoom_under_way_lets_go_of_its_point(self) -> None:
        for move in (Camera.go, Camera.jump):
            camera = Camera(View(0, 0, 8.0))
            camera.zoom(1.0, about_px=(300, 0))
            camera.step(FRAME_S)
            move(camera, View(0, 0, 2.0))
            run(camera)
            assert camera.view == View(0, 0, 2.0)

    def test_go_turns_the_shorter_way(self) -> None:
        camera = Camera(View(0, 0, 1.0, 3.0))
        camera.go(View(0, 0, 1.0, -3.0))
        assert all(abs(view.rotation_rad) >= 3.0 - 1e-9 for view in run(camera))
        assert camera.view.rotation_rad == pytest.approx(-3.0)


class TestVelocity:
    def test_a_camera_at_rest_has_none(self) -> None:
        camera = Camera(View(0, 0, 1.0))
        camera.step(FRAME_S)
        camera.step(FRAME_S)
        assert camera.velocity == Velocity()

    def test_a_steady_movement_is_measured_with_a_shrinking_spread(self) -> None:
        estimator = VelocityEstimator()
        for frame in range(600):
            time_s = frame * FRAME_S
            estimator.add(View(300 * time_s, -100 * time_s, exp(-0.5 * time_s)), FRAME_S)
            if frame == 60:
                early = estimator.velocity
        late = estimator.velocity
        assert (late.x, late.y, late.log_downsample) == pytest.approx((300, -100, -0.5), rel=1e-3)
        assert 0 < late.x_std < early.x_std
        assert late.y_std == pytest.approx(late.x_std / 3, rel=1e-6)

    def test_a_trembling_hand_has_a_wide_spread(self) -> None:
        steady, trembling = VelocityEstimator(), VelocityEstimator()
        for frame in range(200):
            steady.add(View(5.0 * frame, 0, 1.0), FRAME_S)
            trembling.add(View(5.0 * frame + 200 * (frame // 10 % 2), 0, 1.0), FRAME_S)
        assert trembling.velocity.x_std > 3 * steady.velocity.x_std

    def test_it_follows_the_hand_within_its_half_life(self) -> None:
        estimator = VelocityEstimator()
        estimator.add(View(0, 0, 1.0), FRAME_S)
        for frame in range(1, 6):
            estimator.add(View(100.0 * frame, 0, 1.0), 0.01)
        assert estimator.velocity.x == pytest.approx(10_000 / 2)

    def test_time_that_does_not_pass_says_nothing(self) -> None:
        estimator = VelocityEstimator()
        estimator.add(View(0, 0, 1.0), FRAME_S)
        estimator.add(View(100, 0, 1.0), 0.0)
        assert estimator.velocity == Velocity()

    def test_a_jump_says_nothing_about_where_the_reader_goes_next(self) -> None:
        camera = Camera(View(0, 0, 1.0))
        camera.go(View(1000, 0, 1.0))
        camera.step(FRAME_S)
        camera.step(FRAME_S)
        assert camera.velocity.x > 0
        camera.jump(View(-1e5, 0, 1.0))
        camera.step(FRAME_S)
        assert camera.velocity == Velocity()
