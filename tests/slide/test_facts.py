"""The facts of a slide, as data and as text."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from viewer.common.text import escape_control
from viewer.slide import strings
from viewer.slide.facts import facts_as_text, slide_facts
from viewer.slide.geometry import Pyramid, Rect
from viewer.slide.source import SlideInfo

INFO = SlideInfo(
    path=Path("/slides/a.svs"),
    format="Aperio SVS",
    reader="tiff (direct)",
    reader_reason="its tiles are JPEG",
    bounds=Rect(0, 0, 30060, 15719),
    file_levels=((30060, 15719), (7515, 3929)),
    mpp_um=(0.25, 0.26),
    objective_power=40.0,
    associated_images=("label", "macro"),
    icc_profile=b"profile",
    notes=("Only the first plane is shown.",),
)


def source(info: SlideInfo) -> Any:
    """A source with a derived level between the two of the file."""
    sizes = [(30060, 15719), (15030, 7860), (7515, 3929)]
    return SimpleNamespace(info=info, pyramid=Pyramid.from_sizes(sizes, [(256, 256)] * 3))


def test_levels_are_those_that_are_shown_and_tell_which_are_made() -> None:
    facts = slide_facts(source(INFO))
    sizes = [(level["width"], level["height"]) for level in facts["levels"]]
    assert sizes == [(30060, 15719), (15030, 7860), (7515, 3929)]
    assert [level["in_file"] for level in facts["levels"]] == [True, False, True]
    assert facts["levels"][0]["downsample"] == 1.0
    assert facts["levels"][2]["downsample"] == (30060 / 7515 + 15719 / 3929) / 2
    assert strings.LEVEL_PX[False].format(**facts["levels"][1]) in facts_as_text(facts)


def test_facts_are_json() -> None:
    facts = json.loads(json.dumps(slide_facts(source(INFO))))
    assert facts["mpp_um"] == [0.25, 0.26]
    assert facts["objective_power"] == 40.0
    assert facts["associated_images"] == ["label", "macro"]
    assert facts["reader"] == "tiff (direct): its tiles are JPEG"
    assert facts["notes"] == ["Only the first plane is shown."]


def test_text_says_everything() -> None:
    text = facts_as_text(slide_facts(source(INFO)))
    for wanted in (
        "30,060 × 15,719 px",
        "7,515 × 3,929 px",
        "0.25 × 0.26 µm",
        "40x",
        "label, macro",
        "first plane",
    ):
        assert wanted in text


def test_text_says_what_the_file_does_not() -> None:
    bare = dataclasses.replace(
        INFO, mpp_um=None, objective_power=None, associated_images=(), icc_profile=None
    )
    text = facts_as_text(slide_facts(source(bare)))
    assert text.count(strings.NOT_STATED) == 2
    assert text.count(strings.NONE) == 2


def test_names_cannot_steer_the_terminal() -> None:
    """Colours, cleared screens and second lines can stand in a file's name or its header."""
    odd = dataclasses.replace(INFO, path=Path("/a\x1b[31m\n b\udcff.svs"), format="Über 😐\x9b2J")
    text = facts_as_text(slide_facts(source(odd)))
    assert text.splitlines()[0].endswith(r"/a\x1b[31m\n b\udcff.svs")
    assert r"Über 😐\x9b2J" in text
    assert escape_control("a b\u2028") == r"a b\u2028"
