"""viewer.ui.canvas.pointer_control: what wheel, drag, throw, double click and keys do to the camera."""

from __future__ import annotations

from math import radians

import pytest

from viewer.ui.canvas import pointer_control as navigation
from viewer.ui.canvas.pointer_control import HandControl
from viewer.view.camera import KINETIC_TIME_CONSTANT_S, Camera, View, slide_from_screen

SIZE = (800.0, 600.0)
CURSOR = (600.0, 150.0)


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(navigation, "perf_counter", clock)
    return clock


@pytest.fixture
def hand(clock: Clock) -> HandControl:  # noqa: ARG001  # hands feel the clock of the test
    return HandControl(Camera(View(1000.0, 2000.0, 4.0)))


def move(
    hand: HandControl, clock: Clock, *, speed_px_s: tuple[float, float], seconds: float
) -> tuple[float, float]:
    """Press at (400, 300) and drag at a steady speed, a hundred events a second; returns where it ends."""
    x, y = 400.0, 300.0
    hand.press((x, y))
    for _ in range(round(seconds * 100)):
        clock.now_s += 0.01
        x, y = x + speed_px_s[0] * 0.01, y + speed_px_s[1] * 0.01
        hand.drag((x, y))
    return x, y


class TestWheel:
    def test_two_notches_double_the_magnification(self, hand: HandControl) -> None:
        hand.wheel(2, CURSOR, SIZE)
        assert hand.camera.target.downsample == pytest.approx(2.0)

    def test_equal_notches_are_equal_ratios_also_in_parts_and_while_zooming(self, hand: HandControl) -> None:
        """Touchpads and fine wheels send fractions of a notch."""
        downsamples = []
        for _ in range(4):
            hand.wheel(-0.5, CURSOR, SIZE)
            hand.wheel(-0.5, CURSOR, SIZE)
            downsamples.append(hand.camera.target.downsample)
            hand.camera.step(0.01)
        assert downsamples == pytest.approx([4 * 2 ** (notch / 2) for notch in (1, 2, 3, 4)])

    def test_there_and_back_is_where_it_was(self, hand: HandControl) -> None:
        hand.wheel(3, CURSOR, SIZE)
        hand.wheel(-3, CURSOR, SIZE)
        target = hand.camera.target
        assert (target.centre_x, target.centre_y, target.downsample) == pytest.approx((1000, 2000, 4))

    def test_the_tissue_under_the_cursor_stays(self, hand: HandControl) -> None:
        held = slide_from_screen(hand.camera.view, SIZE, 1.0, *CURSOR)
        hand.wheel(3, CURSOR, SIZE)
        assert slide_from_screen(hand.camera.target, SIZE, 1.0, *CURSOR) == pytest.approx(held)

    def test_may_be_inverted(self, hand: HandControl) -> None:
        hand.invert_wheel = True
        hand.wheel(2, CURSOR, SIZE)
        assert hand.camera.target.downsample == pytest.approx(8.0)

    def test_a_double_click_doubles_the_magnification_about_the_cursor(self, hand: HandControl) -> None:
        held = slide_from_screen(hand.camera.view, SIZE, 1.0, *CURSOR)
        hand.double_click(CURSOR, SIZE)
        assert hand.camera.target.downsample == 2.0
        assert slide_from_screen(hand.camera.target, SIZE, 1.0, *CURSOR) == pytest.approx(held)

    def test_turns_five_degrees_a_notch_about_the_cursor(self, hand: HandControl) -> None:
        held = slide_from_screen(hand.camera.view, SIZE, 1.0, *CURSOR)
        hand.turn(3, CURSOR, SIZE)
        assert hand.camera.target.rotation_rad == pytest.approx(radians(15))
        assert slide_from_screen(hand.camera.target, SIZE, 1.0, *CURSOR) == pytest.approx(held)


class TestDrag:
    def test_the_slide_follows_the_hand(self, hand: HandControl) -> None:
        assert not hand.holding
        hand.press((100, 100))
        assert hand.holding
        hand.drag((130, 80))
        hand.drag((110, 90))
        assert hand.camera.view == hand.camera.target == View(1000 - 40, 2000 + 40, 4.0)
        hand.release((110, 90))
        assert not hand.holding

    def test_a_movement_without_a_press_is_no_drag(self, hand: HandControl) -> None:
        hand.drag((130, 80))
        hand.release((130, 80))
        assert hand.camera.view == hand.camera.target == View(1000, 2000, 4.0)

    def test_taking_hold_stops_a_glide(self, hand: HandControl) -> None:
        hand.camera.throw(1000, 0)
        hand.camera.step(0.05)
        hand.press((0, 0))
        assert not hand.camera.moving


