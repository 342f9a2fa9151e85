"""Maps of other programs in the real window: chosen, laid over the slide, refused in words."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog, QInputDialog, QLabel, QPushButton, QSlider

from tests.ui.children import child
from viewer.overlay.strings import LIKENESS_TO
from viewer.relevance.exchange.export import write_scores
from viewer.relevance.patches.field import Provenance, RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.ui.overlays import map_import, strings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


def test_the_same_map_lies_over_the_slide_once(qtbot: QtBot, open_window: MainWindow, tmp_path: Path) -> None:
    fields, file = open_window.overlays.active.fields, a_map(tmp_path / "theirs.h5", open_window)
    open_window.overlays.maps.read(file)
    qtbot.wait_until(lambda: len(fields.kept) == 1)
    open_window.overlays.layer_list.shown_changed.emit(fields.kept[0].name, False)
    open_window.messages.clear()
    open_window.overlays.maps.read(file)
    qtbot.wait_until(lambda: bool(messages(open_window)))
    assert [row.visible for row in fields.kept] == [True], "shown again"
    with h5py.File(file, "r+") as stored:
        stored["scores"][0] = 0.5
    open_window.overlays.maps.read(file)
    qtbot.wait_until(lambda: len(fields.kept) == 2)


def test_the_sliders_of_a_map_have_the_numbers_of_its_file(
    qtbot: QtBot, open_window: MainWindow, tmp_path: Path
) -> None:
    file, controls = a_map(tmp_path / "theirs.h5", open_window), open_window.overlays.controls
    with h5py.File(file, "r+") as stored:
        stored["scores"][...] = stored["scores"][()] * 40 - 10
    open_window.overlays.maps.read(file)
    fields = open_window.overlays.active.fields
    qtbot.wait_until(lambda: len(fields.kept) == 1)
    numbers = [label.text() for label in controls.findChildren(QLabel)]
    assert "30" in numbers, "the highest"
    assert "−10" in numbers, "the lowest"
    child(controls, QSlider, strings.SLIDERS["threshold"][0]).setValue(50)
    assert "10" in [label.text() for label in controls.findChildren(QLabel)]


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Maps are read, and dropped files sorted, once the event is set."""
    gate, read, listed = threading.Event(), map_import.read_map, map_import.is_listed

    def slow_read(*what: Any, **how: Any) -> object:
        gate.wait()
        return read(*what, **how)

    def slow_listed(path: Path) -> bool:
        gate.wait()
        return listed(path)

    monkeypatch.setattr(map_import, "read_map", slow_read)
    monkeypatch.setattr(map_import, "is_listed", slow_listed)
    yield gate
    gate.set()


@pytest.mark.parametrize("dropped", [False, True])
def test_a_map_whose_slide_is_gone_meanwhile_is_not_dropped_without_a_word(
    dropped: bool, qtbot: QtBot, open_window: MainWindow, tmp_path: Path, gate: threading.Event
) -> None:
    file, maps, others = a_map(tmp_path / "theirs.h5", open_window), open_window.overlays.maps, []
    if dropped:
        maps.take([file], others.append)
    else:
        maps.read(file)
    open_window.slides.close()
    gate.set()
    qtbot.wait_until(lambda: messages(open_window) == [strings.MAP_NOT_ADDED.format(file="theirs.h5")])
    assert open_window.overlays.active.fields.kept == []
    assert others == []


def test_dropped_files_are_taken_in_their_order(
    qtbot: QtBot, open_window: MainWindow, tmp_path: Path, gate: threading.Event
) -> None:
    file, maps = a_map(tmp_path / "theirs.h5", open_window), open_window.overlays.maps
    opened: list[list[Path]] = []
    maps.take([file, tmp_path / "a.svs"], opened.append)
    qtbot.wait(100)
    maps.take([tmp_path / "b.svs", tmp_path / "c.svs"], opened.append)
    assert opened == []
    gate.set()
    qtbot.wait_until(lambda: len(open_window.overlays.active.fields.kept) == 1)
    qtbot.wait_until(lambda: len(opened) == 2)
    assert opened == [[tmp_path / "a.svs"], [tmp_path / "b.svs", tmp_path / "c.svs"]]


def test_without_a_slide_a_dropped_map_is_opened_as_any_file(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    opened: list[list[Path]] = []
    window.overlays.maps.take([tmp_path / "theirs.h5"], opened.append)
    qtbot.wait_until(lambda: opened == [[tmp_path / "theirs.h5"]])
