"""Thresholds from slides with marked lesions: which places hit a lesion, and from which score on they count.

A place hits where its peak lies in a lesion, or within a stated distance of one (CAMELYON16: Ehteshami
Bejnordi et al., JAMA 2017). Several in one lesion are one hit, with the highest of their scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.common.errors import FoveolaError
from viewer.relevance.exchange.geometry import OPEN, ShapeError, geometry_from_geojson
from viewer.relevance.exchange.json_stream import GeoJsonFile
from viewer.review import strings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Points = NDArray[np.float64]

_STEPS = 10_000
"""Thresholds are multiples of one part of it."""


class LesionsError(FoveolaError):
    """A file of lesions that cannot be used: which, and why."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """``rings``: of its polygons and their holes, (corners, 2) each, in level-0 px."""

    rings: tuple[Points, ...]

    def distance_um(self, x: float, y: float, mpp_um: tuple[float, float]) -> float:
        """From a point in level-0 px; 0 inside."""
        scale = np.asarray(mpp_um)
        point = np.asarray([x, y]) * scale
        inside, least = False, np.inf
        for ring in self.rings:
            a = ring * scale - point
            b = np.roll(a, -1, axis=0)
            crosses = (a[:, 1] > 0) != (b[:, 1] > 0)
            with np.errstate(divide="ignore", invalid="ignore"):
                at_x = a[:, 0] - a[:, 1] * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1])
            inside ^= bool(np.count_nonzero(crosses & (at_x > 0)) % 2)
            along = b - a
            length = np.maximum((along**2).sum(axis=1), np.finfo(float).tiny)
            share = np.clip(-(a * along).sum(axis=1) / length, 0, 1)
            nearest = a + share[:, None] * along
            least = min(least, float(np.hypot(nearest[:, 0], nearest[:, 1]).min()))
        return 0.0 if inside else least


@dataclass(frozen=True, slots=True)
class SlideScores:
    """Of one slide: ``lesions`` (n,), the highest score of the places that hit each, -inf where none does;
    ``false`` (m,), the scores of the places that hit none."""

    lesions: Points
    false: Points


def read_lesions(file: Path, class_name: str = "") -> list[Lesion]:
    """The polygons of a GeoJSON in level-0 px, each a lesion; of one class, where one is named. Other shapes
    are no lesions.

    Raises LesionsError for a damaged polygon, FeatureFileError for what is no GeoJSON.
    """
    lesions = []
    for number, feature in enumerate(GeoJsonFile(file).features(), 1):
        properties = feature.get("properties") if isinstance(feature, dict) else None
        named = properties.get("classification") if isinstance(properties, dict) else None
        name = named.get("name") if isinstance(named, dict) else None
        if class_name and name != class_name:
            continue
        try:
            made = geometry_from_geojson(feature.get("geometry") if isinstance(feature, dict) else feature)
        except ShapeError as error:
            raise LesionsError(strings.BAD_LESION.format(path=file, number=number, error=error)) from error
        corners = np.asarray(made.coordinates, np.float64).reshape(-1, 2)
        if not np.isfinite(corners).all():
            raise LesionsError(strings.BAD_LESION.format(path=file, number=number, error=strings.NOT_FINITE))
        rings = np.split(corners, np.cumsum(made.counts)[:-1])
        closed = tuple(
            ring
            for ring, polygon in zip(rings, made.polygons, strict=True)
            if polygon != OPEN and len(ring) > 2
        )
        lesions += [Lesion(closed)] if closed else []
    return lesions


def scores_of_slide(
    places: Iterable[tuple[float, float, float]],
    lesions: Sequence[Lesion],
    *,
    mpp_um: tuple[float, float],
    distance_um: float,
) -> SlideScores:
    """The places of a slide, each x and y of its peak in level-0 px and its score, against the lesions."""
    best = np.full(len(lesions), -np.inf)
    false = []
    for x, y, score in places:
        distances_um = [lesion.distance_um(x, y, mpp_um) for lesion in lesions]
        nearest = int(np.argmin(distances_um)) if lesions else -1
        if lesions and distances_um[nearest] <= distance_um:
            best[nearest] = max(best[nearest], score)
        else:
            false.append(score)
    return SlideScores(best, np.asarray(false, np.float64))


def threshold_for(slides: Sequence[SlideScores], false_a_slide: float) -> float | None:
    """The lowest threshold at which no more places than ``false_a_slide`` are false on a slide, on average;
    where there are no more in all, the one that the lowest lesion needs. None where no lesion is hit so."""
    hit = np.concatenate([slide.lesions[np.isfinite(slide.lesions)] for slide in slides])
    if not hit.size:
        return None
    false = np.sort(np.concatenate([slide.false for slide in slides]))[::-1]
    allowed = int(false_a_slide * len(slides))
    if false.size <= allowed:
        least = float(hit.min())
        step = int(least * _STEPS)
        return (step - (step / _STEPS > least)) / _STEPS
    highest = float(false[allowed])
    step = int(highest * _STEPS) + 1
    threshold = (step + (step / _STEPS <= highest)) / _STEPS
    return threshold if (hit >= threshold).any() else None
