"""What stands in for a tile that is missing or fading in."""

from __future__ import annotations

import numpy as np
import pytest

from gpu.gl.tile_renderer import NO_TILE

SIZE = (64, 64)


@pytest.fixture
def child_and_ancestor(cut):
    """A pool with a 64 px child in slot 0 and, in slot 1, its ancestor: 40, in the second quarter 100."""
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[:, :64] = 200
    picture[:, 64:] = 40
    picture[:32, 96:] = 100
    tiles = cut(picture, layer_px=64)
    instances = tiles.instances(downsample=1.0)[:1].copy()
    instances["rect_px"] = (-32, -32, 32, 32)
    instances["ancestor_slot"] = tiles.cells[1][0]
    instances["ancestor_rect"] = (32, 0, 64, 32)
    instances["ancestor_size"] = 64
    instances["ancestor_lod"] = -1.0
    return tiles.pool, instances


@pytest.mark.parametrize(("fade", "value"), [(0.0, 100), (0.25, 125), (0.5, 150), (1.0, 200)])
def test_fade_mixes_ancestor_and_tile(child_and_ancestor, render, fade, value):
    pool, instances = child_and_ancestor
    instances["fade"] = fade
    inner = render(pool, instances, size=SIZE)[8:56, 8:56, :3].astype(int)
    assert np.abs(inner - value).max() <= 1


def test_missing_tile_shows_its_part_of_the_ancestor(child_and_ancestor, render):
    pool, instances = child_and_ancestor
    instances["tile_slot"] = NO_TILE
    instances["fade"] = 1.0
    assert (render(pool, instances, size=SIZE)[8:56, 8:56, :3] == 100).all()
    instances["ancestor_rect"] = (0, 32, 32, 64)
    assert (render(pool, instances, size=SIZE)[8:56, 8:56, :3] == 40).all()


def test_tile_without_ancestor_shows_at_once(child_and_ancestor, render):
    """Fading in from the background would be a hole for some frames."""
    pool, instances = child_and_ancestor
    instances["ancestor_slot"] = NO_TILE
    instances["fade"] = 0.1
    assert (render(pool, instances, size=SIZE)[..., :3] == 200).all()


def test_neither_tile_nor_ancestor_is_background(child_and_ancestor, render):
    pool, instances = child_and_ancestor
    instances["tile_slot"] = instances["ancestor_slot"] = NO_TILE
    drawn = render(pool, instances, size=SIZE, background=(0.0, 0.0, 1.0))
    assert (drawn == (0, 0, 255, 255)).all()


def test_magnified_ancestor_is_smooth(cut, render):
    """Squares would look like real pixels."""
    ramp = np.repeat((np.arange(64, dtype=np.uint8) * 4)[None, :, None], 64, 0)
    tiles = cut(np.repeat(ramp, 3, 2), layer_px=64)
    instances = tiles.instances(downsample=1.0)
    instances["tile_slot"] = NO_TILE
    instances["ancestor_slot"] = 0
    instances["ancestor_rect"] = (16, 16, 32, 32)
    instances["ancestor_size"] = 64
    instances["ancestor_lod"] = -2.0
    steps = np.diff(render(tiles.pool, instances, size=SIZE)[32, :, 0].astype(int))
    assert set(steps.tolist()) == {1}


def test_neighbours_under_one_ancestor_show_no_seam(cut, render):
    ramp = np.repeat((np.arange(64, dtype=np.uint8) * 4)[None, :, None], 64, 0)
    tiles = cut(np.repeat(ramp, 3, 2), layer_px=64)
    instances = np.repeat(tiles.instances(downsample=1.0), 2)
    instances["rect_px"] = [(-32, -32, 0, 32), (0, -32, 32, 32)]
    instances["tile_slot"] = NO_TILE
    instances["ancestor_slot"] = 0
    instances["ancestor_rect"] = [(16, 16, 24, 32), (24, 16, 32, 32)]
    instances["ancestor_size"] = 64
    instances["ancestor_lod"] = -2.0
    steps = np.diff(render(tiles.pool, instances, size=SIZE)[32, :, 0].astype(int))
    assert set(steps.tolist()) == {1}


def test_debug_marks_borders_and_tints(child_and_ancestor, render, assert_golden):
    pool, instances = child_and_ancestor
    instances = np.repeat(instances, 2)
    instances["rect_px"] = [(-32, -32, 0, 32), (0, -32, 32, 32)]
    instances["tint"] = [(255, 0, 0, 128), (0, 0, 0, 0)]
    drawn = render(pool, instances, size=SIZE, debug=True)
    assert (drawn[10:50, 31:33, :3] == (255, 0, 255)).all()
    assert np.abs(drawn[32, 16, :3].astype(int) - (228, 100, 100)).max() <= 1
    assert (drawn[32, 48, :3] == 200).all()
    assert_golden("debug", drawn)
