"""Maps and annotations as GeoJSON: QuPath's old and new way, our own; what is wrong costs itself only."""

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


def test_our_own_patches_come_back_and_places_as_outlines(tmp_path: Path) -> None:
    field, path = small_field(), tmp_path / "a.geojson"
    hit = Hit(field.grid.rect(0, 0, 2, 2), 0.9, (10.0, 10.0))
    write_geojson(field, [hit], path, slide_name="a")
    made = read_map(path, EXTENT_PX, field.grid, mpp_estimated=True)
    back = made.field
    assert back is not None
    assert made.outlines is not None
    assert [kind[:2] for kind in made.outlines.kinds] == [("adipose tissue", (230, 159, 0))]
    assert made.outlines.names_at(10, 10, 1) == ("adipose tissue, place 1",)
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
    assert strings.NOT_FINITE in refused(written(path, [tile(float("nan"), 0, {"p": 1})]))
    assert strings.NOT_FINITE in refused(written(path, [tile(1e30, 0, {"p": 1})]))
    assert re.search(pattern(strings.NO_SHAPES), refused(written(path, [])))
    annotation = written(path, [tile(0, 0, {"p": 1}, kind="annotation")])
    assert re.search(pattern(strings.NO_SCORES), refused(annotation, "p"))


def test_a_few_shapes_beside_the_slide_are_counted_and_many_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    tiles = [tile(256 * at, 0, {"p": at / 20}) for at in range(16)]
    made = laid(written(path, [*tiles, tile(9000, 0, {"p": 1})]))
    assert made.field.known.sum() == 16
    assert f"1 {strings.BESIDE_THE_SLIDE}" in " ".join(made.notes)
    swapped = [tile(0, 256 * at, {"p": at / 20}) for at in range(16)]
    assert "another slide" in refused(written(path, swapped))
    hangs = laid(written(path, [tile(-200, 0, {"p": 1}), tile(0, 256, {"p": 1})]))
    assert hangs.field.known.sum() == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        "{",
        "9" * 5000,
        "3",
        "[1",
        "[1 2]",
        "[] x",
        "\xff",
        "{}",
        "{1: 2}",
        '{"a" 1}',
        '{"a": 1 "b"}',
    ],
)
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
        {"type": "MultiPolygon", "coordinates": None}, {"type": "MultiPolygon", "coordinates": [[], [[]]]},
        {"type": "Polygon", "coordinates": [[[1], [2]]]}, {"type": "LineString", "coordinates": "abc"},
        {"type": "Polygon", "coordinates": [[[0, 0], [9, "nan"], [9, 9]]]},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 1]}]},
    ],
)  # fmt: skip
def test_a_damaged_shape_costs_itself(tmp_path: Path, geometry: Any) -> None:
    path, feature = tmp_path / "a.geojson", tile(0, 0, {"p": 1}) | {"geometry": geometry}
    left_out = pattern(strings.LEFT_OUT, total=2)
    made = laid(written(path, [feature, tile(256, 0, {"p": 0.5})]))
    assert made.field.known.sum() == 1
    assert re.search(left_out, " ".join(made.notes))
    assert re.search(pattern(strings.LEFT_OUT, total=1), refused(written(path, [feature])))
    made = laid(written(path, [3, tile(256, 0, {"p": 0.5})]))
    assert f"1 {strings.NO_OBJECT}" in " ".join(made.notes)


def test_what_unpacks_to_more_than_it_may_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.geojson.gz"
    path.write_bytes(gzip.compress(b" " * 10_000_000))
    monkeypatch.setattr("viewer.relevance.exchange.json_stream.MAX_BYTES", 2 << 20)
    assert re.search(pattern(strings.TOO_MANY_MIB, most_mib=2), refused(path))
    path.write_bytes(path.read_bytes()[:50])
    assert "cannot be read" in refused(path)


