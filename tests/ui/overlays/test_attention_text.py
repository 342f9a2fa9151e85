"""What the legend states about attention: the levels that are compared."""

from __future__ import annotations

import pytest

from tests.ui.overlays.legend_texts import listed, no_meaning, noted, product
from viewer.overlay.attention_look import HierarchyLook
from viewer.ui.overlays import strings
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
        (("factorised", "zoom"), 1, noted(strings.WITHIN["region"], strings.FINER_LEVELS, "patch", "token")),
        (("factorised", "zoom"), 9, noted(product("region", "patch"), strings.FINER_LEVELS, "token")),
        (("factorised", "zoom"), 99, product("region", "patch", "token")),
        (("factorised", "region"), 99, strings.WITHIN["region"]),
        (("factorised", "patch"), 1, product("region", "patch")),
        (("blend", "patch"), 1, strings.RANKS_OF.format(levels=listed("patch"))),
        (("blend", "token"), 1, strings.MEAN_RANKS_OF.format(levels=listed("patch", "token"))),
        (("single", "patch"), 1, strings.WITHIN["patch"]),
        (("single", "token"), 1, strings.WITHIN["token"]),
        (("single", "zoom"), 64, strings.FADING_INTO.join(strings.WITHIN[of] for of in ("patch", "token"))),
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
        (("factorised", "zoom"), 99, noted(strings.WITHIN["token"], strings.NOT_COMPARED, "region", "patch")),
        (
            ("blend", "token"),
            99,
            noted(strings.RANKS_OF.format(levels=listed("token")), strings.NOT_COMPARED, "patch"),
        ),
        (
            ("factorised", "zoom"),
            9,
            no_meaning(strings.ZOOM_IN.format(levels=listed("token")), "region", "patch"),
        ),
        (
            ("single", "region"),
            9,
            no_meaning(strings.CHOOSE_ANOTHER_LEVEL, "region"),
        ),
    ],
)
def test_what_the_encoder_does_not_compare_is_said(
    look: tuple[str, str], patch_px: float, words: str
) -> None:
    how = HierarchyLook(*look)
    assert compared_in_words(how, levels_drawn(how, patch_px), ("token",)) == words
