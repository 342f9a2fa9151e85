"""Thumbnails of slides for lists: made once, cached, and never in the way of closing."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import pytest

from tests.messages import pattern
from tests.ui.slide_files import SLIDE_PX, write_slide
from viewer.common.paths import cache_dir
from viewer.slide.source import SlideError
from viewer.ui.panels import strings
from viewer.ui.panels import thumbnails as thumbnails_module
from viewer.ui.panels.thumbnails import (
    THUMBNAIL_PX,
    Pace,
    SlideThumbnail,
    ThumbnailWorker,
    prune,
    slide_thumbnail,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from viewer.slide.source import Source


def cached_files() -> list[Path]:
    return sorted((cache_dir() / "thumbnails").glob("*.png"))


def test_a_thumbnail_is_small_and_true(slide_file: Path) -> None:
    thumbnail = slide_thumbnail(slide_file)
    assert thumbnail.size_px == SLIDE_PX
    assert thumbnail.image is not None
    assert max(thumbnail.image.width(), thumbnail.image.height()) == THUMBNAIL_PX
    assert thumbnail.image.width() / thumbnail.image.height() == pytest.approx(700 / 500, abs=0.02)
    assert thumbnail.image.pixelColor(50, 50).getRgb()[:3] == (190, 90, 140)


def test_it_is_kept_and_read_again_without_the_slide(
    slide_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = slide_thumbnail(slide_file)
    assert len(cached_files()) == 1

    def refuse(path: Path) -> None:
        raise AssertionError(f"{path} was opened again")

    monkeypatch.setattr(thumbnails_module, "open_slide", refuse)
    again = slide_thumbnail(slide_file)
    assert again.size_px == first.size_px
    assert again.image == first.image


def test_a_changed_slide_gets_a_new_picture(slide_file: Path) -> None:
    slide_thumbnail(slide_file)
    write_slide(slide_file, colour=(10, 20, 30))
    thumbnail = slide_thumbnail(slide_file)
    assert thumbnail.image is not None
    assert thumbnail.image.pixelColor(50, 50).getRgb()[:3] == (10, 20, 30)


def test_a_damaged_picture_is_made_anew(slide_file: Path) -> None:
    slide_thumbnail(slide_file)
    cached_files()[0].write_bytes(b"not a picture")
    assert slide_thumbnail(slide_file).image is not None


def test_a_failure_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.tif").write_bytes(b"II*\0 nothing")
    assert slide_thumbnail(tmp_path / "broken.tif").reason
    assert "no such file" in slide_thumbnail(tmp_path / "missing.tif").reason
    assert cached_files() == []


def test_only_the_newest_pictures_are_kept(tmp_path: Path) -> None:
    import os

    prune(1)
    for number in range(3):
        slide_thumbnail(write_slide(tmp_path / f"{number}.tif"))
    oldest = cached_files()[0]
    os.utime(oldest, (0, 0))
    prune(2)
    assert len(cached_files()) == 2
    assert oldest not in cached_files()


def test_the_newest_batch_is_served_first_and_in_its_order(
    qtbot: QtBot, thumbnails: ThumbnailWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_begun, go_on = threading.Event(), threading.Event()

    def made(path: Path, **_pace: Pace) -> SlideThumbnail:
        first_begun.set()
        go_on.wait()
        return SlideThumbnail(path, (1, 1))

    monkeypatch.setattr(thumbnails_module, "slide_thumbnail", made)
    order: list[str] = []
    thumbnails.made.connect(lambda thumbnail: order.append(thumbnail.path.name))
    thumbnails.request(tmp_path / "a")
    first_begun.wait()
    for batch in (("b", "c"), ("d", "e", "d")):
        qtbot.wait(80)
        for name in batch:
            thumbnails.request(tmp_path / name)
    go_on.set()
    qtbot.wait_until(lambda: len(order) == 5)
    assert order == ["a", "e", "d", "b", "c"]


def test_pausing_holds_back(qtbot: QtBot, thumbnails: ThumbnailWorker, slide_file: Path) -> None:
    made: list[SlideThumbnail] = []
    thumbnails.made.connect(made.append)
    thumbnails.set_paused(True)
    thumbnails.request(slide_file)
    qtbot.wait(50)
    assert made == []
    thumbnails.set_paused(False)
    qtbot.wait_until(lambda: len(made) == 1)


def test_an_unexpected_error_does_not_end_the_others(
    qtbot: QtBot, thumbnails: ThumbnailWorker, slide_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(path: Path, **_pace: Pace) -> SlideThumbnail:
        if path != slide_file:
            raise ZeroDivisionError("odd")
        return SlideThumbnail(path, (1, 1))

    monkeypatch.setattr(thumbnails_module, "slide_thumbnail", odd)
    with qtbot.wait_signal(thumbnails.made) as blocker:
        thumbnails.request(slide_file.with_name("odd.tif"))
    assert blocker.args[0].reason == "ZeroDivisionError: odd"
    with qtbot.wait_signal(thumbnails.made) as blocker:
        thumbnails.request(slide_file)
    assert blocker.args[0].size_px == (1, 1)


def test_stopping_ends_in_the_middle_of_a_slide(
    qtbot: QtBot, thumbnails: ThumbnailWorker, slide_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers: list[threading.Thread] = []
    stopped = threading.Event()
    make = thumbnails_module.thumbnail

    def make_once_stopped(source: Source, size_px: int) -> NDArray[np.uint8]:
        workers.append(threading.current_thread())
        assert stopped.wait(5)
        return make(source, size_px)

    made: list[SlideThumbnail] = []
    thumbnails.made.connect(made.append)
    monkeypatch.setattr(thumbnails_module, "thumbnail", make_once_stopped)
    thumbnails.request(slide_file)
    qtbot.wait_until(lambda: bool(workers))
    thumbnails.set_paused(True)
    thumbnails.close(wait_s=0)
    thumbnails.set_paused(True)
    stopped.set()
    qtbot.wait_until(lambda: not workers[0].is_alive())
    assert cached_files() == []
    assert made == []


def test_a_full_disk_costs_only_the_copy(
    slide_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from viewer.common.atomic_write import SaveError

    def full(path: Path, _data: bytes) -> None:
        raise SaveError(path, "not saved, the disk is full")

    monkeypatch.setattr(thumbnails_module, "save_atomically", full)
    assert slide_thumbnail(slide_file).image is not None
    assert "disk is full" in caplog.text


def test_a_slide_without_a_small_level_has_a_reason(
    slide_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.slide.thumbnail._MAX_READ_PX", 100)
    thumbnail = slide_thumbnail(slide_file)
    assert thumbnail.size_px == SLIDE_PX
    assert re.fullmatch(pattern(strings.NO_THUMBNAIL), thumbnail.reason)


def test_refusals_come_from_the_reader(slide_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise SlideError(path, "locked away")

    monkeypatch.setattr(thumbnails_module, "open_slide", refuse)
    assert slide_thumbnail(slide_file).reason == "locked away"
