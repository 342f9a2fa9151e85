"""The stage for attention."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.fake_relevance import FakeClient
from tests.ui.overlays.attention_stage import HEAD, HIPT, MEASURED_TWO, Messages, Stage
from viewer.common.settings import Settings
from viewer.ui.overlays.attention_controller import AttentionController
from viewer.ui.overlays.attention_session import AttentionSession
from viewer.ui.overlays.encoder_menu import EncoderMenu
from viewer.ui.overlays.overlay_controller import OverlayController
from viewer.ui.widgets.theme import ThemeKeeper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from tests.ui.fake_view import FakeSlideView


@pytest.fixture
def stage(
    qtbot: QtBot, qapp: QApplication, open_view: FakeSlideView, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    clients: list[FakeClient] = []

    def make(on_event: Callable[[object], None]) -> FakeClient:
        clients.append(FakeClient(on_event))
        return clients[-1]

    view: Any = open_view
    messages: Any = Messages()
    settings = Settings.default()
    overlays = OverlayController(view, messages, settings.overlay)
    encoders = EncoderMenu(view, messages)
    monkeypatch.setattr("viewer.ui.overlays.encoder_menu.listing", lambda: ((MEASURED_TWO, HIPT, HEAD), ()))
    lay = view, overlays, encoders, messages, ThemeKeeper("light", qapp), settings
    make_session: Any = partial(AttentionSession, make_client=make)
    tools = AttentionController(*lay, make_session=make_session)
    qtbot.add_widget(tools.controls)
    qtbot.add_widget(overlays.page)
    encoders.refresh()
    yield Stage(tools, overlays, encoders, messages, clients, view.overlays.layers)
    tools.close()
    overlays.close()
