"""Kept layers in the real window: there again after another slide, another pixel size and another start."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np

from tests.messages import pattern
from tests.ui.slide_files import write_slide
from viewer.overlay.kept_layers import KeptLayer, layers_folder, read_layers
from viewer.overlay.strings import KEPT_LAYER_DAMAGED, LIKENESS_TO, OUTLINES_TITLE
from viewer.relevance.exchange.export import write_scores
from viewer.relevance.patches.field import Provenance, RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.slide.identity import slide_identity
from viewer.ui.overlays.field_layers import PRESENT
from viewer.ui.search import strings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


def show_query(window: MainWindow, title: str) -> None:
    """As the search does when it has an answer."""
    view = window.view
    assert view.source is not None
    assert view.mpp_um is not None
    grid = PatchGrid.over(view.source.pyramid.width, view.source.pyramid.height, view.mpp_um)
    known = np.ones(grid.shape, bool)
    known[-1, -1] = False
    provenance = Provenance("ours", title, "as it is", view.mpp_um, False, "2026-01-01T00:00:00Z", "x")
    field = RelevanceField.of(grid, np.full(grid.shape, 0.7), known, provenance)
    window.overlays.active.fields.show_field(field, title, state="62 % analysed")


def keep(window: MainWindow, title: str) -> None:
    show_query(window, title)
    window.overlays.keep()


def stored(window: MainWindow) -> list[tuple[str, bool]]:
    """Titles of the layers in the state folder, and whether each is shown."""
    assert window.view.source is not None
    layers, problems = read_layers(slide_identity(window.view.source))
    assert problems == []
    return [(layer.title, layer.look.visible) for _, layer in layers if isinstance(layer, KeptLayer)]


def listed(window: MainWindow) -> list[tuple[str, bool]]:
    return [(row.title, row.visible) for row in window.overlays.active.fields.kept]


def test_kept_layers_come_back_with_their_slide(
    qtbot: QtBot, make_window: Callable[[], MainWindow], slide_file: Path, tmp_path: Path, open_in: OpenIn
) -> None:
    window = make_window()
    open_in(window, slide_file)
    keep(window, "fat")
    keep(window, "glands")
    kept = window.overlays.active.fields.kept
    window.overlays.layer_list.shown_changed.emit(kept[0].name, False)
    open_in(window, write_slide(tmp_path / "other.tif", mpp_um=0.25))
    assert listed(window) == []
    open_in(window, slide_file)
    qtbot.wait_until(lambda: listed(window) == [("fat", False), ("glands", True)])
    assert "62 % analysed" in [entry.state for entry in window.overlays.active.layers.entries]
    window.overlays.active.fields.remove(window.overlays.active.fields.kept[1].name)
    window.close()
    another_day = make_window()
    open_in(another_day, slide_file.rename(tmp_path / "renamed.tif"))
    qtbot.wait_until(lambda: listed(another_day) == [("fat", False)])


def test_a_map_comes_back_without_its_file(
    qtbot: QtBot, make_window: Callable[[], MainWindow], slide_file: Path, tmp_path: Path, open_in: OpenIn
) -> None:
    window = make_window()
    open_in(window, slide_file)
    show_query(window, "tumour")
    file = tmp_path / "theirs.h5"
    write_scores(window.overlays.active.fields.layer(PRESENT).field, file, slide_name="slide")
    window.overlays.maps.read(file)
    qtbot.wait_until(lambda: len(listed(window)) == 1)
    (title,) = listed(window)
    file.unlink()
    window.close()
    window = make_window()
    open_in(window, slide_file)
    qtbot.wait_until(lambda: listed(window) == [title])
    legend = window.overlays.active.legend.text
    assert "theirs.h5" in legend
    assert LIKENESS_TO.format(query="") not in legend


def test_what_is_kept_or_removed_is_soon_in_the_state_folder(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    keep(window, "fat")
    qtbot.wait_until(lambda: stored(window) == [("fat", True)])
    window.overlays.active.fields.remove(window.overlays.active.fields.kept[0].name)
    qtbot.wait_until(lambda: stored(window) == [])


def test_a_layer_waits_for_the_pixel_size_that_it_was_made_at(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, open_in: OpenIn
) -> None:
    open_in(window, write_slide(tmp_path / "plain.tif"))
    window.view.set_mpp_um((0.5, 0.5))
    keep(window, "fat")
    window.view.set_mpp_um((0.25, 0.25))
    message = strings.ONE_LAYER_WAITS.format(sizes="0.5")
    qtbot.wait_until(lambda: message in [bar.text for bar in window.messages.messages])
    assert listed(window) == []
    window.view.set_mpp_um((0.5, 0.5))
    qtbot.wait_until(lambda: listed(window) == [("fat", True)])


def test_a_damaged_layer_is_named_and_the_others_are_shown(
    qtbot: QtBot, make_window: Callable[[], MainWindow], slide_file: Path, open_in: OpenIn
) -> None:
    window = make_window()
    open_in(window, slide_file)
    keep(window, "fat")
    keep(window, "glands")
    assert window.view.source is not None
    folder = layers_folder(slide_identity(window.view.source))
    window.close()
    first = min(folder.glob("*.h5"))
    first.write_bytes(b"no layer")
    window = make_window()
    open_in(window, slide_file)
    qtbot.wait_until(lambda: listed(window) == [("glands", True)])
    (bar,) = window.messages.messages
    assert bar.text.startswith(KEPT_LAYER_DAMAGED.split("{path}", maxsplit=1)[0])
    assert str(first) in bar.text


def test_a_folder_that_cannot_be_written_is_said(
    qtbot: QtBot, window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    assert window.view.source is not None
    folder = layers_folder(slide_identity(window.view.source)).parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("in the way")
    keep(window, "fat")
    qtbot.wait_until(lambda: bool(window.messages.messages))
    (bar,) = window.messages.messages
    assert re.fullmatch(pattern(strings.LAYERS_NOT_KEPT), bar.text)
    assert listed(window) == [("fat", True)]


def test_nothing_is_written_where_nothing_is_kept(
    window: MainWindow, slide_file: Path, open_in: OpenIn
) -> None:
    open_in(window, slide_file)
    assert window.view.source is not None
    folder = layers_folder(slide_identity(window.view.source)).parent
    window.close()
    assert not folder.exists()


def outlined(window: MainWindow) -> list[tuple[str, bool]]:
    return [(row.title, row.visible) for row in window.overlays.active.outlines.kept]


def test_outlines_of_a_file_come_back_with_their_slide(
    qtbot: QtBot, make_window: Callable[[], MainWindow], slide_file: Path, tmp_path: Path, open_in: OpenIn
) -> None:
    square = {"type": "Polygon", "coordinates": [[[20, 20], [220, 20], [220, 220], [20, 220], [20, 20]]]}
    for name in ("seen", "hidden", "unwanted"):
        feature = {"type": "Feature", "geometry": square, "properties": {"name": name, "color": [230, 9, 20]}}
        (tmp_path / f"{name}.geojson").write_text(json.dumps([feature]))
    window = make_window()
    open_in(window, slide_file)
    outlines = window.overlays.active.outlines
    for number, name in enumerate(("seen", "hidden", "unwanted"), 1):
        window.overlays.maps.read(tmp_path / f"{name}.geojson")
        qtbot.wait_until(lambda: len(outlined(window)) == number)  # noqa: B023 - it is called in this turn
        (tmp_path / f"{name}.geojson").unlink()
    window.overlays.layer_list.shown_changed.emit(outlines.kept[1].name, False)
    window.overlays.layer_list.remove_pressed.emit(outlines.kept[2].name)
    left = [(OUTLINES_TITLE.format(file=f"{name}.geojson"), name == "seen") for name in ("seen", "hidden")]
    window.view.set_mpp_um((0.7, 0.7), overrides=True)
    qtbot.wait_until(lambda: not window.messages.messages or outlined(window) == left)
    assert outlined(window) == left, "they do not depend on the pixel size"
    open_in(window, write_slide(tmp_path / "other.tif", mpp_um=0.25))
    assert outlined(window) == []
    open_in(window, slide_file)
    qtbot.wait_until(lambda: outlined(window) == left)
    assert outlines.names_at(100, 100) == ("seen",)
    window.close()
    another_day = make_window()
    open_in(another_day, slide_file)
    qtbot.wait_until(lambda: outlined(another_day) == left)
    another_day.overlays.layer_list.shown_changed.emit(
        another_day.overlays.active.outlines.kept[1].name, True
    )
    assert another_day.overlays.active.outlines.names_at(100, 100) == ("hidden", "seen")
