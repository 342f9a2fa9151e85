"""Scoring: fields from features, on tissue, on glass and where nothing was looked at yet."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.relevance.colours import ColourEncoder, MadeSlide, open_store, picture
from viewer.common.errors import UnsupportedTermError
from viewer.relevance.analysis.scoring import Scoring
from viewer.relevance.analysis.strings import NO_EXAMPLE_ANALYSED
from viewer.relevance.patches.nearest import nearest_known
from viewer.relevance.query.tree import All, AnyOf, Like, Near, Term, Without

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.features.store import FeatureStore
    from viewer.relevance.query.tree import Query

DARKNESS = Term("darkness")
BACKGROUND = Term("darkness", (("background", 1.0),))
SHAPE = 50, 60


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeatureStore]:
    with closing(MadeSlide(picture())) as slide, open_store(tmp_path, slide) as made:
        made.set_calibration({})
        yield made


@pytest.fixture
def tissue() -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[10:30, 10:40] = True
    return mask


def fill(store: FeatureStore, cells: NDArray[np.integer], darkness: float | NDArray[np.float32]) -> None:
    features = np.empty((len(cells), 3), np.float32)
    features.T[:] = 1 - np.asarray(darkness, np.float32)
    store.append(cells, features)


NOTHING_FAILED = np.zeros(SHAPE, bool)


def test_before_the_first_patch_only_glass_is_known(store: FeatureStore, tissue: NDArray[np.bool_]) -> None:
    field = Scoring(ColourEncoder(), store, tissue).field(DARKNESS, NOTHING_FAILED)
    assert np.array_equal(field.known, ~tissue)
    assert field.analysed_count == 0
    assert not field.scores.any()
    assert not field.estimated.any()


def test_patches_speak_for_their_neighbours(store: FeatureStore, tissue: NDArray[np.bool_]) -> None:
    fill(store, np.array([[12, 12], [12, 16]]), np.array([0.25, 0.75], np.float32))
    failed = NOTHING_FAILED.copy()
    failed[13, 13] = True
    field = Scoring(ColourEncoder(), store, tissue).field(DARKNESS, failed)
    assert field.known[12, 12]
    assert field.known[12, 16]
    assert (field.scores[12, 11:14] == 0.25).all()
    assert (field.scores[12, 15:18] == 0.75).all()
    assert field.estimated[12, 13]
    assert not field.estimated[13, 13]
    assert not field.known[13, 13]
    assert field.estimated[20, 12]
    assert not field.estimated[21, 12]
    assert not field.estimated[~tissue].any()
    assert not field.scores[~tissue].any()


def test_new_features_are_taken_over(store: FeatureStore, tissue: NDArray[np.bool_]) -> None:
    scoring = Scoring(ColourEncoder(), store, tissue)
    fill(store, np.array([[12, 12]]), 0.25)
    assert scoring.field(DARKNESS, NOTHING_FAILED).estimated[12, 13]
    fill(store, np.array([[12, 13]]), 0.5)
    field = scoring.field(DARKNESS, NOTHING_FAILED)
    assert field.known[12, 13]
    assert field.scores[12, 13] == 0.5


@pytest.mark.parametrize(
    ("query", "on_tissue", "on_glass"),
    [
        (DARKNESS, 0.25, 0),
        (BACKGROUND, 0.25, 1),
        (Term("darkness", (("background", 1.0), ("stroma", 3.0))), 0.25, 0.25),
        (Without(None, DARKNESS), 0.75, 0),
        (Without(None, BACKGROUND), 0.75, 0),
        (Without(BACKGROUND, DARKNESS), 0.1875, 1),
        (AnyOf((Without(None, DARKNESS), DARKNESS)), 0.75, 0),
        (All((Without(None, DARKNESS), DARKNESS)), 0.25, 0),
        (Without(None, Without(None, DARKNESS)), 0.25, 0),
        (Near(Without(None, DARKNESS), DARKNESS), 0.1875, 0),
        (Near(None, DARKNESS), 0.25, 0),
        (Without(None, Near(None, DARKNESS)), 0.75, 0),
    ],
)
def test_nothing_but_background_is_on_glass(
    query: Query, on_tissue: float, on_glass: float, store: FeatureStore, tissue: NDArray[np.bool_]
) -> None:
    fill(store, np.argwhere(tissue), 0.25)
    field = Scoring(ColourEncoder(), store, tissue).field(query, NOTHING_FAILED)
    assert field.known.all()
    assert field.analysed_count == tissue.sum()
    np.testing.assert_allclose(field.scores[tissue], on_tissue, atol=1e-6)
    np.testing.assert_allclose(field.scores[~tissue], on_glass, atol=1e-6)


def test_the_query_is_named_as_it_was_asked(store: FeatureStore, tissue: NDArray[np.bool_]) -> None:
    field = Scoring(ColourEncoder(), store, tissue).field(Without(None, DARKNESS), NOTHING_FAILED)
    assert field.provenance.query == "NOT darkness"
    assert field.provenance.mpp_um == (8.0, 8.0)
    assert field.provenance.software.startswith("Foveola ")


def test_examples_are_compared(
    store: FeatureStore, tissue: NDArray[np.bool_], rng: np.random.Generator
) -> None:
    cells = np.argwhere(tissue)
    features = rng.random((len(cells), 3)).astype(np.float32)
    dark = cells[:, 1] >= 30
    features[dark, 0] += 5
    store.append(cells, features)
    scoring = Scoring(ColourEncoder(), store, tissue)
    field = scoring.field(Like(((15, 32), (0, 0), (999, 3)), ((15, 12),)), NOTHING_FAILED)
    assert field.scores[15, 30:40].mean() > 0.5
    assert field.scores[15, 10:30].mean() < 0.2
    assert not field.scores[~tissue].any()


def test_examples_that_will_come_are_waited_for(store: FeatureStore, tissue: NDArray[np.bool_]) -> None:
    scoring = Scoring(ColourEncoder(), store, tissue)
    fill(store, np.array([[12, 12]]), 0.25)
    field = scoring.field(Like(((20, 20),)), NOTHING_FAILED)
    assert np.array_equal(field.known, ~tissue)


@pytest.mark.parametrize("cell", [(0, 0), (50, 0), (-1, 0), (10**12, 10**12)])
def test_examples_that_never_come_are_refused(
    cell: tuple[int, int], store: FeatureStore, tissue: NDArray[np.bool_]
) -> None:
    with pytest.raises(UnsupportedTermError, match=NO_EXAMPLE_ANALYSED):
        Scoring(ColourEncoder(), store, tissue).field(Like((cell,)), NOTHING_FAILED)


def test_an_example_that_could_not_be_read_is_refused(store: FeatureStore, tissue: NDArray[np.bool_]) -> None:
    with pytest.raises(UnsupportedTermError, match=NO_EXAMPLE_ANALYSED):
        Scoring(ColourEncoder(), store, tissue).field(Like(((12, 12),)), tissue)


def test_examples_without_numbers_are_refused(store: FeatureStore, tissue: NDArray[np.bool_]) -> None:
    fill(store, np.array([[12, 12]]), np.nan)
    with pytest.raises(UnsupportedTermError, match="cannot be compared"):
        Scoring(ColourEncoder(), store, tissue).field(Like(((12, 12),)), NOTHING_FAILED)


def test_a_score_that_is_no_number_is_not_analysed(store: FeatureStore, tissue: NDArray[np.bool_]) -> None:
    fill(store, np.argwhere(tissue), np.where(np.arange(600) == 0, np.nan, 0.5))
    field = Scoring(ColourEncoder(), store, tissue).field(DARKNESS, NOTHING_FAILED)
    assert (~field.known).sum() == 1
    assert not field.known[10, 10]
    assert not field.estimated.any()


def test_what_the_encoder_refuses_is_refused(store: FeatureStore, tissue: NDArray[np.bool_]) -> None:
    fill(store, np.array([[12, 12]]), 0.25)
    with pytest.raises(UnsupportedTermError, match="no colour"):
        Scoring(ColourEncoder(), store, tissue).field(All((DARKNESS, Term("joy"))), NOTHING_FAILED)


def test_reasons_are_of_patches_that_were_measured(store: FeatureStore, tissue: NDArray[np.bool_]) -> None:
    fill(store, np.array([[12, 12]]), 0.25)
    scoring = Scoring(ColourEncoder(), store, tissue)
    (reason,) = scoring.explain(DARKNESS, 12, 12)
    assert reason.value == 0.75
    assert scoring.explain(DARKNESS, 12, 13) == ()
    assert scoring.explain(DARKNESS, 0, 0) == ()
    assert scoring.explain(DARKNESS, 999, 999) == ()
    assert scoring.explain(Like(((12, 12),)), 12, 12) == ()


def test_the_nearest_is_the_nearest(rng: np.random.Generator) -> None:
    shape = 23, 31
    cells = np.argwhere(rng.random(shape) < 0.01)
    wanted = rng.random(shape) < 0.8
    nearest = nearest_known(shape, cells, wanted, reach=6)
    steps = np.abs(np.indices(shape)[:, None] - cells.T[:, :, None, None]).max(0)
    for row, col in np.ndindex(shape):
        if not wanted[row, col] or steps[:, row, col].min() > 6:
            assert nearest[row, col] == -1
        else:
            assert steps[nearest[row, col], row, col] == steps[:, row, col].min()
    assert (nearest_known(shape, cells[:0], wanted) == -1).all()
