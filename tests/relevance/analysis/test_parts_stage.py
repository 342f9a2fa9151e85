"""Patches analysed in parts: which ones, what they score then, and that it is kept."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.relevance.colours import DARK, DividingColours, MadeSlide, open_store, picture
from viewer.common.errors import UnsupportedTermError
from viewer.relevance.analysis.parts_stage import (
    CERTAIN_BELOW,
    HIGHEST_SHARE,
    UNCERTAIN_SHARE,
    UNLIKE_SHARE,
    PartsStage,
)
from viewer.relevance.analysis.scoring import Scoring
from viewer.relevance.analysis.slide_analysis import Analysis
from viewer.relevance.patches.novelty import unlike_neighbours
from viewer.relevance.query.tree import Term

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from viewer.relevance.features.store import FeatureStore

DARKNESS = Term("darkness")
CORNER = 20, 24
"""The patch at whose first corner a dark square of half a patch lies: a quarter of it in each of four."""


def with_focus(torn: Collection[tuple[int, int]] = ()) -> MadeSlide:
    pixels = picture()
    y, x = (16 * at for at in CORNER)
    pixels[128:608, 608:768] = pixels[128:608, 448:608]
    pixels[y - 4 : y + 4, x - 4 : x + 4] = DARK
    return MadeSlide(pixels, torn=torn)


def analysed(slide: MadeSlide, store: FeatureStore) -> tuple[Analysis, DividingColours]:
    encoder = DividingColours()
    analysis = Analysis(slide, encoder, store)
    analysis.run_to_end(query=DARKNESS, threads=1)
    return analysis, encoder


def test_a_focus_between_patches_scores_by_its_own_area(tmp_path: Path) -> None:
    with closing(with_focus()) as slide, open_store(tmp_path, slide, DividingColours.card) as store:
        analysis, encoder = analysed(slide, store)
        whole = Scoring(encoder, store, analysis.tissue).field(DARKNESS, analysis.failed, parts=False)
        best = analysis.field(DARKNESS)
        dark = 1 - np.mean(DARK) / 255
        assert whole.scores[CORNER] < dark - 0.2
        assert best.scores[CORNER] == pytest.approx(dark, abs=1e-5)
        assert np.array_equal(whole.known, best.known)
        assert (best.scores >= whole.scores).all()
        assert (best.scores > whole.scores).sum() <= store.parts.count
        share = HIGHEST_SHARE + UNCERTAIN_SHARE + UNLIKE_SHARE
        assert 0 < store.parts.count <= share * analysis.total + 3
        said = f"{store.parts.count} patches"
        assert said in best.provenance.normalisation
        assert said not in whole.provenance.normalisation


def test_reasons_are_those_of_the_best_part(tmp_path: Path) -> None:
    with closing(with_focus()) as slide, open_store(tmp_path, slide, DividingColours.card) as store:
        analysis, _ = analysed(slide, store)
        (reason,) = analysis.explain(DARKNESS, *CORNER)
        assert reason.of_part
        assert reason.value == pytest.approx(DARK[0] / 255, abs=1e-5)
        assert reason.in_words().endswith(", in its best part")
        row, col = np.argwhere(analysis.tissue & ~store.parts.known())[0].tolist()
        assert not analysis.explain(DARKNESS, row, col)[0].of_part


def test_parts_are_kept_and_the_same_ones_are_chosen_again(tmp_path: Path) -> None:
    with closing(with_focus()) as slide:
        with open_store(tmp_path, slide, DividingColours.card) as store:
            analysis, encoder = analysed(slide, store)
            scores, count = analysis.field(DARKNESS).scores, store.parts.count
            assert encoder.divided >= count
        with open_store(tmp_path, slide, DividingColours.card) as store:
            assert store.complete
            analysis, encoder = analysed(slide, store)
            assert np.array_equal(analysis.field(DARKNESS).scores, scores)
            assert store.parts.count == count
            assert encoder.encoded == encoder.divided == 0


def test_a_query_adds_parts_to_an_index_that_was_made_without(tmp_path: Path) -> None:
    with closing(with_focus()) as slide:
        with open_store(tmp_path, slide, DividingColours.card) as store:
            analysis = Analysis(slide, DividingColours(), store)
            analysis.run_to_end(threads=1)
            unlike = store.parts.count
            assert 0 < unlike <= UNLIKE_SHARE * analysis.total + 1
        with open_store(tmp_path, slide, DividingColours.card) as store:
            _, encoder = analysed(slide, store)
            assert store.parts.count > unlike
            assert encoder.encoded == 0
            assert store.complete
        with open_store(tmp_path, slide, DividingColours.card) as store:
            assert store.complete
            assert store.parts.count > unlike


def test_another_question_takes_the_place_of_what_was_to_be_done(tmp_path: Path) -> None:
    with closing(with_focus()) as slide, open_store(tmp_path, slide, DividingColours.card) as store:
        analysis = Analysis(slide, DividingColours(), store)
        analysis.run_to_end(threads=1)
        assert analysis.parts is not None
        assert analysis.divide(DARKNESS)
        for_darkness = analysis.parts.pending.copy()
        assert not analysis.divide(Term("light"))
        assert for_darkness.any()
        assert not analysis.parts.pending.any()


def test_what_cannot_be_scored_in_parts_chooses_nothing_for_it(tmp_path: Path) -> None:
    with closing(with_focus()) as slide, open_store(tmp_path, slide, DividingColours.card) as store:
        analysis = Analysis(slide, DividingColours(), store)
        analysis.run_to_end(query=Term("light"), threads=1)
        assert store.complete
        assert store.parts.count <= UNLIKE_SHARE * analysis.total + 1
        with pytest.raises(UnsupportedTermError):
            analysis.field(Term("light"))


def test_a_score_that_is_certain_chooses_no_patch(tmp_path: Path) -> None:
    with closing(with_focus()) as slide, open_store(tmp_path, slide, DividingColours.card) as store:
        analysis = Analysis(slide, DividingColours(), store)
        analysis.parts = None
        analysis.run_to_end(threads=1)
        counts = []
        for score in (0, np.nextafter(np.float32(CERTAIN_BELOW), np.float32(0)), CERTAIN_BELOW):
            stage = PartsStage(store)
            stage.choose(np.full(store.grid.shape, score, np.float32))
            counts.append(int(stage.pending.sum()))
        assert 0 < counts[0] == counts[1] < counts[2]


def test_parts_that_cannot_be_read_leave_their_patch_as_it_is(tmp_path: Path) -> None:
    with closing(with_focus()) as slide, open_store(tmp_path, slide, DividingColours.card) as store:
        analysis = Analysis(slide, DividingColours(), store)
        parts, analysis.parts = analysis.parts, None
        analysis.run_to_end(threads=1)
        analysis.parts = parts
        slide.torn = {(row, col) for row in range(4) for col in range(4)}
        analysis.run_to_end(query=DARKNESS, threads=1)
        assert parts is not None
        assert parts.progress is not None
        assert parts.progress.done == parts.progress.total == parts.progress.failed + store.parts.count
        assert parts.progress.failed > 0
        assert analysis.field(DARKNESS).known.all()


def test_what_differs_from_its_neighbours_is_unlike_them() -> None:
    cells = np.stack(np.meshgrid(np.arange(9), np.arange(9), indexing="ij"), axis=-1).reshape(-1, 2)
    features = np.random.default_rng(0).normal(0, 1, (81, 4)).astype(np.float32)
    features[40] += 6
    features[7, 2] = np.nan
    values = unlike_neighbours(cells, features, (9, 9))
    assert np.isfinite(values).all()
    assert values.argmax() == 40
    assert unlike_neighbours(cells[:1], features[:1], (9, 9)) == 0
