"""RelevanceField: one value per patch, which values are known, and their provenance; combinations of fields.

The overlay, the loading order, the token budget and the findings all read this one object. It is immutable:
new scores make a new field.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.relevance.patches import strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.relevance.patches.grid import PatchGrid

UNIT, PROBABILITY, COMBINED = strings.LIKENESS, strings.PROBABILITY, strings.COMBINED_UNIT
"""Of scores: likeness, the probability of classes, or terms joined of which one at least is the latter."""
AS_SCORED = 0.0, 1.0


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of a field: enough to reproduce and judge it.

    ``normalisation``: the meaning of 0 and 1, as text. ``made_utc`` is ISO 8601. ``mpp_estimated`` marks a
    pixel size that the file does not state. ``source_values``: of an imported map, the numbers of its file at
    equal steps from 0 to 1, lowest first. ``unit``: of its scores, as text.
    """

    encoder: str
    query: str
    normalisation: str
    mpp_um: tuple[float, float]
    mpp_estimated: bool
    made_utc: str
    software: str
    source_values: tuple[float, ...] = AS_SCORED
    unit: str = UNIT

    def as_facts(self) -> dict[str, Any]:
        """For JSON and file attributes. Without ``source_values`` where they are 0 and 1 themselves."""
        facts = asdict(self)
        if self.source_values == AS_SCORED:
            del facts["source_values"]
        return facts

    def source_value(self, score: float) -> float:
        """The number in the file that a score of 0 to 1 stands for."""
        place = score * (len(self.source_values) - 1)
        step = min(int(place), len(self.source_values) - 2)
        low, high = self.source_values[step : step + 2]
        return low * (1 - (place - step)) + high * (place - step)


@dataclass(frozen=True, slots=True)
class RelevanceField:
    """Scores over a grid of patches.

    ``scores`` (rows, columns) float32 in [0, 1], 0 where nothing is known. ``known``: the patch itself was
    analysed; glass is known, and scores 0. ``estimated``: not analysed yet, the score is that of an analysed
    patch near by; shown as such, never exported or ranked. Where neither holds the patch was not analysed.
    ``glass``: patches without tissue; None where nobody said which, as in a map of another program.
    """

    grid: PatchGrid
    scores: NDArray[np.float32]
    known: NDArray[np.bool_]
    estimated: NDArray[np.bool_]
    provenance: Provenance
    glass: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        for name in ("scores", "known", "estimated", "glass"):
            array = getattr(self, name)
            if array is None:
                continue
            if array.shape != self.grid.shape:
                raise ValueError(f"{name} of shape {array.shape} on a grid of {self.grid.shape}")
            array.flags.writeable = False
        if not np.isfinite(self.scores).all() or self.scores.min() < 0 or self.scores.max() > 1:
            raise ValueError("scores of a field lie between 0 and 1")
        if bool((self.known & self.estimated).any()):
            raise ValueError("a patch is known or estimated, not both")

    @staticmethod
    def of(
        grid: PatchGrid,
        scores: NDArray[np.floating[Any]],
        known: NDArray[np.bool_],
        provenance: Provenance,
        *,
        estimated: NDArray[np.bool_] | None = None,
        glass: NDArray[np.bool_] | None = None,
    ) -> RelevanceField:
        """A field from scores of any float type; what is neither known nor estimated becomes 0.

        A score that is not a number makes its patch unknown: failed is not analysed, never low.
        """
        finite = np.isfinite(scores)
        known = known & finite
        estimated = np.zeros(grid.shape, bool) if estimated is None else estimated & finite & ~known
        values = np.where(known | estimated, np.clip(scores, 0.0, 1.0), 0.0).astype(np.float32)
        return RelevanceField(grid, values, known, estimated, provenance, glass)

    @property
    def analysed_count(self) -> int:
        """How many patches were analysed; glass is known without that."""
        return int((self.known if self.glass is None else self.known & ~self.glass).sum())

    @property
    def known_share(self) -> float:
        """The part of all patches that was analysed, 0 to 1."""
        return float(self.known.mean())

    @property
    def has_gaps(self) -> bool:
        """Whether a patch is neither known nor estimated: it is shown hatched."""
        return not bool((self.known | self.estimated).all())


def weighted(fields: Sequence[RelevanceField], weights: Sequence[float]) -> RelevanceField:
    """The mean by weight. Weights are 0 or above, and not all 0 (ValueError)."""
    if min(weights) < 0 or sum(weights) <= 0:
        raise ValueError("weights are 0 or above, and at least one is above 0")
    total = sum(weights)
    scores = sum(
        field.scores.astype(np.float64) * (weight / total)
        for field, weight in zip(fields, weights, strict=True)
    )
    return _combined(fields, np.asarray(scores), strings.WEIGHTED_MEAN)


