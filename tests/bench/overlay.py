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

from gpu.gl.context import OffscreenContext, gl_info
from viewer.overlay.attention_look import HierarchyLevels, HierarchyLook
from viewer.overlay.layer import Overlay, OverlayLayer, OverlayLook, OverlayScene
from viewer.overlay.tissue import OverlayTissue
from viewer.relevance.patches.attention_codes import PATCHES_A_SIDE, TOKENS_A_SIDE
from viewer.render.frame import Look
from viewer.render.tile_engine import TileEngine
from viewer.stream.streamer import Streamer
from viewer.view.camera import Velocity, View

if TYPE_CHECKING:
    from collections.abc import Callable

_TOKENS = HierarchyLook("factorised", "token")
EDGE = "smooth, an edge of the tissue in view"
"""All others are inside the tissue."""
CASES = {
    "smooth": (1.0, False, OverlayLook()),
    EDGE: (1.0, False, OverlayLook()),
    "patches": (1.0, False, OverlayLook(smooth=False)),
    "contours": (1.0, False, OverlayLook(contours=True)),
    "contours alone": (1.0, False, OverlayLook(fill=False, contours=True)),
    "flashlight": (1.0, False, OverlayLook(flashlight_px=220.0)),
    "smooth, half analysed": (0.5, False, OverlayLook()),
    "attention, smooth": (1.0, True, OverlayLook(hierarchy=_TOKENS)),
    "attention, patches": (1.0, True, OverlayLook(smooth=False, hierarchy=_TOKENS)),
    "attention, smooth, half analysed": (0.5, True, OverlayLook(hierarchy=_TOKENS)),
}


def layer(share: float, attention: bool, sequence: int) -> OverlayLayer:
    """A field of hills; ``share`` of it is analysed, half of the rest estimated. ``attention``: with levels,
    and glass in the valleys."""
    patch_px, rng = 128.0, np.random.default_rng(1)
    rows, cols = int(ROWS * TILE_PX / patch_px), int(COLUMNS * TILE_PX / patch_px)
    y, x = np.mgrid[:rows, :cols]
    scores = np.clip(np.sin(x / 3) * np.cos(y / 4) * 127 + 128 + rng.normal(0, 9, x.shape), 0, 255)
    known = x < cols * share
    estimated = ~known & (x < cols * (1 + share) / 2)
    levels = None
    if attention:
        scores[scores < 64] = 0
        regions = -(-rows // PATCHES_A_SIDE), -(-cols // PATCHES_A_SIDE)
        tokens = rng.integers(90, 165, (rows * TOKENS_A_SIDE, cols * TOKENS_A_SIDE), np.uint8)
        levels = HierarchyLevels(rng.integers(90, 165, regions, np.uint8), tokens, known | (scores == 0))
    return OverlayLayer(scores.astype(np.uint8), known, estimated, patch_px, patch_px, sequence, levels)


def finished_ms(frame: Callable[[OverlayScene], object], scene: OverlayScene) -> float:
    """Milliseconds until the picture is finished."""
    start = time.perf_counter()
    frame(scene)
    GL.glFinish()
    return (time.perf_counter() - start) * 1e3


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

        slide_px = COLUMNS * TILE_PX, ROWS * TILE_PX
        everywhere = OverlayTissue(np.full((1024, 1024), 255, np.uint8), slide_px)
        beside = np.full((1024, 1024), 255, np.uint8)
        beside[:, :512] = 0
        edge = OverlayTissue(beside, slide_px)
        while not frame(OverlayScene()):
            time.sleep(0.01)
        for number, (name, (share, attention, look)) in enumerate(CASES.items()):
            field = layer(share, attention, number)
            overlays = (Overlay("query", field, look),)
            tissue = edge if name == EDGE else everywhere
            shown = OverlayScene(overlays, pointer_px=(640.0, 400.0), tissue=tissue)
            hidden = replace(shown, hidden=True)
            frame(shown)
            without, with_it = [], []
            for _ in range(frames):
                # Turn and turn about, so that what else the machine does falls on both.
                without.append(finished_ms(frame, hidden))
                with_it.append(finished_ms(frame, shown))
            bare, over = statistics.median(without), statistics.median(with_it)
            print(f"{name}: {over:.2f} ms with, {bare:.2f} ms without, {over / bare:.2f} ×")
        streamer.close()
        engine.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
