"""viewer.stream.cover: no pixel of the slide is ever empty, and every pixel shows the right place.

The properties rasterise the drawn rectangles at sample points, as the renderer would, over random pyramids,
views and tiles on the GPU.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.stream.scenes import Scene, all_tiles, patchworks, resident, scenes, tiles_of, touches_screen
from viewer.slide.geometry import Pyramid, TileKey, TileRange
from viewer.slide.planes import FIRST_PLANE
from viewer.stream.cover import Cover, cover_view
from viewer.stream.plan import make_plan, on_screen
from viewer.view.camera import View
from viewer.view.screen import Screen

if TYPE_CHECKING:
    from numpy.typing import NDArray

FADE_S = 0.1
ROUNDING_PX = 1e-2
"""Framebuffer pixels: float32 coordinates of rectangles a few thousand pixels wide."""

arrivals = st.none() | st.integers(0, 2**32 - 1)
"""When tiles came in: long ago, or at chance (a seed) within the last two fades."""


def block_on_screen(scene: Scene) -> TileRange:
    return make_plan(
        scene.pyramid,
        scene.residency,
        scene.view,
        scene.view,
        scene.screen,
        velocity=None,
        capacity_tiles=4000,
    ).drawn


def cover_of(scene: Scene, arrival_seed: int | None = None) -> tuple[Cover, TileRange]:
    """The scene at time 0."""
    if arrival_seed is not None:
        times = np.random.default_rng(arrival_seed).uniform(-2 * FADE_S, 0, len(scene.residency.arrival_s))
        scene.residency.arrival_s[:] = times
    tiles = block_on_screen(scene)
    cover = cover_view(
        scene.pyramid, scene.residency, tiles, scene.view, scene.screen, now_s=0.0, fade_s=FADE_S
    )
    return cover, tiles


def sample_points(scene: Scene) -> NDArray[np.float64]:
    """Points (n, 2) on slide and screen, as drawn before rotation: the middles of coarse pixels, and just
    inside the corners of the view's tiles, where slivers would show."""
    view, per_px = scene.view, pixel_of_slide(scene)
    width, height = scene.screen.size_px
    across, down = np.meshgrid((np.arange(24) + 0.5) / 24 - 0.5, (np.arange(16) + 0.5) / 16 - 0.5)
    x, y = across.ravel() * width, down.ravel() * height
    c, s = np.cos(view.rotation_rad), np.sin(view.rotation_rad)
    middles = np.stack((c * x + s * y, c * y - s * x), axis=1)
    inset = 2 * ROUNDING_PX * per_px
    corners = [
        (x, y)
        for x0, y0, x1, y1 in map(scene.pyramid.tile_rect, tiles_of(block_on_screen(scene)))
        for x in (x0 + inset[0], x1 - inset[0])
        for y in (y0 + inset[1], y1 - inset[1])
    ]
    centre = np.array((view.centre_x, view.centre_y))
    points = np.concatenate((middles, (np.reshape(corners, (-1, 2)) - centre) / per_px))
    turned = np.abs(points @ np.array([[c, s], [-s, c]]))
    on_screen = (turned < np.array(scene.screen.size_px) / 2).all(axis=1)
    low, high = -centre / per_px, ((scene.pyramid.width, scene.pyramid.height) - centre) / per_px
    on_slide = ((points > low + ROUNDING_PX) & (points < high - ROUNDING_PX)).all(axis=1)
    return points[on_screen & on_slide]


def pixel_of_slide(scene: Scene) -> NDArray[np.float64]:
    """Slide pixels per framebuffer pixel along x and y, before rotation."""
    return np.array((scene.view.downsample, scene.view.downsample / scene.screen.aspect))


