"""What counts as displayed: cell by cell against a literal check, and where to go next."""

from __future__ import annotations

from dataclasses import replace
from math import hypot

import numpy as np
import pytest

from viewer.review.coverage import BAND_FLOORS, LEAST_S, Coverage, Display, next_place, shares
from viewer.slide.geometry import Rect
from viewer.view.camera import View, screen_from_slide

SLIDE_PX = 20_000, 12_000
SMALL_PX = 6_000, 4_000
SIZE_PX = 800.0, 600.0


PLACE = View(9000.0, 5000.0, 4.0)


def display(view: View = PLACE, *, magnification: float = 10.0, duration_s: float = 1.0) -> Display:
    return Display(view, SIZE_PX, 1.0, magnification, duration_s, is_sharp=True)


def cells_one_by_one(coverage: Coverage, shown: Display) -> set[tuple[int, int]]:
    """The cells whose middle appears on the screen, and under nothing."""
    rows, columns = coverage.shape
    found = set()
    for row in range(rows):
        for column in range(columns):
            middle = (column + 0.5) * coverage.cell_px, (row + 0.5) * coverage.cell_px
            x, y = screen_from_slide(shown.view, shown.size_px, shown.aspect, *middle)
            is_inside = 0 <= x < shown.size_px[0] and 0 <= y < shown.size_px[1]
            is_covered = any(rect.x0 <= x < rect.x1 and rect.y0 <= y < rect.y1 for rect in shown.covered)
            if is_inside and not is_covered:
                found.add((row, column))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_just_the_cells_in_view_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rotation_rad = 0.0 if seed < 3 else float(rng.uniform(-3, 3))
    view = View(*rng.uniform(-1000, 5000, 2).tolist(), float(rng.uniform(1, 10)), rotation_rad)
    covered = (Rect(600.0, 400.0, 800.0, 600.0),) if seed % 2 else ()
    shown = replace(display(view), aspect=float(rng.uniform(0.8, 1.25)), covered=covered)
    coverage = Coverage(SMALL_PX)
    coverage.add(shown)
    expected = cells_one_by_one(coverage, shown)
    assert set(zip(*(axis.tolist() for axis in coverage.displayed(10.0).nonzero()), strict=True)) == expected
    assert (coverage.cells_in(shown) == coverage.displayed(0.0)).all()


def test_the_bands_are_those_of_the_magnification() -> None:
    coverage = Coverage(SLIDE_PX)
    for magnification in (1.0, 2.5, 5.0, 9.99, 10.0, 40.0):
        coverage.add(display(magnification=magnification))
    seconds = coverage.seconds.max(axis=(1, 2))
    assert dict(zip(BAND_FLOORS, seconds.tolist(), strict=True)) == {0: 1, 2.5: 1, 5: 1, 10: 2, 20: 1}


def test_time_adds_up_to_what_a_fixation_needs() -> None:
    coverage = Coverage(SLIDE_PX)
    coverage.add(display(duration_s=0.6 * LEAST_S))
    assert not coverage.displayed(0.0).any()
    coverage.add(display(magnification=20.0, duration_s=0.6 * LEAST_S))
    assert coverage.displayed(10.0).any()
    assert not coverage.displayed(20.0).any()


def test_what_is_not_sharp_or_rushes_by_does_not_count() -> None:
    coverage = Coverage(SLIDE_PX)
    coverage.add(replace(display(), is_sharp=False))
    coverage.add(replace(display(), speed=1.5))
    assert not coverage.seconds.any()


def test_a_view_beside_the_slide_shows_none_of_it() -> None:
    coverage = Coverage(SLIDE_PX)
    coverage.add(display(View(-50_000.0, 90_000.0, 4.0)))
    assert not coverage.seconds.any()


def test_a_huge_slide_has_no_more_cells_than_a_large_one() -> None:
    rows, columns = Coverage((400_000, 300_000)).shape
    assert 35_000 <= rows * columns <= 45_000
    assert Coverage((300, 100)).shape == (2, 5)


def test_shares_are_those_of_the_tissue() -> None:
    coverage = Coverage(SLIDE_PX)
    shown = display()
    coverage.add(shown)
    coverage.add(display(View(9000.0, 5000.0, 8.0), magnification=5.0))
    tissue = np.zeros(coverage.shape, np.bool_)
    assert shares(coverage, tissue, 10.0) is None
    tissue[:] = coverage.displayed(0.0)
    found = shares(coverage, tissue, 10.0)
    assert found is not None
    assert found.at_magnification == pytest.approx(0.25, abs=0.02)
    assert found.overview == 0
    assert found.at_magnification + found.less_magnified == pytest.approx(1)
    coverage.seconds[:] = 0
    coverage.add(display(View(9000.0, 5000.0, 8.0), magnification=1.25))
    found = shares(coverage, tissue, 10.0)
    assert found is not None
    assert found.overview == 1


def test_the_next_place_is_near_and_shows_much() -> None:
    missing = np.zeros((100, 100), np.bool_)
    missing[5, 5] = True  # one cell, close by
    missing[40:60, 40:60] = missing[80:95, 80:95] = True
    place = next_place(missing, 100.0, (2000.0, 2000.0), near=(0.0, 0.0))
    assert place is not None
    assert hypot(place[0] - 5000, place[1] - 5000) < 1500
    assert next_place(np.zeros((100, 100), np.bool_), 100.0, (2000.0, 2000.0), near=(0.0, 0.0)) is None


def test_going_from_place_to_place_displays_everything() -> None:
    rng = np.random.default_rng(0)
    coverage = Coverage(SLIDE_PX)
    tissue = rng.random(coverage.shape) < 0.02
    tissue[20:50, 30:90] = True
    field_px, near, visited = (SIZE_PX[0] * 4, SIZE_PX[1] * 4), (0.0, 0.0), 0
    while (
        place := next_place(tissue & ~coverage.displayed(10.0), coverage.cell_px, field_px, near)
    ) is not None:
        coverage.add(display(View(*place, 4.0)))
        near = place
        visited += 1
        assert visited < 200
    assert (coverage.displayed(10.0) | ~tissue).all()
