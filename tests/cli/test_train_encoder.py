"""``foveola train-encoder``: what it prints and writes, and that the encoder is then offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.relevance.tissue_corpus import add_slide, small_corpus
from viewer.cli import main as cli
from viewer.cli import strings
from viewer.relevance.encoders.registry import cards
from viewer.relevance.encoders.tissue.card import WEIGHTS, trained_folder

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_an_encoder_is_trained_tested_and_offered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_corpus(tmp_path)
    add_slide(tmp_path, "odd", left="fibrous_stroma").write_text('{"features": []}')

    assert cli.main(["train-encoder", str(tmp_path), "--steps", "1"]) == 0

    printed = capsys.readouterr()
    assert "# Tissue encoder" in printed.out
    assert "offered in the window" in printed.out
    assert "odd.geojson" in printed.err
    assert "tissue" in [card.id for card in cards()]
    assert (trained_folder() / WEIGHTS).is_file()


def test_elsewhere_it_is_only_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_corpus(tmp_path / "corpus")

    words = ["train-encoder", str(tmp_path / "corpus"), "-o", str(tmp_path / "out"), "--steps", "1"]
    assert cli.main(words) == 0

    assert "not offered" in capsys.readouterr().out
    assert (tmp_path / "out" / WEIGHTS).is_file()
    assert cards()[0].id == "measured"
    assert "tissue" not in [card.id for card in cards()]


def test_what_cannot_be_trained_on_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train-encoder", str(tmp_path)]) == 1
    assert "holds no regions/*.geojson" in capsys.readouterr().err
    (tmp_path / "file").write_text("")

    assert cli.main(["train-encoder", str(tmp_path), "-o", str(tmp_path / "file")]) == 2
    assert strings.NOT_A_FOLDER.format(path=tmp_path / "file") in capsys.readouterr().err
