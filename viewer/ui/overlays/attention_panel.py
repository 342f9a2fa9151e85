"""The page on which the reader chooses a model, its heads, and how its attention is shown."""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
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

from viewer.overlay.attention_look import HierarchyLook, levels_of
from viewer.relevance.attention.slide_attention import MAX, MEAN
from viewer.ui.overlays import strings
from viewer.ui.overlays.analysis_bar import AnalysisBar
from viewer.ui.overlays.attention_session import AttentionChoice
from viewer.ui.overlays.attention_text import ALL_LEVELS
from viewer.ui.widgets.limited_scroll_area import ScrollPage
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QShowEvent

    from viewer.relevance.attention.slide_attention import Head
    from viewer.relevance.encoders.card import EncoderCard
    from viewer.ui.widgets.theme import ThemeKeeper

_WIDTH_EM = 13.0
_LEAST_CHARACTERS = 14
"""Of a choice that is seen beside its label: the built-in model, and most others."""


class AttentionControls(QWidget):
    """Only another encoder needs an analysis; everything else changes what is drawn."""

    chosen = Signal()
    """Something was chosen: see ``choice`` and ``hierarchy``."""
    facts_pressed = Signal()
    opened = Signal()
    """The page became visible."""

    def __init__(self, themes: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(strings.ATTENTION)
        self._themes = themes
        self._cards: tuple[EncoderCard, ...] = ()
        self._mode, self._level = "factorised", "zoom"
        """What was chosen last, also while it does not apply."""
        self._compared: tuple[str, tuple[str, ...]] = ("", ())
        """The id of an encoder, and the levels that it compares; () while they are unknown."""
        self.shown = QCheckBox(strings.SHOW)
        self.shown.setAccessibleName(strings.SHOW_NAME)
        self.shown.setToolTip(strings.SHOW_TIP)
        self.shown.toggled.connect(self._changed)
        self.encoder = self._combo(strings.MODEL_NAME)
        self.encoder.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.facts = QToolButton()
        self.facts.setToolTip(strings.FACTS_TIP)
        self.facts.setAccessibleName(strings.FACTS_NAME)
        self.facts.clicked.connect(self.facts_pressed)
        self.mode = self._combo(strings.COMBINE_LEVELS_NAME, strings.MODES, chosen=self._choose_mode)
        self.level = self._combo(strings.LEVEL_NAME, strings.LEVELS, chosen=self._choose_level)
        self._level_label = QLabel(strings.FINEST_LEVEL)
        self._level_label.setBuddy(self.level)
        self.patch_head = self._combo(strings.PATCH_HEAD_NAME)
        self.token_head = self._combo(strings.TOKEN_HEAD_NAME)
        self.overlap = self._combo(strings.OVERLAP_NAME, strings.OVERLAPS)
        self.bar = AnalysisBar(strings.STOP_ATTENTION_TIP)
        self._notes = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._notes.setAccessibleName(strings.NOTES_NAME)
        self._notes.setProperty("muted", True)
        self._meaning = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._meaning.setAccessibleName(strings.MEANING_NAME)
        self._meaning.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        model = QHBoxLayout()
        model.addWidget(self.encoder, 1)
        model.addWidget(self.facts)
        form = self._form = QFormLayout(rowWrapPolicy=QFormLayout.RowWrapPolicy.WrapLongRows)
        model_label = QLabel(strings.MODEL)
        model_label.setBuddy(self.encoder)
        form.addRow(model_label, model)
        form.addRow(self.bar)  # up here, as a low window shows no more than the first rows
        form.addRow(self._notes)
        form.addRow(strings.COMBINE_LEVELS, self.mode)
        form.addRow(self._level_label, self.level)
        form.addRow(strings.PATCH_HEAD, self.patch_head)
        form.addRow(strings.TOKEN_HEAD, self.token_head)
        form.addRow(strings.OVERLAP, self.overlap)
        page = QWidget()
        page.setMinimumWidth(em_px(_WIDTH_EM))
        layout = QVBoxLayout(page)
        layout.setContentsMargins(em_px(0.3), em_px(0.4), em_px(0.3), em_px(0.4))
        layout.addWidget(self.shown)
        layout.addLayout(form)
        layout.addWidget(self._meaning)
        layout.addStretch(1)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(ScrollPage(page))
        themes.changed.connect(self._show_icons)
        self._show_icons()
        self.show_notes(())
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
            self.overlap.currentData() or None if self._form.isRowVisible(self.overlap) else None,
        )

    @property
    def hierarchy(self) -> HierarchyLook:
        """How levels are combined, and the finest; a slide head has patches alone."""
        if self.card is not None and self.card.views:
            return HierarchyLook("single", "patch")
        return self._chosen_look

    @property
    def _chosen_look(self) -> HierarchyLook:
        """What was chosen; patches, or else what the zoom shows, in place of a level that is not offered."""
        levels = self._levels_offered
        level = next(level for level in (self._level, "patch", "zoom") if level in levels)
        return HierarchyLook(self._mode, level)

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
            title = card.title
            if titles[title] > 1:
                title = strings.TITLE_AND_ID.format(title=title, id=card.id.rpartition("/")[2])
            _add(self.encoder, title, card.id)
        row = self.encoder.findData(before)
        self.encoder.setCurrentIndex(max(0, row))
        self.encoder.blockSignals(False)
        if row < 0 and before is not None:
            self._set_shown(False)
        self._changed()

    def show_choice(self, choice: AttentionChoice | None) -> None:
        """Show the choice that is in force, None for nothing, without emitting ``chosen``."""
        self._set_shown(choice is not None)
        if choice is not None:
            for combo, data in (
                (self.encoder, choice.encoder_id),
                (self.patch_head, choice.patch_head),
                (self.token_head, choice.token_head),
            ):
                _select(combo, max(0, combo.findData(data)))
                self._refresh_choices()
            if self.card is not None and not self.card.views:
                self._mode = choice.mode
                self._refresh_choices()
            if self._form.isRowVisible(self.overlap):
                _select(self.overlap, self.overlap.findData(choice.overlap or ""))

    def show_levels(self, encoder_id: str, levels: tuple[str, ...]) -> None:
        """Offer no choices of levels that an encoder does not compare; () while its levels are unknown."""
        if self._compared != (encoder_id, levels):
            before = self.hierarchy
            self._compared = encoder_id, levels
            self._refresh_choices()
            if self.hierarchy != before:
                self.chosen.emit()

    def show_notes(self, notes: Sequence[str]) -> None:
        """Show notes on the encoder or the slide, a line each; none hides them."""
        self._notes.setText("\n".join(notes))
        self._notes.setVisible(bool(notes))

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
        for data, (label, tip) in (items or {}).items():
            _add(combo, label, data, tip)
        # A choice that is too long to be beside its label is below it, as a whole.
        wide = combo.fontMetrics().horizontalAdvance  # Qt counts in the width of an X
        longest = max((ceil(wide(label) / wide("X")) for label, _ in (items or {}).values()), default=0)
        combo.setMinimumContentsLength(max(_LEAST_CHARACTERS, longest))
        combo.currentIndexChanged.connect(chosen or self._changed)
        return combo

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            self.opened.emit()

    def _show_icons(self) -> None:
        self.facts.setIcon(self._themes.icon("information"))

    def _set_shown(self, on: bool) -> None:
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
        self._refresh_choices()
        self.chosen.emit()

    def _refresh_choices(self) -> None:
        """Offer the encoder's heads and levels, and no choice that has no effect."""
        card = self.card
        tokens, patches = (card and card.attention_heads) or (1, 1)
        views = card.views if card is not None else ()
        _offer(self.token_head, [(strings.MEAN_HEAD, MEAN)] if views else _heads(tokens))
        _offer(self.patch_head, _views(views) or _heads(patches))
        look = self._chosen_look
        _select(self.mode, self.mode.findData(look.mode))
        levels = [(strings.LEVELS[level][0], level) for level in self._levels_offered]
        _offer(self.level, levels, [strings.LEVELS[level][1] for _, level in levels])
        _select(self.level, self.level.findData(look.level))
        self._level_label.setText(strings.ONE_LEVEL if look.mode == "single" else strings.FINEST_LEVEL)
        seen, compared = self.hierarchy.seen, self._compared_levels
        for combo, offered in (
            (self.mode, not views),
            (self.level, not views),
            (self.patch_head, patches > 1 and seen.patch and "patch" in compared),
            (self.token_head, tokens > 1 and not views and seen.token and "token" in compared),
            (self.overlap, not views and seen.token),
        ):
            self._form.setRowVisible(combo, offered)
            combo.setToolTip(combo.currentText())  # a long one does not fit
        self.encoder.setToolTip(self.encoder.currentText())
        self._show_meaning()

    def _show_meaning(self) -> None:
        """Show what saliency means, and where no model has weights, how to get some."""
        texts = []
        if self.card is not None and not self.card.needs_weights:
            texts.append(strings.SALIENCY_MEANING.format(title=self.card.title))
        if not any(card.needs_weights for card in self._cards):
            texts.append(strings.NO_WEIGHTS)
        self._meaning.setText("\n\n".join(texts))
        self._meaning.setVisible(bool(texts))

    @property
    def _compared_levels(self) -> tuple[str, ...]:
        """Those of the chosen encoder; all while they are unknown."""
        encoder_id, levels = self._compared
        return levels if levels and encoder_id == self.encoder.currentData() else ALL_LEVELS

    @property
    def _levels_offered(self) -> list[str]:
        """Those of the mode that are compared, and to follow the zoom."""
        compared = ("zoom", *self._compared_levels)
        return [level for level in levels_of(self._mode) if level in compared]


