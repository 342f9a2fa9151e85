"""Annotation stores of TIAToolbox: packed and plain shapes are read, and nothing that a file would run."""

from __future__ import annotations

import json
import re
import sqlite3
import struct
import tracemalloc
import zlib
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages import pattern
from viewer.relevance.exchange import strings
from viewer.relevance.exchange.read_map import read_map
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.patches.grid import PatchGrid

if TYPE_CHECKING:
    from pathlib import Path

EXTENT = (4096, 2048)
GRID = PatchGrid.over(*EXTENT, (0.5, 0.5))
TABLE = (
    "CREATE TABLE annotations(id INTEGER PRIMARY KEY, key TEXT, objtype TEXT, cx FLOAT NOT NULL, "
    "cy FLOAT NOT NULL, geometry BLOB, properties JSON, area FLOAT NOT NULL)"
)


def polygon(x: float, y: float, side: float = 256, *, order: str = "<") -> bytes:
    ring = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]
    head = struct.pack(f"{order}BIII", order == "<", 3, 1, len(ring))
    return head + b"".join(struct.pack(f"{order}dd", *point) for point in ring)


def store(path: Path, rows: list[tuple[bytes | None, Any]], *, table: str = TABLE) -> Path:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as made, made:
        made.execute(table)
        for geometry, properties in rows:
            text = properties if isinstance(properties, str) else json.dumps(properties)
            made.execute(
                "INSERT INTO annotations(cx, cy, geometry, properties, area) VALUES (?, ?, ?, ?, 0)",
                (300.0, 20.0, geometry, text),
            )
    return path


def laid(path: Path, column: str | None = None) -> Any:
    return read_map(path, EXTENT, GRID, mpp_estimated=False, column=column)


def refused(path: Path, column: str | None = None) -> str:
    with pytest.raises(FeatureFileError) as raised:
        laid(path, column)
    assert str(path) in str(raised.value)
    return raised.value.reason


@pytest.mark.parametrize("form", ["packed", "plain", "big-endian"])
def test_shapes_are_read(tmp_path: Path, form: str) -> None:
    shapes = [polygon(256 * at, 0, order=">" if form == "big-endian" else "<") for at in range(2)]
    shapes = [zlib.compress(shape) for shape in shapes] if form == "packed" else shapes
    path = store(
        tmp_path / "a b?.db", [(shape, {"type": "x", "p": at / 2}) for at, shape in enumerate(shapes)]
    )
    before = path.read_bytes()
    made = laid(path)
    assert made.field.scores[0, :2].tolist() == [0, 0.5]
    assert made.field.known.sum() == 2
    assert made.field.provenance.software == "TIAToolbox"
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_points_and_collections_are_read(tmp_path: Path) -> None:
    many = struct.pack("<BII", 1, 6, 2) + polygon(0, 0, 8) + polygon(20, 20, 8)
    line = struct.pack("<BIIdddd", 1, 2, 2, 600, 5, 610, 9)
    point = struct.pack(">BIdd", 0, 1, 800, 5)
    rows = [(None, {"p": 0.2}), (many, {"p": 0.4}), (line, {"p": 0.6}), (point, {"p": 0.8})]
    made = laid(store(tmp_path / "a.db", rows))
    assert made.field.scores[0, :4].tolist() == pytest.approx([0.4, 0.2, 0.6, 0.8])
    assert re.search(pattern(strings.SHAPES_ARE_OBJECTS), made.notes[2])


def test_a_property_is_chosen(tmp_path: Path) -> None:
    path = store(tmp_path / "a.db", [(polygon(0, 0), {"p": 0.2, "probability": {"tumour": 0.75}})])
    assert re.search(pattern(strings.SEVERAL_COLUMNS, names="'p', 'probability: tumour'"), refused(path))
    assert laid(path, "probability: tumour").field.scores[0, 0] == 0.75


def test_numbers_are_kept_in_little_memory_and_no_more_than_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = {f"m{at}": at / 7 for at in range(100)}
    path = store(tmp_path / "a.db", [(None, numbers)] * 2000)
    tracemalloc.start()
    try:
        laid(path, "m3")
        assert tracemalloc.get_traced_memory()[1] < 3 * path.stat().st_size
    finally:
        tracemalloc.stop()
    free = SimpleNamespace(available=20 << 20)
    monkeypatch.setattr("viewer.relevance.exchange.objects.psutil.virtual_memory", lambda: free)
    assert re.search(pattern(strings.SHAPES_EXCEED_MEMORY), refused(path, "m3"))


def test_stores_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    assert "another slide" in refused(store(path, [(polygon(9000, 0), {"p": 1})]))
    assert re.search(
        pattern(strings.NEGATIVE_COORDINATES), refused(store(path, [(polygon(-900, 0), {"p": 1})]))
    )
    assert strings.NOT_FINITE in refused(store(path, [(polygon(float("inf"), 0), {"p": 1})]))
    assert re.search(pattern(strings.NO_SHAPES), refused(store(path, [])))


