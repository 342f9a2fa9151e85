"""What is typed becomes the query that was meant; what is not understood is said; nothing is raised."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.messages import pattern
from viewer.relevance.query import strings
from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.parser import parse
from viewer.relevance.query.tree import (
    MAX_DEPTH,
    MAX_NEAR_UM,
    MAX_TEXT,
    All,
    AnyOf,
    Near,
    Query,
    Term,
    Without,
    leaves,
    text_of,
)

if TYPE_CHECKING:
    from viewer.relevance.query.parsed import Parsed

PIECES = [
    *("fat", "blood", "necrosis", "tumour", "KRAS mutation", "flurb", '"smooth muscle"', "and", "OR", "not"),
    *(
        "AND",
        "without",
        "no",
        "but",
        "but not",
        "near",
        "within 200 um of",
        "within",
        "in",
        "(",
        ")",
        ",",
        '"',
    ),
    *('"smooth muscle fat"', '"lymphocites"', '"flurb tissue"', '".fat"', '"%"', '"fat + blood"', '"tissue"'),
    *("haematoxylin", '"eosin"', "within 1.001 mm of", "within 0.0125 µm", "near to", '"well"', "fat blood"),
    *(
        "Fettgewebe",
        "ohne",
        "und",
        "wo ist",
        "kan",
        "olmadan",
        "yakın",
        "kansız",
        "veya",
        "l'infiltrat",
        "sans",
    ),
    *("à moins de 200 micras de", "Regenbogen", '"yağ dokusu"', "y", "sin", "hyperplasie", "in der Nähe von"),
    *(
        "near it",
        "near both",
        "near either",
        "nearby",
        "but not both",
        "not both",
        "200 um away from",
        "-fat",
    ),
    *("or near", "/", "!", "daneben", "¬", "0,5 mm from", "of", "200 µm entfernt von", "umgeben", "yanında"),
    *("show me", "either", "&", "µ", "'", "😀", "\x00", "DROP TABLE", "[like 3 marked]", "-", "5", "nor"),
]


def parsed(text: str) -> Parsed:
    return parse(text, load_lexicon())


def term(text: str) -> Term:
    entry = load_lexicon().find(text)
    assert entry is not None
    return Term(text, entry.weights)


FAT, BLOOD, MUCIN, NECROSIS = term("fat"), term("blood"), term("mucin"), term("necrosis")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("fat", FAT),
        ("  show me the fat?", FAT),
        ("where is fat", FAT),
        ("find all areas of necrosis", NECROSIS),
        ("necrosis without blood", Without(NECROSIS, BLOOD)),
        ("fat but not blood", Without(FAT, BLOOD)),
        ("fat and mucin but no blood", Without(All((FAT, MUCIN)), BLOOD)),
        ("fat AND NOT blood AND mucin", Without(All((FAT, MUCIN)), BLOOD)),
        ("fat without blood and mucin", Without(FAT, AnyOf((BLOOD, MUCIN)))),
        ("fat WITHOUT blood AND mucin", Without(All((FAT, MUCIN)), BLOOD)),
        ("fat without blood without mucin", Without(FAT, AnyOf((BLOOD, MUCIN)))),
        ("fat, no blood", Without(FAT, BLOOD)),
        ("no blood in fat", Without(FAT, BLOOD)),
        ("necrosis without blood inside fat", Without(All((NECROSIS, FAT)), BLOOD)),
        ("fat, blood", AnyOf((FAT, BLOOD))),
        ("fat, blood and mucin", All((FAT, BLOOD, MUCIN))),
        ("fat, blood or mucin", AnyOf((FAT, BLOOD, MUCIN))),
        ("either fat or blood", AnyOf((FAT, BLOOD))),
        ("fat or blood and mucin", AnyOf((FAT, All((BLOOD, MUCIN))))),
        ("(fat or blood) and mucin", All((AnyOf((FAT, BLOOD)), MUCIN))),
        ("fat and fat", FAT),
        ("not not fat", FAT),
        ("fat without without blood", Without(FAT, BLOOD)),
        ("without without blood", Without(None, BLOOD)),
        ("fat only", FAT),
        ("without blood", Without(None, BLOOD)),
        ("everything except blood", Without(None, BLOOD)),
        ("no blood near fat", Without(None, Near(BLOOD, FAT))),
        ("necrosis near fat", Near(NECROSIS, FAT)),
        ("necrosis next to fat", Near(NECROSIS, FAT)),
        ("necrosis CLOSE TO fat without blood", Without(Near(NECROSIS, FAT), BLOOD)),
        ("necrosis within 200 um of fat", Near(NECROSIS, FAT, 200.0)),
        ("necrosis within 0.5mm of fat", Near(NECROSIS, FAT, 500.0)),
        ("necrosis within 200 microns of fat", Near(NECROSIS, FAT, 200.0)),
        ("necrosis blood", All((NECROSIS, BLOOD))),
        ('"smooth muscle"', term("smooth muscle")),
        ("no special type", term("no special type")),
        ("neither blood nor fat", Without(None, AnyOf((BLOOD, FAT)))),
        ("necrosis, neither with blood nor with fat", Without(NECROSIS, AnyOf((BLOOD, FAT)))),
        ("neither in fat nor in blood", Without(None, AnyOf((FAT, BLOOD)))),
        ("not only fat but also blood", All((FAT, BLOOD))),
        ("not just fat but blood", All((FAT, BLOOD))),
        ("blood no longer visible", Without(None, BLOOD)),
        ("fat is not there", Without(None, FAT)),
        ("fat isn't in there", Without(None, FAT)),
        ("blood and fat aren't there", Without(None, AnyOf((BLOOD, FAT)))),
        ("necrosis near fat is not visible", Without(None, Near(NECROSIS, FAT))),
        ("fat without blood is not visible", Without(FAT, AnyOf((BLOOD, Term("visible"))))),
        ("(fat or blood) near mucin is not seen", Without(Near(AnyOf((FAT, BLOOD)), MUCIN), Term("seen"))),
        ("mucin, blood and fat are not present", Without(None, AnyOf((MUCIN, BLOOD, FAT)))),
        ("(fat or blood) or mucin not seen", AnyOf((FAT, BLOOD, Without(None, MUCIN)))),
        ("areas that don’t contain fat", Without(None, FAT)),
        ("necrosis rather than fat", Without(NECROSIS, FAT)),
        ("fat-free tissue", Without(None, FAT)),
        ("tissue with fat", FAT),
        ("tissue", Term("tissue")),
        ("fat-free necrosis", Without(NECROSIS, FAT)),
        ("non-necrotic fat", Without(FAT, term("necrotic"))),
        ("amount of fat", FAT),
        ("near fat", Near(None, FAT)),
        ("fat and near blood", All((FAT, Near(None, BLOOD)))),
        ("not near fat", Without(None, Near(None, FAT))),
        ("tissue far from fat", Without(None, Near(None, FAT))),
        ("more than 200 um from fat", Without(None, Near(None, FAT, 200.0))),
        ("not near fat or blood", Without(None, AnyOf((Near(None, FAT), Near(None, BLOOD))))),
        ("not far from fat", Near(None, FAT)),
        ("necrosis or not near fat", AnyOf((NECROSIS, Without(None, Near(None, FAT))))),
        ("necrosis not near fat", Without(NECROSIS, Near(NECROSIS, FAT))),
        ("necrosis away from fat", Without(NECROSIS, Near(NECROSIS, FAT))),
        (
            "necrosis not near fat or blood",
            Without(NECROSIS, AnyOf((Near(NECROSIS, FAT), Near(NECROSIS, BLOOD)))),
        ),
        (
            "mucin and necrosis but not near fat",
            Without(All((MUCIN, NECROSIS)), Near(All((MUCIN, NECROSIS)), FAT)),
        ),
        ("instead of fat, blood", Without(BLOOD, FAT)),
        ("instead of fat and mucin, blood", Without(BLOOD, AnyOf((FAT, MUCIN)))),
        ("rather than fat, blood or mucin", Without(AnyOf((BLOOD, MUCIN)), FAT)),
        ("(instead of fat, blood) or mucin", AnyOf((Without(BLOOD, FAT), MUCIN))),
        ("in place of (fat, necrosis), blood", Without(BLOOD, AnyOf((FAT, NECROSIS)))),
        ("instead of fat", Without(None, FAT)),
        ("instead of fat and blood", Without(None, AnyOf((FAT, BLOOD)))),
        ("blood instead of fat", Without(BLOOD, FAT)),
        ("no fat blood", Without(None, All((FAT, BLOOD)))),
        ("fat neither near blood nor mucin", Without(FAT, AnyOf((Near(FAT, BLOOD), Near(FAT, MUCIN))))),
        ("fat neither near blood, nor mucin", Without(FAT, AnyOf((Near(FAT, BLOOD), Near(FAT, MUCIN))))),
        ("fat neither near blood nor with mucin", Without(FAT, AnyOf((Near(FAT, BLOOD), MUCIN)))),
        (
            "fat neither near blood nor within 200 um of mucin",
            Without(FAT, AnyOf((Near(FAT, BLOOD), Near(FAT, MUCIN, 200.0)))),
        ),
        ("fat not near blood or near mucin", Without(FAT, AnyOf((Near(FAT, BLOOD), Near(FAT, MUCIN))))),
        ("fat not near blood and near mucin", Without(All((FAT, Near(None, MUCIN))), Near(FAT, BLOOD))),
        (
            "fat surrounded by neither blood nor mucin",
            Without(FAT, AnyOf((Near(FAT, BLOOD), Near(FAT, MUCIN)))),
        ),
        ("fat neither in nor near blood", Without(FAT, Near(FAT, BLOOD))),
        ("fat neither near nor in blood", Without(FAT, Near(FAT, BLOOD))),
        ("fat not in or near blood", Without(FAT, Near(FAT, BLOOD))),
        ("fat in or near blood", Near(FAT, BLOOD)),
        ("fat near or in blood", Near(FAT, BLOOD)),
        ("blood no more than 100 um from fat", Near(BLOOD, FAT)),
        ("blood not further than 0.2 mm from fat", Near(BLOOD, FAT, 200.0)),
        ("blood no less than 200 um away from fat", Without(BLOOD, Near(BLOOD, FAT, 200.0))),
        ("blood no closer than 200 um to fat", Without(BLOOD, Near(BLOOD, FAT, 200.0))),
        ("fat is present and blood is not present", Without(FAT, BLOOD)),
        ("fat is there, blood is not there", Without(FAT, BLOOD)),
        ("blood is not there, fat is", Without(FAT, BLOOD)),
        ('"fat" is there but blood is not', Without(FAT, BLOOD)),
        ("fat is there, but blood isn’t", Without(FAT, BLOOD)),
        ("fat where there is no blood", Without(FAT, BLOOD)),
        ("necrosis without blood, not near fat", Without(NECROSIS, AnyOf((BLOOD, Near(NECROSIS, FAT))))),
        ("necrosis more than 0.2 mm away from fat", Without(NECROSIS, Near(NECROSIS, FAT, 200.0))),
        ("necrosis less than 200 um from fat", Near(NECROSIS, FAT, 200.0)),
        ("necrosis without blood, with fat", Without(All((NECROSIS, FAT)), BLOOD)),
        ("no fat, blood and mucin", Without(None, AnyOf((FAT, BLOOD, MUCIN)))),
        ("where's the fat", FAT),
        ("I would like to see fat", FAT),
        ("anything except fat", Without(None, FAT)),
        ("nothing but fat", FAT),
        ("fat w/ blood w/out mucin", Without(All((FAT, BLOOD)), MUCIN)),
        ("areas rich in fat", FAT),
        ("no evidence of fat", Without(None, FAT)),
        ("fat negative for blood", Without(FAT, BLOOD)),
        ("no fat seen", Without(None, FAT)),
        ("is fat visible?", FAT),
        ("mucin, exclude fat", Without(MUCIN, FAT)),
        ("necrosis in close proximity to fat", Near(NECROSIS, FAT)),
        ("necrosis at the edge of fat", Near(NECROSIS, FAT)),
        ("necrosis only near fat", Near(NECROSIS, FAT)),
        ("only near fat", Near(None, FAT)),
        ("necrosis right next to fat", Near(NECROSIS, FAT)),
        ("not too far from fat", Near(None, FAT)),
        ("fat beyond 500 microns from blood", Without(FAT, Near(FAT, BLOOD, 500.0))),
    ],
)
def test_reads_operators_and_everyday_phrases(text: str, query: Query) -> None:
    assert parsed(text).query == query


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("", strings.NO_TERMS),
        (" \t\n", strings.NO_TERMS),
        ("and", strings.NO_TERMS),
        ("()", strings.NO_TERMS),
        ("😀😀", strings.NO_TERMS),
        ("fat" * 4_000_000, strings.TOO_LONG),
        ("instead of fat blood", strings.UNCLEAR_END),
        ("without fat, blood", strings.UNCLEAR_END),
        ("not within 200 um of blood fat", strings.UNCLEAR_END),
        ("not near blood, fat", strings.UNCLEAR_END),
        ("within 200 um of blood fat", strings.UNCLEAR_END),
        ("within 200 um of blood, fat", strings.UNCLEAR_END),
        ("neither near blood nor near necrosis fat", strings.UNCLEAR_END),
        ("neither blood nor necrosis, fat", strings.UNCLEAR_END),
        ("excluding fat and blood, show mucin", strings.UNCLEAR_END),
        ("fat or " * 100 + "fat", strings.TOO_MANY_TERMS),
        ("(" * 8 + "blood" + " not near fat)" * 8, strings.TOO_MANY_TERMS),
        ("fat without fat", strings.CONTRADICTION),
        ("fat and blood without adipose tissue", strings.CONTRADICTION),
        ("fat and not fat", strings.CONTRADICTION),
        ("blood or (fat without fat)", strings.CONTRADICTION),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(text: str, template: str) -> None:
    answer = parsed(text)
    assert answer.query is None
    assert re.fullmatch(pattern(template), answer.problems[-1].sentence)


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("(fat", strings.OPEN_BRACKET),
        ("fat)", strings.STRAY_BRACKET),
        ("fat and", strings.NOTHING_FOLLOWS.replace("{operator}", "and")),
        ("fat near", strings.NOTHING_FOLLOWS.replace("{operator}", "near")),
        ("near near fat", strings.NOTHING_FOLLOWS.replace("{operator}", "near")),
        ("fat without", strings.NOTHING_FOLLOWS.replace("{operator}", "without")),
        ("() fat", strings.EMPTY_BRACKETS),
        ("(" * 1500 + "fat", strings.DEEP_BRACKETS),
        ("fat \x07\u202e", strings.UNKNOWN_SIGNS),
        ('"fat', strings.OPEN_QUOTE),
        ("fat in necrosis within 0 um of fat", strings.DISTANCE_RANGE),
    ],
)
def test_what_is_left_out_is_said_and_the_rest_is_asked(text: str, template: str) -> None:
    answer = parsed(text)
    assert answer.query is not None
    assert FAT in leaves(answer.query)
    assert any(re.fullmatch(pattern(template), problem.sentence) for problem in answer.problems)


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("blood and fat aren’t there", strings.NOT_ANY_BEFORE.format(operator="aren’t")),
        ("mucin without blood and fat", strings.NOT_ANY_OF.format(operator="without")),
        ("fat is not there", ""),
    ],
)
def test_what_a_negation_is_read_as_about_is_said(text: str, template: str) -> None:
    notes = [problem.sentence for problem in parsed(text).problems]
    assert notes == ([template] if template else [])


@pytest.mark.parametrize("text", ["KRAS mutation", "HER2", "Gleason 4", "stage", "it HER2 positive"])
def test_what_cannot_be_measured_is_said_with_what_can(text: str) -> None:
    answer = parsed(text)
    assert answer.query == Term(text)
    assert answer.understood[0].how == "unmeasurable"
    problem = answer.problems[0]
    assert not problem.note
    assert re.fullmatch(pattern(strings.NOT_MEASURABLE, text=text), problem.sentence)
    assert all(parsed(name).query is not None for name in problem.nearest)


def test_an_unknown_word_keeps_its_term_and_gets_the_known_words_beside_it() -> None:
    answer = parsed("weird lymphocytes of Mars")
    assert answer.query == Term("weird lymphocytes of Mars")
    assert answer.understood[0].how == "unknown"
    assert answer.problems[0].nearest[0] == "lymphocytes"


def test_a_slip_of_the_finger_is_read_and_said() -> None:
    answer = parsed("lymphocites")
    assert answer.query == term("lymphocytes")
    assert [(problem.sentence, problem.note) for problem in answer.problems] == [
        (strings.READ_AS.format(text="lymphocites", term="lymphocytes"), True)
    ]
    assert isinstance(parsed('"lymphocites"').query, Term)
    assert parsed('"lymphocites"').understood[0].how == "unknown"


def test_every_leaf_states_how_it_was_understood_and_its_limits() -> None:
    answer = parsed("tumour without fat")
    assert [one.how for one in answer.understood] == ["approximate", "exact"]
    assert "inflamed" in answer.understood[0].limits
    assert any("inflamed" in problem.sentence and problem.note for problem in answer.problems)


def test_a_phrase_of_like_meaning_is_offered_for_unknown_words_only_and_not_searched_for() -> None:
    asked = []

    def find_phrase(text: str) -> str | None:
        asked.append(text)
        return "fat" if text == "greasy stuff" else None

    answer = parse("greasy stuff without blood or flurb", load_lexicon(), find_phrase)
    assert asked == ["greasy stuff", "flurb"]
    assert answer.query == Without(Term("greasy stuff"), AnyOf((BLOOD, Term("flurb"))))
    assert answer.unknown == ("greasy stuff", "flurb")
    assert not answer.problems[0].note
    assert answer.problems[0].sentence == strings.UNKNOWN_TERM.format(text="greasy stuff")
    assert answer.problems[0].nearest[0] == "fat"


def test_a_phrase_of_like_meaning_that_cannot_be_measured_offers_what_can_be_asked_instead() -> None:
    answer = parse("flurb", load_lexicon(), lambda _text: "plasma cell")
    assert answer.understood[0].how == "unknown"
    assert answer.problems[0].nearest[0] == "lymphocytes"


@pytest.mark.parametrize(
    ("text", "offered"),
    [("melanosis", "melanoma"), ("hepatoma", "haematoma"), ("myoma", "myxoma"), ("arthritis", "nephritis")],
)
def test_another_word_is_never_searched_for_in_place_of_an_unknown_one(text: str, offered: str) -> None:
    answer = parsed(text)
    assert answer.query == Term(text)
    assert offered in answer.problems[0].nearest


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_any_mixture_is_answered_and_its_canonical_text_means_the_same(pieces: list[str]) -> None:
    answer = parsed(" ".join(pieces))
    assert answer.query is not None or answer.problems
    if answer.query is not None:
        assert len(answer.understood) == len(leaves(answer.query))
        assert parsed(text_of(answer.query)).query == answer.query


@given(st.text(max_size=300))
def test_any_text_is_answered_and_its_canonical_text_means_the_same(text: str) -> None:
    answer = parsed(text)
    assert answer.query is not None or answer.problems
    if answer.query is not None and len(text_of(answer.query)) <= MAX_TEXT:
        assert parsed(text_of(answer.query)).query == answer.query


NAMES = [name for entry in load_lexicon().entries for name in entry.names]
QUOTED = st.lists(st.sampled_from([*NAMES, *(piece.strip('"') for piece in PIECES)]), min_size=1, max_size=3)


@given(QUOTED, QUOTED, st.sampled_from(["AND", "OR", "NEAR", "WITHOUT"]))
def test_quoted_phrases_of_any_words_stay_whole(first: list[str], second: list[str], operator: str) -> None:
    query = parsed(f'"{" ".join(first)}" {operator} "{" ".join(second)}"').query
    if query is not None:
        assert parsed(text_of(query)).query == query


def test_every_name_comes_back_from_its_text() -> None:
    for name in NAMES:
        assert parsed(text_of(term(name))).query == term(name)


@given(st.floats(0.001, MAX_NEAR_UM))
def test_distances_keep_all_their_digits(distance_um: float) -> None:
    query = Near(FAT, BLOOD, distance_um)
    assert parsed(text_of(query)).query == query


def test_a_query_as_deep_as_can_be_is_written_in_brackets_that_can_be_read() -> None:
    query: Query = FAT
    for _ in range(MAX_DEPTH):
        query = Near(query, BLOOD)
    assert parsed(text_of(query)).query == query


def test_millimetres_are_not_rounded() -> None:
    assert parsed("fat within 1.001 mm of blood").query == Near(FAT, BLOOD, 1001.0)
    assert text_of(Near(FAT, BLOOD, 1234.5678)) == "fat WITHIN 1234.5678 µm OF blood"
