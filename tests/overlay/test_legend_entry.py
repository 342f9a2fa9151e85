"""viewer.overlay.legend_entry: the ends of an imported map are the numbers of its own file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.relevance.fields import small_field
from viewer.overlay import strings
from viewer.overlay.colour_map import colour_maps
from viewer.overlay.layer import OverlayLook
from viewer.overlay.legend_entry import dots_in_words, field_entry

WHOLE = OverlayLook()


def ends(*values: float, look: OverlayLook = WHOLE) -> tuple[str, str, str]:
    field = small_field()
    field = replace(field, provenance=replace(field.provenance, source_values=values))
    entry = field_entry(field, look, "a.h5", imported=True)
    return entry.low, entry.high, entry.threshold_in_words


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ((0.0, 1.0), "0", "1"),
        ((-3.2, 14.7), "−3.2", "14.7"),
        ((0.0, 255.0), "0", "255"),
        ((100_234.0, 100_236.0), "100234", "100236"),
        ((-1.5e308, 1.5e308), "−1.5e+308", "1.5e+308"),
    ],
)
def test_the_ends_of_a_map_are_its_own_numbers(values: tuple[float, float], low: str, high: str) -> None:
    assert ends(*values)[:2] == (strings.LOW.format(value=low), strings.HIGH.format(value=high))


def test_a_narrowed_range_and_a_threshold_are_in_the_maps_own_numbers() -> None:
    narrowed = OverlayLook(low=0.25, high=0.75, threshold=0.5)
    assert ends(-10, 10, look=narrowed) == (
        strings.AT_MOST.format(value="−5"),
        strings.AT_LEAST.format(value="5"),
        "0",
    )
    assert ends(0, 1, 100, look=narrowed)[:2] == (
        strings.AT_MOST.format(value="0.5"),
        strings.AT_LEAST.format(value="50.5"),
    ), "between the numbers of ranks"


def test_the_ends_of_an_answer_are_likeness() -> None:
    entry = field_entry(small_field(), OverlayLook(), "fat")
    assert (entry.low, entry.high, entry.threshold_in_words) == (strings.UNLIKE, strings.ALIKE, "")


@pytest.mark.parametrize(
    ("state", "unfinished", "short"),
    [
        ("", "", ""),
        (strings.ALL_ANALYSED, "", ""),
        ("42 % analysed", "42 % analysed", "42 %"),
        ("3 patches not analysed", "3 patches not analysed", "3 patches not analysed"),
    ],
)
def test_a_layer_that_is_not_all_analysed_says_how_much_is(state: str, unfinished: str, short: str) -> None:
    entry = field_entry(small_field(), WHOLE, "fat", state=state)
    assert (entry.unfinished, entry.unfinished_in_short) == (unfinished, short)
    for dotted in ("", strings.ESTIMATED):
        note = replace(entry, dotted=dotted).note
        assert (unfinished in note, dotted in note, bool(note)) == (True, True, bool(unfinished or dotted))


def test_dots_are_explained_for_the_layers_that_have_them() -> None:
    plain = replace(field_entry(small_field(), WHOLE, "fat"), dotted="")
    dotted = replace(field_entry(small_field(), WHOLE, "mucin"), dotted=strings.ESTIMATED)
    assert dots_in_words([plain]) == ""
    assert dots_in_words([dotted, dotted]) == strings.ESTIMATED
    assert dots_in_words([plain, dotted]) == strings.OF_LAYERS.format(
        meaning=strings.ESTIMATED, titles="mucin"
    )


def test_a_legend_states_which_contours_are_drawn() -> None:
    assert field_entry(small_field(), WHOLE, "fat").lines_in_words == ""
    look = OverlayLook(contours=True, fill=False, threshold=0.4, low=0.5, colour_map="magma")
    entry = field_entry(small_field(), look, "fat")
    assert entry.lines_in_words == strings.LINES_AT.format(values="0.4, 0.5, 0.75")
    stops = [tuple(int(channel) for channel in colour_maps()["magma"][row]) for row in (0, 0, 128)]
    assert [rgb for rgb, _ in entry.lines] == stops
    assert not entry.has_fill
    field = small_field()
    field = replace(field, provenance=replace(field.provenance, source_values=(-10, 10)))
    own = field_entry(field, replace(look, threshold=0), "a.h5", imported=True)
    assert own.lines_in_words == strings.LINES_AT.format(values="−5, 0, 5")
