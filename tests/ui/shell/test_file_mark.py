"""Why tiles of an open file fail: it was changed, removed or damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.ui.shell import strings
from viewer.ui.shell.slide_opener import FileMark

if TYPE_CHECKING:
    from pathlib import Path


def test_a_changed_or_missing_file_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "slide.svs"
    path.write_bytes(bytes(2000))
    mark = FileMark.of(path)
    assert mark.failure_reason() == strings.FILE_DAMAGED
    path.write_bytes(bytes(5))
    assert mark.failure_reason() == strings.FILE_CHANGED.format(now=5, before=2000)
    path.unlink()
    assert mark.failure_reason() == strings.FILE_GONE


def test_a_file_of_unknown_size_is_never_called_changed(tmp_path: Path) -> None:
    path = tmp_path / "slide.svs"
    mark = FileMark.of(path)
    path.write_bytes(bytes(5))
    assert mark.failure_reason() == strings.FILE_DAMAGED
