"""Coverage in the real window: what counts, the map, the way to what was not displayed, the record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PySide6.QtWidgets import QFileDialog

from tests.ui.slide_files import write_slide
from viewer.review.coverage import LEAST_S
from viewer.ui.review import coverage_recorder, strings
from viewer.ui.review.coverage_controller import NAME, REQUIRED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]

WAIT_MS = 10_000


@pytest.fixture
def tissue_file(tmp_path: Path) -> Path:
    """4096 × 3072 px of 1 µm: glass, and on it 1,400 × 900 px of something stained; its overview is below
    2.5x."""
    rng = np.random.default_rng(0)
    pixels = np.full((3072, 4096, 3), 244, np.uint8)
    pixels[1000:1900, 1300:2700] = rng.normal((170, 90, 150), 25, (900, 1400, 3)).clip(0, 255)
    path = tmp_path / "slide 1.tif"
    resolution = {"resolution": (1e4, 1e4), "resolutionunit": 3}
    tifffile.imwrite(path, pixels, tile=(256, 256), photometric="rgb", compression="deflate", **resolution)
    return path


@pytest.fixture
def opened(qtbot: QtBot, window: MainWindow, tissue_file: Path, open_in: OpenIn) -> MainWindow:
    """A window whose slide is sharp and whose overview has been recorded."""
    open_in(window, tissue_file)
    qtbot.wait_until(lambda: displayed_s(window) > LEAST_S, timeout=WAIT_MS)
    return window


def displayed_s(window: MainWindow) -> float:
    coverage = window.review.coverage.recorder.coverage
    assert coverage is not None
    return float(coverage.seconds.max())


def test_what_is_displayed_is_counted_in_its_band(qtbot: QtBot, opened: MainWindow) -> None:
    coverage = opened.review.coverage.recorder.coverage
    assert coverage is not None
    opened.view.set_magnification(20.0)
    qtbot.wait_until(lambda: coverage.displayed(20.0).any(), timeout=WAIT_MS)
    expected = coverage.cells_in(opened.review.coverage.recorder.display)
    assert (coverage.displayed(20.0) <= expected).all()
    recording = opened.review.coverage.recorder.recording
    assert recording is not None
    assert len(recording.stream) >= 2


@pytest.mark.parametrize("reason", ["idle", "dialog"])
def test_nothing_counts_while_nobody_may_be_there(
    qtbot: QtBot, opened: MainWindow, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    if reason == "idle":
        monkeypatch.setattr(coverage_recorder, "IDLE_AFTER_S", -1.0)
    else:
        monkeypatch.setattr(coverage_recorder, "_in_front", lambda _widget: False)
    before_s = displayed_s(opened)
    qtbot.wait(5 * coverage_recorder.INTERVAL_MS)
    assert displayed_s(opened) == before_s


def test_what_a_legend_hides_is_not_displayed(qtbot: QtBot, opened: MainWindow) -> None:
    assert opened.review.coverage.recorder.display.covered == ()
    opened.actions_["coverage_map"].trigger()
    qtbot.wait_until(lambda: bool(opened.review.coverage.recorder.display.covered), timeout=WAIT_MS)


def test_the_map_colours_what_was_not_displayed_and_its_legend_counts_it(
    qtbot: QtBot, opened: MainWindow
) -> None:
    layers = opened.overlays.active.layers
    opened.actions_["coverage_map"].trigger()
    assert opened.actions_["coverage_map"].isChecked()
    qtbot.wait_until(lambda: NAME in layers.described, timeout=WAIT_MS)
    (drawn,) = opened.view.overlays.drawn
    assert set(np.unique(drawn.layer.scores)) == {0, 150}  # displayed as an overview only
    assert "at most as an overview: 100 %" in layers.described[NAME].facts
    opened.actions_["next_not_displayed"].trigger()
    qtbot.wait_until(
        lambda: "at most as an overview: 100 %" not in layers.described[NAME].facts, timeout=WAIT_MS
    )
    opened.actions_["coverage_map"].trigger()
    assert NAME not in layers.described


def test_the_way_leads_through_all_tissue_and_ends(qtbot: QtBot, opened: MainWindow) -> None:
    coverage = opened.review.coverage.recorder.coverage
    assert coverage is not None
    end = strings.ALL_DISPLAYED.format(magnification=REQUIRED)
    for _ in range(30):
        before = int(coverage.displayed(REQUIRED).sum())
        opened.actions_["next_not_displayed"].trigger()
        if opened.status.currentMessage() == end:
            break
        qtbot.wait_until(lambda: int(coverage.displayed(REQUIRED).sum()) > before, timeout=WAIT_MS)  # noqa: B023
        assert opened.view.magnification == pytest.approx(REQUIRED, rel=0.01)
    assert opened.status.currentMessage() == end


def test_another_slide_begins_anew_and_the_first_goes_on(
    qtbot: QtBot, opened: MainWindow, tmp_path: Path, tissue_file: Path, open_in: OpenIn
) -> None:
    opened.actions_["coverage_map"].trigger()
    first = opened.review.coverage.recorder.coverage
    open_in(opened, write_slide(tmp_path / "slide 2.tif", mpp_um=0.5))
    second = opened.review.coverage.recorder.coverage
    assert second is not first
    layers = opened.overlays.active.layers
    qtbot.wait_until(lambda: NAME in layers.described, timeout=WAIT_MS)  # the map stays on
    open_in(opened, tissue_file)
    assert opened.review.coverage.recorder.coverage is first
    tissue_file.write_bytes(tissue_file.read_bytes() + b"changed")
    open_in(opened, write_slide(tmp_path / "slide 3.tif"))
    open_in(opened, tissue_file)
    assert opened.review.coverage.recorder.coverage is not first
    opened.view.close_slide()
    assert opened.review.coverage.recorder.coverage is None
    assert not opened.actions_["next_not_displayed"].isEnabled()


def test_the_record_is_saved_without_the_name_of_the_slide(
    opened: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "reading.jsonl"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_k: (str(path), strings.STREAM_FILE))
    opened.actions_["export_stream"].trigger()
    head, *found = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert head["records"] == len(found) >= 1
    assert found[-1]["sharp"] is True
    assert "slide 1" not in path.read_text(encoding="utf-8")


def test_a_slide_without_a_pixel_size_is_measured_by_its_pixels(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, open_in: OpenIn
) -> None:
    open_in(window, write_slide(tmp_path / "unknown.tif"))
    window.view.one_to_one()
    qtbot.wait_until(lambda: not window.view.camera.moving, timeout=WAIT_MS)
    assert window.view.magnification is None
    assert window.review.coverage.recorder.display.magnification == pytest.approx(40.0)
    window.actions_["coverage_map"].trigger()
    layers = window.overlays.active.layers
    qtbot.wait_until(lambda: NAME in layers.described, timeout=WAIT_MS)
    assert strings.NOMINAL in layers.described[NAME].facts
