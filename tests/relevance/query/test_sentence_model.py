"""The sentence model takes only the published files, and its mean over tokens ignores padding."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import torch

from tests.messages import pattern
from viewer.relevance.models.bert import Bert
from viewer.relevance.models.checkpoint import CheckpointError
from viewer.relevance.query import sentence_model as sentences
from viewer.relevance.query import strings
from viewer.relevance.query.lexicon import Entry, Lexicon, load_lexicon
from viewer.relevance.query.parser import parse
from viewer.relevance.query.sentence_model import SentenceModel, load_sentence_model
from viewer.relevance.query.tree import Term

if TYPE_CHECKING:
    from collections.abc import Sequence

LEXICON = Lexicon(
    (
        Entry(("fat",), (("adipose_tissue", 1.0),), False),
        Entry(("gene",), (), False, why="x", nearest=("fat",)),
    )
)


class Letters:
    """A tokenizer that takes letters for tokens and pads to the longest."""

    def encode_batch(self, texts: Sequence[str]) -> list[SimpleNamespace]:
        length = max(map(len, texts))
        return [
            SimpleNamespace(
                ids=[ord(letter) % 50 for letter in text] + [0] * (length - len(text)),
                attention_mask=[1] * len(text) + [0] * (length - len(text)),
            )
            for text in texts
        ]


@pytest.fixture
def model() -> SentenceModel:
    torch.manual_seed(0)
    bert = Bert(vocabulary=50, positions=32, width=16, types=2, depth=2, heads=4, mlp_width=32)
    return SentenceModel(bert.eval(), Letters(), LEXICON)


def test_vectors_are_unit_long_and_the_same_beside_a_longer_text(model: SentenceModel) -> None:
    alone = model.embed(["fat"])
    beside = model.embed(["fat", "a much longer text"])
    assert alone.shape == (1, 16)
    assert torch.linalg.vector_norm(beside, dim=1).tolist() == pytest.approx([1, 1], abs=1e-5)
    assert alone[0].tolist() == pytest.approx(beside[0].tolist(), abs=1e-5)


def test_the_nearest_phrase_is_found_and_below_the_threshold_none(
    model: SentenceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("fat", "gene"):
        assert model.nearest_phrase(text) == text
    monkeypatch.setattr(sentences, "THRESHOLD", 1.01)
    assert model.nearest_phrase("fat") is None


def test_without_the_extra_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences, "PACKAGE", "a_package_that_nobody_has")
    assert load_sentence_model(LEXICON) is None


def test_a_folder_without_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=rf"tokenizer\.json.*{pattern(strings.FILE_UNREADABLE)}"):
        load_sentence_model(LEXICON, tmp_path)


def test_other_files_than_the_published_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({"version": "1.0"}))
    with pytest.raises(CheckpointError, match=rf"tokenizer\.json.*{pattern(strings.OTHER_FILE)}"):
        load_sentence_model(LEXICON, tmp_path)


@pytest.fixture(scope="module")
def published() -> SentenceModel:
    """The real one, where the extra "sentences" is installed."""
    if find_spec(sentences.PACKAGE) is None:
        pytest.skip("the extra 'sentences' is not installed")
    model = load_sentence_model(load_lexicon())
    assert model is not None
    return model


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("bleeding into the tissue", "blood"),
        ("dead tissue in the middle of the cancer", "necrosis"),
        ("clusters of white blood cells", "lymphocytes"),
        ("greasy cells storing lipid", "adipose_tissue"),
    ],
)
def test_free_words_find_their_concept(published: SentenceModel, text: str, concept: str) -> None:
    answer = parse(f'"{text}"', load_lexicon(), published.nearest_phrase)
    offered = load_lexicon().find(answer.problems[0].nearest[0])
    assert answer.query == Term(text)
    assert offered is not None
    assert offered.weights[0][0] == concept


@pytest.mark.parametrize(
    "text", ["what is the weather tomorrow", "thank you very much", "how old is the patient"]
)
def test_small_talk_is_about_nothing(published: SentenceModel, text: str) -> None:
    assert published.nearest_phrase(text) is None


def test_a_question_about_genes_gets_the_advice_for_genes(published: SentenceModel) -> None:
    answer = parse('"does the patient have a mutation in KRAS"', load_lexicon(), published.nearest_phrase)
    assert answer.understood[0].how == "unmeasurable"
    assert "genes" in answer.problems[-1].sentence


@pytest.mark.usefixtures("published")
def test_tampered_weights_are_refused(tmp_path: Path) -> None:
    spec = find_spec(sentences.PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "model"
    (tmp_path / "tokenizer.json").symlink_to(folder / "tokenizer.json")
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(CheckpointError, match=r"model\.safetensors.*SHA-256 differs"):
        load_sentence_model(LEXICON, tmp_path)
