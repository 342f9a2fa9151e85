"""viewer.slide.tissue.pixel_size: estimates hold on slides of known pixel size, and none is made up."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.messages import pattern
from tests.slide.stained import slide_of
from viewer.slide.formats.array import ArraySource
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import Rect
from viewer.slide.region import read_region
from viewer.slide.source import TileError
from viewer.slide.tissue import pixel_size, strings
from viewer.slide.tissue.mask import tissue_mask
from viewer.slide.tissue.pixel_size import estimate_from_nuclei, estimate_mpp_um

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.geometry import TileKey

pytestmark = pytest.mark.slow


def tissue_with_nuclei(radius_px: float, *, side_px: int = 800, crowding: float = 0.12) -> NDArray[np.uint8]:
    """Eosin with round nuclei of one size that cover the share ``crowding``."""
    field = nucleus_shares(radius_px, side_px=side_px, crowding=crowding)
    density = np.array([0.08, 0.3, 0.12]) + field[..., None] * np.array([0.45, 0.4, 0.15])
    noise = np.random.default_rng(6).normal(0, 1.5, density.shape)
    return np.clip(240 * 10**-density + noise, 0, 255).astype(np.uint8)


def nucleus_shares(radius_px: float, *, side_px: int, crowding: float) -> NDArray[np.float32]:
    """How much of each pixel is nucleus."""
    rng = np.random.default_rng(5)
    field = np.zeros((side_px, side_px), np.float32)
    rows, columns = np.mgrid[:side_px, :side_px].astype(np.float32)
    count = int(crowding * side_px**2 / (np.pi * radius_px**2))
    for x, y in rng.uniform(0, side_px, (count, 2)):
        near = np.s_[
            max(0, int(y - radius_px - 2)) : int(y + radius_px + 3),
            max(0, int(x - radius_px - 2)) : int(x + radius_px + 3),
        ]
        distance = np.hypot(columns[near] - x, rows[near] - y)
        field[near] = np.maximum(field[near], np.clip(radius_px + 0.5 - distance, 0, 1))
    return field


@pytest.mark.parametrize("radius_px", [2.5, 4.3, 8.6, 15.0])
def test_discs_are_measured_at_every_size(radius_px: float) -> None:
    source = slide_of(tissue_with_nuclei(radius_px))
    found = estimate_from_nuclei(source, tissue_mask(source, None))
    measured_um = np.sqrt(found.low_um * found.high_um)
    assert measured_um == pytest.approx(pixel_size.NUCLEUS_UM / radius_px, rel=0.12)
    assert found.how == "nuclei"
    assert found.mpp_um is not None
    assert found.low_um < found.mpp_um < found.high_um


def test_an_estimate_near_a_usual_size_is_taken_for_it() -> None:
    source = slide_of(tissue_with_nuclei(4.3))
    found = estimate_from_nuclei(source, tissue_mask(source, None))
    assert found.mpp_um == 0.5
    assert re.fullmatch(pattern(strings.FROM_NUCLEI_AS_USUAL, usual_um=0.5), found.reason)


def test_the_objective_goes_first() -> None:
    source = slide_of(tissue_with_nuclei(4.3, side_px=512))
    tissue = tissue_mask(source, None)
    scanned = ArraySource(replace(source.info, objective_power=40.0), tissue_with_nuclei(4.3, side_px=512))
    found = estimate_mpp_um(scanned, tissue)
    assert (found.mpp_um, found.how) == (0.25, "objective")
    assert found.low_um < 0.2275 < found.high_um  # what some scanners call 40×
    assert found.reason == strings.FROM_OBJECTIVE.format(power=40)


@pytest.mark.parametrize("power", [0.0, -20.0, 1e6, float("nan")])
def test_an_absurd_objective_is_not_believed(power: float) -> None:
    source = slide_of(tissue_with_nuclei(4.3))
    scanned = ArraySource(replace(source.info, objective_power=power), tissue_with_nuclei(4.3))
    assert estimate_mpp_um(scanned, tissue_mask(source, None)).how == "nuclei"


def test_without_an_estimate_there_is_a_reason() -> None:
    noise = np.random.default_rng(0).normal(0, 2, (700, 700, 3))
    colours = {
        strings.NOTHING_TO_MEASURE: (240, 240, 240),
        strings.BRIGHTFIELD_ONLY: (4, 4, 4),
        strings.FEW_NUCLEI: (200, 130, 180),
    }
    for reason, colour in colours.items():
        source = slide_of(np.clip(noise + colour, 0, 255).astype(np.uint8))
        found = estimate_mpp_um(source, tissue_mask(source, None))
        assert found.mpp_um is None
        assert found.how == ""
        assert found.reason == reason


def test_nuclei_that_are_hardly_resolved_give_no_estimate() -> None:
    source = slide_of(tissue_with_nuclei(1.3, side_px=500))
    found = estimate_from_nuclei(source, tissue_mask(source, None))
    assert found.mpp_um is None
    assert re.search(pattern(strings.IMPLAUSIBLE_PEAK), found.reason)


def stained(
    nucleus: tuple[float, float, float], ground: tuple[float, float, float], *, crowding: float = 0.12
) -> NDArray[np.uint8]:
    """Nuclei 17 px wide, with these optical densities (red, green, blue) on that of the ground."""
    share = nucleus_shares(8.6, side_px=800, crowding=crowding)[..., None]
    density = np.array(ground) + share * np.array(nucleus)
    density[:, :80] = 0.0  # glass
    noise = np.random.default_rng(5).normal(0, 1.5, density.shape)
    return np.clip(240 * 10**-density + noise, 0, 255).astype(np.uint8)


def reason_for(picture: NDArray[np.uint8]) -> str:
    source = slide_of(picture)
    found = estimate_from_nuclei(source, tissue_mask(source, None))
    assert found.mpp_um is None
    return found.reason


def not_measured_on(kind: str) -> str:
    return strings.NOT_MEASURED_ON.format(kind=kind)


def test_other_stains_than_those_it_was_measured_on_are_not_estimated() -> None:
    brown = stained((0.2, 0.32, 0.42), (0.12, 0.18, 0.2))
    assert reason_for(brown) == not_measured_on(strings.BROWN_STAIN)
    purple = stained((0.45, 0.5, 0.21), (0.16, 0.18, 0.075))
    assert reason_for(purple) == not_measured_on(strings.NO_EOSIN_STAIN)
    violet = stained((0.45, 0.5, 0.17), (0.16, 0.18, 0.06))
    assert reason_for(violet) == not_measured_on(strings.BLUE_STAIN)


def test_few_nuclei_in_much_tissue_are_not_estimated() -> None:
    assert reason_for(tissue_with_nuclei(8.6, side_px=1600, crowding=0.02)) == strings.FEW_NUCLEI


def test_cells_on_glass_are_not_estimated() -> None:
    smear = stained((0.45, 0.6, 0.3), (0.01, 0.025, 0.01))
    assert reason_for(smear) == not_measured_on(strings.CELLS_ON_GLASS)


def test_nuclei_of_two_sizes_in_different_places_are_not_estimated() -> None:
    small, large = tissue_with_nuclei(3.0), tissue_with_nuclei(12.0, crowding=0.35)
    assert reason_for(np.concatenate([small, large], axis=1)) == strings.FIELDS_DISAGREE


class Unreadable(ArraySource):
    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        if key.col or key.row:
            raise TileError("made: broken tile")
        return super().read_tile(key)


def test_a_slide_that_cannot_be_read_is_not_estimated() -> None:
    picture = tissue_with_nuclei(4.3)
    source = slide_of(picture)
    found = estimate_from_nuclei(Unreadable(source.info, picture), tissue_mask(source, None))
    assert found.mpp_um is None
    assert "broken tile" in found.reason


@pytest.mark.slides
@pytest.mark.parametrize(
    ("name", "mpp_um"),
    [("pancreas-crop-HE.svs", 0.3757), ("CMU-1-Small-Region.svs", 0.499)],
)
def test_nuclei_of_real_slides_give_their_pixel_size(shared_slides: Path, name: str, mpp_um: float) -> None:
    with closing(open_slide(shared_slides / name)) as source:
        found = estimate_from_nuclei(source, tissue_mask(source, None))
    assert np.sqrt(found.low_um * found.high_um) == pytest.approx(mpp_um, rel=0.2)
    assert found.low_um < mpp_um < found.high_um


@pytest.mark.slides
def test_the_estimate_follows_the_scale_of_a_slide(shared_slides: Path) -> None:
    """The same tissue with pixels 1.5 and 2.2 times as large."""
    with closing(open_slide(shared_slides / "pancreas-crop-HE.svs")) as source:
        region = read_region(source, Rect(3500, 3500, 6500, 6500), (3000, 3000))
    for factor in (1.5, 3.0):
        side = round(3000 / factor)
        scaled = slide_of(np.asarray(Image.fromarray(region).resize((side, side), Image.Resampling.BOX)))
        found = estimate_from_nuclei(scaled, tissue_mask(scaled, None))
        assert np.sqrt(found.low_um * found.high_um) == pytest.approx(0.3757 * factor, rel=0.2)
