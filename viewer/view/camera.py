"""Where the reader is looking: centre, zoom, rotation, and how they move. Pure.

``View`` is one place to look from. ``Camera`` holds two of them, the present one and the target, and moves
the first to the second by exponential springs: zoom in its logarithm, so that equal notches of the wheel are
equal ratios; the centre either by its own spring or, while zooming or turning about a point, derived so that
the point stays under the cursor. Transforms are named to_from; ``screen`` is pixels of the canvas with y
down, whichever pixels ``downsample`` counts in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, exp, hypot, log, pi, remainder, sin

from viewer.slide.geometry import Rect

ZOOM_TIME_CONSTANT_S = 0.055
PAN_TIME_CONSTANT_S = 0.045
KINETIC_TIME_CONSTANT_S = 0.25
"""How fast a thrown slide comes to rest: its speed falls to 1/e in this time."""


@dataclass(frozen=True, slots=True)
class View:
    """A place to look from: the slide point in the middle of the screen, slide pixels per screen pixel along
    x, and the clockwise turn of the slide on the screen."""

    centre_x: float
    centre_y: float
    downsample: float
    rotation_rad: float = 0.0


def screen_from_slide(
    view: View, size_px: tuple[float, float], aspect: float, x: float, y: float
) -> tuple[float, float]:
    """Where a slide point appears. ``aspect`` is the height of a slide pixel over its width."""
    dx, dy = (x - view.centre_x) / view.downsample, (y - view.centre_y) * aspect / view.downsample
    c, s = cos(view.rotation_rad), sin(view.rotation_rad)
    return size_px[0] / 2 + c * dx - s * dy, size_px[1] / 2 + s * dx + c * dy


def slide_from_screen(
    view: View, size_px: tuple[float, float], aspect: float, x: float, y: float
) -> tuple[float, float]:
    """The slide point under a screen point; the inverse of ``screen_from_slide``."""
    dx, dy = slide_offset_from_screen(view, aspect, x - size_px[0] / 2, y - size_px[1] / 2)
    return view.centre_x + dx, view.centre_y + dy


def slide_offset_from_screen(view: View, aspect: float, dx: float, dy: float) -> tuple[float, float]:
    """A distance on the screen as a distance on the slide."""
    c, s = cos(view.rotation_rad), sin(view.rotation_rad)
    return (c * dx + s * dy) * view.downsample, (c * dy - s * dx) * view.downsample / aspect


def field_of_view(view: View, size_px: tuple[float, float], aspect: float) -> Rect:
    """The smallest upright rectangle of the slide that holds everything on the screen."""
    c, s = abs(cos(view.rotation_rad)), abs(sin(view.rotation_rad))
    half_x = (c * size_px[0] + s * size_px[1]) / 2 * view.downsample
    half_y = (s * size_px[0] + c * size_px[1]) / 2 * view.downsample / aspect
    return Rect(
        view.centre_x - half_x, view.centre_y - half_y, view.centre_x + half_x, view.centre_y + half_y
    )


def fitting_view(rect: Rect, size_px: tuple[float, float], aspect: float, rotation_rad: float = 0.0) -> View:
    """The closest view that shows all of ``rect`` with a narrow margin."""
    c, s = abs(cos(rotation_rad)), abs(sin(rotation_rad))
    width, height = rect.width, rect.height * aspect
    across, down = c * width + s * height, s * width + c * height
    downsample = max(across / max(size_px[0], 1.0), down / max(size_px[1], 1.0)) * 1.04
    return View(*rect.centre, downsample, rotation_rad)


@dataclass(frozen=True, slots=True)
class Velocity:
    """How the reader has been moving: mean and standard deviation of the centre's speed, and of the zoom's.

    Slide pixels per second along x and y; natural logarithm of downsample per second (negative zooms in).
    """

    x: float = 0.0
    y: float = 0.0
    x_std: float = 0.0
    y_std: float = 0.0
    log_downsample: float = 0.0


class VelocityEstimator:
    """Smoothed velocity and its spread, for guessing what will be needed next.

    An exponentially weighted mean with a half-life of 50 ms follows the hand; mean and variance of that with
    a half-life of one second say how steady it is (the model of neuroglancer's chunk prefetch, with log-zoom
    as a third axis).
    """

    _FAST_HALF_LIFE_S = 0.05
    _SLOW_HALF_LIFE_S = 1.0

    def __init__(self) -> None:
        self._last: View | None = None
        self._fast = [0.0, 0.0, 0.0]
        self._mean = [0.0, 0.0, 0.0]
        self._variance = [0.0, 0.0, 0.0]

    def add(self, view: View, dt_s: float) -> None:
        """The view ``dt_s`` seconds after the one given before."""
        last, self._last = self._last, view
        if last is None or dt_s <= 0:
            return
        speeds = (
            (view.centre_x - last.centre_x) / dt_s,
            (view.centre_y - last.centre_y) / dt_s,
            log(view.downsample / last.downsample) / dt_s,
        )
        fast, slow = 1 - 0.5 ** (dt_s / self._FAST_HALF_LIFE_S), 1 - 0.5 ** (dt_s / self._SLOW_HALF_LIFE_S)
        for axis, speed in enumerate(speeds):
            self._fast[axis] += fast * (speed - self._fast[axis])
            off = self._fast[axis] - self._mean[axis]
            self._mean[axis] += slow * off
            self._variance[axis] = (1 - slow) * (self._variance[axis] + slow * off * off)

    @property
    def velocity(self) -> Velocity:
        x_std, y_std = self._variance[0] ** 0.5, self._variance[1] ** 0.5
        return Velocity(self._fast[0], self._fast[1], x_std, y_std, self._fast[2])


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A slide point that must stay at one place on the screen, given from the screen's centre, while zoom and
    turn run."""

    slide_x: float
    slide_y: float
    screen_dx: float
    screen_dy: float

    def hold(self, view: View, aspect: float) -> View:
        dx, dy = slide_offset_from_screen(view, aspect, self.screen_dx, self.screen_dy)
        return replace(view, centre_x=self.slide_x - dx, centre_y=self.slide_y - dy)


