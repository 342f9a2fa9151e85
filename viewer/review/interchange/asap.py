"""Findings as ASAP's XML (Annotations of Coordinates in level-0 px, AnnotationGroups by label)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.parsers import expat

from viewer import RESEARCH_USE_STATEMENT
from viewer.common.text import escape_control
from viewer.relevance.exchange.objects import text_from
from viewer.review.interchange import strings
from viewer.review.interchange.shapes import InterchangeError, Marked, check_slide, corners_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from viewer.review.interchange.shapes import Exported

_MOST_BYTES = 64 << 20
_TYPES = {1: "Dot", 2: "PolyLine"}
_COLOUR = "#0072B2"


def write_asap(exported: Exported) -> bytes:
    """A file that ASAP opens; it does not read the attributes of the first element."""
    root = ET.Element(
        "ASAP_Annotations",
        use=RESEARCH_USE_STATEMENT,
        case=exported.case,
        slide_id=exported.slide_id,
    )
    annotations = ET.SubElement(root, "Annotations")
    for finding in exported.findings:
        corners = corners_of(finding)
        one = ET.SubElement(
            annotations,
            "Annotation",
            Name=finding.id,
            Type=_TYPES.get(len(corners), "Polygon"),
            PartOfGroup=escape_control(finding.label),
            Color=_COLOUR,
        )
        places = ET.SubElement(one, "Coordinates")
        for order, (x, y) in enumerate(corners):
            ET.SubElement(places, "Coordinate", Order=str(order), X=repr(float(x)), Y=repr(float(y)))
    groups = ET.SubElement(root, "AnnotationGroups")
    for label in dict.fromkeys(escape_control(finding.label) for finding in exported.findings):
        group = ET.SubElement(groups, "Group", Name=label, PartOfGroup="None", Color=_COLOUR)
        ET.SubElement(group, "Attributes")
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def read_asap(path: Path, slide_id: str) -> Iterator[Marked]:
    """Shapes labelled by their group. Raises InterchangeError."""
    root = _parsed(path)
    if root.tag != "ASAP_Annotations":
        raise InterchangeError(path, strings.NOT_ASAP)
    check_slide(path, root.get("slide_id"), slide_id)
    for number, one in enumerate(root.iterfind("Annotations/Annotation"), 1):
        try:
            places = sorted(
                one.iterfind("Coordinates/Coordinate"), key=lambda place: int(place.attrib["Order"])
            )
            corners = tuple((float(place.attrib["X"]), float(place.attrib["Y"])) for place in places)
        except (KeyError, ValueError) as error:
            reason = strings.BAD_SHAPE.format(number=number, reason=error)
            raise InterchangeError(path, reason) from error
        if not corners:
            raise InterchangeError(path, strings.BAD_SHAPE.format(number=number, reason="Coordinates"))
        group = text_from(one.get("PartOfGroup"))
        parts = [(corner,) for corner in corners] if one.get("Type") == "PointSet" else [corners]
        for part in parts:
            yield Marked(text_from(one.get("Name")), "" if group == "None" else group, part)


def _order(place: ET.Element) -> int:
    return int(place.attrib["Order"])


def _parsed(path: Path) -> ET.Element:
    """Without document types, so that no entity can grow. Raises InterchangeError."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InterchangeError(path, error.strerror or str(error)) from error
    if len(data) > _MOST_BYTES:
        raise InterchangeError(path, strings.TOO_LARGE.format(most_mb=_MOST_BYTES >> 20))

    def refuse(*_declared: object) -> None:
        raise InterchangeError(path, strings.ENTITIES)

    builder, parser = ET.TreeBuilder(), expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise InterchangeError(path, strings.NOT_XML.format(reason=error)) from error
    return builder.close()
