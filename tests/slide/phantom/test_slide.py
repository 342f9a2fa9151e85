"""The phantom slide: the same pixels however it is cut, tissue that looks as its truth says, a file that
opens."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import openslide
import pytest

from viewer.slide.phantom.ground_truth import polygons_of_mask, regions_geojson
from viewer.slide.phantom.layout import CLASS_NAMES, NODES, Tissue, make_layout
from viewer.slide.phantom.noise import Window, between_nodes, blobs, hashed, tiled, uniform
from viewer.slide.phantom.slide import Phantom, write_phantom

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.slow

SIZE_PX = 12288


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return Phantom(SIZE_PX, seed=1)


def inside(phantom: Phantom, tissue: Tissue, side_px: int) -> tuple[int, int]:
    """The corner of a sharp square of the slide that lies in one tissue alone."""
    wanted = (phantom.layout.labels == tissue) & (phantom.layout.blur == 0)
    reach = -(-side_px * NODES // SIZE_PX // 2) + 4
    windows = np.lib.stride_tricks.sliding_window_view(wanted, (2 * reach, 2 * reach))[::4, ::4]
    row, column = np.argwhere(windows.all((2, 3)))[0] * 4
    step = SIZE_PX / NODES
    return int((column + reach) * step - side_px / 2), int((row + reach) * step - side_px / 2)


@pytest.mark.parametrize(
    "centre", [(0.34, 0.52), (0.66, 0.45), (0.25, 0.30), (0.24, 0.56), (0.83, 0.10), (0.5, 0.62)]
)
def test_pixels_do_not_depend_on_how_the_slide_is_cut(phantom: Phantom, centre: tuple[float, float]) -> None:
    x, y = (int(part * SIZE_PX) - 300 for part in centre)
    whole = phantom.render(x, y, 600, 600)
    pieces = np.empty_like(whole)
    for left, right in ((0, 173), (173, 401), (401, 600)):
        for top, bottom in ((0, 256), (256, 600)):
            pieces[top:bottom, left:right] = phantom.render(x + left, y + top, right - left, bottom - top)
    assert np.array_equal(whole, pieces)
    assert whole[..., :3].std() > 3  # there is something to see


def test_a_node_has_one_focus_among_its_lymphocytes() -> None:
    node = Phantom(SIZE_PX, seed=1, focus_um=80)
    assert node.layout.focus is not None
    x, y = (int(at * SIZE_PX) for at in node.layout.focus)
    tumour = np.argwhere(node.layout.labels == Tissue.TUMOUR) * SIZE_PX / NODES
    assert np.hypot(*(tumour - (y, x)).T).max() < 160
    assert len(tumour) * (SIZE_PX / NODES) ** 2 == pytest.approx(np.pi * 160**2, rel=0.1)
    assert (node.layout.labels == Tissue.LYMPHOCYTES).mean() > 0.1
    named = [
        one["properties"]["classification"]["name"]
        for one in regions_geojson(node.layout, SIZE_PX)["features"]
    ]
    assert named.count("tumour") == 1
    assert "pen_mark" not in named
    whole = node.render(x - 300, y - 300, 600, 600)
    halves = [node.render(x - 300 + left, y - 300, 300, 600) for left in (0, 300)]
    assert np.array_equal(whole, np.concatenate(halves, axis=1))
    lymphocytes = whole[:100, :, :3].mean()
    assert abs(whole[220:380, 220:380, :3].mean() - lymphocytes) > 5
    with pytest.raises(ValueError, match="79"):
        Phantom(SIZE_PX, seed=1, focus_um=79)


def test_seeds_differ_and_repeat(phantom: Phantom) -> None:
    window = (3000, 4000, 256, 256)
    assert np.array_equal(phantom.render(*window), Phantom(SIZE_PX, seed=1).render(*window))
    assert not np.array_equal(phantom.render(*window), Phantom(SIZE_PX, seed=2).render(*window))


def colours(phantom: Phantom, tissue: Tissue) -> NDArray[np.float64]:
    x, y = inside(phantom, tissue, 256)
    return phantom.render(x, y, 256, 256)[..., :3].astype(float)


def test_each_tissue_has_its_colours(phantom: Phantom) -> None:
    mean = {tissue: colours(phantom, tissue).mean((0, 1)) for tissue in Tissue}
    dark_share = {
        tissue: float((colours(phantom, tissue)[..., 0] < 120).mean())
        for tissue in (Tissue.LYMPHOCYTES, Tissue.STROMA)
    }
    assert mean[Tissue.GLASS].min() > 235
    assert mean[Tissue.ADIPOSE].min() > 200  # mostly emptied cells
    for pink in (Tissue.STROMA, Tissue.MUSCLE, Tissue.NECROSIS):
        red, green, blue = mean[pink]
        assert red > blue > green
        assert red - green > 25
    red, green, blue = mean[Tissue.BLOOD]
    assert red > blue + 30
    assert red > green + 60
    assert mean[Tissue.MUCIN][2] >= mean[Tissue.MUCIN][0]  # blue-grey
    assert mean[Tissue.MUCIN].min() > 180
    assert dark_share[Tissue.LYMPHOCYTES] > 0.2 > 4 * dark_share[Tissue.STROMA]


def test_the_blurred_patch_has_no_fine_detail(phantom: Phantom) -> None:
    row, column = np.argwhere(phantom.layout.blur > 0.99).mean(0).astype(int)
    x, y = int(column * SIZE_PX / NODES), int(row * SIZE_PX / NODES)
    blurred = phantom.render(x, y, 200, 200)[..., 1].astype(float)
    assert phantom.layout.labels[row, column] == Tissue.MUSCLE
    sharp = colours(phantom, Tissue.MUSCLE)[..., 1]
    assert np.abs(np.diff(blurred)).mean() < 0.5 * np.abs(np.diff(sharp)).mean()


def test_the_pen_mark_is_green(phantom: Phantom) -> None:
    row, column = np.argwhere(phantom.layout.inks[0].amount > 0.6)[0]
    red, green, blue = phantom.render(int(column * 12), int(row * 12), 64, 64)[..., :3].mean((0, 1))
    assert green > red + 40
    assert green > blue


def test_every_tissue_has_its_share_whatever_the_seed() -> None:
    for seed in range(3):
        labels = make_layout(seed).labels
        shares = {tissue: float((labels == tissue).mean()) for tissue in Tissue}
        assert min(shares.values()) > 0.004, (seed, shares)


def point_in_rings(rings: list[list[list[float]]], x: float, y: float) -> bool:
    """Even–odd rule over all rings of a polygon."""
    crossings = 0
    for ring in rings:
        for (x0, y0), (x1, y1) in pairwise(ring):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                crossings += 1
    return crossings % 2 == 1


def test_a_written_slide_opens_and_its_regions_are_true(tmp_path: Path) -> None:
    path = tmp_path / "demo.tif"
    told: list[float] = []
    write_phantom(path, size_px=2048, seed=3, progress=lambda done, total: told.append(done / total))
    assert told[-1] == 1
    with openslide.OpenSlide(path) as slide:
        assert slide.dimensions == (2048, 2048)
        assert slide.level_dimensions == ((2048, 2048), (1024, 1024))
        assert slide.properties["openslide.mpp-x"] == "0.25"

    regions = json.loads((tmp_path / "demo.regions.geojson").read_text())
    assert regions["type"] == "FeatureCollection"
    names = {feature["properties"]["classification"]["name"] for feature in regions["features"]}
    assert names == {*CLASS_NAMES.values(), "pen_mark", "out_of_focus"}

    labels = make_layout(3).labels
    rng = np.random.default_rng(0)
    agreeing = total = 0
    for x, y in rng.uniform(0, 2048, (400, 2)).tolist():
        expected = CLASS_NAMES[Tissue(labels[int(y / 2), int(x / 2)])]
        found = [
            feature["properties"]["classification"]["name"]
            for feature in regions["features"]
            if point_in_rings(feature["geometry"]["coordinates"], x, y)
        ]
        tissue = [name for name in found if name not in ("pen_mark", "out_of_focus")]
        total += 1
        agreeing += tissue == [expected]
    assert agreeing / total > 0.97


def test_rings_are_closed_and_lie_on_the_slide(tmp_path: Path) -> None:
    write_phantom(tmp_path / "s.tif", size_px=256)
    for feature in json.loads((tmp_path / "s.regions.geojson").read_text())["features"]:
        assert feature["geometry"]["type"] == "Polygon"
        for ring in feature["geometry"]["coordinates"]:
            assert ring[0] == ring[-1]
            assert len(ring) >= 4
            assert 0 <= np.min(ring) <= np.max(ring) <= 256


@pytest.mark.parametrize("size_px", [255, 400_001])
def test_sizes_out_of_reason_are_refused(tmp_path: Path, size_px: int) -> None:
    with pytest.raises(ValueError, match="256 to 400,000"):
        write_phantom(tmp_path / "s.tif", size_px=size_px)


def test_a_hole_belongs_to_the_part_around_it() -> None:
    mask = np.zeros((60, 60), bool)
    mask[5:55, 5:55] = True
    mask[15:45, 15:45] = False
    mask[22:38, 22:38] = True  # an island in the hole
    polygons = polygons_of_mask(mask)
    assert sorted(len(polygon) for polygon in polygons) == [1, 2]
    outer, hole = max(polygons, key=len)
    assert np.ptp(outer, axis=0) == pytest.approx([50, 50], abs=2)
    assert np.ptp(hole, axis=0) == pytest.approx([30, 30], abs=2)


def test_parts_that_touch_at_a_corner_stay_apart() -> None:
    mask = np.zeros((40, 40), bool)
    mask[5:15, 5:15] = mask[15:25, 15:25] = True
    assert len(polygons_of_mask(mask)) == 2


def test_seamless_textures_repeat(rng: np.random.Generator) -> None:
    texture = rng.integers(0, 65536, (32, 32)).astype(np.uint16)
    y, x = np.mgrid[-40:60, 90:250]
    assert np.array_equal(tiled(texture, Window(90, -40, 160, 100)), texture[y % 32, x % 32])


def test_values_between_nodes_are_straight_lines() -> None:
    grid = np.zeros((8, 8, 1), np.float32)
    grid[:, 4] = 10
    row = between_nodes(grid, 4.0, Window(0, 8, 32, 1))[0, :, 0]
    # Node 4 lies at pixel 18, between the centres of pixels 17 and 18.
    assert row[13:23] == pytest.approx([0, 1.25, 3.75, 6.25, 8.75, 8.75, 6.25, 3.75, 1.25, 0])


def test_noise_without_large_features(rng: np.random.Generator) -> None:
    noise = blobs(rng, 256, 16)
    assert noise.std() == pytest.approx(1, abs=0.01)
    means = noise.reshape(4, 64, 4, 64).mean((1, 3))
    assert np.abs(means).max() < 0.2


def test_hashes_are_even_and_independent() -> None:
    x, y = (part.ravel() for part in np.mgrid[-100:100, -100:100])
    bits = hashed(x, y, 7)
    assert len(np.unique(bits)) == len(bits)
    numbers = np.stack([uniform(bits, which) for which in range(4)])
    assert numbers.mean(1) == pytest.approx([0.5] * 4, abs=0.01)
    assert np.abs(np.corrcoef(numbers) - np.eye(4)).max() < 0.02
    assert not np.array_equal(bits, hashed(x, y, 8))
