"""viewer.view.gaze and acuity: the published law, sources, fallback, and weights that only reorder."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest

from viewer.slide.geometry import Pyramid
from viewer.stream.plan import make_plan
from viewer.stream.residency import Residency
from viewer.view.acuity import eccentricity_deg, relative_acuity, tangent_per_px
from viewer.view.camera import View, slide_from_screen
from viewer.view.gaze import GazeMoment, GazeOrPointer, GazePoint, NoGaze, PointerGaze, attention_weight
from viewer.view.screen import Screen

TANGENT = tangent_per_px((1920, 1080), 24.0, 60.0)


def moment(now_s: float = 0.0, pointer_px: tuple[float, float] | None = (10.0, 20.0)) -> GazeMoment:
    return GazeMoment(now_s, pointer_px, canvas_origin_px=(100.0, 50.0), display_px=(1920.0, 1080.0))


def test_a_pixel_of_a_24_inch_display_at_60_cm_is_a_fortieth_of_a_degree() -> None:
    assert np.degrees(TANGENT) == pytest.approx(1 / 37.8, rel=0.01)


def test_acuity_is_half_at_one_degree_and_whole_within_the_radius() -> None:
    at_e2 = np.tan(np.radians(2.0 + (1 / 48) / 0.022)) / TANGENT
    acuity = relative_acuity(eccentricity_deg([0.0, np.tan(np.radians(2.0)) / TANGENT, at_e2], TANGENT, 2.0))
    assert acuity == pytest.approx([1.0, 1.0, 0.5], abs=1e-6)


def test_the_pointer_is_a_gaze_and_off_is_none() -> None:
    assert PointerGaze(3.0).sample(moment()) == GazePoint(10.0, 20.0, 3.0)
    assert PointerGaze().sample(moment(pointer_px=None)) is None
    assert NoGaze().sample(moment()) is None


def test_shares_of_the_display_become_pixels_of_the_canvas() -> None:
    assert moment().canvas_point(0.5, 0.5) == (860.0, 490.0)


class Tracker:
    """A tracker that the test switches off and on."""

    on = True
    closed = False

    def sample(self, moment: GazeMoment) -> GazePoint | None:
        return GazePoint(1.0, 1.0, 1.0) if self.on else None

    def close(self) -> None:
        self.closed = True


def test_a_tracker_that_vanishes_gives_way_to_the_pointer_and_comes_back() -> None:
    tracker, reported = Tracker(), []
    gaze = GazeOrPointer(tracker, PointerGaze(5.0), reported.append)
    assert gaze.sample(moment(0.0)) == GazePoint(1.0, 1.0, 1.0)
    tracker.on = False
    assert gaze.sample(moment(0.9)) is None, "a blink is no loss"
    assert gaze.sample(moment(1.1)) == gaze.sample(moment(9.0)) == GazePoint(10.0, 20.0, 5.0)
    assert len(reported) == 1
    assert "pointer" in reported[0]
    tracker.on = True
    assert gaze.sample(moment(9.1)) == GazePoint(1.0, 1.0, 1.0)
    assert len(reported) == 2
    gaze.close()
    assert tracker.closed


def test_a_tracker_that_was_never_there_is_reported_too() -> None:
    tracker, reported = Tracker(), []
    tracker.on = False
    gaze = GazeOrPointer(tracker, PointerGaze(), reported.append)
    assert gaze.sample(moment(5.0)) is None
    assert gaze.sample(moment(6.5)) is not None
    assert len(reported) == 1


def test_weights_fall_from_four_where_the_eye_is_and_stay_above_one() -> None:
    view, screen = View(5000, 4000, 4.0, pi / 3), Screen(1280, 800, 1.25)
    weigh = attention_weight(view, screen, GazePoint(900.0, 300.0, 1.0), TANGENT)
    places_px = [(900.0, 300.0), (920.0, 300.0), (1000.0, 300.0), (1200.0, 300.0), (0.0, 800.0)]
    points = np.array([slide_from_screen(view, screen.size_px, screen.aspect, *at) for at in places_px])
    weights = weigh(0, points[:, 0], points[:, 1])
    assert weights[0] == weights[1] == 4.0, "within the source's own radius all is looked at"
    assert (np.diff(weights[1:]) < 0).all()
    assert weights[-1] > 1.0


def test_without_a_gaze_all_weigh_one() -> None:
    weigh = attention_weight(View(0, 0, 1), Screen(10, 10), None, TANGENT)
    assert weigh(0, np.zeros(3), np.zeros(3)).tolist() == [1.0, 1.0, 1.0]


def test_gaze_changes_the_order_and_nothing_else() -> None:
    pyramid = Pyramid.from_sizes([(4096, 4096)], [(256, 256)])
    view, screen = View(2048, 2048, 1.0), Screen(1024, 1024)
    gaze = GazePoint(100.0, 100.0, 0.5)
    weigh = attention_weight(view, screen, gaze, TANGENT)
    plain = make_plan(pyramid, Residency(pyramid, 64), view, view, screen)
    steered = make_plan(pyramid, Residency(pyramid, 64), view, view, screen, attention=weigh)
    assert set(steered.requested) == set(plain.requested)
    assert (steered.urgent, steered.missing) == (plain.urgent, plain.missing)
    first = steered.requested[0]
    assert (first.col, first.row) == ((2048 - 512 + 100) // 256, (2048 - 512 + 100) // 256)
    assert plain.requested[0] != first
