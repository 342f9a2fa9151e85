"""Everyday constructions: pairs, pronouns, trailing negations, distances, signs; the unclear is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.messages import pattern
from viewer.relevance.query import strings
from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.parser import parse
from viewer.relevance.query.signs import with_signs_read
from viewer.relevance.query.tree import text_of

if TYPE_CHECKING:
    from viewer.relevance.query.parsed import Parsed

NOT_NEAR = "lymphocytes WITHOUT (lymphocytes WITHIN 200 µm OF fat)"


def parsed(text: str) -> Parsed:
    return parse(text, load_lexicon())


@pytest.mark.parametrize(
    ("text", "query"),
    [
        # A negation behind the last thing.
        ("fat, blood not", "fat WITHOUT blood"),
        ("fat yes, blood no", "fat WITHOUT blood"),
        ("fat, mucin, blood not", "(fat OR mucin) WITHOUT blood"),
        ("Fett ja, Blut nein", "fat WITHOUT blood"),
        ("graisse, sang non", "fat WITHOUT blood"),
        ("grasa sí, sangre no", "fat WITHOUT blood"),
        ("fat not, blood yes", "blood WITHOUT fat"),
        ("Fett nicht, Blut schon", "blood WITHOUT fat"),
        ("yağ evet, kan hayır", "fat WITHOUT blood"),
        # One of two.
        ("either fat or blood but not both", "(fat OR blood) WITHOUT (fat AND blood)"),
        ("fat or blood, not both of them", "(fat OR blood) WITHOUT (fat AND blood)"),
        ("entweder Fett oder Blut, aber nicht beides", "(fat OR blood) WITHOUT (fat AND blood)"),
        ("soit graisse soit sang mais pas les deux", "(fat OR blood) WITHOUT (fat AND blood)"),
        ("o grasa o sangre pero no ambos", "(fat OR blood) WITHOUT (fat AND blood)"),
        ("ya yağ ya kan ama ikisi birden değil", "(fat OR blood) WITHOUT (fat AND blood)"),
        ("not both fat and blood", "NOT (fat AND blood)"),
        ("nicht sowohl Fett als auch Blut", "NOT (fat AND blood)"),
        ("pas à la fois graisse et sang", "NOT (fat AND blood)"),
        ("no ambos grasa y sangre", "NOT (fat AND blood)"),
        # Near two things.
        ("fat near both blood and mucin", "(fat NEAR blood) NEAR mucin"),
        ("fat near either blood or mucin", "fat NEAR (blood OR mucin)"),
        ("fat not near either blood or mucin", "fat WITHOUT (fat NEAR (blood OR mucin))"),
        ("fat near blood or near mucin", "(fat NEAR blood) OR (fat NEAR mucin)"),
        ("fat next to blood or to mucin", "(fat NEAR blood) OR (fat NEAR mucin)"),
        ("fat near to blood but not to mucin", "(fat NEAR blood) WITHOUT ((fat NEAR blood) NEAR mucin)"),
        ("necrosis and either fat or blood", "necrosis AND (fat OR blood)"),
        # A pronoun for the one term that it can stand for.
        ("fat with blood near it", "fat NEAR blood"),
        ("fat that has blood next to it", "fat NEAR blood"),
        ("fat with no blood near it", "fat WITHOUT (fat NEAR blood)"),
        ("fat with blood not near it", "fat WITHOUT (fat NEAR blood)"),
        ("fat with blood within 200 um of it", "fat WITHIN 200 µm OF blood"),
        ("fat and blood near it", "fat AND (blood NEAR fat)"),
        ("fat with blood nearby", "fat NEAR blood"),
        ("fat with blood in it", "fat AND blood"),
        ("Fett mit Blut daneben", "fat NEAR blood"),
        ("Fett mit Blut in der Nähe", "fat NEAR blood"),
        ("graisse avec du sang autour", "fat NEAR blood"),
        ("grasa con sangre al lado", "fat NEAR blood"),
        ("yanında kan olan yağ", "fat NEAR blood"),
        ("yanında kan olmayan yağ", "fat WITHOUT (fat NEAR blood)"),
        ("fat far from blood and from mucin", "fat WITHOUT ((fat NEAR blood) OR (fat NEAR mucin))"),
        ("fat far from blood but not from mucin", "(fat AND (fat NEAR mucin)) WITHOUT (fat NEAR blood)"),
        ("fat far from both blood and mucin", "fat WITHOUT ((fat NEAR blood) OR (fat NEAR mucin))"),
        # Near, and left out, at once.
        ("fat next to, but not in, blood", "(fat NEAR blood) WITHOUT blood"),
        ("fat near but not in blood", "(fat NEAR blood) WITHOUT blood"),
        # An exclusion from all before it.
        ("fat or mucin but not blood", "(fat OR mucin) WITHOUT blood"),
        ("fat, mucin but without blood", "(fat OR mucin) WITHOUT blood"),
        ("fat, mucin, no blood", "(fat OR mucin) WITHOUT blood"),
        ("muscle and (fat or mucin, no blood)", "(muscle AND (fat OR mucin)) WITHOUT blood"),
        ("fat or mucin without blood", "fat OR (mucin WITHOUT blood)"),
        ("Fett oder Schleim, aber kein Blut", "(fat OR mucus) WITHOUT blood"),
        ("yağ veya mukus ama kan yok", "(fat OR mucus) WITHOUT blood"),
        ("yağ veya mukus, kan yok", "(fat OR mucus) WITHOUT blood"),
        # Any of several.
        ("any of fat, blood and mucin", "fat OR blood OR mucin"),
        ("mucin near either of fat and blood", "mucin NEAR (fat OR blood)"),
        ("neither fat, blood, nor mucin", "NOT (fat OR blood OR mucin)"),
        # Between two things is near both.
        ("fat between blood and mucin", "(fat NEAR blood) NEAR mucin"),
        ("border between fat and blood", "(NEAR fat) NEAR blood"),
        ("Fett zwischen Blut und Schleim", "(fat NEAR blood) NEAR mucus"),
        ("graisse entre le sang et la mucine", "(fat NEAR blood) NEAR mucin"),
        ("grasa entre la sangre y la mucina", "(fat NEAR blood) NEAR mucin"),
        ("kan ile mukus arasındaki yağ", "(fat NEAR blood) NEAR mucus"),
        ("yağ, kan ile mukus arasında", "(fat NEAR blood) NEAR mucus"),
        # What is missing, behind or before.
        ("fat is missing", "NOT fat"),
        ("missing fat", "NOT fat"),
        ("fat absent, blood present", "blood WITHOUT fat"),
        ("fat and blood are missing", "NOT (fat OR blood)"),
        ("mucin lacking fat", "mucin WITHOUT fat"),
        ("Fett fehlt", "NOT fat"),
        ("es fehlt Fett", "NOT fat"),
        ("Blut fehlt, Fett ist da", "fat WITHOUT blood"),
        ("la graisse manque", "NOT fat"),
        ("falta grasa", "NOT fat"),
        ("yağ eksik", "NOT fat"),
        # What touches and surrounds.
        ("fat touching blood", "fat NEAR blood"),
        ("fat in contact with blood", "fat NEAR blood"),
        ("Fett von Blut umgeben", "fat NEAR blood"),
        ("Fett nicht von Blut umgeben", "fat WITHOUT (fat NEAR blood)"),
        ("graisse entourée de sang", "fat NEAR blood"),
        ("grasa no rodeada de sangre", "fat WITHOUT (fat NEAR blood)"),
        ("kanla çevrili olmayan yağ", "fat WITHOUT (fat NEAR blood)"),
        # Distances.
        ("lymphocytes 200 um away from fat", NOT_NEAR),
        ("lymphocytes located 200 micrometers away from fat", NOT_NEAR),
        ("lymphocytes 0.2 mm away from fat", NOT_NEAR),
        ("lymphocytes 0.02 cm away from fat", NOT_NEAR),
        ("lymphocytes > 200 µm from fat", NOT_NEAR),
        ("lymphocytes at a distance of at least 200 microns from fat", NOT_NEAR),
        ("Lymphozyten 200 µm vom Fett entfernt", NOT_NEAR),
        ("Lymphozyten 200 µm entfernt von Fett", NOT_NEAR),
        ("Lymphozyten weiter als 200 µm weg vom Fett", NOT_NEAR),
        ("lymphocytes à 200 µm au plus de la graisse", "lymphocytes WITHIN 200 µm OF fat"),
        ("linfocitos a 200 µm como máximo de la grasa", "lymphocytes WITHIN 200 µm OF fat"),
        ("lymphocytes éloignés de 200 µm de la graisse", NOT_NEAR),
        ("linfocitos alejados 200 µm de la grasa", NOT_NEAR),
        ("yağdan 200 µm uzakta lenfosit", NOT_NEAR),
        ("lymphocytes 200 µm or more from fat", NOT_NEAR),
        ("Lymphozyten 200 µm oder mehr von Fett", NOT_NEAR),
        ("lymphocytes à 200 µm ou plus de la graisse", NOT_NEAR),
        ("linfocitos a 200 µm o más de la grasa", NOT_NEAR),
        ("yağdan 200 µm veya daha uzak lenfosit", NOT_NEAR),
        ("lymphocytes within a 200 um radius of fat", "lymphocytes WITHIN 200 µm OF fat"),
        ("lymphocytes 200um from fat", "lymphocytes WITHIN 200 µm OF fat"),
        ("lymphocytes at a distance of 200 um from fat", "lymphocytes WITHIN 200 µm OF fat"),
        ("lymphocytes within 0,2 mm of fat", "lymphocytes WITHIN 200 µm OF fat"),
        ("lymphocytes within 1,500 µm of fat", "lymphocytes WITHIN 1500 µm OF fat"),
        ("Lymphozyten innerhalb von 1.000 µm von Fett", "lymphocytes WITHIN 1000 µm OF fat"),
        ("lymphocytes within 2 millimetres from fat", "lymphocytes WITHIN 2000 µm OF fat"),
        # Signs.
        ("fat -blood", "fat WITHOUT blood"),
        ("fat +blood -mucin", "(fat AND blood) WITHOUT mucin"),
        ("fat & !blood", "fat WITHOUT blood"),
        ("!fat", "NOT fat"),
        ('fat -"smooth muscle"', 'fat WITHOUT "smooth muscle"'),
        ("fat -(blood or mucin)", "fat WITHOUT (blood OR mucin)"),
        ("fat / blood", "fat OR blood"),
        ("fat != blood", "fat WITHOUT blood"),
        ("tumour - necrosis", "tumour AND necrosis"),
        ("tumour — necrosis", "tumour AND necrosis"),
        ("tumour = necrosis", "tumour AND necrosis"),
        ("Fett > 2 mm von Blut", "fat WITHOUT (fat WITHIN 2000 µm OF blood)"),
        ("Fett -Blut", "fat WITHOUT blood"),
    ],
)
def test_is_read_as_it_is_meant(text: str, query: str) -> None:
    read = parsed(text)
    assert read.query is not None
    assert text_of(read.query) == query.replace('"smooth muscle"', "smooth muscle")
    assert parsed(text_of(read.query)).query == read.query


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("fat near it", strings.UNCLEAR_PRONOUN),
        ("near it", strings.UNCLEAR_PRONOUN),
        ("fat with blood and mucin near it", strings.UNCLEAR_PRONOUN),
        ("(fat or blood) with mucin near them", strings.UNCLEAR_PRONOUN),
        ("fat without blood not near it", strings.UNCLEAR_PRONOUN),
        ("fat and blood not", strings.UNCLEAR_NOT),
        ("fat or blood or mucin but not both", strings.UNCLEAR_BOTH),
        ("fat and blood but not both", strings.UNCLEAR_BOTH),
        ("but not both", strings.NO_TERMS),
        ("fat near both blood", strings.UNCLEAR_BOTH),
        ("necrosis and either fat", strings.UNCLEAR_BOTH),
        ("fat not near both blood and mucin", strings.UNCLEAR_BOTH),
        ("fat not between blood and mucin", strings.UNCLEAR_BETWEEN),
        ("fat between blood, mucin and necrosis", strings.UNCLEAR_BETWEEN),
        ("fat between 100 and 200 um of blood", strings.UNCLEAR_BETWEEN),
        ("between fat", strings.UNCLEAR_BETWEEN),
        ("yağ ve kan değil", strings.UNCLEAR_NOT),
        ("no fat without blood", strings.UNCLEAR_END),
        ("fat with or without blood", strings.SAYS_NOTHING),
        ("fat inside or outside blood", strings.SAYS_NOTHING),
        ("Fett mit oder ohne Blut", strings.SAYS_NOTHING),
        ("kein Fett ohne Blut", strings.UNCLEAR_END),
        ("pas de graisse sans sang", strings.UNCLEAR_END),
    ],
)
def test_is_refused_where_it_can_be_meant_in_several_ways(text: str, template: str) -> None:
    read = parsed(text)
    assert read.query is None
    assert re.fullmatch(pattern(template), read.problems[-1].sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "lymphocytes 200 um away from fat",
            strings.READ_AS.format(text="200 um away from", term="more than 200 µm from"),
        ),
        ("lymphocytes 200 um from fat", strings.READ_AS.format(text="200 um from", term="within 200 µm of")),
        ("fat near blood or mucin", strings.NEAR_ONE.format(operator="near", term="blood")),
        ("Fett neben Blut oder Schleim", strings.NEAR_ONE.format(operator="near", term="blood")),
        ("fat and blood near mucin", strings.OF_ONE.format(operator="near", term="blood")),
        ("fat - blood", strings.UNKNOWN_SIGNS),
        ("fat or mucin without blood", strings.OF_ONE.format(operator="without", term="mucin")),
        ("fat between blood and mucin", strings.BETWEEN_AS_NEAR.format(operator="between")),
    ],
)
def test_what_could_be_meant_otherwise_is_said(text: str, sentence: str) -> None:
    problems = parsed(text).problems
    assert sentence in [problem.sentence for problem in problems]
    assert all(problem.note for problem in problems)


def test_a_lone_distance_in_another_language_is_said() -> None:
    (note,) = parsed("Lymphozyten 200 µm vom Fett entfernt").problems
    assert "“200 µm” is “more than 200 um of”" in note.sentence


def test_what_is_quoted_keeps_its_signs() -> None:
    assert [one.text for one in parsed('"fat -blood" or "-fat"').understood] == ["fat -blood", "-fat"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("within a micron of fat", "within 1 micron of fat"),
        ("a micrometre", "1 micrometre"),
        ("half a millimetre", "0.5 millimetre"),
        ("ein Mikrometer", "1 Mikrometer"),
        ("einen halben Millimeter", "0.5 Millimeter"),
        ("un micromètre", "1 micromètre"),
        ("un micrómetro", "1 micrómetro"),
        ("bir mikrondan uzak", "1 mikrondan uzak"),
        ("yarım milimetreden uzak", "0.5 milimetreden uzak"),
        *((text, text) for text in ("find a micrometastasis", "a microvessel", "one micronucleus")),
        *((text, text) for text in ("a milia", "half a microgland", "ein Mikroabszess", "un microabcès")),
        ("bir mikroapse", "bir mikroapse"),
    ],
)
def test_one_is_a_number_before_a_unit_alone(text: str, read: str) -> None:
    assert with_signs_read(text) == read


@pytest.mark.parametrize(
    ("text", "query"), [("any of near fat", "NEAR fat"), ("any of (fat, blood)", "fat OR blood")]
)
def test_any_of_without_a_list_is_no_empty_bracket(text: str, query: str) -> None:
    found = parsed(text)
    assert found.query is not None
    assert (text_of(found.query), found.problems) == (query, ())
