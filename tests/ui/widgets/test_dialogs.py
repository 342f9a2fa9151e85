"""How dialogs are shown; choosing a file to save to: its ending, and what it would replace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QDialog, QFileDialog, QLabel, QLineEdit, QMessageBox, QVBoxLayout, QWidget

from viewer.ui.widgets import strings
from viewer.ui.widgets.dialogs import choose_save_path, show_dialog

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

KINDS = {".ome.tiff": "Heatmap", ".h5": "Scores"}


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """What the reader does: the name and kind chosen."""
    answer = {"name": "", "kind": strings.FILE_KIND.format(kind="Scores", ending=".h5")}
    monkeypatch.setattr(
        QFileDialog,
        "getSaveFileName",
        lambda *_: (answer["name"] and str(tmp_path / answer["name"]), answer["kind"]),
    )
    monkeypatch.setattr(QMessageBox, "question", lambda *_: pytest.fail("asked"))
    return answer


def choose(qtbot: QtBot, tmp_path: Path) -> Path | None:
    parent = QWidget()
    qtbot.add_widget(parent)
    return choose_save_path(parent, "Save", tmp_path / "proposed.ome.tiff", KINDS)


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("a.h5", "a.h5"),
        ("a.OME.TIFF", "a.OME.TIFF"),
        ("a", "a.h5"),
        ("a.svs", "a.svs.h5"),
        ("a.tiff", "a.tiff.h5"),
    ],
)
def test_a_name_gets_the_ending_of_its_kind(
    qtbot: QtBot, chosen: dict[str, str], tmp_path: Path, name: str, saved: str
) -> None:
    chosen["name"] = name
    assert choose(qtbot, tmp_path) == tmp_path / saved


def test_a_dialog_that_names_no_kind_gives_the_first(
    qtbot: QtBot, chosen: dict[str, str], tmp_path: Path
) -> None:
    chosen.update(name="a", kind="")
    assert choose(qtbot, tmp_path) == tmp_path / "a.ome.tiff"


@pytest.mark.usefixtures("chosen")
def test_nothing_is_chosen_where_the_reader_cancels(qtbot: QtBot, tmp_path: Path) -> None:
    assert choose(qtbot, tmp_path) is None


@pytest.mark.parametrize("answer", [QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No])
def test_a_file_that_only_the_ending_names_is_asked_about(
    qtbot: QtBot,
    chosen: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: QMessageBox.StandardButton,
) -> None:
    (tmp_path / "a.h5").touch()
    chosen["name"] = "a"
    asked: list[str] = []

    def ask(*words: object) -> QMessageBox.StandardButton:
        asked.append(str(words[2]))
        return answer

    monkeypatch.setattr(QMessageBox, "question", ask)
    yes = answer == QMessageBox.StandardButton.Yes
    assert choose(qtbot, tmp_path) == (tmp_path / "a.h5" if yes else None)
    assert asked == [strings.REPLACE.format(file="a.h5")]


def test_a_dialog_without_a_size_of_its_own_cuts_no_field(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.add_widget(parent)
    parent.show()
    dialog = QDialog(parent)
    layout, fields = QVBoxLayout(dialog), [QLineEdit() for _ in range(8)]
    layout.addWidget(QLabel("What is entered here is not written into the file. " * 4, wordWrap=True))
    for field in fields:
        layout.addWidget(field)
    show_dialog(dialog)
    qtbot.wait_until(dialog.isVisible)
    assert all(field.height() >= field.sizeHint().height() for field in fields)
