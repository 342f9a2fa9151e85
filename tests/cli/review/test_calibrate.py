"""``foveola review calibrate`` on a procedural slide."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from viewer.cli.main import main
from viewer.review.protocols import find_protocol, own_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROTOCOL = """
title = "Fat"
purpose = "Slides with fat."
limits = "Nothing else."

[[query]]
text = "fat" # kept
threshold = 0.5

[[query]]
text = "mitosis"
threshold = 0.5

[coverage]
magnification = 10
share = 0.9

[findings]
most = 5
least_um = 50
merge_um = 100
"""


@pytest.fixture
def slide(tmp_path: Path, copy_phantom: Callable[[Path, int], Path]) -> Path:
    """A slide that is a lesion as a whole, by a file in the folder ``lesions``; and a protocol "fat"."""
    made = copy_phantom(tmp_path / "slide.tif", 1024)
    (tmp_path / "lesions").mkdir()
    whole = {"type": "Polygon", "coordinates": [[[0, 0], [1024, 0], [1024, 1024], [0, 1024], [0, 0]]]}
    lesion = {"type": "Feature", "geometry": whole, "properties": {"classification": {"name": "all"}}}
    (tmp_path / "lesions" / "slide.geojson").write_text(json.dumps([lesion]))
    own_folder().mkdir(parents=True)
    (own_folder() / "fat.toml").write_text(PROTOCOL)
    return made


def calibrate(slide: Path, *more: str) -> int:
    lesions = str(slide.with_name("lesions"))
    return main(["review", "calibrate", "fat", str(slide), "--lesions", lesions, *more])


def test_a_threshold_is_set_and_saved(slide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert calibrate(slide, "--class", "all", "--json", "--save", "fat_here") == 0
    said = capsys.readouterr()
    assert "not analysed: mitosis" in said.err
    (found,) = json.loads(said.out)["queries"]
    assert found["query"] == "fat"
    assert (found["hit"], found["lesions"], found["false_a_slide"]) == (1, 1, 0)
    fat, mitosis = find_protocol("fat_here").queries
    assert (fat.threshold, fat.encoder) == (found["threshold"], "measured")
    assert mitosis.encoder == ""
    assert 'text = "fat" # kept' in (own_folder() / "fat_here.toml").read_text()
    assert find_protocol("fat").queries[0].threshold == 0.5


def test_without_lesions_there_is_no_threshold(slide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert calibrate(slide, "--class", "none", "--save", "fat_here") == 0
    assert "no threshold" in capsys.readouterr().out
    assert not (own_folder() / "fat_here.toml").exists()


@pytest.mark.parametrize(
    ("more", "status", "message"),
    [
        (["--query", "mitosis"], 2, "there are fat"),
        (["--save", "a b"], 1, "letters"),
        (["--encoder", "none"], 1, "no encoder"),
        (["--lesions", "nowhere"], 2, "slide.geojson"),
    ],
)
def test_errors_come_before_the_work(
    slide: Path, more: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calibrate(slide, *more) == status
    assert message in capsys.readouterr().err
