"""``foveola query`` with a tissue encoder: what values mean, and that all places are weak."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import tifffile

from tests.relevance.encoders.test_word_figures import folder
from tests.relevance.tissue_record import OF_VALUES, trained
from viewer import RESEARCH_USE
from viewer.cli import main as cli
from viewer.cli import strings
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.patches.field import PROBABILITY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["folder"]


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


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "encoder"),
    [
        (["stroma"], "Tissue encoder"),
        (["fat"], MEASURED.title),
        (["stroma", "--encoder", "measured"], MEASURED.title),
    ],
)
def test_the_encoder_of_a_heatmap_is_the_one_that_its_words_need(
    slide: Path, tmp_path: Path, words: list[str], encoder: str
) -> None:
    path = tmp_path / "map.ome.tiff"
    assert cli.main(["heatmap", str(slide), "-o", str(path), "--query", *words]) == 0
    with tifffile.TiffFile(path) as tiff:
        assert encoder in str(tiff.ome_metadata)
