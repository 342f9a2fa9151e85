"""Thresholds by false alarms on calibration slides, and what values meant on test slides."""

from __future__ import annotations

import numpy as np
import pytest

from tests.relevance.training.tissue.made_logits import A_REGION, TISSUE, made_logits, made_slide
from viewer.relevance.encoders.tissue.classes import class_indices
from viewer.relevance.encoders.tissue.meaning import NO_THRESHOLD, Meaning
from viewer.relevance.encoders.tissue.network import Calibration
from viewer.relevance.training.tissue.evaluation import probabilities_of
from viewer.relevance.training.tissue.evaluation import tested as figures_of
from viewer.relevance.training.tissue.page import as_markdown
from viewer.relevance.training.tissue.reliability import meanings, thresholds, tumour_error

CARCINOMA, STROMA = class_indices()["carcinoma"], class_indices()["fibrous_stroma"]
TUMOUR = "carcinoma+neuroendocrine_tumour+other_tumour"


def probabilities(rows: list[float]) -> np.ndarray:
    """Of carcinoma as given, the rest stroma."""
    found = np.zeros((len(rows), len(class_indices())))
    found[:, CARCINOMA] = rows
    found[:, STROMA] = 1 - found[:, CARCINOMA]
    return found


def test_the_lowest_threshold_with_few_false_alarms_is_chosen() -> None:
    free = made_slide("free", tumour_free=True)
    alarms = [0.7, 0.6, 0.6, 0.6] + [0.1] * (TISSUE - 4)  # 4 of 300 are 1.3 %, one is 0.3 %

    found = thresholds([free], {"free": probabilities(alarms)})

    assert found["carcinoma"] == found[TUMOUR] == pytest.approx(0.61)
    assert "lymphoid" not in found, "there is nothing to choose by"


def test_the_worst_slide_counts_for_tumour() -> None:
    slides = [made_slide(f"free {number}", tumour_free=True) for number in range(5)]
    values = {one.slide.name: probabilities([0.1] * TISSUE) for one in slides}
    values["free 4"] = probabilities([0.8] * 12 + [0.1] * (TISSUE - 12))  # 4 % of it, 0.8 % on average

    assert thresholds(slides, values)["carcinoma"] == pytest.approx(0.81)


def test_where_no_value_is_rare_there_is_no_threshold() -> None:
    free = made_slide("free", tumour_free=True)

    found = thresholds([free], {"free": probabilities([1.0] * TISSUE)})

    assert found["carcinoma"] == NO_THRESHOLD


def test_other_classes_are_judged_by_regions_of_others() -> None:
    slide = made_slide("one", "lymphoid", "blood", "nerve", "liver")
    values = np.zeros((len(slide.labels), len(class_indices())))
    values[:, class_indices()["lymphoid"]] = 0.9  # also outside of regions, where nobody said what is there
    values[A_REGION : 4 * A_REGION] = 0
    values[A_REGION, class_indices()["lymphoid"]] = 0.75

    assert thresholds([slide], {"one": values})["lymphoid"] == pytest.approx(0.5)
    values[A_REGION : A_REGION + 3, class_indices()["lymphoid"]] = 0.75
    assert thresholds([slide], {"one": values})["lymphoid"] == pytest.approx(0.76)


def test_what_values_meant() -> None:
    slides = [made_slide("tumour", "carcinoma"), made_slide("free", tumour_free=True)]
    values = {
        "tumour": probabilities(
            [0.95] * 30 + [0.6] * 10 + [0.95] * TISSUE
        ),  # whose other tissue is not known
        "free": probabilities([0.95] * 6 + [0.1] * (TISSUE - 6)),
    }

    found = meanings(slides, values, {"carcinoma": 0.8})

    assert list(found) == ["carcinoma"]
    meaning = Meaning.read(found["carcinoma"])
    assert (meaning.title, meaning.threshold) == ("carcinoma", 0.8)
    assert meaning.recall == pytest.approx(30 / 40)
    assert meaning.false_alarms == meaning.worst == pytest.approx(6 / TISSUE)
    low, _, high = meaning.levels
    assert (high.at, high.patches, high.slides, high.cases) == (0.9, 36, 2, 2)
    assert high.right == pytest.approx(30 / 36)
    assert (low.patches, low.right) == (46, pytest.approx(40 / 46))
    assert meaning.of_value(0.93) == "of 36 patches at 0.9 and more, 83% were carcinoma, in 2 test slides"
    assert meaning.of_value(0.6).startswith("of 46 patches at 0.5 and more")
    assert meaning.of_value(0.3) == "what values below 0.5 meant on test slides was not counted"
    assert "75% of its patches reach that, and 2.0% of tissue without it" in meaning.of_threshold


def test_the_calibration_error_of_tumour_counts_cases_alike() -> None:
    slides = [made_slide("tumour", "carcinoma"), made_slide("free", tumour_free=True)]
    tumour = {"tumour": np.full(A_REGION + TISSUE, 0.9), "free": np.full(TISSUE, 0.1)}

    assert tumour_error(slides, tumour) == pytest.approx(0.1)
    assert tumour_error(slides[:1], tumour) is None


def test_a_whole_test_has_meanings_for_the_words_of_the_lexicon() -> None:
    slides = [
        made_slide("tumour", "carcinoma", "smooth_muscle", "lymphoid"),
        made_slide("free", "fibrous_stroma", "lymphoid", "germinal_centre", tumour_free=True),
    ]
    logits = made_logits(slides)
    chosen = thresholds(slides, probabilities_of(slides, logits, Calibration()))

    found = figures_of(slides, logits, Calibration(), chosen, seed=0)

    assert {"carcinoma", TUMOUR, "lymphoid+germinal_centre"} <= found["meanings"].keys()
    assert found["meanings"][TUMOUR]["title"] == "tumour"
    assert found["tumour"]["calibration_error"] < 0.2
    page = as_markdown(
        {
            "slides": {
                "train": [],
                "calibration": [],
                "test": [{"slide": one.slide.name, "case": one.slide.case} for one in slides],
            },
            "note": "",
            "options": {"steps": 1, "seed": 0, "start": None, "until": None},
            "test": found,
            "novel": {},
            "failures": [],
        },
        pictured=True,
    )
    (row,) = [line for line in page.splitlines() if line.startswith("| tumour | 0")]
    assert row.startswith(f"| tumour | {chosen[TUMOUR]:.2f} | 100% | 0.0% | 0.0% | 100% of 40 in 1 slides |")
