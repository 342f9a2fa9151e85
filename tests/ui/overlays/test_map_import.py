"""Maps of other programs in the real window: chosen, laid over the slide, refused in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog, QInputDialog, QPushButton

from viewer.overlay.strings import LIKENESS_TO
from viewer.relevance.exchange.export import write_scores
from viewer.relevance.patches.field import Provenance, RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.ui.overlays import strings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


@pytest.fixture
def open_window(window: MainWindow, slide_file: Path, open_in: OpenIn) -> MainWindow:
    open_in(window, slide_file)
    return window


def a_map(path: Path, window: MainWindow, extent: float = 1.0) -> Path:
    """Scores of the slide's own grid, or of one that is larger."""
    view = window.view
    assert view.source is not None
    assert view.mpp_um is not None
    size = round(view.source.pyramid.width * extent), round(view.source.pyramid.height * extent)
    grid = PatchGrid.over(*size, view.mpp_um)
    provenance = Provenance("ours", "tumour", "as it is", view.mpp_um, False, "2026-01-01T00:00:00Z", "x")
    scores = np.linspace(0, 1, grid.patch_count).reshape(grid.shape)
    field = RelevanceField.of(grid, scores, np.ones(grid.shape, bool), provenance)
    write_scores(field, path, slide_name="slide")
    return path


def messages(window: MainWindow) -> list[str]:
    return [bar.text for bar in window.messages.messages]


def test_a_chosen_map_lies_over_the_slide_as_a_layer(
    qtbot: QtBot, open_window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = a_map(tmp_path / "theirs.h5", open_window)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    tools = open_window.overlays
    button = next(b for b in tools.layer_list.findChildren(QPushButton) if b.text() == strings.ADD_MAP)
    button.click()
    qtbot.wait_until(lambda: len(tools.active.fields.kept) == 1)
    assert tools.active.fields.kept[0].title == strings.MAP_TITLE.format(file="theirs.h5", title="tumour")
    assert "theirs.h5" in tools.active.legend.text
    assert LIKENESS_TO.format(query="") not in tools.active.legend.text
    assert any("theirs.h5" in text for text in messages(open_window))


def test_a_map_of_another_slide_is_refused_in_words(
    qtbot: QtBot, open_window: MainWindow, tmp_path: Path
) -> None:
    open_window.overlays.maps.read(a_map(tmp_path / "other.h5", open_window, extent=9.0))
    qtbot.wait_until(lambda: any("other.h5" in text for text in messages(open_window)))
    assert open_window.overlays.active.fields.kept == []


def test_no_dialog_opens_without_a_slide(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: pytest.fail("asked"))
    window.overlays.maps.choose()
    window.overlays.maps.read(tmp_path / "nowhere.h5")
    assert messages(window) == []


def test_of_several_columns_the_reader_chooses_one(
    qtbot: QtBot,
    open_window: MainWindow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    slide_file: Path,
    open_in: OpenIn,
) -> None:
    file = a_map(tmp_path / "two.h5", open_window)
    with h5py.File(file, "r+") as stored:
        count = len(stored["scores"])
        del stored["scores"]
        stored["attention_scores"] = np.random.default_rng(0).random((count, 2))
    offered: list[str] = []

    def choose(*words: object, **_how: object) -> tuple[str, bool]:
        names = words[3]
        assert isinstance(names, tuple)
        offered.extend(names)
        return names[1], True

    monkeypatch.setattr(QInputDialog, "getItem", choose)
    open_window.overlays.maps.read(file)
    qtbot.wait_until(lambda: len(open_window.overlays.active.fields.kept) == 1)
    assert len(offered) == 2
    assert open_window.overlays.active.fields.kept[0].title.startswith("two.h5: ")
    other = tmp_path / "other.tif"
    other.write_bytes(slide_file.read_bytes() + b"x")  # another content of the same size
    open_in(open_window, other)
    assert open_window.overlays.active.fields.kept == []
    open_window.overlays.maps.read(file)
    qtbot.wait_until(lambda: len(open_window.overlays.active.fields.kept) == 1)
    assert len(offered) == 4, "the column is asked for again on another slide"
