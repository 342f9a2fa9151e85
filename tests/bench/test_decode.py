"""``bench decode`` measures all readers; tests/bench/README.md has the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from viewer.bench.decode import bench_decode
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from pathlib import Path


def test_jpeg_slide_is_measured_by_all_three(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "a.tif"
    pixels = rng.integers(0, 256, (600, 1100, 3), np.uint8)
    tifffile.imwrite(path, pixels, tile=(256, 256), photometric="rgb", compression="jpeg", metadata=None)
    result = bench_decode(path, tiles=5, repeats=2)
    assert set(result["tiles_per_s"]) == {"foveola", "openslide", "codec"}
    assert all(speed > 0 for speed in result["tiles_per_s"].values())
    assert (result["tiles"], result["tile_px"], result["repeats"]) == (5, [256, 256], 2)
    speeds = result["tiles_per_s"]
    assert result["ratio"]["openslide"] == pytest.approx(speeds["foveola"] / speeds["openslide"], rel=0.01)


def test_reader_that_does_not_take_the_file_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.zeros((300, 300), np.uint8), compression="lzw", photometric="minisblack", metadata=None
    )
    result = bench_decode(path, tiles=5, repeats=1)
    assert result["tiles_per_s"]["openslide"] is None
    assert result["tiles_per_s"]["codec"] is None
    assert set(result["ratio"]) == set()


def test_file_that_is_no_slide_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.svs"
    path.write_text("no slide")
    with pytest.raises(SlideError):
        bench_decode(path)
