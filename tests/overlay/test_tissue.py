"""viewer.overlay.tissue: colours lie on what is stained, half on fat, and on no glass, inlet or lumen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.slide import stained
from tests.slide.stained import HEIGHT, WIDTH, StainedGlass, disc, slide_of
from viewer.overlay.counted_mask import Rects
from viewer.overlay.tissue import OverlayTissue, overlay_tissue
from viewer.slide.tissue.morphology import without_gaps

if TYPE_CHECKING:
    import pytest
    from numpy.typing import NDArray

MPP = (8.0, 8.0)
PIECE = disc(150, 150, 90)


def shade_of(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    found = overlay_tissue(slide_of(picture), MPP)
    assert found is not None
    assert found.slide_px == (WIDTH, HEIGHT)
    return found.shade


def test_tissue_is_coloured_up_to_its_edge_and_glass_is_not() -> None:
    shade = shade_of(StainedGlass().stain(PIECE, stained.HAEMATOXYLIN_EOSIN).picture())
    assert (shade[PIECE] == 255).mean() > 0.99
    assert shade[~PIECE].mean() < 1


def test_white_as_wide_as_a_fat_cell_has_half_and_a_lumen_nothing() -> None:
    fat, lumen = disc(120, 150, 4), disc(190, 150, 15)
    shade = shade_of(StainedGlass().stain(PIECE & ~fat & ~lumen, stained.HAEMATOXYLIN_EOSIN).picture())
    assert np.median(shade[fat]) == 191
    assert np.median(shade[lumen]) == 0


def test_white_between_lamellae_has_no_colour_however_narrow() -> None:
    cleft, fat = np.zeros_like(PIECE), disc(120, 150, 4)
    cleft[100:200, 170:174] = True
    shade = shade_of(StainedGlass().stain(PIECE & ~cleft & ~fat, stained.HAEMATOXYLIN_EOSIN).picture())
    assert np.median(shade[cleft & PIECE]) == 0
    assert np.median(shade[fat]) == 191


def test_an_inlet_is_glass_as_what_it_opens_to() -> None:
    mask = np.zeros((60, 60), np.bool_)
    mask[20:50, 10:50] = True
    inlet, hole = (slice(20, 26), slice(28, 32)), (slice(38, 42), slice(28, 32))
    mask[inlet] = mask[hole] = False
    found = without_gaps(mask, 5)
    assert found[hole].all()
    assert not found[inlet].any()
    assert (found | ~mask).all()
    assert not without_gaps(np.zeros((4, 4), np.bool_), 5).any()


def test_in_a_dark_field_what_shines_is_coloured() -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 4, np.uint8)
    picture[PIECE] = (10, 180, 30)
    shade = shade_of(picture)
    assert (shade[PIECE] == 255).mean() > 0.99
    assert shade[~disc(150, 150, 100)].max() == 0


def test_patches_that_any_tissue_lies_in_are_named() -> None:
    shade = np.zeros((6, 8), np.uint8)
    shade[3, 5] = 128
    assert np.argwhere(OverlayTissue(shade, (800, 600)).patches(3, 4, (200.0, 200.0))).tolist() == [[1, 2]]
    beyond = OverlayTissue(shade, (800, 600)).patches(5, 5, (200.0, 200.0))
    assert np.argwhere(beyond).tolist() == [[1, 2]], "a grid may reach beyond the slide"


def test_without_a_thumbnail_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.slide.thumbnail._MAX_READ_PX", 10)
    assert overlay_tissue(slide_of(StainedGlass().picture()), MPP) is None


def test_what_is_not_drawn_in_full_and_what_is_drawn_at_all_count_the_pixels_beside_them() -> None:
    shade = np.full((60, 80), 255, np.uint8)
    shade[:, :40] = 127
    shade[30, 40] = 254
    tissue = OverlayTissue(shade, (8000, 6000))

    def found(x0: float, y0: float, x1: float, y1: float) -> tuple[bool, bool]:
        rects = Rects(*np.array([[x0], [y0], [x1], [y1]]))
        return bool(tissue.faint.any_in(rects)[0]), bool(tissue.coloured.any_in(rects)[0])

    assert found(4210, 10, 8000, 6000) == (False, True)
    assert found(4190, 3010, 4200, 3020) == (True, True), "blended with the pixel beyond"
    assert found(10, 10, 3850, 6000) == (True, False)
    assert found(10, 10, 3950, 6000) == (True, True)
