"""Saving: whole or not at all, no debris, and a message with the reason."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from tests.messages import pattern
from viewer.common import strings
from viewer.common.atomic_write import SaveError, check_savable, save_atomically, save_failure
from viewer.common.paths import HOME_VARIABLE, cache_dir, config_dir, log_dir, state_dir

if TYPE_CHECKING:
    from collections.abc import Callable
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
    assert str(caught.value) == f"{file}: {strings.DISK_FULL}"
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_really_full_disk_is_reported() -> None:
    """/dev/full answers every write as a full disk does."""
    from pathlib import Path

    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError, match="No space") as caught, full.open("wb", buffering=0) as file:
        file.write(b"x")
    assert save_failure(full, caught.value) == strings.DISK_FULL


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SaveError, match=pattern(strings.FILE_IN_PLACE_OF_FOLDER)):
        save_atomically(tmp_path / "file" / "inner", b"x")


def test_what_is_bound_to_fail_is_known_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    check_savable(tmp_path / "file")
    check_savable(tmp_path / "new" / "folder" / "inner")
    with pytest.raises(SaveError, match=pattern(strings.FILE_IN_PLACE_OF_FOLDER)):
        check_savable(tmp_path / "file" / "inner")
    with pytest.raises(SaveError, match=pattern(strings.FOLDER_IN_PLACE_OF_FILE)):
        check_savable(tmp_path)
    monkeypatch.setattr(os, "access", lambda folder, _: folder != tmp_path)  # root may write anywhere
    with pytest.raises(SaveError, match=pattern(strings.SAVING_NOT_ALLOWED)):
        check_savable(tmp_path / "new" / "inner")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EACCES, strings.SAVING_NOT_ALLOWED.format(elsewhere=strings.CHOOSE_FOLDER)),
        (errno.EROFS, strings.SAVING_NOT_ALLOWED.format(elsewhere=strings.CHOOSE_FOLDER)),
        (errno.EISDIR, strings.FOLDER_IN_PLACE_OF_FILE),
        (errno.EIO, strings.NOT_SAVED.format(reason="Input/output error")),
    ],
)
def test_the_reason_is_stated(tmp_path: Path, number: int, reason: str) -> None:
    assert save_failure(tmp_path / "file", OSError(number, os.strerror(number))) == reason


@pytest.mark.parametrize("folder", [config_dir, cache_dir, state_dir, log_dir])
@pytest.mark.parametrize(
    ("number", "template"),
    [(errno.EACCES, strings.SAVING_NOT_ALLOWED), (errno.ENOTDIR, strings.FILE_IN_PLACE_OF_FOLDER)],
)
def test_of_its_own_files_it_names_the_variable_that_moves_them(
    number: int, template: str, folder: Callable[[], Path]
) -> None:
    reason = save_failure(folder() / "file", OSError(number, os.strerror(number)))
    assert reason == template.format(elsewhere=strings.MOVE_HOME.format(variable=HOME_VARIABLE))
