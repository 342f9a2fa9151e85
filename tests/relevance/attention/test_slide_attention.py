"""Attention of a slide: heads, ranks, windows without seams, and what is said of glass and failures."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from tests.messages import pattern
from viewer.overlay.from_field import layer_from_attention
from viewer.relevance.attention import strings
from viewer.relevance.attention.region_attention import AttentionBuilder
from viewer.relevance.attention.shared_memory import SharedAttention
from viewer.relevance.attention.slide_attention import MAX, MEAN, Attention, patch_codes, token_codes
from viewer.relevance.features.mixed_resolution import MixedFeatures
from viewer.relevance.patches.attention_codes import PATCHES, TOKENS, log_codes, relative_of_codes
from viewer.relevance.patches.grid import PatchGrid

HEADS = (2, 3)


def made(rows: int, cols: int, rng: np.random.Generator) -> Attention:
    attention = SharedAttention((rows, cols), HEADS).arrays()
    attention.tokens[...] = rng.integers(60, 200, attention.tokens.shape)
    attention.patches[...] = rng.integers(60, 200, attention.patches.shape)
    for mask in (attention.tokens_known, attention.patches_known, attention.tissue):
        mask[...] = True
    return attention


class Store:
    """Features of some patches, as a store gives them."""

    def __init__(self, features: np.ndarray, known: np.ndarray) -> None:
        self._features, self._known = features, known

    @property
    def count(self) -> int:
        return int(self._known.sum())

    def known(self) -> np.ndarray:
        return self._known

    def load(self) -> tuple[np.ndarray, np.ndarray]:
        return np.argwhere(self._known).astype(np.int32), self._features[self._known]


class Encoder:
    """Gives a patch its first feature as attention, and a region the mean of what it got."""

    heads = (1, 1)
    levels = ("region", "patch", "token")

    def __init__(self) -> None:
        self.windows = 0

    def attend(self, *_: Any) -> Any:
        raise AssertionError("blocks are not encoded here")

    def attend_regions(self, features: np.ndarray, tissue: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.windows += len(features)
        values = np.where(tissue, features[..., 0], 0.0).astype(np.float32)
        return values[:, None], values.reshape(len(values), -1).mean(1, keepdims=True)

    def attend_slide(self, regions: np.ndarray) -> np.ndarray:
        return (regions[:, 0] / regions[:, 0].mean()).astype(np.float32)


def test_heads_are_chosen_averaged_and_maximised_without_computing_anew() -> None:
    attention = made(3, 5, np.random.default_rng(0))
    assert (patch_codes(attention, 1, percentiles=False) == attention.patches[1]).all()
    assert (patch_codes(attention, MAX, percentiles=False) == attention.patches.max(0)).all()
    relative = relative_of_codes()[attention.patches].mean(0)
    assert (patch_codes(attention, MEAN, percentiles=False) == log_codes(relative)).all()
    tokens = token_codes(attention, 1, percentiles=False)
    assert tokens.shape == (48, 80)
    assert (tokens[16:32, 32:48].ravel() == attention.tokens[1, 1, 2]).all()
    for head in (3, -1, "median"):
        with pytest.raises(ValueError, match=pattern(strings.NO_HEAD)):
            patch_codes(attention, head, percentiles=False)


def test_percentiles_are_among_the_patchs_tokens_and_the_regions_patches() -> None:
    rng = np.random.default_rng(1)
    attention = made(20, 18, rng)
    attention.tokens[0, 3, 4] = rng.permutation(TOKENS)
    ranks = token_codes(attention, 0, percentiles=True)[48:64, 64:80].ravel()
    assert (np.abs(ranks.astype(int) - attention.tokens[0, 3, 4]) <= 1).all()
    patches = patch_codes(attention, 0, percentiles=True)
    for area in ((slice(0, 16), slice(0, 16)), (slice(16, 20), slice(16, 18))):
        values, codes = attention.patches[0][area].ravel(), patches[area].ravel().astype(float)
        assert (np.diff(codes[np.argsort(values, kind="stable")]) >= 0).all()
        assert codes.mean() == pytest.approx(127.5, abs=2)
    attention.tokens[...] = 7
    assert (token_codes(attention, MEAN, percentiles=True) == 128).all()


def test_glass_takes_no_rank_from_the_tissue_at_its_edge() -> None:
    attention = made(16, 32, np.random.default_rng(2))
    attention.tissue[...] = False
    attention.tissue[0, :10] = True
    attention.patches[0, 0, :10] = range(100, 110)
    ranks = patch_codes(attention, 0, percentiles=True)
    assert ranks[0, :10].tolist() == [int((place + 0.5) * 25.5) for place in range(10)]
    assert not ranks[1:].any()


def test_ranks_of_many_patches_take_no_more_memory_than_a_few_times_theirs() -> None:
    attention = made(40, 30, np.random.default_rng(6))
    attention.tokens[...] //= 16
    tracemalloc.start()
    ranks = token_codes(attention, 1, percentiles=True)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 64 * attention.tokens.nbytes
    for row, col in ((0, 0), (39, 29), (34, 8)):
        codes = attention.tokens[1, row, col].astype(int)
        below, same = (codes < codes[:, None]).sum(1), (codes == codes[:, None]).sum(1)
        found = ranks[row * 16 : row * 16 + 16, col * 16 : col * 16 + 16].ravel()
        assert (found == below + same // 2).all()


@pytest.mark.parametrize("percentiles", [False, True])
def test_the_mean_of_all_heads_takes_no_table_of_all_tokens(
    percentiles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    attention = made(40, 30, np.random.default_rng(7))
    attention.tokens_known[7] = attention.tokens_known[:, 11] = False
    at_once = token_codes(attention, MEAN, percentiles=percentiles)
    monkeypatch.setattr("viewer.relevance.attention.slide_attention._PATCHES_AT_ONCE", 50)
    tracemalloc.start()
    in_parts = token_codes(attention, MEAN, percentiles=percentiles)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (in_parts == at_once).all()
    assert taken < 3 * attention.tokens.nbytes


def test_glass_and_what_is_not_known_get_nothing() -> None:
    attention = made(4, 4, np.random.default_rng(2))
    attention.tissue[0] = False
    attention.patches_known[1] = False
    attention.tokens_known[2] = False
    for percentiles in (False, True):
        patches = patch_codes(attention, MEAN, percentiles=percentiles)
        assert (patches[:2] == 0).all()
        assert (patches[2:] > 0).any()
        assert (token_codes(attention, 0, percentiles=percentiles)[32:48] == 0).all()


def test_windows_overlap_and_a_patch_gets_their_mean() -> None:
    rng = np.random.default_rng(3)
    tissue = np.ones((37, 20), bool)
    features = rng.uniform(0.25, 4, (*tissue.shape, 2)).astype(np.float32)
    memory = SharedAttention(tissue.shape, (1, 1))
    encoder = Encoder()
    builder = AttentionBuilder(
        encoder, Store(features, tissue.copy()), MixedFeatures(tissue.shape), tissue, memory.arrays()
    )  # type: ignore[arg-type]
    none = np.zeros(tissue.shape, bool)
    while builder.update(none, 2, np.zeros(tissue.shape, np.float32)):
        pass
    attention = memory.arrays()
    assert attention.patches_known.all()
    assert (attention.patches[0] == log_codes(features[..., 0])).all()
    assert encoder.windows > 3 * 2, "regions and windows between them"
    expected = [features[r : r + 16, c : c + 16, 0].sum() / PATCHES for r in (0, 16, 32) for c in (0, 16)]
    regions = relative_of_codes()[attention.regions].ravel()
    assert regions == pytest.approx(np.array(expected) / np.mean(expected), rel=0.05)


def test_a_region_waits_for_its_patches_but_not_for_those_that_failed() -> None:
    tissue = np.ones((16, 32), bool)
    features = np.ones((16, 32, 1), np.float32)
    known = tissue.copy()
    known[3, 20] = known[4, 4] = False
    store = Store(features, known)
    memory = SharedAttention(tissue.shape, (1, 1))
    builder = AttentionBuilder(Encoder(), store, MixedFeatures(tissue.shape), tissue, memory.arrays())  # type: ignore[arg-type]
    failed = np.zeros(tissue.shape, bool)
    assert not builder.update(failed, 9, np.zeros(tissue.shape, np.float32))
    failed[4, 4] = True
    assert builder.update(failed, 9, np.zeros(tissue.shape, np.float32))
    now = memory.arrays().patches_known
    assert now[:, :16].sum() == 255
    assert not now[4, 4]
    assert not now[:, 24:].any()
    known[3, 20] = True
    assert builder.update(failed, 9, np.zeros(tissue.shape, np.float32))
    assert memory.arrays().patches_known.sum() == 511


class StandIns:
    """Features of another magnification, of all patches."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.trusted = np.ones(shape, bool)

    def usable(self) -> np.ndarray:
        return self.trusted

    def of(self, cells: np.ndarray) -> np.ndarray:
        return np.full((len(cells), 2), 3, np.float32)