def test_one_shape_larger_than_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.json", [tile(0, 0, {"p" * 5_000_000: 1})])
    monkeypatch.setattr(
        "viewer.relevance.exchange.json_stream.psutil.virtual_memory",
        lambda: SimpleNamespace(available=60 << 20),
    )
    assert re.search(pattern(strings.VALUE_TOO_LARGE), refused(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-le"])
def test_files_are_read_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setattr("viewer.relevance.exchange.json_stream._PIECE_BYTES", 8)
    features = [tile(256 * at, 0, {"Wert é": at / 16, "n": -1.25e-3}) for at in range(16)]
    collection = {"bbox": [1, 2.5], "type": "FeatureCollection", "features": features, "note": "ü"}
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(collection, ensure_ascii=False, indent=1), encoding=encoding)
    field = laid(path, "Wert é").field
    assert field.scores[0].tolist() == [at / 16 for at in range(16)]


def test_a_single_feature_and_a_bare_shape_are_read(tmp_path: Path) -> None:
    path, feature = tmp_path / "a.geojson", tile(256, 0, {"p": 0.5})
    assert laid(written(path, feature)).field.known.sum() == 1
    assert len(laid(written(path, feature["geometry"])).outlines) == 1
    assert re.search(pattern(strings.NOT_GEOJSON), refused(written(path, {"type": "Topology"})))


@pytest.mark.parametrize("value", ["a", 5, -0.5, True, None, [1, "a"]])
def test_json_of_another_kind_is_called_what_it_is(value: Any, tmp_path: Path) -> None:
    said = refused(written(tmp_path / "a.json", value))
    assert strings.DAMAGED not in said
    if isinstance(value, list):
        assert strings.LEFT_OUT_REASON.format(count=2, reason=strings.NO_OBJECT) in said
    else:
        assert said.endswith(strings.NOT_SHAPES.format(kind=strings.KIND_OF_JSON[type(value)]))


def test_too_many_shapes_or_measurements_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.geojson", [tile(0, 0, {"p": 1, "q": 2}), tile(0, 0, {})])
    monkeypatch.setattr("viewer.relevance.exchange.objects.MAX_OBJECTS", 1)
    assert re.search(pattern(strings.TOO_MANY_SHAPES, most=1), refused(path))
    assert re.search(pattern(strings.TOO_MANY_SHAPES, most=1), refused(written(path, [0, 0])))
    written(path, [tile(0, 0, {"p": 1, "q": 2})])
    monkeypatch.setattr("viewer.relevance.exchange.objects.MAX_COLUMNS", 1)
    assert re.search(pattern(strings.TOO_MANY_MEASUREMENTS), refused(path))


def test_qupath_0_2_has_kinds_as_ids(tmp_path: Path) -> None:
    def old(kind: str, at: int, value: float) -> dict[str, Any]:
        made = tile(256 * at, 0, [{"name": "p", "value": value}, 3])
        del made["properties"]["objectType"]
        return made | {"id": kind}

    features = [
        old("PathDetectionObject", 1, 0.25),
        old("PathTileObject", 2, 0.5),
        old("PathCellObject", 3, 1),
    ]
    made = laid(written(tmp_path / "a.json", [old("PathAnnotationObject", 0, 9000), *features]))
    assert made.field.scores[0, :4].tolist() == [0, 0.25, 0.5, 1]
    assert made.field.known.sum() == 3
    assert len(made.outlines) == 1


def test_a_cell_without_an_outline_has_that_of_its_nucleus(tmp_path: Path) -> None:
    cell = tile(256, 0, {"p": 0.5}, kind="cell")
    cell["nucleusGeometry"] = tile(300, 40, {}, side=90)["geometry"]
    assert laid(written(tmp_path / "a.json", [cell])).field.known[0, :3].tolist() == [False, True, False]
    alone = cell | {"geometry": None, "nucleusGeometry": tile(512, 0, {})["geometry"]}
    assert laid(written(tmp_path / "a.json", [alone])).field.known[0, :3].tolist() == [False, False, True]


def annotation(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": {"objectType": "annotation", **properties}}


SQUARE = [[100, 100], [500, 100], [500, 500], [100, 500]]


def test_annotations_are_outlines_with_names_and_colours(tmp_path: Path) -> None:
    hole = [[200, 200], [300, 200], [300, 300], [200, 300]]
    path = written(
        tmp_path / "a.geojson",
        [
            annotation(
                "Polygon", [SQUARE, hole], name="A", classification={"name": "Tumor", "colorRGB": -3670016}
            ),
            annotation(
                "MultiPolygon", [[[[1000, 0], [1100, 0], [1100, 90]]], [SQUARE]], classification="Stroma"
            ),
            annotation("LineString", [[600, 600], [900, 600, 7]], name="edge", color=[0, 300, -1]),
            annotation("MultiLineString", [[[600, 700], [900, 700]]], classification={"names": ["a", "b"]}),
            annotation("MultiPoint", [[2000, 1000], [2100, 1000]], color=[1, 2, "x"]),
            annotation(
                "Point", [3000, 1000], name=" \x073\n", color=True, classification={"color": ["NaN", 5, 9]}
            ),
        ],
    )
    made = laid(path)
    assert made.field is None
    kinds = {kind.name: kind.rgb for kind in made.outlines.kinds}
    assert kinds["Tumor"] == (200, 0, 0)
    assert kinds["edge"] == (0, 255, 0)
    assert list(kinds)[1:4:2] == ["Stroma", "a: b"]
    assert (0, 5, 9) in kinds.values()
    assert made.outlines.names_at(150, 150, 3) == ("Stroma", "A (Tumor)")
    assert made.outlines.names_at(250, 250, 3) == ("Stroma",)
    assert made.outlines.names_at(1090, 10, 3) == ("Stroma",)
    assert made.outlines.names_at(750, 602, 3) == ("edge",)
    assert made.outlines.names_at(750, 650, 3) == ()
    (control,) = made.outlines.names_at(3002, 1000, 3)
    assert control.isprintable()
    assert re.search(pattern(strings.OUTLINES, count=6), made.notes[0])


def test_shapes_without_numbers_are_outlines_where_none_has_one(tmp_path: Path) -> None:
    path, bare = tmp_path / "a.geojson", tile(0, 0, {"q": "x", "r": 10**400, "s": True}, kind="cell")
    assert len(laid(written(path, [bare, bare])).outlines) == 2
    mixed = laid(written(path, [bare, tile(256, 0, {"p": 1}), annotation("Point", [9, 9])]))
    assert len(mixed.outlines) == 1
    assert re.search(pattern(strings.SHAPES_WITHOUT_NUMBER, count=1), " ".join(mixed.notes))


def test_outlines_beyond_what_can_be_drawn_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.relevance.exchange.objects.MAX_OUTLINE_CORNERS", 10)
    monkeypatch.setattr("viewer.relevance.exchange.objects._CORNERS_AT_ONCE", 5)
    path = written(tmp_path / "a.geojson", [annotation("Polygon", [SQUARE])] * 4)
    made = laid(path)
    assert len(made.outlines) == 2
    assert re.search(re.escape(strings.TOO_MANY_CORNERS.format(most=10)), " ".join(made.notes))


def test_annotations_of_another_slide_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.geojson", [annotation("Point", [9000, 9000])])
    assert "another slide" in refused(path)
    path = written(tmp_path / "a.geojson", [annotation("Point", [9000, 9000]), annotation("Point", [9, 9])])
    assert f"1 {strings.BESIDE_THE_SLIDE}" in " ".join(laid(path).notes)


@pytest.mark.slides
def test_files_that_readers_reported(shared_slides: Path) -> None:
    extent, grid = (1024, 1024), PatchGrid.over(1024, 1024, (0.5, 0.5))
    known = {"map_two_far_squares.geojson": 2, "map_qupath02_annotation_by_id.json": 16}
    known["map_one_geometrycollection.geojson"] = 16
    for name, count in known.items():
        made = read_map(shared_slides / "found" / name, extent, grid, mpp_estimated=False)
        assert made.field is not None
        assert made.field.known.sum() == count
        assert made.field.scores.max() == pytest.approx(0.9 if count == 2 else 0.75)
    assert f"1 {strings.A_COLLECTION}" in " ".join(made.notes)
