"""A parsed query: an immutable tree of terms and examples, and how it is evaluated into one field.

Negation, "near" and the rest work on scores, never inside an encoder: text models do not understand
"without".
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.common.errors import FoveolaError
from viewer.relevance.patches.field import both, highest, near, without
from viewer.relevance.patches.grid import PATCH_UM
from viewer.relevance.query import strings
from viewer.relevance.query.lexicon import key_of, load_lexicon
from viewer.relevance.query.translation import has_words_of_others
from viewer.relevance.query.vocabulary import PADDING_BEHIND, RESERVED_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.relevance.patches.field import RelevanceField


def leaf_roles(query: Query, role: str = "") -> list[tuple[str, Term | Like]]:
    """The leaves of a query from left to right, each with its role in words: "without blood"."""
    match query:
        case All(parts) | AnyOf(parts):
            return [found for part in parts for found in leaf_roles(part, role)]
        case Without(base, excluded):
            kept = [] if base is None else leaf_roles(base, role)
            return kept + leaf_roles(excluded, f"{role}{strings.WITHOUT}")
        case Near(base, other, distance_um):
            kept = [] if base is None else leaf_roles(base, role)
            return kept + leaf_roles(other, f"{role}{strings.NEAR.format(distance_um=distance_um)}")
        case Term(text, _):
            return [(f"{role}{text}", query)]
        case Like():
            return [(f"{role}{strings.EXAMPLES}", query)]


NEAR_UM = 100.0
MAX_NEAR_UM = 100_000.0
MAX_DEPTH = 32
MAX_LEAVES = 64
MAX_EXAMPLES = 4096
MAX_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Term:
    """A named concept. ``weights`` are concept ids with their weights, 0 or above; () where only an encoder
    of free text can score it.
    """

    text: str
    weights: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Like:
    """Examples: patches (row, col) of what is searched for, and of what is not."""

    positives: tuple[tuple[int, int], ...]
    negatives: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class All:
    """AND."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """OR."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Without:
    """``base`` as far as it is not ``excluded``; base None: everything but that."""

    base: Query | None
    excluded: Query


@dataclass(frozen=True, slots=True)
class Near:
    """``base`` within ``distance_um`` of ``other``; base None: everything that is."""

    base: Query | None
    other: Query
    distance_um: float = NEAR_UM


Leaf = Term | Like
Query = Term | Like | All | AnyOf | Without | Near


class QueryError(FoveolaError, ValueError):
    """A stored query that is damaged, or hostile."""


def leaves(query: Query) -> tuple[Leaf, ...]:
    """Its terms and examples from left to right. Their numbers are those of ``with_weights``."""
    if isinstance(query, Term | Like):
        return (query,)
    return tuple(leaf for part in _parts(query) for leaf in leaves(part))


def needs_words(query: Query) -> bool:
    """Whether one of its terms can only be scored by an encoder of free text."""
    return any(isinstance(leaf, Term) and not leaf.weights for leaf in leaves(query))


def depth_of(query: Query) -> int:
    """How many steps it is nested; 0 for a leaf."""
    return 1 + max(depth_of(part) for part in _parts(query)) if _parts(query) else 0


def with_weights(query: Query, index: int, weights: tuple[tuple[str, float], ...]) -> Query:
    """The same query with other weights for leaf ``index``, which is a term (else IndexError)."""
    if not 0 <= index < len(leaves(query)) or not isinstance(leaves(query)[index], Term):
        raise IndexError(f"there is no term {index}")
    return _replaced(query, index, weights)[0]


def with_leaves(query: Query, changed: Callable[[Leaf], Query]) -> Query:
    """The same query with what ``changed`` returns in place of each leaf."""
    match query:
        case All(parts) | AnyOf(parts):
            return replace(query, parts=tuple(with_leaves(part, changed) for part in parts))
        case Without(base, excluded):
            kept = None if base is None else with_leaves(base, changed)
            return Without(kept, with_leaves(excluded, changed))
        case Near(base, other):
            kept = None if base is None else with_leaves(base, changed)
            return replace(query, base=kept, other=with_leaves(other, changed))
        case _:
            return changed(query)


