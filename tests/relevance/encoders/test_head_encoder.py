"""A slide head as an encoder: from its id to codes of patches, as more patches are known."""

from __future__ import annotations

import hashlib
import re
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
import torch

from tests.messages import pattern
from tests.relevance.colours import ColourEncoder, DividingColours, MadeSlide, open_store, picture
from tests.relevance.stores import CARD
from viewer.common.errors import EncoderError
from viewer.relevance.analysis.slide_analysis import Analysis
from viewer.relevance.attention import mil_attention as whole_attention
from viewer.relevance.attention.mil_attention import WholeAttention
from viewer.relevance.attention.shared_memory import SharedAttention
from viewer.relevance.encoders import strings
from viewer.relevance.encoders.card import HEAD_PREFIX, MEASURED_ID, HeadEntry
from viewer.relevance.encoders.head_encoder import HeadEncoder, load_head
from viewer.relevance.encoders.head_registry import head_cards, register_head
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.protocols import NamedScores, SlideAttention
from viewer.relevance.encoders.registry import load_encoder
from viewer.relevance.models.checkpoint import CheckpointError
from viewer.relevance.models.heads import strings as head_strings
from viewer.relevance.models.heads.gated_attention import GatedAttentionHead, GatedShape
from viewer.relevance.models.heads.transmil import TransMilHead, TransMilShape
from viewer.relevance.patches.attention_codes import MIDDLE, relative_of_codes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Head:
    """Attends to what is dark, which speaks for "yes"; alone, the dark half is "yes"."""

    layout, feature_width, classes = "made", 3, 2

    def __call__(self, features: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        raise AssertionError("read, not trained")

    def read(self, features: torch.Tensor, cells: torch.Tensor):  # type: ignore[no-untyped-def]
        from viewer.relevance.models.heads.slide_head import BagReading

        dark = 1 - features.mean(1)
        attention = dark / dark.sum()
        signed = dark - dark.mean()
        return BagReading(
            attention[None],
            torch.tensor([0.25, 0.75]),
            torch.stack([-signed, signed]),
            torch.stack([1 - dark, dark]),
        )


ENTRY = HeadEntry("made", "Made head", None, "colours", "1", 3, ("no", "yes"))  # type: ignore[arg-type]


def test_the_views_of_a_slide_come_as_it_is_analysed(tmp_path: Path) -> None:
    encoder = HeadEncoder(ColourEncoder(), Head(), ENTRY)
    assert isinstance(encoder, SlideAttention)
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
        assert analysis.attend_regions(1)
        assert not analysis.attend_regions(1)
        assert not analysis.attention.tokens_missing.any()
        attention = memory.arrays()
        assert (attention.patches_known == store.known()).all()
        dark, pale = (20, 44), (20, 20)
        seen = relative_of_codes()[attention.patches[0]]
        assert seen[dark] > 1 > seen[pale]
        speaks = attention.patches[:, *dark].astype(int) - attention.patches[:, *pale]
        assert (speaks[[0, 2, 4]] > 0).all()
        assert (speaks[[1, 3]] < 0).all()
        assert attention.patches[2].max() in (175, 176), "full colour: three octaves above the middle"
        assert analysis.notes[-1].startswith("Made head, patches used: ")
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
        assert attention.levels == ("patch",)
        assert not len(attention.take(np.array([[0, 0]]), np.ones((1, 4), np.float32), 2)), (
            "it keeps no tokens"
        )
        assert attention.update(failed, 1, np.zeros(failed.shape, np.float32))
        assert attention.progress == (0, 1, 0)
        assert attention.note == ""
        failed[0, 2] = True
        assert attention.update(failed, 1, np.zeros(failed.shape, np.float32))
        assert attention.note.startswith("Made head, patches used: 2")
        assert attention.progress == (1, 1, 0)
        assert not attention.update(failed, 1, np.zeros(failed.shape, np.float32))


def test_a_slide_that_cannot_be_read_or_is_all_glass_leaves_a_head_nothing_to_read(tmp_path: Path) -> None:
    encoder = HeadEncoder(ColourEncoder(), Head(), ENTRY)
    with closing(MadeSlide(picture())) as slide, open_store(tmp_path, slide) as store:
        tissue, failed = np.zeros((2, 48, 64), bool)
        memory = SharedAttention(tissue.shape, (1, len(ENTRY.views))).arrays()
        assert WholeAttention(encoder, store, tissue, memory).progress == (1, 1, 0)
        tissue[0, :3] = True
        attention = WholeAttention(encoder, store, tissue, memory)
        assert attention.progress == (0, 1, 0)
        assert not attention.update(tissue, 1, np.zeros(failed.shape, np.float32))
        assert attention.progress == (1, 1, 0)


def test_a_head_over_an_encoder_of_parts_reads_whole_patches(tmp_path: Path) -> None:
    encoder = HeadEncoder(DividingColours(), Head(), ENTRY)
    with closing(MadeSlide(picture())) as slide, open_store(tmp_path, slide, encoder.card) as store:
        Analysis(slide, encoder, store).run_to_end(threads=1)
        assert store.complete
        assert not store.parts.count


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
    views = "Speaks for no, Speaks for yes, Alone it says no, Alone it says yes"
    assert encoder.summary() == strings.EMPTY_VIEWS.format(title="Made head", views=views)
    codes, usable = encoder.attend_whole(features[1:2], cells[1:2])
    assert not usable.any()
    assert not codes.any()
    assert encoder.summary() == "", "no patch was usable"
    whole = HeadEncoder(ColourEncoder(), Head(), ENTRY)
    whole.attend_whole(features, cells)
    assert "patches used: 2" in whole.summary()
    assert not re.search(pattern(strings.EMPTY_VIEWS), whole.summary())


@pytest.mark.parametrize("part", ["attention", "probabilities", "contributions", "single"])
def test_a_head_that_computes_no_numbers_is_refused_by_its_file(part: str, tmp_path: Path) -> None:
    class Overflowing(Head):
        def read(self, features: torch.Tensor, cells: torch.Tensor):  # type: ignore[no-untyped-def]
            whole = super().read(features, cells)
            return replace(whole, **{part: getattr(whole, part) * torch.nan})

    encoder = HeadEncoder(ColourEncoder(), Overflowing(), replace(ENTRY, file=tmp_path / "huge.pt"))
    with pytest.raises(CheckpointError, match=rf"huge\.pt: {pattern(strings.DAMAGED_WEIGHTS)}"):
        encoder.attend_whole(
            np.array([[0.2] * 3, [0.9] * 3], np.float32), np.array([[0, 0], [1, 0]], np.int32)
        )


def test_the_order_in_which_patches_became_known_does_not_matter() -> None:
    """TransMIL lays patches in a square as they follow each other: CLAM gives them column by column."""
    torch.manual_seed(0)
    head = TransMilHead(TransMilShape(8, 2, 16, 2)).eval()
    encoder = HeadEncoder(ColourEncoder(), head, replace(ENTRY, feature_width=8))
    chance = np.random.default_rng(0)
    cells = np.argwhere(np.ones((9, 7), bool)).astype(np.int32)
    features = chance.normal(size=(len(cells), 8)).astype(np.float32)
    features[5] = np.nan
    codes, usable = encoder.attend_whole(features, cells)
    said = encoder.summary()
    came = chance.permutation(len(cells))
    codes_as_came, usable_as_came = encoder.attend_whole(features[came], cells[came])
    assert (codes_as_came == codes[:, came]).all()
    assert (usable_as_came == usable[came]).all()
    assert usable.sum() == len(cells) - 1
    assert encoder.summary() == said
    columns_first = np.lexsort((cells[:, 0], cells[:, 1]))
    columns_first = columns_first[columns_first != 5]
    read = head.read(torch.from_numpy(features[columns_first]), torch.from_numpy(cells[columns_first]).long())
    assert read.probabilities is not None
    assert f"no {read.probabilities[0]:.2f}, yes {read.probabilities[1]:.2f}" in said


@pytest.mark.parametrize(("classes", "even"), [(1, 0.5), (2, 0.5), (4, 0.25)])
def test_alone_a_patch_speaks_for_a_class_beyond_its_even_chance(classes: int, even: float) -> None:
    names = tuple("abcd"[:classes])
    given = torch.full((classes, 3), even)
    given[0] += torch.tensor([0.1, 0.0, -0.1])

    class Sure(Head):
        def read(self, features: torch.Tensor, cells: torch.Tensor):  # type: ignore[no-untyped-def]
            return replace(super().read(features, cells), single=given)

    encoder = HeadEncoder(ColourEncoder(), Sure(), replace(ENTRY, classes=names))
    features = np.array([[0.2] * 3, [0.5] * 3, [0.9] * 3], np.float32)
    codes, _ = encoder.attend_whole(features, np.array([[0, 0], [1, 0], [2, 0]], np.int32))
    alone = codes[1 + classes :].astype(int)
    middle = alone[0, 1]
    assert abs(middle - MIDDLE) <= 0.5
    assert alone[0, 0] - middle == middle - alone[0, 2] == 48
    assert (alone[1:] == middle).all()


def test_through_a_head_the_store_has_the_scores_of_its_encoder(tmp_path: Path) -> None:
    class Naming(ColourEncoder):
        card = replace(ColourEncoder.card, names_scores=True)

        def named_scores(
            self, features: np.ndarray, calibration: Mapping[str, Any]
        ) -> Mapping[str, np.ndarray]:
            return {"dark": 1 - features.mean(1)}

    assert not isinstance(HeadEncoder(ColourEncoder(), Head(), ENTRY), NamedScores)
    encoder = HeadEncoder(Naming(), Head(), ENTRY)
    with closing(MadeSlide(picture())) as slide, open_store(tmp_path, slide) as store:
        Analysis(slide, encoder, store).run_to_end(threads=1)
        with h5py.File(store.file) as file:
            assert len(file["scores/dark"]) == store.count > 0


def test_updates_take_a_tenth_of_the_time_and_each_is_one_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0

    class Slow(Head):
        takes_s, readings = 4.0, 0

        def read(self, features: torch.Tensor, cells: torch.Tensor):  # type: ignore[no-untyped-def]
            nonlocal now_s
            now_s += self.takes_s
            self.readings += 1
            return super().read(features, cells)

    monkeypatch.setattr(whole_attention, "monotonic", lambda: now_s)
    head = Slow()
    with closing(MadeSlide(picture())) as slide, open_store(tmp_path, slide) as store:
        tissue, failed = np.zeros((2, 48, 64), bool)
        tissue[0, :5] = True
        memory = SharedAttention(tissue.shape, (1, len(ENTRY.views))).arrays()
        attention = WholeAttention(HeadEncoder(ColourEncoder(), head, ENTRY), store, tissue, memory)

        def look() -> bool:
            return attention.update(failed, 1, np.zeros(failed.shape, np.float32))

        def add(col: int) -> None:
            store.append(np.array([[0, col]]), np.full((1, 3), 0.2, np.float32))

        add(0)
        assert look()
        add(1)
        now_s += 39.0
        assert not look(), "four seconds in forty"
        now_s += 2.0
        head.takes_s = 0.0
        assert look()
        add(2)
        now_s += 2.0
        assert not look(), "three seconds apart though it took no time"
        now_s += 2.0
        assert look()
        add(3)
        assert not look()
        add(4)
        assert look(), "the last one at once"
        assert head.readings == 4
        assert attention.note.startswith("Made head, patches used: 5")


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
    assert isinstance(encoder, SlideAttention)
    stored_as = encoder.card.id, encoder.card.version
    assert stored_as == (MEASURED.id, MEASURED.version), (
        "its features are the measured ones, and stored as such"
    )
    with pytest.raises(EncoderError, match=pattern(strings.NO_HEAD)):
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
    with pytest.raises(CheckpointError, match=pattern(head_strings.OTHER_WIDTH, expected=5, found=6)):
        load_head(replace(entry, sha256=None, feature_width=6), CARD)
    path.unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_head(entry, CARD)
