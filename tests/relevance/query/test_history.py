"""What was asked is remembered in order and bounds; saved queries survive, whatever happens to the file."""

from __future__ import annotations

import errno
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest
from filelock import FileLock

from tests.messages import pattern
from viewer.common import file_lock
from viewer.common import strings as common_strings
from viewer.common.atomic_write import SaveError
from viewer.common.paths import state_dir
from viewer.relevance.query import strings
from viewer.relevance.query.history import MAX_ASKED, MAX_NAME, MAX_SAVED, QueryHistory
from viewer.relevance.query.tree import MAX_TEXT, Like, Term, Without

QUERY = Without(Term("fat", (("adipose_tissue", 0.5),)), Like(((1, 2),), ((3, 4),)))


def test_newest_first_each_once_and_bounded() -> None:
    history = QueryHistory.load()
    for text in ("fat", " blood ", "fat", "", "  ", "x" * (MAX_TEXT + 1)):
        history.remember(text)
    assert history.asked == ("fat", "blood")
    for number in range(MAX_ASKED + 5):
        history.remember(f"query {number}")
    assert len(history.asked) == MAX_ASKED
    assert history.asked[0] == f"query {MAX_ASKED + 4}"


def test_comes_back_as_it_was_saved() -> None:
    history = QueryHistory.load()
    history.remember("œdème, 脂肪")
    history.remember("fat")
    history.keep(" my   query ", QUERY)
    history.keep("Another", Term("blood"))
    history.save()
    again = QueryHistory.load()
    assert again.notice is None
    assert again.asked == ("fat", "œdème, 脂肪")
    assert again.saved == (("Another", Term("blood")), ("my query", QUERY))


def test_removing_and_forgetting() -> None:
    history = QueryHistory.load()
    history.keep("a", QUERY)
    history.remember("fat")
    history.forget_asked()
    assert history.asked == ()
    assert history.saved == (("a", QUERY),)
    history.remove("a")
    assert history.saved == ()
    with pytest.raises(KeyError):
        history.remove("a")


