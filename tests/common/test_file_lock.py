"""viewer.common.file_lock: one writer at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.messages import pattern
from viewer.common import strings
from viewer.common.atomic_write import SaveError
from viewer.common.file_lock import locked

if TYPE_CHECKING:
    from pathlib import Path


def test_threads_that_change_a_file_at_once_lose_nothing(tmp_path: Path) -> None:
    count = tmp_path / "new" / "count.txt"

    def add_one(_number: int) -> None:
        with locked(count):
            before = int(count.read_text()) if count.exists() else 0
            count.write_text(str(before + 1))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add_one, range(40)))
    assert count.read_text() == "40"


def test_a_failure_inside_gives_the_lock_back(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(ZeroDivisionError), locked(path):
        raise ZeroDivisionError
    with locked(path):
        pass


def test_a_lock_that_cannot_be_made_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.json.lock").mkdir()
    with (
        pytest.raises(SaveError, match=pattern(strings.FOLDER_IN_PLACE_OF_FILE)),
        locked(tmp_path / "a.json"),
    ):
        pass