def head_in_words(head: Head) -> str:
    """The name of one head, counted from 1, or of all together."""
    together = {MEAN: strings.MEAN_HEAD, MAX: strings.LARGEST_HEAD}.get(str(head))
    return together or strings.HEAD_NUMBER.format(number=int(head) + 1)


def _heads(heads: int) -> list[tuple[str, Head]]:
    """Mean, largest and each head: (name, head)."""
    return [(head_in_words(head), head) for head in (MEAN, MAX, *range(heads))]


def _views(views: Sequence[str]) -> list[tuple[str, Head]]:
    """(name, number from 0); names that occur twice carry their number, counted from 1."""
    times, named = Counter(views), strings.VIEW_AND_NUMBER
    return [
        (named.format(view=view, number=number + 1) if times[view] > 1 else view, number)
        for number, view in enumerate(views)
    ]


def _select(combo: QComboBox, row: int) -> None:
    """Show another choice without emitting a signal."""
    combo.blockSignals(True)
    combo.setCurrentIndex(row)
    combo.blockSignals(False)


def _offer(combo: QComboBox, items: Sequence[tuple[str, Head]], tips: Sequence[str] = ()) -> None:
    """Offer other items; keeps what is chosen where they are the same."""
    if [combo.itemText(row) for row in range(combo.count())] == [label for label, _ in items]:
        return
    combo.blockSignals(True)
    combo.clear()
    for row, (label, data) in enumerate(items):
        _add(combo, label, data, tips[row] if tips else "")
    combo.blockSignals(False)


def _add(combo: QComboBox, label: str, data: Head, tip: str = "") -> None:
    """Add a choice; without a tip of its own the tooltip is its label, which may be cut."""
    combo.addItem(label, data)
    combo.setItemData(combo.count() - 1, tip or label, Qt.ItemDataRole.ToolTipRole)
