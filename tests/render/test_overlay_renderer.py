"""Overlays drawn off-screen: what each pixel must be, wherever one looks from."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from OpenGL import GL

from gpu.errors import GpuError
from gpu.gl.field_renderer import OverlayRenderer
from gpu.gl.strings import FIELD_LIMIT
from tests.messages import pattern
from tests.render.overlay_pictures import (
    PATCH_PX,
    SLIDE,
    SOLID,
    colour_of,
    draw,
    layer,
    ramp,
    scene,
    textures,
)
from viewer.overlay.attention_look import MODES, HierarchyLevels, HierarchyLook, composed
from viewer.overlay.colour_map import colour_maps
from viewer.overlay.layer import Overlay, OverlayLayer, OverlayScene
from viewer.relevance.patches.attention_codes import MIDDLE
from viewer.render import overlay_renderer as overlay_drawing
from viewer.render.overlay_renderer import OverlayDrawing
from viewer.render.strings import LAYER_NOT_DRAWN
from viewer.slide.geometry import Pyramid
from viewer.view.camera import View, screen_from_slide, slide_from_screen
from viewer.view.screen import Screen

GREY = 255


@pytest.mark.parametrize("name", list(colour_maps()))
def test_each_patch_has_the_colour_of_its_score(name: str) -> None:
    picture = draw(scene(layer(ramp()), replace(SOLID, colour_map=name)))
    for col, score in enumerate(ramp()[0].astype(int)):
        patch = picture[105:195, 100 * col + 5 : 100 * col + 95]
        assert np.abs(patch - colour_of(score, name)).max() <= 2


def test_smooth_blends_from_centre_to_centre() -> None:
    look = replace(SOLID, smooth=True)
    picture = draw(scene(layer([[50, 150]] * 6), look))
    for x, score in ((50, 50), (75, 75), (100, 100), (125, 125), (149, 149)):
        assert np.abs(picture[300, x] - colour_of(score)).max() <= 4


@pytest.mark.parametrize("smooth", [True, False])
def test_what_is_not_analysed_is_hatched_and_changes_no_neighbour(smooth: bool) -> None:
    known = np.ones((6, 8), bool)
    known[2:4, 3:5] = False
    look = replace(SOLID, smooth=smooth)
    picture = draw(scene(layer(np.full((6, 8), 200), known), look))
    hatch = picture[202:398, 302:498]
    assert (np.ptp(hatch, axis=-1) == 0).all(), "hatching is grey: no colour of the map"
    assert {GREY} < set(np.unique(hatch)), "lines, with the slide between them"
    assert 0.1 < (hatch[..., 0] < 200).mean() < 0.4
    above, beside = picture[150:198, 302:498], picture[202:398, 250:298]
    # the texture unit blends bytes
    tolerance = 5 if smooth else 2
    for around in (above, beside):
        assert np.abs(around - colour_of(200)).max() <= tolerance, "unknown does not bleed"


def test_hatching_stands_still_on_the_screen_at_any_zoom() -> None:
    field = layer(np.zeros((6, 8)), known=False)
    near = draw(scene(field), view=View(400, 300, 0.25))
    far = draw(scene(field), view=View(400, 300, 1.0))
    assert (near == far).all()


def test_hatching_shows_at_low_opacity_too() -> None:
    picture = draw(scene(layer(np.zeros((6, 8)), known=False), replace(SOLID, opacity=0.1)))
    assert picture.min() < 215


def test_estimated_patches_are_dotted_in_the_colour_of_the_score() -> None:
    picture = draw(scene(layer(np.full((6, 8), 220), known=False, estimated=True)))
    full = np.abs(picture - colour_of(220)).max(axis=-1) <= 2
    assert 0.2 < full.mean() < 0.6
    between = colour_of(220) * 0.45 + 255 * 0.55
    assert np.abs(picture[~full] - between).max() <= 3


def test_glass_is_clear() -> None:
    assert (draw(scene(layer(np.zeros((6, 8))))) == 255).all()


def test_below_the_threshold_nothing_is_drawn() -> None:
    picture = draw(scene(layer(ramp()), replace(SOLID, threshold=0.5)))
    drawn = (picture[300] != 255).any(axis=-1)[50::100]
    assert drawn.tolist() == (ramp()[0] >= 128).tolist()


def test_opacity_mixes_with_what_lies_below() -> None:
    picture = draw(scene(layer(np.full((6, 8), 255)), replace(SOLID, opacity=0.5)))
    assert np.abs(picture[300, 400] - (colour_of(255) + 255) / 2).max() <= 2


@pytest.mark.parametrize("downsample", [1.0, 0.2])
def test_contours_stand_where_the_value_is_and_are_as_wide_at_any_zoom(downsample: float) -> None:
    columns = 8
    field = layer(np.broadcast_to(np.arange(columns) * 30 + 20, (6, columns)))
    crossing_x = ((127.5 - 20) / 30 + 0.5) * PATCH_PX  # where it passes 0.5
    look = replace(SOLID, smooth=True, fill=False, contours=True, colour_map="cividis")
    picture = draw(scene(field, look), view=View(crossing_x, 350, downsample))
    line = np.flatnonzero(picture[300].max(axis=-1) < 170)
    middle = line[np.abs(line - 400) < 30]
    assert abs(middle.mean() - 399.5) <= 1.0
    assert 1 <= len(middle) <= 3


def test_the_flashlight_lights_a_circle_round_the_pointer() -> None:
    look = replace(SOLID, flashlight_px=50.0)
    field = layer(np.full((6, 8), 200))
    picture = draw(scene(field, look, pointer_px=(300.0, 200.0), pixel_ratio=2.0))
    y, x = np.indices((600, 800)) + 0.5
    away = np.hypot(x - 300, y - 200)
    assert np.abs(picture[away < 98] - colour_of(200)).max() <= 2
    assert (picture[away > 102] == 255).all()
    assert (draw(scene(field, look)) == 255).all(), "without a pointer it lights nothing"
    turned = draw(
        scene(field, look, pointer_px=(300.0, 200.0), pixel_ratio=2.0), view=View(400, 300, 1.0, 0.7)
    )
    assert np.abs(turned[away < 98] - colour_of(200)).max() <= 2


@pytest.mark.parametrize("rotation_rad", [0.0, 0.5, 2.0, -1.3])
@pytest.mark.parametrize("aspect", [1.0, 1.5])
def test_patches_lie_where_the_slide_is_however_it_is_turned(rotation_rad: float, aspect: float) -> None:
    scores = np.zeros((6, 8))
    scores[1, 6] = 255
    view, screen = View(420, 280, 1.3, rotation_rad), Screen(800, 600, aspect)
    picture = draw(scene(layer(scores)), view=view, screen=screen)
    for inset, drawn in ((6.0, True), (-6.0, False)):
        for x, y in ((600 + inset, 150), (700 - inset, 150), (650, 100 + inset), (650, 200 - inset)):
            px, py = screen_from_slide(view, screen.size_px, aspect, x, y)
            if 0 <= px < 800 and 0 <= py < 600:
                assert ((picture[int(py), int(px)] != 255).any()) == drawn


def test_nothing_is_drawn_beyond_the_slide() -> None:
    small = Pyramid.from_sizes([(250, 150)], [(256, 256)])
    picture = draw(scene(layer(np.full((2, 3), 255))), view=View(125, 75, 0.5), pyramid=small)
    drawn = (picture != 255).any(axis=-1)
    assert drawn[150:450, 150:650].all()
    assert drawn.sum() == 300 * 500


def test_far_in_on_a_huge_grid_patches_stay_exact() -> None:
    huge = Pyramid.from_sizes([(200_000, 200_000)], [(256, 256)])
    scores = np.full((2000, 2000), 100)
    scores[1777, 1888] = 200
    view, screen = View(188_800, 177_700, 1.0), Screen(64, 64)
    picture = draw(scene(layer(scores)), view=view, screen=screen, pyramid=huge)
    assert np.abs(picture[33:, 33:] - colour_of(200)).max() <= 2
    assert np.abs(picture[:31, :31] - colour_of(100)).max() <= 2
    near = replace(view, downsample=1 / 32)
    picture = draw(scene(layer(scores)), view=near, screen=screen, pyramid=huge)
    assert np.abs(picture[34:35, 34:] - colour_of(200)).max() <= 2, "its frame, two pixels in"
    assert (picture[:31, :31] == 255).all()


def test_layers_lie_over_each_other_in_order() -> None:
    below, above = layer(np.full((6, 8), 255)), layer(np.full((6, 8), 30))
    pair = (Overlay("a", below, SOLID), Overlay("b", above, SOLID))
    assert np.abs(draw(OverlayScene(pair))[300, 400] - colour_of(30)).max() <= 2
    assert np.abs(draw(OverlayScene(pair[::-1]))[300, 400] - colour_of(255)).max() <= 2
    hidden = OverlayScene((pair[0], pair[1]._replace(look=replace(SOLID, visible=False))))
    assert np.abs(draw(hidden)[300, 400] - colour_of(255)).max() <= 2
    assert (draw(replace(OverlayScene(pair), hidden=True)) == 255).all()


def test_only_new_values_are_uploaded(monkeypatch: pytest.MonkeyPatch) -> None:
    uploads: list[tuple[str, int]] = []

    class Counting(OverlayRenderer):
        def put(self, name: str, levels: Any, sequence: int, *budget_ms: float) -> bool:
            uploads.append((name, sequence))
            return super().put(name, levels, sequence, *budget_ms)

    monkeypatch.setattr(overlay_drawing, "OverlayRenderer", Counting)
    drawing = OverlayDrawing(SLIDE)
    field = layer(np.full((6, 8), 200))
    for look in (SOLID, replace(SOLID, colour_map="viridis"), replace(SOLID, contours=True, threshold=0.2)):
        draw(scene(field, look), drawing=drawing)
    draw(scene(field, replace(SOLID, visible=False)), drawing=drawing)
    draw(scene(field, SOLID, hidden=True), drawing=drawing)
    draw(scene(field), drawing=drawing)
    assert uploads == [("query", 1)]
    newer = draw(scene(layer(np.full((6, 8), 90), sequence=2)), drawing=drawing)
    assert uploads == [("query", 1), ("query", 2)]
    assert np.abs(newer[300, 400] - colour_of(90)).max() <= 2
    draw(OverlayScene(), drawing=drawing)
    draw(scene(field), drawing=drawing)
    assert len(uploads) == 3, "what was taken away was freed"
    drawing.release()


def test_a_grid_too_long_for_the_driver_is_refused_in_words_and_leaves_nothing() -> None:
    renderer = OverlayRenderer(np.stack(list(colour_maps().values())))
    fits, long = np.zeros((1, 8, 2), np.uint8), np.zeros((1, 100_000, 2), np.uint8)
    assert renderer.put("query", [fits], 1)
    before = textures()
    with pytest.raises(GpuError, match=pattern(FIELD_LIMIT, columns=100_000, rows=1)):
        renderer.put("query", [fits, fits, long], 2)
    assert textures() == before
    assert renderer.holds("query", 1)
    renderer.release()
    assert textures() == before - 2


def test_a_layer_too_large_for_the_driver_is_hatched_and_reported_until_it_is_removed() -> None:
    cols = 2100  # of 16 tokens: more than any driver takes
    known = np.ones((2, cols), bool)
    levels = HierarchyLevels(np.full((1, 132), 200, np.uint8), np.full((32, cols * 16), 200, np.uint8), known)
    made = replace(layer(np.full((2, cols), 200)), levels=levels)
    wide = Pyramid.from_sizes([(210_000, 200)], [(256, 256)])
    drawing = OverlayDrawing(wide)
    for _ in range(3):
        picture = draw(scene(made), view=View(400, 100, 1.0), pyramid=wide, drawing=drawing)
        assert (np.ptp(picture, axis=-1) == 0).all(), "hatching is grey"
        assert 0.1 < (picture[202:398, 10:790, 0] < 200).mean() < 0.4
        assert len(drawing.refused) == 1
        reason = pattern(LAYER_NOT_DRAWN, error="") + pattern(FIELD_LIMIT, columns=33_600, rows=32)
        assert re.fullmatch(reason, drawing.refused[0])
    draw(OverlayScene(), view=View(400, 100, 1.0), pyramid=wide, drawing=drawing)
    assert drawing.refused == ()
    drawing.release()


def test_a_large_layer_is_uploaded_over_several_frames_and_the_one_before_it_is_drawn_meanwhile() -> None:
    side = 60
    known = np.ones((side, side), bool)

    def with_codes(code: int, sequence: int) -> OverlayLayer:
        levels = HierarchyLevels(
            np.full((4, 4), code, np.uint8), np.full((side * 16, side * 16), code, np.uint8), known
        )
        return replace(layer(np.full((side, side), code), sequence=sequence), levels=levels)

    def drawn(made: OverlayLayer, budget_ms: float) -> Any:
        return draw(scene(made, look), drawing=drawing, upload_budget_ms=budget_ms)

    look = replace(SOLID, smooth=False, hierarchy=HierarchyLook("blend", "patch"))
    drawing = OverlayDrawing(SLIDE)
    assert (drawn(with_codes(90, 1), 0) == 255).all(), "nothing is there yet"
    assert np.abs(drawn(with_codes(90, 1), np.inf)[300, 400] - colour_of(90)).max() <= 2
    newer = with_codes(200, 2)
    shown = [int(np.abs(drawn(newer, 0)[300, 400] - colour_of(90)).max() <= 2) for _ in range(3)]
    assert shown == [1, 1, 1]
    assert np.abs(drawn(newer, 0)[300, 400] - colour_of(200)).max() <= 2
    before = textures()
    drawn(with_codes(90, 3), 0)
    newest = drawn(with_codes(150, 4), np.inf)
    assert np.abs(newest[300, 400] - colour_of(150)).max() <= 2, "what was begun is given up"
    assert textures() == before, "the textures of the one before are used again"
    drawing.release()
    assert textures() == before - 7


def test_blending_and_scissors_are_left_as_they_were() -> None:
    GL.glScissor(1, 2, 3, 4)
    GL.glEnable(GL.GL_BLEND)
    GL.glBlendFunc(GL.GL_SRC_ALPHA, GL.GL_ONE)
    draw(scene(layer(np.full((6, 8), 200))))
    assert GL.glIsEnabled(GL.GL_BLEND)
    assert (int(GL.glGetIntegerv(GL.GL_BLEND_SRC_RGB)), int(GL.glGetIntegerv(GL.GL_BLEND_DST_ALPHA))) == (
        GL.GL_SRC_ALPHA,
        GL.GL_ONE,
    )
    assert GL.glGetIntegerv(GL.GL_SCISSOR_BOX).tolist() == [1, 2, 3, 4]
    assert not GL.glIsEnabled(GL.GL_SCISSOR_TEST)
    GL.glDisable(GL.GL_BLEND)
    GL.glBlendFunc(GL.GL_ONE, GL.GL_ZERO)


# Levels


def with_levels(rng: np.random.Generator, tokens_known: Any = True) -> OverlayLayer:
    known = np.broadcast_to(tokens_known, (6, 8)).copy()
    levels = HierarchyLevels(
        rng.integers(90, 165, (1, 1), np.uint8), rng.integers(90, 165, (96, 128), np.uint8), known
    )
    return replace(layer(rng.integers(90, 165, (6, 8))), levels=levels)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("downsample", [0.05, 0.2, 1.0, 3.0, 20.0, 60.0])
def test_levels_are_composed_as_python_composes_them(mode: str, downsample: float) -> None:
    rng = np.random.default_rng(3)
    made = with_levels(rng)
    look = replace(SOLID, hierarchy=HierarchyLook(mode))
    view = View(437, 268, downsample)
    picture = draw(scene(made, look), view=view)
    assert made.levels is not None
    weights = look.hierarchy.weights(PATCH_PX / downsample)
    left, top = np.clip(screen_from_slide(view, (800, 600), 1.0, 0, 0), 0, (800, 600))
    right, bottom = np.clip(screen_from_slide(view, (800, 600), 1.0, 800, 600), 0, (800, 600))
    checked = 0
    for px, py in rng.uniform((left, top), (right, bottom), (60, 2)).astype(int):
        x, y = slide_from_screen(view, (800, 600), 1.0, px + 0.5, py + 0.5)
        in_tokens = np.array([y, x]) / PATCH_PX * 16
        if not (0 < x < 800 and 0 < y < 600) or (np.abs(in_tokens % 1 - 0.5) > 0.49).any():
            continue  # on the border of two tokens either may be drawn
        row, col = in_tokens.astype(int)
        codes = made.levels.regions[0, 0], made.scores[row // 16, col // 16], made.levels.tokens[row, col]
        entry = round(float(composed(*codes, weights)) * 255)
        near = colour_maps()["magma"][max(entry - 1, 0) : entry + 2].astype(int)
        assert (np.abs(picture[py, px] - near) <= 2).all(axis=1).any(), (x, y)
        checked += 1
    assert checked > 40


@pytest.mark.parametrize("smooth", [True, False])
def test_a_token_without_attention_is_clear_and_one_that_is_not_known_is_what_its_patch_is(
    smooth: bool,
) -> None:
    tokens = np.zeros((96, 128), np.uint8)
    tokens[:, 64:] = MIDDLE
    known = np.ones((6, 8), bool)
    known[:, :2] = known[:, 6:] = False
    levels = HierarchyLevels(np.array([[170]], np.uint8), tokens, known)
    look = replace(SOLID, smooth=smooth, hierarchy=HierarchyLook("factorised", "token"))
    picture = draw(scene(replace(layer(np.full((6, 8), 255)), levels=levels), look))
    assert (picture[:, 210:390] == 255).all()
    assert np.abs(picture[:, 410:590] - colour_of(255)).max() <= 2
    for unknown in (picture[:, 10:190], picture[:, 610:790]):
        assert (np.abs(unknown - colour_of(255)).max(axis=-1) <= 2).mean() > 0.2, "dots"


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("level", ["region", "patch", "token"])
def test_glass_is_clear_at_every_level_and_changes_no_neighbour(level: str, smooth: bool) -> None:
    tissue = np.zeros((32, 32), bool)
    tissue[2:9, 2:9] = True
    even, much = np.uint8(MIDDLE), np.uint8(MIDDLE + 20)
    levels = HierarchyLevels(
        np.array([[much, even], [even, even]]), np.full((512, 512), much), np.ones((32, 32), bool)
    )
    made = replace(layer(np.where(tissue, much, 0)), levels=levels)
    wide = Pyramid.from_sizes([(3200, 3200)], [(256, 256)])
    look = replace(SOLID, smooth=smooth, hierarchy=HierarchyLook("single", level))
    picture = draw(scene(made, look), view=View(1600, 1200, 4.0), pyramid=wide)
    shown = np.zeros((600, 800), bool)
    shown[50:225, 50:225] = True
    assert (picture[~shown] == 255).all()
    entry = round(float(composed(*[np.array([much])] * 3, look.hierarchy.weights(25.0))[0]) * 255)
    # The texture unit blends bytes, and levels count 2.7 times.
    assert np.abs(picture[shown] - colour_of(entry)).max() <= (12 if smooth else 2)


def test_a_patch_without_tokens_is_dotted_when_tokens_are_shown_and_whole_before() -> None:
    known = np.ones((6, 8), bool)
    known[2:4, 2:5] = False
    made = with_levels(np.random.default_rng(5), known)
    for level, dotted in (("patch", False), ("token", True)):
        picture = draw(scene(made, replace(SOLID, hierarchy=HierarchyLook("factorised", level))))
        patch = picture[210:290, 210:290].reshape(-1, 3)
        assert (len(np.unique(patch, axis=0)) > 1) == dotted
