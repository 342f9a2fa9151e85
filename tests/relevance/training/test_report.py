"""The figures of a test: against their definitions, and on cases where the answer is known."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from tests.messages import pattern
from viewer.relevance.training import strings
from viewer.relevance.training.report import (
    Prediction,
    as_markdown,
    auc,
    auc_interval,
    brier,
    calibration_error,
    figures,
    fit_temperature,
    log_odds,
    predictions_as_facts,
)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), max_size=30))
def test_the_area_counts_pairs(rows: list[tuple[int, bool, int]]) -> None:
    scores = np.array([row[0] for row in rows], float)
    positive = np.array([row[1] for row in rows], bool)
    weights = np.array([row[2] for row in rows], float)
    won = total = 0.0
    for i in np.flatnonzero(positive):
        for j in np.flatnonzero(~positive):
            pair = weights[i] * weights[j]
            total += pair
            won += pair * ((scores[i] > scores[j]) + (scores[i] == scores[j]) / 2)
    area = auc(scores, positive, weights)
    if total:
        assert area == pytest.approx(won / total)
    else:
        assert area is None


def test_the_interval_covers_and_is_repeatable(rng: np.random.Generator) -> None:
    """Over made studies whose area is 0.76 (two normals, one apart), about 95 % of the intervals hold it."""
    held = 0
    for study in range(60):
        positive = np.arange(80) < 40
        scores = rng.normal(size=80) + positive
        patients = [str(n) for n in range(80)]
        low, high = auc_interval(scores, positive, patients, seed=study, resamples=300) or (1, 0)
        held += low <= 0.7602 <= high
    assert 52 <= held <= 60
    assert auc_interval(scores, positive, patients, seed=1) == auc_interval(
        scores, positive, patients, seed=1
    )


def test_slides_of_one_patient_widen_the_interval(rng: np.random.Generator) -> None:
    """Ten copies of every slide are no more evidence than one."""
    positive = np.arange(40) < 20
    scores = rng.normal(size=40) + positive
    names = [str(n) for n in range(40)]
    alone = auc_interval(scores, positive, names, seed=0)
    copied = auc_interval(np.repeat(scores, 10), np.repeat(positive, 10), list(np.repeat(names, 10)), seed=0)
    assert alone is not None
    assert copied == pytest.approx(alone)


def test_patients_with_both_labels_are_drawn(rng: np.random.Generator) -> None:
    positive = np.arange(40) % 2 == 0
    low, high = auc_interval(rng.normal(size=40), positive, [str(n // 2) for n in range(40)], seed=0) or (
        1,
        0,
    )
    assert low < 0.5 < high


def test_no_area_no_interval() -> None:
    assert auc_interval(np.array([0.1, 0.2]), np.array([True, True]), ["a", "b"], seed=0) is None


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 4.0])
def test_the_temperature_is_found(rng: np.random.Generator, true_temperature: float) -> None:
    logits = rng.normal(size=(20_000, 3)) * 2
    draws = softmax(logits, axis=1).cumsum(axis=1) > rng.random((20_000, 1))
    labels = draws.argmax(axis=1)
    assert fit_temperature(logits * true_temperature, labels) == pytest.approx(true_temperature, rel=0.05)


def test_a_few_slides_classified_right_make_no_certainty() -> None:
    """Without smoothed targets the temperature would fall to its least, and probabilities rise to 1."""
    labels = np.array([0, 0, 0, 1, 1, 1])
    logits = np.where(np.eye(2)[labels] > 0, 2.0, -2.0)
    temperature = fit_temperature(logits, labels)
    assert softmax(logits / temperature, axis=1).max() == pytest.approx(0.8, abs=0.001)  # (3 + 1) / (3 + 2)


def test_logits_that_say_nothing_are_flattened(rng: np.random.Generator) -> None:
    labels = rng.integers(0, 2, 5000)
    assert fit_temperature(rng.normal(size=(5000, 2)) * 9, labels) > 15


def test_brier_and_calibration_by_hand() -> None:
    given_ = np.array([[0.9, 0.1], [0.95, 0.05], [0.4, 0.6]])
    labels = np.array([0, 1, 1])
    assert brier(given_, labels) == pytest.approx((0.02 + 1.805 + 0.32) / 3)
    # Both of the surest fall into one bin: 1.85 said, 1 right; the third 0.6 said, 1 right.
    assert calibration_error(given_, labels) == pytest.approx((0.85 + 0.4) / 3)
    assert calibration_error(np.array([[1.0, 0.0]]), np.array([0])) == 0


def predictions(classes: int = 2) -> list[Prediction]:
    chance = np.random.default_rng(0)
    made = []
    for number in range(24):
        label = number % classes
        logits = chance.normal(size=classes)
        logits[label] += 1
        fold = f"fold {number % 2 + 1}"
        made.append(Prediction(fold, f"s{number}", f"p{number // 2}", label, tuple(logits), 2.0))
    return made


def facts(classes: int = 2) -> dict[str, object]:
    names = ["no", "yes", "may|be"][:classes]
    return {
        "name": "ours",
        "head": {"kind": "gated"},
        "encoder": {"id": "fake", "version": "1"},
        "notes": ["Two slides are missing."],
        "report": figures(predictions(classes), names, seed=0),
    }


def test_figures_of_two_classes() -> None:
    tested = figures(predictions(), ["no", "yes"], seed=0)
    assert (tested["slides"], tested["patients"]) == (24, 12)
    assert tested["slides_by_class"] == {"no": 12, "yes": 12}
    area = tested["auc"]["yes"]
    assert list(tested["auc"]) == ["yes"]
    assert area["low"] < area["auc"] < area["high"]
    assert [one["slides"] for one in tested["splits"]] == [12, 12]
    assert tested["calibration"]["before"] != tested["calibration"]["after"]


def test_probabilities_of_1_to_all_digits_are_ranked_all_the_same(rng: np.random.Generator) -> None:
    raw = rng.normal(size=60) + (np.arange(60) % 2) * 0.8
    given_ = [
        Prediction("held out", str(n), str(n), n % 2, (0.0, 60 * raw[n] + 120, -1.0), 1.0) for n in range(60)
    ]
    assert len(np.unique(softmax(np.array([one.logits for one in given_]), axis=1)[:, 1])) < 30
    for classes in (2, 3):
        rows = [replace(one, logits=one.logits[:classes]) for one in given_]
        tested = figures(rows, ["no", "yes", "may"][:classes], seed=0)
        assert tested["auc"]["yes"]["auc"] == pytest.approx(auc(raw, np.arange(60) % 2 == 1), abs=0.002)
        assert tested["splits"][0]["auc"]["yes"] == tested["auc"]["yes"]["auc"]


@pytest.mark.parametrize("classes", [2, 3])
def test_odds_are_those_of_the_probabilities(rng: np.random.Generator, classes: int) -> None:
    logits = rng.normal(size=(20, classes)) * 3
    chances = softmax(logits, axis=1)
    assert np.allclose(log_odds(logits), np.log(chances / (1 - chances)))


def test_patients_that_are_not_stated_are_not_counted() -> None:
    tested = figures(predictions(), ["no", "yes"], seed=0, patients_stated=False)
    assert tested["patients"] is None
    assert strings.SLIDES_ONLY.format(slides=24) in as_markdown(facts() | {"report": tested})


def test_a_class_that_the_test_lacks_is_not_made_up() -> None:
    only = [one for one in predictions() if one.label == 1]
    tested = figures(only, ["no", "yes"], seed=0)
    assert tested["auc"]["yes"] == {"auc": None, "low": None, "high": None}
    page = as_markdown(facts() | {"report": tested})
    assert strings.NOT_BETTER_THAN_CHANCE.format(classes="yes") in page
    undefined = dict.fromkeys(("auc", "low", "high"), strings.UNDEFINED)
    assert strings.AUC_ROW.format(name="yes", **undefined) in page


def test_the_page_says_what_was_tested() -> None:
    page = as_markdown(facts(3))
    assert page.startswith("# ours\n")
    assert strings.SLIDES_OF_PATIENTS.format(slides=24, patients=12) in page
    assert "Research use only" in page
    assert strings.FOLDS.format(folds=2) in page
    assert page.endswith("- Two slides are missing.\n")
    assert page.count("| fold") == 2
    assert "| may\\|be |" in page
    sure = [
        Prediction("held out", str(n), str(n), n % 2, (-9.0 * (n % 2), 9.0 * (n % 2)), 1.0) for n in range(6)
    ]
    perfect = as_markdown(facts() | {"report": figures(sure, ["no", "yes"], seed=0)})
    assert strings.PERFECT_RANKING in perfect
    assert not re.search(pattern(strings.FOLDS), perfect)
    assert not re.search(pattern(strings.NOT_BETTER_THAN_CHANCE), perfect)


def test_what_was_said_of_slides_names_no_patients() -> None:
    rows = predictions_as_facts(predictions(), ["no", "yes"])
    assert set(rows[0]) == {"slide", "split", "label", "probabilities"}
    assert sum(rows[0]["probabilities"].values()) == pytest.approx(1)
