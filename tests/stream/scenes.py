"""Random pyramids, views and tiles on the GPU, for property tests of plan and cover."""

from __future__ import annotations

from functools import partial
from math import pi
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from tests.slide.pyramids import pyramids
from viewer.slide.geometry import Pyramid, TileKey, TileRange
from viewer.stream.residency import Residency
from viewer.view.camera import View, field_of_view
from viewer.view.screen import Screen


class Scene(NamedTuple):
    """A view of a slide, some of whose tiles are on the GPU; ``keys`` names the tile in each slot."""

    pyramid: Pyramid
    view: View
    screen: Screen
    residency: Residency
    keys: list[TileKey]


def tiles_of(tiles: TileRange) -> list[TileKey]:
    return [
        TileKey(tiles.level, col, row)
        for row in range(tiles.row0, tiles.row1)
        for col in range(tiles.col0, tiles.col1)
    ]


def all_tiles(pyramid: Pyramid) -> list[TileKey]:
    everywhere = (pyramid.visible_tiles(index, pyramid.extent) for index in range(len(pyramid.levels)))
    return [key for tiles in everywhere for key in tiles_of(tiles)]


def resident(pyramid: Pyramid, keys: list[TileKey], *, spare_slots: int = 1) -> Residency:
    """Each key in the slot of its place in the list, arrived long ago."""
    residency = Residency(pyramid, len(keys) + spare_slots)
    for slot, key in enumerate(keys):
        residency.put(key, slot, now_s=-100.0)
    return residency


@st.composite
def views(draw: st.DrawFn, pyramid: Pyramid) -> View:
    """Centred on the slide, at any level: deeply magnified, as it is, or well beyond a fit."""
    level = draw(st.sampled_from(pyramid.levels))
    downsample = level.downsample * draw(st.floats(1, 1.9) | st.floats(0.2, 30))
    rotation_rad = draw(st.sampled_from((0.0, 0.0, pi / 2, 0.3, -2.0)) | st.floats(-pi, pi))
    x, y = draw(st.floats(0, 1)) * pyramid.width, draw(st.floats(0, 1)) * pyramid.height
    return View(x, y, downsample, rotation_rad)


@st.composite
def simple_scenes(draw: st.DrawFn, *, coarsest: bool) -> Scene:
    """Any pyramid and any share of each level on the GPU."""
    pyramid = draw(pyramids())
    screen = Screen(
        draw(st.sampled_from((96, 200, 333))), draw(st.sampled_from((64, 150))), pyramid.pixel_aspect
    )
    shares = [draw(st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0))) for _ in pyramid.levels]
    seed = draw(st.integers(0, 2**32 - 1))
    return _scene(pyramid, draw(views(pyramid)), screen, shares, np.random.default_rng(seed), coarsest)


def patchwork(seed: int, *, coarsest: bool) -> Scene:
    """Grids that never nest, many tiles on the screen, and holes in every level: tiles must be pieced
    together from several ancestors of several levels."""
    rng = np.random.default_rng(seed)
    sizes = [(int(rng.integers(1500, 3000)), int(rng.integers(1000, 2000)))]
    for _ in range(3):
        ratio_x, ratio_y = rng.uniform(1.6, 3.2, 2)
        sizes.append((int(sizes[-1][0] / ratio_x), int(sizes[-1][1] / ratio_y)))
    tiles = [(int(rng.choice((60, 100, 121))), int(rng.choice((70, 90, 128)))) for _ in sizes]
    pyramid = Pyramid.from_sizes(sizes, tiles, pixel_aspect=float(rng.choice((1.0, 0.9))))
    view = View(
        pyramid.width * rng.uniform(),
        pyramid.height * rng.uniform(),
        pyramid.levels[rng.integers(2)].downsample * rng.uniform(1, 1.5),
        float(rng.choice((0.0, 0.7))),
    )
    shares = [*rng.choice((0.2, 0.6), 2), *rng.choice((0.5, 0.9), 2)]
    return _scene(pyramid, view, Screen(500, 400, pyramid.pixel_aspect), shares, rng, coarsest)


def patchworks(*, coarsest: bool = False) -> st.SearchStrategy[Scene]:
    """``patchwork`` by seed."""
    return st.integers(0, 2**32 - 1).map(partial(patchwork, coarsest=coarsest))


def scenes(*, coarsest: bool = False) -> st.SearchStrategy[Scene]:
    """Scenes of all kinds; ``coarsest``: all of the coarsest level is on the GPU."""
    return simple_scenes(coarsest=coarsest) | patchworks(coarsest=coarsest)


def _scene(
    pyramid: Pyramid,
    view: View,
    screen: Screen,
    shares: list[float],
    rng: np.random.Generator,
    coarsest: bool,
) -> Scene:
    if coarsest:
        shares[-1] = 1.0
    keys = [key for key in all_tiles(pyramid) if rng.random() < shares[key.level]]
    keys = [keys[index] for index in rng.permutation(len(keys))]
    return Scene(pyramid, view, screen, resident(pyramid, keys), keys)


def touches_screen(pyramid: Pyramid, key: TileKey, view: View, screen: Screen) -> bool:
    """Whether tile and screen share area. Two rectangles do unless a side of either parts them."""
    rect = pyramid.tile_rect(key)
    corners = np.array([(x, y) for x in (rect.x0, rect.x1) for y in (rect.y0, rect.y1)])
    offset = (corners - (view.centre_x, view.centre_y)) * (1, screen.aspect) / view.downsample
    c, s = np.cos(view.rotation_rad), np.sin(view.rotation_rad)
    on_screen = offset @ np.array([[c, s], [-s, c]])
    half = np.array(screen.size_px) / 2
    apart_on_screen = (on_screen.min(axis=0) >= half) | (on_screen.max(axis=0) <= -half)
    field = field_of_view(view, screen.size_px, screen.aspect)
    return not apart_on_screen.any() and rect.intersection(field) is not None
