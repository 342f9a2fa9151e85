"""Which levels of attention a view shows, and what their codes add up to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.messages import pattern
from viewer.overlay import strings
from viewer.overlay.attention_look import LEVELS, MODES, HierarchyLevels, HierarchyLook, composed, levels_of
from viewer.relevance.patches.attention_codes import log_codes, relative_of_codes


def test_even_attention_is_kept_exactly() -> None:
    even = log_codes(np.ones(3))
    assert (relative_of_codes()[even] == 1).all()
    assert composed(even, even, even, HierarchyLook("factorised", "token").weights(100)) == pytest.approx(
        np.float32(128 / 255)
    )


def test_codes_keep_attention_to_within_a_thirtieth() -> None:
    relative = np.array([1 / 200, 0.3, 1.0, 1.7, 200], np.float32)
    assert relative_of_codes()[log_codes(relative)] == pytest.approx(relative, rel=0.025)
    assert log_codes(np.array([0.0])) == 0
    assert relative_of_codes()[0] == 0


def test_the_product_of_the_factors_is_what_is_shown() -> None:
    factors = np.array([[2.0, 0.5, 1.6], [0.9, 1.1, 3.0]])
    weights = HierarchyLook("factorised", "token").weights(100)
    shown = composed(*log_codes(factors.T), weights)
    assert shown == pytest.approx(0.5 + np.log2(factors.prod(1)) / 6, abs=0.02)


def test_even_attention_is_the_middle_and_eight_times_as_much_the_top() -> None:
    weights = HierarchyLook("single", "patch").weights(100)
    one, eight, none = (log_codes(np.array([value])) for value in (1.0, 8.0, 0.0))
    assert composed(none, one, none, weights) == pytest.approx(0.5, abs=0.01)
    assert composed(none, eight, none, weights) == pytest.approx(1, abs=0.01)
    assert composed(one, none, one, weights) == 0


def test_a_token_without_attention_is_clear_however_much_its_patch_gets() -> None:
    much, none, even = log_codes(np.array([100.0, 0.0, 1.0]))[:, None]
    for mode in ("factorised", "single"):
        weights = [HierarchyLook(mode).weights(px) for px in np.geomspace(30, 200, 400)]
        seen = np.array([composed(much, much, none, one)[0] for one in weights])
        assert (seen[0], seen[-1]) == (1, 0)
        assert np.abs(np.diff(seen)).max() < 0.05, "it fades"
    assert composed(much, much, even, HierarchyLook("factorised", "token").weights(9)) == 1
    assert composed(much, much, none, HierarchyLook("factorised", "patch").weights(9)) == 1


def test_a_blend_is_the_mean_of_percentiles() -> None:
    weights = HierarchyLook("blend", "token").weights(100)
    patch, token = np.array([51], np.uint8), np.array([153], np.uint8)
    assert composed(np.array([7], np.uint8), patch, token, weights) == pytest.approx(0.4, abs=1e-6)


@given(st.sampled_from(MODES), st.floats(0.1, 1000))
def test_zooming_in_goes_from_regions_to_patches_to_tokens(mode: str, patch_px: float) -> None:
    weights = HierarchyLook(mode).weights(patch_px)
    for level, seen in (("region", patch_px <= 2), ("patch", 6 <= patch_px <= 32), ("token", patch_px >= 96)):
        if seen and level in levels_of(mode):
            assert weights == pytest.approx(HierarchyLook(mode, level).weights(patch_px))


@pytest.mark.parametrize("mode", MODES)
def test_levels_fade_without_a_step(mode: str) -> None:
    sizes = np.geomspace(0.5, 500, 2000)
    weights = np.array([HierarchyLook(mode).weights(size) for size in sizes])
    assert np.abs(np.diff(weights, axis=0)).max() < 0.03


@pytest.mark.parametrize(("mode", "level"), [("sum", "zoom"), ("single", "cell"), ("blend", "region")])
def test_other_modes_and_levels_are_refused(mode: str, level: str) -> None:
    with pytest.raises(ValueError, match=pattern(strings.NO_LEVEL, mode=repr(mode), level=repr(level))):
        HierarchyLook(mode, level)


def test_grids_that_do_not_fit_are_refused() -> None:
    known = np.zeros((3, 20), bool)
    tokens = np.full((48, 320), 9, np.uint8)
    with pytest.raises(ValueError, match="regions"):
        HierarchyLevels(np.zeros((1, 1), np.uint8), tokens, known)


def test_unknown_tokens_and_glass_weigh_nothing() -> None:
    known = np.zeros((3, 20), bool)
    known[1, 2:4] = True
    tissue = np.zeros((3, 20), bool)
    tissue[:, :3] = True
    levels = HierarchyLevels(np.array([[7, 8]], np.uint8), np.full((48, 320), 9, np.uint8), known)
    texels = levels.token_texels(tissue)
    assert (texels[16:32, 32:48] == (9, 255)).all()
    assert texels.sum() == 256 * (9 + 255)
    assert levels.region_texels(tissue).tolist() == [[[7, 255], [0, 0]]]


@pytest.mark.parametrize("mode", MODES)
def test_every_level_of_a_mode_differs_from_the_others(mode: str) -> None:
    levels = levels_of(mode)
    assert set(levels) <= set(LEVELS)
    fixed = [HierarchyLook(mode, level).weights(10) for level in levels if level != "zoom"]
    assert len(set(fixed)) == len(fixed) >= 2


@pytest.mark.parametrize(
    ("mode", "level", "seen"),
    [
        ("factorised", "zoom", (True, True, True)),
        ("factorised", "region", (True, False, False)),
        ("factorised", "patch", (True, True, False)),
        ("blend", "zoom", (False, True, True)),
        ("blend", "patch", (False, True, False)),
        ("single", "zoom", (True, True, True)),
        ("single", "token", (False, False, True)),
    ],
)
def test_what_counts_in_no_view_is_known(mode: str, level: str, seen: tuple[bool, bool, bool]) -> None:
    assert HierarchyLook(mode, level).seen == seen
