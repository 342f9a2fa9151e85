"""The list of heads: what is written is read, what a person wrote stays, what is bad is named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.messages import pattern
from viewer.common.errors import EncoderError
from viewer.relevance.encoders import strings
from viewer.relevance.encoders.card import HeadEntry
from viewer.relevance.encoders.head_registry import check_head_name, heads_file, read_heads, register_head
from viewer.slide.strings import NO_SUCH_FILE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def entry(tmp_path: Path) -> HeadEntry:
    (tmp_path / "head.pt").touch()
    return HeadEntry(
        "ours", 'A "title" \\ ü \x7f', tmp_path / "head.pt", "measured", "1", 39, ("no", "yes"), "ab12"
    )


def test_nothing_is_registered_at_first() -> None:
    assert read_heads().heads == {}
    assert read_heads().problems == ()


def test_what_is_registered_is_read(entry: HeadEntry, own_folders: Path) -> None:
    register_head(entry)
    other = replace(entry, id="other-2", sha256=None)
    assert register_head(other) == heads_file() == own_folders / "config" / "heads.toml"
    assert read_heads().heads == {"ours": entry, "other-2": other}
    register_head(replace(entry, title="New"))
    assert read_heads().heads == {"other-2": other, "ours": replace(entry, title="New")}


def test_what_a_person_wrote_stays(entry: HeadEntry, tmp_path: Path) -> None:
    path = tmp_path / "heads.toml"
    register_head(entry, path)
    mine = "# mine\n[\"ours\"] # old\nfile = 'x'\n\n[theirs]  # keep\ntitle = 'y' # why\n"
    path.write_text(mine)
    register_head(entry, path)
    text = path.read_text()
    assert text.startswith("# mine\n[theirs]  # keep\ntitle = 'y' # why\n\n[ours]\n")
    assert list(read_heads(path).heads) == ["ours"]
    assert read_heads(path).problems == (f"{path}: [theirs]: file is missing",)


def test_a_head_over_features_that_nobody_here_computes_is_a_problem(
    entry: HeadEntry, tmp_path: Path
) -> None:
    path = register_head(replace(entry, encoder="file:conch_v1"), tmp_path / "heads.toml")
    assert read_heads(path).heads == {}
    (problem,) = read_heads(path).problems
    assert "[ours]: encoder = 'file:conch_v1': these features are of a file" in problem


@pytest.mark.parametrize(
    "text",
    [
        "ours.file = 'x'\n",
        "ours.file = 'x'\n# in pieces\nours.title = 'x'\n",
        "[ours]\na = 1\n[ours.more]\nb = 2\n",
        "[ours]\na = 1\n[other]\nb = 1\n[ours.more]\nb = 2\n",
        "[a]\nt = '''\n[ours]\n'''\n[ours]\n",
    ],
)
def test_a_head_is_replaced_however_it_is_written(entry: HeadEntry, tmp_path: Path, text: str) -> None:
    path = tmp_path / "heads.toml"
    path.write_text(f"{text}[theirs]\ntitle = 'y'\n")
    register_head(entry, path)
    assert read_heads(path).heads == {"ours": entry}
    assert "[theirs]\ntitle = 'y'\n" in path.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "[ours",
        "x" * (1 << 21),
    ],
)
def test_a_file_that_cannot_be_changed_is_left_alone(entry: HeadEntry, tmp_path: Path, text: str) -> None:
    path = tmp_path / "heads.toml"
    path.write_text(text)
    with pytest.raises(EncoderError, match=pattern(strings.NOT_CHANGED)):
        register_head(entry, path)
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('file = "missing.pt"', NO_SUCH_FILE),
        ("classes = [1, 2]", strings.CLASSES),
        ('feature_width = "wide"', strings.BAD_VALUE.format(key="feature_width", value="wide")),
        ("title = true", strings.BAD_VALUE.format(key="title", value=True)),
        ("sha256 = 7", strings.BAD_VALUE.format(key="sha256", value=7)),
        ('encoder = "head/ours"', strings.HEAD_OF_HEAD.format(encoder="head/ours")),
    ],
)
def test_a_bad_entry_is_named(entry: HeadEntry, tmp_path: Path, change: str, words: str) -> None:
    path = register_head(entry, tmp_path / "heads.toml")
    key = change.partition(" ")[0]
    lines = [change if line.startswith(f"{key} ") else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines))
    assert words in read_heads(path).problems[0]


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "heads.toml").write_text("[")
    assert "cannot be read" in read_heads(tmp_path / "heads.toml").problems[0]
    (tmp_path / "heads.toml").write_text("ours = 3")
    assert "[ours]: file is missing" in read_heads(tmp_path / "heads.toml").problems[0]


@pytest.mark.parametrize("name", ["", "a b", "../up", "a" * 65, "ä"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(EncoderError, match=pattern(strings.HEAD_NAME)):
        check_head_name(name)
