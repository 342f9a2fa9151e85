"""Findings to and from QuPath and ASAP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from viewer import RESEARCH_USE_STATEMENT
from viewer.common.errors import FoveolaError
from viewer.review.findings.finding import Finding, Maker
from viewer.review.interchange.formats import FORMATS
from viewer.review.interchange.shapes import MAX_CORNERS, MAX_SHAPES, Exported, Marked, findings_from
from viewer.slide.geometry import Rect

if TYPE_CHECKING:
    from pathlib import Path

SLIDE, SIZE = "a" * 64, (1000, 800)
MAKER = Maker("tissue", "Tissue", "0" * 64, "tumour", 0.5, "share")
OUTLINED = Finding(
    "f-1", SLIDE, "tumour", (20.0, 20.0), Rect(10.123, 10, 30, 30), outline=((10.123, 10), (30, 10), (30, 30))
)
BOX = Finding("f-2", SLIDE, "mitosis", (50.0, 50.0), Rect(40, 40, 60.7, 60), 0.75, MAKER)
SQUARE = [[1, 1], [5, 1], [5, 5], [1, 1]]
POINT = Finding("f-3", SLIDE, "mitosis <&>", (1 / 3, 7.0), Rect(1 / 3, 7, 1 / 3, 7))
EXPORTED = Exported("case-00000001", SLIDE, (OUTLINED, BOX, POINT))


def read(path: Path, form: str, slide_id: str = SLIDE, known: tuple[str, ...] = ()) -> list[Finding]:
    return findings_from(path, FORMATS[form].read(path, slide_id), slide_id, SIZE, known)


@pytest.mark.parametrize("form", FORMATS)
def test_places_and_labels_survive_a_round_trip(form: str, tmp_path: Path) -> None:
    path = tmp_path / "findings"
    path.write_bytes(FORMATS[form].write(EXPORTED))
    assert RESEARCH_USE_STATEMENT.encode() in path.read_bytes()
    found = read(path, form)
    assert [(one.label, one.extent) for one in found] == [
        (one.label, one.extent) for one in EXPORTED.findings
    ]
    assert found[0].outline == OUTLINED.outline
    assert found[2].point == POINT.point
    assert found[2].outline == ()
    assert all(one.maker is None for one in found)
    assert [one.label for one in read(path, form, known=("f-1", "f-2"))] == ["mitosis <&>"]


@pytest.mark.parametrize("form", FORMATS)
def test_another_slides_file_is_refused(form: str, tmp_path: Path) -> None:
    path = tmp_path / "findings"
    path.write_bytes(FORMATS[form].write(EXPORTED))
    with pytest.raises(FoveolaError, match="another slide"):
        read(path, form, "b" * 64)


def test_qupath_gets_class_colour_score_and_threshold() -> None:
    box = json.loads(FORMATS["qupath"].write(EXPORTED))["features"][1]
    assert box["properties"]["classification"]["name"] == "mitosis"
    assert box["properties"]["isLocked"] is True
    assert {each["name"]: each["value"] for each in box["properties"]["measurements"]} == {
        "score": 0.75,
        "threshold": 0.5,
    }
    ring = box["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]


def test_asap_gets_a_group_for_each_label() -> None:
    root = ET.fromstring(FORMATS["asap"].write(EXPORTED))
    assert [one.get("Name") for one in root.iterfind("AnnotationGroups/Group")] == [
        "tumour",
        "mitosis",
        "mitosis <&>",
    ]
    assert [one.get("Type") for one in root.iterfind("Annotations/Annotation")] == [
        "Polygon",
        "Polygon",
        "Dot",
    ]


@pytest.mark.parametrize(
    ("form", "text", "reason"),
    [
        ("asap", '<!DOCTYPE a [<!ENTITY x "y">]><ASAP_Annotations/>', "entities"),
        ("asap", "<ASAP_Annotations>", "no XML"),
        ("asap", "<other/>", "ASAP_Annotations"),
        ("asap", "<ASAP_Annotations/>", "no shape"),
        ("asap", "<ASAP_Annotations><Annotations><Annotation/></Annotations></ASAP_Annotations>", "shape 1"),
        ("qupath", '{"type": "FeatureCollection", "features": [3]}', "shape 1"),
        ("qupath", json.dumps({"type": "Polygon", "coordinates": [SQUARE, SQUARE]}), "shape 1 has a hole"),
        ("qupath", '{"type": "Point", "coordinates": [5000, 1]}', "outside the slide of 1000 × 800"),
    ],
)
def test_what_cannot_be_taken_over_is_refused(form: str, text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "findings"
    path.write_text(text)
    with pytest.raises(FoveolaError, match=reason):
        read(path, form)


def test_more_shapes_than_a_reading_takes_are_refused_with_the_number(tmp_path: Path) -> None:
    shapes = (Marked("", "x", ((1.0, 1.0),)) for _ in range(MAX_SHAPES + 1))
    with pytest.raises(FoveolaError, match="10,000"):
        findings_from(tmp_path / "many", shapes, SLIDE, SIZE, ())


def test_each_part_of_a_multipolygon_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "findings"
    path.write_text(json.dumps({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}))
    assert [one.outline for one in read(path, "qupath")] == [((1, 1), (5, 1), (5, 5))] * 2


def test_each_of_asaps_set_of_points_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "findings"
    points = '<Coordinate Order="1" X="3" Y="4"/><Coordinate Order="0" X="1" Y="2"/>'
    path.write_text(
        '<ASAP_Annotations><Annotations><Annotation Type="PointSet" PartOfGroup="mitosis"><Coordinates>'
        f"{points}</Coordinates></Annotation></Annotations></ASAP_Annotations>"
    )
    assert [(one.label, one.point, one.outline) for one in read(path, "asap")] == [
        ("mitosis", (1, 2), ()),
        ("mitosis", (3, 4), ()),
    ]


def test_more_corners_than_the_record_should_hold_are_refused(tmp_path: Path) -> None:
    large = Marked("", "x", ((1.0, 1.0),) * (MAX_CORNERS // 2 + 1))
    with pytest.raises(FoveolaError, match="1,000,000 corners"):
        findings_from(tmp_path / "large", [large, large], SLIDE, SIZE, ())


def test_control_characters_of_a_label_do_not_damage_asaps_xml(tmp_path: Path) -> None:
    path = tmp_path / "findings"
    odd = Finding("f-4", SLIDE, "a\x01b", (1.0, 1.0), Rect(1, 1, 1, 1))
    path.write_bytes(FORMATS["asap"].write(Exported("case-1", SLIDE, (odd,))))
    assert len(read(path, "asap")) == 1
