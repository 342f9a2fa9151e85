"""A place that is chosen is shown at its best patch, from where cells can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from viewer.relevance.patches.grid import PATCH_UM
from viewer.relevance.patches.peaks import Hit
from viewer.slide.geometry import Rect
from viewer.ui.search.hit_list import HitRow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


@pytest.mark.parametrize(("short_side_px", "downsample"), [(400, 1.92), (900, 1.0)])
def test_the_best_patch_fills_a_third_of_the_view_up_to_pixel_for_pixel(
    window: MainWindow,
    slide_file: Path,
    open_in: OpenIn,
    monkeypatch: pytest.MonkeyPatch,
    short_side_px: int,
    downsample: float,
) -> None:
    open_in(window, slide_file)
    view = window.view
    assert view.mpp_um == pytest.approx((0.5, 0.5))
    patch_px = PATCH_UM / 0.5
    monkeypatch.setattr(type(view.canvas), "size_px", property(lambda _canvas: (1200.0, short_side_px)))
    block, peak = Rect(0.0, 0.0, 2 * patch_px, 2 * patch_px), (1.5 * patch_px, 0.5 * patch_px)
    window.query.panel.hits.chosen.emit(HitRow(1, Hit(block, 0.9, peak), ""))
    target = view.camera.target
    assert (target.centre_x, target.centre_y) == pytest.approx(peak), "not the middle of its box"
    assert target.downsample == pytest.approx(downsample)
