"""Weights, examples, explanation, progress, legend, card: each shows plain data and tells what is done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QLabel, QPushButton, QWidget

from tests.messages import pattern
from viewer.relevance.encoders.card import EncoderCard, Reason
from viewer.relevance.patches.field import Provenance
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.patches.progress import StageProgress
from viewer.relevance.query.tree import All, AnyOf, Like, Near, Term, Without, leaf_roles
from viewer.relevance.worker.messages import Progress
from viewer.ui.overlays.analysis_bar import AnalysisBar, progress_in_words
from viewer.ui.overlays.encoder_dialog import EncoderDialog, card_facts
from viewer.ui.overlays.legend import (
    ESTIMATED,
    NOT_A_DIAGNOSIS,
    PARTLY_KNOWN,
    Legend,
    LegendEntry,
    provenance_in_words,
)
from viewer.ui.search import strings
from viewer.ui.search.examples import ExamplesBox
from viewer.ui.search.explanation import ExplainCard
from viewer.ui.search.search_state import (
    MAX_EXAMPLES,
    Example,
    Examples,
    Explanation,
    LeafExplanation,
    cells_in_frame,
)
from viewer.ui.search.weight_editor import WeightEditor

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


# Weights


@pytest.fixture
def editor(qtbot: QtBot) -> WeightEditor:
    editor = WeightEditor()
    qtbot.add_widget(editor)
    return editor


TILS = Term("TILs", (("lymphocytes", 1.0), ("stroma", 0.4)))


def test_weights_are_shown_and_each_change_names_all_weights_of_its_term(editor: WeightEditor) -> None:
    changes: list[tuple[int, object]] = []
    editor.changed.connect(lambda leaf, weights: changes.append((leaf, weights)))
    editor.show_query(All((Term("fat", (("adipose_tissue", 1.0),)), TILS)), edited=False)
    assert editor.weight(1, "stroma") == 0.4
    assert changes == []
    editor.set_weight(1, "stroma", 0.75)
    assert changes == [(1, (("lymphocytes", 1.0), ("stroma", 0.75)))]


def test_sliders_of_the_same_name_are_told_apart_by_their_terms(editor: WeightEditor) -> None:
    lymphocytes = Term("lymphocytes", (("lymphocytes", 1.0),))
    editor.show_query(All((TILS, lymphocytes)), edited=False)
    headings = [label.text() for label in editor.findChildren(QLabel) if label.buddy() is None]
    assert [words for words in headings if "%" not in words] == ["TILs", "lymphocytes"]
    assert [slider.accessibleName() for slider in editor.in_tab_order[:-1]] == [
        strings.WEIGHT_IN_TERM_NAME.format(concept="lymphocytes", term="TILs"),
        strings.WEIGHT_IN_TERM_NAME.format(concept="stroma", term="TILs"),
        strings.WEIGHT_NAME.format(concept="lymphocytes"),
    ]


def test_a_term_keeps_at_least_one_weight_above_nothing(editor: WeightEditor) -> None:
    changes: list[object] = []
    editor.changed.connect(lambda _leaf, weights: changes.append(weights))
    editor.show_query(TILS, edited=False)
    editor.set_weight(0, "stroma", 0.0)
    editor.set_weight(0, "lymphocytes", 0.0)
    assert changes[-1] == (("lymphocytes", 0.01), ("stroma", 0.0))


def test_the_slider_in_hand_stays_the_same_widget(editor: WeightEditor) -> None:
    editor.show_query(TILS, edited=False)
    slider = editor._sliders[0, "stroma"]
    editor.show_query(Term("TILs", (("lymphocytes", 1.0), ("stroma", 0.5))), edited=True)
    assert editor._sliders[0, "stroma"] is slider
    assert slider.value() == 50
    assert not editor._reset.isHidden()


def test_examples_and_words_without_weights_have_no_sliders(editor: WeightEditor) -> None:
    editor.show_query(AnyOf((Like(((0, 0),)), Term("KRAS mutation"))), edited=False)
    assert editor._sliders == {}


def test_each_part_of_a_query_says_which_part_it_plays() -> None:
    fat, blood, like = Term("fat"), Term("blood"), Like(((0, 0),))
    query = Without(Near(fat, like, 50.0), AnyOf((blood, Without(None, fat))))
    assert leaf_roles(query) == [
        ("fat", fat),
        ("within 50 µm of places like your examples", like),
        ("without blood", blood),
        ("without without fat", fat),
    ]


# Examples


def test_a_later_example_overrules_an_earlier_one() -> None:
    both = Examples().added(Example(frozenset({(0, 0), (0, 1)}), True, "a"))
    both = both.added(Example(frozenset({(0, 1)}), False, "b"))
    assert both.positives == ((0, 0),)
    assert both.negatives == ((0, 1),)
    assert both.without(1).positives == ((0, 0), (0, 1))


def test_there_are_not_more_examples_than_are_taken() -> None:
    many = frozenset((0, col) for col in range(MAX_EXAMPLES))
    full = Examples().added(Example(many, True, "frame"))
    with pytest.raises(ValueError, match=pattern(strings.TOO_MANY_EXAMPLES, most=MAX_EXAMPLES)):
        full.added(Example(frozenset({(1, 1)}), False, "b"))


def test_examples_are_listed_and_removed(qtbot: QtBot) -> None:
    box = ExamplesBox()
    qtbot.add_widget(box)
    examples = Examples(
        (Example(frozenset({(0, 0)}), True, "1, 2 µm"), Example(frozenset({(1, 1), (1, 2)}), False, "3 µm"))
    )
    removed: list[int] = []
    box.remove_pressed.connect(removed.append)
    box.show_examples(examples)
    unlike = strings.EXAMPLE_UNLIKE.format(place="3 µm")
    assert box.lines == [
        strings.EXAMPLE_LIKE.format(place="1, 2 µm"),
        strings.EXAMPLE_PATCHES.format(example=unlike, count=2),
    ]
    assert not box.remove.isEnabled()
    box._list.setCurrentRow(1)
    box.remove.click()
    qtbot.keyClick(box._list, Qt.Key.Key_Delete)
    assert removed == [1, 1]


def test_only_one_kind_of_frame_is_drawn_at_a_time(qtbot: QtBot) -> None:
    box = ExamplesBox()
    qtbot.add_widget(box)
    box.pick_like.click()
    box.pick_unlike.click()
    assert not box.pick_like.isChecked()
    box.end_picking()
    assert not box.pick_unlike.isChecked()


def test_a_turned_frame_holds_the_patches_whose_centres_lie_in_it() -> None:
    grid = PatchGrid(columns=4, rows=4, patch_width_px=10, patch_height_px=20)
    upright = ((0, 0), (20, 0), (20, 20), (0, 20))
    assert cells_in_frame(grid, upright) == {(0, 0), (0, 1)}
    assert cells_in_frame(grid, upright[::-1]) == {(0, 0), (0, 1)}
    turned = ((20, 10), (40, 40), (20, 70), (0, 40))
    assert cells_in_frame(grid, turned) == {(1, 1), (1, 2), (2, 1), (2, 2)}
    assert cells_in_frame(grid, ((100, 100), (120, 100), (120, 120), (100, 120))) == frozenset()


# Why here


def test_an_explanation_names_three_measurements_with_units(qtbot: QtBot) -> None:
    card = ExplainCard()
    qtbot.add_widget(card)
    assert card.text == strings.WHY_HINT
    reasons = tuple(Reason(f"m{n}", 11_900 + n, "/mm²", 87, 1 - n) for n in range(4))
    card.show_explanation(Explanation("1, 2 µm", 0.934, False, (LeafExplanation("TILs", reasons),)))
    assert card.text.splitlines() == [
        strings.WHY_TITLE.format(place="1, 2 µm", value=strings.VALUE.format(score=0.93)),
        "TILs",
        strings.REASON_FOR.format(reason=reasons[0].in_words()),
        strings.REASON_FOR.format(reason=reasons[1].in_words()),
        strings.REASON_AGAINST.format(reason=reasons[2].in_words()),
    ]
    card.show_explanation(None)
    assert card.text == strings.WHY_HINT


@pytest.mark.parametrize(
    ("explanation", "value", "body"),
    [
        (Explanation("p", None, False, ()), strings.NOT_ANALYSED, ""),
        (Explanation("p", 0.5, True, ()), strings.VALUE_ESTIMATED, ""),
        (
            Explanation("p", 0.5, False, (LeafExplanation("fat"),)),
            strings.VALUE,
            strings.REASONS_PENDING.format(term="fat"),
        ),
        (
            Explanation("p", 0.5, False, (LeafExplanation("fat", ()),)),
            strings.VALUE,
            strings.NO_REASONS.format(term="fat"),
        ),
    ],
)
def test_what_is_unknown_is_shown_as_such(
    qtbot: QtBot, explanation: Explanation, value: str, body: str
) -> None:
    card = ExplainCard()
    qtbot.add_widget(card)
    card.show_explanation(explanation)
    title = strings.WHY_TITLE.format(place="p", value=value.format(score=0.5))
    assert card.text == f"{title}\n{body}".strip()


# Progress


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress(1203, 9800, 0, 12.4, False), "1,203 of 9,800 patches, about 12 s left"),
        (Progress(1203, 9800, 0, 600, False), "1,203 of 9,800 patches, about 10 min left"),
        (Progress(10, 100, 0, None, False), "10 of 100 patches"),
        (Progress(10, 100, 0, 5, True), "10 of 100 patches, paused"),
        (Progress(100, 100, 0, 0, False), "100 of 100 patches, all analysed"),
        (Progress(100, 100, 0, 0, True), "100 of 100 patches, all analysed, paused"),
        (
            Progress(100, 100, 0, 0, False, StageProgress(1200, 3000, 1)),
            "100 of 100 patches, 1,199 of 3,000 half-way between others",
        ),
        (
            Progress(100, 100, 0, 0, False, StageProgress(3000, 3000)),
            "100 of 100 patches, 3,000 of 3,000 half-way between others, all analysed",
        ),
        (
            Progress(100, 100, 2, 0, False),
            "98 of 100 patches, done; 2 could not be read and stay not analysed",
        ),
        (
            Progress(
                30,
                100,
                0,
                5,
                False,
                regions=StageProgress(2, 40),
                tokens=StageProgress(9, 9),
                more_tokens=True,
            ),
            "30 of 100 patches, 2 of 40 regions, about 5 s left",
        ),
        (
            Progress(100, 100, 0, 0, False, regions=StageProgress(12, 40), tokens=StageProgress(3, 8, 1)),
            "100 of 100 patches, 12 of 40 regions, tokens of 2 of 8 patches; tokens of 1 could not be read",
        ),
        (Progress(100, 100, 0, 0, True, regions=StageProgress(0, 1)), "100 of 100 patches, paused"),
        (
            Progress(
                100,
                100,
                0,
                0,
                False,
                regions=StageProgress(40, 40),
                tokens=StageProgress(8, 8),
                more_tokens=True,
            ),
            "100 of 100 patches, all analysed, tokens only where you look closely",
        ),
        (
            Progress(100, 100, 0, 0, False, regions=StageProgress(1, 1), tokens=StageProgress(8, 8, 8)),
            "100 of 100 patches, done; tokens of 8 could not be read",
        ),
    ],
)
def test_progress_in_words(progress: Progress, words: str) -> None:
    assert progress_in_words(progress) == words


def test_the_bar_pauses_goes_on_and_stops(qtbot: QtBot) -> None:
    bar = AnalysisBar("End it for good")
    qtbot.add_widget(bar)
    assert bar._stop.toolTip() == "End it for good"
    told: list[object] = []
    bar.pause_toggled.connect(told.append)
    bar.stop_pressed.connect(lambda: told.append("stop"))
    assert bar.isHidden()
    bar.begin()
    bar.show_progress(Progress(10, 100, 0, 5, True))
    assert bar._pause.text() == "Go on"
    assert told == []
    bar._pause.click()
    bar._stop.click()
    assert told == [False, "stop"]
    bar.show_progress(Progress(100, 100, 0, 0, False, StageProgress(10, 20)))
    assert not bar._pause.isHidden()
    assert 0 < bar._bar.value() < bar._bar.maximum()
    bar.show_progress(Progress(100, 100, 0, 0, False, regions=StageProgress(999, 1000)))
    assert not bar._pause.isHidden()
    assert bar._bar.value() < bar._bar.maximum(), "full is only what is done"
    bar.show_progress(Progress(100, 100, 0, 0, False, StageProgress(20, 20, 3)))
    assert bar._pause.isHidden()
    bar.show_progress(Progress(100, 100, 0, 0, True))
    assert not bar._pause.isHidden(), "what is asked next would wait"
    bar.end("Stopped.")
    assert bar.words == "Stopped."
    bar.end("")
    assert bar.isHidden()


def test_the_bar_is_as_wide_as_the_page_and_its_buttons_share_a_row(qtbot: QtBot) -> None:
    bar = AnalysisBar("End it")
    qtbot.add_widget(bar)
    bar.resize(300, 120)
    bar.show_progress(Progress(10, 100, 0, 5, False))
    assert bar._bar.width() == 300
    assert bar._pause.y() == bar._stop.y() >= bar._bar.geometry().bottom()
    assert abs(bar._pause.width() - bar._stop.width()) <= 1
    assert bar._words.y() >= bar._pause.geometry().bottom()


# Legend


def test_the_legend_says_what_is_measured_and_that_it_is_no_diagnosis(qtbot: QtBot) -> None:
    slide = QWidget()
    qtbot.add_widget(slide)
    slide.resize(600, 400)
    slide.show()
    legend = Legend(slide)
    entry = LegendEntry(
        "Measured likeness to: fat",
        ((0, 0, 0), (255, 255, 255)),
        0.2,
        "measured concepts, 0.5 µm/px",
        dotted=ESTIMATED,
    )
    legend.show_entries([entry])
    assert legend.isVisible()
    assert legend.text == (
        "Measured likeness to: fat (measured concepts, 0.5 µm/px), from 0 unlike to 1 alike. "
        "Hatched: not analysed. "
        f"Dotted: estimated. {NOT_A_DIAGNOSIS}"
    )
    inside = slide.rect().contains(legend.geometry())
    assert inside
    assert not legend.grab().toImage().isNull()
    slide.resize(400, 300)
    assert slide.rect().contains(legend.geometry())
    one = legend.height()
    legend.show_entries([entry, replace(entry, title="Attention of HIPT", dotted=PARTLY_KNOWN)])
    assert "Dotted: estimated or known in part." in legend.text
    assert one < legend.height() < 2 * one  # what patterns mean is said once
    assert slide.rect().contains(legend.geometry())
    legend.show_entries([])
    assert not legend.isVisible()


def test_provenance_marks_an_estimated_pixel_size() -> None:
    provenance = Provenance("measured concepts", "fat", "ranks", (0.38, 0.38), True, "2026-01-01", "Foveola")
    assert provenance_in_words(provenance) == "measured concepts, 0.38 µm/px (estimated)"


# Encoders


def test_the_card_tells_licence_and_commercial_use(qtbot: QtBot) -> None:
    facts = dict(card_facts(CARD))
    assert facts["Licence"] == "research only"
    assert facts["Commercial use"] == "not allowed"
    assert facts["Looks at"] == "256 × 256 px at 0.5 µm/px"
    dialog = EncoderDialog(CARD, first_use=True)
    qtbot.add_widget(dialog)
    accepted: list[bool] = []
    dialog.accepted.connect(lambda: accepted.append(True))
    button = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert isinstance(button, QPushButton)
    assert button.text() == "Use it"
    button.click()
    assert accepted == [True]


def test_a_card_that_is_in_use_only_closes(qtbot: QtBot) -> None:
    dialog = EncoderDialog(CARD, first_use=False)
    qtbot.add_widget(dialog)
    assert dialog.buttons.button(QDialogButtonBox.StandardButton.Ok) is None
