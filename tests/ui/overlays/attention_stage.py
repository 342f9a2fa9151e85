"""A stage for attention: the controller in a fake view, with clients that tests answer for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLabel

from tests.ui.overlays.legend_texts import product
from viewer.relevance.encoders.measured.card import SALIENCY
from viewer.ui.overlays import strings

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from pytestqt.qtbot import QtBot

    from tests.ui.fake_relevance import FakeClient
    from viewer.overlay.layer import OverlayLayer, OverlayLook
    from viewer.relevance.encoders.card import EncoderCard
    from viewer.ui.overlays.attention_controller import AttentionController
    from viewer.ui.overlays.encoder_menu import EncoderMenu
    from viewer.ui.overlays.legend import Legend
    from viewer.ui.overlays.overlay_controller import OverlayController
    from viewer.ui.widgets.messages import MessageKind

MEASURED_TWO = replace(SALIENCY, attention_heads=(2, 2))
HIPT = replace(
    SALIENCY, id="hipt", title="HIPT", attention_heads=(2, 2), needs_weights=True, needs_terms=True
)
HEAD = replace(
    SALIENCY,
    id="head/t",
    title="Tumour or not",
    attention_heads=(2, 2),
    needs_weights=True,
    views=("Attention", "For tumour"),
)
EVEN_LOW, EVEN_HIGH = strings.LEAST_OF_AVERAGE.format(most=8), strings.MOST_OF_AVERAGE.format(most=8)
PRODUCT = product("region", "patch", "token")


class Messages:
    """A message area that only records."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.buttons: list[dict[str, Callable[[], None]]] = []

    def show_message(
        self, _kind: MessageKind, text: str, *, buttons: dict[str, Callable[[], None]] | None = None
    ) -> None:
        self.texts.append(text)
        self.buttons.append(buttons or {})


@dataclass
class Stage:
    """The controller and its neighbours."""

    tools: AttentionController
    overlays: OverlayController
    encoders: EncoderMenu
    messages: Messages
    clients: list[FakeClient]
    drawn: dict[str, tuple[OverlayLayer, OverlayLook]]

    @property
    def legend(self) -> Legend:
        return self.overlays.active.legend

    def offer(self, monkeypatch: pytest.MonkeyPatch, *cards: EncoderCard) -> None:
        """Replace the lists of models."""
        monkeypatch.setattr("viewer.ui.overlays.encoder_menu.listing", lambda: (cards, ()))
        self.encoders.refresh()

    @property
    def remark(self) -> str:
        labels = self.tools.controls.findChildren(QLabel)
        return next(label.text() for label in labels if label.accessibleName() == strings.NOTES_NAME)

    @property
    def attention(self) -> tuple[OverlayLayer, OverlayLook]:
        return self.drawn["attention"]


def attend(qtbot: QtBot, stage: Stage) -> None:
    with qtbot.wait_signal(stage.tools.session.layer_made):
        stage.clients[-1].attend()


def show(stage: Stage, row: int) -> None:
    stage.tools.controls.encoder.setCurrentIndex(row)
    stage.tools.controls.shown.setChecked(True)
