"""``foveola index``: how it fails; what it makes is tested with ``analysis.batch_index``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.cli import main as cli
from viewer.cli import strings

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_folder_without_slides_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["index", str(tmp_path)]) == 2
    assert strings.NO_SLIDES in capsys.readouterr().err
