"""viewer.overlay.layer and colour_map: what layers hold, how they are kept, and colours for every eye."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gpu.gl.program import read_shader
from viewer.common.settings import Settings
from viewer.overlay.attention_look import HierarchyLevels, HierarchyLook
from viewer.overlay.colour_map import ENTRIES, colour_maps, colour_stops
from viewer.overlay.layer import (
    COLOUR_MAPS,
    FAINT_BELOW,
    Overlay,
    OverlayLayer,
    OverlayLook,
    OverlayScene,
    OverlayStack,
    cover,
)
from viewer.overlay.thumbnail import overlay_picture
from viewer.relevance.patches.attention_codes import log_codes

# Linear sRGB as seen without red or without green cones: Viénot, Brettel & Mollon 1999.
DICHROMATS = {
    "protan": [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
    "deutan": [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
}
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def layer(scores: Any, known: Any = True, estimated: Any = False, **more: Any) -> OverlayLayer:
    scores = np.asarray(scores, np.uint8)
    masks = [np.broadcast_to(mask, scores.shape).copy() for mask in (known, estimated)]
    facts = {"patch_width_px": 10.0, "patch_height_px": 10.0, "sequence": 1} | more
    return OverlayLayer(scores, masks[0], masks[1], **facts)


def linear(name: str) -> Any:
    stored = colour_maps()[name] / 255
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


def lightness(linear_rgb: Any) -> Any:
    """CIE L*."""
    y = np.clip(linear_rgb @ LUMINANCE, 0, 1)
    return np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_more_likeness_is_lighter_for_every_colour_vision(name: str) -> None:
    seen = {"usual": np.eye(3), **{who: np.array(matrix) for who, matrix in DICHROMATS.items()}}
    for matrix in seen.values():
        steps = np.diff(lightness(linear(name) @ matrix.T)[::8])
        assert steps.min() > 0.3, "each of 32 steps can be told from the last"


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_no_step_of_a_map_stands_out(name: str) -> None:
    steps = np.diff(lightness(linear(name))[::16])
    assert steps.max() < 2.5 * np.median(steps)


def test_stops_run_from_the_first_colour_to_the_last() -> None:
    for name, table in colour_maps().items():
        stops = colour_stops(name, 5)
        assert table.shape == (ENTRIES, 3)
        assert stops[0] == tuple(table[0])
        assert stops[-1] == tuple(table[-1])
        assert len(stops) == 5


def test_what_is_not_analysed_weighs_nothing() -> None:
    texels = layer([[200, 200, 200]], known=[[True, False, False]], estimated=[[False, True, False]]).texels
    assert [level.tolist() for level in texels] == [[[[200, 255], [100, 128], [0, 0]]]]


@pytest.mark.parametrize(
    "make",
    [
        lambda: layer([1, 2]),
        lambda: layer(np.zeros((0, 3))),
        lambda: layer([[1]], patch_width_px=0.0),
        lambda: layer([[1]], patch_height_px=float("nan")),
        lambda: OverlayLayer(
            np.zeros((2, 2), np.uint8), np.ones((2, 1), bool), np.ones((2, 2), bool), 1, 1, 1
        ),
        lambda: OverlayLayer(np.zeros((2, 2), float), np.ones((2, 2), bool), np.ones((2, 2), bool), 1, 1, 1),  # type: ignore[arg-type]
        lambda: OverlayLook("rainbow"),
        lambda: OverlayLook(opacity=1.5),
        lambda: OverlayLook(threshold=float("nan")),
        lambda: OverlayLook(flashlight_px=0.0),
        lambda: OverlayLook(low=0.5, high=0.5),
        lambda: OverlayLook(low=-0.1),
        lambda: OverlayLook(high=1.1),
        lambda: OverlayLook(low=float("nan")),
        lambda: OverlayLook(fill=False),
    ],
)
def test_invalid_layers_and_looks_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        make()


def test_what_is_chosen_for_a_layer_is_its_look() -> None:
    common = Settings.default().overlay
    look = OverlayLook("teal", 0.8, 0.2, low=0.25, high=0.75, fill=False, contours=True, smooth=False)
    chosen = look.as_chosen(replace(common, flashlight=True, flashlight_px=90.0))
    assert OverlayLook.of(chosen) == replace(look, flashlight_px=90.0)
    assert OverlayLook.of(common) == OverlayLook(), "the settings' defaults are those of a look"


def test_the_small_picture_spreads_the_colours_over_the_range() -> None:
    look = OverlayLook("magma", opacity=1.0, low=0.25, high=0.75)
    pair = [Overlay("a", layer([[60, 128, 200, 255]]), look)]
    shown = overlay_picture(pair, (40.0, 10.0), (4, 1))[0]
    assert shown[0, 3] == 0, "what is below the range is clear"
    assert shown[1, :3] == pytest.approx(colour_maps()["magma"][128], abs=2)
    assert (shown[2:, :3] == colour_maps()["magma"][255]).all(), "and what is above has the last colour"


def test_a_stack_keeps_its_order_and_hides_without_forgetting() -> None:
    stack, first, second = OverlayStack(), layer([[1]]), layer([[2]])
    stack.put("a", first, OverlayLook())
    stack.put("b", second, OverlayLook())
    stack.put("a", second, OverlayLook())
    assert [overlay.name for overlay in stack.scene().drawn] == ["a", "b"]
    stack.restyle("b", OverlayLook(visible=False))
    assert [overlay.name for overlay in stack.scene().drawn] == ["a"]
    assert [overlay.name for overlay in stack.scene().overlays] == ["a", "b"]
    stack.hidden = True
    assert stack.scene().drawn == ()
    stack.remove("a")
    stack.remove("a")
    with pytest.raises(KeyError):
        stack.restyle("a", OverlayLook())
    stack.clear()
    assert stack.scene() == OverlayScene(hidden=True)


def test_only_a_flashlight_that_is_seen_follows_the_pointer() -> None:
    stack = OverlayStack()
    stack.put("a", layer([[1]]), OverlayLook())
    assert not stack.follows_pointer
    stack.restyle("a", OverlayLook(flashlight_px=50))
    assert stack.follows_pointer
    stack.restyle("a", OverlayLook(flashlight_px=50, visible=False))
    assert not stack.follows_pointer


def test_the_small_picture_shows_colour_hatch_dots_and_glass() -> None:
    stack = OverlayStack()
    scores, known, estimated = (
        [[255, 255, 255, 0]],
        [[True, False, False, True]],
        [[False, True, False, False]],
    )
    stack.put("a", layer(scores, known, estimated), OverlayLook("magma", opacity=1.0))
    picture = overlay_picture(stack.scene().drawn, (40.0, 10.0), (80, 20))
    known_part, dotted, hatched, glass = np.split(picture, 4, axis=1)
    assert (known_part == [*colour_maps()["magma"][255], 255]).all()
    assert set(np.unique(dotted[..., 3])) == {round(255 * 0.45), 255}
    assert np.unique(hatched[..., 3]).tolist() == [0, round(255 * 0.6)]
    assert (np.ptp(hatched[..., :3].astype(int), axis=-1) == 0).all(), "the hatch has no colour of any score"
    assert (glass == 0).all()


def test_below_the_threshold_the_small_picture_is_clear() -> None:
    stack = OverlayStack()
    stack.put("a", layer([[100, 200]]), OverlayLook(threshold=0.5, opacity=0.5))
    alpha = overlay_picture(stack.scene().drawn, (20.0, 10.0), (2, 1))[0, :, 3]
    assert alpha.tolist() == [0, 128]


@pytest.mark.parametrize(
    ("level", "shown"),
    [("zoom", 5 / 6), ("patch", 5 / 6), ("token", 5 / 6), ("region", 4 / 6)],
)
def test_the_small_picture_joins_levels_as_the_large_one_does(level: str, shown: float) -> None:
    two = log_codes(np.array([[2.0]]))  # an octave above the average, of six from clear to full colour
    levels = HierarchyLevels(two, np.zeros((16, 16), np.uint8), np.ones((1, 1), bool))
    look = OverlayLook("magma", opacity=1.0, hierarchy=HierarchyLook("factorised", level))
    stack = OverlayStack()
    stack.put("a", replace(layer(two), levels=levels), look)
    picture = overlay_picture(stack.scene().drawn, (10.0, 10.0), (64, 64))
    table = colour_maps()["magma"].astype(int)
    entry = np.abs(table - picture[0, 0, :3].astype(int)).sum(axis=1).argmin()
    assert entry / 255 == pytest.approx(shown, abs=0.01)


@pytest.mark.parametrize("level", ["zoom", "region", "patch"])
def test_glass_is_clear_in_the_small_picture_at_every_level(level: str) -> None:
    even = log_codes(np.ones((1, 1)))
    levels = HierarchyLevels(even, np.zeros((16, 32), np.uint8), np.ones((1, 2), bool))
    made = replace(layer([[even[0, 0], 0]]), levels=levels)
    look = OverlayLook(opacity=1.0, hierarchy=HierarchyLook("factorised", level))
    alpha = overlay_picture([Overlay("a", made, look)], (20.0, 10.0), (2, 1))[0, :, 3]
    assert alpha.tolist() == [255, 0]


def test_glass_is_not_blended_with_tissue() -> None:
    levels = HierarchyLevels(np.array([[7]], np.uint8), np.full((16, 48), 9, np.uint8), np.ones((1, 3), bool))
    texels = replace(layer([[200, 0, 0]], known=[[True, True, False]]), levels=levels).texels
    patches, regions, tokens = texels
    assert patches.tolist() == [[[200, 255], [0, 1], [0, 0]]]
    assert regions.tolist() == [[[7, 255]]]
    assert tokens[0, ::16].tolist() == [[9, 255], [0, 0], [0, 0]]


def test_levels_of_another_grid_are_refused() -> None:
    levels = HierarchyLevels(np.zeros((1, 1), np.uint8), np.zeros((32, 32), np.uint8), np.ones((2, 2), bool))
    with pytest.raises(ValueError, match="levels of"):
        replace(layer([[1]]), levels=levels)


def test_low_values_fade_out_as_the_shader_has_them_and_nothing_is_drawn_below_the_threshold() -> None:
    assert f"const float FAINT_BELOW = {FAINT_BELOW};" in read_shader("overlay.frag")
    values = np.array([0.0, FAINT_BELOW / 2, FAINT_BELOW, 0.5, 1.0])
    assert cover(values, 0.0).tolist() == [0.0, 0.5, 1.0, 1.0, 1.0]
    assert cover(values, 0.5).tolist() == [0.0, 0.0, 0.0, 1.0, 1.0]
