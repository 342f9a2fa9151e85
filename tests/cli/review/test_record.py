"""``foveola review verify``."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from viewer.cli.main import main
from viewer.review.database.record import open_record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def record_file(tmp_path: Path) -> Path:
    file = tmp_path / "record.db"
    with open_record(file) as record:
        record.append_all([("case-1", "opinion", "r1", {"number": number}) for number in range(3)])
    return file


def test_a_whole_record_is_said_to_be_so(record_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "verify", "--record", str(record_file)]) == 0
    assert "whole. 3 events" in capsys.readouterr().out


def test_an_edit_is_found_and_placed(record_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(record_file)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE events SET reader = 'r2' WHERE number = 2")
        connection.commit()
    assert main(["review", "verify", "--record", str(record_file), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["whole"]
    assert 2 in [problem["first"] for problem in found["problems"]]
    assert main(["review", "verify", "--record", str(record_file)]) == 1
    assert "not what was recorded" in capsys.readouterr().out


def test_a_missing_record_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "verify", "--record", str(tmp_path / "none.db")]) == 1
    assert "none.db" in capsys.readouterr().err


def test_a_case_is_shown_listed_exported_imported_and_erased(
    record_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ["--record", str(record_file)]
    assert main(["review", "show", "case-1", *where]) == 0
    assert "opinion" in capsys.readouterr().out
    assert main(["review", "show", "case-1", "--json", *where]) == 0
    assert [one["payload"]["number"] for one in json.loads(capsys.readouterr().out)["events"]] == [0, 1, 2]
    assert main(["review", "backup", *where]) == 0
    assert main(["review", "stored", "case-1", *where]) == 0
    assert "record.db.backup-" in capsys.readouterr().out
    assert main(["review", "stored", *where]) == 0
    assert "3 events, 1 cases" in capsys.readouterr().out
    file, other = tmp_path / "case.json", ["--record", str(tmp_path / "other.db")]
    assert main(["review", "export", "case-1", "-o", str(file), *where]) == 0
    assert main(["review", "import", str(file), *other]) == 0
    assert "3 events imported" in capsys.readouterr().out
    assert main(["review", "export", "case-1", "--fhir", "-o", str(tmp_path / "log.json"), *where]) == 0
    monkeypatch.setattr("builtins.input", lambda _question: "")
    assert main(["review", "erase", "case-1", *where]) == 1
    assert "nothing was erased" in capsys.readouterr().err
    assert main(["review", "erase", "case-1", "--yes", "--reader", "r1", *where]) == 0
    assert "3 events erased" in capsys.readouterr().out
    assert main(["review", "erase", "case-1", "--yes", *where]) == 0
    assert "nothing is stored" in capsys.readouterr().out
    assert main(["review", "verify", *where]) == 0
    assert main(["review", "show", "case-7", *where]) == 1
    assert "no case case-7" in capsys.readouterr().err
