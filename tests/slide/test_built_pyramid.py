"""Built levels: right in linear light, there one after the other, kept in the cache and never trusted
blindly.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.messages import pattern
from viewer.common.atomic_write import SaveError
from viewer.slide import built_pyramid, strings
from viewer.slide.built_pyramid import BuiltPyramid, needs_coarse_levels
from viewer.slide.formats.array import ArraySource
from viewer.slide.geometry import Rect, TileKey
from viewer.slide.source import FileImage, SlideInfo, TileError, TileNotReadyError
from viewer.slide.tile_pack import TilePack, TilePackWriter

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.slow

WIDTH, HEIGHT = 4611, 1301


@pytest.fixture
def pixels(picture: Any) -> NDArray[np.uint8]:
    return np.asarray(picture(WIDTH, HEIGHT))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What stands for the slide's file: only its name, size and time matter here."""
    path = tmp_path / "slide.png"
    path.write_bytes(b"slide")
    return path


def source_of(file: Path, pixels: NDArray[np.uint8]) -> ArraySource:
    height, width = pixels.shape[:2]
    return ArraySource(
        SlideInfo(file, "test", "array", "", Rect(0, 0, width, height), ((width, height),)), pixels
    )


def build(pyramid: BuiltPyramid) -> bool:
    return pyramid.build(lambda _done, _total: None, lambda: False)


def level_pixels(pyramid: BuiltPyramid, index: int) -> NDArray[np.uint8]:
    level = pyramid.pyramid.levels[index]
    return np.concatenate(
        [
            np.concatenate(
                [pyramid.read_tile(TileKey(index, col, row)) for col in range(level.columns)], axis=1
            )
            for row in range(level.rows)
        ]
    )