def test_shapes_without_numbers_are_outlines(tmp_path: Path) -> None:
    made = laid(store(tmp_path / "a.db", [(polygon(0, 0), {"type": "Tumor"}), (None, "[1]")]))
    assert made.field is None
    assert made.outlines.kinds[0].name == "Tumor"
    assert made.outlines.names_at(100, 100, 1) == ("Tumor",)


def test_outlines_are_filled_and_not_the_boxes_around_them(tmp_path: Path) -> None:
    far = struct.pack("<BII", 1, 6, 2) + polygon(0, 0) + polygon(768, 768)
    assert laid(store(tmp_path / "a.db", [(far, {"p": 0.9})])).field.known.sum() == 2
    ring = struct.pack("<10d", 0, 0, 1024, 0, 1024, 1024, 0, 1024, 0, 0)
    hole = struct.pack("<10d", 256, 256, 768, 256, 768, 768, 256, 768, 256, 256)
    holed = struct.pack("<BII", 1, 3, 2) + b"".join(struct.pack("<I", 5) + each for each in (ring, hole))
    assert laid(store(tmp_path / "a.db", [(holed, {"p": 0.9})])).field.known.sum() == 12


@pytest.mark.parametrize(
    "shape",
    [
        b"",
        b"\x01",
        polygon(0, 0)[:-1],
        struct.pack("<BII", 1, 3, 0),
        struct.pack("<BIII", 1, 3, 1, 1 << 31),
        struct.pack("<BII", 1, 6, 1 << 31),
        struct.pack("<BII", 1, 99, 1),
        struct.pack("<BII", 1, 6, 1) * 10,
        zlib.compress(polygon(0, 0))[:-8],
        zlib.compress(bytes(8 << 20)),
        b"\x78\xff",
        struct.pack("<BII", 1, 7, 0),
    ],
)
def test_a_damaged_shape_costs_itself(tmp_path: Path, shape: bytes) -> None:
    made = laid(store(tmp_path / "a.db", [(shape, {"p": 1}), (polygon(0, 0), {"p": 0.5})]))
    assert made.field.known.sum() == 1
    assert re.search(pattern(strings.LEFT_OUT, total=2), " ".join(made.notes))
    reason = refused(store(tmp_path / "a.db", [(shape, {"p": 1})]))
    assert re.search(pattern(strings.NO_SHAPES), reason)


@pytest.mark.parametrize("properties", ["{", "", "[" * 100_000])
def test_damaged_properties_cost_their_shape(tmp_path: Path, properties: str) -> None:
    path = store(tmp_path / "a.db", [(polygon(512, 0), properties), (polygon(0, 0), {"p": 0.5})])
    made = laid(path)
    assert made.field.known.sum() == 1
    assert re.search(pattern(strings.LEFT_OUT, total=2), " ".join(made.notes))


def test_what_a_file_would_run_does_not_run(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i cx, i cy, i geometry, i"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute(f"CREATE VIEW annotations AS {endless} properties FROM n")
    assert re.search(pattern(strings.NO_ANNOTATIONS_TABLE), refused(path))
    computed = TABLE.replace(
        "properties JSON", "properties JSON GENERATED ALWAYS AS (hex(zeroblob(1000000)))"
    )
    path.unlink()
    with closing(sqlite3.connect(path)) as made, made:
        made.execute(computed)
    assert re.search(pattern(strings.NO_ANNOTATIONS_COLUMNS, columns="properties"), refused(path))


def test_a_store_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store(tmp_path / "a.db", [(polygon(0, 0), {"p": 1})] * 50)
    monkeypatch.setattr("viewer.relevance.exchange.tiatoolbox._STEPS_A_CHECK", 10)
    monkeypatch.setattr("viewer.relevance.exchange.tiatoolbox._MAX_SECONDS", -1.0)
    assert re.search(pattern(strings.READ_TOO_SLOWLY), refused(path))


def test_values_larger_than_a_shape_are_not_read(tmp_path: Path) -> None:
    path = store(tmp_path / "a.db", [(bytes(5 << 20), {"p": 1})])
    assert "too big" in refused(path)


def test_files_that_are_no_store_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    assert "no such file" in refused(path)
    path.write_bytes(b"nothing" * 100)
    assert re.search(pattern(strings.NOT_A_STORE), refused(path))
    assert re.search(
        pattern(strings.NO_ANNOTATIONS_TABLE), refused(store(path, [], table="CREATE TABLE other(a)"))
    )
    assert re.search(
        pattern(strings.NO_ANNOTATIONS_COLUMNS, columns="cx"),
        refused(store(path, [], table="CREATE TABLE annotations(cy, geometry, properties)")),
    )
    store(path, [(polygon(0, 0), {"p": 1})])
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    assert "damaged" in refused(path)
    store(path, [(polygon(0, 0), {"p": 1})])
    path.with_name("a.db-wal").write_bytes(b"x")
    assert re.search(pattern(strings.UNSAVED_CHANGES), refused(path))
    store(path, [])  # what there is of it may all lie in those changes
    path.with_name("a.db-wal").write_bytes(b"x")
    assert re.search(pattern(strings.UNSAVED_CHANGES), refused(path))
