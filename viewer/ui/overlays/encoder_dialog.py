"""What an encoder is and may be used for, shown before it is used the first time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QFormLayout, QLabel, QTextBrowser, QVBoxLayout, QWidget

from viewer.common.text import in_words
from viewer.relevance.encoders.vocabulary import lexicon_of
from viewer.ui.overlays import strings
from viewer.ui.overlays.askable import AskableList
from viewer.ui.widgets.dialogs import SearchDialog, show_dialog
from viewer.ui.widgets.theme import em_px, without_icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.relevance.encoders.card import EncoderCard

_ASKABLE_EM = 20


def card_facts(card: EncoderCard) -> list[tuple[str, str]]:
    """The card as (name, value), in the order in which it is shown."""
    size = strings.INPUT.format(width=card.patch_px, height=card.patch_px, mpp_um=card.mpp_um)
    return [
        (strings.FACT_MODEL, card.title),
        (strings.FACT_FAMILY, card.family),
        (strings.FACT_LICENCE, card.licence),
        # A slide head is the reader's own file, and reads features, not pixels.
        *([] if card.features_of else [(strings.FACT_COMMERCIAL, strings.COMMERCIAL[card.commercial])]),
        *([(strings.FACT_INPUT, size)] if card.patch_px else []),
        (strings.FACT_VALUES, card.normalisation),
        *([(strings.FACT_ASKABLE, strings.ANY_WORDS)] if card.query_kind == "free text" else []),
    ]


def use_after_terms(
    card: EncoderCard,
    accepted: str,
    parent: QWidget,
    *,
    use: Callable[[str], None],
    refused: Callable[[], object],
) -> None:
    """Call ``use`` with the ids of encoders with ``accepted`` terms (a ``settings.Relevance`` list), this one
    among them. The first time a dialog shows its terms before, and ``refused`` is called where they are not
    accepted. A slide head has no terms: pass the card of the encoder that gives its features.
    """
    before = accepted.split()
    if not card.needs_terms or card.id in before:
        use(accepted)
        return
    dialog = EncoderDialog(card, first_use=True, parent=parent)
    dialog.accepted.connect(lambda: use(" ".join([*before, card.id])))
    dialog.rejected.connect(refused)
    show_dialog(dialog, modal=True)


class EncoderDialog(SearchDialog):
    """The card of one encoder; ``first_use``: with buttons to accept its terms or refuse them."""

    def __init__(self, card: EncoderCard, *, first_use: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.card = card
        self.setWindowTitle(strings.USE_MODEL if first_use else strings.ABOUT_MODEL)
        form = QFormLayout()
        for name, value in card_facts(card):
            label = QLabel(value, wordWrap=True, textFormat=Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setAccessibleName(name)
            form.addRow(strings.FACT_LABEL.format(name=name), label)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        for note in card.notes:
            layout.addWidget(QLabel(note, wordWrap=True, textFormat=Qt.TextFormat.PlainText))
        if card.query_kind == "concepts":
            layout.addWidget(QLabel(strings.FACT_LABEL.format(name=strings.ASKABLE)))
            askable = AskableList(lexicon_of(card.id), can_ask=False)
            askable.setMinimumHeight(em_px(_ASKABLE_EM))
            layout.addWidget(askable, 1)
        standard = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(standard.Ok | standard.Cancel if first_use else standard.Close)
        if first_use:
            remark = QLabel(strings.SHOWN_ONCE)
            remark.setWordWrap(True)
            remark.setProperty("muted", True)
            layout.addWidget(remark)
            self.buttons.button(standard.Ok).setText(strings.USE)
        elif card.page:
            button = self.buttons.addButton(strings.MODEL_CARD, QDialogButtonBox.ButtonRole.ActionRole)
            button.clicked.connect(lambda: show_dialog(ModelCardDialog(card, self), modal=True))
        without_icons(self.buttons.buttons())
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(em_px(30))
        # Wrapped lines would otherwise be given the room that they take in a much narrower window.
        self.resize(self.minimumWidth(), layout.totalHeightForWidth(self.minimumWidth()))


class ModelCardDialog(SearchDialog):
    """The model card of one encoder: a page of text and tables, or why it cannot be read."""

    def __init__(self, card: EncoderCard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(strings.MODEL_CARD_TITLE.format(title=card.title))
        self.page = QTextBrowser(openExternalLinks=True)
        self.page.setAccessibleName(self.windowTitle())
        self.page.setSearchPaths([str(Path(card.page).parent)])  # of its pictures
        try:
            self.page.setMarkdown(Path(card.page).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            self.page.setPlainText(strings.NO_MODEL_CARD.format(path=card.page, error=in_words(error)))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        without_icons(buttons.buttons())
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.page, 1)
        layout.addWidget(buttons)
        self.resize(em_px(54), em_px(40))
