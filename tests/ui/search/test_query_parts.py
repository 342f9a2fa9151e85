"""Weights, examples, explanation: each shows plain data and tells what is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QListWidget, QPushButton, QSlider

from tests.messages import pattern
from tests.ui.children import child
from viewer.relevance.encoders.card import Reason
from viewer.relevance.patches.field import COMBINED, PROBABILITY, UNIT
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.query.tree import All, AnyOf, Like, Near, Term, Without, leaf_roles
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


def test_sliders_of_the_same_name_are_distinguished_by_their_terms(editor: WeightEditor) -> None:
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
    name = strings.WEIGHT_IN_TERM_NAME.format(concept="stroma", term="TILs")
    slider = child(editor, QSlider, name)
    editor.show_query(Term("TILs", (("lymphocytes", 1.0), ("stroma", 0.5))), edited=True)
    assert child(editor, QSlider, name) is slider
    assert slider.value() == 50
    assert not child(editor, QPushButton, strings.RESET_WEIGHTS).isHidden()


def test_examples_and_words_without_weights_have_no_sliders(editor: WeightEditor) -> None:
    editor.show_query(AnyOf((Like(((0, 0),)), Term("KRAS mutation"))), edited=False)
    assert editor.findChildren(QSlider) == []


def test_each_part_of_a_query_says_which_part_it_plays() -> None:
    fat, blood, like = Term("fat"), Term("blood"), Like(((0, 0),))
    query = Without(Near(fat, like, 50.0), AnyOf((blood, Without(None, fat))))
    assert leaf_roles(query) == [
        ("fat", fat),
        (f"within 50 µm of {strings.LIKE_EXAMPLES}", like),
        ("without blood", blood),
        ("without without fat", fat),
    ]
    assert leaf_roles(Without(None, Near(None, fat, 50.0))) == [("without within 50 µm of fat", fat)]


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
    rows = child(box, QListWidget, strings.EXAMPLES_NAME)
    rows.setCurrentRow(1)
    box.remove.click()
    qtbot.keyClick(rows, Qt.Key.Key_Delete)
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
        strings.WHY_TITLE.format(place="1, 2 µm", value=strings.VALUES[UNIT].format(score=0.93)),
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
        (Explanation("p", 0.5, True, ()), strings.ESTIMATED.format(value=strings.VALUES[UNIT]), ""),
        (Explanation("p", 0.5, False, (), unit=PROBABILITY), "probability 0.50", ""),
        (Explanation("p", 0.5, False, (), unit=COMBINED), "score 0.50", ""),
        (
            Explanation("p", 0.5, False, (LeafExplanation("fat"),)),
            strings.VALUES[UNIT],
            strings.REASONS_PENDING.format(term="fat"),
        ),
        (
            Explanation("p", 0.5, False, (LeafExplanation("fat", ()),)),
            strings.VALUES[UNIT],
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
