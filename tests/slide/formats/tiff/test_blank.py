"""What is transparent in a TIFF, by alpha in its tiles or planes or by a mask, lies on the background."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from viewer.slide.formats.tiff import strings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    Opened = Callable[[Path], Source]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]
    PatchTiff = Callable[..., None]

SIZE = (150, 120)
CUTS = ({"tile": (64, 64)}, {"rowsperstrip": 50})


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
@pytest.mark.parametrize("deep", [False, True])
def test_alpha(
    kind: str, deep: bool, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    pixels = picture(*SIZE)
    alpha = np.clip(np.arange(SIZE[0]) * 2 - 20, 0, 255).astype(np.uint8)[None, :, None]
    alpha = alpha.repeat(SIZE[1], axis=0)
    expected = (pixels * (alpha / 255) + 255 * (1 - alpha / 255)).round().astype(int)
    colours = (pixels * (alpha / 255)).astype(np.uint8) if kind == "assocalpha" else pixels
    other = np.full_like(alpha, 77)
    path = tmp_path / "a.tif"
    for extras, planar, cut in product(([kind], ["unspecified", kind]), ("contig", "separate"), CUTS):
        stored = np.concatenate([colours, *[other] * (len(extras) - 1), alpha], axis=2)
        stored = stored.astype(np.uint16) * 257 if deep else stored
        planes = stored if planar == "contig" else np.ascontiguousarray(np.moveaxis(stored, 2, 0))
        options = {"photometric": "rgb", "planarconfig": planar, "extrasamples": extras, "metadata": None}
        tifffile.imwrite(path, planes, compression="deflate", **cut, **options)
        source = opened(path)
        assert np.abs(whole_level(source, 0)[..., :3] - expected).max() <= 2
        assert (strings.MORE_SAMPLES.format(count=1) in source.info.notes) == (len(extras) > 1)


@pytest.mark.parametrize("coding", ["none", "jpeg"])
@pytest.mark.parametrize("is_bits", [False, True])
def test_masks_inside_the_file(
    coding: str,
    is_bits: bool,
    tmp_path: Path,
    picture: Picture,
    opened: Opened,
    whole_level: WholeLevel,
    patch_tiff: PatchTiff,
) -> None:
    """One for each level, as cloud-optimised TIFFs have them; OpenSlide shows what lies under them."""
    pixels = picture(300, 200)
    y, x = np.mgrid[:200, :300]
    visible = (x - 150) ** 2 + (y - 100) ** 2 < 90**2
    path = tmp_path / "a.tif"
    for cut in ({"tile": (64, 64)}, {"rowsperstrip": 64}):
        with tifffile.TiffWriter(path) as tiff:
            for step in (1, 2):
                common = {"metadata": None, **cut}
                kind = {"photometric": "rgb", "compression": coding, "subfiletype": step - 1}
                tiff.write(np.ascontiguousarray(pixels[::step, ::step]), **kind, **common)
            for step in (1, 2):
                mask = np.ascontiguousarray(visible[::step, ::step])
                kind = {"photometric": "mask" if is_bits else "minisblack", "compression": "deflate"}
                kind["subfiletype"] = (4 if is_bits else 0) + step - 1
                tiff.write(mask if is_bits else mask.astype(np.uint8) * 255, **kind, **common)
        for directory in (2, 3):
            patch_tiff(path, directory, 254, {0: directory + 2})
        source = opened(path)
        for level, step in enumerate((1, 2)):
            if level == len(source.pyramid.levels):
                break  # strips are read whole
            shown = whole_level(source, level)[..., :3].astype(int)
            inside = visible[::step, ::step]
            assert (shown[~inside] == 255).all()
            assert np.abs(shown - pixels[::step, ::step])[inside].mean() < (4 if coding == "jpeg" else 0.01)


def test_a_tile_without_mask_is_blank_and_a_mask_cut_otherwise_is_not_used_and_said(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel, patch_tiff: PatchTiff
) -> None:
    pixels = picture(128, 64)
    path = tmp_path / "a.tif"
    for side in (64, 32):
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(pixels, photometric="rgb", tile=(64, 64), metadata=None)
            kind = {"photometric": "mask", "subfiletype": 4, "tile": (side, side), "metadata": None}
            tiff.write(np.ones((64, 128), bool), **kind)
        patch_tiff(path, 1, 325, {0: 0})
        source = opened(path)
        shown = whole_level(source, 0)[..., :3]
        np.testing.assert_array_equal(shown[:, 64:], pixels[:, 64:])
        assert (shown[:, :64] == 255).all() == (side == 64)
        assert (strings.MASK_UNUSED in source.info.notes) == (side == 32)
