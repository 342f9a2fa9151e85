"""A query in German, French, Spanish or Turkish is read as the English one; an English one stays as it is."""

from __future__ import annotations

import pytest

from viewer.relevance.query import strings
from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.parser import parse
from viewer.relevance.query.translation import translated
from viewer.relevance.query.tree import text_of


def english(text: str) -> str:
    query = parse(text, load_lexicon()).query
    assert query is not None
    return text_of(query)


def languages(text: str) -> list[str]:
    translation = translated(text, load_lexicon())
    return [] if translation is None else [name for name, _ in translation.read]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Fettgewebe", "adipose tissue"),
        ("Wo ist der Tumor?", "tumour"),
        ("Nekrose ohne Blut", "necrosis WITHOUT blood"),
        ("Blutgefaesse", "blood vessel"),
        ("zeige mir alle Bereiche mit glatter Muskulatur", "smooth muscle"),
        ("Fett und Muzin, aber kein Blut", "(fat AND mucin) WITHOUT blood"),
        ("Fett UND (Blut ODER Muzin)", "fat AND (blood OR mucin)"),
        ("Lymphozyten in der Nähe von Fettgewebe", "lymphocytes NEAR adipose tissue"),
        ("Lymphozyten im Umkreis von 0,5 mm um Fett", "lymphocytes WITHIN 500 µm OF fat"),
        ("nekrosefreies Fettgewebe", "adipose tissue WITHOUT necrosis"),
        ("Wo ist noch Nekrose?", "necrosis"),
        ("Nekrose, weder Blut noch Fett", "necrosis WITHOUT (blood OR fat)"),
        ("nicht nur Blut, sondern auch Fett", "blood AND fat"),
        ("Lymphozyten innerhalb 100 µm von Fett", "lymphocytes NEAR fat"),
        ("Lymphozyten in 200 µm Abstand von Fett", "lymphocytes WITHIN 200 µm OF fat"),
        ("Drüsen außer im Tumor", "glands WITHOUT tumour"),
        ("Lymphozyten außerhalb vom Tumor", "lymphocytes WITHOUT tumour"),
        ("entweder Fett oder Lymphozyten um Drüsen herum", "fat OR (lymphocytes NEAR glands)"),
        ("Fett, das Blut hat", "fat AND blood"),
        ("Fett, das kein Blut enthält", "fat WITHOUT blood"),
        ("Wo hat es Fett?", "fat"),
        ("Das Fett hat kein Blut", "fat WITHOUT blood"),
    ],
)
def test_german(text: str, query: str) -> None:
    assert languages(text) == ["German"]
    assert english(text) == query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("vaisseaux sanguins", "blood vessel"),
        ("Où sont les vaisseaux sanguins ?", "blood vessel"),
        ("ou est la tumeur", "tumour"),
        ("l’infiltrat inflammatoire", "inflammatory infiltrate"),
        ("la graisse, qui a du sang", "fat AND blood"),
        ("glandes et stroma sans nécrose", "(glands AND stroma) WITHOUT necrosis"),
        ("il n'y a pas de sang", "NOT blood"),
        ("lymphocytes à moins de 200 µm de la graisse", "lymphocytes WITHIN 200 µm OF fat"),
        ("œdème", "oedema"),
        ("plus de lymphocytes", "lymphocytes"),
        ("pas seulement du sang mais aussi de la graisse", "blood AND fat"),
        ("lymphocytes dans les 100 µm de la graisse", "lymphocytes NEAR fat"),
        ("lymphocytes en dehors de la tumeur", "lymphocytes WITHOUT tumour"),
    ],
)
def test_french(text: str, query: str) -> None:
    assert languages(text) == ["French"]
    assert english(text) == query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("¿Dónde está la necrosis?", "necrosis"),
        ("tejido adiposo sin vasos sanguíneos", "adipose tissue WITHOUT blood vessel"),
        ("tumor y necrosis", "tumour AND necrosis"),
        ("inflamacion", "inflammation"),
        ("linfocitos a menos de 200 micras de grasa", "lymphocytes WITHIN 200 µm OF fat"),
        ("células plasmáticas", "plasma cell"),
        ("grasa, que tiene sangre", "fat AND blood"),
        ("cristales en el tumor", "crystal AND tumour"),
        ("linfocitos dentro de 100 µm de la grasa", "lymphocytes NEAR fat"),
        ("linfocitos a 200 µm de distancia de la grasa", "lymphocytes WITHIN 200 µm OF fat"),
        ("linfocitos fuera del tumor", "lymphocytes WITHOUT tumour"),
        ("no solo sangre sino también grasa", "blood AND fat"),
    ],
)
def test_spanish(text: str, query: str) -> None:
    assert languages(text) == ["Spanish"]
    assert english(text) == query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("yağ", "fat"),
        ("yag", "fat"),
        ("TÜMÖR NEREDE?", "tumour"),
        ("İLTİHAP", "inflammation"),
        ("ILTIHAP", "inflammation"),
        ("damarlarda", "blood vessel"),
        ("kan olmadan nekroz", "necrosis WITHOUT blood"),
        ("kan veya mukus olmadan nekroz ve tümör", "(necrosis AND tumour) WITHOUT (blood OR mucus)"),
        ("(kan veya mukus) olmadan nekroz", "necrosis WITHOUT (blood OR mucus)"),
        ("nekroz ve kan olmadan", "necrosis WITHOUT blood"),
        ("kansız doku", "NOT blood"),
        ("yağ dokusuna yakın lenfositler", "lymphocytes NEAR adipose tissue"),
        ("lenfositler yağ dokusunun yakınında", "lymphocytes NEAR adipose tissue"),
        (
            "yağ dokusundan en fazla 200 µm uzaklıkta lenfositler",
            "lymphocytes WITHIN 200 µm OF adipose tissue",
        ),
    ],
)
def test_turkish(text: str, query: str) -> None:
    assert languages(text) == ["Turkish"]
    assert english(text) == query


