"""What values of words meant on test slides, and from which value on an answer is not weak."""

from __future__ import annotations

import pytest

from tests.relevance.tissue_record import MEANING, OF_VALUES, trained
from viewer.relevance.encoders.tissue import strings
from viewer.relevance.encoders.tissue.meaning import NO_THRESHOLD, NOTHING_KNOWN, Judgement, Meaning
from viewer.relevance.encoders.vocabulary import judgement_of, lexicon_of, threshold_of
from viewer.relevance.query.parser import parse
from viewer.relevance.query.tree import Like, Query, Term

BLOOD = Term("blood", (("tissue/blood", 1.0),))


def read(text: str) -> Query:
    query = parse(text, lexicon_of("tissue")).query
    assert query is not None
    return query


def test_a_word_for_a_tested_class_has_a_meaning_and_a_threshold() -> None:
    trained()
    judged = judgement_of("tissue", read("haemorrhage"))

    assert judged.threshold == 0.62
    assert judged.of_value(0.95) == OF_VALUES[1]
    assert judged.of_value(0.7) == OF_VALUES[0]
    assert judged.of_value(0.55) == f"{OF_VALUES[0]}; weak: below 0.62"
    assert judged.of_value(0.2) == f"{strings.MEANS_UNTESTED.format(at=0.5)}; weak: below 0.62"
    assert judged.of_value(None) == ""
    assert judged.of_drawn == f"weak below 0.62, and not drawn there; {OF_VALUES[1]}"
    assert "80% of its patches" in Meaning.read(MEANING).of_threshold


def test_what_was_not_tested_means_nothing_known() -> None:
    assert judgement_of("tissue", BLOOD) == NOTHING_KNOWN, "there is no encoder"
    trained()

    assert judgement_of("measured", BLOOD) == NOTHING_KNOWN
    assert judgement_of("tissue", None) == NOTHING_KNOWN
    assert judgement_of("tissue", Like(((0, 0),))) == NOTHING_KNOWN
    assert judgement_of("tissue", read("adipose tissue")) == NOTHING_KNOWN, "it is measured"
    mixed = Term("blood", (("tissue/blood", 1.0), ("tissue/mucin", 0.5)))
    assert judgement_of("tissue", mixed) == NOTHING_KNOWN, "with other weights"
    assert judgement_of("tissue", Term("blood", (("tissue/blood", 0.3),))).threshold == 0.62
    assert NOTHING_KNOWN.of_value(0.9) == NOTHING_KNOWN.of_drawn == ""


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("blood and adipose tissue", 0.62),
        ("blood without adipose tissue", 0.62),
        ("blood near adipose tissue", 0.62),
        ("adipose tissue without blood", None),
        ("adipose tissue near blood", None),
        ("blood or adipose tissue", None),
        ("everything but blood", None),
    ],
)
def test_a_value_of_several_terms_is_weak_where_a_part_that_decides_is(
    text: str, threshold: float | None
) -> None:
    trained()

    assert threshold_of("tissue", read(text)) == threshold
    assert judgement_of("tissue", read(text)).meaning is None


def test_a_class_without_a_threshold_is_always_weak() -> None:
    trained(test={"meanings": {"blood": MEANING | {"threshold": NO_THRESHOLD}}})
    judged = judgement_of("tissue", BLOOD)

    assert judged.of_value(0.99).endswith("weak: below 1.00")
    assert judged.of_drawn.startswith(strings.WEAK_ALL)
    assert judged.meaning is not None
    assert judged.meaning.of_threshold == strings.NO_THRESHOLD.format(title="blood")
    assert Judgement(0.7).of_drawn == "weak below 0.70, and not drawn there"
