"""The attention page: each choice is signalled, and heads go with their encoder."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QStyle, QStyleOptionComboBox

from tests.ui.children import child
from viewer.overlay.attention_look import LEVELS, MODES, HierarchyLook
from viewer.relevance.attention.slide_attention import MAX, MEAN
from viewer.relevance.encoders.measured.card import SALIENCY
from viewer.ui.overlays import strings
from viewer.ui.overlays.attention_panel import AttentionControls, head_in_words
from viewer.ui.overlays.attention_session import AttentionChoice
from viewer.ui.overlays.encoder_dialog import card_facts
from viewer.ui.widgets.theme import ThemeKeeper

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

HIPT = replace(SALIENCY, id="hipt", title="HIPT", attention_heads=(6, 3), needs_weights=True)
HEAD = replace(
    SALIENCY,
    id="head/tumour",
    title="Tumour or not",
    patch_px=0,
    attention_heads=(1, 2),
    views=("Attention", "For tumour"),
    needs_weights=True,
)
BLEND = strings.MODES["blend"][0]
ONE_LEVEL_ALONE = strings.MODES["single"][0]


@pytest.fixture
def controls(qtbot: QtBot, qapp: QApplication) -> AttentionControls:
    controls = AttentionControls(ThemeKeeper("light", qapp))
    qtbot.add_widget(controls)
    controls.show_encoders([SALIENCY, HIPT, HEAD])
    return controls


def test_no_way_of_combining_levels_is_cut_off_at_the_least_width(
    qtbot: QtBot, controls: AttentionControls
) -> None:
    controls.resize(controls.minimumSizeHint())
    with qtbot.wait_exposed(controls):
        controls.show()
    wide, style = controls.mode.fontMetrics().horizontalAdvance, QStyle.SubControl.SC_ComboBoxEditField
    option = QStyleOptionComboBox()
    option.initFrom(controls.mode)
    room = controls.mode.style().subControlRect(
        QStyle.ComplexControl.CC_ComboBox, option, style, controls.mode
    )
    assert max(wide(label) for label, _ in strings.MODES.values()) <= room.width()


def label_of(level: str) -> str:
    return strings.LEVELS[level][0]


def offered(combo: QComboBox) -> bool:
    return not combo.isHidden()


def levels(controls: AttentionControls) -> list[str]:
    return [controls.level.itemData(row) for row in range(controls.level.count())]


def choose(combo: QComboBox, words: str) -> None:
    row = combo.findText(words)
    assert row >= 0
    combo.setCurrentIndex(row)


def test_nothing_is_shown_before_it_is_wanted(controls: AttentionControls) -> None:
    assert controls.choice is None
    controls.shown.setChecked(True)
    assert controls.choice == AttentionChoice("saliency")


def test_each_choice_is_signalled_once(controls: AttentionControls) -> None:
    emitted: list[AttentionChoice | None] = []
    controls.chosen.connect(lambda: emitted.append(controls.choice))
    controls.shown.setChecked(True)
    choose(controls.encoder, "HIPT")
    choose(controls.mode, BLEND)
    choose(controls.patch_head, strings.LARGEST_HEAD)
    choose(controls.token_head, strings.HEAD_NUMBER.format(number=6))
    choose(controls.level, label_of("patch"))
    controls.shown.setChecked(False)
    assert emitted == [
        AttentionChoice("saliency"),
        AttentionChoice("hipt"),
        AttentionChoice("hipt", "blend"),
        AttentionChoice("hipt", "blend", MEAN, MAX),
        AttentionChoice("hipt", "blend", 5, MAX),
        AttentionChoice("hipt", "blend", 5, MAX),
        None,
    ]
    assert controls.hierarchy == HierarchyLook("blend", "patch")


def test_all_modes_and_levels_can_be_chosen_and_explain_themselves(controls: AttentionControls) -> None:
    for combo, values in ((controls.mode, MODES), (controls.level, LEVELS)):
        rows = range(combo.count())
        assert sorted(combo.itemData(row) for row in rows) == sorted(values)
        assert all(combo.itemData(row, Qt.ItemDataRole.ToolTipRole) for row in rows)


def test_heads_are_those_of_the_encoder(controls: AttentionControls) -> None:
    assert not offered(controls.token_head)
    assert not offered(controls.patch_head)
    choose(controls.encoder, "HIPT")
    assert offered(controls.token_head)
    assert [controls.patch_head.itemData(row) for row in range(controls.patch_head.count())] == [
        MEAN,
        MAX,
        0,
        1,
        2,
    ]
    choose(controls.token_head, strings.HEAD_NUMBER.format(number=6))
    choose(controls.encoder, "Measured saliency")
    assert controls.token_head.currentData() == MEAN


def test_a_slide_head_has_views_of_patches_alone(controls: AttentionControls) -> None:
    choose(controls.mode, BLEND)
    choose(controls.encoder, "Tumour or not")
    controls.shown.setChecked(True)
    for combo in (controls.mode, controls.level, controls.token_head, controls.overlap):
        assert not offered(combo)
    choose(controls.patch_head, "For tumour")
    assert controls.patch_head.toolTip() == "For tumour", "long names are cut, and are in full there"
    assert controls.choice == AttentionChoice("head/tumour", "single", MEAN, 1)
    assert controls.hierarchy == HierarchyLook("single", "patch")
    choose(controls.encoder, "HIPT")
    assert controls.hierarchy.mode == "blend"
    assert controls.mode.currentText() == BLEND


def test_a_level_that_a_mode_does_not_have_comes_back_with_another_mode(controls: AttentionControls) -> None:
    choose(controls.level, label_of("region"))
    choose(controls.mode, BLEND)
    assert controls.level.currentText() == label_of("patch")
    choose(controls.overlap, strings.OVERLAPS[""][0])
    choose(controls.mode, ONE_LEVEL_ALONE)
    assert controls.level.currentText() == label_of("region")
    assert controls.hierarchy == HierarchyLook("single", "region")


def test_one_level_alone_has_no_choice_of_the_finest_level(controls: AttentionControls) -> None:
    label = next(label for label in controls.findChildren(QLabel) if label.buddy() is controls.level)
    assert label.text() == strings.FINEST_LEVEL
    choose(controls.mode, ONE_LEVEL_ALONE)
    assert label.text() == strings.ONE_LEVEL


def test_what_an_encoder_does_not_compare_is_not_offered(controls: AttentionControls) -> None:
    choose(controls.encoder, "HIPT")
    choose(controls.level, label_of("region"))
    emitted: list[HierarchyLook] = []
    controls.chosen.connect(lambda: emitted.append(controls.hierarchy))
    controls.show_levels("hipt", ("token",))
    assert levels(controls) == ["zoom", "token"]
    assert (offered(controls.patch_head), offered(controls.token_head)) == (False, True)
    assert emitted == [HierarchyLook("factorised", "zoom")], "regions were shown"
    controls.show_levels("hipt", ())
    assert offered(controls.patch_head) is False, "regions are shown again"
    assert controls.level.currentText() == label_of("region")
    choose(controls.level, label_of("patch"))
    assert offered(controls.patch_head)


def test_how_far_the_analysis_is_stands_above_what_may_be_scrolled_away(controls: AttentionControls) -> None:
    controls.resize(controls.sizeHint())
    controls.bar.begin()
    controls.show_notes(("There is no level of slides.",))
    controls.show()
    remark = next(
        label for label in controls.findChildren(QLabel) if label.accessibleName() == strings.NOTES_NAME
    )
    order = [controls.encoder, controls.bar, remark, controls.mode]
    tops = [widget.mapTo(controls, widget.rect().topLeft()).y() for widget in order]
    assert tops == sorted(set(tops))


def test_overlapping_patches_are_offered_where_tokens_are_seen(controls: AttentionControls) -> None:
    controls.shown.setChecked(True)
    choose(controls.overlap, strings.OVERLAPS["mean"][0])
    assert controls.choice == AttentionChoice("saliency", overlap="mean")
    choose(controls.overlap, strings.OVERLAPS["max"][0])
    assert controls.choice == AttentionChoice("saliency", overlap="max")
    choose(controls.level, label_of("patch"))
    assert controls.choice == AttentionChoice("saliency")
    assert not offered(controls.overlap)
    choose(controls.level, label_of("token"))
    assert controls.choice == AttentionChoice("saliency", overlap="max")
    choose(controls.encoder, "Tumour or not")
    assert controls.choice is not None
    assert controls.choice.overlap is None
    assert not offered(controls.overlap)
    choose(controls.encoder, "HIPT")
    choose(controls.overlap, strings.OVERLAPS[""][0])
    assert offered(controls.overlap)
    assert controls.choice == AttentionChoice("hipt", "factorised")


def test_other_encoders_leave_what_is_chosen_where_it_still_is(controls: AttentionControls) -> None:
    choose(controls.encoder, "HIPT")
    choose(controls.patch_head, strings.HEAD_NUMBER.format(number=2))
    emitted: list[object] = []
    controls.chosen.connect(lambda: emitted.append(controls.card))
    controls.show_encoders([SALIENCY, HIPT, HEAD])
    assert emitted == []
    controls.show_encoders([SALIENCY, HIPT])
    assert controls.card is HIPT
    assert controls.patch_head.currentData() == 1
    controls.show_encoders([SALIENCY])
    assert controls.card is SALIENCY
    assert len(emitted) == 2


def test_heads_have_names_that_count_from_one() -> None:
    assert [head_in_words(head) for head in (MEAN, MAX, 0, 5)] == [
        strings.MEAN_HEAD,
        strings.LARGEST_HEAD,
        strings.HEAD_NUMBER.format(number=1),
        strings.HEAD_NUMBER.format(number=6),
    ]


def test_what_an_encoder_says_is_shown_as_plain_text(controls: AttentionControls) -> None:
    controls.show_notes(("<b>no</b>",))
    label = next(label for label in controls.findChildren(QLabel) if label.text() == "<b>no</b>")
    assert label.textFormat() == Qt.TextFormat.PlainText
    controls.show_notes(())
    assert label.text() == ""


def test_every_label_leads_to_its_field_and_the_facts_can_be_opened(
    controls: AttentionControls, qtbot: QtBot
) -> None:
    buddies = {label.buddy() for label in controls.findChildren(QLabel) if label.buddy() is not None}
    assert buddies == {
        controls.encoder,
        controls.mode,
        controls.level,
        controls.patch_head,
        controls.token_head,
        controls.overlap,
    }
    assert controls.facts.accessibleName()
    with qtbot.wait_signal(controls.facts_pressed):
        controls.facts.click()


def test_a_slide_head_has_no_input_of_pixels() -> None:
    assert strings.FACT_INPUT not in dict(card_facts(HEAD))
    size = strings.INPUT.format(width=128, height=128, mpp_um=1)
    assert dict(card_facts(HIPT))[strings.FACT_INPUT] == size


def test_what_would_change_nothing_is_not_offered(controls: AttentionControls) -> None:
    choose(controls.encoder, "HIPT")
    choose(controls.level, label_of("region"))
    assert controls.hierarchy == HierarchyLook("factorised", "region")
    assert not offered(controls.patch_head)
    assert not offered(controls.token_head)
    choose(controls.mode, BLEND)
    assert "region" not in levels(controls)
    assert controls.hierarchy == HierarchyLook("blend", "patch")
    assert offered(controls.patch_head)
    assert not offered(controls.token_head)
    choose(controls.mode, ONE_LEVEL_ALONE)
    assert "region" in levels(controls)
    choose(controls.level, label_of("token"))
    assert not offered(controls.patch_head)
    assert offered(controls.token_head)


def test_nothing_is_grey(controls: AttentionControls) -> None:
    for encoder in ("Measured saliency", "HIPT", "Tumour or not"):
        choose(controls.encoder, encoder)
        for combo in controls.findChildren(QComboBox):
            assert combo.isEnabled()
            flags = [combo.model().index(row, 0).flags() for row in range(combo.count())]
            assert all(flag & Qt.ItemFlag.ItemIsEnabled for flag in flags)


def test_without_weights_it_says_how_to_get_some_and_what_saliency_means(
    controls: AttentionControls,
) -> None:
    meaning = child(controls, QLabel, strings.MEANING_NAME)
    saliency = strings.SALIENCY_MEANING.format(title="Measured saliency")
    assert meaning.text() == saliency, "a model is there"
    choose(controls.encoder, "HIPT")
    assert meaning.isHidden()
    controls.show_encoders([SALIENCY])
    advice = meaning.text().replace("\u200b", "")
    assert advice == f"{saliency}\n\n{strings.NO_WEIGHTS}"
    assert meaning.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse


def test_things_of_the_same_name_are_distinguished(controls: AttentionControls) -> None:
    again = replace(HEAD, id="head/again", views=("Attention", "Speaks for a", "Speaks for a"))
    controls.show_encoders([SALIENCY, HEAD, again])
    assert [controls.encoder.itemText(row) for row in range(3)] == [
        "Measured saliency",
        strings.TITLE_AND_ID.format(title="Tumour or not", id="tumour"),
        strings.TITLE_AND_ID.format(title="Tumour or not", id="again"),
    ]
    choose(controls.encoder, strings.TITLE_AND_ID.format(title="Tumour or not", id="again"))
    assert [controls.patch_head.itemText(row) for row in range(3)] == [
        "Attention",
        strings.VIEW_AND_NUMBER.format(view="Speaks for a", number=2),
        strings.VIEW_AND_NUMBER.format(view="Speaks for a", number=3),
    ]
    for combo in (controls.encoder, controls.patch_head):
        tips = [combo.itemData(row, Qt.ItemDataRole.ToolTipRole) for row in range(combo.count())]
        assert tips == [combo.itemText(row) for row in range(combo.count())], "long titles are cut"


def test_where_the_chosen_one_is_gone_nothing_is_shown(controls: AttentionControls) -> None:
    choose(controls.encoder, "HIPT")
    controls.shown.setChecked(True)
    controls.show_encoders([SALIENCY, HEAD])
    assert controls.choice is None


def test_it_signals_that_it_became_visible(controls: AttentionControls, qtbot: QtBot) -> None:
    with qtbot.wait_signal(controls.opened):
        controls.show()
