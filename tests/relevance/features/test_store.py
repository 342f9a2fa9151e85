"""The feature store: what is appended is there again after whatever happened in between."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import psutil
import pytest

from tests.messages import pattern
from tests.relevance.stores import CARD, SUBJECT, filled, holds, opened, rows_of
from viewer.common.atomic_write import SaveError
from viewer.relevance.features import journal as journal_module
from viewer.relevance.features import strings
from viewer.relevance.patches.parts import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.relevance.features.store_key import StoreSubject


def test_an_unfinished_analysis_goes_on_where_it_stopped(tmp_path: Path) -> None:
    filled(tmp_path, 30, finished=False)
    with opened(tmp_path) as store:
        assert store.calibration == {"stain": [0.1, 0.2]}
        assert not store.complete
        store.append(*rows_of(30, 50))
    with opened(tmp_path) as store:
        assert holds(store, 0, 50)
        assert store.known().sum() == 50
        assert store.index_of(0, 7) == 7
        assert store.index_of(30, 30) is None
        assert store.notes == ()


def test_a_finished_store_is_one_file_and_takes_more(tmp_path: Path) -> None:
    file = filled(tmp_path, 100)
    assert [path.suffix for path in sorted(tmp_path.iterdir())] == [".h5", ".lock"]
    with opened(tmp_path) as store:
        assert store.complete
        assert holds(store, 0, 100)
        assert store.calibration == {"stain": [0.1, 0.2]}
        store.append(*rows_of(100, 120))
    with opened(tmp_path) as store:
        assert not store.complete
        assert holds(store, 0, 120)
        store.finish(failed=3)
    with opened(tmp_path) as store:
        assert not store.complete
        store.finish()
    with opened(tmp_path) as store:
        assert store.complete
        assert store.file == file


@pytest.mark.parametrize("finished", [False, True])
def test_parts_of_some_patches_lie_beside_the_features(tmp_path: Path, finished: bool) -> None:
    subject = replace(SUBJECT, card=replace(CARD, part_features=3))
    cells, parts = rows_of(5, 8)[0], np.arange(3 * PARTS * 3, dtype=np.float32).reshape(3, -1)
    with opened(tmp_path, subject) as store:
        store.set_calibration({})
        store.append(*rows_of(0, 20))
        store.finish()
        store.append_parts(cells, parts)
        if finished:
            store.finish()
        file = store.file
    assert file.with_suffix(".journal").exists() != finished
    with opened(tmp_path, subject) as store:
        assert store.complete
        assert holds(store, 0, 20)
        assert np.array_equal(store.parts.rows()[0], cells)
        assert np.array_equal(store.parts.rows()[1], parts)
        assert not store.notes
    with opened(tmp_path, replace(subject, card=replace(CARD, part_features=4))) as store:
        assert store.parts.count == 0
        assert len(store.notes) == 1


def test_a_store_that_is_finished_is_not_written_again(tmp_path: Path) -> None:
    file = filled(tmp_path)
    before = file.stat().st_mtime_ns
    with opened(tmp_path) as store:
        store.finish()
    assert file.stat().st_mtime_ns == before


def test_a_patch_that_is_known_stays_as_it_is(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        cells, features = rows_of(0, 10)
        store.append(cells, features)
        store.append(np.repeat(cells, 2, axis=0), np.full((20, 5), 9, np.float32))
        assert holds(store, 0, 10)


def test_views_stay_as_they_are_when_more_comes(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.append(*rows_of(0, 10))
        _, before = store.load()
        store.append(*rows_of(10, 500))
        assert np.array_equal(before, rows_of(0, 10)[1])
        with pytest.raises(ValueError, match="read-only"):
            before[0, 0] = 1


def test_what_does_not_fit_the_grid_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.append(*rows_of(0, 2))
        with pytest.raises(ValueError, match="beyond a grid"):
            store.append(np.array([[0, 5000]]), np.zeros((1, 5), np.float32))
        with pytest.raises(ValueError, match="7 features a patch among 5"):
            store.append(np.array([[1, 1]]), np.zeros((1, 7), np.float32))
        with pytest.raises(ValueError, match="for cells of shape"):
            store.append(np.array([[1, 1]]), np.zeros((2, 5), np.float32))
        assert store.count == 2


def test_trident_and_clam_find_what_they_read(tmp_path: Path) -> None:
    """TRIDENT reads features, coords and these attributes of coords; CLAM the two datasets."""
    with h5py.File(filled(tmp_path)) as file:
        assert file["features"].shape == (100, 5)
        assert file["features"].dtype == np.float32
        assert file["coords"].dtype == np.int64
        corner_x = round(1 * 128 / 0.499)
        assert file["coords"][1].tolist() == [corner_x, 0]
        attributes = dict(file["coords"].attrs)
        assert attributes["patch_size"] == 128
        assert attributes["patch_size_level0"] == 256
        assert attributes["target_magnification"] == 10
        assert attributes["level0_magnification"] == 20
        assert attributes["overlap"] == 0
        assert attributes["name"] == "slide one"
        assert (attributes["level0_width"], attributes["level0_height"]) == (10_000, 8_000)
        assert file.attrs["mpp_estimated"]
        assert "Research use only" in file.attrs["note"]


KILLED = textwrap.dedent("""
    import signal
    import sys
    import numpy as np
    from pathlib import Path
    from tests_relevance_features import SUBJECT, opened, rows_of
    store = opened(Path(sys.argv[1]))
    store.set_calibration({"n": store.count})
    print("ready", flush=True)
    while True:
        start = store.count
        if start + 7 > 1200:
            signal.pause()
        store.append(*rows_of(start, start + 7))
        if start % 5 == 0:
            store.finish(failed=1)
    """)


def test_kill_9_loses_at_most_the_block_being_written(tmp_path: Path) -> None:
    """Killed again and again at any moment, also while the file is made, the store only grows."""
    module = tmp_path / "tests_relevance_features.py"
    module.write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    folder = tmp_path / "stores"
    wait_ms = np.random.default_rng(1).uniform(0, 25, 6)
    counts = [0]
    for milliseconds in wait_ms:
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, env=environment
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(milliseconds / 1000)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with opened(folder) as store:
            assert store.notes == ()
            assert holds(store, 0, store.count)
            assert store.calibration is not None
            counts.append(store.count)
    assert counts == sorted(counts)
    assert counts[-1] > 0
    assert counts[-1] % 7 == 0


@pytest.mark.parametrize("cut", [1, 10, 57, 120])
def test_a_torn_tail_is_dropped_and_the_rest_stays(
    tmp_path: Path, cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as store:
        for start in range(0, 50, 10):
            store.append(*rows_of(start, start + 10))
        journal = store.file.with_suffix(".journal")
    data = journal.read_bytes()
    journal.write_bytes(data[:-cut])
    with opened(tmp_path) as store:
        assert holds(store, 0, 40)
        assert "no whole record" in caplog.text
        store.append(*rows_of(40, 60))
    with opened(tmp_path) as store:
        assert holds(store, 0, 60)


def test_a_damaged_block_is_left_out_and_those_after_it_stay(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for start in range(0, 30, 10):
            store.append(*rows_of(start, start + 10))
        journal = store.file.with_suffix(".journal")
    data = bytearray(journal.read_bytes())
    data[-16 - 288 - 20] ^= 1  # within the block before the last
    journal.write_bytes(data)
    with opened(tmp_path) as store:
        assert store.count == 20
        assert store.index_of(0, 5) is not None
        assert store.index_of(0, 25) is not None


def test_a_length_beyond_the_file_is_not_believed(tmp_path: Path) -> None:
    journal = filled(tmp_path, 10, finished=False).with_suffix(".journal")
    with journal.open("ab") as file:
        file.write(b"ROWS" + (1 << 62).to_bytes(8, "little") + b"\0\0\0\0")
    with opened(tmp_path) as store:
        assert holds(store, 0, 10)


class FullDisk:
    """Takes so many bytes, then says that it is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
        self.free_bytes = free_bytes
        real = os.fdopen

        def opened_file(*arguments: object) -> object:
            file = real(*arguments)  # type: ignore[call-overload]
            disk = self

            class Limited:
                def write(self, data: memoryview) -> int:
                    if disk.free_bytes <= 0:
                        raise OSError(errno.ENOSPC, "No space left on device")
                    written = file.write(data[: disk.free_bytes])
                    disk.free_bytes -= written
                    return int(written)

                def __getattr__(self, name: str) -> object:
                    return getattr(file, name)

                def __enter__(self) -> object:
                    return file

                def __exit__(self, *_: object) -> None:
                    file.close()

            return Limited()

        monkeypatch.setattr(journal_module.os, "fdopen", opened_file)


