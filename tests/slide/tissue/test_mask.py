"""tissue.mask: tissue of many stains is found, ink, dust and glass are not; what is said is true."""

from __future__ import annotations

import json
import re
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.messages import pattern
from tests.slide import stained
from tests.slide.stained import HEIGHT, WIDTH, StainedGlass, box, disc, slide_of
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import Pyramid, TileKey
from viewer.slide.source import TileError, TileNotReadyError
from viewer.slide.tissue import mask as tissue_module
from viewer.slide.tissue import strings
from viewer.slide.tissue.mask import TissueMask, tissue_mask
from viewer.slide.tissue.morphology import grown, holes_filled, pieces, shrunk

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

pytestmark = pytest.mark.slow

MPP = (8.0, 8.0)
TISSUE = disc(150, 150, 90)


def mask_of(glass: StainedGlass) -> TissueMask:
    return tissue_mask(slide_of(glass.picture()), MPP)


def assert_found(found: TissueMask, tissue: NDArray[np.bool_], *, margin_px: int = 10) -> None:
    """All of the tissue is in the mask, and nothing farther from it than the margin."""
    assert found.mask[tissue].mean() > 0.995
    assert found.mask[~grown(tissue, margin_px)].mean() < 0.002


@pytest.mark.parametrize(
    "density", [stained.HAEMATOXYLIN_EOSIN, stained.PALE_PAS, stained.BROWN, stained.SILVER]
)
@pytest.mark.parametrize("glass_rgb", [(240, 240, 238), (255, 255, 255), (214, 217, 219)])
def test_tissue_is_found_whatever_the_stain_and_the_glass(
    density: tuple[float, float, float], glass_rgb: tuple[int, int, int]
) -> None:
    found = mask_of(StainedGlass(glass_rgb).stain(TISSUE, density))
    assert_found(found, TISSUE)
    assert found.has_tissue
    assert found.brightfield
    assert found.reason == strings.TISSUE_SHARE.format(share=found.mask.mean())
    assert found.share == pytest.approx(TISSUE.mean(), abs=0.03)
    assert found.glass_rgb == pytest.approx(glass_rgb, abs=2)


def test_a_slide_of_two_stains_keeps_the_pale_one() -> None:
    """Brown spots on a faint blue counterstain: Otsu's threshold lies between the two, and must not rule."""
    glass = StainedGlass().stain(TISSUE, stained.BLUE_COUNTERSTAIN)
    assert_found(mask_of(glass.stain(disc(150, 150, 25), stained.BROWN)), TISSUE)


def test_scattered_cells_are_found() -> None:
    rng = np.random.default_rng(3)
    cells = np.zeros((HEIGHT, WIDTH), np.bool_)
    for x, y in rng.uniform((5, 5), (WIDTH - 5, HEIGHT - 5), (60, 2)):
        cells |= disc(x, y, 2.2)
    found = mask_of(StainedGlass().stain(cells, stained.BLUE_COUNTERSTAIN, uneven=0.2))
    assert_found(found, cells)


def test_fat_and_lumina_within_tissue_are_tissue() -> None:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    walls = (
        (rows % 10 == 0) | (columns % 10 == 0)
    ) & TISSUE  # cells of 80 µm with walls of a tenth of a pixel
    glass = StainedGlass().stain(walls, (0.03, 0.06, 0.03), uneven=0.1)
    ring = disc(330, 220, 45) & ~disc(330, 220, 30)  # a vessel with a lumen half a millimetre wide
    found = mask_of(glass.stain(ring, stained.HAEMATOXYLIN_EOSIN))
    assert_found(found, disc(150, 150, 80) | disc(330, 220, 45), margin_px=16)


def test_a_wide_hole_is_glass() -> None:
    ring = disc(200, 150, 140) & ~disc(200, 150, 100)
    found = mask_of(StainedGlass().stain(ring, stained.HAEMATOXYLIN_EOSIN))
    assert not found.mask[disc(200, 150, 80)].any()


@pytest.mark.parametrize("density", stained.INKS.values(), ids=stained.INKS.keys())
def test_ink_is_left_out_and_said(density: tuple[float, float, float]) -> None:
    stroke = box(290, 20, 330, 280) | box(300, 240, 395, 280)
    glass = StainedGlass().stain(TISSUE, stained.HAEMATOXYLIN_EOSIN)
    found = mask_of(glass.stain(stroke, density, uneven=0.08))
    assert not found.mask[stroke].any()
    assert_found(found, TISSUE)
    assert any(re.fullmatch(pattern(strings.PEN_INK), note) for note in found.notes)


def test_blood_and_pigment_are_no_ink() -> None:
    glass = StainedGlass().stain(disc(90, 150, 60), (0.14, 0.75, 0.62), uneven=0.15)
    found = mask_of(glass.stain(disc(270, 150, 60), stained.SILVER))
    assert_found(found, disc(90, 150, 60) | disc(270, 150, 60))
    assert found.notes == ()