def linear_mean(pixels: NDArray[np.uint8], times: int) -> NDArray[np.float64]:
    """The stored values of means over 2×2 pixels in linear light, by the book and in floating point."""
    value = pixels[..., :3] / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    for _ in range(times):
        height, width = linear.shape[:2]
        linear = np.pad(linear, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        linear = (linear[::2, ::2] + linear[1::2, ::2] + linear[::2, 1::2] + linear[1::2, 1::2]) / 4
    return 255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_levels_are_there_from_the_start_and_their_tiles_are_not(
    tmp_path: Path, file: Path, pixels: NDArray[np.uint8]
) -> None:
    pyramid = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    assert [(level.width, level.height) for level in pyramid.pyramid.levels] == [
        (4611, 1301),
        (2306, 651),
        (1153, 326),
        (577, 163),
    ]
    assert not pyramid.is_complete
    assert pyramid.info.file_levels == ((WIDTH, HEIGHT),)
    assert np.array_equal(pyramid.read_tile(TileKey(0, 1, 1))[..., :3], pixels[256:512, 256:512])
    with pytest.raises(TileNotReadyError, match=pattern(strings.TILE_NOT_BUILT)):
        pyramid.read_tile(TileKey(2, 0, 0))
    pyramid.close()


def test_tiles_of_the_file_and_built_ones_are_read_in_two_steps_too(
    tmp_path: Path, file: Path, pixels: NDArray[np.uint8]
) -> None:
    with closing(BuiltPyramid(source_of(file, pixels), tmp_path / "cache")) as pyramid:
        assert not pyramid.is_remote
        with pytest.raises(TileNotReadyError, match=pattern(strings.TILE_NOT_BUILT)):
            pyramid.fetch_tile(TileKey(2, 0, 0))
        assert pyramid.build(lambda *_: None, lambda: False)
        for key in (TileKey(0, 1, 1), TileKey(2, 0, 0)):
            tile = pyramid.decode_tile(key, pyramid.fetch_tile(key))
            assert np.array_equal(tile, pyramid.read_tile(key))


def test_built_levels_are_means_in_linear_light(
    tmp_path: Path, file: Path, pixels: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(built_pyramid, "QUALITY", 100)
    pyramid = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    assert build(pyramid)
    for level in (1, 2, 3):
        difference = np.abs(level_pixels(pyramid, level)[..., :3] - linear_mean(pixels, level))
        assert difference.mean() < 0.8
        assert difference.max() < 6
    pyramid.close()


def test_a_checkerboard_becomes_the_grey_of_linear_light(tmp_path: Path, file: Path) -> None:
    board = np.zeros((3000, 3000, 3), np.uint8)
    board[::2, ::2] = board[1::2, 1::2] = 255
    pyramid = BuiltPyramid(source_of(file, board), tmp_path / "cache")
    build(pyramid)
    assert (
        np.abs(level_pixels(pyramid, 1)[..., :3].astype(int) - 188).max() <= 1
    )  # 128 would be stored values
    assert np.abs(level_pixels(pyramid, 2)[..., :3].astype(int) - 188).max() <= 1
    pyramid.close()


def test_stored_values_come_back_as_themselves(tmp_path: Path, file: Path) -> None:
    squares = np.arange(256, dtype=np.uint8).reshape(2, 128, 1).repeat(3, 2)  # of 16 px: a block of JPEG each
    pyramid = BuiltPyramid(source_of(file, squares.repeat(16, 0).repeat(16, 1)), tmp_path / "cache")
    build(pyramid)
    assert np.array_equal(level_pixels(pyramid, 1)[..., :3], squares.repeat(8, 0).repeat(8, 1))
    pyramid.close()


def test_coarse_tiles_appear_while_it_builds(tmp_path: Path, file: Path, pixels: NDArray[np.uint8]) -> None:
    pyramid = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    ready: list[int] = []

    def progress(done: float, total: float) -> None:
        assert 1 <= done <= total == pyramid.pyramid.levels[0].tile_count
        count = 0
        for column in range(3):
            try:
                pyramid.read_tile(TileKey(3, column, 0))
                count += 1
            except TileNotReadyError:
                pass
        ready.append(count)

    assert pyramid.build(progress, lambda: False)
    assert sorted(set(ready)) == [0, 1, 2]  # depth first: one after the other, not all at the end
    assert ready == sorted(ready)
    pyramid.close()


def test_the_cache_is_found_again(tmp_path: Path, file: Path, pixels: NDArray[np.uint8]) -> None:
    first = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    build(first)
    built = level_pixels(first, 3)
    first.close()
    again = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    assert again.is_complete
    assert np.array_equal(level_pixels(again, 3), built)
    assert build(again)  # nothing to do
    again.close()


def test_a_file_of_any_name_has_levels(tmp_path: Path, file: Path, pixels: NDArray[np.uint8]) -> None:
    odd = file.rename(tmp_path / os.fsdecode(b"gr\xf6\xdfe"))
    for is_built in (False, True):
        with closing(BuiltPyramid(source_of(odd, pixels), tmp_path)) as pyramid:
            assert pyramid.is_complete is is_built
            assert build(pyramid)


def test_the_images_of_a_file_have_levels_of_their_own(
    tmp_path: Path, file: Path, pixels: NDArray[np.uint8]
) -> None:
    with closing(BuiltPyramid(source_of(file, pixels), tmp_path)) as pyramid:
        build(pyramid)
    second = source_of(file, pixels)
    image = FileImage(2, "", *pixels.shape[1::-1], is_shown=True, is_slide=False)
    with closing(
        BuiltPyramid(ArraySource(replace(second.info, images=(image,)), pixels), tmp_path)
    ) as pyramid:
        assert not pyramid.is_complete


def test_a_changed_file_is_built_anew(tmp_path: Path, file: Path, pixels: NDArray[np.uint8]) -> None:
    first = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    build(first)
    first.close()
    os.utime(file, ns=(0, 5))
    again = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    assert not again.is_complete
    again.close()


def pack_of(tmp_path: Path) -> Path:
    (pack,) = (tmp_path / "cache" / "pyramids").iterdir()
    return pack


@pytest.mark.parametrize("damage", ["cut", "empty", "index", "other"])
def test_a_damaged_pack_is_removed_and_built_again(
    tmp_path: Path, file: Path, pixels: NDArray[np.uint8], damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    build(first)
    first.close()
    pack = pack_of(tmp_path)
    data = bytearray(pack.read_bytes())
    data[-60] ^= 1
    damaged = {"cut": data[:-1000], "empty": b"", "index": data, "other": b"something else" * 100}[damage]
    pack.write_bytes(damaged)
    with caplog.at_level(logging.WARNING):
        again = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    assert not again.is_complete
    assert "removed and built again" in caplog.text
    assert not pack.exists()
    assert build(again)
    assert again.is_complete
    again.close()


def test_a_tile_that_rotted_in_the_cache_is_not_shown(
    tmp_path: Path, file: Path, pixels: NDArray[np.uint8], caplog: pytest.LogCaptureFixture
) -> None:
    first = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    build(first)
    first.close()
    pack = pack_of(tmp_path)
    data = bytearray(pack.read_bytes())
    data[5000] ^= 0x10  # inside a tile
    pack.write_bytes(data)
    again = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    assert again.is_complete
    with caplog.at_level(logging.WARNING), pytest.raises(TileNotReadyError):
        level_pixels(again, 1)
    assert not again.is_complete
    assert "is damaged" in caplog.text
    assert build(again)
    level_pixels(again, 1)
    again.close()


def test_cancelling_leaves_nothing(tmp_path: Path, file: Path, pixels: NDArray[np.uint8]) -> None:
    pyramid = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    done: list[float] = []
    assert not pyramid.build(lambda count, _total: done.append(count), lambda: len(done) >= 30)
    assert len(done) == 30
    assert list((tmp_path / "cache" / "pyramids").iterdir()) == []
    with pytest.raises(TileNotReadyError):
        pyramid.read_tile(TileKey(1, 0, 0))
    pyramid.close()


def test_closing_at_the_very_end_of_a_build_leaves_no_file_open(
    tmp_path: Path, file: Path, pixels: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    pyramid = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    finish = TilePackWriter.finish

    def closing_finish(writer: TilePackWriter) -> None:
        pyramid.close()
        finish(writer)

    packs: list[TilePack] = []

    def open_pack(*args: Any) -> TilePack:
        packs.append(TilePack(*args))
        return packs[-1]

    monkeypatch.setattr(TilePackWriter, "finish", closing_finish)
    monkeypatch.setattr(built_pyramid, "TilePack", open_pack)
    build(pyramid)
    (pack,) = packs
    with pytest.raises(OSError, match=strings.CLOSED):
        pack.read(0, 0, 0)


def test_closing_in_the_middle_of_a_read_is_not_taken_for_a_damaged_pack(
    tmp_path: Path, file: Path, pixels: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    pyramid = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    assert build(pyramid)
    read = TilePack.read

    def closing_read(pack: TilePack, level: int, column: int, row: int) -> bytes:
        pyramid.close()
        return read(pack, level, column, row)

    monkeypatch.setattr(TilePack, "read", closing_read)
    with pytest.raises(TileError, match=pattern(strings.TILE_OF_CLOSED)):
        pyramid.read_tile(TileKey(1, 0, 0))
    again = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    assert again.is_complete
    again.close()


def test_closing_ends_a_build_in_another_thread(
    tmp_path: Path, file: Path, pixels: NDArray[np.uint8]
) -> None:
    pyramid = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    started, result = threading.Event(), []
    worker = threading.Thread(
        target=lambda: result.append(
            pyramid.build(lambda _d, _t: (started.set(), time.sleep(0.01))[0], lambda: False)
        )
    )
    worker.start()
    started.wait()
    pyramid.close()
    worker.join(timeout=2)
    assert result == [False]
    assert list((tmp_path / "cache" / "pyramids").iterdir()) == []
    with pytest.raises(TileError, match=pattern(strings.TILE_OF_CLOSED)):
        pyramid.read_tile(TileKey(3, 0, 0))


def test_unreadable_tiles_are_grey_and_never_cached(
    tmp_path: Path, file: Path, pixels: NDArray[np.uint8], caplog: pytest.LogCaptureFixture
) -> None:
    source = source_of(file, pixels)
    whole = source.read_tile

    def read_tile(key: TileKey) -> NDArray[np.uint8]:
        if key == TileKey(0, 0, 0):
            raise TileError("scratched")
        return whole(key)

    source.read_tile = read_tile  # type: ignore[method-assign]
    pyramid = BuiltPyramid(source, tmp_path / "cache")
    with caplog.at_level(logging.WARNING):
        assert build(pyramid)
    assert "1 tiles cannot be read" in caplog.text
    assert np.abs(pyramid.read_tile(TileKey(1, 0, 0))[:120, :120, :3].astype(int) - 128).max() <= 3
    level_pixels(pyramid, 3)
    pyramid.close()
    assert list((tmp_path / "cache" / "pyramids").iterdir()) == []


def test_a_full_disk_is_reported_and_leaves_nothing(
    tmp_path: Path, file: Path, pixels: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    pyramid = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    with pytest.raises(SaveError, match="disk is full"):
        build(pyramid)
    assert list((tmp_path / "cache" / "pyramids").iterdir()) == []
    assert np.array_equal(pyramid.read_tile(TileKey(0, 0, 0))[..., :3], pixels[:256, :256])
    pyramid.close()


def test_the_cache_folder_stays_within_its_bound(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    made = []
    for index in range(4):
        file = tmp_path / f"{index}.png"
        file.write_bytes(b"slide")
        pyramid = BuiltPyramid(source_of(file, pixels), tmp_path / "cache", cache_bytes=1)
        build(pyramid)
        made += (tmp_path / "cache" / "pyramids").iterdir()  # the one in use is never removed
        assert pyramid.is_complete
        pyramid.close()
    assert len(set(made)) == len(made) == 4
    assert [path.exists() for path in made] == [False, False, False, True]


@pytest.mark.parametrize(("width", "expected"), [(2048, False), (2049, True)])
def test_which_sources_need_levels(file: Path, width: int, expected: bool) -> None:
    assert needs_coarse_levels(source_of(file, np.zeros((10, width, 3), np.uint8))) is expected


def test_a_slide_deleted_meanwhile_is_reported(tmp_path: Path, file: Path, pixels: NDArray[np.uint8]) -> None:
    source = source_of(file, pixels)
    file.unlink()
    with pytest.raises(Exception, match=pattern(strings.NO_LONGER_READABLE)):
        BuiltPyramid(source, tmp_path / "cache")


def test_wrong_keys_and_associated_images(tmp_path: Path, file: Path, pixels: NDArray[np.uint8]) -> None:
    pyramid = BuiltPyramid(source_of(file, pixels), tmp_path / "cache")
    with pytest.raises(TileError, match=pattern(strings.NO_SUCH_TILE)):
        pyramid.read_tile(TileKey(3, 99, 0))
    with pytest.raises(KeyError):
        pyramid.read_associated_image("label")
    pyramid.close()
    pyramid.close()
