"""Which encoder reads a word: what ranks it clearly better on the same test slides, and what is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from tests.relevance.tissue_record import MEANING, trained
from viewer.relevance.encoders import registry
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.tissue.card import tissue_cards, tissue_facts
from viewer.relevance.encoders.vocabulary import encoder_for, lexicon_of, values_of
from viewer.relevance.encoders.word_figures import FILE, word_figures
from viewer.relevance.patches.field import COMBINED, PROBABILITY, UNIT
from viewer.relevance.query.parser import parse
from viewer.relevance.query.tree import Like, Query

if TYPE_CHECKING:
    from pathlib import Path

ALL = dict.fromkeys(("adipose", "fibrous_stroma", "blood", "liver", "mucin"), (0.95, 50))
FIGURES: dict[str, Any] = {
    "adipose tissue": {"slides": 5, "patches": 99, "measured": 0.991, "tissue": 1.0, "gain": [0.002, 0.02]},
    "stroma": {"slides": 10, "patches": 264, "measured": 0.79, "tissue": 0.96, "gain": [0.08, 0.27]},
    "blood": {"slides": 7, "patches": 110, "measured": 0.9, "tissue": 0.95, "gain": [-0.01, 0.1]},
    "mucin": {"slides": 1, "patches": 3, "measured": 0.999, "tissue": 1.0, "gain": None},
    "liver": {"slides": 4, "patches": 237, "measured": None, "tissue": 0.98, "gain": None},
}


@pytest.fixture
def folder(no_shipped_encoder: Path) -> Path:
    """Of a shipped tissue encoder with figures on words."""
    meanings = {"fibrous_stroma": MEANING | {"recall": 0.11}}
    by_class = {name: {"auc": auc, "patches": n, "slides": 2} for name, (auc, n) in ALL.items()}
    trained(folder=no_shipped_encoder, test={"classes": {"by_class": by_class}, "meanings": meanings})
    facts = tissue_facts()
    assert facts is not None
    write(no_shipped_encoder, facts.weights_sha256)
    return no_shipped_encoder


def write(folder: Path, sha256: str) -> None:
    words = {
        name: one
        | {"measured": None if one["measured"] is None else {"auc": one["measured"]}}
        | {"tissue": {"auc": one["tissue"]}}
        for name, one in FIGURES.items()
    }
    (folder / FILE).write_text(json.dumps({"tissue_sha256": sha256, "words": words}))


def read(text: str, chosen: str = "") -> Query:
    query = parse(text, lexicon_of(chosen)).query
    assert query is not None
    return query


def said(text: str, chosen: str = "") -> str:
    return " ".join(problem.sentence for problem in parse(text, lexicon_of(chosen)).problems)


@pytest.mark.parametrize(
    ("text", "encoder_id", "sentence"),
    [
        (
            "collagen",
            "tissue",
            "tissue encoder (AUROC 0.96 on 10 test slides), measured concepts 0.79. It",
        ),
        (
            "fat",
            "measured",
            "measured concepts (AUROC 0.99 on 5 test slides), the tissue encoder is not",
        ),
        ("blood", "measured", "not clearly better (0.95)"),
        ("liver", "tissue", "measured concepts cannot name it"),
        ("mucin", "measured", "too few test patches, 3"),
        ("fat without stroma", "tissue", "“fat” is read by measured concepts"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_each_word_goes_to_what_ranks_it_clearly_better(text: str, encoder_id: str, sentence: str) -> None:
    assert encoder_for("", read(text)) == encoder_id
    assert sentence in said(text)


@pytest.mark.usefixtures("folder")
def test_the_readers_choice_wins() -> None:
    assert encoder_for("measured", read("stroma", "measured")) == "measured"
    assert "would do better (0.96). That is weak" in said("stroma", "measured")
    assert encoder_for("tissue", read("fat", "tissue")) == "tissue"
    assert "tissue encoder (AUROC 1.00 on 5 test slides), measured concepts 0.99" in said("fat", "tissue")
    assert encoder_for("", None) == "measured", "nothing is encoded before a word needs it"


def test_names_that_are_measured_otherwise_have_no_figures_of_others(folder: Path) -> None:
    assert "read by" not in said("thrombus", "measured")
    assert "read by" in said("haemorrhage", "measured")
    (folder / FILE).unlink()
    assert "read by" not in said("haemorrhage", "measured")


def test_figures_of_another_training_choose_nothing(folder: Path) -> None:
    write(folder, "0" * 64)
    assert encoder_for("", read("stroma")) == "measured"
    assert "tissue encoder" not in said("stroma")

    trained(figures=ALL)  # the reader's own is used for all that it may name
    assert encoder_for("", read("stroma")) == "tissue"
    assert "the tissue encoder (AUROC 0.95 on 2 slides kept out of training)" in said("stroma")


@pytest.mark.parametrize("chosen", ["", "measured", "tissue"])
def test_the_lexicon_is_made_anew_only_where_a_record_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    listed = Mock(side_effect=AssertionError("it is asked for at each key"))
    monkeypatch.setattr(registry, "cards", listed)
    first = lexicon_of(chosen)
    assert lexicon_of(chosen) is first

    write(folder, "0" * 64)
    another = lexicon_of(chosen)
    assert another is not first
    assert lexicon_of(chosen) is another


def test_a_damaged_file_claims_nothing(folder: Path) -> None:
    (folder / FILE).write_text('{"words": {"fat": {}}}')
    assert not word_figures().words
    assert encoder_for("", read("stroma")) == "measured"


@pytest.mark.usefixtures("folder")
def test_values_are_called_what_they_are() -> None:
    (tissue,) = tissue_cards()
    measured = (MEASURED.title, UNIT, MEASURED.normalisation)
    assert values_of(MEASURED, read("fat")) == measured
    assert values_of(tissue, read("fat")) == measured, "it measures, too"
    assert values_of(tissue, read("stroma")) == (tissue.title, PROBABILITY, tissue.normalisation)
    encoder, unit, normalisation = values_of(tissue, read("fat without stroma"))
    assert encoder == f"{MEASURED.title}, {tissue.title}"
    assert unit == COMBINED
    assert normalisation == f"{MEASURED.normalisation}; {tissue.normalisation}"
    assert values_of(tissue, Like(((0, 0),)))[1] == UNIT


def test_what_is_shipped_is_of_the_shipped_encoder() -> None:
    from pathlib import Path

    import resources

    shipped = Path(resources.__path__[0]) / "encoders"
    content = json.loads((shipped / FILE).read_text())
    assert content["tissue_sha256"] == json.loads((shipped / "tissue.json").read_text())["weights_sha256"]
    assert content["measured_version"] == MEASURED.version
