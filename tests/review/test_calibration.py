"""Lesions, which places hit them, and the threshold that follows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.review.calibration import (
    Lesion,
    LesionsError,
    SlideScores,
    read_lesions,
    scores_of_slide,
    threshold_for,
)

if TYPE_CHECKING:
    from pathlib import Path

INF = float("inf")


def square(x: float, y: float, side: float) -> list[list[float]]:
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]


def lesion(*rings: list[list[float]]) -> Lesion:
    return Lesion(tuple(np.asarray(ring, float) for ring in rings))


def write(file: Path, *geometries: Any, class_name: str = "tumour") -> Path:
    properties = {"classification": {"name": class_name}}
    features = [{"type": "Feature", "geometry": one, "properties": properties} for one in geometries]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


def slide(lesions: list[float], false: list[float]) -> SlideScores:
    return SlideScores(np.asarray(lesions, float), np.asarray(false, float))


def test_a_distance_is_0_inside_and_counts_in_micrometres_outside() -> None:
    ring = lesion(square(100, 100, 50), square(120, 120, 10))
    assert ring.distance_um(110, 110, (0.5, 0.5)) == 0
    assert ring.distance_um(160, 125, (0.5, 0.25)) == pytest.approx(5.0)
    assert ring.distance_um(153, 154, (1.0, 1.0)) == pytest.approx(5.0)
    assert ring.distance_um(125, 123, (1.0, 1.0)) == pytest.approx(3.0)  # in its hole


def test_polygons_of_a_class_are_lesions(tmp_path: Path) -> None:
    polygon = {"type": "Polygon", "coordinates": [square(0, 0, 10), square(2, 2, 2)]}
    parts = {"type": "MultiPolygon", "coordinates": [[square(0, 0, 1)], [square(5, 5, 1)]]}
    file = write(tmp_path / "a.geojson", polygon, parts, {"type": "Point", "coordinates": [1, 1]})
    assert [len(one.rings) for one in read_lesions(file)] == [2, 2]
    assert len(read_lesions(file, "tumour")) == 2
    assert read_lesions(file, "necrosis") == read_lesions(write(tmp_path / "b.geojson")) == []


def test_bad_files_of_lesions_are_refused(tmp_path: Path) -> None:
    point, damaged = {"type": "Point", "coordinates": [1, 1]}, {"type": "Polygon", "coordinates": 3}
    file = write(tmp_path / "a.geojson", point, damaged)
    with pytest.raises(LesionsError, match=r"a\.geojson: shape 2"):
        read_lesions(file)
    write(file, {"type": "Polygon", "coordinates": [square(INF, 0, 1)]})
    with pytest.raises(LesionsError, match="no number"):
        read_lesions(file)
    (tmp_path / "b.geojson").write_text("no JSON")
    with pytest.raises(FeatureFileError, match=r"b\.geojson"):
        read_lesions(tmp_path / "b.geojson")


def test_places_hit_lesions_once_and_the_others_are_false() -> None:
    lesions = [lesion(square(0, 0, 10)), lesion(square(100, 0, 10)), lesion(square(500, 0, 10))]
    places = [(5, 5, 0.5), (6, 5, 0.9), (114, 5, 0.7), (300, 0, 0.8)]
    found = scores_of_slide(places, lesions, mpp_um=(0.5, 0.5), distance_um=2.0)
    assert found.lesions.tolist() == [0.9, 0.7, -INF]
    assert found.false.tolist() == [0.8]
    found = scores_of_slide(places, lesions, mpp_um=(0.5, 0.5), distance_um=1.9)
    assert found.lesions.tolist() == [0.9, -INF, -INF]
    assert scores_of_slide(places, [], mpp_um=(1, 1), distance_um=0).false.size == 4


def test_a_threshold_leaves_no_more_false_places_than_allowed() -> None:
    slides = [slide([0.9, 0.4], [0.8, 0.3]), slide([0.85, -INF], [0.7])]
    for allowed, next_false in ((1.0, 0.3), (0.5, 0.7), (0.0, 0.8)):
        threshold = threshold_for(slides, allowed)
        assert threshold is not None
        assert next_false < threshold <= next_false + 1e-3
    assert threshold_for(slides, 2.0) == pytest.approx(0.4)
    assert threshold_for([slide([0.5], [])], 1.0) == pytest.approx(0.5)


def test_no_threshold_where_no_lesion_is_hit_or_all_score_below_false_places() -> None:
    assert threshold_for([slide([-INF], [0.5])], 1.0) is None
    assert threshold_for([slide([0.4], [0.5, 1.0])], 0.5) is None