def evaluate(query: Query, field_of: Callable[[Leaf], RelevanceField]) -> RelevanceField:
    """The field of a query from those of its leaves."""
    match query:
        case All(parts):
            field = both([evaluate(part, field_of) for part in parts])
        case AnyOf(parts):
            field = highest([evaluate(part, field_of) for part in parts])
        case Without(None, excluded):
            field = _inverted(evaluate(excluded, field_of))
        case Without(base, excluded):
            assert base is not None
            field = without(evaluate(base, field_of), evaluate(excluded, field_of))
        case Near(base, other, distance_um):
            reach, around = distance_um / PATCH_UM, evaluate(other, field_of)
            of = _everything(around) if base is None else evaluate(base, field_of)
            field = near(of, around, (reach, reach))
        case _:
            field = field_of(query)
    return replace(field, provenance=replace(field.provenance, query=text_of(query)))


def text_of(query: Query) -> str:
    """The query in words that parse to the same tree, where it can be typed: marked examples, changed weights
    and more than MAX_TEXT characters cannot.
    """
    match query:
        case Term(text, _):
            return '"{}"'.format(text.replace('"', "'")) if _needs_quotes(text) else text
        case Like(positives, negatives):
            more = f", unlike {len(negatives)}" if negatives else ""
            return f"[like {len(positives)} marked{more}]"
        case All(parts):
            return " AND ".join(_in_brackets(part) for part in parts)
        case AnyOf(parts):
            return " OR ".join(_in_brackets(part) for part in parts)
        case Without(None, excluded):
            return f"NOT {_in_brackets(excluded)}"
        case Without(base, excluded):
            assert base is not None
            return f"{_in_brackets(base)} WITHOUT {_in_brackets(excluded)}"
        case Near(base, other, distance_um):
            within = "NEAR" if distance_um == NEAR_UM else f"WITHIN {_plainly(distance_um)} µm OF"
            before = "" if base is None else f"{_in_brackets(base)} "
            return f"{before}{within} {_in_brackets(other)}"


def to_json(query: Query) -> str:
    """For saved queries and the notes of a file."""
    return json.dumps(_plain(query), ensure_ascii=False)


def from_json(text: str) -> Query:
    """What ``to_json`` wrote. Raises QueryError for anything else."""
    try:
        query = _read(json.loads(text), 0)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise QueryError(strings.NO_SAVED_QUERY.format(error=error)) from error
    if len(leaves(query)) > MAX_LEAVES:
        raise QueryError(strings.SAVED_QUERY_TOO_LARGE.format(most=MAX_LEAVES))
    return query


def _parts(query: Query) -> tuple[Query, ...]:
    match query:
        case All(parts) | AnyOf(parts):
            return parts
        case Without(base, other) | Near(base, other):
            return (other,) if base is None else (base, other)
        case _:
            return ()


def _replaced(query: Query, index: int, weights: tuple[tuple[str, float], ...]) -> tuple[Query, int]:
    """The query with leaf ``index`` changed, and the index that remains to be found behind it."""
    if isinstance(query, Term | Like):
        changed = replace(query, weights=weights) if index == 0 and isinstance(query, Term) else query
        return changed, index - 1
    parts = []
    for part in _parts(query):
        new, index = _replaced(part, index, weights)
        parts.append(new)
    match query:
        case All() | AnyOf():
            return replace(query, parts=tuple(parts)), index
        case Without(None, _):
            return Without(None, parts[0]), index
        case Without():
            return Without(parts[0], parts[1]), index
        case Near(None, _):
            return replace(query, other=parts[0]), index
        case Near():
            return replace(query, base=parts[0], other=parts[1]), index


def _inverted(field: RelevanceField) -> RelevanceField:
    return replace(field, scores=np.where(field.known | field.estimated, 1 - field.scores, 0))


def _everything(field: RelevanceField) -> RelevanceField:
    """A score of 1 everywhere on the grid of a field."""
    nowhere = np.zeros(field.grid.shape, bool)
    return replace(field, scores=np.ones(field.grid.shape, np.float32), known=~nowhere, estimated=nowhere)


