"""The commands count levels and patches as the window does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from viewer.cli import main as cli
from viewer.cli import strings
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.slide import strings as slide_strings
from viewer.slide.formats.registry import open_for_viewing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEOLA_HOME", str(tmp_path / "home"))


def facts_of(capsys: pytest.CaptureFixture[str], *words: Any) -> dict[str, Any]:
    assert cli.main([str(word) for word in (*words, "--json")]) == 0
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    return facts


def test_patches_of_glass_are_not_counted(
    tmp_path: Path, copy_phantom: Callable[[Path, int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a slide of tissue at the left and glass at the right."""
    pixels = np.full((1024, 4096, 3), 243, np.uint8)
    pixels[:, :1024] = tifffile.imread(copy_phantom(tmp_path / "whole.tif", 1024))
    half = tmp_path / "half.tif"
    resolution: dict[str, Any] = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(half, pixels, tile=(256, 256), photometric="rgb", **resolution)
    facts = facts_of(capsys, "query", half, "stroma")
    assert facts["patches_on_slide"] == 64
    assert 16 <= facts["patches"] == facts["patches_analysed"] <= 20
    assert cli.main(["query", str(half), "stroma"]) == 0
    analysed = strings.ANALYSED_LINE.format(
        known=facts["patches"], patches=f"{facts['patches']} patches", encoder=MEASURED.title
    )
    assert analysed in capsys.readouterr().out


def test_levels_that_are_made_are_among_the_levels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flat = tmp_path / "flat.tif"
    tifffile.imwrite(flat, np.full((3000, 5000, 3), 200, np.uint8), tile=(256, 256), photometric="rgb")
    facts = facts_of(capsys, "info", flat)
    source = open_for_viewing(flat)
    shown = [(level.width, level.height) for level in source.pyramid.levels]
    source.close()
    assert [(level["width"], level["height"]) for level in facts["levels"]] == shown
    assert [level["in_file"] for level in facts["levels"]] == [True, False, False, False]
    assert slide_strings.BUILDS_LEVELS in facts["notes"]
