"""Concepts as signed sums of measurements: ranks among the slide's own patches and among reference slides,
and absolute gates.

Ranks alone always have a "top 10 %": the gates are physical thresholds, so that "fat" on a slide without fat
is low everywhere; the reference ranks make a slide of fat alone high everywhere. Numpy only.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from viewer.relevance.encoders.card import Reason
from viewer.relevance.encoders.measured.card import INDEX, MEASUREMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from viewer.slide.tissue.stains import Stains

Gate = tuple[str, float, float]
WIDTH = 0.45
"""Of the logistic about a concept's centre, in standard deviations of its weighted sum."""
_FARTHEST = 2.5
"""Beyond, a rank depends on the number of patches more than on the patch."""
_ENOUGH_PATCHES = 200
"""Below, the slide's own ranks count for less: one patch has no rank."""
_REASONS = 3
_TISSUE_GATES = "tissue_gates"


@dataclass(frozen=True, slots=True)
class Concept:
    """One measured concept: see ``resources/concepts.toml``."""

    id: str
    title: str
    limits: str
    stain: Literal["H&E", "brown", "any"]
    reference_share: float
    centre: float
    weights: Mapping[str, float]
    gates: tuple[Gate, ...]

    def is_stained(self, stains: Stains) -> bool:
        """Whether a slide of these stains has what the concept is measured from."""
        return {"H&E": stains.is_he, "brown": stains.is_brown, "any": True}[self.stain]


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    text = resources.files("resources").joinpath("concepts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@lru_cache(maxsize=1)
def concepts() -> dict[str, Concept]:
    """All concepts by id."""
    return {
        name: _concept(name, table, tissue_gates() if table.get("tissue", True) else ())
        for name, table in _tables().items()
        if name != _TISSUE_GATES
    }


@lru_cache(maxsize=1)
def tissue_gates() -> tuple[Gate, ...]:
    """The gates of all that is tissue, whoever names it: ink, dirt, folds and blur are none."""
    return _gates(_tables()[_TISSUE_GATES])


def _gates(given: Sequence[Any]) -> tuple[Gate, ...]:
    return tuple((key, float(threshold), float(width)) for key, threshold, width in given)


def _concept(name: str, table: Mapping[str, Any], of_tissue: tuple[Gate, ...]) -> Concept:
    length = float(np.sqrt(sum(weight**2 for weight in table["weights"].values())))
    return Concept(
        id=name,
        title=table["title"],
        limits=table["limits"],
        stain=table["stain"],
        reference_share=table["reference_share"],
        centre=table["centre"],
        weights={key: weight / length for key, weight in table["weights"].items()},
        gates=(*_gates(table["gates"]), *of_tissue),
    )


class Ranks:
    """The ranks of one set of patches (n, measurements), computed once for all concepts. ``among``: those of
    parts of patches, which are ranked among these patches."""

    def __init__(self, features: NDArray[np.float32], among: Ranks | None = None) -> None:
        self.features = features
        self._slide = self if among is None else among
        self._ordered: dict[int, NDArray[np.float32]] = {}
        self._own: dict[int, NDArray[np.float32]] = {}
        self._reference: dict[int, NDArray[np.float32]] = {}

    def percentile(self, column: int, index: int) -> float:
        """The percentile of a patch among all, 0 to 100, ties in the middle."""
        values = self.features[:, column]
        values = values[np.isfinite(values)]
        value = self.features[index, column]
        return float(((values < value).sum() + 0.5 * (values == value).sum()) / max(len(values), 1) * 100)

    def normal(self, column: int, reference_share: float) -> NDArray[np.float32]:
        """Rank-normal scores (n,) of one measurement, blended; NaN where it was not measured."""
        own_share = (1 - reference_share) * min(1.0, len(self._slide.features) / _ENOUGH_PATCHES)
        blended = (1 - own_share) * self._among_reference(column)
        if own_share > 0:
            blended = blended + own_share * self._among_own(column)
        return blended

    def _among_own(self, column: int) -> NDArray[np.float32]:
        if column not in self._own:
            values, ordered = self.features[:, column], self._slide.ordered(column)
            lower, upper = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
            quantiles = _normal_quantile((lower + upper) / 2 / max(len(ordered), 1))
            self._own[column] = np.where(np.isnan(values), np.nan, quantiles).astype(np.float32)
        return self._own[column]

    def ordered(self, column: int) -> NDArray[np.float32]:
        """All values of one measurement, in their order."""
        if column not in self._ordered:
            self._ordered[column] = np.sort(self.features[:, column])
        return self._ordered[column]

    def _among_reference(self, column: int) -> NDArray[np.float32]:
        if column not in self._reference:
            values = self.features[:, column]
            quantiles = _reference_quantiles()[column]
            shares = np.linspace(0, 1, len(quantiles))
            # Equal quantiles (many patches without any blood) share the middle of their ranks.
            known, first, counts = np.unique(quantiles, return_index=True, return_counts=True)
            middles = (shares[first] + shares[first + counts - 1]) / 2
            self._reference[column] = _normal_quantile(np.interp(values, known, middles)).astype(np.float32)
        return self._reference[column]


def score(concept: Concept, ranks: Ranks) -> NDArray[np.float32]:
    """How much each patch is like the concept: (n,) in [0, 1], NaN where a measurement is missing."""
    total = sum(
        weight * ranks.normal(INDEX[key], concept.reference_share) for key, weight in concept.weights.items()
    )
    result = _logistic((np.asarray(total) - concept.centre) / WIDTH)
    return np.asarray(result * passing(concept.gates, ranks.features), np.float32)


def passing(gates: Iterable[Gate], features: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far gates let each patch (n, measurements) pass, 0 to 1."""
    result = np.ones(len(features))
    for gate in gates:
        result *= _passing(gate, features)
    return result


def reasons(concept: Concept, ranks: Ranks, index: int) -> tuple[Reason, ...]:
    """The three measurements behind the score of patch ``index``, strongest first; a closed gate counts."""
    moved = {
        key: float(weight * ranks.normal(INDEX[key], concept.reference_share)[index])
        for key, weight in concept.weights.items()
    }
    for gate in concept.gates:
        moved[gate[0]] = moved.get(gate[0], 0.0) + _moved_by(gate, ranks, index)
    strongest = sorted(moved, key=lambda key: -abs(moved[key]))[:_REASONS]
    return _reasons({key: moved[key] for key in strongest}, ranks, index)


def closed_gates(gates: Iterable[Gate], ranks: Ranks, index: int) -> tuple[Reason, ...]:
    """The measurements by which gates keep patch ``index`` back by half and more."""
    moved = {gate[0]: _moved_by(gate, ranks, index) for gate in gates}
    return _reasons({key: by for key, by in moved.items() if by <= np.log(0.5)}, ranks, index)


def _moved_by(gate: Gate, ranks: Ranks, index: int) -> float:
    return float(np.log(max(float(_passing(gate, ranks.features[index : index + 1])[0]), 1e-6)))


def _reasons(moved: Mapping[str, float], ranks: Ranks, index: int) -> tuple[Reason, ...]:
    return tuple(
        Reason(
            MEASUREMENTS[INDEX[key]].title,
            float(ranks.features[index, INDEX[key]]) * MEASUREMENTS[INDEX[key]].per_unit,
            MEASUREMENTS[INDEX[key]].unit,
            ranks.percentile(INDEX[key], index),
            by,
        )
        for key, by in moved.items()
    )


def _passing(gate: Gate, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far a gate is open, 0 to 1: one half at its threshold; a negative one is an upper limit."""
    key, threshold, width = gate
    return _logistic((np.sign(threshold) * features[:, INDEX[key]].astype(np.float64) - threshold) / width)


def _logistic(x: NDArray[Any]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(x, -50, 50)))


@lru_cache(maxsize=1)
def _normal_table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    shares = np.linspace(0.0005, 0.9995, 1999)
    return shares, np.array([NormalDist().inv_cdf(float(share)) for share in shares])


def _normal_quantile(shares: NDArray[Any]) -> NDArray[np.float64]:
    return np.clip(np.interp(shares, *_normal_table()), -_FARTHEST, _FARTHEST)


@lru_cache(maxsize=1)
def _reference_quantiles() -> NDArray[np.float32]:
    """(measurements, quantiles) from 0 to 100 %: ``tests/bench/reference_quantiles.py`` makes them."""
    text = resources.files("resources").joinpath("reference_quantiles.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return np.array([table["quantiles"][one.id] for one in MEASUREMENTS], np.float32)
