"""The work of parsing is bounded, whatever is typed: function calls are counted, not seconds."""

from __future__ import annotations

import sys
from itertools import product
from string import ascii_lowercase

import pytest

from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.parser import parse
from viewer.relevance.query.tree import MAX_TEXT

MOST_CALLS = 1_500_000
"""A text of the longest length takes a third of it, two thirds where its words all differ; some 200,000 are
for tables that are built the first time."""
ALL_DIFFERENT = " ".join(map("".join, product(ascii_lowercase, repeat=2)))


def calls_of_parsing(text: str) -> int:
    calls = 0

    def count(_frame: object, event: str, _about: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        parse(text, load_lexicon())
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "(",
            ")",
            "not ",
            "near ",
            '"',
            ",",
            "fat without ",
            "fat near ",
            "x ",
            "a",
            "fat (",
            "lymphocitex ",
        ),
        *("yakın ", "1 ", "fat, no ", "kan yok, ", "any of fat, ", "only ", ALL_DIFFERENT),
    ],
)
def test_the_longest_text_is_bounded(piece: str) -> None:
    assert calls_of_parsing((piece * MAX_TEXT)[:MAX_TEXT]) < MOST_CALLS


@pytest.mark.parametrize("inner", ["near fat or near", "or fat but not both or", "and blood but not both"])
def test_what_doubles_in_every_bracket_is_refused_soon(inner: str) -> None:
    text = f"{'(' * 30}fat {' '.join([f'near blood {inner} mucin)'] * 30)}"
    assert parse(text, load_lexicon()).query is None
    assert calls_of_parsing(text) < MOST_CALLS
