"""Composed concepts: read by their rule where its parts are named, refused with what is missing elsewhere."""

from __future__ import annotations

import re
import time
from importlib import resources

import pytest

from tests.messages import pattern
from tests.relevance.tissue_record import ALL_NAMED, trained
from viewer.relevance.encoders import strings
from viewer.relevance.encoders.composed import MAX_CONCEPTS, composed_file, composed_problems, with_composed
from viewer.relevance.encoders.registry import listing
from viewer.relevance.encoders.tissue.classes import tissue_classes
from viewer.relevance.encoders.vocabulary import lexicon_of
from viewer.relevance.query import strings as query_strings
from viewer.relevance.query.lexicon import Lexicon, load_lexicon
from viewer.relevance.query.parser import parse
from viewer.relevance.query.tree import MAX_LEAVES, text_of

METASTASIS = "carcinoma WITHIN 500 µm OF lymphoid tissue"
GOOD = """
[gland_mucus]
english = ["mucus cuff", "cuff near gland"]
german = ["Schleimmantel"]
rule = "mucin near gland"
meaning = "mucus beside a gland"
limits = "mucus of the surface"
"""


def own(text: str) -> None:
    """Write the reader's own file."""
    composed_file().parent.mkdir(parents=True, exist_ok=True)
    composed_file().write_text(text, encoding="utf-8")


def entry(concept_id: str, rule: str, phrase: str = "", **more: object) -> str:
    lines = [f"{key} = {value!r}" for key, value in more.items()]
    return "\n".join([
        f"[{concept_id}]",
        f'english = ["{phrase or concept_id}"]',
        f"rule = '{rule}'",
        'meaning = "something"',
        'limits = "something else"',
        *lines,
        "",
    ])  # fmt: skip


def everything() -> Lexicon:
    return with_composed(load_lexicon(tuple((one.id, "") for one in tissue_classes())))


def read_as(text: str, lexicon: Lexicon) -> str:
    query = parse(text, lexicon).query
    return text_of(query) if query else ""


def test_every_shipped_concept_is_read_where_all_classes_are_named() -> None:
    own("# nothing of ours\n")  # with such a file all entries are checked
    assert composed_problems() == ()
    lexicon = everything()
    entries = [one for one in lexicon.entries if one.group == strings.COMPOSED_GROUP]
    assert len(entries) >= 10
    for one in entries:
        assert one.rule is not None
        parsed = parse(one.names[0], lexicon)
        assert parsed.query == one.rule
        assert all(problem.note for problem in parsed.problems)
        assert parse(text_of(one.rule), lexicon).query == one.rule


def test_a_word_that_needs_a_class_is_refused_where_it_is_not_named_with_the_part_and_the_nearest() -> None:
    parsed = parse("metastasis", lexicon_of("measured"))
    (problem,) = parsed.problems
    why = strings.PARTS_MISSING.format(rule=METASTASIS, missing="carcinoma")
    assert problem.sentence == query_strings.PART_MISSING.format(text="metastasis", reason=why)
    assert problem.nearest == ("lymphoid tissue", "tumour epithelium")
    assert all(one.weights == () for one in parsed.understood)
    assert not lexicon_of("measured").complete("metastas")


def test_it_is_read_by_its_rule_where_the_trained_encoder_names_its_parts() -> None:
    trained(figures=ALL_NAMED)
    lexicon = lexicon_of("tissue")
    for text in ("metastasis", "Metastases", "Metastase", "métastase", "metástasis", "metastaz"):
        assert read_as(text, lexicon) == METASTASIS
    parsed = parse("metastasis without necrosis", lexicon)
    assert parsed.query is not None
    assert text_of(parsed.query) == f"({METASTASIS}) WITHOUT necrosis"
    weights = {one.name: one.weights for one in parsed.understood}
    assert weights["carcinoma"] == (("tissue/carcinoma", 1.0),)
    said = [problem.sentence for problem in parsed.problems]
    assert any(METASTASIS in sentence and "primary tumour" in sentence for sentence in said)
    assert any("AUROC 0.95" in sentence for sentence in said)
    assert lexicon.complete("metastas")[0] == "metastasis"
    assert "necrotic tumour" in lexicon.complete("Tumornek")


def test_a_class_that_was_not_tested_well_is_missing() -> None:
    trained(figures={**ALL_NAMED, "carcinoma": (0.7, 50)})
    (problem,) = parse("PNI", lexicon_of("tissue")).problems
    assert "does not name carcinoma" in problem.sentence


def test_a_concept_over_measured_words_needs_no_class() -> None:
    assert read_as("panniculitis", lexicon_of("measured")) == "inflammation NEAR fat"


def test_a_rule_that_another_lexicon_reads_is_refused_here() -> None:
    own(entry("x", "tumour without carcinoma", "odd tumour"))
    assert composed_problems() == ()
    (problem,) = parse("odd tumour", lexicon_of("measured")).problems
    assert "model in use" in problem.sentence


def test_an_encoder_that_reads_words_keeps_them() -> None:
    assert lexicon_of("plip") is load_lexicon()


def test_a_file_of_the_readers_own_adds_and_replaces() -> None:
    own(GOOD.replace(', "cuff near gland"', "") + entry("metastasis", "necrosis near fat", "metastasis"))
    lexicon = lexicon_of("measured")
    assert composed_problems() == ()
    assert read_as("mucus cuffs", lexicon) == "mucin NEAR gland"
    assert read_as("Schleimmantels", lexicon) == "mucin NEAR gland"
    assert read_as("metastasis", lexicon) == "necrosis NEAR fat"
    own("")
    assert not lexicon_of("measured").find("mucus cuff")