def test_windows_read_from_other_magnifications_are_read_again_and_count_once() -> None:
    rng = np.random.default_rng(3)
    tissue = np.ones((32, 24), bool)
    features = rng.uniform(0.25, 4, (*tissue.shape, 2)).astype(np.float32)
    known = tissue.copy()
    known[:, 12:] = False
    even, none = np.zeros(tissue.shape, np.float32), np.zeros(tissue.shape, bool)
    memory, store, encoder = SharedAttention(tissue.shape, (1, 1)), Store(features, known), Encoder()
    stand_ins = StandIns(tissue.shape)
    builder = AttentionBuilder(encoder, store, stand_ins, tissue, memory.arrays())  # type: ignore[arg-type]
    while builder.update(none, 2, even):
        pass
    attention = memory.arrays()
    assert attention.patches_known.all()
    assert (attention.patches[0, :, :8] == log_codes(features[:, :8, 0])).all()
    assert (attention.patches[0, :, 16:] == log_codes(np.float32(3))).all()
    looked_at = encoder.windows
    known[:] = True
    stand_ins.trusted[:] = False
    while builder.update(none, 2, even):
        pass
    assert (memory.arrays().patches[0] == log_codes(features[..., 0])).all(), "nothing is left of them"
    assert encoder.windows == 2 * looked_at, "every window reached over what stood in"
    assert not builder.update(none, 2, even)


