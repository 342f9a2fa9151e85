"""The lexicon's data holds together, and words find their entry however they are written."""

from __future__ import annotations

import tomllib
from importlib import resources

import pytest

from viewer.relevance.query.lexicon import Entry, Lexicon, is_one_slip, key_of, load_lexicon

CONCEPTS = frozenset(
    "adipose_tissue background blood lymphocytes mucin smooth_muscle stroma tumour_epithelium normal_mucosa "  # noqa: SIM905
    "glands necrosis hypercellular large_nuclei small_nuclei hyaline oedema brown_stain lumina blood_vessels "
    "pigment pen_mark out_of_focus tissue_fold".split()
)


def test_holds_at_least_400_terms_each_once() -> None:
    text = resources.files("resources").joinpath("lexicon", "english.toml").read_text(encoding="utf-8")
    terms = [term for group in tomllib.loads(text)["group"] for term in group["term"]]
    keys = [key_of(name) for term in terms for name in term["names"]]
    assert len(keys) >= 400
    assert len(keys) == len(set(keys))
    assert all(keys)


def test_every_weight_names_a_concept_and_every_concept_has_an_exact_or_approximate_name() -> None:
    used = set()
    for entry in load_lexicon().entries:
        for concept, weight in entry.weights:
            assert concept in CONCEPTS, entry.names[0]
            assert 0 < weight <= 1
        used |= {concept for concept, _ in entry.weights}
    assert used == CONCEPTS


def test_sums_of_weights_are_one_so_that_terms_compare() -> None:
    several = [entry for entry in load_lexicon().entries if len(entry.weights) > 1]
    odd = [entry.names[0] for entry in several if abs(sum(weight for _, weight in entry.weights) - 1) > 1e-9]
    assert not odd


def test_what_is_approximate_or_unmeasurable_says_why_and_what_to_ask_instead() -> None:
    lexicon = load_lexicon()
    for entry in lexicon.entries:
        if entry.measurable:
            assert entry.limits or not entry.approximate, entry.names[0]
            assert not entry.why
            continue
        assert entry.why, entry.names[0]
        assert entry.nearest, entry.names[0]
        for name in entry.nearest:
            pieces = name.split(" near ")
            assert all(found is not None and found.measurable for found in map(lexicon.find, pieces)), name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Fat", "adipose tissue"),
        ("LYMPHOCYTE", "lymphocytes"),
        ("tumors", "tumour epithelium"),
        ("Tumour-infiltrating lymphocytes", "tumour infiltrating lymphocyte"),
        ("TILs", "tumour infiltrating lymphocyte"),
        ("edema", "oedema"),
        ("hemorrhages", "blood"),
        ("collagen fibers", "stroma"),
        ("germinal centers", "germinal centre"),
        ("nucleus", "hypercellular"),
        ("lumens", "lumina"),
        ("metastases", "metastasis"),
        ("artifacts", "artefact"),
        ("hyalinized", "hyaline"),
        ("Peyer’s patches", "lymph node"),
        ("leukemia", "lymphoma"),
        ("H&E", "H&E"),
    ],
)
def test_spelling_case_and_number_do_not_matter(typed: str, name: str) -> None:
    entry = load_lexicon().find(typed)
    assert entry is not None
    assert entry.names[0] == name


@pytest.mark.parametrize(
    "typed", ["KRAS", "HER2", "Gleason 4", "stage", "perineural invasion", "plasma cells"]
)
def test_what_stain_and_texture_do_not_show_has_no_weights(typed: str) -> None:
    entry = load_lexicon().find(typed)
    assert entry is not None
    assert entry.weights == ()


def test_one_slip_in_a_long_word_is_corrected_and_in_a_short_one_not() -> None:
    lexicon = load_lexicon()
    assert lexicon.corrected("lymphocites") == "lymphocytes"
    assert lexicon.corrected("adipose tisue") == "adipose tissue"
    assert lexicon.corrected("ncerosis") == "necrosis"
    assert lexicon.corrected("fta") is None
    assert lexicon.corrected("lxmphocxtes") is None


@pytest.mark.parametrize("word", ["hepatoma", "arthritis", "myoma", "carotid", "river", "overlay", "stoma"])
def test_a_word_of_its_own_is_not_corrected_to_another(word: str) -> None:
    assert load_lexicon().corrected(word) is None


@pytest.mark.parametrize(
    ("word", "term"), [("necrossis", "necrosis"), ("carcinma", "carcinoma"), ("tumro", "tumour")]
)
def test_a_clear_slip_is_corrected(word: str, term: str) -> None:
    assert load_lexicon().corrected(word) == term


@pytest.mark.parametrize(
    ("word", "other", "expected"),
    [
        ("mucin", "mucn", True),
        ("mucin", "muucin", True),
        ("mucin", "mucen", True),
        ("mucin", "mcuin", True),
        ("mucin", "mucin", False),
        ("mucin", "mcuni", False),
        ("mucin", "mu", False),
    ],
)
def test_one_slip(word: str, other: str, expected: bool) -> None:
    assert is_one_slip(word, other) is expected
    assert is_one_slip(other, word) is expected


def test_completion_begins_with_what_is_typed_and_offers_only_what_can_be_measured() -> None:
    lexicon = load_lexicon()
    names = lexicon.complete("lym", 5)
    assert names[0] == "lymphocytes" or names[0].startswith("lymph")
    assert "lymphocytes" in lexicon.complete("lymphoc", 5)
    assert len(names) == 5
    assert "KRAS" not in lexicon.complete("KR")
    assert lexicon.complete("  ") == ()
    assert "smooth muscle" in lexicon.complete("musc", 20)


@pytest.mark.parametrize(
    ("typed", "name"), [("tumor", "tumour"), ("Tumour", "tumour"), ("follicle", "follicle"), ("fat", "fat")]
)
def test_completion_prefers_the_very_word(typed: str, name: str) -> None:
    assert load_lexicon().complete(typed)[0] == name


def test_completes_what_is_typed_in_another_language() -> None:
    assert load_lexicon().complete("Fettg") == ("adipose tissue",)
    assert "Nekrose ohne blood" in load_lexicon().complete_query("Nekrose ohne Blut")


def test_completes_the_last_term_of_a_query() -> None:
    found = load_lexicon().complete_query("necrosis without (blood or lymphoc")
    assert found[0].startswith("necrosis without (blood or lymphocyt")


def test_the_nearest_terms_are_of_different_entries() -> None:
    lexicon = load_lexicon()
    nearest = lexicon.nearest("lymphocytoid")
    entries = {id(lexicon.find(name)) for name in nearest}
    assert len(entries) == len(nearest) > 0
    assert lexicon.nearest("qqqq") == ()


def test_a_name_under_two_entries_is_refused() -> None:
    with pytest.raises(ValueError, match="'Fats' stands twice"):
        Lexicon((Entry(("fat",), (("a", 1.0),), False), Entry(("Fats",), (("b", 1.0),), False)))
