"""A slide head as an encoder: from its id to codes of patches, as more patches are known."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.relevance.colours import ColourEncoder, MadeSlide, open_store, picture
from tests.relevance.stores import CARD
from viewer.relevance.analysis import Analysis
from viewer.relevance.attention import AttendingWhole
from viewer.relevance.checkpoint import CheckpointError
from viewer.relevance.encoders import HEAD_PREFIX, MEASURED_ID, EncoderError, load_encoder
from viewer.relevance.gated_attention import GatedAttentionHead, GatedShape
from viewer.relevance.head_encoder import HeadEncoder, load_head
from viewer.relevance.head_registry import HeadEntry, head_cards, register_head
from viewer.relevance.measured_card import MEASURED
from viewer.relevance.shared_attention import SharedAttention
from viewer.relevance.whole_attention import WholeAttention
from viewer.view.hierarchy import relative_of_codes

if TYPE_CHECKING:
    from pathlib import Path


class Head:
    """Attends to what is dark, which speaks for "yes"; alone, the dark half is "yes"."""

    layout, feature_width, classes = "made", 3, 2

    def __call__(self, features: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        raise AssertionError("read, not trained")

    def read(self, features: torch.Tensor, cells: torch.Tensor):  # type: ignore[no-untyped-def]
        from viewer.relevance.bag import BagReading

        dark = 1 - features.mean(1)
        attention = dark / dark.sum()
        signed = dark - dark.mean()
        return BagReading(
            attention[None],
            "slide",
            True,
            None,
            torch.tensor([0.25, 0.75]),
            torch.stack([-signed, signed]),
            torch.stack([1 - dark, dark]),
        )


ENTRY = HeadEntry("made", "Made head", None, "colours", "1", 3, ("no", "yes"))  # type: ignore[arg-type]


def test_the_views_of_a_slide_come_as_it_is_analysed(tmp_path: Path) -> None:
    encoder = HeadEncoder(ColourEncoder(), Head(), ENTRY)
    assert isinstance(encoder, AttendingWhole)
    assert ENTRY.views == (
        "Attention",
        "Speaks for no",
        "Speaks for yes",
        "Alone it says no",
        "Alone it says yes",
    )
    with closing(MadeSlide(picture(), torn={(3, 2)})) as slide, open_store(tmp_path, slide) as store:
        analysis = Analysis(slide, encoder, store)
        memory = SharedAttention(analysis.grid.shape, (1, len(ENTRY.views)))
        analysis.attend(memory.arrays())
        analysis.run_to_end(threads=1)
        assert analysis.attention is not None
        assert analysis.look_at_regions(1)
        assert not analysis.look_at_regions(1)
        assert not analysis.attention.tokens_missing.any()
        attention = memory.read()
        assert (attention.patches_known == store.known()).all()
        dark, pale = (20, 44), (20, 20)
        seen = relative_of_codes()[attention.patches[0]]
        assert seen[dark] > 1 > seen[pale]
        speaks = attention.patches[:, *dark].astype(int) - attention.patches[:, *pale]
        assert (speaks[[0, 2, 4]] > 0).all()
        assert (speaks[[1, 3]] < 0).all()
        assert attention.patches[2].max() in (175, 176), "full colour: three octaves above the middle"
        assert analysis.notes[-1].startswith("Made head says of these ")
        assert "no 0.25, yes 0.75. No diagnosis." in analysis.notes[-1]


def test_it_says_something_of_the_slide_though_the_last_patches_failed(tmp_path: Path) -> None:
    encoder = HeadEncoder(ColourEncoder(), Head(), ENTRY)
    with closing(MadeSlide(picture())) as slide, open_store(tmp_path, slide) as store:
        store.append(np.array([[0, 0], [0, 1]]), np.array([[0.2] * 3, [0.9] * 3], np.float32))
        tissue, failed = np.zeros((2, 48, 64), bool)
        tissue[0, :3] = True
        shape = tissue.shape
        memory = SharedAttention(shape, (1, len(ENTRY.views))).arrays()
        attention = WholeAttention(encoder, store, tissue, memory)
        assert attention.update(failed, 1, np.zeros(failed.shape, np.float32))
        assert attention.said == ""
        failed[0, 2] = True
        assert attention.update(failed, 1, np.zeros(failed.shape, np.float32))
        assert attention.said.startswith("Made head says of these 2 patches")
        assert not attention.update(failed, 1, np.zeros(failed.shape, np.float32))


def test_a_head_without_views_or_numbers_says_less() -> None:
    class Bare(Head):
        def read(self, features: torch.Tensor, cells: torch.Tensor):  # type: ignore[no-untyped-def]
            whole = super().read(features, cells)
            return replace(whole, contributions=None, single=None, probabilities=None)

    encoder = HeadEncoder(ColourEncoder(), Bare(), ENTRY)
    features = np.array([[0.2] * 3, [np.nan] * 3, [0.9] * 3], np.float32)
    cells = np.array([[0, 0], [0, 1], [1, 0]], np.int32)
    codes, usable = encoder.attend_whole(features, cells)
    assert usable.tolist() == [True, False, True]
    assert codes[0, 0] > codes[0, 2] > 0
    assert (codes[1:] == 0).all()
    assert encoder.says(features, cells) == (
        "Made head does not tell, and these maps stay empty: "
        "Speaks for no, Speaks for yes, Alone it says no, Alone it says yes."
    )
    assert "maps stay empty" not in HeadEncoder(ColourEncoder(), Head(), ENTRY).says(features, cells)
    codes, usable = encoder.attend_whole(features[1:2], cells[1:2])
    assert not usable.any()
    assert not codes.any()


def test_a_registered_head_is_listed_and_loads_with_its_encoder(tmp_path: Path) -> None:
    torch.manual_seed(0)
    width = MEASURED.feature_count
    head = GatedAttentionHead(GatedShape(width, 2, embedding=(8,), attention_width=4))
    torch.save(head.state_dict(), tmp_path / "head.pt")
    register_head(
        HeadEntry("ours", "Ours", tmp_path / "head.pt", MEASURED_ID, MEASURED.version, width, ("no", "yes"))
    )
    (card,) = head_cards()
    assert (card.id, card.title, card.attention_heads) == (f"{HEAD_PREFIX}ours", "Ours", (1, 5))
    encoder = load_encoder(card.id)
    assert isinstance(encoder, AttendingWhole)
    assert encoder.card == MEASURED, "its features are the measured ones, and stored as such"
    with pytest.raises(EncoderError, match="there is no slide head"):
        load_encoder(f"{HEAD_PREFIX}theirs")


def test_a_head_is_loaded_for_its_encoder_alone(tmp_path: Path) -> None:
    head = GatedAttentionHead(GatedShape(5, 2, (8,), 4))
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
