"""Numbers of any kind in 8 bits."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.slide.formats.sample_range import SampleRange, range_of


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_what_is_infinite_or_no_number_has_no_part_in_the_range(dtype: str) -> None:
    """numpy's warnings are errors here."""
    samples = np.array([[0, 1, np.inf, -np.inf, np.nan, 2]], dtype)
    shown = range_of(samples)
    assert shown is not None
    assert shown == (0, 2)
    assert shown.in_8_bits(samples).tolist() == [[0, 128, 255, 0, 0, 255]]
    assert SampleRange(1, 1).in_8_bits(samples).tolist() == [[0] * 6]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_the_whole_range_of_a_kind(dtype: str) -> None:
    most = np.finfo(dtype).max
    samples = np.array([[-most, 0, most]], dtype)
    shown = range_of(samples)
    assert shown is not None
    assert shown.in_8_bits(samples).tolist() == [[0, 128, 255]]


def test_whole_numbers() -> None:
    assert SampleRange(0, 4095).in_8_bits(np.array([[0, 15, 16, 4095, 9999]], "u2")).tolist() == [
        [0, 0, 1, 255, 255]
    ]
    assert range_of(np.array([[1, 2**64 - 1]], "u8")) == (1, 2**64 - 1)
    assert SampleRange(0, 1).in_8_bits(np.array([[0, 1]], "u1")).tolist() == [[0, 255]]
    assert SampleRange(-128, 127).in_8_bits(np.array([[-128, 0, 127]], "i1")).tolist() == [[0, 128, 255]]
