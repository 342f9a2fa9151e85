"""A window with a slide, and clients without a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.ui.fake_relevance import FakeClient
    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


@pytest.fixture
def open_window(
    clients: list[FakeClient],  # noqa: ARG001  # before the window, which makes them
    window: MainWindow,
    slide_file: Path,
    open_in: OpenIn,
) -> MainWindow:
    open_in(window, slide_file)
    return window
