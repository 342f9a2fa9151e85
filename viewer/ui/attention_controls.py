"""The page on which the reader chooses whose attention is shown, by which heads, and how."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer.relevance.attention import MAX, MEAN
from viewer.relevance.encoders import HEAD_PREFIX
from viewer.ui.analysis_bar import AnalysisBar
from viewer.ui.attention_session import AttentionChoice
from viewer.ui.low_page import LowPage
from viewer.ui.theme import em_px
from viewer.view.hierarchy import LEVELS, HierarchyLook, levels_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QShowEvent

    from viewer.relevance.attention import Head
    from viewer.relevance.encoders import EncoderCard
    from viewer.ui.theme import ThemeKeeper

_MODES = {
    "factorised": (
        "Region × patch × token",
        "Comparable over the whole slide: what a place gets of all attention",
    ),
    "blend": (
        "Ranks, blended",
        "After HIPT's published map: the mean of the ranks of a patch among the tissue of its region and of "
        "a token in its patch. That map also looks half-way between patches, and ranks glass: "
        "“foveola heatmap --encoder hipt --mode blend” makes it",
    ),
    "single": ("One level alone", "The attention within the next larger square, whatever that one gets"),
}
"""What a mode is called, and what it is good for."""
_LEVELS = {
    "zoom": ("Follow the zoom", "Finer levels fade in as one zooms in"),
    "region": ("Regions", "Squares of 2 mm on the slide"),
    "patch": ("Patches", "Squares of 128 µm in their region"),
    "token": ("Tokens", "Squares of 8 µm in their patch"),
}
_OVERLAPS = {
    "": ("No overlap", "Each place is seen from one patch"),
    "mean": (
        "Mean, where high",
        "Where attention is high, the mean of what up to four patches say",
    ),
    "max": (
        "Largest, where high",
        "Where attention is high, the most that one of up to four patches says",
    ),
}
"""How patches half-way between others count, what it is called, and what it does."""
_WIDTH_EM = 17.0
_NO_SUCH_LEVEL = "This way of joining has no such level"
_ONE_HEAD = "It has only one"
_NO_TOKENS = "It looks at whole patches, and at no parts of them"
_NOT_SEEN = "Changes nothing now: this level is not shown"


class AttentionControls(QWidget):
    """Only another encoder costs an analysis; everything else changes what is drawn."""

    chosen = Signal()
    """Something was chosen: see ``choice`` and ``hierarchy``."""
    facts_pressed = Signal()
    opened = Signal()
    """The page came into sight."""

    def __init__(self, themes: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Attention")
        self._themes = themes
        self._cards: tuple[EncoderCard, ...] = ()
        self.shown = QCheckBox("&Show on the slide")
        self.shown.setAccessibleName("Show what stands out, or where a model looks")
        self.shown.setToolTip("Lay what stands out, or where a model looks, over the slide")
        self.shown.toggled.connect(self._changed)
        self.encoder = self._combo("Whose attention")
        self.encoder.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.facts = QToolButton()
        self.facts.setToolTip("Licence, pixel size and what to know of it")
        self.facts.setAccessibleName("About whose attention is shown")
        self.facts.clicked.connect(self.facts_pressed)
        self.mode = self._combo("How levels are joined", _MODES)
        self.level = self._combo("Down to which level", _LEVELS)
        self.patch_head = self._combo("Head for patches")
        self.token_head = self._combo("Head for tokens")
        self.overlap = self._combo("Overlapping patches", _OVERLAPS)
        self.bar = AnalysisBar()
        self._remarks = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._remarks.setAccessibleName("Notes of the analysis")
        self._remarks.setProperty("muted", True)
        whose = QHBoxLayout()
        whose.addWidget(self.encoder, 1)
        whose.addWidget(self.facts)
        form = QFormLayout()
        whose_label = QLabel("&Whose")
        whose_label.setBuddy(self.encoder)
        form.addRow(whose_label, whose)
        form.addRow("&Joined as", self.mode)
        form.addRow("&Down to", self.level)
        form.addRow("&Patch head", self.patch_head)
        form.addRow("To&ken head", self.token_head)  # Qt cuts it with T underlined: "To" is kerned
        form.addRow("&Overlap", self.overlap)
        page = QWidget()
        page.setMinimumWidth(em_px(_WIDTH_EM))
        layout = QVBoxLayout(page)
        layout.setContentsMargins(em_px(0.3), em_px(0.4), em_px(0.3), em_px(0.4))
        layout.addWidget(self.shown)
        layout.addLayout(form)
        layout.addWidget(self.bar)
        layout.addWidget(self._remarks)
        layout.addStretch(1)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(LowPage(page))
        themes.changed.connect(self._dress)
        self._dress()
        self._changed()

    @property
    def card(self) -> EncoderCard | None:
        """Of the encoder that is chosen."""
        return next((card for card in self._cards if card.id == self.encoder.currentData()), None)

    @property
    def choice(self) -> AttentionChoice | None:
        """What is to be shown; None for nothing."""
        card = self.card
        if card is None or not self.shown.isChecked():
            return None
        return AttentionChoice(
            card.id,
            self.hierarchy.mode,
            self.token_head.currentData(),
            self.patch_head.currentData(),
            self.overlap.currentData() or None if self.overlap.isEnabled() else None,
        )

    @property
    def hierarchy(self) -> HierarchyLook:
        """How levels are joined, and down to which; a slide head has patches alone."""
        if self.card is not None and self.card.views:
            return HierarchyLook("single", "patch")
        return HierarchyLook(self.mode.currentData(), self.level.currentData())

    def show_encoders(self, cards: Sequence[EncoderCard]) -> None:
        """Offer these, and keep the one that was chosen; nothing is shown where it is no longer there."""
        if tuple(cards) == self._cards:
            return
        before = self.encoder.currentData()
        self._cards = tuple(cards)
        self.encoder.blockSignals(True)
        self.encoder.clear()
        titles = Counter(card.title for card in cards)
        for card in cards:
            own = f" ({card.id.removeprefix(HEAD_PREFIX)})" if titles[card.title] > 1 else ""
            self.encoder.addItem(card.title + own, card.id)
        row = self.encoder.findData(before)
        self.encoder.setCurrentIndex(max(0, row))
        self.encoder.blockSignals(False)
        if row < 0 and before is not None:
            self._tick(False)
        self._changed()

    def go_back_to(self, choice: AttentionChoice | None) -> None:
        """Show what was chosen before, None for nothing, and tell nobody: it still stands."""
        self._tick(choice is not None)
        if choice is not None:
            for combo, data in (
                (self.encoder, choice.encoder_id),
                (self.patch_head, choice.patch_head),
                (self.token_head, choice.token_head),
            ):
                combo.blockSignals(True)
                combo.setCurrentIndex(max(0, combo.findData(data)))
                combo.blockSignals(False)
                self._offer_what_counts()

    def show_remark(self, text: str) -> None:
        """Say something of the encoder or the slide; "" clears it."""
        self._remarks.setText(text)

    def _combo(self, name: str, items: dict[str, tuple[str, str]] | None = None) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for data, (words, tip) in (items or {}).items():
            combo.addItem(words, data)
            combo.setItemData(combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        combo.currentIndexChanged.connect(self._changed)
        return combo

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            self.opened.emit()

    def _dress(self) -> None:
        self.facts.setIcon(self._themes.icon("information"))

    def _tick(self, on: bool) -> None:
        self.shown.blockSignals(True)
        self.shown.setChecked(on)
        self.shown.blockSignals(False)

    def _changed(self) -> None:
        self._offer_what_counts()
        self.chosen.emit()

    def _offer_what_counts(self) -> None:
        """Heads of the encoder, levels of the mode; what would change nothing is greyed and says why."""
        card = self.card
        tokens, patches = (card and card.attention_heads) or (1, 1)
        views = card.views if card is not None else ()
        _offer(self.token_head, _heads(tokens))
        _offer(self.patch_head, _apart(views) or _heads(patches))
        self.encoder.setToolTip(self.encoder.currentText())  # a long title does not fit
        self.mode.setEnabled(not views)
        self.level.setEnabled(not views)
        self._offer_levels()
        seen = self.hierarchy.seen
        for combo, heads, shows in (
            (self.token_head, tokens, seen.token),
            (self.patch_head, patches, seen.patch),
        ):
            combo.setEnabled(heads > 1 and shows)
            combo.setToolTip(_ONE_HEAD if heads == 1 else "" if shows else _NOT_SEEN)
        self.overlap.setEnabled(seen.token)
        self.overlap.setToolTip("" if seen.token else _NO_TOKENS if views else _NOT_SEEN)

    def _offer_levels(self) -> None:
        model = self.level.model()
        assert isinstance(model, QStandardItemModel)
        offered = levels_of(self.mode.currentData())
        for row, level in enumerate(LEVELS):
            there = level in offered
            model.item(row).setEnabled(there)
            model.item(row).setToolTip(_LEVELS[level][1] if there else _NO_SUCH_LEVEL)
        if self.level.currentData() not in offered:
            self.level.blockSignals(True)
            self.level.setCurrentIndex(self.level.findData("patch"))
            self.level.blockSignals(False)


def mode_in_words(mode: str) -> str:
    """What a mode of ``viewer.view.hierarchy`` is called."""
    return _MODES[mode][0]


def level_in_words(level: str) -> str:
    """What a level of ``viewer.view.hierarchy`` is called."""
    return _LEVELS[level][0]


def overlap_in_words(overlap: str | None) -> str:
    """What a merging of overlapping patches is called, None for none."""
    return _OVERLAPS[overlap or ""][0]


def head_in_words(head: Head) -> str:
    """What one head, or all together, are called; the first head is 1."""
    return {MEAN: "Mean of all", MAX: "Largest of all"}.get(str(head)) or f"Head {int(head) + 1}"


def _heads(heads: int) -> list[tuple[str, Head]]:
    """Mean, largest and each head, in words and as they are chosen."""
    return [(head_in_words(head), head) for head in (MEAN, MAX, *range(heads))]


def _apart(views: Sequence[str]) -> list[tuple[str, Head]]:
    """Views in words and by their numbers; those of the same words are numbered."""
    words = Counter(views)
    return [
        (f"{view} ({number + 1})" if words[view] > 1 else view, number) for number, view in enumerate(views)
    ]


def _offer(combo: QComboBox, items: Sequence[tuple[str, Head]]) -> None:
    """Offer other items; keeps what is chosen where they are the same."""
    if [combo.itemText(row) for row in range(combo.count())] == [words for words, _ in items]:
        return
    combo.blockSignals(True)
    combo.clear()
    for words, head in items:
        combo.addItem(words, head)
    combo.blockSignals(False)
