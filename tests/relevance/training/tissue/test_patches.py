"""Patches cut from slides of a corpus: which, of what class, and once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.messages import pattern
from tests.relevance.tissue_corpus import add_slide, region
from viewer.relevance.encoders.tissue.classes import class_indices
from viewer.relevance.training.cohort import TrainingError
from viewer.relevance.training.tissue import strings
from viewer.relevance.training.tissue.corpus import read_corpus
from viewer.relevance.training.tissue.patches import CUT_PX, UNLABELLED, cut_patches
from viewer.slide.formats.array import ArraySource
from viewer.slide.source import TileError

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.relevance.training.tissue.corpus import CorpusSlide


def slide_of(folder: Path, **facts: object) -> CorpusSlide:
    add_slide(folder, "a", **facts)
    return read_corpus(folder).slides[0]


def test_patches_of_regions_and_of_all_tissue(tmp_path: Path) -> None:
    cut = cut_patches(slide_of(tmp_path), tmp_path / "cut", seed=0)

    assert cut is not None
    assert cut.pixels.shape == (len(cut.labels), CUT_PX, CUT_PX, 3)
    counts = {
        name: int((cut.labels == class_indices()[name]).sum()) for name in ("carcinoma", "fibrous_stroma")
    }
    assert counts == {"carcinoma": 6, "fibrous_stroma": 6}  # 220 × 280 µm: two columns, three rows
    assert 3 <= len(cut.of_tissue) <= 12
    middles = cut.pixels[:, 60:100, 60:100].mean(axis=(1, 2, 3))
    dark, pale = (middles[cut.labels == class_indices()[name]] for name in counts)
    assert dark.max() < pale.min()
    assert set(cut.regions[cut.labels == UNLABELLED].tolist()) == {UNLABELLED}


def test_patches_are_cut_once_for_the_same_regions(tmp_path: Path) -> None:
    slide = slide_of(tmp_path)
    first = cut_patches(slide, tmp_path / "cut", seed=0)
    slide.path.rename(tmp_path / "moved.png")
    again = cut_patches(slide, tmp_path / "cut", seed=0)

    assert first is not None
    assert again is not None
    assert np.array_equal(first.pixels, again.pixels)
    assert again.labels.tolist() == first.labels.tolist()


@pytest.mark.parametrize("damage", ["", "[]", "{"])
def test_a_damaged_record_is_cut_again(tmp_path: Path, damage: str) -> None:
    slide = slide_of(tmp_path)
    first = cut_patches(slide, tmp_path / "cut", seed=0)
    (tmp_path / "cut" / "a.json").write_text(damage)

    again = cut_patches(slide, tmp_path / "cut", seed=0)

    assert first is not None
    assert again is not None
    assert np.array_equal(first.pixels, again.pixels)


def test_other_regions_are_cut_anew(tmp_path: Path) -> None:
    slide = slide_of(tmp_path)
    cut_patches(slide, tmp_path / "cut", seed=0)

    fewer = cut_patches(replace(slide, regions=slide.regions[:1]), tmp_path / "cut", seed=0)

    assert fewer is not None
    assert set(fewer.labels.tolist()) == {UNLABELLED, class_indices()["carcinoma"]}


def test_regions_beyond_the_slide_or_too_narrow_are_left_out(tmp_path: Path) -> None:
    path = add_slide(tmp_path, "a")
    content = json.loads(path.read_text())
    content["features"] += [region("blood", (0, 0, 30, 300)), region("blood", (300, 300, 700, 700))]
    path.write_text(json.dumps(content))

    cut = cut_patches(read_corpus(tmp_path).slides[0], tmp_path / "cut", seed=0)

    assert cut is not None
    assert class_indices()["blood"] not in cut.labels
    assert cut.notes == (strings.TOO_SMALL.format(path=path, count=2, side_um=64),)


def test_a_region_narrower_than_a_patch_gives_its_middle(tmp_path: Path) -> None:
    path = add_slide(tmp_path, "a")
    path.write_text(json.dumps({"mpp_um": 1.0, "features": [region("carcinoma", (20, 20, 100, 120))]}))

    cut = cut_patches(read_corpus(tmp_path).slides[0], tmp_path / "cut", seed=0)

    assert cut is not None
    assert int((cut.labels >= 0).sum()) == 1


def test_a_slide_without_any_usable_region(tmp_path: Path) -> None:
    path = add_slide(tmp_path, "a")
    path.write_text(json.dumps({"mpp_um": 1.0, "features": [region("carcinoma", (0, 0, 9, 9))]}))

    assert cut_patches(read_corpus(tmp_path).slides[0], tmp_path / "cut", seed=0) is None


def test_a_slide_smaller_than_a_patch_has_no_sample_of_tissue(tmp_path: Path) -> None:
    slide = slide_of(tmp_path, mpp_um=0.2)

    cut = cut_patches(slide, tmp_path / "cut", seed=0)

    assert cut is None or not len(cut.of_tissue)


def test_without_any_pixel_size_the_corpus_is_asked_for_it(tmp_path: Path) -> None:
    slide = slide_of(tmp_path, mpp_um=None)

    message = pattern(strings.NO_PIXEL_SIZE, path=slide.path, regions=slide.regions_path)
    with pytest.raises(TrainingError, match=message):
        cut_patches(slide, tmp_path / "cut", seed=0)


def test_patches_that_cannot_be_read_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slide = slide_of(tmp_path)
    whole = cut_patches(slide, tmp_path / "whole", seed=0)
    seen: list[int] = []

    def read(source: ArraySource, key: object) -> object:
        seen.append(1)
        if len(seen) % 7 == 0:
            raise TileError("damaged")
        return readable(source, key)  # type: ignore[arg-type]

    readable = ArraySource.read_tile
    monkeypatch.setattr(ArraySource, "read_tile", read)
    cut = cut_patches(slide, tmp_path / "cut", seed=0)

    assert whole is not None
    assert cut is not None
    assert len(cut.pixels) == len(cut.labels) < len(whole.labels)
