"""Tiles and vispy's visuals in one canvas: each draws as if it were alone."""

from __future__ import annotations

import numpy as np
import pytest
from OpenGL import GL

from gpu.gl.texture_pool import TexturePool
from gpu.gl.tile_renderer import NO_TILE, TILE_INSTANCE, FrameState, TileRenderer
from gpu.gl.upload import upload_ready

SIZE = (96, 64)


@pytest.mark.gui
def test_visuals_before_and_after_the_tiles(qtbot):
    from vispy import app, gloo, visuals

    app.use_app("pyside6")
    canvas = app.Canvas(size=SIZE, show=False, config={"depth_size": 0})
    qtbot.addWidget(canvas.native)
    frames = []
    engine = {}

    def line(y, colour):
        visual = visuals.LineVisual(pos=np.array([[0, y], [SIZE[0], y]], np.float32), color=colour, width=3)
        visual.transforms.configure(canvas=canvas, viewport=(0, 0, *canvas.physical_size))
        return visual

    @canvas.connect
    def on_draw(_event):
        if not engine:
            engine["pool"] = TexturePool(32, 2, 1)
            engine["renderer"] = TileRenderer(engine["pool"])
            engine["under"], engine["over"] = line(10, (1, 0, 0, 1)), line(30, (0, 1, 0, 1))
        tile = np.full((32, 32, 4), (120, 130, 140, 255), np.uint8)
        upload_ready(engine["pool"], [("tile", [tile], 0, False)], 1.0, frame=len(frames))
        width, height = canvas.physical_size
        tiles = np.zeros(1, TILE_INSTANCE)
        tiles["rect_px"] = (-width / 2, -height / 2, width / 2, height / 2)
        tiles["tile_size"], tiles["fade"], tiles["ancestor_slot"] = 32, 1.0, NO_TILE
        gloo.clear(
            color=True, depth=True
        )  # the engine leaves depth alone; vispy's visuals are tested against it
        engine["under"].draw()
        engine["renderer"].draw(tiles, FrameState(width, height))
        engine["over"].draw()
        frames.append(GL.glReadPixels(0, 0, width, height, GL.GL_RGB, GL.GL_UNSIGNED_BYTE, outputType=None))

    canvas.show()
    qtbot.waitUntil(lambda: len(frames) >= 1)
    canvas.update()
    qtbot.waitUntil(lambda: len(frames) >= 2)
    picture = np.frombuffer(frames[-1], np.uint8).reshape(
        canvas.physical_size[1], canvas.physical_size[0], 3
    )[::-1]
    assert (picture[2] == (120, 130, 140)).all(), "the tile lies over the first line"
    assert (picture[10] == (120, 130, 140)).all()
    assert (picture[30] == (0, 255, 0)).all(), "the second line lies over the tile"
    canvas.close()
