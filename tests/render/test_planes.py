"""Planes from the source to the screen: each shows its own pixels, whole, and none of another's."""

from __future__ import annotations

import threading
import time
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from OpenGL import GL

from gpu.gl.pixel_format import PixelFormat
from viewer.render.frame import FrameReport, Look
from viewer.render.snapshot import snapshot
from viewer.render.tile_engine import TileEngine, coarsest_tiles
from viewer.slide.geometry import Pyramid, TileKey
from viewer.slide.pixels import GREY_8, GREY_16, RGBA_8, SampleFormat
from viewer.slide.planes import FIRST_PLANE, Plane, PlaneAxes
from viewer.slide.source import SlideInfo, TileError
from viewer.stream.streamer import Streamer
from viewer.view.camera import View
from viewer.view.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viewer.slide.pixels import Pixels

pytestmark = [pytest.mark.gl, pytest.mark.usefixtures("framebuffer")]

SIDE_PX, TILE_PX = 512, 64
WIDTH_PX, HEIGHT_PX = 200, 140
SCREEN = Screen(WIDTH_PX, HEIGHT_PX)
VIEW = View(SIDE_PX / 2, SIDE_PX / 2, 1.0)
PLANES = [Plane(channel, z) for channel, z in product(range(2), range(4))]
GREY = {plane: 40 + 25 * index for index, plane in enumerate(PLANES)}
PATIENCE_S = 10.0


class StackSource:
    """Two channels of four focal planes, each of one grey; tiles of planes that are not in ``open`` wait."""

    is_remote = False

    def __init__(self, samples: SampleFormat) -> None:
        sizes = [(SIDE_PX >> step, SIDE_PX >> step) for step in range(4)]
        levels = Pyramid.from_sizes(sizes, [(TILE_PX, TILE_PX)] * 4).levels
        self.pyramid = Pyramid(levels, planes=PlaneAxes(channels=2, z=4))
        about = Path("stack"), "", "", "", self.pyramid.extent, tuple(sizes)
        self.info = SlideInfo(*about, planes=self.pyramid.planes, samples=samples)
        self.open = set(PLANES)
        self.broken: set[TileKey] = set()
        self.read: list[TileKey] = []
        self.changed = threading.Condition()

    def read_tile(self, key: TileKey) -> Pixels:
        with self.changed:
            assert self.changed.wait_for(lambda: key.plane in self.open, PATIENCE_S)
            self.read.append(key)
        if key in self.broken:
            raise TileError("broken")
        samples, (width, height) = self.info.samples, self.pyramid.tile_size(key)
        value = GREY[key.plane] * (2**samples.bits // 255)
        tile = np.full((height, width, samples.per_pixel), value, samples.dtype)
        if samples.per_pixel == 4:
            tile[..., 3] = 255
        return tile

    def read_associated_image(self, name: str) -> Pixels:
        raise KeyError(name)

    def let_in(self, *planes: Plane) -> None:
        with self.changed:
            self.open = set(planes)
            self.changed.notify_all()

    def close(self) -> None:
        """Nothing is held."""


class Window:
    """An engine and what stands in its framebuffer."""

    def __init__(self, source: StackSource, gpu_cache_bytes: int) -> None:
        self.source = source
        self.streamer = Streamer(source, cache_bytes=1 << 28, on_tile=lambda: None, workers=1)
        self.engine = TileEngine(self.streamer, gpu_cache_bytes, SCREEN)

    def frame(self, plane: Plane, *, view: View = VIEW, marks: bool = False) -> FrameReport:
        """Draw one frame, which uploads one tile; what is seen is the reported plane and nothing else, unless
        there are ``marks``."""
        report = self.engine.frame(
            view, view, SCREEN, Look(plane=plane), velocity=None, now_s=0.0, upload_budget_ms=0.0, fade_s=0.0
        )
        if report.holes == 0 and not marks:
            assert (self.pixels() == GREY[report.plane]).all()
        return report

    def pixels(self) -> Pixels:
        pixels = np.empty((HEIGHT_PX, WIDTH_PX, 4), np.uint8)
        GL.glReadPixels(0, 0, WIDTH_PX, HEIGHT_PX, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, pixels)
        return pixels[..., :3]

    def until_complete(self, plane: Plane, *, marks: bool = False) -> list[FrameReport]:
        reports = [self.frame(plane, marks=marks)]
        deadline_s = time.monotonic() + PATIENCE_S
        while not reports[-1].complete:
            assert time.monotonic() < deadline_s
            time.sleep(0.002)
            reports.append(self.frame(plane, marks=marks))
        return reports

    def close(self) -> None:
        self.source.let_in(*PLANES)
        self.engine.release()
        assert self.streamer.close()


@pytest.fixture
def framebuffer() -> Iterator[None]:
    framebuffer, colour = GL.glGenFramebuffers(1), GL.glGenRenderbuffers(1)
    GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, colour)
    GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, GL.GL_RGBA8, WIDTH_PX, HEIGHT_PX)
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
    GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_RENDERBUFFER, colour)
    yield
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)
    GL.glDeleteFramebuffers(1, [framebuffer])
    GL.glDeleteRenderbuffers(1, [colour])


