"""viewer.common.scale: nice lengths, magnifications, and how both read."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.common import strings
from viewer.common.scale import (
    downsample_from_magnification,
    format_length,
    format_magnification,
    format_position,
    magnification_from_downsample,
    nice_length_um,
    pixel_size_in_words,
    power_at_full_resolution,
    whole_units,
)


@pytest.mark.parametrize(
    ("max_um", "nice"),
    [
        (1, 1),
        (1.99, 1),
        (2, 2),
        (4.9, 2),
        (5, 5),
        (9.99, 5),
        (10, 10),
        (1000, 1000),
        (1999, 1000),
        (0.3, 0.2),
    ],
)
def test_nice_lengths_are_one_two_or_five_times_a_power_of_ten(max_um: float, nice: float) -> None:
    assert nice_length_um(max_um) == pytest.approx(nice)


@given(st.floats(1e-3, 1e7))
def test_a_nice_length_fills_at_least_two_fifths_of_the_room(max_um: float) -> None:
    nice = nice_length_um(max_um)
    assert 0.4 * max_um <= nice * (1 + 1e-6)
    assert nice <= max_um * (1 + 1e-6)
    assert f"{nice:e}"[0] in "125"


@pytest.mark.parametrize("max_um", [0.0, -1.0, nan, inf])
def test_a_length_that_is_none_is_refused(max_um: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        nice_length_um(max_um)


def test_the_objective_goes_before_the_pixel_size() -> None:
    assert power_at_full_resolution(objective_power=20, mpp_um=(0.25, 0.25)) == 20
    assert power_at_full_resolution(objective_power=None, mpp_um=(0.25, 0.25)) == 40
    assert power_at_full_resolution(objective_power=None, mpp_um=None) is None


def test_magnification_and_downsample_undo_each_other() -> None:
    known = {"objective_power": 40.0, "mpp_um": None}
    assert magnification_from_downsample(4, **known) == 10
    assert downsample_from_magnification(10, **known) == 4
    by_mpp = {"objective_power": None, "mpp_um": (0.5, 0.5)}
    assert magnification_from_downsample(2, **by_mpp) == 10
    assert downsample_from_magnification(40, **by_mpp) == 0.5


def test_nothing_is_guessed_where_nothing_is_known() -> None:
    assert magnification_from_downsample(4, objective_power=None, mpp_um=None) is None
    assert downsample_from_magnification(4, objective_power=None, mpp_um=None) is None


@pytest.mark.parametrize(
    ("length_um", "text"),
    [
        (0, "0 µm"),
        (0.5, "500 nm"),
        (0.9996, "1 µm"),
        (1, "1 µm"),
        (2.5, "2.5 µm"),
        (50, "50 µm"),
        (100, "100 µm"),
        (999.4, "999 µm"),
        (999.6, "1 mm"),
        (1200, "1.2 mm"),
        (20_000, "20 mm"),
        (123_400, "123 mm"),
        (1_234_000, "1234 mm"),
        (-1500, "-1.5 mm"),
    ],
)
def test_lengths_read_well(length_um: float, text: str) -> None:
    assert format_length(length_um) == text


@pytest.mark.parametrize(
    ("magnification", "text"),
    [(20, "20x"), (1.25, "1.25x"), (0.3125, "0.312x"), (2.5, "2.5x"), (160, "160x"), (None, "–")],
)
def test_magnifications_read_well(magnification: float | None, text: str) -> None:
    assert format_magnification(magnification) == text


def test_positions_are_in_micrometres_where_the_pixel_size_is_known() -> None:
    assert format_position(12_000.7, 80.2, mpp_um=None) == "12000, 80 px"
    assert format_position(12_000, 80, mpp_um=(0.5, 0.25)) == "6000.0, 20.0 µm"


@pytest.mark.parametrize(
    ("mpp_um", "estimated", "text"),
    [
        ((0.38, 0.38), True, strings.PIXEL_SIZE_ESTIMATED.format(size="0.38")),
        ((0.25, 0.25002), False, strings.PIXEL_SIZE.format(size="0.25")),
        ((0.5, 0.25), False, strings.PIXEL_SIZE.format(size="0.5 × 0.25")),
    ],
)
def test_pixel_sizes_read_well(mpp_um: tuple[float, float], estimated: bool, text: str) -> None:
    assert pixel_size_in_words(mpp_um, estimated=estimated) == text


def test_an_estimate_has_two_digits() -> None:
    assert pixel_size_in_words((0.3817, 0.3817), estimated=True, digits=4).startswith("0.38 ")
    assert pixel_size_in_words((0.3817, 0.3817), estimated=False, digits=4).startswith("0.3817 ")


def test_a_number_stays_with_its_unit() -> None:
    assert whole_units("a scale of 0.5 µm/px") == "a scale of 0.5\u00a0µm\u2060/\u2060px"