def test_a_rule_may_name_other_concepts_and_is_written_out() -> None:
    own(
        entry("near_inflamed", "necrosis near inflamed_fat_here")
        + entry("inflamed_fat_here", "blood near fat")
    )
    assert composed_problems() == ()
    assert read_as("near_inflamed", lexicon_of("measured")) == "necrosis NEAR (blood NEAR fat)"


@pytest.mark.parametrize(
    ("text", "template"),
    [
        (GOOD, strings.OPERATOR_IN_PHRASE),
        ("[x]\nenglish = [\"a b]\n", "{place} is left out: {error}"),
        ("[x]\nenglish = 3\n", strings.BAD_VALUE),
        ("[x]\nenglish = []\nrule = 'fat'\n", strings.MISSING_KEY),
        ("[x]\nruel = 'fat'\n", strings.UNKNOWN_KEY),
        ("[[x]]\nrule = 'fat'\n", strings.BAD_ID),
        ("[x.y]\nrule = 'fat'\n", strings.BAD_ID),
        (entry("x", "flurb near fat"), strings.UNKNOWN_WORDS),
        (entry("x", "KRAS mutation"), strings.NEVER_NAMED),
        (entry("x", "fat near it"), strings.BAD_RULE),
        (entry("x", ""), strings.BAD_VALUE),
        (entry("x", "fat", '\\"fat\\"'), strings.BAD_PHRASE),
        (entry("x", "fat", " ".join(["word"] * 13)), strings.BAD_PHRASE),
        (entry("x", "fat", needs=["flurb"]), strings.NO_SUCH_CLASS),
        (entry("xx", "yy near fat") + entry("yy", "flurb"), strings.RULE_OF_BAD),
        (entry("x", "fat near blood", "fat"), strings.RULE_LOOP),
        (entry("x", "yy near fat") + entry("yy", "x near blood"), strings.RULE_LOOP),
        (entry("x", "panniculitis near blood", "fat"), strings.RULE_LOOP),
        (entry("x", "fat", "metastases"), strings.PHRASE_TAKEN),
        (entry("x", "fat", "y1") + entry("x", "fat", "y2"), strings.ID_TWICE),
        ("english = ['a']\n", strings.NO_HEADING),
    ],
)  # fmt: skip
def test_a_bad_entry_costs_itself_with_its_line(text: str, template: str) -> None:
    own(f"{text}\n{entry('good_one', 'blood near fat')}")

    problems = composed_problems()
    lexicon = lexicon_of("measured")

    assert problems
    assert all(str(composed_file()) in problem for problem in problems)
    assert any(_matches(template, problem) for problem in problems)
    assert read_as("good_one", lexicon) == "blood NEAR fat"
    assert read_as("panniculitis", lexicon) == "inflammation NEAR fat"
    assert lexicon.problems == problems
    assert set(problems) <= set(listing()[1])


def _matches(template: str, problem: str) -> bool:
    return re.search(pattern(template), problem, re.S) is not None


def test_the_example_of_the_guide_is_read() -> None:
    page = resources.files("resources").joinpath("guide", "ask.md").read_text(encoding="utf-8")
    own(page.partition("```toml\n")[2].partition("```")[0])
    assert composed_problems() == ()
    trained(figures=ALL_NAMED)
    assert read_as("Drüsenentzündungen", lexicon_of("tissue")) == "inflammation WITHIN 200 µm OF glands"
    (problem,) = parse("inflamed gland", lexicon_of("measured")).problems
    assert "does not name mixed inflammation" in problem.sentence
    assert problem.nearest == ("inflammation", "glands")


def test_the_line_is_that_of_the_heading() -> None:
    own("# one\n\n[x]\nruel = 'fat'\n")
    (problem,) = composed_problems()
    assert problem.startswith(f"{composed_file()}, line 3: [x] is left out: ")
    own('# one\n\n[x]\nenglish = ["a]\n')
    (problem,) = composed_problems()
    assert "(at line 4, " in problem


@pytest.mark.parametrize("content", [b"\xff\xfe[x]", b"# long\n" * 200_000])
def test_a_file_that_cannot_be_read_is_named(content: bytes) -> None:
    own("")
    composed_file().write_bytes(content)
    (problem,) = composed_problems()
    assert str(composed_file()) in problem
    assert read_as("panniculitis", lexicon_of("measured")) == "inflammation NEAR fat"


def test_rules_that_grow_with_every_step_end_soon() -> None:
    chain = [entry(f"step{n}", f'"step{n + 1}" near ("step{n + 1}" without mucin)') for n in range(40)]
    own("\n".join([*chain, entry("step40", "blood near fat")]))
    start = time.process_time()
    problems = composed_problems()
    assert time.process_time() - start < 20
    assert any(str(MAX_LEAVES) in problem for problem in problems)
    assert read_as("step40", lexicon_of("measured")) == "blood NEAR fat"


def test_a_long_chain_of_names_is_refused_where_it_is_too_deep() -> None:
    own(
        "\n".join(
            [*(entry(f"s{n}", f"s{n + 1} near fat") for n in range(100)), entry("s100", "blood near fat")]
        )
    )
    problems = composed_problems()
    assert any("[s0]" in problem for problem in problems)
    assert not any("[s90]" in problem for problem in problems)
    assert read_as("s99", lexicon_of("measured")) == "(blood NEAR fat) NEAR fat"


def test_a_file_has_so_many_entries_at_most() -> None:
    own("\n".join(entry(f"many{n}", "blood near fat") for n in range(MAX_CONCEPTS + 2)))
    assert len(composed_problems()) == 2
