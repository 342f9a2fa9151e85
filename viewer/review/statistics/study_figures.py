"""The figures of a reader study from its table: each way of reading, agreement, changes, several readers.

A *way* is the first or the last opinion; where the study has arms, it is the arm, by last opinions. What
cannot be computed is said, with the reason, and no number is given for it.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.review.statistics import strings
from viewer.review.statistics.agreement import cohen, fleiss, with_interval
from viewer.review.statistics.multi_reader import compare
from viewer.review.statistics.roc import auc, curve, rates
from viewer.review.study import CHANGES, StudyError, options_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from viewer.review.study import StudyRow

    Answer = tuple[str, str]
    """What was answered, and the confidence; "" where none was given."""


def study_figures(rows: Sequence[StudyRow], question: str = "", positive: str = "") -> dict[str, Any]:
    """All figures of one question, by default the first; ``positive``: the answer that calls a case diseased,
    by default the first option. Raises StudyError where the table has no such question or answer."""
    known = list(dict.fromkeys(row.question for row in rows))
    question = question or next(iter(known), "")
    chosen = [row for row in rows if row.question == question]
    if not chosen:
        raise StudyError(strings.NO_QUESTION.format(question=question, known=", ".join(known)))
    options = options_of(chosen[0])
    positive = positive or next(iter(options), "")
    if positive not in options:
        raise StudyError(strings.NO_OPTION.format(option=positive, known=", ".join(options)))
    notes: list[str] = []
    ways = _ways(chosen)
    truth = {row.case: row.reference == positive for row in chosen if row.reference}
    if not truth:
        notes.append(strings.NO_REFERENCE)
    readers = list(dict.fromkeys(row.reader for row in chosen))
    return {
        "question": question,
        "positive": positive,
        "cases": len({row.case for row in chosen}),
        "with_reference": len(truth),
        "readers": readers,
        "ways": {name: _of_way(way, truth, positive, options, notes, name) for name, way in ways.items()},
        "changes": {
            reader: {
                kind: count
                for kind, count in Counter(row.change for row in chosen if row.reader == reader).items()
                if kind in CHANGES
            }
            for reader in readers
        },
        "multi_reader": _several(ways, truth, positive, notes),
        "notes": list(dict.fromkeys(notes)),
    }


def _ways(rows: Sequence[StudyRow]) -> dict[str, dict[tuple[str, str], Answer]]:
    """By name of a way, by reader and case, the answer."""
    arms = list(dict.fromkeys(row.arm for row in rows))
    if len(arms) > 1:
        return {
            arm: {(row.reader, row.case): (row.last, row.last_confidence) for row in rows if row.arm == arm}
            for arm in arms
        }
    return {
        "first": {(row.reader, row.case): (row.first, row.first_confidence) for row in rows},
        "last": {(row.reader, row.case): (row.last, row.last_confidence) for row in rows},
    }


def _rating(answer: Answer, positive: str) -> float:
    """0 to 1: a certain no to a certain yes. An answer without a confidence counts as certain."""
    said, confidence = answer
    half = int(confidence or 100) / 200
    return 0.5 + half if said == positive else 0.5 - half


def _of_way(
    way: Mapping[tuple[str, str], Answer],
    truth: Mapping[str, bool],
    positive: str,
    options: Sequence[str],
    notes: list[str],
    name: str,
) -> dict[str, Any]:
    by_reader: dict[str, Any] = {}
    readers = list(dict.fromkeys(reader for reader, _case in way))
    for reader in readers:
        cases = [case for one, case in way if one == reader and case in truth]
        is_diseased = np.array([truth[case] for case in cases], bool)
        called = np.array([way[reader, case][0] == positive for case in cases], bool)
        ratings = np.array([_rating(way[reader, case], positive) for case in cases], float)
        area = auc(ratings, is_diseased)
        if cases and area is None:
            notes.append(strings.ONE_KIND.format(reader=reader, way=name))
        by_reader[reader] = {
            "cases": len(cases),
            "auc": area,
            "roc": curve(ratings, is_diseased) if area is not None else None,
            **{key: value and value._asdict() for key, value in rates(called, is_diseased)._asdict().items()},
        }
    if any(not confidence for _said, confidence in way.values()):
        notes.append(strings.NO_CONFIDENCE)
    return {"readers": by_reader, "agreement": _agreement(way, readers, options, notes, name)}


def _agreement(
    way: Mapping[tuple[str, str], Answer],
    readers: Sequence[str],
    options: Sequence[str],
    notes: list[str],
    name: str,
) -> dict[str, Any] | None:
    """Kappa over the cases that all readers answered."""
    cases = [
        case
        for case in dict.fromkeys(case for _reader, case in way)
        if all(way.get((reader, case), ("", ""))[0] in options for reader in readers)
    ]
    if len(readers) < 2 or len(cases) < 2:
        notes.append(strings.NO_AGREEMENT.format(way=name, readers=len(readers), cases=len(cases)))
        return None
    codes = np.array([[options.index(way[reader, case][0]) for case in cases] for reader in readers])
    is_pair = len(readers) == 2
    of: Callable[[NDArray[np.intp]], float | None] = partial(
        _cohen if is_pair else fleiss, options=len(options)
    )
    found = with_interval(of, codes)
    if found is None:
        notes.append(strings.ALL_ALIKE.format(way=name))
        return None
    return {"kind": "Cohen" if is_pair else "Fleiss", "cases": len(cases), **found._asdict()}


def _cohen(answers: NDArray[np.intp], options: int) -> float | None:
    return cohen(answers[0], answers[1], options)


def _several(
    ways: Mapping[str, Mapping[tuple[str, str], Answer]],
    truth: Mapping[str, bool],
    positive: str,
    notes: list[str],
) -> dict[str, Any] | None:
    """The comparison of two ways over readers and cases; every reader must have read every case both ways."""
    if len(ways) != 2 or not truth:
        notes.append(strings.NOT_TWO_WAYS.format(count=len(ways)))
        return None
    readers = list(dict.fromkeys(reader for way in ways.values() for reader, _case in way))
    cases = [case for case in truth if all((one, case) in way for way in ways.values() for one in readers)]
    is_diseased = np.array([truth[case] for case in cases], bool)
    ratings = np.array(
        [[[_rating(way[one, case], positive) for case in cases] for one in readers] for way in ways.values()],
        float,
    ).reshape(2, len(readers), len(cases))
    try:
        found = compare(ratings, is_diseased)
    except ValueError as error:
        notes.append(strings.NO_COMPARISON.format(readers=len(readers), cases=len(cases), error=error))
        return None
    parts = found.components
    return {
        "ways": list(ways),
        "areas": parts.areas.tolist(),
        **{name: value for name, value in parts._asdict().items() if name != "areas"},
        **{name: getattr(found, name)._asdict() for name in ("readers_and_cases", "cases", "readers")},
        "case_count": len(cases),
    }
