"""A record that is damaged or gone, on a full disk, or whose program is killed: what was recorded stays."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from viewer.review.database import backup as backups
from viewer.review.database.backup import back_up, backups_of, damaged_files_of
from viewer.review.database.errors import RecordError
from viewer.review.database.record import RESTORED, open_record
from viewer.review.database.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

APPEND = """
import sys
from viewer.review.database.record import open_record
with open_record(sys.argv[1]) as record:
    for number in range(100_000):
        record.append("case-1", "opinion", "r1", {"number": number, "text": "x" * 200})
        print(number, flush=True)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A record of 40 events, the first 30 of them in its backup."""
    made = tmp_path / "record.sqlite"
    with open_record(made) as record:
        record.append_all(("case-1", "opinion", "r1", {"number": n, "text": "x" * 300}) for n in range(30))
        back_up(made)
        record.append_all(
            ("case-1", "opinion", "r1", {"number": n, "text": "x" * 300}) for n in range(30, 40)
        )
    return made


def damage(path: Path, at: int, count: int = 2000) -> None:
    with path.open("r+b") as opened:
        opened.seek(at)
        opened.write(b"\xa5" * count)


def test_a_damaged_record_is_restored_from_its_backup_and_says_so(file: Path) -> None:
    damage(file, 0)
    with open_record(file) as record:
        assert "was damaged" in record.notice
        assert "restored from record.sqlite.backup-1" in record.notice
        events = record.events()
        assert [event.payload.get("number") for event in events[:30]] == list(range(30))
        assert events[-1].kind == RESTORED
        assert verify(record) == []
        record.append("case-1", "opinion", "r1", {})
    assert len(damaged_files_of(file)) == 1
    with open_record(file) as record:
        assert record.notice == ""


def test_what_a_damaged_record_has_beyond_its_backup_is_taken_over(file: Path) -> None:
    with open_record(file) as record:
        record.append_all(("case-2", "opinion", "r1", {"text": "y" * 3000}) for _ in range(60))
    damage(file, file.stat().st_size - 6000, 4000)
    with open_record(file) as record:
        assert "restored" in record.notice
        assert len(record.events(case="case-1")) >= 40
        assert verify(record) == []


def test_a_record_that_is_gone_comes_back_from_its_backup(file: Path) -> None:
    file.unlink()
    with open_record(file) as record:
        assert "was gone and was restored" in record.notice
        assert "with 30 events" in record.notice
        assert len(record.events(case="case-1")) == 30


def test_without_a_backup_a_damaged_record_is_read_only_or_refused(file: Path) -> None:
    for one in backups_of(file):
        one.unlink()
    damage(file, file.stat().st_size - 6000, 4000)
    with open_record(file) as record:
        assert "has no good backup" in record.notice
        assert record.read_only
        with pytest.raises(RecordError, match="read"):
            record.append("case-1", "opinion", "r1", {})


def test_a_damaged_backup_is_passed_over(file: Path) -> None:
    back_up(file)
    damage(backups_of(file)[0], 0)
    damage(file, 0)
    with open_record(file) as record:
        assert "record.sqlite.backup-1" in record.notice


@pytest.mark.skipif(sys.platform == "win32", reason="limits of the size of files are POSIX")
def test_a_full_disk_loses_nothing_and_is_said(tmp_path: Path) -> None:
    file = tmp_path / "record.sqlite"
    limit = (
        "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", limit + APPEND, file], capture_output=True, text=True, timeout=120, check=False
    )
    assert "RecordError" in found.stderr
    assert str(file) in found.stderr
    acknowledged = len(found.stdout.splitlines())
    assert acknowledged > 10
    with open_record(file) as record:
        assert len(record.events()) >= acknowledged
        assert verify(record) == []
        record.append("case-1", "opinion", "r1", {})


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_program_loses_nothing_that_it_acknowledged(tmp_path: Path, seed: int) -> None:
    file = tmp_path / "record.sqlite"
    process = subprocess.Popen([sys.executable, "-c", APPEND, file], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(random.Random(seed).uniform(0.0, 0.3))
    process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    rest, _ = process.communicate(timeout=60)
    acknowledged = [int(line) for line in rest.splitlines()[:-1] if line.isdecimal()]
    with open_record(file) as record:
        assert record.notice == ""
        numbers = [event.payload["number"] for event in record.events()]
        assert numbers == list(range(len(numbers)))
        assert not acknowledged or numbers[-1] >= acknowledged[-1]
        assert verify(record) == []


def test_five_backups_are_kept_one_a_day(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(6):
        back_up(file)
    assert [path.name.rpartition("-")[2] for path in backups_of(file)] == ["7", "6", "5", "4", "3"]
    with open_record(file):
        pass
    assert len(backups_of(file)) == 5  # none is due
    yesterday = time.time() - 25 * 3600
    os.utime(backups_of(file)[0], (yesterday, yesterday))
    with open_record(file) as record:
        record.append("case-1", "opinion", "r1", {})
    with open_record(file):
        pass
    assert backups_of(file)[0].name.endswith("-8")

    def fails(*_arguments: object) -> None:
        raise sqlite3.OperationalError("no room")

    monkeypatch.setattr(backups, "_copy", fails)
    with pytest.raises(RecordError, match="no room"):
        back_up(file)
    assert len(backups_of(file)) == 5
    assert not list(file.parent.glob("*.part"))
