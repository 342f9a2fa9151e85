"""The folder of the stores: bounded, the oldest go first, one in use never."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.relevance.stores import LIMIT_BYTES, SUBJECT, filled, opened, rows_of
from viewer.relevance.features.cache_folder import StoreLock, features_dir, trim
from viewer.relevance.features.store import FeatureStore

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_folder_stays_below_its_limit_and_the_oldest_go_first(tmp_path: Path) -> None:
    sizes = []
    for number in range(4):
        subject = replace(SUBJECT, identity=f"{number}" * 64)
        with opened(tmp_path, subject) as store:
            store.append(*rows_of(0, 1000))
            store.finish()
            sizes.append(store.file.stat().st_size)
        os.utime(store.file, (number, number))
        os.utime(store.file.with_suffix(".lock"), (number, number))
    (tmp_path / "mine.h5").write_bytes(b"the reader's own")
    with opened(tmp_path, replace(SUBJECT, identity="0" * 64)):  # in use, and so the newest
        assert trim(tmp_path, sum(sizes[:2]) + 10) == 2
    left = [(tmp_path / f"{replace(SUBJECT, identity=f'{n}' * 64).key}.h5").exists() for n in range(4)]
    assert left == [True, False, False, True]
    assert (tmp_path / "mine.h5").exists()


def test_a_store_in_use_is_not_removed(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.append(*rows_of(0, 100))
        assert trim(tmp_path, 0) == 0
        store.append(*rows_of(100, 110))
    assert trim(tmp_path, 0) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_half_written_goes_with_its_store(tmp_path: Path) -> None:
    file = filled(tmp_path)
    (tmp_path / f".{file.name}.0123456789abcdef.part").write_bytes(b"half")
    assert trim(tmp_path, 0) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_lock_on_a_removed_file_is_no_lock(tmp_path: Path) -> None:
    first = StoreLock.acquire(tmp_path, SUBJECT.key)
    assert first is not None
    first.remove_store()
    second = StoreLock.acquire(tmp_path, SUBJECT.key)
    assert second is not None
    assert StoreLock.acquire(tmp_path, SUBJECT.key) is None
    second.release()


def test_the_usual_folder_is_that_of_what_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOVEOLA_HOME", str(tmp_path))
    with FeatureStore.open(SUBJECT, limit_bytes=LIMIT_BYTES) as store:
        assert store.file.parent == features_dir() == tmp_path / "cache" / "features"
