"""``foveola pretrain``: what it prints and writes, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.relevance.pretraining_run import COARSE_UM, TINY, small_slides
from viewer.cli import main as cli
from viewer.cli import strings
from viewer.relevance.models.hipt import load_hipt
from viewer.relevance.training.pretraining import strings as pretraining_strings
from viewer.relevance.training.pretraining.pretrain import PAGE
from viewer.relevance.training.pretraining.recipe import RECIPES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "small", TINY)


def test_both_levels_are_trained_and_compared_with_measured_concepts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_slides(tmp_path)
    words = ["pretrain", str(tmp_path / "slides"), "-o", str(tmp_path / "out"), "--steps", "1"]

    assert cli.main([*words, "--mpp", str(COARSE_UM), "--regions", str(tmp_path), "--device", "cpu"]) == 0

    printed = capsys.readouterr().out
    assert "patches, step 1 of 1: loss" in printed
    assert "by the measured concepts" in printed
    assert (tmp_path / "out" / PAGE).read_text() in printed
    hipt = load_hipt(tmp_path / "out")
    assert hipt.region is not None
    assert hipt.heads((1, 1)) == (1, 6)


def test_what_cannot_be_trained_on_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_slides(tmp_path)
    out = ["-o", str(tmp_path / "out"), "--device", "cpu"]

    assert cli.main(["pretrain", str(tmp_path / "regions"), *out]) == 2
    assert strings.NO_SLIDES in capsys.readouterr().err
    assert cli.main(["pretrain", str(tmp_path / "slides"), "-o", str(tmp_path / "slides" / "one.png")]) == 2
    assert strings.NOT_A_FOLDER.format(path=tmp_path / "slides" / "one.png") in capsys.readouterr().err
    assert cli.main(["pretrain", str(tmp_path / "slides"), *out]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [name in line for name, line in zip(("one.png", "two.png"), lines, strict=False)] == [True, True]
    assert "--mpp" in lines[0] or "pixel size" in lines[0]
    assert pretraining_strings.TOO_FEW["patches"].format(count=0, least=2) in lines[-1]
    assert len(lines) == 3
