"""viewer.stream.plan.on_screen: which tiles of a block a view touches, upright and turned."""

from __future__ import annotations

from math import pi

from hypothesis import given

from tests.stream.scenes import Scene, resident, scenes, tiles_of, touches_screen
from viewer.slide.geometry import Pyramid, TileRange
from viewer.stream.plan import make_plan, on_screen
from viewer.view.camera import View
from viewer.view.screen import Screen

SCREEN = Screen(1024, 768)
SLIDE = Pyramid.from_sizes([(16384 >> shift, 16384 >> shift) for shift in range(7)], [(256, 256)] * 7)
CENTRE = View(8192, 8192, 1.0)


@given(scenes())
def test_no_tile_that_touches_the_screen_is_left_out(scene: Scene) -> None:
    for index in range(len(scene.pyramid.levels)):
        everywhere = scene.pyramid.visible_tiles(index, scene.pyramid.extent)
        seen = on_screen(scene.pyramid, everywhere, scene.view, scene.screen)
        for key in tiles_of(everywhere):
            if touches_screen(scene.pyramid, key, scene.view, scene.screen):
                assert seen[key.row, key.col]


def test_an_upright_view_shows_its_whole_block() -> None:
    tiles = TileRange(0, 3, 4, 8, 6)
    assert on_screen(SLIDE, tiles, CENTRE, SCREEN).tolist() == [[True] * 5] * 2


def test_a_turned_view_leaves_the_corners_of_its_block_out() -> None:
    view, nothing = View(8192, 8192, 1.0, pi / 4), resident(SLIDE, [])
    tiles = make_plan(SLIDE, nothing, view, view, SCREEN).drawn
    seen = on_screen(SLIDE, tiles, view, SCREEN)
    assert not seen[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert seen[len(seen) // 2].any()
    wanted = {key for key in make_plan(SLIDE, nothing, view, view, SCREEN).requested if key.level == 0}
    assert wanted == {key for key, on in zip(tiles_of(tiles), seen.ravel(), strict=True) if on}
