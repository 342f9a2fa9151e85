"""What an overlay costs a frame: the engine's frame of 200 tiles with and without one.

Run: PYTHONPATH=. python tests/bench/overlay.py [--frames N], off-screen, 1280×800, every look in turn. Prints
the ratio of the median times until the picture is finished; with and without take turns.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from frame_cost import COLUMNS, HEIGHT_PX, ROWS, SCREEN, TILE_PX, WIDTH_PX, NoiseSource
from OpenGL import GL

from gpu.context import OffscreenContext, gl_info
from viewer.stream.streamer import Streamer
from viewer.tile_engine import Look, TileEngine
from viewer.view.camera import Velocity, View
from viewer.view.overlay import Overlay, OverlayLayer, OverlayLook, OverlayScene

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKS = {
    "smooth": OverlayLook(),
    "patches": OverlayLook(smooth=False),
    "contours": OverlayLook(contours=True),
    "flashlight": OverlayLook(flashlight_px=220.0),
}


def layer() -> OverlayLayer:
    """A field like that of a slide half analysed: smooth hills, a part estimated, a part not known."""
    patch_px, rng = 128.0, np.random.default_rng(1)
    rows, cols = int(ROWS * TILE_PX / patch_px), int(COLUMNS * TILE_PX / patch_px)
    y, x = np.mgrid[:rows, :cols]
    scores = np.clip(np.sin(x / 3) * np.cos(y / 4) * 127 + 128 + rng.normal(0, 9, x.shape), 0, 255)
    known, estimated = x < cols * 0.7, (x >= cols * 0.7) & (x < cols * 0.85)
    return OverlayLayer(scores.astype(np.uint8), known, estimated, patch_px, patch_px, sequence=1)


def finished_ms(draw: Callable[[], object]) -> float:
    """Milliseconds until the picture is finished."""
    start = time.perf_counter()
    draw()
    GL.glFinish()
    return (time.perf_counter() - start) * 1e3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200)
    frames = parser.parse_args().frames
    streamer = Streamer(NoiseSource(), cache_bytes=256 << 20, on_tile=lambda: None)
    field = layer()
    with OffscreenContext():
        print(f"{gl_info()['renderer']}, {WIDTH_PX}×{HEIGHT_PX}, {COLUMNS * ROWS} tiles")
        framebuffer, colour = GL.glGenFramebuffers(1), GL.glGenRenderbuffers(1)
        GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, colour)
        GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, GL.GL_RGBA8, WIDTH_PX, HEIGHT_PX)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
        GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_RENDERBUFFER, colour)
        engine = TileEngine(streamer, 256 << 20, SCREEN)
        view, moved = View(COLUMNS * TILE_PX / 2, ROWS * TILE_PX / 2, 3.9), 0

        def frame(scene: OverlayScene) -> bool:
            nonlocal moved
            moved += 1
            here = replace(view, centre_x=view.centre_x + moved % 16)
            return engine.frame(
                here,
                here,
                SCREEN,
                Look(),
                velocity=Velocity(),
                now_s=time.perf_counter(),
                upload_budget_ms=50,
                fade_s=0.0,
                scene=scene,
            ).complete

        while not frame(OverlayScene()):
            time.sleep(0.01)
        for name, look in LOOKS.items():
            scene = OverlayScene((Overlay("query", field, look),), pointer_px=(640.0, 400.0))
            frame(scene)
            without, with_it = [], []
            for _ in range(frames):
                without.append(
                    finished_ms(lambda: frame(OverlayScene((Overlay("query", field, look),), True)))
                )
                with_it.append(finished_ms(lambda scene=scene: frame(scene)))
            bare, over = statistics.median(without), statistics.median(with_it)
            print(f"{name}: {over:.2f} ms with, {bare:.2f} ms without, {over / bare:.2f} ×")
        streamer.close()
        engine.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
