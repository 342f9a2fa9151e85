"""viewer.slide.geometry: tiles partition the slide; a region sees exactly the tiles it shares area with."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.messages import pattern
from tests.slide.pyramids import pyramids
from viewer.slide import strings
from viewer.slide.geometry import Level, Pyramid, Rect, TileKey, TileRange
from viewer.slide.planes import FIRST_PLANE, Plane, PlaneAxes

ROUNDING_PX = 1e-6
"""Where a region ends on a tile's border, arithmetic may see either side of it."""

coordinates = st.floats(-5000, 8000)


def keys_of(pyramid: Pyramid, index: int) -> list[TileKey]:
    level = pyramid.levels[index]
    return [TileKey(index, col, row) for row, col in product(range(level.rows), range(level.columns))]


def keys_in(tiles: TileRange) -> set[TileKey]:
    columns, rows = range(tiles.col0, tiles.col1), range(tiles.row0, tiles.row1)
    return {TileKey(tiles.level, col, row) for col, row in product(columns, rows)}


def square_pyramid(*sides: int, tile_px: int = 256, pixel_aspect: float = 1.0) -> Pyramid:
    sizes = [(side, side) for side in sides]
    return Pyramid.from_sizes(sizes, [(tile_px, tile_px)] * len(sizes), pixel_aspect=pixel_aspect)


def rect_of(left: float, top: float, right: float, bottom: float) -> Rect:
    return Rect(min(left, right), min(top, bottom), max(left, right), max(top, bottom))


rects = st.builds(rect_of, coordinates, coordinates, coordinates, coordinates)


class TestRect:
    def test_has_size_and_centre(self) -> None:
        rect = Rect(10, 20, 40, 80)
        assert (rect.width, rect.height, rect.centre) == (30, 60, (25, 50))

    @given(rects, rects)
    def test_an_intersection_lies_in_both_and_does_not_depend_on_order(self, a: Rect, b: Rect) -> None:
        shared = a.intersection(b)
        assert shared == b.intersection(a)
        if shared is not None:
            assert shared.width > 0
            assert shared.height > 0
            assert shared.intersection(a) == shared == shared.intersection(b)

    @given(rects, rects)
    def test_no_intersection_means_that_one_lies_beside_the_other(self, a: Rect, b: Rect) -> None:
        apart = max(a.x0, b.x0) >= min(a.x1, b.x1) or max(a.y0, b.y0) >= min(a.y1, b.y1)
        assert (a.intersection(b) is None) == apart

    def test_rectangles_that_only_touch_share_no_area(self) -> None:
        assert Rect(0, 0, 10, 10).intersection(Rect(10, 0, 20, 10)) is None


class TestLevel:
    @pytest.mark.parametrize(("width", "columns"), [(1, 1), (255, 1), (256, 1), (257, 2), (512, 2)])
    def test_the_last_column_may_be_cropped(self, width: int, columns: int) -> None:
        level = Level(width, 600, 256, 200, 1.0, 1.0)
        assert (level.columns, level.rows, level.tile_count) == (columns, 3, 3 * columns)

    def test_its_downsample_is_the_mean_of_both_axes(self) -> None:
        assert Level(10, 10, 5, 5, 3.0, 5.0).downsample == 4.0