def test_a_full_disk_is_reported_once_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch, 1000)
    store = opened(tmp_path)
    store.append(*rows_of(0, 10))
    with pytest.raises(SaveError, match="the disk is full"):
        store.append(*rows_of(10, 60))
    reached = store.count
    store.append(*rows_of(reached, reached + 10))  # told once
    assert holds(store, 0, reached + 10)
    disk.free_bytes = 1 << 20
    store.append(*rows_of(reached + 10, reached + 20))
    store.close()
    with opened(tmp_path) as store:
        assert holds(store, 0, reached + 20)


def test_closing_says_that_features_did_not_reach_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FullDisk(monkeypatch, 0)
    store = opened(tmp_path)
    with pytest.raises(SaveError):
        store.append(*rows_of(0, 10))
    with pytest.raises(SaveError):
        store.close()
    store.close()
    with opened(tmp_path) as again:
        assert again.count == 0
        assert again.notes == ()


def test_a_disk_that_fills_up_keeps_what_it_took_and_no_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch, 1000)
    store = opened(tmp_path)
    store.append(*rows_of(0, 10))
    disk.free_bytes = 0
    with pytest.raises(SaveError):
        store.append(*rows_of(10, 60))
    with pytest.raises(SaveError, match="the disk is full"):
        store.close()
    assert not [file for file in psutil.Process().open_files() if file.path.startswith(str(tmp_path))]
    with opened(tmp_path) as again:
        assert holds(again, 0, 10)


