"""Kept outlines in files: as they were after a restart, refused in words where they are damaged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from tests.messages import pattern
from tests.relevance.fields import small_field
from viewer.common.atomic_write import SaveError
from viewer.overlay import strings
from viewer.overlay.kept_layers import (
    KeptLayer,
    layers_folder,
    new_file_name,
    read_layer,
    read_layers,
    write_layer,
)
from viewer.overlay.kept_outlines import MAX_LABELS_BYTES, KeptOutlines
from viewer.overlay.layer import OverlayLook
from viewer.overlay.outlines import OutlineLabel, Outlines
from viewer.overlay.shapes import Lines
from viewer.relevance.features.safe_hdf5 import FeatureFileError

if TYPE_CHECKING:
    from pathlib import Path

SLIDE = "7" * 64
LABELS = [OutlineLabel("A", "Tumour", (230, 9, 20)), OutlineLabel("", "Stroma 🧈"), OutlineLabel()]


def outlines(labels: list[OutlineLabel] = LABELS) -> Outlines:
    """A square with a hole, a line, and a point beside the slide's corner."""
    points = [(0, 0), (90, 0), (90, 90), (0, 90), (30, 30), (60, 30), (60, 60), (5, 5), (7.25, 9), (-1.5, 3)]
    lines = Lines(np.array(points, float), np.array([0, 4, 7, 9, 10]), np.array([True, True, False, False]))
    return Outlines(lines, np.array([0, 0, 1, 2]), labels, np.arange(3))


def keep(made: Outlines | None = None, **how: Any) -> Path:
    path = layers_folder(SLIDE) / new_file_name()
    write_layer(KeptOutlines(made or outlines(), "marks.geojson", "QuPath", visible=False), path, **how)
    return path


def change(path: Path, name: str, values: Any) -> None:
    with h5py.File(path, "r+") as file:
        del file[name]
        if values is not None:
            file[name] = values


def encoded(plain: Any) -> Any:
    return np.frombuffer(json.dumps(plain).encode(), np.uint8)


def test_outlines_come_back_as_they_were() -> None:
    back = read_layer(keep())
    assert isinstance(back, KeptOutlines)
    assert (back.file_name, back.producer, back.visible) == ("marks.geojson", "QuPath", False)
    made = outlines()
    assert back.outlines.labels == tuple(LABELS)
    assert back.outlines.kinds == made.kinds
    for name in ("points", "first", "closed"):
        assert np.array_equal(getattr(back.outlines.lines, name), getattr(made.lines, name))
    assert back.outlines.names_at(10, 20, 1) == ("A (Tumour)",)
    assert back.outlines.names_at(50, 40, 1) == (), "the hole"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("points", None),
        ("points", np.full((10, 2), np.nan)),
        ("points", np.full((10, 2), 1e300)),
        ("points", np.zeros((10, 3))),
        ("points", np.zeros((0, 2))),
        ("first", np.array([1, 4, 7, 9, 10])),
        ("first", np.array([0, 4, 4, 9, 10])),
        ("first", np.array([0, 4, 7, 9, 11])),
        ("first", np.array([0, 4, 7, 10])),
        ("closed", np.ones(5, np.uint8)),
        ("owner", np.array([0, 0, 1, 3])),
        ("owner", np.array([0, 0, -1, 2])),
        ("label_of", np.array([0, 1, 3])),
        ("labels", np.zeros(9, np.uint16)),
        ("labels", encoded([])),
        ("labels", encoded({"a": 1})),
        ("labels", encoded([["a", "b"]] * 3)),
        ("labels", encoded([["a", 5, None]] * 3)),
        ("labels", encoded([["a", "b", [1, 2, 256]]] * 3)),
        ("labels", encoded([["a", "b", [1, 2, True]]] * 3)),
        ("labels", np.frombuffer(b"[" * 100_000, np.uint8)),
        ("facts", encoded({"version": 1, "kind": "outlines"})),
    ],
)
def test_damaged_outlines_cost_no_other_layer(name: str, values: Any) -> None:
    broken = keep()
    whole = layers_folder(SLIDE) / new_file_name()
    write_layer(KeptLayer(small_field(), "fat", OverlayLook()), whole)
    change(broken, name, values)
    (found,), (problem,) = read_layers(SLIDE)
    assert found[0] == whole.name
    assert str(broken) in problem


def test_a_truncated_file_is_refused() -> None:
    path = keep()
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(FeatureFileError):
        read_layer(path)


def test_long_and_unprintable_names_are_cut_and_shown_as_codes() -> None:
    path = keep()
    change(path, "labels", encoded([["\x1b[2J" + "x" * 999, "", None]] * 3))
    back = read_layer(path)
    assert isinstance(back, KeptOutlines)
    (name, _, _) = back.outlines.labels[0]
    assert "\x1b" not in name
    assert len(name) < 300


def test_what_is_too_large_is_not_kept() -> None:
    with pytest.raises(SaveError, match=pattern(strings.LAYER_TOO_LARGE)):
        keep(most_bytes=1000)
    many = outlines([OutlineLabel("x" * (MAX_LABELS_BYTES + 1)), *LABELS[1:]])
    with pytest.raises(SaveError, match=pattern(strings.LAYER_TOO_LARGE)):
        keep(many)
    assert read_layers(SLIDE) == ([], [])
