"""Random pyramids, views and tiles on the GPU, for property tests of plan and cover."""

from __future__ import annotations

from math import exp, log, pi
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from tests.slide.pyramids import pyramids
from viewer.slide.geometry import Pyramid, TileKey, TileRange
from viewer.view.camera import View, field_of_view
from viewer.view.plan import Screen
from viewer.view.residency import Residency


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
def views(draw: st.DrawFn, pyramid: Pyramid, screen: Screen, *, turned: bool = True) -> View:
    """Centred on the slide, from deeply magnified to well beyond a fit."""
    fit = max(pyramid.width / screen.width_px, pyramid.height / screen.height_px)
    downsample = exp(draw(st.floats(log(0.2), log(max(4.0, 3 * fit)))))
    angles = st.sampled_from((0.0, 0.0, pi / 2, 0.3, -2.0)) | st.floats(-pi, pi)
    return View(
        draw(st.floats(0, 1)) * pyramid.width,
        draw(st.floats(0, 1)) * pyramid.height,
        downsample,
        draw(angles) if turned else 0.0,
    )


@st.composite
def scenes(draw: st.DrawFn, *, coarsest: bool = False, turned: bool = True) -> Scene:
    """Any share of each level is on the GPU; ``coarsest``: all of the coarsest level is."""
    pyramid = draw(pyramids())
    screen = Screen(
        draw(st.sampled_from((96, 200, 333))), draw(st.sampled_from((64, 150))), pyramid.pixel_aspect
    )
    shares = [draw(st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0))) for _ in pyramid.levels]
    if coarsest:
        shares[-1] = 1.0
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    keys = [key for key in all_tiles(pyramid) if rng.random() < shares[key.level]]
    rng.shuffle(keys)
    keys = [TileKey(*map(int, key)) for key in keys]
    return Scene(pyramid, draw(views(pyramid, screen, turned=turned)), screen, resident(pyramid, keys), keys)


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
