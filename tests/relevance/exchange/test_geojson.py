"""Maps as GeoJSON: QuPath's old and new way, our own, tiles and cells; hostile files are refused."""

from __future__ import annotations

import gzip
import json
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages import pattern
from tests.relevance.fields import EXTENT_PX, small_field
from viewer.relevance.exchange import strings
from viewer.relevance.exchange.export import write_geojson
from viewer.relevance.exchange.read_map import read_map
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.patches.peaks import Hit

if TYPE_CHECKING:
    from pathlib import Path

EXTENT = (4096, 2048)
GRID = PatchGrid.over(*EXTENT, (0.5, 0.5))


def tile(x: float, y: float, measurements: Any, *, side: float = 256, kind: str = "tile") -> dict[str, Any]:
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"objectType": kind, "measurements": measurements},
    }


def written(path: Path, features: Any) -> Path:
    path.write_text(json.dumps(features))
    return path


def laid(path: Path, column: str | None = None) -> Any:
    return read_map(path, EXTENT, GRID, mpp_estimated=False, column=column)


def refused(path: Path, column: str | None = None) -> str:
    with pytest.raises(FeatureFileError) as raised:
        laid(path, column)
    assert str(path) in str(raised.value)
    return raised.value.reason


def test_our_own_patches_come_back_and_places_are_left_out(tmp_path: Path) -> None:
    field, path = small_field(), tmp_path / "a.geojson"
    hit = Hit(field.grid.rect(0, 0, 2, 2), 0.9, (10.0, 10.0))
    write_geojson(field, [hit], path, slide_name="a")
    back = read_map(path, EXTENT_PX, field.grid, mpp_estimated=True).field
    above_0 = field.known & (field.scores > 0)
    assert (back.known == above_0).all()
    assert abs(back.scores - field.scores)[above_0].max() < 1e-4
    assert back.provenance.query == "relevance: adipose tissue"
    assert re.search(pattern(strings.OF_OTHER_PATCHES, found=260, expected=144), refused(path))


@pytest.mark.parametrize("form", ["collection", "list", "packed", "old"])
def test_each_form_is_read(tmp_path: Path, form: str) -> None:
    values = [0.25, "NaN", 1]
    old = form == "old"
    features = [
        tile(256 * at, 0, [{"name": "p", "value": value}] if old else {"p": value})
        for at, value in enumerate(values)
    ]
    content = features if form == "list" else {"type": "FeatureCollection", "features": features}
    path = written(tmp_path / "a.geojson", content)
    if form == "packed":
        path = tmp_path / "a.geojson.gz"
        path.write_bytes(gzip.compress(json.dumps(content).encode()))
    field = laid(path).field
    assert field.known[0, :4].tolist() == [True, False, True, False]
    assert field.scores[0, :3].tolist() == [0.25, 0, 1]


def test_a_measurement_is_chosen(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", [tile(0, 0, {"a": 0.1, "b": 0.9}), tile(256, 0, {"a": 0.2})])
    assert re.search(pattern(strings.SEVERAL_COLUMNS, names="'a', 'b'"), refused(path))
    assert "no scores named 'c'; it has 'a', 'b'" in refused(path, "c")
    made = laid(path, "b")
    assert made.field.scores[0, 0] == pytest.approx(0.9)
    assert made.field.known.sum() == 1
    assert re.search(pattern(strings.SHAPES_WITHOUT_NUMBER, count=1), made.notes[2])


def test_cells_are_counted_by_their_centres(tmp_path: Path) -> None:
    cells = [tile(10 * at, 30, {"p": at / 2}, side=8, kind="cell") for at in range(3)]
    point = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [300, 5]}}
    cells.append(point | {"properties": {"objectType": "detection", "measurements": {"p": 0.3}}})
    made = laid(written(tmp_path / "a.geojson", cells))
    assert made.field.scores[0, :2].tolist() == pytest.approx([0.5, 0.3])
    assert re.search(pattern(strings.SHAPES_ARE_OBJECTS), made.notes[2])


def test_maps_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    assert re.search(pattern(strings.BEYOND_THE_SLIDE), refused(written(path, [tile(9000, 0, {"p": 1})])))
    assert re.search(pattern(strings.NEGATIVE_COORDINATES), refused(written(path, [tile(-900, 0, {"p": 1})])))
    assert re.search(
        pattern(strings.COORDINATES_NOT_FINITE), refused(written(path, [tile(float("nan"), 0, {"p": 1})]))
    )
    assert "no scores" in refused(written(path, [tile(0, 0, {"p": True, "q": "x", "r": 10**400})]))
    assert re.search(
        pattern(strings.ONLY_ANNOTATIONS), refused(written(path, [tile(0, 0, {"p": 1}, kind="annotation")]))
    )
    assert re.search(pattern(strings.ONLY_ANNOTATIONS), refused(written(path, [])))


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "9" * 5000, "3", '{"features": [3]}', "\xff", "{}"])
def test_what_is_no_geojson_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(text, encoding="latin-1")
    assert "GeoJSON" in refused(path) or "no JSON" in refused(path)


@pytest.mark.parametrize(
    "geometry",
    [
        None, 3, {"type": "Polygon"}, {"type": "Point", "coordinates": []},
        {"type": "Polygon", "coordinates": 3},
        {"type": "Point", "coordinates": ["x", {}]}, {"type": "Polygon", "coordinates": []}, {"type": []},
        {"type": "Point", "coordinates": [10**400, 0]}, {"type": "Point", "coordinates": {"0": 1}},
    ],
)  # fmt: skip
def test_a_damaged_shape_is_refused(tmp_path: Path, geometry: Any) -> None:
    feature = tile(0, 0, {"p": 1}) | {"geometry": geometry}
    assert re.search(pattern(strings.SHAPE_DAMAGED), refused(written(tmp_path / "a.geojson", [feature])))


def test_what_unpacks_to_more_than_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.geojson.gz"
    path.write_bytes(gzip.compress(b" " * 10_000_000))
    monkeypatch.setattr(
        "viewer.relevance.exchange.geojson.psutil.virtual_memory", lambda: SimpleNamespace(available=60 << 20)
    )
    assert re.search(pattern(strings.TOO_MANY_MIB, most_mib=2), refused(path))
    path.write_bytes(path.read_bytes()[:50])
    assert "cannot be read" in refused(path)


def test_too_many_shapes_or_measurements_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.geojson", [tile(0, 0, {"p": 1, "q": 2}), tile(0, 0, {})])
    monkeypatch.setattr("viewer.relevance.exchange.objects.MAX_OBJECTS", 1)
    assert re.search(pattern(strings.TOO_MANY_SHAPES, most=1), refused(path))
    monkeypatch.setattr("viewer.relevance.exchange.objects.MAX_COLUMNS", 1)
    assert re.search(pattern(strings.TOO_MANY_MEASUREMENTS), refused(path))