class Camera:
    """The present view on its way to the target view.

    ``limits`` keep the centre inside a rectangle and the downsample between two values, so that the slide
    cannot be lost.
    """

    def __init__(self, view: View, *, aspect: float = 1.0) -> None:
        self.view = view
        self.target = view
        self.aspect = aspect
        self.centre_limits: Rect | None = None
        self.downsample_limits: tuple[float, float] = (1e-3, 1e9)
        self._anchor: _Anchor | None = None
        self._pan_time_constant_s = PAN_TIME_CONSTANT_S
        self._estimator = VelocityEstimator()

    @property
    def moving(self) -> bool:
        return self.view != self.target

    @property
    def velocity(self) -> Velocity:
        return self._estimator.velocity

    def jump(self, view: View) -> None:
        """Be there at once."""
        self.target = self.view = self._limited(view)
        self._anchor = None
        self._estimator = VelocityEstimator()  # a jump says nothing about where the reader goes next

    def go(self, view: View) -> None:
        """Move there on a spring, turning by the shorter way."""
        self._anchor = None
        self._pan_time_constant_s = PAN_TIME_CONSTANT_S
        self.target = self._limited(replace(view, rotation_rad=self._by_shorter_way(view.rotation_rad)))

    def drag(self, dx_px: float, dy_px: float) -> None:
        """Move the slide with the hand: at once, by a distance on the screen."""
        dx, dy = slide_offset_from_screen(self.view, self.aspect, dx_px, dy_px)
        moved = replace(self.view, centre_x=self.view.centre_x - dx, centre_y=self.view.centre_y - dy)
        self.view = self.target = self._limited(moved)
        self._anchor = None

    def throw(self, vx_px_s: float, vy_px_s: float) -> None:
        """Let the slide glide on from a speed on the screen, in pixels per second, until friction stops
        it.
        """
        reach = KINETIC_TIME_CONSTANT_S
        dx, dy = slide_offset_from_screen(self.view, self.aspect, vx_px_s * reach, vy_px_s * reach)
        rest = replace(self.view, centre_x=self.view.centre_x - dx, centre_y=self.view.centre_y - dy)
        self.go(rest)
        self._pan_time_constant_s = KINETIC_TIME_CONSTANT_S

    def pan(self, dx_px: float, dy_px: float) -> None:
        """Move the target by a distance on the screen (arrow keys)."""
        dx, dy = slide_offset_from_screen(self.target, self.aspect, dx_px, dy_px)
        self.go(replace(self.target, centre_x=self.target.centre_x + dx, centre_y=self.target.centre_y + dy))

    def zoom(self, downsample: float, *, about_px: tuple[float, float] = (0.0, 0.0)) -> None:
        """Zoom to ``downsample``; the slide point at ``about_px`` from the screen's centre stays where it
        is.
        """
        low, high = self.downsample_limits
        self._turn_about(replace(self.target, downsample=min(max(downsample, low), high)), about_px)

    def rotate(self, rotation_rad: float, *, about_px: tuple[float, float] = (0.0, 0.0)) -> None:
        """Turn the slide to ``rotation_rad`` clockwise by the shorter way."""
        self._turn_about(replace(self.target, rotation_rad=self._by_shorter_way(rotation_rad)), about_px)

    def step(self, dt_s: float) -> None:
        """Advance the springs by ``dt_s`` seconds."""
        view, target = self.view, self.target
        if view == target:
            self._estimator.add(view, dt_s)
            return
        turn = 1 - exp(-dt_s / ZOOM_TIME_CONSTANT_S)
        pan = 1 - exp(-dt_s / self._pan_time_constant_s)
        moved = View(
            view.centre_x + (target.centre_x - view.centre_x) * pan,
            view.centre_y + (target.centre_y - view.centre_y) * pan,
            view.downsample * exp(log(target.downsample / view.downsample) * turn),
            view.rotation_rad + (target.rotation_rad - view.rotation_rad) * turn,
        )
        if self._anchor is not None:
            moved = self._anchor.hold(moved, self.aspect)
        self.view = self._settled(moved)
        self._estimator.add(self.view, dt_s)

    def _by_shorter_way(self, rotation_rad: float) -> float:
        """The angle, give or take whole turns, that is nearest to the present one."""
        return self.view.rotation_rad + remainder(rotation_rad - self.view.rotation_rad, 2 * pi)

    def _turn_about(self, wanted: View, about_px: tuple[float, float]) -> None:
        dx, dy = slide_offset_from_screen(self.view, self.aspect, *about_px)
        self._anchor = _Anchor(self.view.centre_x + dx, self.view.centre_y + dy, *about_px)
        self._pan_time_constant_s = PAN_TIME_CONSTANT_S
        held = self._anchor.hold(wanted, self.aspect)
        self.target = self._limited(held)
        if self.target != held:  # the limit moved the centre: the point cannot be held
            self._anchor = None

    def _settled(self, view: View) -> View:
        """The target once the rest of the way is invisible: a tenth of a pixel, a hundredth of a degree."""
        target = self.target
        distance_px = (
            hypot(target.centre_x - view.centre_x, target.centre_y - view.centre_y) / target.downsample
        )
        near = (
            distance_px < 0.1
            and abs(log(target.downsample / view.downsample)) < 1e-4
            and abs(target.rotation_rad - view.rotation_rad) < 2e-4
        )
        if not near:
            return view
        self._anchor = None
        self.target = replace(target, rotation_rad=remainder(target.rotation_rad, 2 * pi))
        return self.target

    def _limited(self, view: View) -> View:
        low, high = self.downsample_limits
        view = replace(view, downsample=min(max(view.downsample, low), high))
        box = self.centre_limits
        if box is None:
            return view
        x, y = min(max(view.centre_x, box.x0), box.x1), min(max(view.centre_y, box.y0), box.y1)
        return replace(view, centre_x=x, centre_y=y)