class TestFromSizes:
    def test_scales_are_exact_size_ratios_on_each_axis(self) -> None:
        pyramid = Pyramid.from_sizes([(30061, 20002), (7515, 5000)], [(240, 256), (512, 128)])
        assert (pyramid.levels[1].scale_x, pyramid.levels[1].scale_y) == (30061 / 7515, 20002 / 5000)
        assert [(level.tile_width, level.tile_height) for level in pyramid.levels] == [(240, 256), (512, 128)]
        assert (pyramid.width, pyramid.height) == (30061, 20002)
        assert pyramid.extent == Rect(0, 0, 30061, 20002)
        assert pyramid.pixel_aspect == 1.0
        assert pyramid.tile_px == 512

    @pytest.mark.parametrize(
        ("sizes", "tiles", "reason"),
        [
            ([], [], "at least one level"),
            ([(10, 10)], [], "one tile size per level"),
            ([(10, 10)], [(5, 5), (5, 5)], "one tile size per level"),
            ([(0, 10)], [(5, 5)], pattern(strings.LEVEL_SIZE, width=0, height=10)),
            ([(10, 10)], [(5, -1)], pattern(strings.LEVEL_SIZE, tile_width=5, tile_height=-1)),
            ([(10, 10), (11, 5)], [(5, 5)] * 2, pattern(strings.LEVEL_ORDER, width=11, height=5)),
            ([(10, 10), (5, 11)], [(5, 5)] * 2, pattern(strings.LEVEL_ORDER, width=5, height=11)),
            ([(2**31, 2**31)], [(256, 256)], pattern(strings.LEVEL_TILES, tiles="70,368,744,177,664")),
        ],
    )
    def test_what_is_no_pyramid_is_refused_with_its_numbers(
        self, sizes: list[tuple[int, int]], tiles: list[tuple[int, int]], reason: str
    ) -> None:
        with pytest.raises(ValueError, match=reason):
            Pyramid.from_sizes(sizes, tiles)

    def test_an_axis_may_stay_as_it_is(self) -> None:
        """A slide one pixel high cannot shrink further."""
        assert len(Pyramid.from_sizes([(10, 1), (5, 1), (2, 1)], [(4, 4)] * 3).levels) == 3


@pytest.mark.parametrize(
    ("sides", "mips"),
    [
        ((1000,), 2),
        ((1000, 500), 2),
        ((2002, 1000), 2),
        ((9000, 3000), 3),
        ((30060, 7516), 3),
        ((16000, 4000, 2000), 3),
        ((64000, 4000), 4),
        ((64000, 640), 4),
    ],
)
def test_mips_filter_the_widest_step_between_levels(sides: tuple[int, ...], mips: int) -> None:
    assert square_pyramid(*sides).mip_levels == mips


class TestLevelForDownsample:
    @given(pyramids(), st.floats(1e-3, 1e4))
    def test_it_is_the_coarsest_that_is_not_magnified(self, pyramid: Pyramid, downsample: float) -> None:
        index = pyramid.level_for_downsample(downsample)
        assert index == 0 or pyramid.levels[index].downsample <= downsample * 1.02
        assert all(level.downsample > downsample * 1.02 for level in pyramid.levels[index + 1 :])

    @pytest.mark.parametrize("coarse", [7515, 7516])
    def test_odd_ratios_are_taken_for_the_round_ones_they_mean(self, coarse: int) -> None:
        pyramid = square_pyramid(30063, coarse)
        assert pyramid.level_for_downsample(4.0) == 1
        assert pyramid.level_for_downsample(3.8) == 0


