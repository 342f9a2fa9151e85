"""Pyramids as vendors cut them, for property tests: odd ratios, floored sizes, grids that do not nest."""

from __future__ import annotations

from hypothesis import strategies as st

from viewer.slide.geometry import Pyramid

RATIOS = (2, 3, 4, 2.0012, 3.9998, 1.7, 16)
TILE_SIDES = (50, 64, 100, 121, 240, 256, 512)


@st.composite
def pyramids(draw: st.DrawFn, *, max_side: int = 3000, max_levels: int = 4) -> Pyramid:
    """Each level is the finer one over any ratio, rounded down; every level may have tiles of its own."""
    sides = st.integers(1, max_side)
    tile_sides = st.sampled_from(TILE_SIDES)
    sizes = [(draw(sides), draw(sides))]
    same_tiles = draw(st.booleans())
    tiles = [(draw(tile_sides), draw(tile_sides))]
    for _ in range(draw(st.integers(0, max_levels - 1))):
        ratio = draw(st.sampled_from(RATIOS))
        width, height = sizes[-1]
        sizes.append((max(1, int(width / ratio)), max(1, int(height / ratio))))
        tiles.append(tiles[0] if same_tiles else (draw(tile_sides), draw(tile_sides)))
    return Pyramid.from_sizes(sizes, tiles, pixel_aspect=draw(st.sampled_from((1.0, 1.0, 0.8, 1.25))))