def test_dust_and_edges_of_glass_are_left_out() -> None:
    glass = StainedGlass().stain(TISSUE, stained.HAEMATOXYLIN_EOSIN)
    glass.stain(box(0, 282, WIDTH, 290), (0.2, 0.2, 0.2), uneven=0.1)
    glass.stain(box(372, 0, 376, HEIGHT), (0.35, 0.35, 0.36), uneven=0.1)
    for x, y in [(270, 40), (300, 120), (340, 230), (20, 20)]:
        glass.stain(disc(x, y, 3), (0.4, 0.4, 0.41), uneven=0.1)
    assert_found(mask_of(glass), TISSUE)


def test_what_the_scanner_filled_in_is_left_out() -> None:
    glass = StainedGlass((222, 223, 226)).stain(TISSUE, stained.HAEMATOXYLIN_EOSIN)
    glass.paint(box(300, 0, WIDTH, 150), (0, 0, 0)).paint(box(260, 150, WIDTH, HEIGHT), (255, 255, 255))
    found = mask_of(glass)
    assert_found(found, TISSUE & ~box(260, 150, WIDTH, HEIGHT))
    assert found.glass_rgb == pytest.approx((222, 223, 226), abs=2)


def test_no_tissue_is_said() -> None:
    found = mask_of(StainedGlass().shade(0.006))
    assert not found.has_tissue
    assert found.share == 0
    assert found.reason == strings.NO_TISSUE


def test_a_dark_field_is_said_and_what_shines_is_tissue() -> None:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture += np.random.default_rng(0).integers(2, 6, picture.shape, np.uint8)
    picture[TISSUE, 2] += 60
    found = tissue_mask(slide_of(picture), MPP)
    assert not found.brightfield
    assert found.reason == strings.DARK_FIELD
    assert_found(found, TISSUE)
    empty = tissue_mask(slide_of(np.full((HEIGHT, WIDTH, 3), 3, np.uint8)), MPP)
    assert not empty.has_tissue
    assert empty.reason == strings.EMPTY_DARK_FIELD


def test_all_tissue_has_no_glass_to_compare_with() -> None:
    found = mask_of(StainedGlass().stain(np.ones((HEIGHT, WIDTH), np.bool_), stained.HAEMATOXYLIN_EOSIN))
    assert found.share > 0.99


@pytest.mark.slides
@pytest.mark.parametrize("name", ["appendix-crop-HE", "colon-submucosal-lipoma-HE", "pancreas-crop-HE"])
def test_labelled_regions_of_real_slides(shared_slides: Path, name: str) -> None:
    """Fat and all else is tissue; the background is not."""
    with closing(open_slide(shared_slides / f"{name}.svs")) as source:
        found = tissue_mask(source, source.info.mpp_um or (0.5, 0.5))
    regions = json.loads((shared_slides / f"{name}.regions.geojson").read_text())["features"]
    for region in regions:
        corners = np.array(region["geometry"]["coordinates"][0])
        inside = found.fraction(*corners.min(0), *corners.max(0))
        if region["properties"]["classification"]["name"] == "background":
            assert inside < 0.05
        else:
            assert inside > 0.95


def test_fractions_are_areas_between_pixels_too() -> None:
    mask = np.zeros((4, 6), np.bool_)
    mask[1:3, 2:4] = True
    found = TissueMask(mask, (10.0, 20.0), (57, 75), True, "")
    x0, y0, x1, y1 = (
        np.array(x, float)
        for x in ([20, 25, 0, 50, -40], [20, 0, 0, 60, 0], [40, 35, 57, 90, -1], [60, 80, 75, 90, 9])
    )
    assert found.fraction(x0, y0, x1, y1) == pytest.approx([1, 40 / 75, 800 / (57 * 75), 0, 0], abs=1e-6)
    fractions = found.patch_fractions(2, 2, 30.0, 40.0)
    assert fractions == pytest.approx(
        np.array([[200 / 1200, 200 / (27 * 40)], [200 / (30 * 35), 200 / (27 * 35)]])
    )
    assert fractions.dtype == np.float32


class LevelsOfTissue:
    """A slide of any size: tissue in the left half of every level; says what was read, fails where told."""

    def __init__(self, pyramid: Pyramid) -> None:
        self.pyramid = pyramid
        self.info = slide_of(np.zeros((8, 8, 3), np.uint8)).info
        self.read: list[TileKey] = []
        self.errors: dict[TileKey, TileError] = {}

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        self.read.append(key)
        if key in self.errors:
            raise self.errors[key]
        width, height = self.pyramid.tile_size(key)
        level = self.pyramid.levels[key.level]
        x = key.col * level.tile_width + np.arange(width)
        tile = np.full((height, width, 4), 255, np.uint8)
        tile[..., :3] = np.where((x < level.width / 2)[:, None], (180, 110, 170), (241, 240, 241))
        return tile


def mask_of_levels(source: LevelsOfTissue, mpp_um: tuple[float, float] | None) -> TissueMask:
    as_source: Source = source  # type: ignore[assignment]  # the mask reads tiles and asks for nothing else
    return tissue_mask(as_source, mpp_um)


def levels(*sizes: tuple[int, int]) -> LevelsOfTissue:
    return LevelsOfTissue(Pyramid.from_sizes(list(sizes), [(100, 90)] * len(sizes)))


