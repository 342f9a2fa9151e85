"""Annotations over the slide in the real window: outlines, legend, list, names where the pointer rests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip

from tests.ui.slide_files import write_slide
from viewer.overlay import strings as overlay_strings
from viewer.relevance.exchange import strings as exchange_strings
from viewer.view.camera import screen_from_slide

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]

RED = (230, 10, 20)


@pytest.fixture
def open_window(window: MainWindow, slide_file: Path, open_in: OpenIn) -> MainWindow:
    open_in(window, slide_file)
    return window


@pytest.fixture
def annotations(tmp_path: Path) -> Path:
    """A red square of a class, with a name that looks like HTML, and nine lines of different classes."""
    square = {"type": "Polygon", "coordinates": [[[20, 20], [220, 20], [220, 220], [20, 220], [20, 20]]]}
    red = {"name": "Tumour & more", "color": list(RED)}
    features = [feature(square, name="<b>A</b>", classification=red)]
    for at in range(9):
        line = {"type": "LineString", "coordinates": [[300, 20 * at], [400, 20 * at]]}
        features.append(feature(line, classification={"name": f"class {at}"}))
    path = tmp_path / "a & b.geojson"
    path.write_text(json.dumps(features))
    return path


def feature(geometry: object, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "geometry": geometry, "properties": {"objectType": "annotation", **properties}}


def drop(window: MainWindow, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(50, 50), copy, data, left, none))
    QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), copy, data, left, none))


def laid(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    drop(window, path)
    qtbot.wait_until(lambda: len(window.overlays.active.outlines.kept) == 1)


def test_the_same_annotations_lie_over_the_slide_once(
    qtbot: QtBot, open_window: MainWindow, annotations: Path
) -> None:
    laid(qtbot, open_window, annotations)
    outlines = open_window.overlays.active.outlines
    outlines.set_visible(outlines.kept[0].name, False)
    open_window.messages.clear()
    drop(open_window, annotations)
    qtbot.wait_until(lambda: bool(open_window.messages.messages))
    assert [row.visible for row in outlines.kept] == [True], "shown again"
    copy = annotations.rename(annotations.with_name("copy.geojson"))
    drop(open_window, copy)
    qtbot.wait_until(lambda: len(outlines.kept) == 2)
    features = json.loads(copy.read_text())
    copy.write_text(json.dumps(features[1:]))
    drop(open_window, copy)
    qtbot.wait_until(lambda: len(outlines.kept) == 3)


def red_pixels(window: MainWindow) -> int:
    pixels = window.view.frame_image()[..., :3].astype(int)
    return int((abs(pixels - RED).max(axis=-1) < 30).sum())


def named_at(window: MainWindow, x: float, y: float) -> str:
    """What is said where the pointer rests on a slide point."""
    canvas, camera = window.view.canvas.native, window.view.camera
    size = canvas.width(), canvas.height()
    at = QPoint(*(round(value) for value in screen_from_slide(camera.view, size, camera.aspect, x, y)))
    QApplication.sendEvent(canvas, QHelpEvent(QEvent.Type.ToolTip, at, canvas.mapToGlobal(at)))
    return QToolTip.text()


def test_dropped_annotations_lie_over_the_slide_and_not_in_its_place(
    qtbot: QtBot, open_window: MainWindow, annotations: Path
) -> None:
    source = open_window.view.source
    laid(qtbot, open_window, annotations)
    assert open_window.view.source is source
    assert open_window.overlays.active.fields.kept == []
    qtbot.wait_until(lambda: red_pixels(open_window) > 50)
    legend = open_window.overlays.active.legend
    assert legend.isVisible()
    assert overlay_strings.OUTLINES_TITLE.format(file=annotations.name) in legend.text
    assert overlay_strings.KIND_AND_COUNT.format(kind="Tumour & more", count=1) in legend.text
    assert overlay_strings.MORE_KINDS.format(count=2).strip() in legend.text
    assert overlay_strings.NOT_ANALYSED not in legend.text, "outlines hatch nothing"
    texts = " ".join(bar.text for bar in open_window.messages.messages)
    assert exchange_strings.NO_SLIDE_NAMED in texts


def test_the_name_is_said_where_the_pointer_rests(
    qtbot: QtBot, open_window: MainWindow, annotations: Path
) -> None:
    laid(qtbot, open_window, annotations)
    assert "&lt;b&gt;A&lt;/b&gt; (Tumour &amp; more)" in named_at(open_window, 100, 100)
    assert open_window.overlays.active.outlines.names_at(350, 40) == ("class 2",)
    assert open_window.overlays.active.outlines.names_at(100, 250) == ()


def test_outlines_are_hidden_with_all_layers_and_by_themselves(
    qtbot: QtBot, open_window: MainWindow, annotations: Path
) -> None:
    laid(qtbot, open_window, annotations)
    tools = open_window.overlays
    qtbot.wait_until(lambda: red_pixels(open_window) > 50)
    tools.active.layers.set_bare(True)
    assert red_pixels(open_window) == 0
    assert tools.active.outlines.names_at(100, 100) == ()
    tools.active.layers.set_bare(False)
    assert red_pixels(open_window) > 50
    (row,) = tools.active.outlines.kept
    tools.layer_list.shown_changed.emit(row.name, False)
    assert red_pixels(open_window) == 0
    assert not tools.active.legend.isVisible()
    assert tools.layer_list.lines == [row.title]
    tools.layer_list.shown_changed.emit(row.name, True)
    assert red_pixels(open_window) > 50
    copy = annotations.rename(annotations.with_name("copy.geojson"))
    copy.write_text(copy.read_text().replace("class 8", "class X"))
    drop(open_window, copy)
    qtbot.wait_until(lambda: len(tools.active.outlines.kept) == 2)
    for on in False, True:  # the older one stays below
        tools.layer_list.shown_changed.emit(row.name, on)
        assert tools.layer_list.lines[-1] == row.title
    assert [entry.title for entry in tools.active.layers.entries] == tools.layer_list.lines
    tools.layer_list.remove_pressed.emit(tools.active.outlines.kept[1].name)
    tools.layer_list.shown_changed.emit(row.name, False)
    tools.layer_list.remove_pressed.emit(row.name)
    assert tools.layer_list.lines == []


def test_outlines_go_with_their_slide(
    qtbot: QtBot, open_window: MainWindow, annotations: Path, tmp_path: Path, open_in: OpenIn
) -> None:
    laid(qtbot, open_window, annotations)
    other = write_slide(tmp_path / "another.tif", mpp_um=0.5, colour=(150, 150, 200))
    open_in(open_window, other)
    assert open_window.overlays.active.outlines.kept == []
    assert open_window.overlays.layer_list.lines == []
    qtbot.wait_until(lambda: open_window.view.sharp)
    assert red_pixels(open_window) == 0


def test_without_a_pixel_size_outlines_are_shown_and_scores_ask_for_it(
    qtbot: QtBot, open_window: MainWindow, annotations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(open_window.view), "mpp_um", None)
    laid(qtbot, open_window, annotations)
    content = json.loads(annotations.read_text())
    content[0]["properties"] = {"objectType": "tile", "measurements": {"p": 0.5}}
    annotations.write_text(json.dumps(content[:1]))
    with qtbot.wait_signal(open_window.overlays.maps.pixel_size_missing):
        open_window.overlays.maps.read(annotations)
    assert open_window.overlays.active.fields.kept == []