def test_a_name_replaces_its_query_and_there_are_bounds() -> None:
    history = QueryHistory.load()
    history.keep("a", QUERY)
    history.keep("a", Term("blood"))
    assert history.saved == (("a", Term("blood")),)
    with pytest.raises(ValueError, match=pattern(strings.NAME_MISSING)):
        history.keep("  ", QUERY)
    with pytest.raises(ValueError, match=pattern(strings.NAME_TOO_LONG)):
        history.keep("n" * (MAX_NAME + 1), QUERY)
    for number in range(MAX_SAVED - 1):
        history.keep(str(number), QUERY)
    with pytest.raises(ValueError, match=pattern(strings.TOO_MANY_SAVED)):
        history.keep("one too many", QUERY)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"version": 2, "asked": [], "saved": {}}',
        b'{"version": 1, "asked": 5, "saved": {}}',
        b'{"version": 1, "asked": [5], "saved": {}}',
        b'{"version": 1, "asked": [], "saved": {"a": {"term": 5, "weights": []}}}',
        b'{"version": 1, "asked": [], "saved": {"a": {"all": []}}}',
        b'{"version": 1, "asked": ["\\ud800"], "saved": {}}',
        b'{"version": 1, "asked": [], "saved": {"\\ud800": {"term": "fat", "weights": []}}}',
        b'{"version": 1, "asked": [], "saved": {"a": {"term": "fat", "weights": [["a", 1'
        + b"0" * 400
        + b"]]}}}",
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_set_aside_and_said(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "queries.json"
    file.write_bytes(content)
    history = QueryHistory.load(file)
    assert history.asked == ()
    assert history.notice is not None
    assert "queries.json.unreadable" in history.notice
    assert (tmp_path / "queries.json.unreadable").read_bytes() == content
    history.remember("fat")
    history.save()
    assert QueryHistory.load(file).asked == ("fat",)


def test_a_second_damaged_file_does_not_replace_the_first(tmp_path: Path) -> None:
    file = tmp_path / "queries.json"
    for content in (b"first", b"second"):
        file.write_bytes(content)
        QueryHistory.load(file)
    assert (tmp_path / "queries.json.unreadable").read_bytes() == b"first"
    assert (tmp_path / "queries.json.unreadable-2").read_bytes() == b"second"


def test_a_folder_in_the_way_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "queries.json"
    file.mkdir()
    history = QueryHistory.load(file)
    assert history.notice is not None
    assert "cannot be read" in history.notice
    with pytest.raises(SaveError):
        history.save()


def test_lies_in_the_readers_state_folder() -> None:
    history = QueryHistory.load()
    history.remember("fat")
    history.save()
    assert json.loads((state_dir() / "queries.json").read_bytes())["asked"] == ["fat"]


def test_a_file_that_cannot_be_read_now_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "queries.json"
    first = QueryHistory(file)
    first.keep("fat", Term("fat"))
    first.save()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", _raise_os_error)
        second = QueryHistory.load(file)
    second.remember("glands")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", _raise_os_error)
        with pytest.raises(SaveError, match=pattern(strings.NOT_SAVED_UNREADABLE)):
            second.save()
    assert QueryHistory.load(file).asked == ()
    second.save()
    again = QueryHistory.load(file)
    assert again.saved == (("fat", Term("fat")),)
    assert again.asked == ("glands",)


def test_a_damaged_file_that_cannot_be_set_aside_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "queries.json"
    file.write_bytes(b"[]")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", _raise_os_error)
        history = QueryHistory.load(file)
        assert re.fullmatch(pattern(strings.HISTORY_DAMAGED), str(history.notice))
        history.remember("glands")
        with pytest.raises(SaveError, match=pattern(strings.NOT_SAVED_DAMAGED)):
            history.save()
    assert file.read_bytes() == b"[]"


def _raise_os_error(*_: object) -> NoReturn:
    raise OSError(errno.EIO, "the disk does not answer")


def test_two_windows_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "queries.json"
    first = QueryHistory.load(path)
    first.keep("old", QUERY)
    first.save()
    first, second = QueryHistory.load(path), QueryHistory.load(path)
    first.keep("fat", QUERY)
    first.remember("fat")
    first.save()
    second.keep("another", QUERY)
    second.remove("old")
    second.remember("blood")
    second.save()
    first.save()
    found = QueryHistory.load(path)
    assert [name for name, _ in found.saved] == ["another", "fat"]
    assert set(found.asked) == {"fat", "blood"}
    found.forget_asked()
    found.save()
    assert QueryHistory.load(path).asked == ()


def _two(path: Path) -> tuple[QueryHistory, QueryHistory]:
    """Two that have read the same file."""
    first = QueryHistory.load(path)
    first.keep("old", QUERY)
    first.remember("old")
    first.save()
    return first, QueryHistory.load(path)


def test_what_one_window_forgets_and_removes_the_other_does_not_bring_back(tmp_path: Path) -> None:
    first, second = _two(tmp_path / "queries.json")
    first.remove("old")
    first.forget_asked()
    first.save()
    second.remember("blood")
    second.save()
    assert second.saved == ()
    assert second.asked == ("blood",)
    assert QueryHistory.load(tmp_path / "queries.json").asked == ("blood",)
    second.forget_asked()
    second.remember("fat")
    second.save()
    assert QueryHistory.load(tmp_path / "queries.json").asked == ("fat",)


def test_the_last_change_of_a_name_holds(tmp_path: Path) -> None:
    first, second = _two(tmp_path / "queries.json")
    first.remove("old")
    first.save()
    second.keep("old", Term("blood"))
    second.save()
    first.save()
    assert first.saved == (("old", Term("blood")),)
    first.remove("old")
    first.save()
    assert QueryHistory.load(tmp_path / "queries.json").saved == ()


@pytest.mark.parametrize("content", [None, b"[]"])
def test_a_file_that_is_lost_meanwhile_is_written_from_what_is_known(
    content: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / "queries.json"
    first, _ = _two(file)
    file.unlink() if content is None else file.write_bytes(content)
    first.remember("blood")
    first.save()
    again = QueryHistory.load(file)
    assert again.saved == (("old", QUERY),)
    assert again.asked == ("blood", "old")


def test_more_than_can_be_saved_is_refused_and_nothing_dropped(tmp_path: Path) -> None:
    file = tmp_path / "queries.json"
    first, second = _two(file)
    for number in range(MAX_SAVED - 1):
        first.keep(str(number), QUERY)
    first.save()
    second.keep("mine", QUERY)
    with pytest.raises(SaveError, match=pattern(strings.NOT_SAVED_TOO_MANY)):
        second.save()
    assert len(QueryHistory.load(file).saved) == MAX_SAVED
    second.remove("old")
    second.save()
    assert len(QueryHistory.load(file).saved) == MAX_SAVED
    assert "mine" in dict(second.saved)


def test_the_file_is_read_and_written_under_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "queries.json"
    first, _ = _two(file)
    first.remember("blood")
    monkeypatch.setattr(file_lock, "_WAIT_S", 0.0)
    with FileLock(f"{file}.lock"), pytest.raises(SaveError, match=pattern(common_strings.NOT_SAVED_LOCKED)):
        first.save()
    assert QueryHistory.load(file).asked == ("old",)
    first.save()
    assert QueryHistory.load(file).asked == ("blood", "old")


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    def save_some(number: int) -> None:
        history = QueryHistory.load(tmp_path / "queries.json")
        for index in range(5):
            history.keep(f"{number} {index}", QUERY)
            history.save()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(save_some, range(4)))
    assert len(QueryHistory.load(tmp_path / "queries.json").saved) == 20
