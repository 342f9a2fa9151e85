"""Find similar: how much patches are like some examples and unlike others, by their stored features.

Two kinds of features: measurements, made comparable by their ranks on the slide, and embeddings of a model.
No relevance feedback: results fed back as examples ranked worse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from viewer.relevance.analysis import strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.relevance.encoders.card import FeatureKind

_NEAREST = 3


def likeness(
    features: NDArray[np.floating[Any]],
    positives: Sequence[int],
    negatives: Sequence[int] = (),
    *,
    kind: FeatureKind,
) -> NDArray[np.float32]:
    """(N,) in [0, 1]: how much each patch is like the examples, 1 for a lone example itself.

    ``features`` (N, D) of all analysed patches of the slide; examples are rows of it. Cosine to the examples,
    after ranks (measurements) or the slide's mean (embedding) are taken off, so that 0 is the slide's
    ordinary tissue. The mean of the three nearest examples counts. With p for the positives and n for the
    negatives: p · p / (p + n). A row with a NaN scores NaN: not analysed. Raises ValueError
    where no positive example has features, or a row does not exist.
    """
    count = len(features)
    if not all(0 <= row < count for row in (*positives, *negatives)):
        raise ValueError(strings.UNKNOWN_EXAMPLE.format(count=count))
    finite = np.isfinite(features).all(axis=1)
    like = [row for row in dict.fromkeys(positives) if finite[row]]
    if not like:
        raise ValueError(strings.EXAMPLES_PENDING)
    unlike = [row for row in dict.fromkeys(negatives) if finite[row]]
    vectors = np.zeros(features.shape, np.float32)
    vectors[finite] = (_rank_normal if kind == "measurements" else _centred)(features[finite])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.divide(vectors, lengths, out=vectors, where=lengths > 0)
    scores = _nearness(vectors, like)
    if unlike:
        total = scores + _nearness(vectors, unlike)
        np.divide(scores * scores, total, out=scores, where=total > 0)
    scores[~finite] = np.nan
    return scores


def _nearness(vectors: NDArray[np.float32], rows: list[int]) -> NDArray[np.float32]:
    """The mean cosine to the nearest few of these rows, not below 0."""
    nearest = min(_NEAREST, len(rows))
    result = np.empty(len(vectors), np.float32)
    step = max(1, 4_000_000 // len(rows))  # a bounded block of cosines at a time
    for start in range(0, len(vectors), step):
        cosines = vectors[start : start + step] @ vectors[rows].T
        best = np.partition(cosines, len(rows) - nearest, axis=1)[:, len(rows) - nearest :]
        result[start : start + step] = best.mean(axis=1)
    return np.clip(result, 0.0, 1.0)


def _rank_normal(features: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Each column by its ranks, as standard normal scores (Blom 1958); ties share their mean rank."""
    count, columns = features.shape
    result = np.empty((count, columns), np.float32)
    for column in range(columns):
        _, where, counts = np.unique(features[:, column], return_inverse=True, return_counts=True)
        mean_rank = np.cumsum(counts) - (counts - 1) / 2
        result[:, column] = ndtri((mean_rank - 0.375) / (count + 0.25))[where]
    return result


def _centred(features: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Unit vectors less their mean over the slide: embeddings share most of their direction."""
    vectors = features.astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    if len(vectors) == 1:
        return vectors
    centred: NDArray[np.float32] = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return centred