def test_words_of_languages_and_english_may_be_mixed() -> None:
    assert english("show me the Fettgewebe without kan") == "adipose tissue WITHOUT blood"
    assert english("nécrose ohne Blut") == "necrosis WITHOUT blood"
    assert english('"Fettgewebe" and blood') == "adipose tissue AND blood"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("fibrose ohne Blut", "German"),
        ("fibrose sans sang", "French"),
        ("kansız granulom", "Turkish"),
        ("granulom ohne Blut", "German"),
        ("tumor sin necrosis", "Spanish"),
        ("tumor ohne metastase", "German"),
        ("Lymphome", "German"),
        ("lymphomes", "French"),
        ("métastases", "French"),
        ("adenom", "Turkish"),
    ],
)
def test_a_word_of_two_languages_is_of_the_language_of_the_rest(text: str, language: str) -> None:
    assert languages(text) == [language]


def test_the_reader_is_told_how_each_word_was_read() -> None:
    notes = [problem.sentence for problem in parse("Fettgewebe ohne Blut", load_lexicon()).problems]
    pairs = [("Fettgewebe", "adipose tissue"), ("Blut", "blood")]
    terms = ", ".join(strings.READ_TERM_IN.format(text=text, term=term) for text, term in pairs)
    assert notes[0] == strings.READ_TERMS_IN.format(language="German", terms=terms)


@pytest.mark.parametrize(
    "text", ["Wo sind Plasmazellen?", "plasmocytes", "células plasmáticas", "plazma hücreleri"]
)
def test_what_cannot_be_measured_cannot_be_measured_in_any_language(text: str) -> None:
    lexicon = load_lexicon()
    entry = lexicon.find("plasma cell")
    (problem,) = (one for one in parse(text, lexicon).problems if not one.note)
    assert entry is not None
    assert problem.sentence == strings.NOT_MEASURABLE.format(text="plasma cell", reason=entry.why)
    assert problem.nearest == entry.nearest


def test_an_unknown_word_of_a_known_language_stays_unknown() -> None:
    parsed = parse("Wo ist der Regenbogen?", load_lexicon())
    assert parsed.unknown == ("Regenbogen",)
    assert parsed.problems[0].sentence == strings.READ_IN.format(language="German")
    parsed = parse("Wo sind die seltsamen Lymphozyten?", load_lexicon())
    assert parsed.problems[-1].nearest[0] == "lymphocytes"


