"""``foveola review findings``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from viewer import RESEARCH_USE_STATEMENT
from viewer.cli.main import main
from viewer.review.database.record import open_record
from viewer.review.findings.finding import Finding, Maker
from viewer.review.protocols import find_protocol
from viewer.review.reading.kinds import Mode
from viewer.review.reading.session import ReadingSession
from viewer.review.worklist.worklist import Worklist
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import Rect
from viewer.slide.identity import slide_identity

if TYPE_CHECKING:
    from pathlib import Path

Captured = pytest.CaptureFixture[str]
MAKER = Maker("tissue", "Tissue", "0" * 64, "tumour", 0.5, "share")


@pytest.fixture
def case(tmp_path: Path) -> str:
    """A blinded reading by r1 that was begun; the program found one place, which is not shown yet."""
    folder = tmp_path / "slides"
    folder.mkdir()
    path = folder / "Smith.tif"
    tifffile.imwrite(path, np.full((512, 512, 3), 200, np.uint8), tile=(256, 256), photometric="rgb")
    assert main(["review", "add", str(folder), "--reader", "r1"]) == 0
    source = open_slide(path)
    slide_id = slide_identity(source)
    source.close()
    with open_record() as record:
        worklist = Worklist(record)
        (one,) = worklist.cases()
        worklist.change(one.id, "", slides=[type(one.slides[0])(str(path), slide_id)])
        session = ReadingSession(record, one.id, "r1", find_protocol(one.protocol))
        found = Finding("f-program", slide_id, "tumour", (9.0, 9.0), Rect(1, 1, 20, 20), 0.9, MAKER)
        payload = {"mpp_um": 0.5, "findings": [found.as_json()], "asked": [], "not_analysed": []}
        session.take_findings(slide_id, payload)
        session.open(Mode.BLINDED_FIRST, [slide_id])
    return one.id


def marked(path: Path, *points: tuple[float, float]) -> str:
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": point},
            "properties": {"classification": {"name": "mitosis"}},
        }
        for point in points
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return str(path)


@pytest.mark.parametrize("ending", ["geojson", "xml"])
def test_taken_over_and_exported_without_what_was_not_shown(
    case: str, ending: str, tmp_path: Path, capsys: Captured
) -> None:
    source = marked(tmp_path / "in.geojson", (10.5, 20.25), (30.0, 40.0))
    assert main(["review", "findings", case, "--from", source, "--reader", "r1"]) == 0
    assert RESEARCH_USE_STATEMENT in capsys.readouterr().out
    out = tmp_path / f"out.{ending}"
    assert main(["review", "findings", case, "-o", str(out), "--reader", "r1"]) == 0
    text = out.read_text()
    assert "10.5" in text
    assert "20.25" in text
    assert "f-program" not in text
    assert "Smith" not in text
    # Our own export holds nothing new.
    assert main(["review", "findings", case, "--from", str(out), "--reader", "r1"]) == 0
    assert " 0 findings" in capsys.readouterr().out


def test_one_bad_shape_takes_over_none(case: str, tmp_path: Path, capsys: Captured) -> None:
    source = marked(tmp_path / "in.geojson", (10.0, 20.0), (30.0, 4000.0))
    assert main(["review", "findings", case, "--from", source, "--reader", "r1"]) == 1
    assert "512 × 512" in capsys.readouterr().err
    with open_record() as record:
        assert not record.events(case=case, kinds=["finding added"])


def test_a_reading_that_is_not_open_takes_nothing(case: str, tmp_path: Path) -> None:
    source = marked(tmp_path / "in.geojson", (10.0, 20.0))
    assert main(["review", "findings", case, "--from", source, "--reader", "r2"]) == 1
