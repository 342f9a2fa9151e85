"""render.snapshot: the picture is the slide's pixels, wherever one looks from; saving is all or nothing."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from gpu.gl.strings import FIELD_LIMIT
from tests.messages import pattern
from viewer.common.atomic_write import SaveError
from viewer.overlay.layer import Overlay, OverlayLayer, OverlayLook, colour_stops
from viewer.overlay.shapes import Shape, ShapeSet
from viewer.render import strings
from viewer.render.frame import Adjustment
from viewer.render.snapshot import SnapshotError, save_png, snapshot
from viewer.slide.geometry import Pyramid, TileKey
from viewer.slide.source import SlideInfo, TileError, TileNotReadyError
from viewer.slide.strings import PROFILE_HEADER

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

pytestmark = pytest.mark.gl

BACKGROUND = (10, 200, 30)


class LevelsSource:
    """A slide in memory with any levels; the tiles in ``broken`` raise what they are mapped to."""

    is_remote = False

    def __init__(self, levels: list[NDArray[np.uint8]], *, tile_px: int = 64, aspect: float = 1.0) -> None:
        sizes = [(pixels.shape[1], pixels.shape[0]) for pixels in levels]
        self.levels = levels
        self.pyramid = Pyramid.from_sizes(sizes, [(tile_px, tile_px)] * len(levels), pixel_aspect=aspect)
        self.info = SlideInfo(
            path=Path("slide.tif"),
            format="test",
            reader="test",
            reader_reason="",
            bounds=self.pyramid.extent,
            file_levels=tuple(sizes),
            background_rgb=BACKGROUND,
        )
        self.broken: dict[TileKey, TileError] = {}
        self.reads: list[TileKey] = []

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        self.reads.append(key)
        if key in self.broken:
            raise self.broken[key]
        level, (width, height) = self.pyramid.levels[key.level], self.pyramid.tile_size(key)
        x, y = key.col * level.tile_width, key.row * level.tile_height
        rgb = self.levels[key.level][y : y + height, x : x + width]
        return np.dstack((rgb, np.full((height, width), 255, np.uint8)))

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        raise KeyError(name)

    def close(self) -> None:
        """Nothing is held."""


def noise(rng: np.random.Generator, width: int, height: int) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def source(rng: np.random.Generator) -> LevelsSource:
    """520 × 300 px and a quarter of it: edge tiles in every row and column."""
    return LevelsSource([noise(rng, 520, 300), noise(rng, 130, 75)])


def shot(
    source: LevelsSource, centre: tuple[float, float], downsample: float, size: tuple[int, int], **more: Any
) -> NDArray[np.uint8]:
    return np.asarray(snapshot(source, center=centre, downsample=downsample, size=size, **more))


def assert_equal(picture: NDArray[np.uint8], wanted: NDArray[np.uint8], atol: int = 0) -> None:
    assert picture.shape == wanted.shape
    assert int(np.abs(picture.astype(int) - wanted).max()) <= atol


def test_at_full_resolution_it_is_the_slide_to_the_bit(source: LevelsSource) -> None:
    assert_equal(shot(source, (260, 150), 1, (520, 300)), source.levels[0])
    assert_equal(shot(source, (150.5, 101), 1, (201, 100)), source.levels[0][51:151, 50:251])


def test_at_a_levels_downsample_it_is_the_level_to_the_bit(source: LevelsSource) -> None:
    assert_equal(shot(source, (260, 150), 4, (130, 75)), source.levels[1])
    assert {key.level for key in source.reads} == {1}


@pytest.mark.parametrize("quarter_turns", [1, 2, 3, -1])
def test_quarter_turns_move_pixels_and_change_none(source: LevelsSource, quarter_turns: int) -> None:
    size = (300, 520) if quarter_turns % 2 else (520, 300)
    turned = shot(source, (260, 150), 1, size, rotate_deg=90 * quarter_turns)
    assert_equal(turned, np.rot90(source.levels[0], -quarter_turns))


def test_below_one_pixels_are_squares(source: LevelsSource) -> None:
    wanted = source.levels[0][140:160, 250:270].repeat(8, axis=0).repeat(8, axis=1)
    assert_equal(shot(source, (260, 150), 1 / 8, (160, 160)), wanted)


def test_between_levels_pixels_are_averages(source: LevelsSource) -> None:
    wanted = source.levels[0][:256, :512].reshape(128, 2, 256, 2, 3).mean(axis=(1, 3))
    assert_equal(shot(source, (256, 128), 2, (256, 128)), wanted.round().astype(np.uint8), atol=1)


def test_without_coarse_levels_far_zooms_are_filtered_too(rng: np.random.Generator) -> None:
    source = LevelsSource([noise(rng, 512, 512)])
    wanted = source.levels[0].reshape(16, 32, 16, 32, 3).mean(axis=(1, 3))
    assert_equal(shot(source, (256, 256), 32, (16, 16)), wanted.round().astype(np.uint8), atol=3)


def test_beyond_the_slide_there_is_background(source: LevelsSource) -> None:
    picture = shot(source, (0, 0), 1, (40, 40))
    assert_equal(picture[20:, 20:], source.levels[0][:20, :20])
    assert (picture[:20] == BACKGROUND).all()
    assert (picture[:, :20] == BACKGROUND).all()
    source.reads.clear()
    assert (shot(source, (-1e8, 1e8), 1, (30, 20)) == BACKGROUND).all()
    assert source.reads == []


def test_non_square_pixels_are_stretched(rng: np.random.Generator) -> None:
    source = LevelsSource([noise(rng, 100, 50)], aspect=2.0)
    assert_equal(
        shot(source, (50, 25), 0.5, (200, 200)), source.levels[0].repeat(4, axis=0).repeat(2, axis=1)
    )


@pytest.mark.parametrize("rotate_deg", [0.0, 30.0])
def test_a_picture_in_parts_is_the_picture_in_one(
    source: LevelsSource, rotate_deg: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ((260.0, 150.0), 1.3, (377, 250))
    whole = shot(source, *request, rotate_deg=rotate_deg)
    monkeypatch.setattr("viewer.render.snapshot._LARGEST_PART_PX", 100)
    steps: list[tuple[int, int]] = []
    in_parts = shot(
        source, *request, rotate_deg=rotate_deg, progress=lambda done, total: steps.append((done, total))
    )
    assert_equal(in_parts, whole, atol=1)
    assert steps == [(n, 12) for n in range(1, 13)]


def test_a_pool_of_few_layers_makes_smaller_parts(
    source: LevelsSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.render.snapshot._POOL_BYTES", 1)  # four layers, the fewest
    assert_equal(shot(source, (260, 150), 1, (520, 300)), source.levels[0])


def test_a_broken_tile_is_marked_and_counted(source: LevelsSource) -> None:
    source.broken[TileKey(0, 1, 1)] = TileError("damaged")
    image = snapshot(source, center=(260, 150), downsample=1, size=(520, 300))
    assert image.info["failed_tiles"] == 1
    assert image.info["first_failure"] == "damaged"
    differs = (np.asarray(image) != source.levels[0]).any(axis=2)
    assert differs[64:128, 64:128].mean() > 0.95
    differs[64:128, 64:128] = False
    assert not differs.any()


def test_levels_that_are_still_built_are_said_to_be(source: LevelsSource) -> None:
    source.broken[TileKey(1, 0, 0)] = TileNotReadyError()
    with pytest.raises(SnapshotError, match=pattern(strings.LEVELS_NOT_BUILT)):
        shot(source, (260, 150), 4, (130, 75))


def test_adjustments_are_applied(source: LevelsSource) -> None:
    stored = source.levels[0] / 255
    wanted = (np.clip(stored + 0.25, 0, 1) ** 0.5 * 255).round().astype(np.uint8)
    assert_equal(
        shot(source, (260, 150), 1, (520, 300), adjustment=Adjustment(brightness=0.25, gamma=2.0)),
        wanted,
        atol=1,
    )


def test_icc_is_off_by_default(source: LevelsSource, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = np.linspace(255, 0, 18).round().astype(np.uint8)  # the strongest of profiles: a negative
    negative = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    monkeypatch.setattr("viewer.slide.icc.lut_from_profile", lambda _profile: negative)
    source.info = replace(source.info, icc_profile=b"any")
    assert_equal(shot(source, (260, 150), 1, (520, 300)), source.levels[0])
    assert_equal(shot(source, (260, 150), 1, (520, 300), icc=True), 255 - source.levels[0], atol=1)


def test_icc_without_a_profile_is_refused(source: LevelsSource) -> None:
    with pytest.raises(SnapshotError, match=pattern(strings.NO_PROFILE)):
        shot(source, (260, 150), 1, (10, 10), icc=True)


def test_a_damaged_profile_is_reported_with_the_slide(source: LevelsSource) -> None:
    source.info = replace(source.info, icc_profile=b"no profile")
    message = r"slide\.tif" + pattern(strings.BAD_PROFILE, path="", error=PROFILE_HEADER)
    with pytest.raises(SnapshotError, match=message):
        shot(source, (260, 150), 1, (10, 10), icc=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"downsample": 0.0}, pattern(strings.DOWNSAMPLE_RANGE)),
        ({"downsample": float("nan")}, pattern(strings.DOWNSAMPLE_RANGE)),
        ({"downsample": 5000.0}, r"slide\.tif" + pattern(strings.DOWNSAMPLE_COARSE, path="", most=256)),
        ({"center": (float("inf"), 0.0)}, pattern(strings.CENTRE_FAR)),
        ({"center": (float("nan"), 0.0)}, pattern(strings.CENTRE_FAR)),
        ({"rotate_deg": float("inf")}, pattern(strings.ROTATION)),
        ({"size": (0, 10)}, pattern(strings.NO_PIXELS)),
        ({"size": (20_001, 20_000)}, pattern(strings.PICTURE_LARGE, most_millions=400)),
    ],
)
def test_impossible_requests_are_refused(source: LevelsSource, change: dict[str, Any], message: str) -> None:
    request: dict[str, Any] = {"center": (5.0, 5.0), "downsample": 1.0, "size": (10, 10)}
    with pytest.raises(SnapshotError, match=message):
        snapshot(source, **(request | change))


def test_a_png_carries_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "new" / "view.png"
    metadata = {"Comment": "Research use only", "Source": "Gewebe – 𝛼.svs"}
    save_png(Image.new("RGB", (3, 2), BACKGROUND), path, metadata)
    with Image.open(path) as image:
        image.load()
        assert image.getpixel((0, 0)) == BACKGROUND
        assert image.text == metadata


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "view.png"
    path.write_bytes(b"before")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SaveError, match="disk is full"):
        save_png(Image.new("RGB", (3, 2)), path, {})
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("part_px", [2048, 100])
def test_overlays_are_in_the_picture_and_run_through_its_parts(
    source: LevelsSource, part_px: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.render.snapshot._LARGEST_PART_PX", part_px)
    known = np.broadcast_to(np.arange(8) < 4, (5, 8)).copy()
    layer = OverlayLayer(np.full((5, 8), 255, np.uint8), known, ~known & False, 65.0, 60.0, sequence=1)
    overlays = [Overlay("query", layer, OverlayLook("teal", opacity=1.0, smooth=False))]
    picture = shot(source, (260, 150), 1, (520, 300), overlays=overlays)
    assert (picture[:, :259] == colour_stops("teal")[-1]).all()
    hatched = (picture != source.levels[0]).any(axis=2)[:, 261:]
    assert 0.1 < hatched.mean() < 0.5
    assert (hatched[:-12] == hatched[12:]).all(), "one pattern, whatever it was drawn in"


def test_blended_colours_keep_to_the_tissue() -> None:
    slide = np.full((300, 520, 3), 240, np.uint8)
    slide[:, :200] = (170, 90, 160)
    one = np.ones((1, 1), bool)
    layer = OverlayLayer(one * np.uint8(255), one, ~one, 520.0, 300.0, sequence=1)
    overlays = [Overlay("query", layer, OverlayLook("teal", opacity=1.0))]
    picture = shot(LevelsSource([slide]), (260, 150), 4, (130, 75), overlays=overlays)
    assert (picture[:, :48] == colour_stops("teal")[-1]).all()
    assert (picture[:, 52:] == 240).all(), "glass is as it was"


def test_a_layer_that_cannot_be_drawn_is_in_no_picture(source: LevelsSource) -> None:
    long = np.zeros((1, 40_000), np.uint8)
    layer = OverlayLayer(long, long == 0, long > 0, 0.01, 300.0, sequence=1)
    message = pattern(strings.LAYER_NOT_DRAWN, error="") + pattern(FIELD_LIMIT, columns=40_000, rows=1)
    with pytest.raises(SnapshotError, match=message):
        shot(source, (260, 150), 1, (520, 300), overlays=[Overlay("query", layer, OverlayLook())])


@pytest.mark.slides
def test_a_real_slide_is_what_its_tiles_are(shared_slides: Path) -> None:
    from viewer.slide.formats.registry import open_slide

    source = open_slide(shared_slides / "CMU-1-Small-Region.svs")
    try:
        tile = source.read_tile(TileKey(0, 3, 4))
        rect = source.pyramid.tile_rect(TileKey(0, 3, 4))
        picture = snapshot(source, center=rect.centre, downsample=1, size=(tile.shape[1], tile.shape[0]))
    finally:
        source.close()
    assert_equal(np.asarray(picture), tile[..., :3])


@pytest.mark.parametrize("turned", [0.0, 90.0])
def test_shapes_lie_over_it_and_run_through_its_parts(
    source: LevelsSource, monkeypatch: pytest.MonkeyPatch, turned: float
) -> None:
    line = Shape([(0, 150), (520, 150)], rgba=(0, 1, 0, 1), width_px=4)
    shapes = ShapeSet([line, Shape.point(260, 60, rgba=(0, 1, 0, 1), width_px=10)])
    plain = shot(source, (260, 150), 1, (300, 300), rotate_deg=turned)
    whole = shot(source, (260, 150), 1, (300, 300), rotate_deg=turned, shapes=shapes)
    along = whole if turned == 0 else np.rot90(whole)
    assert (along[148:152] == (0, 255, 0)).all()
    assert (along[56:64, 146:154] == (0, 255, 0)).all(axis=-1).mean() > 0.8
    changed = (whole != plain).any(axis=-1)
    assert changed.mean() < 0.03
    monkeypatch.setattr("viewer.render.snapshot._LARGEST_PART_PX", 64)
    assert_equal(shot(source, (260, 150), 1, (300, 300), rotate_deg=turned, shapes=shapes), whole, atol=1)