@pytest.mark.parametrize(
    "text",
    [
        "fat", "tumor", "necrosis", "mucosa", "lymphocytes near fat", "KRAS mutation", "lymphocites",
        "the os is visible", "weird lymphocytes of Mars", "tumor de novo", "tissue over glands", "melanosis",
        "Copy diagnostics", "en face view of the villi", "no special type", "y", "H&E", '"flurb"',
        "fat within 1 mm of blood", "glands in situ",
    ],
)  # fmt: skip
def test_english_stays_as_it_is(text: str) -> None:
    assert translated(text, load_lexicon()) is None


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("weder Blut noch Fett", "NOT (blood OR fat)"),
        ("Nekrose weder mit Blut noch mit Fett", "necrosis WITHOUT (blood OR fat)"),
        ("kein Fett mehr", "NOT fat"),
        ("Tumor nicht mehr vorhanden", "NOT tumour"),
        ("keinerlei Fett", "NOT fat"),
        ("nicht nur Fett sondern Blut", "fat AND blood"),
        ("Tumor statt Nekrose", "tumour WITHOUT necrosis"),
        ("nichts außer Fett", "fat"),
        ("il n'y a plus de graisse", "NOT fat"),
        ("la graisse n'est pas là", "NOT fat"),
        ("il n'y a pas que de la graisse", "fat"),
        ("no hay más que grasa", "fat"),
        ("la nécrose n'est plus visible", "NOT necrosis"),
        ("il n’y a ni sang ni graisse", "NOT (blood OR fat)"),
        ("sans aucun vaisseau", "NOT blood vessel"),
        ("tumeur qui ne contient pas de nécrose", "tumour WITHOUT necrosis"),
        ("non seulement la graisse mais le sang", "fat AND blood"),
        ("plus de graisse", "fat"),
        ("no hay ni sangre ni grasa", "NOT (blood OR fat)"),
        ("no hay ningún vaso sanguíneo", "NOT blood vessel"),
        ("ya no hay grasa", "NOT fat"),
        ("tampoco hay grasa", "NOT fat"),
        ("grasa tampoco", "NOT fat"),
        ("no hay mas sangre", "NOT blood"),
        ("no solo sangre sino grasa", "blood AND fat"),
        ("tanto grasa como sangre", "fat AND blood"),
        ("ne kan ne yağ", "NOT (blood OR fat)"),
        ("ne kan ne de yağ olan nekroz", "necrosis WITHOUT (blood OR fat)"),
        ("burada ne var, kan", "blood"),
        ("artık kan yok", "NOT blood"),
        ("hem kan hem de yağ", "blood AND fat"),
        ("ya kan ya da yağ", "blood OR fat"),
        ("sadece kan değil, yağ da", "blood AND fat"),
        ("kansız yağsız doku", "NOT (blood OR fat)"),
        ("tümör içinde olmayan lenfositler", "lymphocytes WITHOUT tumour"),
        ("statt Fett, Blut", "blood WITHOUT fat"),
        ("statt Fett Blut", "blood WITHOUT fat"),
        ("au lieu de graisse, du sang", "blood WITHOUT fat"),
        ("en vez de grasa y necrosis, sangre", "blood WITHOUT (fat OR necrosis)"),
        ("Fett ist vorhanden, Blut ist nicht vorhanden", "fat WITHOUT blood"),
        ("Blut ist da, Fett nicht", "blood WITHOUT fat"),
        ("Blut und Fett sind nicht vorhanden", "NOT (blood OR fat)"),
        ("le sang et la graisse ne sont pas visibles", "NOT (blood OR fat)"),
        ("la sangre y la grasa no están presentes", "NOT (blood OR fat)"),
        ("kan ve yağ yok", "NOT (blood OR fat)"),
        ("kan, yağ ve mukus yok", "NOT (blood OR fat OR mucus)"),
        ("kan ve yağ mevcut değil", "NOT (blood OR fat)"),
        ("kan yok ve yağ yok", "NOT (blood OR fat)"),
        ("kan yok yağ yok", "NOT (blood OR fat)"),
        ("kan yok, yağ var", "fat WITHOUT blood"),
        ("kan var, yağ yok", "blood WITHOUT fat"),
        ("kan var ama yağ yok", "blood WITHOUT fat"),
        ("tümör var ama kan ve yağ yok", "tumour WITHOUT (blood OR fat)"),
        ("kan ve mukus olmadan nekroz", "necrosis WITHOUT (blood OR mucus)"),
        ("kansız yağ yok", "NOT (fat WITHOUT blood)"),
        ("yağ yakınında kan yok", "NOT (blood NEAR fat)"),
        ("hem kan hem yağ değil", "NOT (blood AND fat)"),
        ("hem kan hem de yağ değil", "NOT (blood AND fat)"),
        ("hem kan hem yag degil", "NOT (blood AND fat)"),
        ("kein Anhalt fuer Nekrose", "NOT necrosis"),
        ("nicht in der Naehe von Fett", "NOT (NEAR fat)"),
        ("nekroz izlenmemistir", "NOT necrosis"),
        ("hem kan hem yağ var ama mukus değil", "(blood AND fat) WITHOUT mucus"),
        ("yağ değil, kan", "blood WITHOUT fat"),
        ("kan olmadan, nekroz", "necrosis WITHOUT blood"),
        ("nekroz izlenmedi", "NOT necrosis"),
        ("Nekrose nicht nachweisbar", "NOT necrosis"),
        ("kein Anhalt für Nekrose", "NOT necrosis"),
        ("no se observa necrosis", "NOT necrosis"),
        ("nada más que grasa", "fat"),
        ("soit graisse soit sang mais pas les deux à la fois", "(fat OR blood) WITHOUT (fat AND blood)"),
        ("graisse et/ou sang", "fat OR blood"),
    ],
)
def test_negations_of_each_language(text: str, query: str) -> None:
    assert english(text) == query


