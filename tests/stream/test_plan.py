"""viewer.stream.plan: everything the screen needs, in the right order, once, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from math import pi
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.stream.scenes import Scene, all_tiles, resident, scenes, tiles_of, touches_screen, views
from viewer.slide.geometry import Pyramid, TileKey
from viewer.stream.plan import Plan, make_plan, most_tiles_on_screen, on_screen
from viewer.view.camera import Velocity, View
from viewer.view.screen import Screen, uniform

if TYPE_CHECKING:
    from viewer.view.screen import FloatArray

SCREEN = Screen(1024, 768)
LARGE = Screen(2000, 1200)
SLIDE = Pyramid.from_sizes([(16384 >> shift, 16384 >> shift) for shift in range(7)], [(256, 256)] * 7)
CENTRE = View(8192, 8192, 1.0)
COARSEST = [TileKey(6, 0, 0)]

velocities = st.none() | st.builds(
    Velocity,
    st.floats(-1e4, 1e4),
    st.floats(-1e4, 1e4),
    st.floats(0, 1e4),
    st.floats(0, 1e4),
    st.floats(-3, 3),
)


def plan_of(
    view: View,
    target: View | None = None,
    *,
    here: list[TileKey] | None = None,
    velocity: Velocity | None = None,
    capacity_tiles: int = 400,
    pyramid: Pyramid = SLIDE,
    screen: Screen = SCREEN,
    **weights: object,
) -> Plan:
    residency = resident(pyramid, COARSEST if here is None else here)
    return make_plan(
        pyramid,
        residency,
        view,
        target or view,
        screen,
        velocity=velocity,
        capacity_tiles=capacity_tiles,
        **weights,  # type: ignore[arg-type]
    )


def random_plan(data: st.DataObject, scene: Scene, **weights: object) -> tuple[Plan, View]:
    target = data.draw(st.just(scene.view) | views(scene.pyramid))
    plan = make_plan(
        scene.pyramid,
        scene.residency,
        scene.view,
        target,
        scene.screen,
        velocity=data.draw(velocities),
        capacity_tiles=data.draw(st.sampled_from((4, 40, 4000))),
        **weights,  # type: ignore[arg-type]
    )
    return plan, target


def middle(key: TileKey, pyramid: Pyramid = SLIDE) -> tuple[float, float]:
    return pyramid.tile_rect(key).centre


class TestWanted:
    @given(st.data(), scenes())
    def test_every_tile_on_the_screen_is_resident_or_urgent(self, data: st.DataObject, scene: Scene) -> None:
        """Of the view now and of the view that the camera goes to."""
        plan, target = random_plan(data, scene)
        urgent = set(plan.requested[: plan.urgent])
        for tiles, view in ((plan.drawn, scene.view), (plan.target, target)):
            for key in tiles_of(tiles):
                if touches_screen(scene.pyramid, key, view, scene.screen):
                    assert (key in urgent) == (scene.residency.slot(key) < 0)
        shown = on_screen(scene.pyramid, plan.target, target, scene.screen).ravel()
        absent = [scene.residency.slot(key) < 0 for key in tiles_of(plan.target)]
        assert plan.missing == np.sum(shown & absent)

    def test_a_view_that_turns_back_requests_the_corners_that_it_still_shows(self) -> None:
        """The same block of tiles serves both views, but not the same tiles of it."""
        pyramid = Pyramid.from_sizes([(4096, 4096)], [(1024, 1024)])
        screen = Screen(2500, 2500)
        view, target = View(2048, 2048, 1.0, 0.2), View(2048, 2048, 1.0, pi / 4)
        plan = make_plan(
            pyramid, resident(pyramid, []), view, target, screen, velocity=None, capacity_tiles=100
        )
        assert plan.drawn == plan.target
        shown = [key for key in tiles_of(plan.drawn) if touches_screen(pyramid, key, view, screen)]
        assert len(shown) > plan.missing
        assert set(shown) <= set(plan.requested[: plan.urgent])

    @given(st.data(), scenes())
    def test_nothing_is_wanted_twice_or_resident_or_outside_the_slide(
        self, data: st.DataObject, scene: Scene
    ) -> None:
        plan, _ = random_plan(data, scene)
        assert len(set(plan.requested)) == len(plan.requested)
        assert all(scene.pyramid.contains(key) for key in plan.requested)
        assert all(scene.residency.slot(key) < 0 for key in plan.requested)
        assert 0 <= plan.urgent <= len(plan.requested)

    @given(st.data(), scenes())
    def test_urgent_tiles_belong_to_the_levels_of_the_two_views_or_stand_in_for_them(
        self, data: st.DataObject, scene: Scene
    ) -> None:
        """Nothing stale: a tile that neither view shows is not urgent."""
        plan, _ = random_plan(data, scene)
        cover = min(plan.target.level + 2, len(scene.pyramid.levels) - 1)
        shown = {*tiles_of(plan.drawn), *tiles_of(plan.target)}
        for key in plan.requested[: plan.urgent]:
            assert key in shown or key.level == cover

    def test_what_was_on_the_screen_before_is_wanted_no_longer(self) -> None:
        before, after = plan_of(CENTRE), plan_of(View(2048, 2048, 1.0))
        assert before.urgent == len(before.requested) > 0
        assert not set(before.requested) & set(after.requested)

    def test_a_plan_for_a_view_that_is_complete_wants_nothing(self) -> None:
        plan = plan_of(CENTRE, here=all_tiles(SLIDE))
        assert (plan.requested, plan.urgent, plan.missing) == ([], 0, 0)
        assert plan.drawn == plan.target

    @pytest.mark.parametrize("downsample", [0.25, 1.0, 2.0, 3.97, 4.0, 5.6, 1000.0])
    def test_tiles_are_never_magnified_more_than_the_file_makes_them(self, downsample: float) -> None:
        plan = plan_of(View(8192, 8192, downsample))
        assert plan.drawn.level == SLIDE.level_for_downsample(downsample)

    def test_at_rest_the_view_and_its_target_are_requested_once(self) -> None:
        plan = plan_of(CENTRE)
        assert plan.drawn == plan.target
        assert plan.missing == plan.drawn.tile_count
        assert sorted(key for key in plan.requested if key.level == 0) == sorted(tiles_of(plan.drawn))


class TestCapacity:
    def test_where_the_pool_is_too_small_the_next_coarser_level_is_taken(self) -> None:
        full = plan_of(CENTRE).drawn
        assert full.tile_count > 12
        fitting = plan_of(CENTRE, capacity_tiles=12)
        assert fitting.drawn.level == fitting.target.level == 1
        assert 0 < fitting.drawn.tile_count <= 12
        assert fitting.coarsened, "and it is said"
        assert not plan_of(CENTRE).coarsened

    @given(scenes())
    def test_no_upright_view_needs_more_tiles_than_foreseen(self, scene: Scene) -> None:
        pyramid, screen = scene.pyramid, scene.screen
        view = replace(scene.view, rotation_rad=0.0)
        # coarser than twice the coarsest level, the tiles are few whatever the screen
        assume(view.downsample < 2 * pyramid.levels[-1].downsample)
        plan = make_plan(pyramid, resident(pyramid, []), view, view, screen)
        assert plan.drawn.tile_count <= most_tiles_on_screen(pyramid, screen)

    @given(st.data(), scenes())
    def test_no_view_needs_more_than_the_pool_unless_its_coarsest_level_does(
        self, data: st.DataObject, scene: Scene
    ) -> None:
        capacity = data.draw(st.integers(1, 40))
        plan = make_plan(
            scene.pyramid, scene.residency, scene.view, scene.view, scene.screen,
            velocity=None, capacity_tiles=capacity,
        )  # fmt: skip
        coarsest = len(scene.pyramid.levels) - 1
        needed = np.count_nonzero(on_screen(scene.pyramid, plan.drawn, scene.view, scene.screen))
        assert needed <= capacity or plan.drawn.level == coarsest
        best = scene.pyramid.level_for_downsample(scene.view.downsample)
        assert plan.drawn.level >= best


class TestOrder:
    def test_tiles_at_the_target_go_before_those_that_are_only_passed(self) -> None:
        """They are surely looked at; the others, with a chance of a half."""
        target = View(12_000, 8192, 1.0)
        plan = plan_of(CENTRE, target)
        visible = [key for key in plan.requested if key.level == 0]
        at_target = set(tiles_of(plan.target))
        assert [key in at_target for key in visible] == sorted(
            (key in at_target for key in visible), reverse=True
        )
        assert set(visible) == at_target | set(tiles_of(plan.drawn))

    def test_between_equals_the_one_nearest_to_the_centre_goes_first(self) -> None:
        wanted = [key for key in plan_of(CENTRE).requested if key.level == 0]
        distances = [np.hypot(*np.subtract(middle(key), (8192, 8192))) for key in wanted]
        assert distances == sorted(distances)

    def test_a_tile_goes_earlier_the_blurrier_what_stands_for_it_is(self) -> None:
        """The part of the screen with a parent waits for the part without."""
        here = [*COARSEST, *(TileKey(1, col, row) for row in range(32) for col in range(16, 32))]
        wanted = [key for key in plan_of(CENTRE, here=here).requested if key.level == 0]
        has_parent = [key.col >= 32 for key in wanted]
        assert has_parent == sorted(has_parent)
        assert True in has_parent
        assert False in has_parent

    @given(scenes())
    def test_the_blurriest_goes_first(self, scene: Scene) -> None:
        """Blur is that of the nearest resident ancestor at the tile's middle, or twice that of the coarsest
        level."""
        levels = scene.pyramid.levels

        def blur(key: TileKey) -> float:
            own = levels[key.level]
            x, y = (key.col + 0.5) * own.tile_width, (key.row + 0.5) * own.tile_height
            for index in range(key.level + 1, len(levels)):
                level = levels[index]
                col = int(x * own.scale_x / (level.tile_width * level.scale_x))
                row = int(y * own.scale_y / (level.tile_height * level.scale_y))
                ancestor = TileKey(index, min(col, level.columns - 1), min(row, level.rows - 1))
                if scene.residency.slot(ancestor) >= 0:
                    return level.downsample
            return 2 * levels[-1].downsample

        plan = make_plan(
            scene.pyramid,
            scene.residency,
            scene.view,
            scene.view,
            scene.screen,
            velocity=None,
            capacity_tiles=4000,
        )
        blurs = [blur(key) for key in plan.requested if key.level == plan.target.level]
        assert blurs == sorted(blurs, reverse=True)

    def test_without_any_ancestor_a_tile_counts_as_blurred_more_than_the_coarsest_level(self) -> None:
        pyramid = Pyramid.from_sizes([(1024, 512), (512, 256)], [(256, 256)] * 2)
        plan = plan_of(View(512, 256, 1.0), here=[TileKey(1, 1, 0)], pyramid=pyramid)
        assert [key.col >= 2 for key in plan.requested] == [False] * 4 + [True] * 4

    @given(st.data(), scenes())
    def test_tiers_come_in_order(self, data: st.DataObject, scene: Scene) -> None:
        """Cover, if any, before what it stands in for; prefetch behind everything."""
        plan, _ = random_plan(data, scene)
        shown = {*tiles_of(plan.drawn), *tiles_of(plan.target)}
        is_visible = [key in shown for key in plan.requested[: plan.urgent]]
        cover_level = min(plan.target.level + 2, len(scene.pyramid.levels) - 1)
        only_cover = [key.level == cover_level for key in plan.requested[: plan.urgent]]
        last_cover = max((i for i, v in enumerate(is_visible) if not v), default=-1)
        assert all(only_cover[: last_cover + 1])

    def test_a_cover_is_requested_where_much_is_missing_and_its_stand_in_is_coarser_still(self) -> None:
        """It goes first and lies under every tile of the view."""
        plan = plan_of(CENTRE, screen=LARGE)
        tiers = [key.level for key in plan.requested]
        cover = [key for key in plan.requested if key.level == 2]
        assert tiers == [2] * len(cover) + [0] * plan.missing
        assert {TileKey(2, key.col // 4, key.row // 4) for key in tiles_of(plan.target)} == set(cover)

    @pytest.mark.parametrize(
        "here",
        [
            [*COARSEST, *all_tiles(SLIDE)[-400:]],
            [*COARSEST, *(TileKey(2, col, row) for row in range(16) for col in range(16))],
            [*COARSEST, *(TileKey(0, col, row) for row in range(64) for col in range(32))],
        ],
        ids=["all coarser levels are here", "the cover is here", "little is missing"],
    )
    def test_no_cover_is_requested_where_it_would_not_help(self, here: list[TileKey]) -> None:
        plan = plan_of(CENTRE, here=list(dict.fromkeys(here)), screen=LARGE)
        assert plan.target.tile_count > 24
        assert {key.level for key in plan.requested} == {0}

    def test_the_coarsest_level_covers_itself(self) -> None:
        pyramid = Pyramid.from_sizes([(16384, 16384)], [(256, 256)])
        plan = plan_of(View(8192, 8192, 4.0), here=[], pyramid=pyramid, screen=LARGE)
        assert plan.missing > 24
        assert len(plan.requested) == plan.missing


class TestWeights:
    def test_the_uniform_weight_is_one(self) -> None:
        assert uniform(3, np.zeros(5), np.zeros(5)).tolist() == [1.0] * 5

    @pytest.mark.parametrize("name", ["attention", "relevance"])
    def test_a_weight_moves_its_tiles_forward(self, name: str) -> None:
        def left_matters(_level: int, x: FloatArray, _y: FloatArray) -> FloatArray:
            return np.where(x < 8000, 2.0, 1.0)

        wanted = [key for key in plan_of(CENTRE, **{name: left_matters}).requested if key.level == 0]
        is_left = [middle(key)[0] < 8000 for key in wanted]
        assert is_left == sorted(is_left, reverse=True)
        assert 0 < sum(is_left) < len(is_left)

    def test_weights_are_requested_with_the_middles_of_the_tiles_in_slide_pixels(self) -> None:
        asked: list[tuple[int, float, float]] = []

        def listening(level: int, x: FloatArray, y: FloatArray) -> FloatArray:
            asked.extend(zip([level] * len(x), x.tolist(), y.tolist(), strict=True))
            return np.ones_like(x)

        plan = plan_of(CENTRE, attention=listening)
        assert sorted(asked) == sorted((key.level, *middle(key)) for key in plan.requested)

    @pytest.mark.parametrize(
        ("outside", "left_first"), [(0.0, True), (-7.0, True), (-np.inf, True), (1e9, False), (np.inf, False)]
    )
    def test_a_weight_beyond_its_bounds_counts_as_the_bound(self, outside: float, left_first: bool) -> None:
        """One tile in 32 of the blur on one side: a weight of 4 does not make up for it, nor 0 undo it."""
        has_parent = (TileKey(1, col, row) for row in range(32) for col in range(32))
        left = [key for key in has_parent if (key.col < 16) != left_first]

        def beyond(_level: int, x: FloatArray, _y: FloatArray) -> FloatArray:
            return np.where(x < 8192, outside, 1.0)

        wanted = [
            key
            for key in plan_of(CENTRE, here=[*COARSEST, *left], relevance=beyond).requested
            if key.level == 0
        ]
        is_left = [key.col < 32 for key in wanted]
        assert is_left == sorted(is_left, reverse=left_first)

    @given(st.data(), scenes(), st.integers(0, 1000))
    def test_weights_reorder_and_never_starve(self, data: st.DataObject, scene: Scene, seed: int) -> None:
        rng = np.random.default_rng(seed)

        def wild(_level: int, x: FloatArray, _y: FloatArray) -> FloatArray:
            return 10 ** rng.uniform(-3, 3, len(x))

        target = data.draw(views(scene.pyramid))
        plain, weighed = (
            make_plan(
                scene.pyramid, scene.residency, scene.view, target, scene.screen,
                velocity=None, capacity_tiles=100, attention=weight, relevance=weight,
            )
            for weight in (uniform, wild)
        )  # fmt: skip
        assert sorted(weighed.requested) == sorted(plain.requested)
        assert (weighed.urgent, weighed.missing) == (plain.urgent, plain.missing)


class TestPrefetch:
    def ahead(self, velocity: Velocity | None, view: View = CENTRE) -> list[TileKey]:
        """What is prefetched once everything on the screen is there."""
        on_view = tiles_of(plan_of(view).drawn)
        plan = plan_of(view, here=list(dict.fromkeys([*COARSEST, *on_view])), velocity=velocity)
        assert plan.urgent == 0
        return plan.requested

    def test_is_left_out_without_a_velocity(self) -> None:
        assert self.ahead(None) == []

    @pytest.mark.parametrize(
        ("velocity", "axis", "sign"),
        [
            (Velocity(x=2000), 0, 1),
            (Velocity(x=-2000), 0, -1),
            (Velocity(y=2000), 1, 1),
            (Velocity(y=-2000), 1, -1),
        ],
        ids=["right", "left", "down", "up"],
    )
    def test_leans_in_the_direction_of_movement(self, velocity: Velocity, axis: int, sign: int) -> None:
        ring = [key for key in self.ahead(velocity) if key.level == 0]
        offsets = np.array([sign * (middle(key)[axis] - 8192) for key in ring])
        half_field = (SCREEN.width_px, SCREEN.height_px)[axis] / 2
        assert (offsets > half_field).sum() >= 8
        assert offsets[0] > half_field
        assert not (offsets < -half_field).any()

    def test_at_rest_leans_nowhere_and_takes_the_coarser_level(self) -> None:
        ahead = self.ahead(Velocity())
        ring = np.array([middle(key) for key in ahead if key.level == 0])
        assert ring.mean(axis=0) == pytest.approx((8192, 8192), abs=129)
        assert {key.level for key in ahead} == {0, 1}
        coarser = [SLIDE.tile_rect(key) for key in ahead if key.level == 1]
        assert min(rect.x0 for rect in coarser) <= 8192 - SCREEN.width_px, "as far as one step of zoom shows"
        assert max(rect.x1 for rect in coarser) >= 8192 + SCREEN.width_px

    @pytest.mark.parametrize(("log_downsample", "level"), [(-1.0, 1), (1.0, 3), (0.0, 3)])
    def test_takes_the_level_that_the_zoom_goes_to(self, log_downsample: float, level: int) -> None:
        ahead = self.ahead(Velocity(log_downsample=log_downsample), View(8192, 8192, 4.0))
        assert level in {key.level for key in ahead}
        assert {key.level for key in ahead} <= {2, level}

    def test_the_finest_level_has_no_finer_one(self) -> None:
        assert {key.level for key in self.ahead(Velocity(log_downsample=-1.0))} == {0}

    def test_the_coarsest_level_has_no_coarser_one(self) -> None:
        assert self.ahead(Velocity(), View(8192, 8192, 64.0)) == []

    def test_an_unsteady_hand_is_met_on_all_sides(self) -> None:
        steady = {key for key in self.ahead(Velocity(x=2000)) if key.level == 0}
        unsteady = {key for key in self.ahead(Velocity(x=2000, x_std=4000, y_std=4000)) if key.level == 0}
        assert steady < unsteady
        assert any(middle(key)[0] < 8192 - SCREEN.width_px / 2 for key in unsteady)

    def test_goes_behind_all_that_is_urgent_and_has_a_bound(self) -> None:
        wild = Velocity(x=5000, x_std=9000, y_std=9000)
        plan = plan_of(View(8192, 8192, 0.5), velocity=wild)
        assert set(tiles_of(plan.target)) <= set(plan.requested[: plan.urgent])
        large = make_plan(
            SLIDE, resident(SLIDE, []), CENTRE, CENTRE, Screen(6000, 4000),
            velocity=wild, capacity_tiles=4000,
        )  # fmt: skip
        assert 0 < len(large.requested) - large.urgent <= 96

    def test_does_not_repeat_what_the_screen_wants(self) -> None:
        """The level that a resting target would prefetch is the one that is still drawn."""
        plan = plan_of(View(8192, 8192, 4.0), View(8192, 8192, 2.0), velocity=Velocity())
        assert plan.drawn.level == plan.target.level + 1
        assert len(plan.requested) > plan.urgent
        assert len(set(plan.requested)) == len(plan.requested)

    def test_stays_within_the_slide(self) -> None:
        corner = self.ahead(Velocity(x=-5000, y=-5000, x_std=5000, y_std=5000), View(300, 300, 1.0))
        assert corner
        assert all(SLIDE.contains(key) for key in corner)

    def test_a_window_without_size_is_no_error(self) -> None:
        plan = make_plan(
            SLIDE, resident(SLIDE, COARSEST), CENTRE, CENTRE, Screen(0, 0),
            velocity=Velocity(), capacity_tiles=100,
        )  # fmt: skip
        assert plan.urgent == 0
