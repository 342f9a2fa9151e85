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

from viewer.overlay.attention_look import LEVELS, HierarchyLook, levels_of
from viewer.relevance.attention.slide_attention import MAX, MEAN
from viewer.ui.overlays.analysis_bar import AnalysisBar
from viewer.ui.overlays.attention_session import AttentionChoice
from viewer.ui.overlays.attention_text import ALL_LEVELS, MANY
from viewer.ui.widgets.limited_scroll_area import ScrollPage
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QShowEvent

    from viewer.relevance.attention.slide_attention import Head
    from viewer.relevance.encoders.card import EncoderCard
    from viewer.ui.widgets.theme import ThemeKeeper

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
_WIDTH_EM = 18.0
_NO_SUCH_LEVEL = "This way of joining has no such level"
_ONE_HEAD = "It has only one"
_NO_LEVELS = "It looks at the patches of the whole slide at once"
_NO_TOKENS = "It looks at whole patches, and at no parts of them"
_NOT_SEEN = "Changes nothing now: this level is not shown"
_NOT_TOLD_APART = "The model as it is here does not compare {}"
_DOES_NOT_APPLY = "–"
_DOWN_TO, _WHICH = "&Down to", "&Level"


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
        self._mode, self._level = "factorised", "zoom"
        """What was chosen last, also while it does not apply."""
        self._told_apart: tuple[str, tuple[str, ...]] = ("", ())
        """Levels that an encoder compares, and which encoder that is."""
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
        self.mode = self._combo("How levels are joined", _MODES, chosen=self._choose_mode)
        self.level = self._combo("Which level", _LEVELS, chosen=self._choose_level)
        for combo in (self.mode, self.level):
            combo.setPlaceholderText(_DOES_NOT_APPLY)
        self._level_label = QLabel(_DOWN_TO)
        self._level_label.setBuddy(self.level)
        self.patch_head = self._combo("Head for patches")
        self.token_head = self._combo("Head for tokens")
        self.overlap = self._combo("Overlapping patches", _OVERLAPS)
        self.bar = AnalysisBar("End the analysis and hide the overlay; what is analysed is kept")
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
        form.addRow(self.bar)  # up here, as a low window shows no more than the first rows
        form.addRow(self._remarks)
        form.addRow("&Joined as", self.mode)
        form.addRow(self._level_label, self.level)
        form.addRow("&Patch head", self.patch_head)
        form.addRow("To&ken head", self.token_head)  # Qt cuts it with T underlined: "To" is kerned
        form.addRow("&Overlap", self.overlap)
        page = QWidget()
        page.setMinimumWidth(em_px(_WIDTH_EM))
        layout = QVBoxLayout(page)
        layout.setContentsMargins(em_px(0.3), em_px(0.4), em_px(0.3), em_px(0.4))
        layout.addWidget(self.shown)
        layout.addLayout(form)
        layout.addStretch(1)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(ScrollPage(page))
        themes.changed.connect(self._dress)
        self._dress()
        self.show_remark("")
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
        return self._chosen_look

    @property
    def _chosen_look(self) -> HierarchyLook:
        """What was chosen, patches standing in for a level that the mode does not have."""
        return HierarchyLook(self._mode, self._level if self._level in levels_of(self._mode) else "patch")

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
            own = f" ({card.id.rpartition('/')[2]})" if titles[card.title] > 1 else ""
            _add(self.encoder, card.title + own, card.id)
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
                _select(combo, max(0, combo.findData(data)))
                self._offer_what_counts()
            if self.card is not None and not self.card.views:
                self._mode = choice.mode
                self._offer_what_counts()
            if self.overlap.isEnabled():
                _select(self.overlap, self.overlap.findData(choice.overlap or ""))

    def show_levels(self, encoder_id: str, levels: tuple[str, ...]) -> None:
        """Grey what changes nothing as an encoder does not compare that level; () where it is not known."""
        if self._told_apart != (encoder_id, levels):
            self._told_apart = encoder_id, levels
            self._offer_what_counts()

    def show_remark(self, text: str) -> None:
        """Say something of the encoder or the slide; "" clears it."""
        self._remarks.setText(text)
        self._remarks.setVisible(bool(text))

    def _combo(
        self,
        name: str,
        items: dict[str, tuple[str, str]] | None = None,
        *,
        chosen: Callable[[], None] | None = None,
    ) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for data, (words, tip) in (items or {}).items():
            _add(combo, words, data, tip)
        combo.currentIndexChanged.connect(chosen or self._changed)
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

    def _choose_mode(self) -> None:
        self._mode = self.mode.currentData()
        self._changed()

    def _choose_level(self) -> None:
        self._level = self.level.currentData()
        self._changed()

    def _changed(self) -> None:
        self._offer_what_counts()
        self.chosen.emit()

    def _offer_what_counts(self) -> None:
        """Heads of the encoder, levels of the mode; what would change nothing is greyed and says why."""
        card = self.card
        tokens, patches = (card and card.attention_heads) or (1, 1)
        views = card.views if card is not None else ()
        _offer(self.token_head, [(_DOES_NOT_APPLY, MEAN)] if views else _heads(tokens))
        _offer(self.patch_head, _apart(views) or _heads(patches))
        self._offer_levels(apply=not views)
        seen, told_apart = self.hierarchy.seen, self._levels_told_apart
        for combo, level, heads, shows in (
            (self.token_head, "token", tokens, seen.token),
            (self.patch_head, "patch", patches, seen.patch),
        ):
            why = _NO_TOKENS if views and level == "token" else _ONE_HEAD if heads == 1 else ""
            why = why or ("" if level in told_apart else _NOT_TOLD_APART.format(MANY[level]))
            _grey(combo, why or ("" if shows else _NOT_SEEN))
        _grey(self.overlap, "" if seen.token else _NO_TOKENS if views else _NOT_SEEN)
        self.encoder.setToolTip(self.encoder.currentText())  # a long title does not fit

    @property
    def _levels_told_apart(self) -> tuple[str, ...]:
        """Those of the chosen encoder; all while it is not known."""
        encoder_id, levels = self._told_apart
        return levels if levels and encoder_id == self.encoder.currentData() else ALL_LEVELS

    def _offer_levels(self, *, apply: bool) -> None:
        """Show what was chosen, or what stands in for it; nothing where modes and levels do not ``apply``."""
        look = self._chosen_look
        for combo, data in (self.mode, look.mode), (self.level, look.level):
            _select(combo, combo.findData(data) if apply else -1)
            _grey(combo, "" if apply else _NO_LEVELS)
        self._level_label.setText(_WHICH if apply and look.mode == "single" else _DOWN_TO)
        model = self.level.model()
        assert isinstance(model, QStandardItemModel)
        for row, level in enumerate(LEVELS):
            why = "" if level in levels_of(look.mode) else _NO_SUCH_LEVEL
            if not why and level in ALL_LEVELS and level not in self._levels_told_apart:
                why = _NOT_TOLD_APART.format(MANY[level])
            model.item(row).setEnabled(not why)
            model.item(row).setToolTip(why or _LEVELS[level][1])


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


def _select(combo: QComboBox, row: int) -> None:
    """Show another choice, and tell nobody."""
    combo.blockSignals(True)
    combo.setCurrentIndex(row)
    combo.blockSignals(False)


def _grey(combo: QComboBox, why: str) -> None:
    """Grey a choice that changes nothing, and say why; "" where it does: its words may be cut."""
    combo.setEnabled(not why)
    combo.setToolTip(why or combo.currentText())


def _offer(combo: QComboBox, items: Sequence[tuple[str, Head]]) -> None:
    """Offer other items; keeps what is chosen where they are the same."""
    if [combo.itemText(row) for row in range(combo.count())] == [words for words, _ in items]:
        return
    combo.blockSignals(True)
    combo.clear()
    for words, head in items:
        _add(combo, words, head)
    combo.blockSignals(False)


def _add(combo: QComboBox, words: str, data: Head, tip: str = "") -> None:
    """One more choice; without a tip of its own it tells its words, which may be cut."""
    combo.addItem(words, data)
    combo.setItemData(combo.count() - 1, tip or words, Qt.ItemDataRole.ToolTipRole)