@pytest.mark.parametrize(
    ("text", "distance"),
    [
        ("Lymphozyten nicht in der Nähe von Fett", "NEAR"),
        ("Lymphozyten weit weg von Fett", "NEAR"),
        ("Lymphozyten nicht im Umkreis von 200 µm um Fett", "WITHIN 200 µm OF"),
        ("Lymphozyten mehr als 200 µm von Fett entfernt", "WITHIN 200 µm OF"),
        ("lymphocytes loin de la graisse", "NEAR"),
        ("lymphocytes à plus de 200 µm de la graisse", "WITHIN 200 µm OF"),
        ("lymphocytes à plus d'1 mm de la graisse", "WITHIN 1000 µm OF"),
        ("lymphocytes à plus d'un millimètre de la graisse", "WITHIN 1000 µm OF"),
        ("Lymphozyten im Abstand von mindestens 200 µm zum Fett", "WITHIN 200 µm OF"),
        ("Lymphozyten mehr als einen halben Millimeter vom Fett entfernt", "WITHIN 500 µm OF"),
        ("linfocitos a más de un milímetro de la grasa", "WITHIN 1000 µm OF"),
        ("yağdan bir milimetreden uzak lenfositler", "WITHIN 1000 µm OF"),
        ("lymphocytes more than half a millimetre from fat", "WITHIN 500 µm OF"),
        ("linfocitos lejos de la grasa", "NEAR"),
        ("linfocitos a más de 200 µm de la grasa", "WITHIN 200 µm OF"),
        ("yağdan uzak lenfositler", "NEAR"),
        ("yağa yakın olmayan lenfositler", "NEAR"),
        ("yağdan 200 µm yakın olmayan lenfositler", "WITHIN 200 µm OF"),
        ("mehr als 200 µm vom Fett entfernte Lymphozyten", "WITHIN 200 µm OF"),
        ("weit vom Fett entfernte Lymphozyten", "NEAR"),
        ("nicht in der Nähe von Fett gelegene Lymphozyten", "NEAR"),
        ("linfocitos a no menos de 200 µm de la grasa", "WITHIN 200 µm OF"),
        ("yağdan 200 µm'den uzak lenfositler", "WITHIN 200 µm OF"),
        ("yağdan en az 200 µm uzak lenfositler", "WITHIN 200 µm OF"),
    ],
)
def test_what_is_far_is_a_place_less_what_is_near(text: str, distance: str) -> None:
    assert english(text) == f"lymphocytes WITHOUT (lymphocytes {distance} fat)"


@pytest.mark.parametrize(
    "text",
    [
        "Fett weder in der Nähe von Blut noch Nekrose",
        "graisse ni près du sang ni de la nécrose",
        "grasa ni cerca de sangre ni necrosis",
        "ne kana ne nekroza yakın yağ",
    ],
)
def test_near_is_of_all_that_neither_and_nor_leave_out(text: str) -> None:
    assert english(text) == "fat WITHOUT ((fat NEAR blood) OR (fat NEAR necrosis))"


@pytest.mark.parametrize(
    "text",
    [
        "Lymphozyten nicht mehr als 200 µm von Fett entfernt",
        "lymphocytes à pas plus de 200 µm de la graisse",
        "linfocitos a no más de 200 µm de la grasa",
        "yağa 200 µm'den yakın lenfositler",
        "höchstens 200 µm vom Fett entfernte Lymphozyten",
    ],
)
def test_what_is_not_beyond_a_distance_is_within_it(text: str) -> None:
    assert english(text) == "lymphocytes WITHIN 200 µm OF fat"


