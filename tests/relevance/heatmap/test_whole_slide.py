"""The attention of a whole slide in one go: complete, resumed from stored features, as each mode shows it."""

from __future__ import annotations

import tracemalloc
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.messages import pattern
from tests.relevance.colours import AttendingColours, ColourEncoder, MadeSlide, open_store, picture
from viewer.common.errors import EncoderError
from viewer.overlay.attention_look import HierarchyLook, composed
from viewer.relevance.analysis import strings as analysis_strings
from viewer.relevance.analysis.slide_analysis import Analysis
from viewer.relevance.attention import strings as attention_strings
from viewer.relevance.attention.slide_attention import Attention, patch_attention, token_attention
from viewer.relevance.heatmap import strings
from viewer.relevance.heatmap.whole_slide import AttentionMap, attention_map, attention_of
from viewer.relevance.patches.attention_codes import log_codes, relative_of_codes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def slide() -> Iterator[MadeSlide]:
    with closing(MadeSlide(picture())) as made:
        yield made


@pytest.fixture
def attention(slide: MadeSlide, tmp_path: Path) -> Attention:
    with open_store(tmp_path, slide) as store:
        return attention_of(Analysis(slide, AttendingColours(), store))


def test_all_tissue_is_known_and_stored_features_are_encoded_again(
    slide: MadeSlide, tmp_path: Path, attention: Attention
) -> None:
    assert attention.tokens_known[attention.tissue].all()
    assert attention.patches_known[attention.tissue].all()
    with open_store(tmp_path, slide) as store:
        assert store.complete
        again = attention_of(Analysis(slide, AttendingColours(), store))
    assert (again.tokens == attention.tokens).all()
    assert (again.patches == attention.patches).all()
    assert (again.regions == attention.regions).all()


def test_stored_features_are_not_encoded_again_where_no_tokens_are_wanted(
    slide: MadeSlide, tmp_path: Path, attention: Attention
) -> None:
    encoder = AttendingColours()
    with open_store(tmp_path, slide) as store:
        again = attention_of(Analysis(slide, encoder, store), tokens=False)
    assert encoder.encoded == 0
    found, before = (attention_map(one, HierarchyLook(level="patch")) for one in (again, attention))
    assert found.known.all()
    assert (found.scores == before.scores).all()


@pytest.mark.parametrize("mode", ["factorised", "blend", "single"])
def test_what_gets_more_scores_more_and_glass_nothing(attention: Attention, mode: str) -> None:
    found = attention_map(attention, HierarchyLook(mode, "token"), token_head=0)
    assert found.scores.shape == (50 * 16, 60 * 16)
    assert found.known.all()
    assert (found.scores[:100] == 0).all()
    patch = found.scores[20 * 16 : 21 * 16, 20 * 16 : 21 * 16]
    assert patch[0, 0] == patch[15, 15] > patch[3, 3]
    patches = attention_map(attention, HierarchyLook(mode, "patch"), token_head=0)
    assert len(np.unique(patches.scores[20 * 16 : 21 * 16, 20 * 16 : 21 * 16])) == 1
    if mode != "blend":  # ranks are among a region's own
        assert patches.scores[20 * 16, 44 * 16] > patches.scores[20 * 16, 20 * 16]


def test_attention_on_the_slide_is_that_of_all_levels_together(attention: Attention) -> None:
    attention.tokens_known[30, 30] = attention.patches_known[31, 30] = False
    patches = patch_attention(attention, "mean")
    values = token_attention(attention, token_head=0, patch_head="mean")
    relative = relative_of_codes()
    expected = relative[attention.regions[1, 2]] * relative[attention.patches[0, 20, 44]]
    assert patches[20, 44] == expected > patches[20, 20] > 0
    assert patches[31, 30] == patches[2, 2] == 0
    assert values[20 * 16, 44 * 16] == expected * relative[attention.tokens[0, 20, 44, 0]]
    assert values[20 * 16, 44 * 16] > values[20 * 16, 44 * 16 + 1]
    unknown = np.isnan(values[::16, ::16])
    assert unknown[30, 30]
    assert unknown[31, 30]
    assert (unknown == ~(attention.tissue & attention.patches_known & attention.tokens_known)).all()
    with pytest.raises(ValueError, match=pattern(attention_strings.NO_OTHER_HEAD, head=2)):
        patch_attention(attention, 1)
    with pytest.raises(ValueError, match=pattern(attention_strings.NO_HEAD, head=3)):
        token_attention(attention, token_head=2, patch_head=0)


def test_heads_that_are_not_there_and_encoders_that_say_nothing_are_refused(
    slide: MadeSlide, tmp_path: Path, attention: Attention
) -> None:
    with pytest.raises(ValueError, match=pattern(attention_strings.NO_HEAD, head=3)):
        attention_map(attention, HierarchyLook(), token_head=2)
    with (
        open_store(tmp_path / "other", slide) as store,
        pytest.raises(EncoderError, match=pattern(analysis_strings.NO_ATTENTION)),
    ):
        attention_of(Analysis(slide, ColourEncoder(), store))


def test_attention_that_is_even_at_every_level_is_exactly_even() -> None:
    even, known = log_codes(np.ones(1))[0], np.ones((2, 2), bool)
    attention = Attention(
        np.full((6, 2, 2, 256), even), np.full((6, 2, 2), even), np.full((1, 1), even), known, known, known
    )
    assert (token_attention(attention, token_head="mean", patch_head="mean") == 1).all()


def test_a_map_takes_little_more_memory_than_it_holds() -> None:
    rng, side = np.random.default_rng(1), 100
    known = np.ones((side, side), bool)
    codes = [
        rng.integers(1, 255, shape, np.uint8) for shape in ((1, side, side, 256), (1, side, side), (7, 7))
    ]
    attention = Attention(*codes, known, known, known)
    look = HierarchyLook("factorised", "token")
    tracemalloc.start()
    found = attention_map(attention, look)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 10 * found.scores.size
    row, col = 93, 57
    expected = composed(
        codes[2][5, 3], codes[1][0, row, col], codes[0][0, row, col, 16 * 5 + 9], look.weights(99)
    )
    assert found.scores[row * 16 + 5, col * 16 + 9] == pytest.approx(float(expected), abs=1e-6)


def test_a_map_of_no_tissue_at_all_is_refused() -> None:
    known = np.zeros((32, 32), bool)
    known[:16] = True
    found = AttentionMap(np.zeros((32, 32), np.float32), known)
    with pytest.raises(EncoderError, match=pattern(strings.NOTHING_ANALYSED, patches=1)):
        found.check_known(np.array([[False, False], [True, False]]))
    found.check_known(np.array([[True, False], [True, False]]))
    found.check_known(np.zeros((2, 2), bool))
