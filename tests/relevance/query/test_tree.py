"""A query evaluates as its words say, keeps its leaves in order, and comes back from JSON or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from viewer.relevance.patches.field import Provenance, RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.query.tree import (
    MAX_LEAVES,
    All,
    AnyOf,
    Like,
    Near,
    Query,
    QueryError,
    Term,
    Without,
    depth_of,
    evaluate,
    from_json,
    leaves,
    text_of,
    to_json,
    with_weights,
)

if TYPE_CHECKING:
    from viewer.relevance.query.tree import Leaf

GRID = PatchGrid(4, 1, 10.0, 10.0)
FAT, BLOOD = Term("fat", (("adipose_tissue", 1.0),)), Term("blood vessels", (("blood_vessels", 0.5),))
LIKE = Like(((0, 1), (2, 3)), ((0, 0),))
DEEP = Without(All((Near(FAT, BLOOD, 250.0), AnyOf((LIKE, Term("KRAS"))))), Without(None, BLOOD))
VALUES = {FAT: [1.0, 0.8, 0.2, 0.0], BLOOD: [0.0, 0.5, 0.25, 1.0]}


def field_of(leaf: Leaf) -> RelevanceField:
    provenance = Provenance("test", "q", "n", (0.5, 0.5), False, "2026-01-01T00:00:00+00:00", "test")
    known = np.array([[True, True, True, leaf != FAT]])
    return RelevanceField.of(GRID, np.array([VALUES[leaf]]), known, provenance)  # type: ignore[index]


@pytest.mark.parametrize(
    ("query", "scores"),
    [
        (FAT, [1.0, 0.8, 0.2]),
        (All((FAT, BLOOD)), [0.0, 0.5, 0.2]),
        (AnyOf((FAT, BLOOD)), [1.0, 0.8, 0.25]),
        (Without(FAT, BLOOD), [1.0, 0.4, 0.15]),
        (Without(None, FAT), [0.0, 0.2, 0.8]),
        (Near(FAT, BLOOD), [0.5, 0.4, 0.2]),
        (Near(FAT, BLOOD, 400.0), [1.0, 0.8, 0.2]),
    ],
)
def test_scores_follow_the_words_and_what_is_unknown_stays_so(query: Query, scores: list[float]) -> None:
    field = evaluate(query, field_of)
    assert field.scores[0, :3].tolist() == pytest.approx(scores)
    assert field.known.tolist() == [[True, True, True, False]]
    assert field.provenance.query == text_of(query)


def test_near_alone_is_all_that_is_near() -> None:
    near = evaluate(Near(None, BLOOD), field_of)
    assert near.scores[0].tolist() == [0.5, 0.5, 1.0, 1.0]
    assert near.known.all()
    assert evaluate(Without(None, Near(None, BLOOD)), field_of).scores[0].tolist() == [0.5, 0.5, 0.0, 0.0]
    beside_unknown = evaluate(Without(None, Near(None, FAT)), field_of)
    assert beside_unknown.known.tolist() == [[True, True, False, False]], "fat may be next to the third"


def test_leaves_from_left_to_right() -> None:
    assert leaves(DEEP) == (FAT, BLOOD, LIKE, Term("KRAS"), BLOOD)
    assert depth_of(FAT) == 0
    assert depth_of(DEEP) == 3


def test_other_weights_for_one_leaf_change_nothing_else() -> None:
    near = with_weights(Near(None, FAT, 50.0), 0, (("blood", 2.0),))
    assert near == Near(None, Term("fat", (("blood", 2.0),)), 50.0)
    changed = with_weights(DEEP, 4, (("blood", 2.0),))
    assert leaves(changed) == (FAT, BLOOD, LIKE, Term("KRAS"), Term("blood vessels", (("blood", 2.0),)))
    assert text_of(changed) == text_of(DEEP)
    for index in (-1, 2, 5):
        with pytest.raises(IndexError):
            with_weights(DEEP, index, ())


def test_the_text_says_it_in_operators() -> None:
    assert text_of(Without(FAT, BLOOD)) == "fat WITHOUT blood vessels"
    assert text_of(Without(None, Near(None, FAT, 250.0))) == "NOT (WITHIN 250 µm OF fat)"
    assert text_of(All((Term("no special type"), FAT))) == '"no special type" AND fat'
    assert text_of(DEEP) == (
        "((fat WITHIN 250 µm OF blood vessels) AND ([like 2 marked, unlike 1] OR KRAS)) "
        "WITHOUT (NOT blood vessels)"
    )


def test_comes_back_from_json() -> None:
    assert from_json(to_json(DEEP)) == DEEP
    assert from_json(to_json(Near(None, FAT, 50.0))) == Near(None, FAT, 50.0)


def _nested(depth: int) -> dict[str, Any]:
    plain: dict[str, Any] = {"term": "fat", "weights": []}
    for _ in range(depth):
        plain = {"all": [plain]}
    return plain


@pytest.mark.parametrize(
    "plain",
    [
        5,
        {},
        {"term": 5, "weights": []},
        {"term": "x" * 5000, "weights": []},
        {"term": "fat", "weights": [["a"]]},
        {"term": "fat", "weights": [["a", -1]]},
        {"term": "fat", "weights": [["a", float("nan")]]},
        {"term": "fat", "weights": [["a", 10**400]]},
        {"term": "\ud800", "weights": []},
        {"term": "fat"},
        {"like": [[-1, 0]], "unlike": []},
        {"like": [[0.5, 0]], "unlike": []},
        {"like": [[True, 0]], "unlike": []},
        {"like": [], "unlike": []},
        {"like": [[0, 0]] * 5000, "unlike": []},
        {"all": []},
        {"any": [{"all": [_nested(0)] * 33}, {"all": [_nested(0)] * 33}]},
        {"base": 5, "near": _nested(0), "distance_um": 100},
        {"base": _nested(0), "near": _nested(0), "distance_um": float("inf")},
        {"base": _nested(0), "near": _nested(0), "distance_um": 0},
        {"base": _nested(0), "near": _nested(0), "distance_um": 10**400},
        _nested(40),
    ],
)
def test_anything_else_is_no_saved_query(plain: object) -> None:
    with pytest.raises(QueryError):
        from_json(json.dumps(plain))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"all": [' * 900, '{"term": "a", "term": 5}'])
def test_what_is_no_json_is_no_saved_query(text: str) -> None:
    with pytest.raises(QueryError):
        from_json(text)


def test_as_many_terms_as_a_query_may_have_come_back() -> None:
    query = AnyOf(tuple(Term(str(number)) for number in range(MAX_LEAVES)))
    assert from_json(to_json(query)) == query