@pytest.mark.parametrize(
    "text",
    [
        "linfocitos a menos de 200 µm de la grasa pero no de la sangre",
        "lymphocytes à moins de 200 µm de la graisse mais pas du sang",
        "Lymphozyten innerhalb von 200 µm von Fett, aber nicht von Blut",
        "lymphocytes within 200 um of fat but not of blood",
    ],
)
def test_a_preposition_that_comes_again_repeats_the_distance(text: str) -> None:
    within = "lymphocytes WITHIN 200 µm OF fat"
    assert english(text) == f"({within}) WITHOUT (({within}) WITHIN 200 µm OF blood)"


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("linfocitos cerca de la grasa o del tumor", "(lymphocytes NEAR fat) OR (lymphocytes NEAR tumour)"),
        ("linfocitos cerca de la grasa y zonas de necrosis", "(lymphocytes NEAR fat) AND necrosis"),
        (
            "linfocitos lejos de la grasa o del tumor",
            "lymphocytes WITHOUT ((lymphocytes NEAR fat) OR (lymphocytes NEAR tumour))",
        ),
        (
            "linfocitos lejos de la grasa pero no del tumor",
            "(lymphocytes AND (lymphocytes NEAR tumour)) WITHOUT (lymphocytes NEAR fat)",
        ),
        ("lymphocytes près de la graisse mais pas de sang", "(lymphocytes NEAR fat) WITHOUT blood"),
        (
            "linfocitos a una distancia de más de 100 micras de la grasa",
            "lymphocytes WITHOUT (lymphocytes NEAR fat)",
        ),
    ],
)
def test_a_preposition_repeats_what_is_near_only_beside_a_joint(text: str, query: str) -> None:
    assert english(text) == query


@pytest.mark.parametrize(
    "text", ["mehr Fett als Blut", "plus de graisse que de sang", "mas grasa que sangre", "fat > blood"]
)
def test_what_is_compared_is_not_read_as_both(text: str) -> None:
    parsed = parse(text, load_lexicon())
    (unknown,) = parsed.unknown
    assert "than" in unknown
    assert parsed.problems[-1].nearest[:2] == ("fat", "blood")


def test_an_attribute_without_a_place_says_nothing() -> None:
    assert english("entfernte Lymphozyten ohne Blut") == "lymphocytes WITHOUT blood"
    assert english("Blut entferntes Fett") == "blood AND fat"


@pytest.mark.parametrize(
    ("text", "distance"),
    [
        ("not near fat", "NEAR"),
        ("nicht in der Nähe von Fett", "NEAR"),
        ("mehr als 200 µm von Fett entfernt", "WITHIN 200 µm OF"),
        ("loin de la graisse", "NEAR"),
        ("pas près de la graisse", "NEAR"),
        ("lejos de la grasa", "NEAR"),
        ("no cerca de la grasa", "NEAR"),
        ("yağdan uzak", "NEAR"),
        ("yağa yakın olmayan", "NEAR"),
    ],
)
def test_what_is_far_alone_is_all_that_is_not_near(text: str, distance: str) -> None:
    assert english(text) == f"NOT ({distance} fat)"
    assert all(problem.note for problem in parse(text, load_lexicon()).problems)


@pytest.mark.parametrize(
    ("text", "language", "term"),
    [("rate", "French", "spleen"), ("Gang", "German", "duct"), ("conduct", "Spanish", "duct")],
)
def test_a_word_that_is_english_too_is_offered_in_the_other_language(
    text: str, language: str, term: str
) -> None:
    parsed = parse(text, load_lexicon())
    (problem,) = parsed.problems
    assert parsed.unknown == (text,)
    assert strings.ALSO_IN.format(text=text, language=language, term=term) in problem.sentence
    assert problem.nearest[0] == term


@pytest.mark.parametrize(
    "word", ["mid", "der", "mem", "mesa", "hues", "sep", "came", "survive", "replies", "still"]
)
def test_a_word_that_is_like_a_short_name_is_not_read_as_it(word: str) -> None:
    assert parse(word, load_lexicon()).unknown == (word,)


def test_a_word_that_is_english_too_is_of_the_language_of_the_rest() -> None:
    assert english("la rate sans sang") == "spleen WITHOUT blood"
    assert english("Gang ohne Blut") == "duct WITHOUT blood"
    assert english("rate of mitosis") == "mitosis"
    assert english("rate of necrosis near fat") == "necrosis NEAR fat"
    assert parse("gang of lymphocytes", load_lexicon()).unknown == ("gang of lymphocytes",)


def test_what_a_word_leaves_out_is_said() -> None:
    translation = translated("kansız tümör", load_lexicon())
    assert translation is not None
    assert dict(translation.read[0][1]) == {"kansız": f"{strings.WITHOUT}blood", "tümör": "tumour"}


def test_an_undotted_i_is_no_dotted_one() -> None:
    assert parse("sınır", load_lexicon()).unknown == ("sınır",)
    assert english("SINIR") == english("sinir") == "nerve"
    assert english("kikirdak") == english("KIKIRDAK") == "cartilage"
