"""The encoders that the window offers: those that a command adds meanwhile are there at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtWidgets import QWidget

from tests.relevance import small_models as small
from tests.ui.overlays.attention_stage import Messages
from viewer.cli import main as cli
from viewer.ui.overlays.encoder_menu import EncoderMenu

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from tests.ui.fake_view import FakeSlideView


@pytest.mark.gui
def test_a_model_that_a_command_adds_is_offered_at_once(
    qtbot: QtBot, open_view: FakeSlideView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOVEOLA_HOME", str(tmp_path / "home"))
    view: Any = open_view
    messages: Any = Messages()
    encoders = EncoderMenu(view, messages)
    panel = QWidget()
    qtbot.addWidget(panel)
    encoders.add_panel(panel)
    panel.show()
    small.write_clip(tmp_path / "ours")
    with qtbot.wait_signal(encoders.changed, timeout=10_000):
        assert cli.main(["models", "add", str(tmp_path / "ours")]) == 0
    assert encoders.card("ours") is not None
    with qtbot.wait_signal(encoders.changed, timeout=10_000):
        assert cli.main(["models", "remove", "ours", "--yes"]) == 0
    assert encoders.card("ours") is None