def test_a_folder_that_cannot_be_made_leaves_a_store_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with opened(tmp_path / "file") as store:
        assert re.fullmatch(pattern(strings.NOT_SAVED), store.notes[0])
        store.append(*rows_of(0, 10))
        store.finish()
        assert holds(store, 0, 10)


def test_two_at_once_do_not_write_into_each_other(tmp_path: Path) -> None:
    with opened(tmp_path) as first:
        first.append(*rows_of(0, 10))
        with opened(tmp_path) as second:
            assert second.notes[0] == strings.ANALYSED_ELSEWHERE
            assert holds(second, 0, 10)
            second.append(*rows_of(10, 20))
            second.finish()
        first.append(*rows_of(10, 15))
    with opened(tmp_path) as store:
        assert store.notes == ()
        assert holds(store, 0, 15)


CHANGES: dict[str, Callable[[StoreSubject], StoreSubject]] = {
    strings.SUBJECTS["slide_identity"]: lambda s: replace(s, identity="b" * 64),
    strings.SUBJECTS["encoder"]: lambda s: replace(s, card=replace(s.card, id="other")),
    strings.SUBJECTS["encoder_version"]: lambda s: replace(s, card=replace(s.card, version="2")),
    strings.SUBJECTS["mpp_um"]: lambda s: replace(s, mpp_um=(0.25, 0.25)),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("finished", [True, False])
def test_what_is_of_something_else_is_not_used(tmp_path: Path, what: str, finished: bool) -> None:
    other = CHANGES[what](SUBJECT)
    assert other.key != SUBJECT.key
    file = filled(tmp_path, finished=finished)
    ending = ".h5" if finished else ".journal"
    file.with_suffix(ending).rename(tmp_path / f"{other.key}{ending}")
    with opened(tmp_path, other) as store:
        assert store.count == 0
        assert store.calibration is None
        reason = pattern(strings.OTHER_SUBJECT, subject=what)
        assert re.search(reason, store.notes[0])


def test_a_slide_too_coarse_for_its_encoder_is_said() -> None:
    assert SUBJECT.notes() == ()
    (note,) = replace(SUBJECT, mpp_um=(2.0, 29.0)).notes()
    assert note == strings.COARSE_PIXELS.format(mpp_um=29, expected_um=1)
