"""The uploader: order, budget, residents, a full pool."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from OpenGL import GL

from gpu.errors import GpuError
from gpu.gl import upload
from gpu.gl.upload import ReadyTile, upload_ready


def tile(key, *, value=1, depth=0, pinned=False):
    return ReadyTile(
        key, [np.full((8, 8, 4), value, np.uint8), np.full((4, 4, 4), value, np.uint8)], depth, pinned
    )


@pytest.fixture
def pool(make_pool):
    return make_pool(8, 4, 2)


def first_texels(pool):
    texels = np.zeros((pool.layers, 8, 8, 4), np.uint8)
    GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, pool.name)
    GL.glGetTexImage(GL.GL_TEXTURE_2D_ARRAY, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, texels)
    GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, 0)
    return texels[:, 0, 0, 0]


def test_tiles_go_in_in_the_order_given(pool):
    done = upload_ready(pool, [tile("b", value=2), tile("a", value=1)], 1000.0, frame=1)
    assert list(done) == ["b", "a"]
    assert [first_texels(pool)[done[key]] for key in "ab"] == [1, 2]


def test_budget_stops_but_never_before_the_first(pool, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(upload.time, "perf_counter", lambda: float(next(ticks)))
    assert list(upload_ready(pool, [tile("a"), tile("b"), tile("c")], 0.0, frame=1)) == ["a"]
    # The clock advances one second a reading: b at the start, c a second later, d after the deadline.
    wanted = [tile("b"), tile("c"), tile("d")]
    assert list(upload_ready(pool, wanted, 1500.0, frame=2)) == ["b", "c"]


def test_items_beyond_the_budget_are_not_drawn_from_the_iterator(pool):
    def items():
        yield tile("a")
        yield tile("b")
        raise AssertionError("the third item was asked for")

    assert list(upload_ready(pool, items(), 0.0, frame=1)) == ["a"]


def test_full_pool_of_needed_tiles_takes_no_more(pool):
    wanted = [tile(name) for name in "abcdef"]
    assert list(upload_ready(pool, wanted, 1000.0, frame=1)) == list("abcd")


def test_tile_that_does_not_fit_takes_no_slot(pool):
    bad = ReadyTile("bad", [np.zeros((9, 9, 4), np.uint8), np.zeros((5, 5, 4), np.uint8)], 0, False)
    with pytest.raises(GpuError, match="does not fit"):
        upload_ready(pool, [tile("a"), bad], 1000.0, frame=1)
    assert list(pool.slots) == ["a"]
