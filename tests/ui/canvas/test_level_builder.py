"""Coarse levels are built while a slide without them is shown."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from tests.ui.sources import MadeSource
from viewer.common.atomic_write import SaveError
from viewer.slide.built_pyramid import BuiltPyramid
from viewer.ui.canvas import strings
from viewer.ui.canvas.level_builder import LevelBuilder

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from pytestqt.qtbot import QtBot

    from viewer.ui.canvas.slide_view import SlideView


def flat_source(tmp_path: Path, *, gate: threading.Event | None = None) -> BuiltPyramid:
    """A slide of one level of 4096 px, with a file that identifies it in the cache."""
    made = MadeSource(size=4096, levels=1, gate=gate, path=tmp_path / "flat.svs")
    made.info.path.write_bytes(b"flat")
    return BuiltPyramid(made, tmp_path / "cache")


def test_a_flat_slide_becomes_sharp_at_its_fitting_view(
    qtbot: QtBot, slide_view: SlideView, tmp_path: Path
) -> None:
    shares: list[float] = []
    slide_view.build_progress.connect(shares.append)

    slide_view.set_source(flat_source(tmp_path))
    qtbot.wait_until(lambda: slide_view.sharp and 1.0 in shares)

    centre = slide_view.frame_image()[240, 320]
    assert np.abs(centre[:2].astype(int) - 100).max() <= 3
    assert shares == sorted(shares)


def test_closing_the_slide_ends_the_build(slide_view: SlideView, tmp_path: Path) -> None:
    gate = threading.Event()
    source = flat_source(tmp_path, gate=gate)
    slide_view.set_source(source)
    threading.Timer(0.2, gate.set).start()

    slide_view.close_slide()

    assert not source.is_complete
    assert list((tmp_path / "cache").rglob("*.pack")) == []


def test_a_cache_that_cannot_be_written_is_reported_and_the_slide_stays(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = flat_source(tmp_path)

    error = SaveError(tmp_path / "cache", "the disk is full")

    def full(*_args: object) -> bool:
        raise error

    monkeypatch.setattr(source, "build", full)
    builder = LevelBuilder(source)
    with qtbot.wait_signal(builder.failed) as failed:
        pass
    builder.close()
    source.close()

    assert failed.args == [strings.LEVELS_NOT_KEPT.format(error=error)]