def topmost(cover: Cover, points: NDArray[np.float64]) -> NDArray[np.intp]:
    """For each point, the last record that draws something there; −1 where none does."""
    top = np.full(len(points), -1)
    for index, record in enumerate(cover.tiles):
        if record["slot"] < 0 and record["parent_slot"] < 0:
            continue
        x0, y0, x1, y1 = record["rect"].astype(np.float64)
        x, y = points.T
        top[(x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)] = index
    return top


def grid_position(
    scene: Scene, index: int, place: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the tiles of a level that hold slide points (n, 2)."""
    level = scene.pyramid.levels[index]
    cols = (place[:, 0] / (level.tile_width * level.scale_x)).astype(np.intp)
    rows = (place[:, 1] / (level.tile_height * level.scale_y)).astype(np.intp)
    return rows, cols


def main_records(cover: Cover, tiles: TileRange) -> NDArray[np.void]:
    """The records of the view's own tiles: pieces of ancestors are coarser, tiles laid over finer."""
    return cover.tiles[cover.tiles["level"] == tiles.level]


def seen_keys(scene: Scene, tiles: TileRange) -> list[TileKey]:
    """The tiles of the block that have a record, in the order of the records."""
    seen = on_screen(scene.pyramid, tiles, scene.view, scene.screen).ravel()
    return [key for key, on in zip(tiles_of(tiles), seen, strict=True) if on]


def ancestor_alone(scene: Scene, key: TileKey, level_index: int) -> TileKey | None:
    """The tile of a coarser level that covers the tile but for less than one of its pixels."""
    level, rect = scene.pyramid.levels[level_index], scene.pyramid.tile_rect(key)
    x, y = rect.centre
    col = min(int(x / (level.tile_width * level.scale_x)), level.columns - 1)
    row = min(int(y / (level.tile_height * level.scale_y)), level.rows - 1)
    ancestor = TileKey(level_index, col, row)
    whole = scene.pyramid.tile_rect(ancestor)
    over_x = max(whole.x0 - rect.x0, rect.x1 - whole.x1)
    over_y = max(whole.y0 - rect.y0, rect.y1 - whole.y1)
    # Of exactly one pixel rounding decides.
    assume(abs(over_x - level.scale_x) > 1e-6 and abs(over_y - level.scale_y) > 1e-6)
    return ancestor if over_x < level.scale_x and over_y < level.scale_y else None


class TestNothingIsEmpty:
    @settings(max_examples=200)
    @given(scenes(coarsest=True) | patchworks(coarsest=True), arrivals)
    def test_no_pixel_of_the_slide_is_empty_once_the_coarsest_level_is_there(
        self, scene: Scene, arrival_seed: int | None
    ) -> None:
        cover, _ = cover_of(scene, arrival_seed)
        assert (topmost(cover, sample_points(scene)) >= 0).all()
        assert cover.holes == 0

    @given(scenes())
    def test_an_empty_pixel_is_counted_as_a_hole(self, scene: Scene) -> None:
        cover, _ = cover_of(scene)
        assert (topmost(cover, sample_points(scene)) >= 0).all() or cover.holes > 0

    def test_without_any_tile_every_tile_of_the_view_is_a_hole(self) -> None:
        pyramid = Pyramid.from_sizes([(1000, 1000), (500, 500)], [(100, 100)] * 2)
        cover, tiles = cover_of(scene_of(pyramid, View(450, 450, 1.0), Screen(250, 90), []))
        assert cover.holes == tiles.tile_count == 3 * 1
        assert len(cover.slots_in_use) == 0
        assert not cover.fading

    def test_a_view_beside_the_slide_draws_nothing(self) -> None:
        pyramid = Pyramid.from_sizes([(1000, 1000)], [(100, 100)])
        cover, _ = cover_of(scene_of(pyramid, View(5000, 0, 1.0), Screen(250, 150), []))
        assert (len(cover.tiles), cover.holes, cover.fading) == (0, 0, False)

    def test_where_grids_do_not_nest_slivers_below_a_coarse_pixel_are_covered_too(self) -> None:
        """One pixel of the coarse level is 16 on this screen."""
        pyramid = Pyramid.from_sizes([(4000, 4000), (250, 250)], [(242, 250), (60, 60)])
        scene = scene_of(pyramid, View(1100, 1100, 1.0), Screen(700, 700), all_of_level(pyramid, 1))
        cover, _ = cover_of(scene)
        x, y = np.meshgrid(np.arange(-349.5, 350, 1), np.arange(-349.5, 350, 1))
        assert (topmost(cover, np.stack((x.ravel(), y.ravel()), axis=1)) >= 0).all()
        assert cover.holes == 0


class TestEveryPixelShowsItsPlace:
    @given(scenes() | patchworks(), arrivals)
    def test_tiles_and_ancestors_are_sampled_where_the_slide_is(
        self, scene: Scene, arrival_seed: int | None
    ) -> None:
        cover, _ = cover_of(scene, arrival_seed)
        points = sample_points(scene)
        top = topmost(cover, points)
        points, records = points[top >= 0], cover.tiles[top[top >= 0]]
        per_px = pixel_of_slide(scene)
        slide = points * per_px + (scene.view.centre_x, scene.view.centre_y)
        for point, place, record in zip(points, slide, records, strict=True):
            low, high = record["rect"][:2].astype(np.float64), record["rect"][2:].astype(np.float64)
            share = (point - low) / np.maximum(high - low, 1e-12)
            parent_uv = record["parent_uv"].astype(np.float64)
            lerped = parent_uv[:2] + share * (parent_uv[2:] - parent_uv[:2])
            for slot, position, extent, lod in (
                (record["slot"], share * record["extent"], record["extent"], record["lod"]),
                (record["parent_slot"], lerped, record["parent_extent"], record["parent_lod"]),
            ):
                if slot < 0:
                    continue
                key = scene.keys[slot]
                level, whole = scene.pyramid.levels[key.level], scene.pyramid.tile_rect(key)
                scale = np.array((level.scale_x, level.scale_y))
                error = np.abs(whole[:2] + position * scale - place)
                assert (error <= ROUNDING_PX * (per_px + scale)).all()
                assert tuple(extent) == scene.pyramid.tile_size(key)
                assert (position >= -1 - ROUNDING_PX).all(), "further out than clamping hides"
                assert (position <= extent + 1 + ROUNDING_PX).all()
                assert lod == pytest.approx(log2(scene.view.downsample / level.downsample), abs=1e-5)

    @given(scenes(), arrivals)
    def test_no_pixel_is_coarser_than_its_own_tile_allows(
        self, scene: Scene, arrival_seed: int | None
    ) -> None:
        """A resident tile, or finer ones, are on top; never a piece of an ancestor."""
        cover, tiles = cover_of(scene, arrival_seed)
        points = sample_points(scene)
        top = topmost(cover, points)
        place = points * pixel_of_slide(scene) + (scene.view.centre_x, scene.view.centre_y)
        own = scene.residency.grid(tiles.level, FIRST_PLANE)[grid_position(scene, tiles.level, place)] >= 0
        assert (cover.tiles["level"][top[own]] <= tiles.level).all()


class TestRecords:
    @given(scenes(), arrivals)
    def test_every_tile_that_touches_the_screen_has_one(self, scene: Scene, arrival_seed: int | None) -> None:
        cover, tiles = cover_of(scene, arrival_seed)
        keys = seen_keys(scene, tiles)
        records = main_records(cover, tiles)
        assert records["slot"].tolist() == [scene.residency.slot(key) for key in keys]
        assert [tuple(extent) for extent in records["extent"]] == list(map(scene.pyramid.tile_size, keys))
        for key in tiles_of(tiles):
            assert key in keys or not touches_screen(scene.pyramid, key, scene.view, scene.screen)

    @given(scenes(), arrivals)
    def test_neighbours_share_their_edge_to_the_bit(self, scene: Scene, arrival_seed: int | None) -> None:
        cover, tiles = cover_of(scene, arrival_seed)
        rects = dict(zip(seen_keys(scene, tiles), main_records(cover, tiles)["rect"], strict=True))
        for key, rect in rects.items():
            right, below = rects.get(key._replace(col=key.col + 1)), rects.get(key._replace(row=key.row + 1))
            assert right is None or (rect[2], rect[1], rect[3]) == (right[0], right[1], right[3])
            assert below is None or (rect[3], rect[0], rect[2]) == (below[1], below[0], below[2])

    @given(patchworks())
    def test_a_piece_is_of_the_finest_ancestor_that_is_there(self, scene: Scene) -> None:
        cover, tiles = cover_of(scene)
        points = sample_points(scene)
        top = topmost(cover, points)
        levels = cover.tiles["level"][top]
        pieces = (top >= 0) & (levels > tiles.level)
        place = points[pieces] * pixel_of_slide(scene) + (scene.view.centre_x, scene.view.centre_y)
        finest = np.full(len(place), -1)
        for index in range(len(scene.pyramid.levels) - 1, tiles.level, -1):
            finest[scene.residency.grid(index, FIRST_PLANE)[grid_position(scene, index, place)] >= 0] = index
        assert levels[pieces].tolist() == finest.tolist()

    @given(patchworks(coarsest=True))
    def test_pieces_of_ancestors_fill_their_tile_to_the_bit_and_do_not_overlap(self, scene: Scene) -> None:
        cover, tiles = cover_of(scene)
        pieces = cover.tiles[cover.tiles["level"] > tiles.level]
        records = main_records(cover, tiles)
        orphans = records[(records["slot"] < 0) & (records["parent_slot"] < 0)]
        covered = 0.0
        for orphan in orphans["rect"]:
            inside = (pieces["rect"][:, :2] >= orphan[:2]) & (pieces["rect"][:, 2:] <= orphan[2:])
            within = pieces["rect"][inside.all(axis=1)]
            assert within[:, :2].min(axis=0).tolist() == orphan[:2].tolist()
            assert within[:, 2:].max(axis=0).tolist() == orphan[2:].tolist()
            covered += area(orphan[None])
        assert area(pieces["rect"]) == pytest.approx(covered, rel=1e-3)

    def test_a_coarse_tile_that_only_rounding_brings_in_leaves_no_piece(self) -> None:
        """386 is a border of both grids; divided by the coarse tiles' width it comes out just below 23."""
        pyramid = Pyramid.from_sizes([(1930, 1930), (575, 575)], [(193, 193), (5, 5)])
        view, screen = View(480, 480, 1.0), Screen(150, 150)
        cover, tiles = cover_of(scene_of(pyramid, view, screen, all_of_level(pyramid, 1)))
        assert pyramid.visible_tiles(1, pyramid.tile_rect(TileKey(0, 2, 2))).col0 == 22
        assert tiles == TileRange(0, 2, 2, 3, 3)
        rects = cover.tiles["rect"]
        assert (rects[:, :2] < rects[:, 2:]).all()
        assert cover.holes == 0

    @given(scenes(), arrivals)
    def test_the_ancestor_is_the_nearest_resident_one_that_covers_the_tile_alone(
        self, scene: Scene, arrival_seed: int | None
    ) -> None:
        cover, tiles = cover_of(scene, arrival_seed)
        for key, record in zip(seen_keys(scene, tiles), main_records(cover, tiles), strict=True):
            if record["slot"] >= 0 and record["fade"] == 1.0:
                continue
            alone = (
                ancestor_alone(scene, key, coarser)
                for coarser in range(key.level + 1, len(scene.pyramid.levels))
            )
            slots = (scene.residency.slot(ancestor) for ancestor in alone if ancestor is not None)
            assert record["parent_slot"] == next((slot for slot in slots if slot >= 0), -1)

    @given(scenes(), arrivals)
    def test_slots_in_use_are_those_of_all_records(self, scene: Scene, arrival_seed: int | None) -> None:
        cover, _ = cover_of(scene, arrival_seed)
        used = {int(record[name]) for record in cover.tiles for name in ("slot", "parent_slot")} - {-1}
        assert set(cover.slots_in_use.tolist()) == used

    def test_far_out_on_a_large_slide_edges_keep_their_precision(self) -> None:
        """float32 slide coordinates would be off by 16 pixels here."""
        side = 200_000_000
        pyramid = Pyramid.from_sizes([(side, 200)], [(200, 200)])
        view = View(side - 100, 100, 0.5)
        scene = Scene(pyramid, view, Screen(600, 400), resident(pyramid, []), [])
        cover, tiles = cover_of(scene)
        assert main_records(cover, tiles)["rect"].tolist() == [
            [-600, -200, -200, 200],
            [-200, -200, 200, 200],
        ]


class TestFade:
    """One absent or fresh tile at (0, 0), its ancestor, and nothing else."""

    PYRAMID = Pyramid.from_sizes([(400, 400), (200, 200)], [(100, 100)] * 2)
    FRESH, ANCESTOR = TileKey(0, 0, 0), TileKey(1, 0, 0)

    def cover(self, keys: list[TileKey], *, age_s: float = 0.0, fade_s: float = FADE_S) -> Cover:
        residency = resident(self.PYRAMID, keys)
        residency.arrival_s[0] = 5.0
        view = View(50, 50, 1.0)
        return cover_view(
            self.PYRAMID,
            residency,
            TileRange(0, 0, 0, 1, 1),
            view,
            Screen(80, 80),
            now_s=5.0 + age_s,
            fade_s=fade_s,
        )

    @pytest.mark.parametrize(
        ("age_s", "fade"), [(-1.0, 0.0), (0.0, 0.0), (0.025, 0.25), (0.05, 0.5), (0.0999, 0.999)]
    )
    def test_a_tile_that_came_in_is_mixed_with_its_ancestor(self, age_s: float, fade: float) -> None:
        cover = self.cover([self.FRESH, self.ANCESTOR], age_s=age_s)
        (record,) = cover.tiles
        assert (record["slot"], record["parent_slot"]) == (0, 1)
        assert record["fade"] == pytest.approx(fade)
        assert record["parent_uv"].tolist() == [0, 0, 50, 50]
        assert cover.fading
        assert cover.holes == 0

    @pytest.mark.parametrize(("age_s", "fade_s"), [(0.11, FADE_S), (100.0, FADE_S), (0.0, 0.0)])
    def test_after_the_fade_it_stands_alone(self, age_s: float, fade_s: float) -> None:
        cover = self.cover([self.FRESH, self.ANCESTOR], age_s=age_s, fade_s=fade_s)
        (record,) = cover.tiles
        assert (record["slot"], record["parent_slot"], record["fade"]) == (0, -1, 1.0)
        assert not cover.fading

    def test_without_an_ancestor_it_is_shown_at_once(self) -> None:
        cover = self.cover([self.FRESH])
        (record,) = cover.tiles
        assert (record["slot"], record["parent_slot"], record["fade"]) == (0, -1, 1.0)
        assert not cover.fading

    def test_an_absent_tile_is_its_ancestor_and_nothing_fades(self) -> None:
        cover = self.cover([self.ANCESTOR])
        (record,) = cover.tiles
        assert (record["slot"], record["parent_slot"], record["fade"]) == (-1, 0, 0.0)
        assert not cover.fading
        assert cover.holes == 0


class TestFinerTiles:
    """A view of level 2 just after zooming out: finer tiles are still on the GPU."""

    PYRAMID = Pyramid.from_sizes([(1600 >> shift, 1600 >> shift) for shift in range(4)], [(100, 100)] * 4)
    VIEW, SCREEN = View(800, 800, 4.0), Screen(398, 398)
    ANCESTORS = (TileKey(3, 0, 0), TileKey(3, 1, 0), TileKey(3, 0, 1), TileKey(3, 1, 1))

    def levels_drawn(self, keys: list[TileKey], *, here: tuple[TileKey, ...] = ANCESTORS) -> list[int]:
        scene = scene_of(self.PYRAMID, self.VIEW, self.SCREEN, [*here, *keys])
        cover, tiles = cover_of(scene)
        assert tiles.level == 2
        over = cover.tiles[cover.tiles["level"] < 2]
        assert (over["fade"] == 1.0).all()
        assert (over["parent_slot"] == -1).all()
        assert {scene.keys[slot] for slot in over["slot"]} <= set(keys)
        return cover.tiles["level"].tolist()

    def test_are_laid_over_absent_tiles_the_coarser_of_them_first(self) -> None:
        assert self.levels_drawn([TileKey(0, 5, 5), TileKey(1, 2, 2)]) == [2] * 16 + [1, 0]

    def test_are_left_out_where_the_tile_itself_is_there(self) -> None:
        own = TileKey(2, 1, 1)
        assert self.levels_drawn([own, TileKey(0, 5, 5), TileKey(1, 2, 2)]) == [2] * 16

    def test_stay_until_the_tile_has_faded_in(self) -> None:
        scene = scene_of(
            self.PYRAMID, self.VIEW, self.SCREEN, [*self.ANCESTORS, TileKey(2, 1, 1), TileKey(1, 2, 2)]
        )
        tiles = block_on_screen(scene)
        scene.residency.arrival_s[4] = 0.0
        for now_s, drawn in ((0.0, 17), (FADE_S / 2, 17), (FADE_S * 1.01, 16)):
            cover = cover_view(
                self.PYRAMID, scene.residency, tiles, self.VIEW, self.SCREEN, now_s=now_s, fade_s=FADE_S
            )
            assert len(cover.tiles) == drawn

    def test_serve_even_where_no_ancestor_does(self) -> None:
        assert self.levels_drawn([TileKey(1, 2, 2)], here=()) == [2] * 16 + [1]

    def test_only_two_levels_of_them_are_laid(self) -> None:
        pyramid = Pyramid.from_sizes([(1600 >> shift, 1600 >> shift) for shift in range(5)], [(100, 100)] * 5)
        keys = [TileKey(4, 0, 0), TileKey(0, 5, 5), TileKey(1, 2, 2), TileKey(2, 1, 1)]
        cover, tiles = cover_of(scene_of(pyramid, View(800, 800, 8.0), Screen(190, 190), keys))
        assert tiles.level == 3
        assert cover.tiles["level"].tolist() == [3] * 4 + [2, 1]

    def test_so_many_that_laying_them_takes_longer_than_waiting_are_left_out(self) -> None:
        pyramid = Pyramid.from_sizes([(3200, 3200), (1600, 1600), (800, 800)], [(100, 100)] * 3)
        finest = all_of_level(pyramid, 0)
        for keys, laid in ((finest[:512], 512), (finest[:513], 0)):
            cover, tiles = cover_of(scene_of(pyramid, View(1600, 1600, 2.0), Screen(1600, 1600), keys))
            assert tiles.level == 1
            assert (cover.tiles["level"] == 0).sum() == laid


def scene_of(pyramid: Pyramid, view: View, screen: Screen, keys: list[TileKey]) -> Scene:
    return Scene(pyramid, view, screen, resident(pyramid, keys), keys)


def all_of_level(pyramid: Pyramid, index: int) -> list[TileKey]:
    return [key for key in all_tiles(pyramid) if key.level == index]


def area(rects: NDArray[np.float32]) -> float:
    x0, y0, x1, y1 = rects.astype(np.float64).T
    return float(((x1 - x0) * (y1 - y0)).sum())
