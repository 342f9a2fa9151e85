"""Pictures of slides for lists: made once, kept, and never in the way of closing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.ui.slide_files import SLIDE_PX, write_slide
from viewer.common.paths import cache_dir
from viewer.slide.source import SlideError
from viewer.ui.panels import thumbnails as portraits_module
from viewer.ui.panels.thumbnails import PORTRAIT_PX, Pace, Portrait, ThumbnailWorker, portrait_of, prune

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot


def kept_files() -> list[Path]:
    return sorted((cache_dir() / "portraits").glob("*.png"))


def test_a_portrait_is_small_and_true(slide_file: Path) -> None:
    portrait = portrait_of(slide_file)
    assert portrait.size_px == SLIDE_PX
    assert portrait.image is not None
    assert max(portrait.image.width(), portrait.image.height()) == PORTRAIT_PX
    assert portrait.image.width() / portrait.image.height() == pytest.approx(700 / 500, abs=0.02)
    assert portrait.image.pixelColor(50, 50).getRgb()[:3] == (190, 90, 140)


def test_it_is_kept_and_read_again_without_the_slide(
    slide_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = portrait_of(slide_file)
    assert len(kept_files()) == 1

    def refuse(path: Path) -> None:
        raise AssertionError(f"{path} was opened again")

    monkeypatch.setattr(portraits_module, "open_slide", refuse)
    again = portrait_of(slide_file)
    assert again.size_px == first.size_px
    assert again.image == first.image


def test_a_changed_slide_gets_a_new_picture(slide_file: Path) -> None:
    portrait_of(slide_file)
    write_slide(slide_file, colour=(10, 20, 30))
    portrait = portrait_of(slide_file)
    assert portrait.image is not None
    assert portrait.image.pixelColor(50, 50).getRgb()[:3] == (10, 20, 30)


def test_a_damaged_picture_is_made_anew(slide_file: Path) -> None:
    portrait_of(slide_file)
    kept_files()[0].write_bytes(b"not a picture")
    assert portrait_of(slide_file).image is not None


def test_failures_are_told(tmp_path: Path) -> None:
    (tmp_path / "broken.tif").write_bytes(b"II*\0 nothing")
    assert portrait_of(tmp_path / "broken.tif").reason
    assert "no such file" in portrait_of(tmp_path / "missing.tif").reason
    assert kept_files() == []


def test_only_the_newest_pictures_are_kept(tmp_path: Path) -> None:
    import os

    prune(1)
    for number in range(3):
        portrait_of(write_slide(tmp_path / f"{number}.tif"))
    oldest = kept_files()[0]
    os.utime(oldest, (0, 0))
    prune(2)
    assert len(kept_files()) == 2
    assert oldest not in kept_files()


def test_the_newest_glance_is_served_first_and_in_its_order(
    qtbot: QtBot, portraits: ThumbnailWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_begun, go_on = threading.Event(), threading.Event()

    def made(path: Path, **_pace: Pace) -> Portrait:
        first_begun.set()
        go_on.wait()
        return Portrait(path, (1, 1))

    monkeypatch.setattr(portraits_module, "portrait_of", made)
    order: list[str] = []
    portraits.made.connect(lambda portrait: order.append(portrait.path.name))
    portraits.request(tmp_path / "a")
    first_begun.wait()
    for glance in (("b", "c"), ("d", "e", "d")):
        qtbot.wait(80)
        for name in glance:
            portraits.request(tmp_path / name)
    go_on.set()
    qtbot.wait_until(lambda: len(order) == 5)
    assert order == ["a", "e", "d", "b", "c"]


def test_pausing_holds_back(qtbot: QtBot, portraits: ThumbnailWorker, slide_file: Path) -> None:
    heard: list[Portrait] = []
    portraits.made.connect(heard.append)
    portraits.set_paused(True)
    portraits.request(slide_file)
    qtbot.wait(50)
    assert heard == []
    portraits.set_paused(False)
    qtbot.wait_until(lambda: len(heard) == 1)


def test_an_unexpected_error_does_not_end_the_others(
    qtbot: QtBot, portraits: ThumbnailWorker, slide_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(path: Path, **_pace: Pace) -> Portrait:
        if path != slide_file:
            raise ZeroDivisionError("odd")
        return Portrait(path, (1, 1))

    monkeypatch.setattr(portraits_module, "portrait_of", odd)
    with qtbot.wait_signal(portraits.made) as blocker:
        portraits.request(slide_file.with_name("odd.tif"))
    assert blocker.args[0].reason == "ZeroDivisionError: odd"
    with qtbot.wait_signal(portraits.made) as blocker:
        portraits.request(slide_file)
    assert blocker.args[0].size_px == (1, 1)


def test_stopping_gives_up_in_the_middle_of_a_slide(slide_file: Path) -> None:
    pace = Pace()
    pace.hold(True)
    pace.stop()
    pace.hold(True)
    with pytest.raises(portraits_module._StoppedError):
        portrait_of(slide_file, pace=pace)


def test_a_full_disk_costs_only_the_copy(
    slide_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from viewer.common.atomic_write import SaveError

    def full(path: Path, _data: bytes) -> None:
        raise SaveError(path, "not saved, the disk is full")

    monkeypatch.setattr(portraits_module, "save_atomically", full)
    assert portrait_of(slide_file).image is not None
    assert "disk is full" in caplog.text


def test_a_slide_without_a_small_level_says_why(slide_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.slide.thumbnail._MAX_READ_PX", 100)
    portrait = portrait_of(slide_file)
    assert portrait.size_px == SLIDE_PX
    assert portrait.reason.startswith("no picture: ")


def test_refusals_come_from_the_reader(slide_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise SlideError(path, "locked away")

    monkeypatch.setattr(portraits_module, "open_slide", refuse)
    assert portrait_of(slide_file).reason == "locked away"
