"""What was asked is remembered in order and bounds; saved queries survive, whatever happens to the file."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import NoReturn

import pytest

from viewer.folders import state_dir
from viewer.relevance.history import MAX_ASKED, MAX_NAME, MAX_SAVED, QueryHistory
from viewer.relevance.query import MAX_TEXT, Like, Term, Without
from viewer.saving import SaveError

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
    with pytest.raises(ValueError, match="needs a name"):
        history.keep("  ", QUERY)
    with pytest.raises(ValueError, match="characters at most"):
        history.keep("n" * (MAX_NAME + 1), QUERY)
    for number in range(MAX_SAVED - 1):
        history.keep(str(number), QUERY)
    with pytest.raises(ValueError, match="remove one first"):
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
    with pytest.raises(SaveError, match="could not be read"):
        second.save()
    assert QueryHistory.load(file).saved == (("fat", Term("fat")),)


def test_a_damaged_file_that_cannot_be_set_aside_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "queries.json"
    file.write_bytes(b"[]")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", _raise_os_error)
        history = QueryHistory.load(file)
    assert "could not be set aside" in str(history.notice)
    history.remember("glands")
    with pytest.raises(SaveError, match="damaged"):
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
