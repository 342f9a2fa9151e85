"""Pixel sizes that readers gave: kept with the content of a slide, damaged files, and which size wins."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.messages import pattern
from viewer.common.paths import state_dir
from viewer.slide import strings
from viewer.slide.facts import facts_as_text, slide_facts
from viewer.slide.formats.array import ArraySource
from viewer.slide.formats.registry import open_slide
from viewer.slide.given_scale import GivenScale, GivenScalesError, given_scale, keep_scales, kept_scales
from viewer.slide.identity import slide_identity

if TYPE_CHECKING:
    from pathlib import Path

ENTERED = GivenScale((0.25, 0.25), "2026-11-30")


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(1).integers(0, 255, (300, 300, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def keep(slide: Path, given: GivenScale | None) -> None:
    with closing(open_slide(slide)) as source:
        keep_scales({slide_identity(source): given})


def kept(slide: Path) -> GivenScale | None:
    with closing(open_slide(slide)) as source:
        return given_scale(source)


@pytest.mark.parametrize(
    "given",
    [
        ENTERED,
        GivenScale((0.5, 0.25), "2026-11-30", estimated=True),
        GivenScale((0.5, 0.5), "2026-11-30", power=20.0, overrides=True),
        GivenScale((0.5, 0.5), "2026-11-30", for_list=True),
    ],
)
def test_it_survives_moving_and_renaming_until_it_is_cleared(
    slide: Path, tmp_path: Path, given: GivenScale
) -> None:
    assert kept(slide) is None
    keep(slide, given)
    moved = tmp_path / "elsewhere" / "other name.png"
    moved.parent.mkdir()
    shutil.move(slide, moved)
    assert kept(moved) == given
    keep(moved, None)
    assert kept(moved) is None


def test_one_slide_says_nothing_of_another(slide: Path, tmp_path: Path) -> None:
    keep(slide, ENTERED)
    Image.new("RGB", (300, 300)).save(tmp_path / "b.png")
    assert kept(tmp_path / "b.png") is None
    keep(tmp_path / "b.png", replace(ENTERED, mpp_um=(1.0, 1.0)))
    assert kept(slide) == ENTERED


def test_what_the_file_states_wins_unless_the_reader_overrides_it(slide: Path) -> None:
    keep(slide, ENTERED)
    with closing(open_slide(slide)) as source:
        stated = ArraySource(replace(source.info, mpp_um=(0.5, 0.5)), np.zeros((300, 300, 3), np.uint8))
        identity = slide_identity(stated)
    keep_scales({identity: ENTERED})
    assert given_scale(stated) is None
    keep_scales({identity: replace(ENTERED, overrides=True)})
    assert given_scale(stated) == replace(ENTERED, overrides=True)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        '{"version": 99, "slides": {}}',
        '{"version": 1, "slides": {"x": {"mpp_um": [0.25]}}}',
        '{"version": 1, "slides": {"x": {"mpp_um": [1e999, 0.25], "day": "", "estimated": false, '
        '"power": null, "overrides": false}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_said_once_and_not_lost(slide: Path, text: str) -> None:
    file = state_dir() / "pixel_sizes.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    aside = file.with_name("pixel_sizes.json.unreadable")
    with pytest.raises(GivenScalesError, match=pattern(strings.SCALES_DAMAGED, kept_as=aside.name)):
        kept(slide)
    assert aside.read_text() == text
    assert kept(slide) is None
    keep(slide, ENTERED)
    assert kept(slide) == ENTERED


def test_processes_that_write_at_once_lose_nothing() -> None:
    script = (
        "import sys\n"
        "from viewer.slide.given_scale import GivenScale, keep_scales\n"
        "for number in range(20):\n"
        "    keep_scales({f'{sys.argv[1]} {number}': GivenScale((0.25, 0.25), '2026-11-30')})\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script, name]) for name in ("first", "second")]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert kept_scales().keys() == {f"{name} {n}" for name in ("first", "second") for n in range(20)}


def test_a_file_that_cannot_be_read_is_not_written_over(slide: Path) -> None:
    (state_dir() / "pixel_sizes.json").mkdir(parents=True)
    with pytest.raises(GivenScalesError, match=pattern(strings.SCALES_UNREADABLE)):
        keep(slide, ENTERED)


def test_a_damaged_file_that_cannot_be_renamed_is_said_too(slide: Path) -> None:
    file = state_dir() / "pixel_sizes.json"
    (file.with_name("pixel_sizes.json.unreadable") / "in the way").mkdir(parents=True)
    file.write_text("{")
    with pytest.raises(GivenScalesError, match=pattern(strings.SCALES_NOT_RENAMED)):
        kept(slide)
    assert file.read_text() == "{"


def test_a_slide_whose_file_is_gone_has_none(slide: Path) -> None:
    keep(slide, ENTERED)
    with closing(open_slide(slide)) as source:
        slide.unlink()
        assert given_scale(source) is None


@pytest.mark.parametrize("side_um", [0.0, -1.0, float("nan"), float("inf"), 1e5])
def test_an_absurd_size_is_none(side_um: float) -> None:
    with pytest.raises(ValueError, match=pattern(strings.NOT_A_PIXEL_SIZE)):
        GivenScale((side_um, 0.25), "2026-11-30")


def test_the_facts_say_who_gave_it_and_when(slide: Path) -> None:
    by_reader = [
        (ENTERED, "entered by the reader on 2026-11-30"),
        (replace(ENTERED, power=40.0), "entered by the reader on 2026-11-30 as scanned at 40x"),
        (replace(ENTERED, estimated=True), "estimated, and accepted by the reader on 2026-11-30"),
        (
            replace(ENTERED, overrides=True),
            "entered by the reader on 2026-11-30, instead of what the file states",
        ),
    ]
    with closing(open_slide(slide)) as source:
        for given, origin in by_reader:
            facts = json.loads(json.dumps(slide_facts(source, given)))
            assert facts["mpp_um"] == [0.25, 0.25]
            assert (facts["mpp_origin"], facts["mpp_estimated"]) == (origin, given.estimated)
            assert f"0.25 × 0.25 µm, {origin}" in facts_as_text(facts)
        assert slide_facts(source)["mpp_origin"] is None