def highest(fields: Sequence[RelevanceField]) -> RelevanceField:
    """OR: the highest score."""
    return _combined(fields, np.maximum.reduce([field.scores for field in fields]), strings.HIGHEST)


def both(fields: Sequence[RelevanceField]) -> RelevanceField:
    """AND: the lowest score. Not the product, which would lower every score with every added term."""
    return _combined(fields, np.minimum.reduce([field.scores for field in fields]), strings.LOWEST)


def without(field: RelevanceField, excluded: RelevanceField) -> RelevanceField:
    """The first as far as the second is not: a · (1 − b)."""
    return _combined([field, excluded], field.scores * (1 - excluded.scores), strings.WITHOUT)


def near(
    field: RelevanceField, other: RelevanceField, distance_patches: tuple[float, float]
) -> RelevanceField:
    """The first as far as the second is within a distance: a times the highest b around it.

    ``distance_patches``: the distance in patch widths (x) and heights (y), between the edges of patches: the
    nearest eight neighbours are always within reach. What is within reach and not analysed may be the
    highest: where it would raise the score, the patch is not known either. Nothing raises a first score of 0.
    """
    _check_one_grid([field, other])
    scores, estimable = _around(other, other.known | other.estimated, distance_patches)
    certain = _around(other, other.known, distance_patches)[1] if other.estimated.any() else estimable
    nothing = field.scores == 0
    reach = RelevanceField.of(
        other.grid, scores, certain | nothing, other.provenance, estimated=estimable | nothing
    )
    return _combined([field, reach], field.scores * reach.scores, strings.NEAR)


def _around(
    field: RelevanceField, counted: NDArray[np.bool_], distance_patches: tuple[float, float]
) -> tuple[NDArray[np.floating[Any]], NDArray[np.bool_]]:
    """The highest of the counted scores within reach, and where no other could be higher."""
    lowest = _dilated(np.where(counted, field.scores, 0), distance_patches)
    if counted.all():
        return lowest, counted
    return lowest, lowest == _dilated(np.where(counted, field.scores, 1), distance_patches)


def _dilated(
    scores: NDArray[np.floating[Any]], distance_patches: tuple[float, float]
) -> NDArray[np.floating[Any]]:
    """The highest score within an ellipse, measured between the edges of patches."""
    rows, columns = scores.shape
    reach_x, reach_y = distance_patches
    result = scores.copy()
    for dy in range(int(min(reach_y + 1, rows - 1)) + 1):
        gap_y = max(dy - 1, 0) / max(reach_y, 1e-9)
        # One more than the widest gap that the ellipse has at this height.
        half_width = int(min(reach_x * max(1 - gap_y**2, 0.0) ** 0.5 + 1 + 1e-9, columns - 1))
        widest = _highest_along(scores, half_width)
        for step in {dy, -dy}:
            to_y, from_y = _shifted(step, rows)
            np.maximum(result[to_y], widest[from_y], out=result[to_y])
    return result


def _highest_along(scores: NDArray[np.floating[Any]], half_width: int) -> NDArray[np.floating[Any]]:
    """The highest score within ``half_width`` columns to either side, by doubling."""
    length, columns = 1, scores.shape[1]
    ahead = np.pad(scores, ((0, 0), (half_width, half_width)))
    while length < 2 * half_width + 1:
        step = min(length, 2 * half_width + 1 - length)
        ahead = np.maximum(ahead[:, : ahead.shape[1] - step], ahead[:, step:])
        length += step
    return ahead[:, :columns]


def _shifted(step: int, length: int) -> tuple[slice, slice]:
    return slice(max(0, -step), length - max(0, step)), slice(max(0, step), length - max(0, -step))


def _check_one_grid(fields: Sequence[RelevanceField]) -> None:
    if any(field.grid != fields[0].grid for field in fields):
        raise ValueError("fields combine on one grid only")


def _combined(fields: Sequence[RelevanceField], scores: NDArray[Any], how: str) -> RelevanceField:
    """Known where all parts are known; estimated where all are known or estimated, and one only estimated."""
    _check_one_grid(fields)
    first = fields[0]
    known = np.logical_and.reduce([field.known for field in fields])
    reached = np.logical_and.reduce([field.known | field.estimated for field in fields])
    parts = ", ".join(field.provenance.query for field in fields)
    provenance = replace(first.provenance, query=strings.COMBINED.format(how=how, parts=parts))
    return RelevanceField.of(
        first.grid, scores, known, provenance, estimated=reached & ~known, glass=first.glass
    )
