"""What a frame of 200 tiles costs in the engine, against the same instanced draw in a bare loop.

Run: PYTHONPATH=. python tests/bench/frame_cost.py [--frames N], off-screen, 1280×800, 256 px tiles.
A frame is all that the engine does for a view that moves: plan, cover, bookkeeping, draw. Prints its
processor time beyond the bare draw's, and the ratio of the times until the picture is finished.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpu.gl.context import OffscreenContext, gl_info, prepare_egl_environment

prepare_egl_environment()

import OpenGL  # noqa: E402

OpenGL.ERROR_CHECKING = False  # as the application runs

import numpy as np  # noqa: E402
from OpenGL import GL  # noqa: E402

from gpu.gl.gl_state import TILE_UNIT  # noqa: E402
from viewer.render.frame import Look  # noqa: E402
from viewer.render.tile_engine import TileEngine  # noqa: E402
from viewer.slide.geometry import Pyramid, TileKey  # noqa: E402
from viewer.slide.source import SlideInfo  # noqa: E402
from viewer.stream.streamer import Streamer  # noqa: E402
from viewer.view.camera import Velocity, View  # noqa: E402
from viewer.view.screen import Screen  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

WIDTH_PX, HEIGHT_PX = 1280, 800
COLUMNS, ROWS = 20, 10
TILE_PX = 256
SCREEN = Screen(WIDTH_PX, HEIGHT_PX)


class NoiseSource:
    """A slide of 20×10 tiles of noise that fills the screen at downsample 4, and one coarser level."""

    is_remote = False

    def __init__(self) -> None:
        sizes = [(COLUMNS * TILE_PX, ROWS * TILE_PX), (COLUMNS * TILE_PX // 8, ROWS * TILE_PX // 8)]
        self.pyramid = Pyramid.from_sizes(sizes, [(TILE_PX, TILE_PX)] * 2)
        extent = self.pyramid.extent
        self.info = SlideInfo(Path("noise"), "noise", "noise", "", extent, file_levels=tuple(sizes))

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        width, height = self.pyramid.tile_size(key)
        rng = np.random.default_rng(key.col * ROWS + key.row)
        return rng.integers(0, 256, (height, width, 4), np.uint8) | np.uint8(15)

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        raise KeyError(name)

    def close(self) -> None:
        pass


def timed(draw: Callable[[], None]) -> tuple[float, float]:
    """Milliseconds until the call returns, and until the picture is finished."""
    start = time.perf_counter()
    draw()
    returned = time.perf_counter()
    GL.glFinish()
    return (returned - start) * 1e3, (time.perf_counter() - start) * 1e3


def bind_as_the_renderer_does(engine: TileEngine) -> None:
    """Everything the bare loop needs is bound once, outside it."""
    renderer = engine._renderer  # noqa: SLF001 - the bare loop draws with the same objects
    GL.glUseProgram(renderer._variants[()].program.name)  # noqa: SLF001 - the same
    GL.glBindVertexArray(renderer._vertex_array)  # noqa: SLF001 - the same
    GL.glActiveTexture(GL.GL_TEXTURE0 + TILE_UNIT)
    GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, engine.pool.name)
    GL.glViewport(0, 0, WIDTH_PX, HEIGHT_PX)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200)
    frames = parser.parse_args().frames
    streamer = Streamer(NoiseSource(), cache_bytes=256 << 20, on_tile=lambda: None)
    with OffscreenContext():
        print(f"{gl_info()['renderer']}, {WIDTH_PX}×{HEIGHT_PX}, {COLUMNS * ROWS} tiles")
        framebuffer, colour = GL.glGenFramebuffers(1), GL.glGenRenderbuffers(1)
        GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, colour)
        GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, GL.GL_RGBA8, WIDTH_PX, HEIGHT_PX)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
        GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_RENDERBUFFER, colour)
        engine = TileEngine(streamer, 256 << 20, SCREEN)
        view = View(COLUMNS * TILE_PX / 2, ROWS * TILE_PX / 2, 3.9)
        engine_frame, bare_draw = frame_and_draw(engine, view)
        engine_times, bare_times = [], []
        for _ in range(frames):
            # Turn and turn about, so that what else the machine does falls on both.
            engine_times.append(timed(engine_frame))
            bind_as_the_renderer_does(engine)
            bare_times.append(timed(bare_draw))
        streamer.close()
        engine.release()
    engine_cpu, engine_finished = (statistics.median(times) for times in zip(*engine_times, strict=True))
    bare_cpu, bare_finished = (statistics.median(times) for times in zip(*bare_times, strict=True))
    print(f"engine: {engine_cpu:.3f} ms of CPU, finished after {engine_finished:.2f} ms")
    print(f"bare:   {bare_cpu:.3f} ms of CPU, finished after {bare_finished:.2f} ms")
    print(f"beyond the driver: {engine_cpu - bare_cpu:.3f} ms; ratio: {engine_finished / bare_finished:.3f}")
    return 0


def frame_and_draw(engine: TileEngine, view: View) -> tuple[Callable[[], None], Callable[[], None]]:
    """A frame of the engine, of a view that moves a little each time, and the same draw alone."""
    moved = 0

    def frame(fade_s: float = 0.0) -> bool:
        nonlocal moved
        moved += 1
        here = replace(view, centre_x=view.centre_x + moved % 16)
        report = engine.frame(
            here,
            here,
            SCREEN,
            Look(),
            velocity=Velocity(),
            now_s=time.perf_counter(),
            upload_budget_ms=50,
            fade_s=fade_s,
        )
        return report.complete

    while not frame():
        time.sleep(0.01)

    def bare() -> None:
        GL.glClear(GL.GL_COLOR_BUFFER_BIT)
        GL.glDrawArraysInstanced(GL.GL_TRIANGLE_STRIP, 0, 4, COLUMNS * ROWS)

    return lambda: (frame(), None)[1], bare


if __name__ == "__main__":
    sys.exit(main())
