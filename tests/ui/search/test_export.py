"""Places and layers saved from the real window: the files, what is said about them, and what is refused."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
import tifffile
from PySide6.QtWidgets import QFileDialog, QInputDialog

from tests.ui.fake_relevance import FakeClient
from tests.ui.fake_view import ONE_PATCH
from viewer import RESEARCH_USE
from viewer.overlay.layer import OverlayLook
from viewer.overlay.legend_entry import LegendEntry
from viewer.relevance.heatmap.strings import ATTENTION_UNIT, MAP_UNIT
from viewer.relevance.patches.field import Provenance, RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.ui.search import strings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


@pytest.fixture(autouse=True)
def clients(monkeypatch: pytest.MonkeyPatch) -> list[FakeClient]:
    made: list[FakeClient] = []

    def make(on_event: Callable[[object], None]) -> FakeClient:
        made.append(FakeClient(on_event))
        return made[-1]

    monkeypatch.setattr("viewer.relevance.worker.session.RelevanceClient", make)
    return made


@pytest.fixture
def answered(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn, clients: list[FakeClient]
) -> MainWindow:
    """A window with an answer to the query "fat"."""
    open_in(window, slide_file)
    window.query.session.ask("fat")
    with qtbot.wait_signal(window.query.session.hits_changed):
        clients[0].publish(1)
    return window


@pytest.fixture
def save(qtbot: QtBot, answered: MainWindow, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path], None]:
    def save(action_id: str, path: Path) -> None:
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
        with qtbot.wait_signal(answered.exports.progressed, check_params_cb=lambda text: "…" not in text):
            answered.actions_[action_id].trigger()

    return save


def add_map(window: MainWindow) -> None:
    view = window.view
    assert view.source is not None
    assert view.mpp_um is not None
    grid = PatchGrid.over(view.source.pyramid.width, view.source.pyramid.height, view.mpp_um)
    provenance = Provenance(
        "file:a.h5", "tumour", "ranks", view.mpp_um, False, "2026-01-01T00:00:00Z", "CLAM"
    )
    field = RelevanceField.of(grid, np.full(grid.shape, 0.5), np.ones(grid.shape, bool), provenance)
    window.overlays.active.fields.add_imported(field, "a.h5: tumour")


def test_without_places_or_layers_there_is_nothing_to_save(
    window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    assert not window.actions_["export_places"].isEnabled()
    assert not window.actions_["export_layer"].isEnabled()
    add_map(window)
    assert window.actions_["export_layer"].isEnabled()


def test_places_as_geojson_and_as_a_table(
    answered: MainWindow, save: Callable[[str, Path], None], tmp_path: Path
) -> None:
    save("export_places", tmp_path / "places.geojson")
    assert answered.status.currentMessage() == strings.EXPORTED.format(file="places.geojson")
    collection = json.loads((tmp_path / "places.geojson").read_text(encoding="utf-8"))
    assert len(collection["features"]) == len(answered.query.session.hits)
    assert collection["foveola"]["note"] == RESEARCH_USE
    assert collection["foveola"]["slide"] == "slide 1.tif"
    save("export_places", tmp_path / "places.csv")
    (row,) = csv.DictReader((tmp_path / "places.csv").read_text(encoding="utf-8").splitlines())
    assert (row["score"], row["note"]) == ("0.9", RESEARCH_USE)


def test_the_layer_as_heatmap_scores_and_geojson(save: Callable[[str, Path], None], tmp_path: Path) -> None:
    save("export_layer", tmp_path / "layer.ome.tiff")
    with tifffile.TiffFile(tmp_path / "layer.ome.tiff") as tiff:
        assert RESEARCH_USE in (tiff.ome_metadata or "")
        assert tiff.series[0].levels[0].asarray().max() == 1 + round(0.9 * 254)
    save("export_layer", tmp_path / "layer.h5")
    with h5py.File(tmp_path / "layer.h5") as file:
        assert file["scores"][()].max() == pytest.approx(0.9)
    save("export_layer", tmp_path / "layer.geojson")
    (patch,) = json.loads((tmp_path / "layer.geojson").read_text(encoding="utf-8"))["features"]
    assert patch["properties"]["objectType"] == "tile"


def test_of_several_layers_the_reader_chooses_one_and_a_map_keeps_its_words(
    answered: MainWindow, save: Callable[[str, Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_map(answered)

    def choose(*words: object, **_how: object) -> tuple[str, bool]:
        titles = words[3]
        assert isinstance(titles, list)
        assert [title.split(". ", 1)[1] for title in titles] == ["fat", "a.h5: tumour"]
        return titles[1], True

    monkeypatch.setattr(QInputDialog, "getItem", choose)
    save("export_layer", tmp_path / "map.h5")
    with h5py.File(tmp_path / "map.h5") as file:
        assert (file.attrs["unit"], file.attrs["software"]) == (MAP_UNIT, "CLAM")
    save("export_layer", tmp_path / "map.ome.tiff")
    with tifffile.TiffFile(tmp_path / "map.ome.tiff") as tiff:
        assert MAP_UNIT in (tiff.ome_metadata or "")


def test_attention_as_it_is_shown(
    qtbot: QtBot,
    window: MainWindow,
    slide_file: Path,
    open_in: OpenIn,
    clients: list[FakeClient],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_in(window, slide_file)
    window.docks["attention"].show()
    window.attention.controls.shown.setChecked(True)
    with qtbot.wait_signal(
        window.attention.session.layer_made, check_params_cb=lambda *made: made[0] is not None
    ):
        clients[-1].attend(code=200)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "saliency.ome.tiff"), ""))
    with qtbot.wait_signal(window.exports.progressed, check_params_cb=lambda text: "…" not in text):
        window.actions_["export_layer"].trigger()
    with tifffile.TiffFile(tmp_path / "saliency.ome.tiff") as tiff:
        facts, pixels = tiff.ome_metadata or "", tiff.series[0].levels[0].asarray()
    assert RESEARCH_USE in facts
    assert ATTENTION_UNIT in facts
    assert window.attention.controls.card is not None
    assert window.attention.controls.card.title in facts
    assert pixels.max() > 128, "more than even attention"
    assert pixels[-1, -1] == 0, "the last patch was not analysed"


def test_what_has_no_values_is_not_saved(window: MainWindow, slide_file: Path, open_in: OpenIn) -> None:
    open_in(window, slide_file)
    entry = LegendEntry("Theirs", ((0, 0, 0), (9, 9, 9)), 0.0, "facts")
    window.overlays.active.layers.put("theirs", ONE_PATCH, OverlayLook(), entry)
    window.actions_["export_layer"].trigger()
    assert [bar.text for bar in window.messages.messages] == [strings.NOTHING_TO_EXPORT]


def test_the_slide_itself_is_never_replaced(qtbot: QtBot, answered: MainWindow, slide_file: Path) -> None:
    before = slide_file.read_bytes()
    source = answered.view.source
    assert source is not None
    answered.exports.write(source, slide_file, {".tif": lambda path: path.write_bytes(b"gone")})
    qtbot.wait_until(lambda: bool(answered.messages.messages))
    assert strings.IS_THE_SLIDE in answered.messages.messages[0].text
    assert slide_file.read_bytes() == before


def test_a_file_that_cannot_be_saved_is_said_in_a_sentence(
    answered: MainWindow, save: Callable[[str, Path], None], tmp_path: Path
) -> None:
    (tmp_path / "in the way").touch()
    save("export_places", tmp_path / "in the way" / "places.csv")
    (bar,) = answered.messages.messages
    assert "places.csv" in bar.text
    assert answered.status.currentMessage() == ""
