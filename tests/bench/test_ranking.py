"""``foveola bench ranking``: the figures of any encoder on labelled regions, by words and by examples."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.messages import pattern
from tests.relevance import small_models as small
from viewer.bench import strings
from viewer.bench.labelled_regions import RegionsError, concepts_of_patches, regions_beside
from viewer.bench.ranking import area_of
from viewer.cli import main as cli
from viewer.cli import strings as cli_strings
from viewer.relevance.encoders.card import MEASURED_ID, SALIENCY_ID
from viewer.relevance.patches.grid import PatchGrid
from viewer.slide.phantom.slide import write_phantom

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {"encoder", "question", "slides", "pooled", "mean", "lowest"}


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ranking") / "phantom.tif"
    write_phantom(path, size_px=4096, seed=3)
    return path


def ranked(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert cli.main(["bench", "ranking", *map(str, words), "--json"]) == 0
    figures: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert figures.keys() == NAMES
    return figures


def test_measured_concepts_rank_the_regions_of_a_phantom_by_words(
    phantom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = ranked(capsys, phantom)
    assert (figures["encoder"], figures["question"]) == (MEASURED_ID, strings.BY_WORDS)
    areas = figures["slides"]["phantom"]
    assert areas["adipose_tissue"] > 0.9
    assert figures["lowest"] == min(area for area in areas.values() if area is not None)
    assert ranked(capsys, phantom, "--examples")["question"] == strings.BY_EXAMPLES.format(count=3)


def test_an_encoder_without_words_is_ranked_by_examples(
    phantom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = ranked(capsys, phantom, "--encoder", SALIENCY_ID)
    assert figures["question"] == strings.BY_EXAMPLES.format(count=3)
    assert 0 < figures["mean"] <= 1
    assert figures["pooled"] == {}


def test_an_added_model_is_ranked_like_any_other(
    phantom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOVEOLA_HOME", str(tmp_path / "home"))
    small.write_clip(tmp_path / "ours")
    assert cli.main(["models", "add", str(tmp_path / "ours")]) == 0
    capsys.readouterr()
    figures = ranked(capsys, phantom, phantom, "--encoder", "ours")
    assert figures["question"] == strings.BY_WORDS
    assert figures["pooled"].keys() == figures["slides"]["phantom"].keys()
    assert cli.main(["bench", "ranking", str(phantom), "--encoder", "ours"]) == 0
    printed = capsys.readouterr()
    assert "adipose_tissue" in printed.out
    assert cli_strings.COMMERCIAL_USE[None] in printed.err


def test_regions_are_for_one_slide_and_must_be_there(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    regions = ["--regions", str(tmp_path / "none.geojson")]
    assert cli.main(["bench", "ranking", str(phantom), str(phantom), *regions]) == 2
    assert cli_strings.REGIONS_OF_ONE in capsys.readouterr().err
    assert cli.main(["bench", "ranking", str(phantom), *regions]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "none.geojson" in line


@pytest.mark.parametrize("content", ["", "[]", '{"features": [{}]}', '{"features": [{"properties": {}}]}'])
def test_a_file_without_regions_is_named(tmp_path: Path, content: str) -> None:
    grid = PatchGrid.over(2048, 2048, (0.5, 0.5))
    file = regions_beside(tmp_path / "slide.svs")
    file.write_text(content)
    with pytest.raises(RegionsError, match=pattern(strings.NO_REGIONS, path=file)):
        concepts_of_patches(file, grid)


def test_what_lies_over_tissue_belongs_to_no_tissue(tmp_path: Path) -> None:
    grid = PatchGrid.over(1024, 1024, (0.5, 0.5))
    square = [[0, 0], [512, 0], [512, 512], [0, 512], [0, 0]]
    hole = [[0, 0], [256, 0], [256, 256], [0, 256], [0, 0]]
    features = [
        {"properties": {"classification": {"name": name}}, "geometry": geometry}
        for name, geometry in (
            ("tumour", {"type": "MultiPolygon", "coordinates": [[square]]}),
            ("pen_mark", {"type": "Polygon", "coordinates": [square, hole]}),
        )
    ]
    (tmp_path / "regions.geojson").write_text(json.dumps({"features": features}))
    found = concepts_of_patches(tmp_path / "regions.geojson", grid)
    assert {name: mask.sum() for name, mask in found.items()} == {"tumour_epithelium": 1, "pen_mark": 3}


def test_the_area_counts_what_could_not_be_told_as_not_found() -> None:
    positive = np.array([True, True, False, False])
    assert area_of(np.float32([0.9, np.nan, 0.1, 0.2]), positive) == 0.5
    assert area_of(np.float32([0.9, 0.8, 0.1, 0.2]), np.ones(4, bool)) is None
    undecided = area_of(np.full(4, np.nan, np.float32), positive)
    assert undecided is not None
    assert np.isnan(undecided)
