"""CIELab, ICCLab and ITULab, as LittleCMS shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from tests.messages import pattern
from viewer.slide.formats.tiff import strings
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

    Opened = Callable[[Path], Source]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]


@pytest.fixture
def colours(picture: Any) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """L*, a*, b* of a picture in 8 bits, and what LittleCMS shows for them."""
    spaces = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    to_lab = ImageCms.buildTransform(*spaces, "RGB", "LAB", renderingIntent=1)
    exact = ImageCms.Flags.NOOPTIMIZE
    to_rgb = ImageCms.buildTransform(*spaces[::-1], "LAB", "RGB", renderingIntent=1, flags=exact)
    lab = ImageCms.applyTransform(Image.fromarray(picture(200, 130)), to_lab)
    assert lab is not None
    rgb = np.asarray(ImageCms.applyTransform(lab, to_rgb))
    light, a, b = (np.asarray(band).astype(np.float64) for band in lab.split())
    return np.stack([light * 100 / 255, a - 128, b - 128], axis=2), rgb


def stored(lab: NDArray[np.float64], kind: str, bits: int) -> NDArray[Any]:
    """By the words of TIFF 6.0, ICC.1 and RFC 2301."""
    most, unit = (1 << bits) - 1, 1 << (bits - 8)
    light, a, b = np.moveaxis(lab, 2, 0)
    if kind == "cielab":
        parts = [light / 100 * most, np.mod(a * unit, most + 1), np.mod(b * unit, most + 1)]
    elif kind == "icclab":
        parts = [light / 100 * 255 * unit, (a + 128) * unit, (b + 128) * unit]
    else:
        parts = [light / 100 * most, a / 170 * most + 128 * unit, b / 200 * most + 96 * unit]
    return np.stack(parts, axis=2).round().clip(0, most).astype(np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", ["cielab", "icclab", "itulab"])
@pytest.mark.parametrize("cut", [{"tile": (64, 64)}, {"rowsperstrip": 40}, {"planarconfig": "separate"}])
def test_colours(
    kind: str, bits: int, cut: Any, colours: Any, tmp_path: Path, opened: Opened, whole_level: WholeLevel
) -> None:
    lab, rgb = colours
    samples = stored(lab, kind, bits)
    if "planarconfig" in cut:
        samples = np.moveaxis(samples, 2, 0)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, samples, photometric=kind, compression="zlib", metadata=None, **cut)
    source = opened(path)
    assert source.info.notes == ()
    difference = np.abs(whole_level(source, 0)[..., :3].astype(int) - rgb)
    assert difference.mean() < 1
    assert difference.max() <= (16 if (kind, bits) == ("itulab", 8) else 4)  # steps of other sizes


@pytest.mark.parametrize(("lightness", "grey"), [(0, 0), (128, 119), (255, 255)])
def test_neutral_colours_are_grey(
    lightness: int, grey: int, tmp_path: Path, opened: Opened, whole_level: WholeLevel
) -> None:
    samples = np.zeros((64, 64, 3), np.uint8)
    samples[..., 0] = lightness
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="cielab", metadata=None)
    shown = whole_level(opened(tmp_path / "a.tif"), 0)[0, 0, :3].astype(int)
    assert np.abs(shown - grey).max() <= 1


def test_other_codings_of_lab_are_refused(tmp_path: Path, opened: Opened) -> None:
    samples = np.zeros((64, 64, 3), np.float32)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="cielab", metadata=None)
    with pytest.raises(SlideError, match=pattern(strings.LAB_SAMPLES, bits=32)):
        opened(tmp_path / "a.tif")