def test_windows_of_the_highest_priority_come_first() -> None:
    tissue = np.ones((64, 16), bool)
    first = np.zeros(tissue.shape, np.float32)
    first[40] = 1
    memory = SharedAttention(tissue.shape, (1, 1))
    store = Store(np.ones((64, 16, 1), np.float32), tissue)
    mixed = MixedFeatures(tissue.shape)
    builder = AttentionBuilder(Encoder(), store, mixed, tissue, memory.arrays())  # type: ignore[arg-type]
    assert builder.update(np.zeros(tissue.shape, bool), 2, first)
    assert np.flatnonzero(memory.arrays().patches_known.any(1)).tolist() == list(range(32, 56))


def test_tokens_are_kept_and_missed_where_only_features_are_known() -> None:
    tissue = np.ones((2, 3), bool)
    tissue[1, 2] = False
    memory = SharedAttention(tissue.shape, (2, 1))
    builder = AttentionBuilder(
        Encoder(), Store(np.ones((2, 3, 1)), tissue), MixedFeatures(tissue.shape), tissue, memory.arrays()
    )  # type: ignore[arg-type]
    relative = np.full((2, 2, TOKENS), 2.0, np.float32)
    builder.take(np.array([[0, 1], [1, 0]]), relative, 16)
    attention = memory.arrays()
    assert attention.tokens_known.tolist() == [[False, True, False], [True, False, False]]
    assert relative_of_codes()[attention.tokens[:, 0, 1]] == pytest.approx(2.0, rel=0.03)
    assert builder.tokens_missing.tolist() == [[True, False, True], [False, True, False]]


def test_a_slide_of_too_many_patches_is_refused() -> None:
    with pytest.raises(ValueError, match=pattern(strings.TOO_LARGE)):
        SharedAttention((3000, 3000), (6, 6))


def test_a_window_between_regions_may_be_known_before_any_region() -> None:
    tissue = np.zeros((16, 24), bool)
    tissue[:, :16] = True
    known = tissue.copy()
    known[3, 2] = False
    memory = SharedAttention(tissue.shape, (1, 1))
    store = Store(np.ones((16, 24, 1), np.float32), known)
    builder = AttentionBuilder(Encoder(), store, MixedFeatures(tissue.shape), tissue, memory.arrays())  # type: ignore[arg-type]
    assert builder.update(np.zeros(tissue.shape, bool), 9, np.zeros(tissue.shape, np.float32))
    attention = memory.arrays()
    assert attention.patches_known[:, 8:].all()
    assert not attention.patches_known[:, :8].any()
    assert (attention.regions == 128).all()


def test_the_layer_says_what_is_known_estimated_and_glass() -> None:
    attention = made(4, 4, np.random.default_rng(4))
    attention.tissue[0] = False
    attention.patches_known[:3] = False
    attention.tokens_known[2:] = False
    attention.patches[:, 3, 3] = 0  # no attention at all, and yet tissue
    grid = PatchGrid(4, 4, 256.0, 128.0)
    layer = layer_from_attention(
        attention, grid, mode="factorised", token_head=0, patch_head=MEAN, sequence=7
    )
    assert layer.known.tolist() == [[True] * 4, [False] * 4, [False] * 4, [True] * 4]
    assert layer.estimated.tolist() == [[False] * 4, [True] * 4, [False] * 4, [False] * 4]
    assert layer.glass.tolist() == [[True] * 4, [False] * 4, [False] * 4, [False] * 4]
    assert (layer.scores[1] == 128).all()
    assert layer.levels is not None
    assert layer.levels.tokens_known.tolist() == [[True] * 4, [True] * 4, [False] * 4, [False] * 4]
    assert (layer.levels.tokens[:16] >= 0).all()
    assert (layer.patch_width_px, layer.patch_height_px, layer.sequence) == (256, 128, 7)