@pytest.fixture(params=[RGBA_8, GREY_8, GREY_16])
def window(request: pytest.FixtureRequest) -> Iterator[Window]:
    window = Window(StackSource(request.param), 64 << 20)
    yield window
    window.close()


A, B = Plane(0, 0), Plane(1, 2)


def test_the_pool_is_of_the_sources_samples(window: Window) -> None:
    samples = window.source.info.samples
    wanted = {RGBA_8: PixelFormat.RGBA8, GREY_8: PixelFormat.R8, GREY_16: PixelFormat.R16}[samples]
    assert window.engine.pool.pixel_format is wanted


def test_a_plane_stands_whole_until_the_next_covers_the_view(window: Window) -> None:
    window.until_complete(A)
    window.source.let_in(A)
    waiting = [window.frame(B) for _ in range(5)]
    assert {(report.plane, report.holes) for report in waiting} == {(A, 0)}
    assert not any(report.complete for report in waiting)
    window.source.let_in(*PLANES)
    reports = window.until_complete(B)
    assert not any(report.holes for report in reports)
    drawn = [report.plane for report in reports]
    assert drawn == sorted(drawn), "never back to the plane before"
    assert drawn[-1] == B
    assert (window.engine.picture(VIEW, SCREEN, Look(plane=B), now_s=0.0)[..., :3] == GREY[B]).all()


def test_both_planes_stay_and_come_back_at_once(window: Window) -> None:
    window.until_complete(A)
    window.until_complete(B)
    read = len(window.source.read)
    for plane in (A, B, A):
        report = window.frame(plane)
        assert (report.plane, report.complete, report.uploads) == (plane, True, 0)
    assert len(window.source.read) == read
    assert {key.plane for key in window.source.read} == {A, B}


def test_a_broken_tile_is_marked_and_counted_in_its_own_plane_alone(window: Window) -> None:
    window.source.broken = {TileKey(0, 3, 3, B)}
    assert window.until_complete(A)[-1].failed == 0
    assert window.until_complete(B, marks=True)[-1].failed == 1
    shown = window.pixels()
    assert 0.02 < (shown != GREY[B]).any(axis=2).mean() < 0.25, "the marks of one tile"
    assert window.frame(A).failed == 0


def test_a_small_pool_shows_every_plane_and_keeps_the_last_resort() -> None:
    """Pinned tiles of planes that are left make room, or the pool would be full of them."""
    source = StackSource(GREY_16)
    window = Window(source, 1)  # the fewest layers
    try:
        for plane in PLANES * 2:
            reports = window.until_complete(plane)
            assert reports[-1].plane == plane
            far = View(60.0, 60.0, 0.5)
            window.source.let_in()  # nothing comes in: only what stays can cover
            moved = window.frame(plane, view=far)
            assert (moved.plane, moved.holes) == (plane, 0)
            window.source.let_in(*PLANES)
        layers = window.engine.pool.layers
        assert layers == 2 * len(coarsest_tiles(source.pyramid)) + 64
    finally:
        window.close()


def test_a_snapshot_shows_the_first_plane() -> None:
    source = StackSource(GREY_16)
    image = np.asarray(snapshot(source, center=(250, 250), downsample=1.5, size=(100, 80)))
    assert set(np.unique(image)) == {GREY[FIRST_PLANE]}
    assert {key.plane for key in source.read} == {FIRST_PLANE}
