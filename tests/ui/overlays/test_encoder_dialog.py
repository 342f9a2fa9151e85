"""The card of a model: its facts, and whether its terms are accepted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialogButtonBox, QPushButton

from viewer.relevance.encoders.card import EncoderCard
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.ui.overlays import strings
from viewer.ui.overlays.askable import AskableList
from viewer.ui.overlays.encoder_dialog import EncoderDialog, ModelCardDialog, card_facts

if TYPE_CHECKING:
    from pathlib import Path

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


def test_the_model_card_of_a_network_is_shown_as_a_page(qtbot: QtBot, tmp_path: Path) -> None:
    page = tmp_path / "tissue.md"
    page.write_text("# Tissue encoder\n\n| Class | Slides |\n|---|---|\n| nerve | 2 |\n", encoding="utf-8")
    card = replace(CARD, page=str(page))
    dialog = EncoderDialog(card, first_use=False)
    qtbot.add_widget(dialog)

    button = next(one for one in dialog.buttons.buttons() if one.text() == strings.MODEL_CARD)
    button.click()

    (shown,) = dialog.findChildren(ModelCardDialog)
    assert "nerve" in shown.page.toPlainText()
    assert "|" not in shown.page.toPlainText()
    page.unlink()
    missing = ModelCardDialog(card, dialog)
    assert str(page) in missing.page.toPlainText()


def test_what_has_no_model_card_offers_none(qtbot: QtBot) -> None:
    dialog = EncoderDialog(CARD, first_use=False)
    qtbot.add_widget(dialog)

    assert strings.MODEL_CARD not in [one.text() for one in dialog.buttons.buttons()]