@pytest.mark.parametrize(
    ("mpp_um", "level", "step_px"),
    [
        ((0.5, 0.5), 2, 16.0),
        ((0.25, 0.25), 2, 32.0),
        ((2.0, 2.0), 1, 4.0),
        ((8.0, 8.0), 0, 1.0),
        (None, 0, 1.0),
    ],
)
def test_the_coarsest_level_that_is_fine_enough_is_read(
    mpp_um: tuple[float, float] | None, level: int, step_px: float
) -> None:
    source = levels((1600, 1280), (400, 320), (100, 80))
    found = mask_of_levels(source, mpp_um)
    assert {key.level for key in source.read} == {level}
    assert found.step_px == pytest.approx((step_px, step_px))
    half = found.mask.shape[1] // 2
    assert found.mask[:, : half - 2].all()
    assert not found.mask[:, half + 4 :].any()


def test_pixels_that_are_not_square_make_steps_that_are_not() -> None:
    found = mask_of_levels(levels((1600, 1280), (400, 320)), (0.5, 1.0))
    assert found.step_px == (16.0, 8.0)
    assert found.mask.shape == (160, 100)


def test_averages_do_not_depend_on_where_tiles_end() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (530, 517, 3), np.uint8)  # tiles of 256 px, blocks of 7 × 5 px
    averaged, unread = tissue_module._picture(slide_of(picture), 0, (7, 5))  # noqa: SLF001 - masks hide averages
    assert not unread.any()
    expected = [
        [picture[y : y + 5, x : x + 7].mean((0, 1)) for x in range(0, 517, 7)] for y in range(0, 530, 5)
    ]
    assert np.abs(averaged - np.array(expected)).max() <= 1


def test_what_cannot_be_read_counts_as_tissue_and_is_said() -> None:
    source = levels((1600, 1280), (400, 320))
    source.errors[TileKey(1, 3, 0)] = TileError("broken")
    found = mask_of_levels(source, (2.0, 2.0))
    assert found.mask[:90, 300:].all()
    assert not found.mask[100:, 210:].any()
    assert any(re.fullmatch(pattern(strings.UNREAD), note) for note in found.notes)


def test_levels_that_are_still_being_built_are_read_later() -> None:
    source = levels((1600, 1280), (400, 320))
    source.errors[TileKey(1, 3, 0)] = TileNotReadyError("later")
    with pytest.raises(TileNotReadyError):
        mask_of_levels(source, (2.0, 2.0))


def test_a_slide_without_coarse_levels_is_tissue_throughout() -> None:
    source = levels((40_000, 30_000))
    found = mask_of_levels(source, (0.25, 0.25))
    assert source.read == []
    assert found.share == 1
    assert found.reason == strings.NO_COARSE_LEVEL


def test_a_mask_is_bounded_however_large_the_slide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tissue_module, "MAX_MASK_PX", 500)
    source = levels((1600, 1280), (400, 320))
    found = mask_of_levels(source, (2.0, 2.0))
    assert {key.level for key in source.read} == {1}
    assert found.step_px == (64.0, 64.0)
    assert found.mask.shape == (20, 25)


def test_pieces_touch_at_corners_too() -> None:
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 0, 1]], np.bool_)
    found = pieces(mask)
    assert sorted(found.areas.tolist()) == [1, 1, 2, 2]
    assert found.labels[0, 0] == found.labels[1, 1]
    assert np.argwhere(found.of(found.areas == 1)).tolist() == [[0, 3], [3, 3]]
    boxes = {tuple(row) for row in found.boxes.tolist()}
    assert boxes == {(0, 0, 2, 2), (3, 0, 4, 1), (0, 3, 2, 4), (3, 3, 4, 4)}
    assert len(pieces(np.zeros((3, 3), np.bool_)).areas) == 0


def test_a_spiral_is_one_piece() -> None:
    rows = ["#######", "......#", "#####.#", "#...#.#", "#.###.#", "#.....#", "#######"]
    found = pieces(np.array([[cell == "#" for cell in row] for row in rows]))
    assert found.areas.tolist() == [31]


def test_holes_are_filled_up_to_a_size_and_less_at_the_border() -> None:
    mask = np.ones((9, 9), np.bool_)
    mask[1:3, 1:3] = mask[5:8, 5:8] = mask[0, 5] = mask[4:6, 0] = mask[0, 8] = False
    filled = holes_filled(mask, 4)
    assert np.argwhere(~filled[:5]).tolist() == [[0, 8], [4, 0]]  # a corner; two pixels at the border
    assert not filled[5:8, 5:8].any()
    assert filled[1:3, 1:3].all()
    assert filled[0, 5]


def test_growing_and_shrinking_are_squares() -> None:
    mask = np.zeros((9, 12), np.bool_)
    mask[4, 6] = True
    square = grown(mask, 3)
    assert square[1:8, 3:10].all()
    assert square.sum() == 49
    smaller = shrunk(square, 2)
    assert smaller[3:6, 5:8].all()
    assert smaller.sum() == 9
