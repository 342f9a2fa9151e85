"""Where pixels land: exact copies at 1:1, the sense of rotation, the centre, draw order."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gpu.errors import GpuError
from gpu.gl.tile_renderer import TILE_INSTANCE, FrameState, TileRenderer


@pytest.mark.parametrize("size", [(96, 80), (97, 80), (33, 21)])
def test_one_to_one_is_an_exact_copy(cut, render, rng, size):
    picture = rng.integers(0, 256, (200, 200, 3), np.uint8)
    tiles = cut(picture, layer_px=64)
    # The centre of an odd framebuffer is in the middle of a pixel.
    centre = (100 + size[0] % 2 / 2, 90 + size[1] % 2 / 2)
    drawn = render(tiles.pool, tiles.instances(downsample=1.0, centre=centre), size=size)
    left, top = int(centre[0] - size[0] / 2), int(centre[1] - size[1] / 2)
    assert (drawn[..., :3] == picture[top : top + size[1], left : left + size[0]]).all()
    assert (drawn[..., 3] == 255).all()


@pytest.mark.parametrize(("quarter_turns", "clockwise"), [(1, -1), (2, -2), (3, -3)])
def test_positive_rotation_turns_the_picture_clockwise(cut, render, rng, quarter_turns, clockwise):
    picture = rng.integers(0, 256, (128, 128, 3), np.uint8)
    tiles = cut(picture, layer_px=64)
    drawn = render(
        tiles.pool,
        tiles.instances(downsample=1.0),
        size=(128, 128),
        rotation_rad=quarter_turns * math.pi / 2,
    )
    assert (drawn[..., :3] == np.rot90(picture, clockwise)).all()


def test_magnified_pixels_are_squares(cut, render, rng):
    picture = rng.integers(0, 256, (16, 16, 3), np.uint8)
    tiles = cut(picture, layer_px=16)
    drawn = render(tiles.pool, tiles.instances(downsample=0.25), size=(64, 64))
    assert (drawn[..., :3] == np.repeat(np.repeat(picture, 4, 0), 4, 1)).all()


def test_magnified_pixels_are_smooth_when_set_so(cut, render):
    ramp = np.zeros((16, 16, 3), np.uint8)
    ramp[:] = (np.arange(16) * 16)[None, :, None]
    tiles = cut(ramp, layer_px=16)
    drawn = render(tiles.pool, tiles.instances(downsample=0.25), size=(64, 64), nearest=False)
    steps = np.diff(drawn[32, 4:60, 0].astype(int))
    assert steps.min() >= 3
    assert steps.max() <= 5


@pytest.mark.parametrize("downsample", [2.0, 4.0])
def test_minified_at_a_power_of_two_shows_the_mip(cut, render, rng, downsample):
    from PIL import Image

    picture = rng.integers(0, 256, (256, 256, 3), np.uint8)
    tiles = cut(picture, layer_px=64)
    side = int(256 / downsample)
    drawn = render(tiles.pool, tiles.instances(downsample=downsample), size=(side, side))
    box = np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BOX)).astype(int)
    assert np.abs(drawn[..., :3].astype(int) - box).max() <= 1


def test_later_tiles_lie_over_earlier_ones(cut, render):
    picture = np.zeros((16, 32, 3), np.uint8)
    picture[:, 16:] = 255
    tiles = cut(picture, layer_px=16)
    stacked = tiles.instances(downsample=1.0)
    stacked["rect_px"] = (-8, -8, 8, 8)
    assert (render(tiles.pool, stacked, size=(16, 16))[..., :3] == 255).all()
    assert (render(tiles.pool, stacked[::-1].copy(), size=(16, 16))[..., :3] == 0).all()


def test_no_tiles_leave_the_background(make_pool, render):
    drawn = render(make_pool(), np.zeros(0, TILE_INSTANCE), size=(8, 8), background=(0.2, 0.4, 0.6))
    assert (drawn == (51, 102, 153, 255)).all()


@pytest.mark.parametrize(
    "tiles",
    [np.zeros(4, np.float32), np.zeros((2, 2), TILE_INSTANCE), np.zeros(4, TILE_INSTANCE)[::2]],
    ids=["type", "shape", "stride"],
)
def test_other_arrays_are_refused(make_pool, tiles):
    renderer = TileRenderer(make_pool())
    with pytest.raises(GpuError, match="TILE_INSTANCE"):
        renderer.draw(tiles, FrameState(8, 8))
    renderer.release()


@pytest.mark.parametrize(
    "wrong",
    [
        {"width_px": 0},
        {"rotation_rad": math.nan},
        {"brightness": 1.5},
        {"contrast": -0.1},
        {"gamma": 0.0},
        {"gamma": math.nan},
    ],
)
def test_frames_that_cannot_be_drawn_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be|cannot be"):
        FrameState(**{"width_px": 8, "height_px": 8, **wrong})
