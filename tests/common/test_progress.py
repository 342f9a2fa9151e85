"""The progress bar: on a terminal only, and on stderr only."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from viewer.common.progress import progress_bar

if TYPE_CHECKING:
    import pytest


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_silent_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("writing") as progress:
        progress(1, 2)
        progress(2, 2)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_shows_the_share_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("writing") as progress:
        progress(50, 200)
        progress(200, 200)
    text = terminal.getvalue()
    assert "writing:   0%" in text
    assert "writing: 100%" in text
    assert capsys.readouterr().out == ""
