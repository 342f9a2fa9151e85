"""The identity of a slide: the same for the same content, whatever the file is called."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.messages import pattern
from viewer.slide import strings
from viewer.slide.formats.registry import open_slide
from viewer.slide.identity import slide_identity
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from pathlib import Path


def identity(path: Path | str) -> str:
    with closing(open_slide(path)) as source:
        return slide_identity(source)


def image(path: Path, *, seed: int, side: int = 300) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_a_renamed_copy_is_the_same_slide(tmp_path: Path) -> None:
    path = image(tmp_path / "a.png", seed=1)
    copy = tmp_path / "elsewhere.png"
    shutil.copy(path, copy)
    os.utime(copy, (0, 0))
    assert identity(copy) == identity(path)
    assert len(identity(path)) == 64


def test_other_pixels_are_another_slide(tmp_path: Path) -> None:
    assert identity(image(tmp_path / "a.bmp", seed=1)) != identity(image(tmp_path / "b.bmp", seed=2))


def test_deepzoom_trees_of_one_size_are_distinguished(tmp_path: Path) -> None:
    """Their .dzi files are equal byte for byte."""
    xml = (
        '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" TileSize="512" Overlap="0" Format="png">'
        '<Size Width="300" Height="300"/></Image>'
    )
    for name, seed in (("a", 1), ("b", 2), ("c", 1)):
        (tmp_path / f"{name}.dzi").write_text(xml)
        for level in range(10):
            side = -(-300 // 2 ** (9 - level))
            image(tmp_path / f"{name}_files" / str(level) / "0_0.png", seed=seed, side=side)
    a, b, c = (identity(tmp_path / f"{name}.dzi") for name in "abc")
    assert a == c
    assert a != b


def test_a_file_that_vanished_is_an_error_in_words(tmp_path: Path) -> None:
    path = image(tmp_path / "a.png", seed=1)
    with closing(open_slide(path)) as source:
        path.unlink()
        with pytest.raises(SlideError, match=pattern(strings.UNREADABLE)):
            slide_identity(source)


def test_images_of_one_file_are_different_slides_and_its_slide_needs_no_number(tmp_path: Path) -> None:
    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as tiff:
        for colour in (80, 160):
            tiff.write(np.full((64, 64), colour, np.uint8), tile=(32, 32), metadata=None)
    slide, numbered, second = (identity(f"{path}{image}") for image in ("", "#image=1", "#image=2"))
    assert slide == numbered != second
