"""What an encoder is and may be used for, shown before it is used the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from viewer.ui.widgets.dialogs import show_dialog
from viewer.ui.widgets.theme import em_px, without_icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.relevance.encoders.card import EncoderCard


def card_facts(card: EncoderCard) -> list[tuple[str, str]]:
    """The card as (name, value), in the order in which it is shown."""
    allowed = {True: "allowed", False: "not allowed", None: "the licence does not say; ask its owner"}
    looks_at = ("Looks at", f"{card.patch_px} × {card.patch_px} px at {card.mpp_um:g} µm/px")
    return [
        ("Model", card.title),
        ("Family", card.family),
        ("Licence", card.licence),
        # A slide head is the reader's own file, and reads features, not pixels.
        *([] if card.features_of else [("Commercial use", allowed[card.commercial])]),
        *([looks_at] if card.patch_px else []),
        ("Values", card.normalisation),
    ]


def use_after_terms(
    card: EncoderCard,
    accepted: str,
    parent: QWidget,
    *,
    use: Callable[[str], None],
    refused: Callable[[], object],
) -> None:
    """``use`` an encoder with the ids whose terms are ``accepted``, as ``settings.Relevance`` lists them; one
    that is used the first time shows its terms before, and ``refused`` is called where they are not accepted.
    A slide head has none: those of the encoder whose features it reads are asked for.
    """
    known = accepted.split()
    if not card.needs_terms or card.id in known:
        use(accepted)
        return
    dialog = EncoderDialog(card, first_use=True, parent=parent)
    dialog.accepted.connect(lambda: use(" ".join([*known, card.id])))
    dialog.rejected.connect(refused)
    show_dialog(dialog, modal=True)


class EncoderDialog(QDialog):
    """The card of one encoder; ``first_use`` asks whether its terms are accepted."""

    def __init__(self, card: EncoderCard, *, first_use: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.card = card
        self.setWindowTitle("Use this model?" if first_use else "About this model")
        form = QFormLayout()
        for name, value in card_facts(card):
            label = QLabel(value, wordWrap=True, textFormat=Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setAccessibleName(name)
            form.addRow(f"{name}:", label)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        for note in card.notes:
            layout.addWidget(QLabel(note, wordWrap=True, textFormat=Qt.TextFormat.PlainText))
        standard = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(standard.Ok | standard.Cancel if first_use else standard.Close)
        if first_use:
            remark = QLabel("You see this once for each model; the button beside the list shows it again.")
            remark.setWordWrap(True)
            remark.setProperty("muted", True)
            layout.addWidget(remark)
            self.buttons.button(standard.Ok).setText("Use it")
        without_icons(self.buttons.buttons())
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(em_px(30))
        # Wrapped lines would otherwise be given the room that they take in a much narrower window.
        self.resize(self.minimumWidth(), layout.totalHeightForWidth(self.minimumWidth()))
