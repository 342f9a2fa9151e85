"""Allocated levels in the plan: less is fetched on the way, nothing starves, and at rest all is sharp."""

from __future__ import annotations

from itertools import count
from time import monotonic, sleep

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stream.scenes import Scene, resident, scenes, tiles_of, views
from tests.ui.sources import MadeSource
from viewer.slide.geometry import Pyramid, TileKey
from viewer.stream import streamer as streamer_module
from viewer.stream.plan import Plan, make_plan, on_screen
from viewer.stream.region_priority import region_level
from viewer.stream.streamer import Streamer
from viewer.view.camera import Velocity, View
from viewer.view.screen import FloatArray, Screen, TileLevel

SLIDE = Pyramid.from_sizes([(16384, 16384), (4096, 4096), (1024, 1024)], [(256, 256)] * 3)
COARSEST = [TileKey(2, col, row) for row in range(4) for col in range(4)]
SCREEN = Screen(1280, 800)
HERE, THERE = View(4000, 4000, 1.0), View(8192, 8192, 1.0)


def place_in_full(_level: int, x: FloatArray, y: FloatArray) -> np.ndarray:
    """A place of 512 px in the middle of the target in full, all else at the coarsest level."""
    return np.where((abs(x - 8192) <= 256) & (abs(y - 8192) <= 256), 0, 2)


def wild(scene: Scene, seed: int) -> TileLevel:
    """Any levels, whatever the tile."""
    rng = np.random.default_rng(seed)

    def finest(_level: int, x: FloatArray, _y: FloatArray) -> np.ndarray:
        return rng.integers(0, len(scene.pyramid.levels), len(x))

    return finest


def plan_of(view: View, target: View, finest: TileLevel, **change: Velocity) -> Plan:
    return make_plan(SLIDE, resident(SLIDE, COARSEST), view, target, SCREEN, finest=finest, **change)


def test_on_the_way_only_what_was_allocated_is_fetched_in_full() -> None:
    bound, free = plan_of(HERE, THERE, place_in_full), plan_of(HERE, THERE, None)
    assert {key for key in bound.requested if key.level == 0} == {
        TileKey(0, col, row) for col in (31, 32) for row in (31, 32)
    }
    assert len(free.requested) > 10 * len(bound.requested)
    assert bound.missing == free.missing, "and what is not fetched yet is missing all the same"


