"""Cover and renderer describe a drawn tile in the same layout, so that none is copied."""

from __future__ import annotations

from gpu.gl.tile_renderer import TILE_INSTANCE
from viewer.stream.cover import DRAWN_TILE


def test_records_of_a_cover_are_instances_of_the_renderer() -> None:
    pairs = {
        "rect": "rect_px",
        "extent": "tile_size",
        "lod": "tile_lod",
        "fade": "fade",
        "parent_uv": "ancestor_rect",
        "parent_extent": "ancestor_size",
        "parent_lod": "ancestor_lod",
        "slot": "tile_slot",
        "parent_slot": "ancestor_slot",
    }
    for ours, theirs in pairs.items():
        assert DRAWN_TILE.fields is not None
        assert TILE_INSTANCE.fields is not None
        assert DRAWN_TILE.fields[ours][:2] == TILE_INSTANCE.fields[theirs][:2], ours
    assert DRAWN_TILE.itemsize == TILE_INSTANCE.itemsize
