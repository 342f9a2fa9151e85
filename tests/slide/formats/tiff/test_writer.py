"""The pyramid writer: what it writes is what OpenSlide and Foveola read, whole or not at all."""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import openslide
import pytest

from viewer.common.atomic_write import SaveError
from viewer.slide.formats.registry import open_slide
from viewer.slide.formats.tiff.writer import CHUNK_PX, level_sizes, write_pyramid_tiff
from viewer.slide.pixels import halved

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def smooth_picture(width: int, height: int) -> NDArray[np.uint8]:
    """Gradients, which JPEG keeps nearly as they are."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.zeros((height, width, 4), np.uint8)
    picture[..., 0] = x * 255 // max(width, 1500)
    picture[..., 1] = y * 255 // max(height, 1500)
    picture[..., 2] = 128 + 60 * np.sin((x + y) / 200)
    return picture


def write(path: Path, picture: NDArray[np.uint8], **options: Any) -> list[tuple[int, int]]:
    height, width = picture.shape[:2]

    def render(x: int, y: int, w: int, h: int) -> NDArray[np.uint8]:
        return picture[y : y + h, x : x + w]

    return write_pyramid_tiff(path, render, width=width, height=height, **options)


@pytest.mark.parametrize(("width", "height"), [(2600, 1300), (1025, 1024), (5000, 300), (300, 2100), (7, 5)])
def test_openslide_reads_every_level_as_the_mean_of_the_finer(
    tmp_path: Path, width: int, height: int
) -> None:
    picture = smooth_picture(width, height)
    path = tmp_path / "slide.tif"
    sizes = write(path, picture, quality=95)
    with openslide.OpenSlide(path) as slide:
        assert list(slide.level_dimensions) == sizes == level_sizes(width, height)
        expected = picture
        for level, size in enumerate(sizes):
            read = np.asarray(slide.read_region((0, 0), level, size))[..., :3].astype(int)
            assert expected.shape[1::-1] == size
            assert np.abs(read - expected[..., :3]).max() <= 12
            assert np.abs(read - expected[..., :3]).mean() < 1.5
            expected = halved(expected)


def test_foveola_reads_it_directly_with_its_resolution(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    write(path, smooth_picture(1500, 700), mpp_um=0.5, description="made for a test")
    source = open_slide(path)
    assert source.info.reader == "tiff (direct)"
    assert source.info.mpp_um == pytest.approx((0.5, 0.5))
    assert source.info.properties["tiff.ImageDescription"] == "made for a test"
    source.close()


def test_a_slide_without_resolution_says_none(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    write(path, smooth_picture(300, 200))
    source = open_slide(path)
    assert source.info.mpp_um is None
    source.close()


def test_the_number_of_threads_does_not_change_a_byte(tmp_path: Path) -> None:
    picture = smooth_picture(2500, 2200)
    for threads in (1, 3):
        write(tmp_path / f"{threads}.tif", picture, threads=threads)
    assert (tmp_path / "1.tif").read_bytes() == (tmp_path / "3.tif").read_bytes()


def test_chunks_stay_small_and_progress_counts_them(tmp_path: Path) -> None:
    picture = smooth_picture(2100, 1100)
    read, reported = [], []

    def render(x: int, y: int, w: int, h: int) -> NDArray[np.uint8]:
        read.append((w, h))
        return picture[y : y + h, x : x + w]

    write_pyramid_tiff(
        tmp_path / "s.tif",
        render,
        width=2100,
        height=1100,
        progress=lambda done, total: reported.append((done, total)),
    )
    assert all(max(size) <= CHUNK_PX for size in read)
    assert reported == [(n, 6) for n in range(1, 7)]


def test_halving_rounds_and_repeats_the_odd_edge() -> None:
    pixels = np.array([[[0], [1], [10]], [[1], [1], [20]], [[100], [101], [7]]], np.uint8)
    assert halved(pixels)[..., 0].tolist() == [[1, 15], [101, 7]]


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SaveError, match=r"slide\.tif: .*disk is full"):
        write(tmp_path / "slide.tif", smooth_picture(600, 600))
    assert list(tmp_path.iterdir()) == []


def test_a_failing_picture_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    path.write_bytes(b"old")

    def render(x: int, y: int, _w: int, _h: int) -> NDArray[np.uint8]:
        if (x, y) == (2048, 1024):
            raise RuntimeError("out of ink")
        return np.zeros((_h, _w, 4), np.uint8)

    with pytest.raises(RuntimeError, match="out of ink"):
        write_pyramid_tiff(path, render, width=9000, height=9000, threads=2)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["slide.tif"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pyramid")]


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="nowhere"):
        write(tmp_path / "nowhere" / "slide.tif", smooth_picture(10, 10))


def test_an_empty_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0×5"):
        write_pyramid_tiff(tmp_path / "s.tif", lambda *_: np.zeros((0, 0, 4), np.uint8), width=0, height=5)
