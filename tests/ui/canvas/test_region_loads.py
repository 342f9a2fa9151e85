"""Levels that the worker allocated steer what a window fetches while it moves, and nothing once it rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.ui.sources import MadeSource
from viewer.common.settings import Settings
from viewer.relevance.patches.loads import Loads
from viewer.stream.streamer import Streamer

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from viewer.slide.geometry import TileKey
    from viewer.ui.canvas.slide_view import SlideView


@pytest.mark.parametrize("slow", [True, False])
def test_a_slow_slide_is_fetched_as_allocated_on_the_way_and_sharp_in_the_end(
    slow: bool, qtbot: QtBot, slide_view: SlideView, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, source = slide_view, MadeSource()
    monkeypatch.setattr(Streamer, "slow_reads", slow)
    view.apply_settings(Settings.default().replace("streaming", decode_threads=1, prefetch=False))
    view.set_source(source)
    view.go_to(1500, 1500, downsample=1, instant=True)
    qtbot.wait_until(lambda: view.sharp)
    levels = np.full((8, 8), 3, np.uint8)  # 1024 px each
    levels[6, 6] = 0
    view.set_region_loads(Loads(np.ones((8, 8), np.float32), levels), 1024.0, 1024.0)
    on_the_way: list[TileKey] = []
    read = source.read_tile

    def noting(key: TileKey) -> np.ndarray:
        if view.camera.moving:
            on_the_way.append(key)
        return read(key)

    source.read_tile = noting  # type: ignore[method-assign]
    view.go_to(6656, 6656)
    qtbot.wait_until(lambda: view.sharp and view.camera.view.centre_x == 6656)
    assert on_the_way
    put_off = [key for key in on_the_way if key.level == 0 and {key.col // 4, key.row // 4} != {6}]
    assert (put_off == []) == slow
    assert (view.frame_image()[..., 2] == 0).all(), "the finest level everywhere"
