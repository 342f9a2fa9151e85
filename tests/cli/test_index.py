"""``foveola index``: how it fails; what it makes is tested with ``analysis.batch_index``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from viewer.cli import main as cli
from viewer.cli import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


def test_a_folder_without_slides_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["index", str(tmp_path)]) == 2
    assert strings.NO_SLIDES in capsys.readouterr().err


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    iterdir = Path.iterdir

    def refused(path: Path) -> Iterator[Path]:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refused)
    assert cli.main(["index", str(tmp_path)]) == 2
    said = strings.FOLDER_UNREADABLE.format(folder=closed, error="Permission denied")
    assert said in capsys.readouterr().err
