"""Tiles side by side look like one picture, at any zoom and rotation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from tests.gpu.gl.conftest import put

DOWNSAMPLES = (1.0, 1.13, 1.5, 1.99, 2.0, 2.7, 3.6)
ROTATIONS = (0.0, 0.31, math.pi / 4, 2.2)
SIZE = (100, 90)  # turned and at every downsample inside the picture: its outer edge is another matter


def gradient(width, height):
    """Smooth in all channels: a difference here is what the eye would see as a line."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], -1).astype(
        np.uint8
    )


@pytest.mark.parametrize("downsample", DOWNSAMPLES)
@pytest.mark.parametrize("rotation", ROTATIONS)
def test_gradient_has_no_visible_seams(cut, render, downsample, rotation):
    picture = gradient(512, 512)
    whole, tiles = cut(picture, layer_px=512), cut(picture, layer_px=64)
    centre = (251.3, 260.9)
    one, many = (
        render(
            part.pool,
            part.instances(downsample=downsample, centre=centre),
            size=SIZE,
            rotation_rad=rotation,
        ).astype(int)
        for part in (whole, tiles)
    )
    assert np.abs(one - many).max() <= 2


@pytest.mark.parametrize(("downsample", "rotation"), list(itertools.product((1.0, 1.4, 2.6), (0.0, 0.31))))
def test_noise_differs_only_beside_borders(cut, render, rng, downsample, rotation):
    picture = rng.integers(0, 256, (512, 512, 3), np.uint8)
    whole, tiles = cut(picture, layer_px=512), cut(picture, layer_px=64)
    centre = (251.3, 260.9)
    one, many = (
        render(
            part.pool,
            part.instances(downsample=downsample, centre=centre),
            size=SIZE,
            rotation_rad=rotation,
        ).astype(int)
        for part in (whole, tiles)
    )
    # Where each framebuffer pixel lies in the picture.
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]] + 0.5
    dx, dy = x - SIZE[0] / 2, y - SIZE[1] / 2
    cos, sin = math.cos(-rotation), math.sin(-rotation)
    px = (cos * dx - sin * dy) * downsample + centre[0]
    py = (sin * dx + cos * dy) * downsample + centre[1]
    to_border = np.minimum(np.abs(px / 64 - np.round(px / 64)), np.abs(py / 64 - np.round(py / 64))) * 64
    coarser_texel = 2.0 ** math.ceil(math.log2(downsample))
    inside = to_border > coarser_texel / 2 + 0.01
    assert np.abs(one - many)[inside].max() <= 1
    assert inside.mean() > 0.75


@pytest.mark.parametrize("rotation", [0.1, 0.77, 1.3])
def test_no_cracks_under_rotation(cut, render, rotation):
    """Far from the origin and turned, the background must not show between tiles."""
    tiles = cut(np.full((512, 512, 3), 200, np.uint8), layer_px=32)
    picture = render(
        tiles.pool,
        tiles.instances(downsample=2.37, centre=(255.77, 256.41)),
        size=(128, 128),
        rotation_rad=rotation,
        background=(1.0, 0.0, 0.0),
    )
    assert (picture[..., :3] == 200).all()


def test_partial_tiles_do_not_bleed(render, cut):
    """Layers hold old pixels beyond a partial tile; none of them may be seen at any lod."""
    dark = np.full((64, 64, 4), (0, 0, 0, 255), np.uint8)
    light = np.full((37, 41, 4), 255, np.uint8)
    tiles = cut(light, layer_px=64)
    pool = tiles.pool
    put(pool, 0, [dark, dark[:32, :32].copy(), dark[:16, :16].copy()])
    put(pool, 0, [np.full((-(-37 >> mip), -(-41 >> mip), 4), 255, np.uint8) for mip in range(3)])
    for downsample in (0.4, 0.7, 1.0, 1.3, 1.8, 2.4, 3.9):
        picture = render(
            pool,
            tiles.instances(downsample=downsample),
            size=(96, 96),
            background=(1.0, 1.0, 1.0),
            nearest=False,
        )
        assert picture.min() == 255, f"bleeding at downsample {downsample}"
