"""How many labelled patches their nearest neighbours name right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.relevance.tissue_corpus import add_slide
from viewer.relevance.training.pretraining import strings
from viewer.relevance.training.pretraining.neighbours import Labelled, labelled_patches, named_right
from viewer.relevance.training.tissue.corpus import read_corpus

if TYPE_CHECKING:
    from pathlib import Path


def labelled(classes: list[int], cases: list[str]) -> Labelled:
    return Labelled(np.array(classes), np.array(cases), np.zeros((len(classes), 1)))


def test_features_that_tell_classes_apart_name_all_right_and_noise_names_half() -> None:
    rng = np.random.default_rng(0)
    classes = [0, 1] * 100
    asked = labelled(classes, ["a"] * 100 + ["b"] * 100)
    planted = rng.normal(size=(200, 8)) + 6 * np.array(classes)[:, None] * np.eye(8)[0]

    assert named_right(planted, asked) > 0.95
    assert 0.35 < named_right(rng.normal(size=(200, 8)), asked) < 0.65


def test_neighbours_of_the_same_case_do_not_count() -> None:
    """What tells cases apart alone is worth nothing."""
    cases = np.repeat([0, 1, 2, 3], 30)
    classes = [0] * 60 + [1] * 60
    features = np.eye(4)[cases] + np.random.default_rng(0).normal(size=(120, 4)) * 0.01

    assert named_right(features, labelled(classes, [str(case) for case in cases])) < 0.5


def test_classes_of_one_case_are_not_asked() -> None:
    asked = labelled([0, 0, 1, 2, 2], ["a", "b", "a", "a", "b"])

    assert asked.asked().tolist() == [True, True, False, True, True]
    assert not labelled([0, 1], ["a", "a"]).asked().any()


def test_the_mean_is_over_classes_not_over_patches() -> None:
    features = np.array([[1.0, 0.0]] * 4 + [[0.0, 1.0]])
    asked = labelled([0, 0, 0, 0, 1], ["a", "a", "b", "b", "a"])

    assert named_right(features, asked) == 1.0  # class 1 is of one case


def test_patches_of_regions_with_their_measurements(tmp_path: Path) -> None:
    add_slide(tmp_path, "one")
    lost = add_slide(tmp_path, "lost")
    useless = add_slide(tmp_path, "useless", mpp_um=0.1)
    (tmp_path / "slides" / "lost.png").write_text("no picture")
    notes: list[str] = []

    found = labelled_patches(read_corpus(tmp_path), tmp_path / "cut", seed=0, note=notes.append)

    assert found is not None
    (pixels,) = found.pixels
    assert pixels.shape == (12, 256, 256, 3)
    assert found.labelled.measured.shape == (12, 39)
    assert np.isfinite(found.labelled.measured).all()
    assert len(found.drawn) == len(set(found.identities.tolist())) == 1
    first = found.labelled.classes == found.labelled.classes[0]
    shade = pixels.mean(axis=(1, 2, 3))
    assert shade[first].max() < shade[~first].min() or shade[first].min() > shade[~first].max()
    assert len(notes) == 2
    assert str(lost.parent.parent / "slides" / "lost.png") in notes[0]
    assert notes[1] == strings.NO_LABELLED_PATCH.format(path=useless)


def test_a_corpus_of_which_nothing_can_be_used_labels_nothing(tmp_path: Path) -> None:
    add_slide(tmp_path, "useless", mpp_um=0.1)

    corpus = read_corpus(tmp_path)
    assert labelled_patches(corpus, tmp_path / "cut", seed=0, note=lambda _sentence: None) is None
