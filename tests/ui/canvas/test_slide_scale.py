"""Which pixel size counts, and which magnification follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from viewer.slide.geometry import Rect
from viewer.slide.source import SlideInfo
from viewer.ui.canvas.scale_bar import LONGEST_SHARE, largest_reach, plate_size, scale_bar
from viewer.ui.canvas.slide_scale import SlideScale

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

STATED = SlideInfo(
    Path("a.svs"), "", "", "", Rect(0, 0, 9, 9), ((9, 9),), mpp_um=(0.5, 0.5), objective_power=20.0
)


def test_the_file_wins_unless_the_reader_replaces_what_it_states() -> None:
    scale = SlideScale(STATED)
    scale.enter_mpp_um((0.25, 0.25), estimated=True, origin="entered today")
    assert (scale.mpp_um, scale.mpp_estimated, scale.mpp_origin) == ((0.5, 0.5), False, "")
    scale.enter_mpp_um((0.25, 0.25), estimated=True, overrides=True, origin="entered today")
    assert (scale.mpp_um, scale.mpp_estimated, scale.mpp_origin) == ((0.25, 0.25), True, "entered today")
    scale.enter_mpp_um(None)
    assert (scale.mpp_um, scale.mpp_origin) == ((0.5, 0.5), "")


def test_a_replaced_pixel_size_replaces_the_magnification() -> None:
    scale = SlideScale(STATED)
    assert scale.magnification(1.0) == 20.0
    scale.enter_mpp_um((0.25, 0.25), overrides=True)
    assert scale.magnification(1.0) == 40.0
    assert scale.objective_power is None


def test_a_bar_reaches_no_further_than_is_kept_free_for_it(qapp: QApplication) -> None:
    for width_px in (300.0, 400.0, 1000.0):
        for estimated in (False, True):
            bar = scale_bar(1.0, width_px * LONGEST_SHARE, estimated=estimated)
            assert plate_size(bar, qapp.font())[0] < largest_reach(width_px, qapp.font())[0]


def test_a_bar_of_estimated_length_says_so() -> None:
    assert scale_bar(1.0, 120.0).label == "100 µm"
    assert scale_bar(1.0, 120.0, estimated=True).label == "≈ 100 µm (estimated)"