class TestTiles:
    @given(pyramids(max_side=1500))
    def test_the_tiles_of_every_level_partition_the_slide(self, pyramid: Pyramid) -> None:
        """Neighbours share their border to the bit; the outermost borders are the slide's own."""
        for index, level in enumerate(pyramid.levels):
            covered = np.zeros((level.height, level.width), np.uint8)
            for key in keys_of(pyramid, index):
                x, y = key.col * level.tile_width, key.row * level.tile_height
                width, height = pyramid.tile_size(key)
                covered[y : y + height, x : x + width] += 1
                rect = pyramid.tile_rect(key)
                for neighbour, side, other in (
                    (key._replace(col=key.col + 1), rect.x1, 0),
                    (key._replace(row=key.row + 1), rect.y1, 1),
                ):
                    if pyramid.contains(neighbour):
                        assert pyramid.tile_rect(neighbour)[other] == side
            assert (covered == 1).all()
            last = pyramid.tile_rect(TileKey(index, level.columns - 1, level.rows - 1))
            assert pyramid.tile_rect(TileKey(index, 0, 0))[:2] == (0, 0)
            assert last[2:] == pytest.approx((pyramid.width, pyramid.height), rel=1e-12)

    @given(pyramids(), st.integers(-2, 60), st.integers(-2, 60), st.integers(-2, 6))
    def test_contains_exactly_the_tiles_of_its_levels(
        self, pyramid: Pyramid, col: int, row: int, index: int
    ) -> None:
        known = 0 <= index < len(pyramid.levels) and TileKey(index, col, row) in keys_of(pyramid, index)
        assert pyramid.contains(TileKey(index, col, row)) == known

    def test_a_plane_is_part_of_the_key(self) -> None:
        assert TileKey(1, 2, 3) == TileKey(1, 2, 3, FIRST_PLANE) != TileKey(1, 2, 3, Plane(z=1))
        pyramid = Pyramid.from_sizes([(512, 512)], [(256, 256)])
        tiles = pyramid.visible_tiles(0, pyramid.extent, Plane(2, 1))
        assert tiles.key(0, 1) == TileKey(0, 0, 1, Plane(2, 1))

    def test_other_planes_are_there_only_where_it_says_so(self) -> None:
        first_only = Pyramid.from_sizes([(512, 512)], [(256, 256)])
        assert not first_only.contains(TileKey(0, 0, 0, Plane(channel=1)))
        stack = replace(first_only, planes=PlaneAxes(channels=2, z=3))
        assert stack.planes.plane_count == 6
        assert stack.contains(TileKey(0, 0, 0, Plane(1, 2)))
        for beyond in (Plane(2), Plane(0, 3), Plane(0, 0, 1), Plane(-1)):
            assert not stack.contains(TileKey(0, 0, 0, beyond))


class TestVisibleTiles:
    @given(pyramids(), st.integers(0, 3), rects)
    def test_are_exactly_those_that_share_area_with_the_region(
        self, pyramid: Pyramid, index: int, region: Rect
    ) -> None:
        index %= len(pyramid.levels)
        seen = keys_in(pyramid.visible_tiles(index, region))
        for key in keys_of(pyramid, index):
            shared = pyramid.tile_rect(key).intersection(region)
            clearly = shared is not None and min(shared.width, shared.height) > ROUNDING_PX
            if clearly:
                assert key in seen
            elif key in seen:
                grown = Rect(region.x0 - 1e-6, region.y0 - 1e-6, region.x1 + 1e-6, region.y1 + 1e-6)
                assert pyramid.tile_rect(key).intersection(grown) is not None

    @given(pyramids(), st.integers(0, 3), rects)
    def test_name_only_tiles_that_exist(self, pyramid: Pyramid, index: int, region: Rect) -> None:
        index %= len(pyramid.levels)
        tiles = pyramid.visible_tiles(index, region)
        assert all(pyramid.contains(key) for key in keys_in(tiles))
        assert tiles.tile_count == len(keys_in(tiles)) >= 0

    @pytest.mark.parametrize(
        "region",
        [
            Rect(-500, 0, -1, 100),
            Rect(0, -500, 100, -1),
            Rect(301, 0, 400, 100),
            Rect(0, 301, 100, 400),
            Rect(50, 50, 50, 90),
            Rect(90, 90, 50, 50),
        ],
        ids=["left", "above", "right, where the tile is cropped", "below", "no area", "inside out"],
    )
    def test_are_none_where_the_region_shares_no_area(self, region: Rect) -> None:
        assert square_pyramid(300).visible_tiles(0, region).tile_count == 0

    def test_a_region_that_ends_on_a_border_ends_there(self) -> None:
        pyramid = square_pyramid(1024, 512)
        assert pyramid.visible_tiles(0, Rect(256, 0, 768, 256)) == TileRange(0, 1, 0, 3, 1)
        assert pyramid.visible_tiles(1, Rect(512, 512, 1024, 1024)) == TileRange(1, 1, 1, 2, 2)

    def test_are_all_for_an_endless_region(self) -> None:
        assert square_pyramid(300).visible_tiles(0, Rect(-inf, -inf, inf, inf)) == TileRange(0, 0, 0, 2, 2)
