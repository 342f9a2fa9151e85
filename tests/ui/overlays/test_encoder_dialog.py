"""The card of a model: its facts, and whether its terms are accepted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialogButtonBox, QPushButton

from viewer.relevance.encoders.card import EncoderCard
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.ui.overlays import strings
from viewer.ui.overlays.askable import AskableList
from viewer.ui.overlays.encoder_dialog import EncoderDialog, card_facts

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

CARD = EncoderCard(
    id="plip",
    title="PLIP",
    family="vision–language model",
    patch_px=256,
    mpp_um=0.5,
    margin_px=0,
    feature_count=512,
    normalisation="contrast with neutral prompts",
    licence="research only",
    commercial=False,
    notes=("<b>Not</b> for deployed use.",),
)


def test_the_card_states_licence_and_commercial_use(qtbot: QtBot) -> None:
    facts = dict(card_facts(CARD))
    assert facts[strings.FACT_LICENCE] == "research only"
    assert facts[strings.FACT_COMMERCIAL] == strings.COMMERCIAL[False]
    assert facts[strings.FACT_INPUT] == strings.INPUT.format(width=256, height=256, mpp_um=0.5)
    dialog = EncoderDialog(CARD, first_use=True)
    qtbot.add_widget(dialog)
    accepted: list[bool] = []
    dialog.accepted.connect(lambda: accepted.append(True))
    button = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert isinstance(button, QPushButton)
    assert button.text() == strings.USE
    button.click()
    assert accepted == [True]


def test_a_card_that_is_in_use_only_closes(qtbot: QtBot) -> None:
    dialog = EncoderDialog(CARD, first_use=False)
    qtbot.add_widget(dialog)
    assert dialog.buttons.button(QDialogButtonBox.StandardButton.Ok) is None


def test_a_model_says_what_it_can_be_asked(qtbot: QtBot) -> None:
    dialog = EncoderDialog(MEASURED, first_use=False)
    qtbot.add_widget(dialog)
    (askable,) = dialog.findChildren(AskableList)
    assert "Lymphoid and inflammatory cells" in askable.text
    free = replace(CARD, query_kind="free text")
    assert dict(card_facts(free))[strings.FACT_ASKABLE] == strings.ANY_WORDS
    dialog = EncoderDialog(free, first_use=False)
    qtbot.add_widget(dialog)
    assert dialog.findChildren(AskableList) == []
