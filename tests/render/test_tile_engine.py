"""The tile engine without a window: what it reports of a frame, and what it asks for."""

from __future__ import annotations

import threading
import time
from math import pi
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from OpenGL import GL

from viewer.render.frame import FrameReport, Look
from viewer.render.tile_engine import TileEngine, coarsest_tiles
from viewer.slide.formats.array import ArraySource
from viewer.slide.geometry import Pyramid, Rect, TileKey
from viewer.slide.source import SlideInfo
from viewer.stream.streamer import Streamer
from viewer.view.camera import View
from viewer.view.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SIDE_PX = 2048
SCREEN = Screen(1024, 1024)
TURNED = View(SIDE_PX / 2, SIDE_PX / 2, 1.0, pi / 4)
PATIENCE_S = 10.0


class GatedSource(ArraySource):
    """A slide of one level, whose 64 tiles are all pinned. While the gate is shut, reading waits."""

    def __init__(self) -> None:
        info = SlideInfo(Path("plain"), "", "", "", Rect(0, 0, SIDE_PX, SIDE_PX), ((SIDE_PX, SIDE_PX),))
        super().__init__(info, np.full((SIDE_PX, SIDE_PX, 3), 99, np.uint8))
        self.gate = threading.Event()
        self.gate.set()

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        assert self.gate.wait(PATIENCE_S)
        return super().read_tile(key)


@pytest.fixture
def source() -> GatedSource:
    return GatedSource()


@pytest.fixture
def streamer(source: GatedSource) -> Iterator[Streamer]:
    streamer = Streamer(source, cache_bytes=1 << 28, on_tile=lambda: None)
    yield streamer
    source.gate.set()
    assert streamer.close()


@pytest.fixture
def engine(streamer: Streamer) -> Iterator[TileEngine]:
    framebuffer, colour = GL.glGenFramebuffers(1), GL.glGenRenderbuffers(1)
    GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, colour)
    GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, GL.GL_RGBA8, int(SCREEN.width_px), int(SCREEN.height_px))
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
    GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_RENDERBUFFER, colour)
    engine = TileEngine(streamer, 64 << 20, SCREEN)
    yield engine
    engine.release()
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)
    GL.glDeleteFramebuffers(1, [framebuffer])
    GL.glDeleteRenderbuffers(1, [colour])


def frame(engine: TileEngine, view: View, *, upload_budget_ms: float = 0.0) -> FrameReport:
    return engine.frame(
        view, view, SCREEN, Look(), velocity=None, now_s=0.0, upload_budget_ms=upload_budget_ms, fade_s=0.0
    )


def decode_all(streamer: Streamer) -> None:
    keys = coarsest_tiles(streamer.source.pyramid)
    streamer.request(keys, urgent=len(keys))
    deadline_s = time.monotonic() + PATIENCE_S
    while streamer.urgent_left:
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_missing_tiles_are_counted_after_the_uploads_and_only_on_the_screen(
    streamer: Streamer, engine: TileEngine
) -> None:
    decode_all(streamer)
    missing, uploads = [], 0
    while not missing or missing[-1] > 0:
        report = frame(engine, TURNED)  # without a budget one tile is uploaded, on the screen or not
        missing.append(report.missing)
        uploads += report.uploads
        assert report.complete == (engine.picture(TURNED, SCREEN, Look(), now_s=0.0)[..., 0] == 99).all()
    assert missing == sorted(missing, reverse=True)
    assert uploads > missing[0] + 1, "tiles off the screen came in too"


def test_what_was_wanted_for_a_view_that_is_left_falls_out(
    source: GatedSource, streamer: Streamer, engine: TileEngine
) -> None:
    decode_all(streamer)
    assert frame(engine, TURNED, upload_budget_ms=1e6).complete
    streamer.resize_cache(0)  # the pool has every tile, memory but the last
    source.gate.clear()
    streamer.request([TileKey(0, col, 3) for col in range(8)], urgent=8)
    assert frame(engine, TURNED).complete
    assert streamer.queue_length == streamer.urgent_left == 0


def test_the_coarsest_levels_stay_but_no_more_than_64_tiles_beyond_the_last() -> None:
    sizes = [(8192, 8192), (4096, 4096), (2048, 2048), (1024, 1024), (512, 512)]
    keys = coarsest_tiles(Pyramid.from_sizes(sizes, [(256, 256)] * 5))
    assert [key.level for key in keys] == [4] * 4 + [3] * 16
    keys = coarsest_tiles(Pyramid.from_sizes(sizes[:1], [(256, 256)]))
    assert len(keys) == 32 * 32
