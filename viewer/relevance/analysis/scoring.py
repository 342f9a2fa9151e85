"""From features to fields: every term and example of a query on every patch of a slide.

Glass is known without being measured: it scores 0 for all terms but "background".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from viewer.common.errors import UnsupportedTermError
from viewer.relevance.analysis import strings
from viewer.relevance.analysis.similarity import likeness
from viewer.relevance.encoders.vocabulary import meaning_of, values_of
from viewer.relevance.patches.field import RelevanceField
from viewer.relevance.patches.grid import PATCH_UM
from viewer.relevance.patches.nearest import nearest_known
from viewer.relevance.patches.parts import PARTS
from viewer.relevance.query.tree import All, AnyOf, Near, Term, Without, evaluate, leaves, text_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.encoders.card import Reason
    from viewer.relevance.encoders.protocols import Dividing, Encoder
    from viewer.relevance.features.store import FeatureStore
    from viewer.relevance.query.tree import Leaf, Like, Query

    Mask = NDArray[np.bool_]

_BACKGROUND = "background"
_ANY_TISSUE = Term("tissue")


class Scoring:
    """The fields of one slide by one encoder. ``tissue`` (rows, columns): patches that are not glass."""

    def __init__(self, encoder: Encoder, store: FeatureStore, tissue: Mask) -> None:
        self._encoder = encoder
        self._store = store
        self._tissue = tissue
        self._cells = np.empty((0, 2), np.int32)
        self._features = np.empty((0, 0), np.float32)
        self._nearest: NDArray[np.int32] | None = None
        self._failed = np.zeros(store.grid.shape, bool)

    def field(self, query: Query, failed: Mask, *, parts: bool = True) -> RelevanceField:
        """The field of a query from the features in the store. A patch whose parts are in the store scores as
        its best part does, if that is more; without ``parts`` as a whole.

        ``failed``: patches that could not be read; they are not analysed, and not estimated. Raises
        UnsupportedTermError.
        """
        self._refresh(failed)
        field = evaluate(_within_tissue(query), lambda leaf: self._leaf_field(leaf, parts))
        encoder, unit, normalisation = values_of(self._encoder.card, query)
        if parts and self._store.parts.count and self.scores_parts(query):
            best = strings.BEST_PART.format(count=self._store.parts.count, um=PATCH_UM / 2)
            normalisation = f"{normalisation}; {best}"
        meaning = meaning_of(self._encoder.card.id, query)
        if meaning is not None:
            normalisation = "; ".join((normalisation, meaning.of_threshold, *meaning.of_levels))
        provenance = replace(
            field.provenance,
            query=text_of(query),
            encoder=encoder,
            unit=unit,
            normalisation=normalisation,
        )
        return replace(field, provenance=provenance)

    def explain(self, leaf: Leaf, row: int, col: int) -> tuple[Reason, ...]:
        """The measurements behind the score of a patch, or of its best part where it scores as that; () where
        there are none. Raises UnsupportedTermError.
        """
        index = self._index_of((row, col))
        if index is None or not isinstance(leaf, Term):
            return ()
        self._refresh(self._failed)
        features, calibration = self._features, self._store.calibration or {}
        part = self._best_part(leaf, row, col)
        if part is None:
            return self._encoder.explain(leaf, features, index, calibration)
        with_part = np.concatenate([features, features[index : index + 1]])
        with_part[-1, : len(part)] = part
        reasons = self._encoder.explain(leaf, with_part, len(features), calibration)
        return tuple(replace(reason, of_part=True) for reason in reasons)

    def scores_parts(self, query: Query) -> bool:
        """Whether parts of patches can be scored for one of the terms of a query at least."""
        if not self._encoder.card.part_features:
            return False
        dividing = cast("Dividing", self._encoder)
        return any(isinstance(leaf, Term) and dividing.scores_parts(leaf) for leaf in leaves(query))

    def _best_part(self, term: Term, row: int, col: int) -> NDArray[np.float32] | None:
        """The features of the best part of a patch, where it is better than the patch."""
        index, divided = self._index_of((row, col)), self._store.parts.index_of(row, col)
        if index is None or divided is None or not self.scores_parts(term):
            return None
        whole = self._encoder.score(term, self._features, self._store.calibration or {})[index]
        parts = self._store.parts.rows(divided, divided + 1)[1]
        scores = np.nan_to_num(self._scores_of_parts(term, parts)[0])
        return parts.reshape(PARTS, -1)[scores.argmax()] if scores.max() > whole else None

    def _refresh(self, failed: Mask) -> None:
        """Load new features. Without new ones the array stays the same object: encoders cache its ranks."""
        if self._store.count != len(self._cells):
            self._cells, self._features = self._store.load()
            self._nearest = None
        if not np.array_equal(failed, self._failed):
            self._failed, self._nearest = failed.copy(), None

    def _leaf_field(self, leaf: Leaf, parts: bool) -> RelevanceField:
        grid = self._store.grid
        glass = ~self._tissue
        provenance = self._store.subject.provenance(self._encoder.card, text_of(leaf))
        if leaf is _ANY_TISSUE:
            return RelevanceField.of(
                grid, self._tissue.astype(np.float32), np.ones(grid.shape, bool), provenance, glass=glass
            )
        scores = np.full(grid.shape, _on_glass(leaf), np.float32)
        known = glass.copy()
        values = self._values(leaf, parts)
        if values is None:
            return RelevanceField.of(grid, scores, known, provenance, glass=glass)
        rows, cols = self._cells.T
        known[rows, cols] = True
        scores[rows, cols] = values
        if self._nearest is None:
            unknown = ~known & ~self._failed
            self._nearest = nearest_known(grid.shape, self._cells, unknown)
        estimated = self._nearest >= 0
        scores[estimated] = values[self._nearest[estimated]]
        return RelevanceField.of(grid, scores, known, provenance, estimated=estimated, glass=glass)

    def _values(self, leaf: Leaf, parts: bool) -> NDArray[np.float32] | None:
        """The score of every patch in the store; None where there is nothing to score yet."""
        if isinstance(leaf, Term):
            if not len(self._cells):
                return None
            values = self._encoder.score(leaf, self._features, self._store.calibration or {})
            if parts and self._store.parts.count and self.scores_parts(leaf):
                return self._with_best_parts(leaf, values)
            return values
        like, unlike = self._indices(leaf.positives), self._indices(leaf.negatives)
        if not like:
            if not any(self._is_pending(cell) for cell in leaf.positives):
                raise UnsupportedTermError(strings.NO_EXAMPLE_ANALYSED)
            return None
        try:
            card = self._encoder.card
            return likeness(self._features[:, -card.vector_width :], like, unlike, kind=card.feature_kind)
        except ValueError as error:
            raise UnsupportedTermError(strings.EXAMPLES_NOT_COMPARED.format(error=error)) from error

    def _with_best_parts(self, term: Term, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scores of patches, or those of their best parts; NaN where a patch could not be measured."""
        cells, parts = self._store.parts.rows()
        scores = self._scores_of_parts(term, parts)
        best = np.full(self._store.grid.shape, np.nan, np.float32)
        best[tuple(cells.T)] = np.fmax.reduce(scores, axis=1)
        return np.where(np.isnan(values), values, np.fmax(values, best[tuple(self._cells.T)]))

    def _scores_of_parts(self, term: Term, parts: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, PARTS) of the rows (n, PARTS · features) of some patches."""
        dividing = cast("Dividing", self._encoder)
        flat = parts.reshape(len(parts) * PARTS, -1)
        scores = dividing.score_parts(term, flat, self._features, self._store.calibration or {})
        return scores.reshape(-1, PARTS)

    def _indices(self, cells: tuple[tuple[int, int], ...]) -> list[int]:
        found = (self._index_of(cell) for cell in cells)
        return [index for index in found if index is not None]

    def _index_of(self, cell: tuple[int, int]) -> int | None:
        return self._store.index_of(*cell) if self._on_grid(cell) else None

    def _is_pending(self, cell: tuple[int, int]) -> bool:
        """Whether a patch without features may still get some."""
        if self._store.complete or not self._on_grid(cell):
            return False
        return bool(self._tissue[cell]) and not self._failed[cell]

    def _on_grid(self, cell: tuple[int, int]) -> bool:
        """Examples may come from a saved query about a larger slide."""
        return all(0 <= at < side for at, side in zip(cell, self._store.grid.shape, strict=True))


def _within_tissue(query: Query) -> Query:
    """The same query, where "everything but x" means "tissue without x", and "near x" "tissue near x": glass
    scores 0."""
    match query:
        case All(parts) | AnyOf(parts):
            return replace(query, parts=tuple(_within_tissue(part) for part in parts))
        case Without(base, excluded):
            return Without(_ANY_TISSUE if base is None else _within_tissue(base), _within_tissue(excluded))
        case Near(base, other):
            near = _ANY_TISSUE if base is None else _within_tissue(base)
            return replace(query, base=near, other=_within_tissue(other))
        case _:
            return query


def _on_glass(leaf: Term | Like) -> float:
    """The score of a leaf on glass: the share of "background" in it."""
    weights = dict(leaf.weights) if isinstance(leaf, Term) else {}
    total = sum(weights.values())
    return weights.get(_BACKGROUND, 0.0) / total if total > 0 else 0.0
