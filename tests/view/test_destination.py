"""viewer.view.destination: what a reader may type as a place, and what is said where it is none."""

from __future__ import annotations

import pytest

from tests.messages import pattern
from viewer.common.scale import format_position
from viewer.slide.geometry import Rect
from viewer.view import strings
from viewer.view.destination import Destination, DestinationError, parse_destination

EXTENT = Rect(0, 0, 30_000, 15_000)


def parsed(
    text: str,
    *,
    unit: str = "px",
    mpp_um: tuple[float, float] | None = (0.5, 0.25),
    objective_power: float | None = 20,
) -> Destination:
    return parse_destination(text, unit=unit, extent=EXTENT, mpp_um=mpp_um, objective_power=objective_power)


@pytest.mark.parametrize(
    "text", ["12000, 8000", "12000 8000", " 12000;8000 ", "12000,8000", "x=12000 y=8000", "12000. 8000.0 px"]
)
def test_two_numbers_are_a_place_in_pixels(text: str) -> None:
    assert parsed(text) == Destination(12_000, 8_000)


@pytest.mark.parametrize("text", ["12000 8000 5x", "12000, 8000, 5x", "12000,8000 @5x", "12000 8000 at 5 x"])
def test_a_magnification_may_follow(text: str) -> None:
    assert parsed(text) == Destination(12_000, 8_000, downsample=4)


@pytest.mark.parametrize(
    ("text", "unit"), [("1000, 500", "um"), ("1000, 500 µm", "px"), ("1000 500 um", "px"), ("1 0.5 mm", "px")]
)
def test_micrometres_count_each_axis_by_its_own_pixel_size(text: str, unit: str) -> None:
    assert parsed(text, unit=unit) == Destination(2_000, 2_000)


def test_a_unit_in_the_text_goes_before_the_one_chosen() -> None:
    assert parsed("12000, 8000 px", unit="um") == Destination(12_000, 8_000)


@pytest.mark.parametrize("mpp_um", [None, (0.5, 0.25)])
def test_a_position_that_was_shown_can_be_pasted(mpp_um: tuple[float, float] | None) -> None:
    assert parsed(format_position(12_000, 8_000, mpp_um=mpp_um), mpp_um=mpp_um) == Destination(12_000, 8_000)


@pytest.mark.parametrize(
    "text", ["", "12000", "left of the gland", "1 2 3", "1e3 2e3", "12000,8000 20x 3", "nan inf"]
)
def test_what_is_no_place_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(DestinationError, match=pattern(strings.HOW_TO_TYPE_A_PLACE)):
        parsed(text)


@pytest.mark.parametrize(
    ("text", "unit", "bounds"),
    [
        ("30001, 5", "px", {"axis": "x", "end": "30000 px"}),
        ("5, -1", "px", {"axis": "y", "end": "15000 px"}),
        ("15001, 5", "um", {"axis": "x", "end": "15 mm"}),
        ("9" * 400 + ", 5", "px", {"axis": "x"}),
    ],
)
def test_a_place_outside_the_slide_is_refused_with_the_bounds(
    text: str, unit: str, bounds: dict[str, str]
) -> None:
    with pytest.raises(DestinationError, match=pattern(strings.OUTSIDE_THE_SLIDE, **bounds)):
        parsed(text, unit=unit)


def test_bounds_are_in_pixels_where_the_pixel_size_is_not_known() -> None:
    with pytest.raises(DestinationError, match=pattern(strings.OUTSIDE_THE_SLIDE, end="30000 px")):
        parsed("30001, 5", mpp_um=None)


def test_micrometres_need_a_pixel_size() -> None:
    with pytest.raises(DestinationError, match=pattern(strings.NO_PIXEL_SIZE)):
        parsed("10, 10 µm", mpp_um=None)


def test_a_magnification_needs_an_objective_or_a_pixel_size() -> None:
    with pytest.raises(DestinationError, match=pattern(strings.NO_MAGNIFICATION)):
        parsed("10, 10 20x", mpp_um=None, objective_power=None)


@pytest.mark.parametrize("power", ["0", "-20", "2000"])
def test_an_impossible_magnification_is_refused(power: str) -> None:
    with pytest.raises(DestinationError, match=pattern(strings.MAGNIFICATION_RANGE)):
        parsed(f"10, 10 {power}x")
