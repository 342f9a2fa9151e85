"""Saving: whole or not at all, no debris, and the reason in words."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from viewer.common.atomic_write import SaveError, check_savable, save_atomically, save_failure

if TYPE_CHECKING:
    from pathlib import Path


def test_replaces_the_old_file_and_makes_folders(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "file.bin"
    save_atomically(file, b"old")
    save_atomically(file, b"new")
    assert file.read_bytes() == b"new"
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_saved_file_has_the_usual_permissions(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    save_atomically(tmp_path / "saved", b"x")
    assert (tmp_path / "saved").stat().st_mode == usual.stat().st_mode


def test_full_disk_leaves_the_old_file_and_no_debris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file.bin"
    file.write_bytes(b"old")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SaveError) as caught:
        save_atomically(file, b"new")
    assert caught.value.path == file
    assert str(caught.value) == f"{file}: not saved, the disk is full; free some space and save again"
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_really_full_disk_is_said() -> None:
    """/dev/full answers every write as a full disk does."""
    from pathlib import Path

    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError, match="No space") as caught, full.open("wb", buffering=0) as file:
        file.write(b"x")
    assert "the disk is full" in save_failure(caught.value)


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SaveError, match="a file stands where a folder is needed"):
        save_atomically(tmp_path / "file" / "inner", b"x")


def test_what_is_bound_to_fail_is_known_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    check_savable(tmp_path / "file")
    check_savable(tmp_path / "new" / "folder" / "inner")
    with pytest.raises(SaveError, match="a file stands where a folder is needed"):
        check_savable(tmp_path / "file" / "inner")
    with pytest.raises(SaveError, match="a folder of that name exists"):
        check_savable(tmp_path)
    monkeypatch.setattr(os, "access", lambda folder, _: folder != tmp_path)  # root may write anywhere
    with pytest.raises(SaveError, match="writing there is not allowed"):
        check_savable(tmp_path / "new" / "inner")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "writing there is not allowed"),
        (errno.EROFS, "writing there is not allowed"),
        (errno.EISDIR, "a folder of that name exists"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_reasons_are_words(number: int, words: str) -> None:
    assert words in save_failure(OSError(number, os.strerror(number)))
