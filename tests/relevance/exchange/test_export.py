"""Exports: scores that an evaluation reads, and GeoJSON as QuPath reads it."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from tests.relevance.fields import small_field
from viewer.common.atomic_write import SaveError
from viewer.relevance.exchange.export import write_geojson, write_places, write_points, write_scores
from viewer.relevance.heatmap.points import PointFinding
from viewer.relevance.patches.peaks import Hit
from viewer.slide.geometry import Rect

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Place:
    rect: Rect
    score: float


def test_scores_of_analysed_patches_and_of_no_others(tmp_path: Path) -> None:
    field = small_field()
    path = tmp_path / "scores.h5"
    write_scores(field, path, slide_name="slide")
    with h5py.File(path) as file:
        coords, scores = file["coords"][()], file["scores"][()]
        assert (coords.dtype, scores.dtype) == (np.int64, np.float32)
        assert coords.shape == (int(field.known.sum()), 2)
        assert np.array_equal(scores, field.scores[field.known])
        assert file.attrs["patch_size_level0"] == file["coords"].attrs["patch_size_level0"] == 256
        assert file.attrs["mpp_um"].tolist() == [0.499, 0.501]
        assert file.attrs["mpp_estimated"]
        assert file.attrs["note"] == "Research use only"
        assert file.attrs["query"] == "adipose tissue"
        assert file.attrs["patches_analysed"] == len(scores)
    for (x, y), score in zip(coords.tolist(), scores, strict=True):
        cell = field.grid.cell_at(x + 128, y + 128)
        assert cell is not None
        assert field.known[cell]
        assert field.scores[cell] == score


def test_glass_is_written_and_not_counted_as_analysed(tmp_path: Path) -> None:
    field = small_field()
    glass = np.zeros(field.grid.shape, bool)
    glass[0] = True
    field = replace(field, glass=glass)
    known, tissue = int(field.known.sum()), int(field.known[1:].sum())
    assert tissue < known
    write_scores(field, tmp_path / "a.h5", slide_name="slide")
    with h5py.File(tmp_path / "a.h5") as file:
        assert (len(file["scores"]), file.attrs["patches_analysed"]) == (known, tissue)
    write_geojson(field, [], tmp_path / "a.geojson", slide_name="slide")
    facts = json.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))["foveola"]
    assert facts["patches_analysed"] == tissue
    place = Hit(Rect(0.0, 0.0, 10.0, 10.0), 0.5, (5.0, 5.0))
    write_places(field, [place], tmp_path / "a.csv", slide_name="slide", extent_px=(5000, 3100))
    (row,) = csv.DictReader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines())
    assert row["patches_analysed"] == str(tissue)


def test_places_and_patches_as_qupath_reads_them(tmp_path: Path) -> None:
    field = small_field('fat, "é"')
    path = tmp_path / "out.geojson"
    place = Place(Rect(256.5, 0.0, 800.25, 256.5), 0.91234)
    write_geojson(field, [place], path, slide_name="slide")
    collection = json.loads(path.read_text(encoding="utf-8"))
    assert collection["type"] == "FeatureCollection"
    assert collection["foveola"]["note"] == "Research use only"
    first, *tiles = collection["features"]
    assert first["properties"]["objectType"] == "annotation"
    assert first["properties"]["measurements"] == {'relevance: fat, "é"': 0.9123, "rank": 1}
    ring = first["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1] == [256.5, 0.0]
    assert ring[2] == [800.25, 256.5]
    assert len(tiles) == int((field.known & (field.scores > 0)).sum())
    assert {tile["properties"]["objectType"] for tile in tiles} == {"tile"}
    assert all(list(tile["properties"]["measurements"]) == ['relevance: fat, "é"'] for tile in tiles)
    assert len({feature["id"] for feature in collection["features"]}) == len(collection["features"])


def test_points_as_qupath_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "points.geojson"
    points = [PointFinding(68.751, 21.875, 8.12345, 1), PointFinding(4.0, 5.0, 2.0, 2)]
    write_points(points, path, provenance=small_field("saliency").provenance, slide_name="slide")
    collection = json.loads(path.read_text(encoding="utf-8"))
    assert collection["foveola"]["note"] == "Research use only"
    assert collection["foveola"]["unit"] == "times as much as if all got the same"
    first, second = collection["features"]
    assert first["geometry"] == {"type": "Point", "coordinates": [68.75, 21.88]}
    assert first["properties"]["objectType"] == "annotation"
    assert first["properties"]["measurements"] == {"times as much as if all got the same": 8.1235, "rank": 1}
    assert first["properties"]["name"] == "measured, point 1"
    assert first["id"] != second["id"]


def test_the_same_export_has_the_same_ids(tmp_path: Path) -> None:
    texts = []
    for name in ("a", "b"):
        write_geojson(small_field(), [], tmp_path / name, slide_name="slide")
        texts.append((tmp_path / name).read_bytes())
    assert texts[0] == texts[1]


def test_odd_names_do_no_harm(tmp_path: Path) -> None:
    """A file name that is no UTF-8."""
    write_geojson(small_field("\ud800"), [], tmp_path / "a.geojson", slide_name="\udcff")
    json.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))
    write_scores(small_field("\ud800\x00"), tmp_path / "a.h5", slide_name="\udcff\x00")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["slide"] == "\\udcff\\x00"


def test_where_nothing_can_be_written_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SaveError, match="not saved"):
        write_scores(small_field(), tmp_path / "file" / "scores.h5", slide_name="slide")


def test_places_as_a_table(tmp_path: Path) -> None:
    field = small_field('=1+1, "é"')
    path = tmp_path / "places.csv"
    places = [
        Hit(Rect(256.5, 0.0, 6000.0, 256.5), 0.91234, (300.0, 100.0)),
        Hit(Rect(0.0, 0.0, 10.0, 10.0), 0.5, (5.0, 5.0)),
    ]
    write_places(field, places, path, slide_name="slide, 1.svs", extent_px=(5000, 3100))
    first, second = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    assert (first["rank"], first["score"], second["rank"]) == ("1", "0.9123", "2")
    assert [float(first[f"{side}_px"]) for side in ("x", "y", "left", "top", "right", "bottom")] == [
        300.0,
        100.0,
        256.5,
        0.0,
        5000.0,
        256.5,
    ]
    assert float(first["x_um"]) == pytest.approx(300 * 0.499, abs=0.01)
    assert float(first["bottom_um"]) == pytest.approx(256.5 * 0.501, abs=0.01)
    assert first["slide"] == "slide, 1.svs"
    assert first["query"] == '\'=1+1, "é"', "no spreadsheet computes it"
    assert (first["encoder"], first["note"]) == ("measured", "Research use only")
    assert (first["mpp_x_um"], first["mpp_estimated"]) == ("0.499", "True")


def test_places_alone_are_without_patches(tmp_path: Path) -> None:
    path = tmp_path / "places.geojson"
    place = Hit(Rect(0.0, 0.0, 10.0, 10.0), 0.5, (5.0, 5.0))
    write_geojson(small_field(), [place], path, slide_name="slide", patches=False)
    (feature,) = json.loads(path.read_text(encoding="utf-8"))["features"]
    assert feature["properties"]["objectType"] == "annotation"
