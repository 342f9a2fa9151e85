"""Range, contours alone, frames in place of the fill, and glass that keeps clear: by the pixels drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

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
from viewer.overlay.tissue import OverlayTissue
from viewer.render.overlay_renderer import OverlayDrawing
from viewer.slide.geometry import Pyramid
from viewer.view.camera import View
from viewer.view.screen import Screen

if TYPE_CHECKING:
    from viewer.overlay.layer import OverlayLayer, OverlayLook


@pytest.mark.parametrize("smooth", [True, False])
def test_past_a_patch_the_fill_fades_and_the_best_patches_are_framed(smooth: bool) -> None:
    scores = np.full((6, 8), 100)
    scores[3, 4] = 200
    look, middle = replace(SOLID, smooth=smooth), (450, 350)
    whole, half, none = (
        draw(scene(layer(scores), look), view=View(*middle, 1 / zoom)) for zoom in (1.0, 2.56, 4.0)
    )
    assert np.abs(whole[300, 400] - colour_of(200)).max() <= 4
    assert np.abs(half[300, 400] - (colour_of(200) + 255) / 2).max() <= 5
    assert (none[300, 400] == 255).all()
    for zoom, picture, share in ((2.56, half, 0.75), (4.0, none, 1.0)):
        left = round(400 - 50 * zoom)
        dark, frame = picture[300, left], picture[300, left + 2]
        expected = share * colour_of(200) + (1 - share) * 255
        assert np.abs(frame - expected).max() <= (20 if smooth else 4), "in the colour of its score"
        assert dark.max() < frame.max(), "within a dark line"
    assert (none[300, :198] == 255).all(), "a lower patch has no frame"


def test_a_frame_is_as_wide_on_a_dense_screen_and_keeps_to_range_and_threshold() -> None:
    field = layer(np.full((6, 8), 100))
    near = View(450, 350, 1 / 8)
    framed = replace(SOLID, high=0.6)

    def framing(look: OverlayLook, ratio: float = 1.0) -> int:
        return int((draw(scene(field, look, pixel_ratio=ratio), view=near)[300, :200] != 255).any(-1).sum())

    assert framing(framed) == pytest.approx(4, abs=1)
    assert framing(framed, 2.0) == pytest.approx(8, abs=1)
    assert framing(SOLID) == 0, "100 of 255 lies in the lower half"
    assert framing(replace(framed, threshold=0.5)) == 0


def test_contours_stand_alone() -> None:
    field = layer(np.broadcast_to(np.arange(8) * 30 + 20, (6, 8)))
    look = replace(SOLID, smooth=True, fill=False, contours=True)
    picture = draw(scene(field, look))
    row = picture[320]
    for level in (0.25, 0.5, 0.75):
        crossing = round(((level * 255 - 20) / 30 + 0.5) * PATCH_PX)
        line = row[crossing - 1 : crossing + 1]
        assert np.abs(line - colour_of(round(level * 255))).min(axis=0).max() <= 8, (
            "in the colour of its level"
        )
        beside = row[crossing - 4 : crossing + 4]
        light = colour_of(round(level * 255)) @ (0.3, 0.6, 0.1) < 128
        halo = beside.min(axis=-1) > 235 if light else beside.max(axis=-1) < 110
        assert halo[:4].any(), "with a halo on both sides"
        assert halo[4:].any()
        row[crossing - 5 : crossing + 5] = 255
    assert (row == 255).all(), "and no other colour"


def test_a_contour_at_the_threshold_has_the_colour_of_its_place_in_the_range() -> None:
    field = layer(np.broadcast_to(np.arange(8) * 30 + 20, (6, 8)))
    look = replace(SOLID, smooth=True, fill=False, contours=True, threshold=0.6, low=0.5, high=0.9)
    row = draw(scene(field, look))[320]
    crossing = round(((0.6 * 255 - 20) / 30 + 0.5) * PATCH_PX)
    line = row[crossing - 1 : crossing + 1]
    assert np.abs(line - colour_of(round(0.25 * 255))).min(axis=0).max() <= 8
    assert (row[: crossing - 5] == 255).all(), "below the threshold there is no line"


def test_a_patch_of_one_value_on_glass_has_no_contour_all_over() -> None:
    scores = np.zeros((6, 8))
    scores[3, 4] = 102
    look = replace(SOLID, smooth=True, contours=True, threshold=0.4)
    picture = draw(scene(layer(scores), look))
    assert np.abs(picture[350, 450] - colour_of(102)).max() <= 4


def test_colours_are_spread_over_the_range() -> None:
    picture = draw(scene(layer(ramp()), replace(SOLID, low=0.25, high=0.75)))
    for col, score in enumerate(ramp()[0].astype(int)):
        place = min(max((score / 255 - 0.25) / 0.5, 0), 1)
        expected = colour_of(round(place * 255)) if place > 0.1 else None
        if expected is not None:
            assert np.abs(picture[320, 100 * col + 50] - expected).max() <= 4
    assert (picture[320, 50] == 255).all(), "below the range it is clear"


def on_glass() -> tuple[OverlayLayer, OverlayTissue]:
    """One patch of tissue, stained in its left half, amid glass; one of tissue that scores 0 below it."""
    scores = np.zeros((6, 8))
    scores[2, 3] = 200
    shade = np.zeros((60, 80), np.uint8)
    shade[20:30, 30:35] = 255
    shade[30:40, 30:40] = 255
    return layer(scores), OverlayTissue(shade, (800, 600))


def test_smooth_colour_neither_bleeds_onto_glass_nor_is_diluted_by_it() -> None:
    field, tissue = on_glass()
    for known in (None, tissue):
        picture = draw(scene(field, replace(SOLID, smooth=True), tissue=known))
        outside = picture.copy()
        outside[200:400, 300:400] = 255
        assert (outside == 255).all()
        assert np.abs(picture[205:245, 305:340] - colour_of(200)).max() <= 8
        if known is None:
            assert (picture[300:] == 255).all(), "0 is taken for glass"
    assert (picture[205:295, 362:] == 255).all(), "glass within the patch has no colour"


def test_tissue_that_scores_nothing_blends_with_its_neighbour() -> None:
    field, tissue = on_glass()
    picture = draw(scene(field, replace(SOLID, smooth=True), tissue=tissue))
    for y, score in ((251, 200), (275, 150), (299, 102), (325, 50)):
        assert np.abs(picture[y, 320] - colour_of(score)).max() <= 6


@pytest.mark.parametrize("contours", [False, True])
@pytest.mark.parametrize("known", [0, 5])
def test_inside_the_tissue_all_is_drawn_as_beside_an_edge_in_view(contours: bool, known: int) -> None:
    scores = np.random.default_rng(2).integers(0, 255, (6, 8))
    field = layer(scores, known=np.arange(8) >= known)
    inside = np.full((60, 80), 255, np.uint8)
    edge = inside.copy()
    edge[:2, -2:] = 0
    look = replace(SOLID, smooth=True, contours=contours)
    pictures = [draw(scene(field, look, tissue=OverlayTissue(shade, (800, 600)))) for shade in (inside, edge)]
    assert (pictures[0][:15, -15:] != pictures[1][:15, -15:]).any()
    away = [picture[40:] for picture in pictures]
    assert np.abs(away[0] - away[1]).max() <= 1


@pytest.mark.parametrize(
    "look", [{}, {"contours": True}, {"smooth": False}, {"threshold": 0.4, "opacity": 0.5}]
)
@pytest.mark.parametrize("view", [View(400, 300, 1.0), View(420, 310, 0.8, 0.5), View(430, 300, 0.4, 0.3)])
def test_a_view_drawn_in_parts_is_the_picture_that_is_drawn_at_once(
    look: dict[str, Any], view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    scores = rng.integers(0, 255, (6, 8))
    scores[:, 3] = 0
    shade = np.zeros((60, 80), np.uint8)
    shade[:, 30:] = 255
    shade[20:30, 32:45] = rng.integers(0, 255, (10, 13))
    field = layer(scores, known=np.arange(8) < 6, estimated=np.arange(8) == 6)
    drawn = scene(field, replace(SOLID, **{"smooth": True, **look}), tissue=OverlayTissue(shade, (800, 600)))
    in_parts = draw(drawn, view=view)
    monkeypatch.setattr("viewer.render.view_parts.CELL_PX", 1000)
    at_once = draw(drawn, view=view)
    assert np.abs(in_parts - at_once).max() <= 1
    assert len(np.unique(at_once.reshape(-1, 3), axis=0)) > 20


def test_nothing_is_drawn_of_a_slide_that_a_turned_screen_only_comes_near() -> None:
    picture = draw(scene(layer(ramp())), view=View(-560, -400, 1.0, 0.7))
    assert (picture == 255).all()


def test_a_value_that_is_the_threshold_is_drawn_and_one_step_less_is_not() -> None:
    scores = np.arange(240).reshape(12, 20) + 16
    pyramid = Pyramid.from_sizes([(2000, 1200)], [(256, 256)])
    drawing = OverlayDrawing(pyramid)
    for smooth in (False, True):
        for threshold in range(20, 250, 9):
            look = replace(SOLID, smooth=smooth, threshold=threshold / 255)
            # At 33 pixels a patch, the middle of one is a patch's middle.
            view, screen = View(1000, 600, 100 / 33), Screen(660, 396)
            picture = draw(scene(layer(scores), look), view=view, screen=screen, drawing=drawing)
            shown = (picture[16::33, 16::33] != 255).any(-1)
            assert (shown == (scores >= threshold)).all()
    drawing.release()


def test_squares_are_drawn_as_they_were_measured() -> None:
    field, tissue = on_glass()
    picture = draw(scene(field, SOLID, tissue=tissue))
    assert np.abs(picture[205:295, 305:395] - colour_of(200)).max() <= 2


def test_a_score_where_no_tissue_is_seen_is_drawn_all_the_same() -> None:
    field, tissue = on_glass()
    nowhere = OverlayTissue(np.zeros_like(tissue.shade), tissue.slide_px)
    picture = draw(scene(field, replace(SOLID, smooth=True), tissue=nowhere))
    assert np.abs(picture[226:274, 326:374] - colour_of(200)).max() <= 8
    assert (picture[200:300, [300, 399]] >= 250).all(), "nor is its edge a hard one beside others"
    scores = np.zeros((6, 8))
    scores[2, 3:5] = scores[0, 0] = 200
    joined = draw(scene(layer(scores), replace(SOLID, smooth=True), tissue=nowhere))
    assert np.abs(joined[226:274, 326:474] - colour_of(200)).max() <= 8, "none between two of them"
    assert np.abs(joined[:74, :74] - colour_of(200)).max() <= 8, "nor at the end of the slide"


@pytest.mark.parametrize("smooth", [True, False])
def test_estimated_patches_are_dotted_also_where_they_have_no_colour(smooth: bool) -> None:
    scores = np.full((6, 8), 200)
    scores[:, 4:] = 1
    scores[0] = scores[:, 7] = 0
    known = np.ones((6, 8), bool)
    known[1:, 2:6] = False
    shade = np.full((60, 80), 255, np.uint8)
    shade[30:] = shade[:10] = shade[:, 70:] = 0
    field = layer(scores, known=known, estimated=~known)
    picture = draw(scene(field, replace(SOLID, smooth=smooth), tissue=OverlayTissue(shade, (800, 600))))
    assert (picture[:100] == 255).all(), "glass has none"
    assert (picture[:, 700:] == 255).all()
    for part in (picture[120:280, 520:580], *([picture[320:580, 220:380]] if smooth else [])):
        marked = part.max(axis=-1) < 200
        assert 0.01 < marked.mean() < 0.1, "sparse dots"
        assert part[~marked].min() > 160


def test_a_lumen_that_scores_next_to_nothing_has_not_its_neighbours_colour() -> None:
    scores = np.full((6, 8), 200)
    scores[2, 3] = 1
    shade = np.full((60, 80), 255, np.uint8)
    shade[20:30, 30:40] = 0
    picture = draw(scene(layer(scores), replace(SOLID, smooth=True), tissue=OverlayTissue(shade, (800, 600))))
    assert (picture[206:294, 306:394] == 255).all()


def test_tissue_found_after_a_layer_was_laid_is_kept_to_from_then_on() -> None:
    field, tissue = on_glass()
    drawing, look = OverlayDrawing(SLIDE), replace(SOLID, smooth=True)
    before = textures()
    assert (draw(scene(field, look), drawing=drawing)[250, 380] != 255).any()
    assert (draw(scene(field, look, tissue=tissue), drawing=drawing)[250, 380] == 255).all()
    assert (draw(scene(field, look), drawing=drawing)[250, 380] != 255).any()
    drawing.release()
    assert textures() == before
