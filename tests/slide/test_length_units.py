"""Units of length under the names that files give them."""

from __future__ import annotations

import pytest

from viewer.slide.length_units import um_per_unit


@pytest.mark.parametrize(
    ("name", "um"),
    [
        ("µm", 1), ("μm", 1), ("\\u00B5m", 1), ("um", 1), ("micron", 1), ("Microns", 1), ("micrometers", 1),
        ("micrometre", 1), (" nm ", 1e-3), ("nanometer", 1e-3), ("pm", 1e-6), ("Å", 1e-4), ("\u212b", 1e-4),
        ("mm", 1e3), ("Mm", 1e12), ("millimetres", 1e3), ("cm", 1e4), ("CM", 1e4), ("dm", 1e5), ("m", 1e6),
        ("km", 1e9), ("in", 25400), ("inch", 25400), ("Inches", 25400), ("in.", 25400), ("thou", 25.4),
        ("li", 25400 / 12), ("ft", 304800), ("yd", 914400), ("pt", 25400 / 72),
    ],
)  # fmt: skip
def test_lengths(name: str, um: float) -> None:
    assert um_per_unit(name) == pytest.approx(um)


@pytest.mark.parametrize("name", ["", "pixel", "pixels", "px", "reference frame", "sec", "m/s", "\\u00", "s"])
def test_what_is_no_length(name: str) -> None:
    assert um_per_unit(name) is None
