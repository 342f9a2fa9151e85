"""What the legend says of attention: the levels that are compared, in words."""

from __future__ import annotations

import pytest

from viewer.overlay.attention_look import HierarchyLook
from viewer.ui.overlays.attention_text import ALL_LEVELS, compared_in_words, levels_drawn


def test_levels_are_drawn_as_they_fade_in() -> None:
    look = HierarchyLook()
    assert [levels_drawn(look, px) for px in (1.0, 3.0, 4.0, 33.0, 64.0)] == [
        ("region",),
        ("region",),
        ("region", "patch"),
        ("region", "patch"),
        ("region", "patch", "token"),
    ]
    assert levels_drawn(HierarchyLook("single", "zoom"), 100.0) == ("token",)


@pytest.mark.parametrize(
    ("look", "patch_px", "words"),
    [
        (("factorised", "zoom"), 1, "region within the slide (patches and tokens as one zooms in)"),
        (("factorised", "zoom"), 9, "region × patch (tokens as one zooms in)"),
        (("factorised", "zoom"), 99, "region × patch × token"),
        (("factorised", "region"), 99, "region within the slide"),
        (("factorised", "patch"), 1, "region × patch"),
        (("blend", "patch"), 1, "ranks of patches"),
        (("blend", "token"), 1, "mean of the ranks of patches and tokens"),
        (("single", "patch"), 1, "patch within its region"),
        (("single", "token"), 1, "token within its patch"),
        (("single", "zoom"), 64, "patch within its region, fading into token within its patch"),
    ],
)
def test_what_is_compared_is_named_with_what_its_average_is_of(
    look: tuple[str, str], patch_px: float, words: str
) -> None:
    how = HierarchyLook(*look)
    assert compared_in_words(how, levels_drawn(how, patch_px), ALL_LEVELS) == words


@pytest.mark.parametrize(
    ("look", "patch_px", "words"),
    [
        (("factorised", "zoom"), 99, "token within its patch (regions and patches are not compared)"),
        (("blend", "token"), 99, "ranks of tokens (patches are not compared)"),
        (
            ("factorised", "zoom"),
            9,
            "Regions and patches are not compared, and the even colour says nothing (zoom in for tokens)",
        ),
        (
            ("single", "region"),
            9,
            "Regions are not compared, and the even colour says nothing (choose another level)",
        ),
    ],
)
def test_what_the_encoder_does_not_compare_is_said(
    look: tuple[str, str], patch_px: float, words: str
) -> None:
    how = HierarchyLook(*look)
    assert compared_in_words(how, levels_drawn(how, patch_px), ("token",)) == words