class TestThrow:
    def test_a_slide_let_go_in_movement_glides_on_at_the_speed_of_the_hand(
        self, hand: HandControl, clock: Clock
    ) -> None:
        end = move(hand, clock, speed_px_s=(1000, -500), seconds=0.3)
        before = hand.camera.view
        hand.release(end)
        reach = KINETIC_TIME_CONSTANT_S * 4.0
        assert hand.camera.target.centre_x == pytest.approx(before.centre_x - 1000 * reach)
        assert hand.camera.target.centre_y == pytest.approx(before.centre_y + 500 * reach)

    @pytest.mark.parametrize("speed_px_s", [(0.0, 500.0), (120.0, -120.0)])
    def test_any_direction_throws(
        self, hand: HandControl, clock: Clock, speed_px_s: tuple[float, float]
    ) -> None:
        hand.release(move(hand, clock, speed_px_s=speed_px_s, seconds=0.3))
        assert hand.camera.moving

    def test_a_mouse_of_a_thousand_events_a_second_is_measured_over_as_long(
        self, hand: HandControl, clock: Clock
    ) -> None:
        """The last events of a hand tremble; its mean over eighty milliseconds does not."""
        hand.press((0, 0))
        x = 0.0
        for event in range(200):
            clock.now_s += 0.001
            x += 1.0 if event < 195 else -1.0
            hand.drag((x, 0))
        hand.release((x, 0))
        thrown = hand.camera.view.centre_x - hand.camera.target.centre_x
        assert thrown == pytest.approx(1000 * KINETIC_TIME_CONSTANT_S * 4.0, rel=0.15)

    def test_only_the_last_movement_counts(self, hand: HandControl, clock: Clock) -> None:
        """A hand that turned round throws the way it went last."""
        x, y = move(hand, clock, speed_px_s=(-2000, 0), seconds=0.2)
        for _ in range(10):
            clock.now_s += 0.01
            x += 10
            hand.drag((x, y))
        hand.release((x, y))
        assert hand.camera.target.centre_x < hand.camera.view.centre_x

    @pytest.mark.parametrize("speed_px_s", [(140.0, 0.0), (-100.0, 100.0)])
    def test_a_slow_hand_does_not_throw(
        self, hand: HandControl, clock: Clock, speed_px_s: tuple[float, float]
    ) -> None:
        hand.release(move(hand, clock, speed_px_s=speed_px_s, seconds=0.3))
        assert not hand.camera.moving

    def test_a_hand_that_stopped_before_letting_go_does_not_throw(
        self, hand: HandControl, clock: Clock
    ) -> None:
        end = move(hand, clock, speed_px_s=(1000, 0), seconds=0.3)
        clock.now_s += 0.2
        hand.release(end)
        assert not hand.camera.moving

    def test_a_click_does_not_throw(self, hand: HandControl) -> None:
        hand.press((100, 100))
        hand.release((100, 100))
        assert not hand.camera.moving

    def test_may_be_switched_off(self, hand: HandControl, clock: Clock) -> None:
        hand.kinetic = False
        hand.release(move(hand, clock, speed_px_s=(1000, 0), seconds=0.3))
        assert not hand.camera.moving

    def test_events_at_one_instant_are_no_infinite_speed(self, hand: HandControl) -> None:
        hand.press((0, 0))
        hand.drag((1, 0))
        hand.release((1, 0))
        reach = KINETIC_TIME_CONSTANT_S * 4.0
        assert hand.camera.view.centre_x - hand.camera.target.centre_x <= 1000 * reach


@pytest.mark.parametrize(
    ("dx", "dy", "centre"),
    [(1, 0, (1640, 2000)), (-1, 0, (360, 2000)), (0, 1, (1000, 2480)), (0, -1, (1000, 1520))],
    ids=["right", "left", "down", "up"],
)
def test_an_arrow_key_goes_a_fifth_of_the_screen_on_a_spring(
    hand: HandControl, dx: int, dy: int, centre: tuple[float, float]
) -> None:
    hand.step(dx, dy, SIZE)
    assert hand.camera.moving
    assert (hand.camera.target.centre_x, hand.camera.target.centre_y) == pytest.approx(centre)
