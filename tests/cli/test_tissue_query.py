"""``foveola query`` with a tissue encoder: what values mean, and that all places are weak."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.relevance.tissue_record import OF_VALUES, trained
from viewer import RESEARCH_USE
from viewer.cli import main as cli
from viewer.cli import strings
from viewer.relevance.patches.field import PROBABILITY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def slide(tmp_path: Path, copy_phantom: Callable[[Path, int], Path]) -> Path:
    return copy_phantom(tmp_path / "slide.tif", 1024)


def test_what_is_weak_is_said(slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained()  # random weights: no class is likelier than another
    places = tmp_path / "places.geojson"

    assert cli.main(["query", str(slide), "blood", "--geojson", str(places)]) == 0
    text = capsys.readouterr().out
    assert cli.main(["query", str(slide), "blood", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert strings.ALL_WEAK.format(threshold=0.62, title="blood") in text
    assert OF_VALUES[0] in text
    assert strings.VALUES_NOTE[PROBABILITY].format(research_use=RESEARCH_USE) in text
    assert strings.PLACES_HEADER.format(value="probable") in text
    assert found["unit"] == PROBABILITY
    assert found["weak"] is True
    assert found["threshold"] == 0.62
    assert found["meaning"]["levels"][1]["right"] == 0.98
    assert all("weak: below 0.62" in place["meaning"] for place in found["places"])
    assert OF_VALUES[1] in found["normalisation"]
    listed = json.loads(places.read_text())["features"]
    assert not any(feature["properties"]["objectType"] == "annotation" for feature in listed)


def test_what_is_damaged_is_said_and_measured_concepts_answer(
    slide: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = trained(classes=[])

    assert cli.main(["query", str(slide), "blood", "--json"]) == 0

    captured = capsys.readouterr()
    assert str(path) in captured.err
    assert json.loads(captured.out)["encoder"] == "Measured concepts"