_MARKS = frozenset('(),;|"&?!:')
_STRIPPED = ".'’"
_WRITTEN_OPERATORS = ("and", "or", "not", "without", "near", "within")


@lru_cache(maxsize=1024)
def _needs_quotes(text: str) -> bool:
    """Whether these words, as they stand, would be read as something else than this one term."""
    lexicon, words = load_lexicon(), text.lower().split()
    if not words or not RESERVED_WORDS.isdisjoint(words) or not _MARKS.isdisjoint(text):
        return True
    if any(word != word.strip(_STRIPPED) or not key_of(word) for word in words):
        return True
    # "haematoxylin" before "AND eosin" would become one name with it.
    if any(not set(name).isdisjoint(key_of(text).split()) for name in lexicon.names_with(_WRITTEN_OPERATORS)):
        return True
    if lexicon.find(text):
        return False
    parts, complete = lexicon.parts(text)
    split = complete and len(parts) > 1
    if split or words[-1] in PADDING_BEHIND or lexicon.corrected(text) is not None:
        return True
    return has_words_of_others(text)


def _plainly(number: float) -> str:
    """All its digits, and no exponent."""
    return f"{Decimal(repr(number)).normalize():f}"


def _in_brackets(query: Query) -> str:
    text = text_of(query)
    return text if isinstance(query, Term | Like) else f"({text})"


def _plain(query: Query) -> dict[str, Any]:
    match query:
        case Term(text, weights):
            return {"term": text, "weights": [list(pair) for pair in weights]}
        case Like(positives, negatives):
            return {"like": [list(cell) for cell in positives], "unlike": [list(cell) for cell in negatives]}
        case All(parts):
            return {"all": [_plain(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [_plain(part) for part in parts]}
        case Without(base, excluded):
            return {"base": None if base is None else _plain(base), "without": _plain(excluded)}
        case Near(base, other, distance_um):
            plain = None if base is None else _plain(base)
            return {"base": plain, "near": _plain(other), "distance_um": distance_um}


def _read(plain: Any, depth: int) -> Query:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if not isinstance(plain, dict):
        raise TypeError("not a table")
    if "term" in plain:
        text = plain["term"]
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise ValueError("a term is a short text")
        text.encode()  # half a surrogate pair can be read, but not written
        return Term(text, tuple(_weight(pair) for pair in _listed(plain["weights"], MAX_LEAVES)))
    if "like" in plain:
        cells = [
            tuple(_cell(cell) for cell in _listed(plain[key], MAX_EXAMPLES)) for key in ("like", "unlike")
        ]
        if not cells[0]:
            raise ValueError("no example")
        return Like(cells[0], cells[1])
    for key, kind in (("all", All), ("any", AnyOf)):
        if key in plain:
            parts = tuple(_read(part, depth + 1) for part in _listed(plain[key], MAX_LEAVES))
            if not parts:
                raise ValueError("nothing to combine")
            return kind(parts)
    if "without" in plain:
        base = None if plain["base"] is None else _read(plain["base"], depth + 1)
        return Without(base, _read(plain["without"], depth + 1))
    distance_um = float(plain["distance_um"])
    if not 0 < distance_um <= MAX_NEAR_UM:
        raise ValueError(f"a distance of {distance_um} µm")
    base = None if plain["base"] is None else _read(plain["base"], depth + 1)
    return Near(base, _read(plain["near"], depth + 1), distance_um)


def _listed(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"not a list of {most} at most")
    return value


def _weight(pair: Any) -> tuple[str, float]:
    concept, weight = _listed(pair, 2)
    if not isinstance(concept, str) or not 0 <= float(weight) <= 1000:
        raise ValueError(f"weight {pair!r}")
    return concept, float(weight)


def _cell(cell: Any) -> tuple[int, int]:
    row, col = _listed(cell, 2)
    if not (type(row) is type(col) is int and row >= 0 and col >= 0):
        raise ValueError(f"patch {cell!r}")
    return row, col
