"""The page on which the reader chooses a model, its heads, and how its attention is shown."""

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

_WIDTH_EM = 18.0


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
        for combo in (self.mode, self.level):
            combo.setPlaceholderText(strings.DOES_NOT_APPLY)
        self._level_label = QLabel(strings.FINEST_LEVEL)
        self._level_label.setBuddy(self.level)
        self.patch_head = self._combo(strings.PATCH_HEAD_NAME)
        self.token_head = self._combo(strings.TOKEN_HEAD_NAME)
        self.overlap = self._combo(strings.OVERLAP_NAME, strings.OVERLAPS)
        self.bar = AnalysisBar(strings.STOP_ATTENTION_TIP)
        self._notes = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._notes.setAccessibleName(strings.NOTES_NAME)
        self._notes.setProperty("muted", True)
        model = QHBoxLayout()
        model.addWidget(self.encoder, 1)
        model.addWidget(self.facts)
        form = QFormLayout()
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
            self.overlap.currentData() or None if self.overlap.isEnabled() else None,
        )

    @property
    def hierarchy(self) -> HierarchyLook:
        """How levels are combined, and the finest; a slide head has patches alone."""
        if self.card is not None and self.card.views:
            return HierarchyLook("single", "patch")
        return self._chosen_look

    @property
    def _chosen_look(self) -> HierarchyLook:
        """What was chosen; patches in place of a level that the mode does not have."""
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
            if self.overlap.isEnabled():
                _select(self.overlap, self.overlap.findData(choice.overlap or ""))

    def show_levels(self, encoder_id: str, levels: tuple[str, ...]) -> None:
        """Grey the choices of levels that an encoder does not compare; () while its levels are unknown."""
        if self._compared != (encoder_id, levels):
            self._compared = encoder_id, levels
            self._refresh_choices()

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
        combo.setMinimumContentsLength(14)  # characters: of the built-in model, and of most choices
        for data, (label, tip) in (items or {}).items():
            _add(combo, label, data, tip)
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
        """Offer the encoder's heads and the mode's levels; grey choices without effect, with the reason."""
        card = self.card
        tokens, patches = (card and card.attention_heads) or (1, 1)
        views = card.views if card is not None else ()
        _offer(self.token_head, [(strings.DOES_NOT_APPLY, MEAN)] if views else _heads(tokens))
        _offer(self.patch_head, _views(views) or _heads(patches))
        self._offer_levels(apply=not views)
        seen, compared = self.hierarchy.seen, self._compared_levels
        for combo, level, heads, shows in (
            (self.token_head, "token", tokens, seen.token),
            (self.patch_head, "patch", patches, seen.patch),
        ):
            why = "" if shows else strings.LEVEL_NOT_SHOWN
            if views and level == "token":
                why = strings.HAS_NO_TOKENS
            elif heads == 1:
                why = strings.HAS_ONE_HEAD
            elif level not in compared:
                why = _not_compared(level)
            _grey(combo, why)
        no_overlap = strings.HAS_NO_TOKENS if views else strings.LEVEL_NOT_SHOWN
        _grey(self.overlap, "" if seen.token else no_overlap)
        self.encoder.setToolTip(self.encoder.currentText())  # a long title does not fit

    @property
    def _compared_levels(self) -> tuple[str, ...]:
        """Those of the chosen encoder; all while they are unknown."""
        encoder_id, levels = self._compared
        return levels if levels and encoder_id == self.encoder.currentData() else ALL_LEVELS

    def _offer_levels(self, *, apply: bool) -> None:
        """Show the mode and level in force; nothing where modes and levels do not ``apply``."""
        look = self._chosen_look
        for combo, data in (self.mode, look.mode), (self.level, look.level):
            _select(combo, combo.findData(data) if apply else -1)
            _grey(combo, "" if apply else strings.HAS_NO_LEVELS)
        one_level = apply and look.mode == "single"
        self._level_label.setText(strings.ONE_LEVEL if one_level else strings.FINEST_LEVEL)
        model = self.level.model()
        assert isinstance(model, QStandardItemModel)
        for row, level in enumerate(LEVELS):
            why = "" if level in levels_of(look.mode) else strings.LEVEL_NOT_IN_MODE
            if not why and level in ALL_LEVELS and level not in self._compared_levels:
                why = _not_compared(level)
            model.item(row).setEnabled(not why)
            model.item(row).setToolTip(why or strings.LEVELS[level][1])


def head_in_words(head: Head) -> str:
    """The name of one head, counted from 1, or of all together."""
    together = {MEAN: strings.MEAN_HEAD, MAX: strings.LARGEST_HEAD}.get(str(head))
    return together or strings.HEAD_NUMBER.format(number=int(head) + 1)


def _not_compared(level: str) -> str:
    return strings.LEVEL_NOT_COMPARED.format(levels=strings.LEVEL_PLURALS[level])


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


def _grey(combo: QComboBox, why: str) -> None:
    """Grey a choice for the reason ``why``; "" enables it, with its text as tooltip, which may be cut."""
    combo.setEnabled(not why)
    combo.setToolTip(why or combo.currentText())


def _offer(combo: QComboBox, items: Sequence[tuple[str, Head]]) -> None:
    """Offer other items; keeps what is chosen where they are the same."""
    if [combo.itemText(row) for row in range(combo.count())] == [label for label, _ in items]:
        return
    combo.blockSignals(True)
    combo.clear()
    for label, head in items:
        _add(combo, label, head)
    combo.blockSignals(False)


def _add(combo: QComboBox, label: str, data: Head, tip: str = "") -> None:
    """Add a choice; without a tip of its own the tooltip is its label, which may be cut."""
    combo.addItem(label, data)
    combo.setItemData(combo.count() - 1, tip or label, Qt.ItemDataRole.ToolTipRole)
