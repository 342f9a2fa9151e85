"""Codings of a TIFF that do not fit its samples, and samples that are no brightness, are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from tests.messages import pattern
from viewer.slide.formats.codecs import strings as codec_strings
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.source import open_tiff
from viewer.slide.source import NotThisReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.formats.slide_format import SlideFile

    Picture = Callable[[int, int], NDArray[np.uint8]]
    PatchTiff = Callable[..., None]
    FileAt = Callable[[Path], SlideFile]

BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PREDICTOR = 258, 259, 262, 277, 317


@pytest.mark.parametrize(
    ("patches", "reason"),
    [
        ({BITS: 24}, pattern(strings.BITS, bits=24)),
        ({PHOTOMETRIC: 6}, pattern(strings.PREDICTOR, number=2)),
        ({COMPRESSION: 3}, pattern(strings.CCITT_SAMPLES, samples=3, bits=8)),
        ({COMPRESSION: 7, PHOTOMETRIC: 1}, pattern(strings.JPEG_NO_COLOURS, number=1)),
        ({COMPRESSION: 7, BITS: 16}, codec_strings.NO_JPEG_HEADER),
        ({COMPRESSION: 7, BITS: 32}, pattern(strings.JPEG_BITS, bits=32)),
        ({COMPRESSION: 7, SAMPLES: 5}, pattern(strings.JPEG_SAMPLES, samples=5)),
        ({PREDICTOR: 3}, pattern(strings.PREDICTOR, number=3)),
        ({PREDICTOR: 9}, pattern(strings.PREDICTOR, number=9)),
    ],
)
def test_codings_that_do_not_fit_their_samples_are_refused(
    patches: dict[int, int],
    reason: str,
    tmp_path: Path,
    picture: Picture,
    patch_tiff: PatchTiff,
    file_at: FileAt,
) -> None:
    path = tmp_path / "a.tif"
    kind = {"tile": (256, 512), "photometric": "rgb", "compression": "deflate", "predictor": 2}
    tifffile.imwrite(path, picture(600, 300), metadata=None, **kind)
    for tag, value in patches.items():
        patch_tiff(path, 0, tag, dict.fromkeys(range(3 if tag == BITS else 1), value))
    with pytest.raises(NotThisReader, match=reason):
        open_tiff(file_at(path))


def test_samples_that_are_no_brightness_are_refused(tmp_path: Path, file_at: FileAt) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((90, 100), "c8"), tile=(64, 64), photometric="minisblack", metadata=None)
    with pytest.raises(NotThisReader, match=strings.COMPLEX_SAMPLES):
        open_tiff(file_at(path))
