"""Colour against a NumPy twin of shaders/colour.glsl: table, adjustment, background."""

from __future__ import annotations

import numpy as np
import pytest

from gpu.errors import GpuError
from gpu.gl import strings
from gpu.gl.offscreen import render_to_array
from gpu.gl.tile_renderer import TILE_INSTANCE, FrameState, TileRenderer
from tests.messages import pattern

SIZE = (64, 64)


def twin(rgba, *, lut=None, brightness=0.0, contrast=1.0, gamma=1.0, background=(1.0, 1.0, 1.0)):
    """The shader's formulae in float64; uint8 (h, w, 4) premultiplied to float (h, w, 3) in 0..255."""
    alpha = rgba[..., 3:] / 255.0
    colour = rgba[..., :3] / 255.0 / np.maximum(alpha, 1 / 255)
    if lut is not None:
        colour = trilinear(lut, np.clip(colour, 0, 1))
    colour = np.clip((colour - 0.5) * contrast + 0.5 + brightness, 0, 1) ** (1 / gamma)
    return (colour * alpha + np.asarray(background) * (1 - alpha)) * 255.0


def trilinear(lut, colour):
    """Entry i of n stands for i / (n - 1)."""
    at = colour * (lut.shape[0] - 1)
    low = np.minimum(at.astype(int), lut.shape[0] - 2)
    part = at - low
    result = np.zeros(colour.shape)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=-1)
        index = low + corner
        result += weight[..., None] * lut[index[..., 0], index[..., 1], index[..., 2]] / 255.0
    return result


def strong_table(entries=17):
    """Swaps and bends the channels, so that a wrong axis or a half-entry shift shows."""
    r, g, b = np.meshgrid(*[np.linspace(0, 1, entries)] * 3, indexing="ij")
    return (np.stack([b**0.5, r**2, 0.7 * g + 0.3 * r], -1) * 255 + 0.5).astype(np.uint8)


@pytest.fixture
def picture(rng):
    return rng.integers(0, 256, (64, 64, 3), np.uint8)


@pytest.mark.parametrize(
    "adjustment",
    [
        {"brightness": 0.2},
        {"brightness": -0.3},
        {"contrast": 1.7},
        {"contrast": 0.0},
        {"gamma": 2.2},
        {"gamma": 0.5},
        {"brightness": 0.1, "contrast": 1.3, "gamma": 1.4},
    ],
    ids=str,
)
def test_adjustment(cut, render, picture, adjustment):
    tiles = cut(picture, layer_px=64)
    drawn = render(tiles.pool, tiles.instances(downsample=1.0), size=SIZE, **adjustment)
    opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    assert np.abs(drawn[..., :3] - twin(opaque, **adjustment)).max() <= 1


@pytest.mark.parametrize("entries", [2, 17, 33])
def test_table(cut, render, picture, entries):
    tiles = cut(picture, layer_px=64)
    lut = strong_table(entries)
    drawn = render(tiles.pool, tiles.instances(downsample=1.0), size=SIZE, lut=lut, icc=True)
    opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    # The texture unit's interpolation weights have 8 bits.
    assert np.abs(drawn[..., :3] - twin(opaque, lut=lut)).max() <= 2


def test_identity_table_changes_nothing(cut, render, picture):
    tiles = cut(picture, layer_px=64)
    identity = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3, indexing="ij"), -1).astype(np.uint8)
    drawn = render(tiles.pool, tiles.instances(downsample=1.0), size=SIZE, lut=identity, icc=True)
    assert np.abs(drawn[..., :3].astype(int) - picture).max() <= 1


def test_adjustment_comes_after_the_table(cut, render, picture, assert_golden):
    tiles = cut(picture, layer_px=64)
    lut, adjustment = strong_table(), {"brightness": -0.1, "contrast": 1.3, "gamma": 0.7}
    drawn = render(tiles.pool, tiles.instances(downsample=1.0), size=SIZE, lut=lut, icc=True, **adjustment)
    opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    assert np.abs(drawn[..., :3] - twin(opaque, lut=lut, **adjustment)).max() <= 4
    assert_golden("icc_and_adjustment", drawn)


def test_table_is_unused_unless_switched_on(cut, render, picture):
    tiles = cut(picture, layer_px=64)
    drawn = render(tiles.pool, tiles.instances(downsample=1.0), size=SIZE, lut=strong_table())
    assert (drawn[..., :3] == picture).all()


@pytest.mark.parametrize("adjustment", [{}, {"gamma": 1.7, "brightness": 0.1}], ids=str)
def test_transparent_pixels_lie_over_an_unadjusted_background(cut, render, rng, adjustment):
    alpha = rng.choice(np.array([0, 64, 128, 255], np.uint8), (64, 64, 1))
    colour = rng.integers(0, 256, (64, 64, 3))
    premultiplied = np.dstack([(colour * (alpha / 255.0) + 0.5).astype(np.uint8), alpha])
    tiles = cut(premultiplied, layer_px=64)
    background = (0.2, 0.4, 0.8)
    drawn = render(
        tiles.pool, tiles.instances(downsample=1.0), size=SIZE, background=background, **adjustment
    )
    assert np.abs(drawn[..., :3] - twin(premultiplied, background=background, **adjustment)).max() <= 1


@pytest.mark.parametrize(
    ("lut", "message"),
    [
        (np.zeros((4, 4, 3), np.uint8), "shape"),
        (np.zeros((4, 4, 5, 3), np.uint8), "shape"),
        (np.zeros((4, 4, 4, 3), np.float32), "float32"),
        (np.zeros((1, 1, 1, 3), np.uint8), pattern(strings.TABLE_LIMIT, entries=1)),
    ],
)
def test_wrong_tables_are_refused_and_the_old_one_stays(make_pool, lut, message):
    renderer = TileRenderer(make_pool())
    renderer.set_lut(strong_table())
    with pytest.raises(GpuError, match=message):
        renderer.set_lut(lut)
    render_to_array(renderer, np.zeros(0, TILE_INSTANCE), FrameState(8, 8, icc=True))
    renderer.release()


def test_icc_without_a_table_is_an_error(render, cut):
    tiles = cut(np.zeros((8, 8, 3), np.uint8), layer_px=8)
    with pytest.raises(GpuError, match="no colour table"):
        render(tiles.pool, tiles.instances(downsample=1.0), size=(8, 8), icc=True)