def test_a_coarser_stand_in_is_fetched_for_what_is_put_off() -> None:
    plan = make_plan(
        SLIDE, resident(SLIDE, COARSEST), HERE, THERE, SCREEN, finest=lambda _, x, __: np.ones(len(x), int)
    )
    assert {key.level for key in plan.requested} == {1}
    wanted = {(key.col, key.row) for key in plan.requested}
    assert {(key.col // 4, key.row // 4) for key in tiles_of(plan.target)} <= wanted
    assert len(plan.requested) == len(wanted) == plan.urgent


def test_at_rest_prefetch_alone_is_bounded() -> None:
    bound = plan_of(THERE, THERE, place_in_full, velocity=Velocity())
    free = plan_of(THERE, THERE, None, velocity=Velocity())
    assert bound.requested[: bound.urgent] == free.requested[: free.urgent]
    assert {key.level for key in free.requested[free.urgent :]} == {0, 1}
    assert bound.requested[bound.urgent :] == [], "the coarsest level is there"


@given(st.data(), scenes(), st.integers(0, 1000))
def test_at_rest_levels_change_nothing_that_the_screen_wants(
    data: st.DataObject, scene: Scene, seed: int
) -> None:
    capacity = data.draw(st.integers(20, 200))
    plain, bound = (
        make_plan(
            scene.pyramid, scene.residency, scene.view, scene.view, scene.screen,
            capacity_tiles=capacity, finest=finest,
        )
        for finest in (None, wild(scene, seed))
    )  # fmt: skip
    assert bound == plain


@given(st.data(), scenes(), st.integers(0, 1000))
def test_on_the_way_nothing_finer_or_foreign_or_twice_is_wanted(
    data: st.DataObject, scene: Scene, seed: int
) -> None:
    target = data.draw(views(scene.pyramid))
    velocity = data.draw(st.sampled_from((None, Velocity(), Velocity(x=900, y_std=2000, log_downsample=-1))))
    plain, bound = (
        make_plan(
            scene.pyramid, scene.residency, scene.view, target, scene.screen,
            capacity_tiles=100, velocity=velocity, finest=finest,
        )
        for finest in (None, wild(scene, seed))
    )  # fmt: skip
    assert len(set(bound.requested)) == len(bound.requested) <= len(plain.requested)
    assert all(scene.pyramid.contains(key) and scene.residency.slot(key) < 0 for key in bound.requested)
    assert min((key.level for key in bound.requested), default=99) >= min(
        (key.level for key in plain.requested), default=0
    )
    assert (bound.missing, bound.coarsened) == (plain.missing, plain.coarsened)


@given(st.data(), scenes(coarsest=True), st.integers(0, 1000))
def test_a_journey_ends_with_every_pixel_sharp_and_none_was_ever_empty(
    data: st.DataObject, scene: Scene, seed: int
) -> None:
    """Some frames on the way, each of which fetches some of what it wants, and then rest."""
    pyramid, target = scene.pyramid, data.draw(views(scene.pyramid))
    finest, keys = wild(scene, seed), list(scene.keys)
    for _ in range(data.draw(st.integers(0, 3))):
        here = resident(pyramid, keys)
        plan = make_plan(pyramid, here, scene.view, target, scene.screen, finest=finest)
        keys += plan.requested[:5]
    coarsest = pyramid.visible_tiles(len(pyramid.levels) - 1, pyramid.extent)
    assert set(tiles_of(coarsest)) <= set(keys), "what stands in for everything is never given up"
    plan = make_plan(pyramid, resident(pyramid, keys), target, target, scene.screen, finest=finest)
    shown = on_screen(pyramid, plan.target, target, scene.screen).ravel()
    sharp = {key for key, seen in zip(tiles_of(plan.target), shown.tolist(), strict=True) if seen}
    assert sharp <= {*keys, *plan.requested[: plan.urgent]}
    assert plan.target.level == pyramid.level_for_downsample(target.downsample)


@pytest.mark.parametrize("patch_px", [(512.0, 512.0), (300.0, 700.0)])
def test_a_tile_may_be_as_fine_as_the_finest_of_its_patches(patch_px: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    width, height = patch_px
    levels = rng.integers(1, 3, (-(-16384 // int(height)), -(-16384 // int(width)))).astype(np.uint8)
    finest = region_level(SLIDE, levels, width, height)
    for key in (TileKey(0, 3, 9), TileKey(1, 5, 2), TileKey(2, 1, 1), TileKey(0, 63, 63)):
        rect = SLIDE.tile_rect(key)
        rows = slice(int(rect.y0 // height), int(-(-rect.y1 // height)))
        cols = slice(int(rect.x0 // width), int(-(-rect.x1 // width)))
        x, y = rect.centre
        found = finest(key.level, np.array([x]), np.array([y]))
        assert found.tolist() == [0 if levels[rows, cols].min() == 1 else 2]


def test_what_got_all_that_the_screen_needed_is_not_bounded_for_a_closer_view() -> None:
    levels = np.full((32, 32), 2, np.uint8)
    assert region_level(SLIDE, levels, 512.0, 512.0)(0, np.array([9.0]), np.array([9.0])).tolist() == [0]


@pytest.mark.parametrize(("tile_s", "slow"), [(0.001, False), (0.08, True)])
def test_a_slide_whose_tiles_come_slowly_is_known_by_it(
    tile_s: float, slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_s = count(0.0, tile_s)
    monkeypatch.setattr(streamer_module, "perf_counter", lambda: next(clock_s))
    wanted = [TileKey(0, col, row) for col in range(4) for row in range(4)]
    streamer = Streamer(MadeSource(size=1024, levels=1), cache_bytes=1 << 24, on_tile=lambda: None, workers=1)
    assert not streamer.slow_reads
    streamer.request(wanted)
    deadline_s = monotonic() + 20
    while streamer.cache_tiles < len(wanted) and monotonic() < deadline_s:
        sleep(0.005)
    assert streamer.slow_reads == slow
    streamer.close()
