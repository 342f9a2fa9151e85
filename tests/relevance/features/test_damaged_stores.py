"""Stored features that are damaged or lie: refused with a note, each part for itself, and replaced."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from tests.messages import pattern
from tests.relevance.stores import filled, holds, opened, rows_of
from viewer.relevance.features import strings
from viewer.relevance.features.journal import Journal, Record

if TYPE_CHECKING:
    from pathlib import Path


def damaged(file: h5py.File, how: str) -> None:
    features, coords = file["features"][()], file["coords"][()]
    match how:
        case "no features":
            del file["features"]
        case "no facts":
            del file.attrs["foveola"]
        case "text":
            del file["features"]
            file["features"] = np.full((100, 5), b"x")
        case "one axis":
            del file["features"]
            file["features"] = features.reshape(-1)
        case "fewer corners":
            del file["coords"]
            file["coords"] = coords[:50]
        case "off the grid":
            file["coords"][3] += 1
        case "off the slide":
            file["coords"][3] = [-5000, 1 << 60]
        case "huge":
            del file["features"]
            file.create_dataset("features", (100, 1 << 40), "f4", chunks=(1, 1024))
        case "nothing behind it":
            del file["features"]
            file.create_dataset("features", (100, 8000), "f4", chunks=(100, 100))
        case "another file's":
            del file["features"]
            file["features"] = h5py.ExternalLink("other.h5", "features")
        case "external storage":
            del file["features"]
            file.create_dataset("features", (100, 5), "f4", external=[("/etc/passwd", 0, 2000)])
        case "notes":
            del file["calibration"]
            file["calibration"] = np.frombuffer(b"[" * 100_000, np.uint8)
        case "parts off the grid" | "parts off it by 32 bits":
            row = -1 if how == "parts off the grid" else 1 << 32
            file["part_cells"] = np.array([[0, 0], [row, 0]], np.int64)
            file["part_features"] = np.zeros((2, 6), np.float32)
        case "width":
            del file["features"]
            file["features"] = np.zeros((100, 6), np.float32)


HARM = (
    "no features;no facts;text;one axis;fewer corners;off the grid;off the slide;huge;nothing behind it;"
    "another file's;external storage;notes;width;parts off the grid;parts off it by 32 bits"
)


@pytest.mark.parametrize("how", HARM.split(";"))
def test_a_file_that_is_not_what_it_claims_is_refused_and_replaced(tmp_path: Path, how: str) -> None:
    with h5py.File(filled(tmp_path), "r+") as file:
        damaged(file, how)
    with opened(tmp_path) as store:
        assert store.count == 0
        assert store.calibration is None
        assert store.parts.count == 0
        assert re.fullmatch(pattern(strings.NOT_USED), store.notes[0])
        store.append(*rows_of(0, 20))
        store.finish()
    with opened(tmp_path) as store:
        assert store.notes == ()
        assert holds(store, 0, 20)


def _broken_journal(folder: Path, file: Path, how: str) -> None:
    """A journal beside a file, begun well, that cannot be used."""
    record = {
        "no facts": Record(b"ROWS", b""),
        "no shape": Record(b"ROWS", b""),
        "too short": Record(b"ROWS", np.array([9, 5], "<u4").tobytes()),
        "another width": Record(b"ROWS", np.array([1, 6, 0, 9] + 6 * [0], "<u4").tobytes()),
        "off the grid": Record(b"ROWS", np.array([1, 5, 0, 9999] + 5 * [0], "<u4").tobytes()),
        "notes": Record(b"CALB", b"[]"),
    }[how]
    with opened(folder / "beside") as store:
        store.append(*rows_of(100, 103))
        beside = store.file.with_suffix(".journal")
    if how == "no facts":
        beside.unlink()
    with closing(Journal(beside, beside.stat().st_size if beside.exists() else 0)) as journal:
        journal.append([record])
    beside.rename(file.with_suffix(".journal"))


@pytest.mark.parametrize(
    "how", ["no facts", "no shape", "too short", "another width", "off the grid", "notes"]
)
@pytest.mark.parametrize("failed", [0, 2])
def test_a_damaged_journal_costs_nothing_of_the_file_beside_it(tmp_path: Path, how: str, failed: int) -> None:
    file = filled(tmp_path)
    _broken_journal(tmp_path, file, how)
    with opened(tmp_path) as store:
        assert holds(store, 0, 100)
        assert store.calibration == {"stain": [0.1, 0.2]}
        assert not store.complete
        assert len(store.notes) == 1
        assert re.fullmatch(pattern(strings.SOME_NOT_USED), store.notes[0])
        assert ".journal" in store.notes[0]
        store.finish(failed=failed)
    with opened(tmp_path) as store:
        assert store.notes == ()
        assert holds(store, 0, 100)
        assert store.complete == (not failed)


def test_behind_a_damaged_journal_the_file_goes_on(tmp_path: Path) -> None:
    _broken_journal(tmp_path, filled(tmp_path), "no shape")
    with opened(tmp_path) as store:
        store.append(*rows_of(100, 120))
    with opened(tmp_path) as store:
        assert store.notes == ()
        assert holds(store, 0, 120)
        store.finish()
    with opened(tmp_path) as store:
        assert holds(store, 0, 120)


@pytest.mark.parametrize("calibrated", [True, False])
def test_a_journal_beside_a_damaged_file_stays_where_it_stands_alone(
    tmp_path: Path, calibrated: bool
) -> None:
    file = filled(tmp_path)
    with opened(tmp_path) as store:
        if calibrated:
            store.set_calibration({"stain": [0.3]})
        store.append(*rows_of(100, 120))
    file.write_bytes(b"")
    with opened(tmp_path) as store:
        assert re.fullmatch(pattern(strings.NOT_USED), store.notes[0])
        assert (store.calibration == {"stain": [0.3]}) == calibrated
        assert holds(store, 100, 120) if calibrated else store.count == 0
        assert len(store.notes) == (1 if calibrated else 2)
        store.finish()
    with opened(tmp_path) as store:
        assert store.notes == ()
        assert store.count == (20 if calibrated else 0)


def test_each_is_of_the_width_that_the_encoder_has(tmp_path: Path) -> None:
    file = filled(tmp_path)
    with opened(tmp_path) as store:
        store.set_calibration({"stain": [0.3]})
        store.append(*rows_of(100, 120))
    with h5py.File(file, "r+") as h5:
        damaged(h5, "width")
    with opened(tmp_path) as store:
        assert strings.FEATURE_COUNT.format(found=6, expected=5) in store.notes[0]
        assert holds(store, 100, 120)


@pytest.mark.parametrize("kept_bytes", [0, 100, 2000, -1])
def test_a_file_cut_short_is_refused(tmp_path: Path, kept_bytes: int) -> None:
    file = filled(tmp_path)
    file.write_bytes(file.read_bytes()[:kept_bytes])
    with opened(tmp_path) as store:
        assert store.count == 0
        assert str(file) in store.notes[0]
