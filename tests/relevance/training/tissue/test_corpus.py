"""Corpora of slides with labelled regions: what is read of them, and what is left out with a note."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.messages import pattern
from tests.relevance.tissue_corpus import add_slide, region, small_corpus
from viewer.relevance.encoders.tissue.classes import class_indices
from viewer.relevance.training.cohort import TrainingError
from viewer.relevance.training.tissue import strings
from viewer.relevance.training.tissue.corpus import read_corpus

if TYPE_CHECKING:
    from pathlib import Path


def test_slides_with_their_facts(tmp_path: Path) -> None:
    add_slide(tmp_path, "a", case="case 1", part="test", organ="colon", diagnosis="adenocarcinoma")
    add_slide(tmp_path, "b", tumour_free=True)

    corpus = read_corpus(tmp_path)

    one, other = corpus.slides
    assert (one.name, one.case, one.part, one.organ, one.diagnosis) == (
        *("a", "case 1", "test", "colon"),
        "adenocarcinoma",
    )
    assert (other.case, other.part, other.tumour_free, other.mpp_um) == ("b", "train", True, 1.0)
    assert [box.tissue_class for box in one.regions] == [
        class_indices()["carcinoma"],
        class_indices()["fibrous_stroma"],
    ]
    assert corpus.notes == ()


def test_wrong_regions_cost_themselves(tmp_path: Path) -> None:
    path = add_slide(tmp_path, "a")
    content = json.loads(path.read_text())
    content["features"] += [
        region("moon rock", (0, 0, 200, 200)),
        region("carcinoma", (50, 50, 50, 200)),
        region("carcinoma", (-9, 50, 90, 200)),
        {"properties": {"classification": {"name": "carcinoma"}}, "geometry": None},
    ]
    path.write_text(json.dumps(content))

    corpus = read_corpus(tmp_path)

    assert len(corpus.slides[0].regions) == 2
    assert corpus.notes == (
        strings.UNKNOWN_CLASS.format(path=path, count=1, names="moon rock"),
        strings.SHAPELESS.format(path=path, count=3),
    )


def test_files_without_a_slide_or_a_region_are_noted(tmp_path: Path) -> None:
    small_corpus(tmp_path)
    lost = tmp_path / "regions" / "lost.geojson"
    lost.write_text('{"features": []}')
    empty = add_slide(tmp_path, "empty")
    empty.write_text('{"features": []}')

    corpus = read_corpus(tmp_path)

    assert len(corpus.slides) == 6
    assert set(corpus.notes) == {
        strings.NO_SLIDE.format(path=lost, folder=tmp_path / "slides"),
        strings.NOTHING_LEFT.format(path=empty),
    }


@pytest.mark.parametrize("content", ["[]", "{}", '{"features": 3}', "{", "\udcff"])
def test_what_is_no_file_of_regions_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = add_slide(tmp_path, "a")
    path.write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(TrainingError, match=pattern(strings.REGIONS_UNREADABLE, path=path)):
        read_corpus(tmp_path)


def test_a_file_too_large_for_regions_is_not_read(tmp_path: Path) -> None:
    path = add_slide(tmp_path, "a")
    with path.open("r+b") as file:
        file.truncate(30_000_000)

    with pytest.raises(TrainingError, match="larger than"):
        read_corpus(tmp_path)


def test_a_folder_without_regions(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=pattern(strings.NO_REGIONS, path=tmp_path)):
        read_corpus(tmp_path)


def test_an_unknown_part(tmp_path: Path) -> None:
    add_slide(tmp_path, "a", part="exam")

    with pytest.raises(TrainingError, match="part must be train, calibration or test, not 'exam'"):
        read_corpus(tmp_path)
