"""A head's attention over a store: on the right patches, in order, with what is unknown left unknown."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.relevance.bags import shaken
from tests.relevance.stores import CARD, SUBJECT
from viewer.relevance.bag import BagError
from viewer.relevance.checkpoint import CheckpointError
from viewer.relevance.encoders import EncoderError
from viewer.relevance.features import FeatureStore
from viewer.relevance.gated_attention import GatedAttentionHead, GatedShape
from viewer.relevance.head_attention import load_head, slide_attention
from viewer.relevance.head_registry import HeadEntry
from viewer.relevance.span import SpanHead, SpanShape

if TYPE_CHECKING:
    from pathlib import Path

CELLS = np.array([[3, 4], [0, 0], [3, 5], [9, 9]])


def store_of(features: np.ndarray) -> FeatureStore:
    return FeatureStore.in_memory(SUBJECT, CELLS, features.astype(np.float32))


@pytest.fixture
def head() -> GatedAttentionHead:
    made = shaken(GatedAttentionHead(GatedShape(5, 2, (8,), 4, pools=2, pool_per_class=True)))
    assert isinstance(made, GatedAttentionHead)
    return made


def test_attention_lies_on_its_patches(head: GatedAttentionHead, rng: np.random.Generator) -> None:
    features = rng.normal(size=(4, 5)) * 3
    field = slide_attention(head, store_of(features), name="ours", row=1)
    attention = head.read(torch.tensor(features, dtype=torch.float32), torch.tensor(CELLS)).attention[1]
    found = [field.scores[row, col] for row, col in CELLS]
    assert np.argsort(found).tolist() == attention.argsort().tolist()
    assert sorted(found) == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert field.known.sum() == 4
    assert field.provenance.query == "attention of ours"
    assert "not why" in field.provenance.normalisation


def test_equal_attention_is_the_middle(head: GatedAttentionHead) -> None:
    field = slide_attention(head, store_of(np.ones((4, 5))))
    assert [field.scores[row, col] for row, col in CELLS] == [0.5] * 4
    alone = FeatureStore.in_memory(SUBJECT, CELLS[:1], np.ones((1, 5), np.float32))
    assert slide_attention(head, alone).scores[3, 4] == 0.5


def test_what_could_not_be_measured_is_not_analysed(head: GatedAttentionHead) -> None:
    features = np.ones((4, 5))
    features[2, 1] = np.nan
    tissue = np.ones(SUBJECT.grid.shape, bool)
    tissue[20:] = False
    tissue[3, 5] = False
    field = slide_attention(head, store_of(features), tissue=tissue)
    assert not field.known[3, 5]
    assert field.known.sum() == 3 + (~tissue).sum() - 1
    assert field.known[25, 3]
    assert field.scores[25, 3] == 0
    features[:] = np.nan
    with pytest.raises(BagError, match="no patches"):
        slide_attention(head, store_of(features))


def test_the_mean_of_all_heads_is_taken(rng: np.random.Generator) -> None:
    head = shaken(SpanHead(SpanShape(5, 2, 16, 2, stages=2)))
    assert isinstance(head, SpanHead)
    store = store_of(rng.normal(size=(4, 5)))
    assert slide_attention(head, store).known.sum() == 4
    with pytest.raises(EncoderError, match="there are 2 of heads"):
        slide_attention(head, store, row=2)


def test_a_head_is_loaded_for_its_encoder_alone(head: GatedAttentionHead, tmp_path: Path) -> None:
    path = tmp_path / "head.pt"
    torch.save(head.state_dict(), path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = HeadEntry("ours", "Ours", path, "fake", "1", 5, ("a", "b"), sha256)
    assert load_head(entry, CARD).classes == 2
    with pytest.raises(
        EncoderError, match="reads features of fake, version 1, and these are of fake, version 2"
    ):
        load_head(entry, replace(CARD, version="2"))
    with pytest.raises(CheckpointError, match="SHA-256 differs"):
        load_head(replace(entry, sha256="00"), CARD)
    with pytest.raises(CheckpointError, match="reads 5 values a patch and the features have 6"):
        load_head(replace(entry, sha256=None, feature_width=6), CARD)
    path.unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_head(entry, CARD)
