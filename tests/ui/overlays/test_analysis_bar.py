"""Progress of the analysis: as text, and with buttons that pause and stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton

from tests.ui.children import child
from viewer.overlay.strings import ALL_ANALYSED
from viewer.relevance.patches.progress import StageProgress
from viewer.relevance.worker.messages import Progress
from viewer.ui.overlays import strings
from viewer.ui.overlays.analysis_bar import AnalysisBar, analysed_in_words, progress_in_words

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def patches(done: int, total: int) -> str:
    return strings.PATCHES_DONE.format(done=done, total=total)


def joined(*parts: str) -> str:
    return ", ".join(parts)


def left(template: str, **time: int) -> str:
    return strings.TIME_LEFT.format(time=template.format(**time))


ALL = patches(100, 100)


def test_one_patch_is_no_patches() -> None:
    words = progress_in_words(Progress(0, 1, 0, None, False))
    assert words == strings.ONE_PATCH_DONE.format(done=0)


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (
            Progress(1203, 9800, 0, 12.4, False),
            joined(patches(1203, 9800), left(strings.ABOUT_SECONDS, seconds=12)),
        ),
        (
            Progress(1203, 9800, 0, 600, False),
            joined(patches(1203, 9800), left(strings.ABOUT_MINUTES, minutes=10)),
        ),
        (Progress(10, 100, 0, None, False), patches(10, 100)),
        (Progress(10, 100, 0, 5, True), joined(patches(10, 100), strings.PAUSED)),
        (Progress(100, 100, 0, 0, False), joined(ALL, ALL_ANALYSED)),
        (Progress(100, 100, 0, 0, True), joined(ALL, ALL_ANALYSED, strings.PAUSED)),
        (
            Progress(100, 100, 0, 0, False, StageProgress(1200, 3000, 1)),
            joined(ALL, strings.OVERLAPS_DONE.format(done=1199, total=3000)),
        ),
        (
            Progress(100, 100, 0, 0, False, StageProgress(3000, 3000)),
            joined(ALL, strings.OVERLAPS_DONE.format(done=3000, total=3000), ALL_ANALYSED),
        ),
        (
            Progress(100, 100, 2, 0, False),
            joined(patches(98, 100), strings.DONE) + strings.PATCHES_FAILED.format(count=2),
        ),
        (
            Progress(
                30,
                100,
                0,
                5,
                False,
                regions=StageProgress(2, 40),
                tokens=StageProgress(9, 9),
                more_tokens=True,
            ),
            joined(
                patches(30, 100),
                strings.REGIONS_DONE.format(done=2, total=40),
                left(strings.ABOUT_SECONDS, seconds=5),
            ),
        ),
        (
            Progress(100, 100, 0, 0, False, regions=StageProgress(12, 40), tokens=StageProgress(3, 8, 1)),
            joined(
                ALL,
                strings.REGIONS_DONE.format(done=12, total=40),
                strings.TOKENS_DONE.format(done=2, total=8),
            )
            + strings.TOKENS_FAILED.format(count=1),
        ),
        (Progress(100, 100, 0, 0, True, regions=StageProgress(0, 1)), joined(ALL, strings.PAUSED)),
        (
            Progress(100, 100, 0, 0, False, in_parts=StageProgress(3, 8)),
            joined(ALL, strings.IN_PARTS_DONE.format(done=3, total=8)),
        ),
        (Progress(100, 100, 0, 0, False, in_parts=StageProgress(8, 8)), joined(ALL, ALL_ANALYSED)),
        (
            Progress(
                100,
                100,
                0,
                0,
                False,
                regions=StageProgress(40, 40),
                tokens=StageProgress(8, 8),
                more_tokens=True,
            ),
            joined(ALL, ALL_ANALYSED, strings.TOKENS_WHERE_ZOOMED),
        ),
        (
            Progress(100, 100, 0, 0, False, regions=StageProgress(1, 1), tokens=StageProgress(8, 8, 8)),
            joined(ALL, strings.DONE) + strings.TOKENS_FAILED.format(count=8),
        ),
    ],
)
def test_progress_in_words(progress: Progress, text: str) -> None:
    assert progress_in_words(progress) == text


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (None, ""),
        (Progress(629, 1000, 0, 5, False), strings.SHARE_ANALYSED.format(percent=62)),
        (Progress(100, 100, 0, 0, False), ALL_ANALYSED),
        (
            Progress(100, 100, 0, 0, False, in_parts=StageProgress(0, 4)),
            strings.SHARE_ANALYSED.format(percent=96),
        ),
        (Progress(100, 100, 0, 0, False, in_parts=StageProgress(4, 4)), ALL_ANALYSED),
        (Progress(100, 100, 1, 0, False), strings.SHARE_ANALYSED.format(percent=99)),
    ],
)
def test_the_share_that_is_analysed(progress: Progress | None, text: str) -> None:
    assert analysed_in_words(progress) == text


def test_the_bar_pauses_goes_on_and_stops(qtbot: QtBot) -> None:
    bar = AnalysisBar("End it for good")
    qtbot.add_widget(bar)
    filled = child(bar, QProgressBar, strings.PROGRESS_NAME)
    pause, stop = (child(bar, QPushButton, name) for name in (strings.PAUSE, strings.STOP))
    assert stop.toolTip() == "End it for good"
    emitted: list[object] = []
    bar.pause_toggled.connect(emitted.append)
    bar.stop_pressed.connect(lambda: emitted.append("stop"))
    assert bar.isHidden()
    bar.begin()
    bar.show_progress(Progress(10, 100, 0, 5, True))
    assert pause.text() == strings.RESUME
    assert emitted == []
    pause.click()
    stop.click()
    assert emitted == [False, "stop"]
    bar.show_progress(Progress(100, 100, 0, 0, False, StageProgress(10, 20)))
    assert not pause.isHidden()
    assert 0 < filled.value() < filled.maximum()
    bar.show_progress(Progress(100, 100, 0, 0, False, regions=StageProgress(999, 1000)))
    assert not pause.isHidden()
    assert filled.value() < filled.maximum(), "full is only what is done"
    bar.show_progress(Progress(100, 100, 0, 0, False, StageProgress(20, 20, 3)))
    assert pause.isHidden()
    bar.show_progress(Progress(100, 100, 0, 0, True))
    assert not pause.isHidden(), "the next query would wait"
    bar.end("Stopped.")
    assert bar.words == "Stopped."
    bar.end("")
    assert bar.isHidden()


def test_the_bar_is_as_wide_as_the_page_and_its_buttons_share_a_row(qtbot: QtBot) -> None:
    bar = AnalysisBar("End it")
    qtbot.add_widget(bar)
    bar.resize(300, 120)
    bar.show_progress(Progress(10, 100, 0, 5, False))
    filled = child(bar, QProgressBar, strings.PROGRESS_NAME)
    pause, stop = (child(bar, QPushButton, name) for name in (strings.PAUSE, strings.STOP))
    (text,) = bar.findChildren(QLabel)
    assert filled.width() == 300
    assert pause.y() == stop.y() >= filled.geometry().bottom()
    assert abs(pause.width() - stop.width()) <= 1
    assert text.y() >= pause.geometry().bottom()


def test_a_bar_in_place_keeps_its_height_and_buttons_and_resumes_after_stop(qtbot: QtBot) -> None:
    bar = AnalysisBar("End it", in_place=True)
    qtbot.add_widget(bar)
    bar.resize(250, 100)
    with qtbot.wait_exposed(bar):
        bar.show()
    pause, stop = child(bar, QPushButton, strings.PAUSE), child(bar, QPushButton, strings.STOP)
    height, places = bar.sizeHint().height(), [pause.pos(), stop.pos()]
    emitted: list[bool] = []
    bar.pause_toggled.connect(emitted.append)
    assert bar.words == strings.NOT_BEGUN
    assert not pause.isEnabled()
    bar.begin()
    bar.show_progress(Progress(10, 100, 3, 5, False, regions=StageProgress(2, 40)))
    assert pause.isEnabled()
    assert stop.isEnabled()
    bar.end("Stopped. " * 20)
    assert not stop.isEnabled()
    assert pause.text() == strings.RESUME
    assert (bar.sizeHint().height(), [pause.pos(), stop.pos()]) == (height, places)
    pause.click()
    assert emitted == [False]
    bar.end("")
    assert not pause.isEnabled()
    assert pause.text() == strings.PAUSE
    assert bar.isVisible()


def test_a_query_that_cannot_be_answered_is_not_said_to_be_analysed(qtbot: QtBot) -> None:
    bar = AnalysisBar("End it", in_place=True)
    qtbot.add_widget(bar)
    done = Progress(100, 100, 0, 0, False)
    bar.take_over(done, running=True, asked=False)
    assert bar.words == strings.QUERY_NOT_ANALYSED
    bar.take_over(done, running=True)
    assert ALL_ANALYSED in bar.words
    bar.take_over(None, running=False, ended="Stopped.")
    assert bar.words == "Stopped."
