"""What a frame of 200 tiles costs in the engine, against the same instanced draw in a bare loop.

Run: PYTHONPATH=. python tests/bench/frame_cost.py [--frames N]. Prints the CPU time of the draw call's
path, the time until the picture is finished, and the ratio of the two finished times. Off-screen, 1280×800,
256 px tiles.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import TYPE_CHECKING

from gpu.context import OffscreenContext, gl_info, prepare_egl_environment

prepare_egl_environment()

import OpenGL  # noqa: E402

OpenGL.ERROR_CHECKING = False  # as the application runs

import numpy as np  # noqa: E402
from OpenGL import GL  # noqa: E402

from gpu.renderer import NO_TILE, TILE_INSTANCE, FrameState, TileRenderer  # noqa: E402
from gpu.state import TILE_UNIT  # noqa: E402
from gpu.texture_pool import TexturePool  # noqa: E402
from gpu.upload import Uploader  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

WIDTH_PX, HEIGHT_PX = 1280, 800
COLUMNS, ROWS = 20, 10
LAYER_PX, MIPS = 256, 3
LOD = 0.9


def filled_pool() -> TexturePool:
    """200 tiles of noise."""
    rng = np.random.default_rng(1)
    pool = TexturePool(LAYER_PX, COLUMNS * ROWS, MIPS)

    def mips() -> list[NDArray[np.uint8]]:
        sides = [LAYER_PX >> mip for mip in range(MIPS)]
        return [rng.integers(0, 256, (side, side, 4), np.uint8) | np.uint8(15) for side in sides]

    tiles = ((key, mips(), 0, False) for key in range(COLUMNS * ROWS))
    uploaded = Uploader(pool).upload_ready(tiles, 1e6, frame=0, now_s=0.0)
    assert len(uploaded) == COLUMNS * ROWS
    return pool


def grid() -> NDArray[Any]:
    """200 tiles of about 64 × 80 px that fill the frame."""
    tiles = np.zeros(COLUMNS * ROWS, TILE_INSTANCE)
    x = np.linspace(-WIDTH_PX / 2, WIDTH_PX / 2, COLUMNS + 1)
    y = np.linspace(-HEIGHT_PX / 2, HEIGHT_PX / 2, ROWS + 1)
    index = np.arange(COLUMNS * ROWS)
    column, row = index % COLUMNS, index // COLUMNS
    tiles["rect_px"] = np.stack([x[column], y[row], x[column + 1], y[row + 1]], 1)
    tiles["tile_size"] = LAYER_PX
    tiles["tile_lod"] = LOD
    tiles["fade"] = 1.0
    tiles["tile_slot"] = index
    tiles["ancestor_slot"] = NO_TILE
    return tiles


def timed(draw: Callable[[], None]) -> tuple[float, float]:
    """Milliseconds until the call returns, and until the picture is finished."""
    start = time.perf_counter()
    draw()
    returned = time.perf_counter()
    GL.glFinish()
    return (returned - start) * 1e3, (time.perf_counter() - start) * 1e3


def bind_as_the_renderer_does(renderer: TileRenderer) -> None:
    """Everything the bare loop needs is bound once, outside it."""
    GL.glUseProgram(renderer._variants[()].program.name)
    GL.glBindVertexArray(renderer._vertex_array)
    GL.glActiveTexture(GL.GL_TEXTURE0 + TILE_UNIT)
    GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, renderer._pool.name)
    GL.glViewport(0, 0, WIDTH_PX, HEIGHT_PX)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200)
    frames = parser.parse_args().frames
    with OffscreenContext():
        print(f"{gl_info()['renderer']}, {WIDTH_PX}×{HEIGHT_PX}, {COLUMNS * ROWS} tiles")
        framebuffer, colour = GL.glGenFramebuffers(1), GL.glGenRenderbuffers(1)
        GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, colour)
        GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, GL.GL_RGBA8, WIDTH_PX, HEIGHT_PX)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
        GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_RENDERBUFFER, colour)
        renderer, tiles, frame = TileRenderer(filled_pool()), grid(), FrameState(WIDTH_PX, HEIGHT_PX)

        def engine() -> None:
            renderer.draw(tiles, frame)

        def bare() -> None:
            GL.glClear(GL.GL_COLOR_BUFFER_BIT)
            GL.glDrawArraysInstanced(GL.GL_TRIANGLE_STRIP, 0, 4, len(tiles))

        engine()
        engine_times, bare_times = [], []
        for _ in range(frames):
            # Turn and turn about, so that what else the machine does falls on both.
            engine_times.append(timed(engine))
            bind_as_the_renderer_does(renderer)
            bare_times.append(timed(bare))
    engine_cpu, engine_finished = (statistics.median(times) for times in zip(*engine_times, strict=True))
    bare_cpu, bare_finished = (statistics.median(times) for times in zip(*bare_times, strict=True))
    print(f"engine: {engine_cpu:.3f} ms of CPU, finished after {engine_finished:.2f} ms")
    print(f"bare:   {bare_cpu:.3f} ms of CPU, finished after {bare_finished:.2f} ms")
    print(f"beyond the driver: {engine_cpu - bare_cpu:.3f} ms; ratio: {engine_finished / bare_finished:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
