"""HIPT's published heatmap of a whole slide, region by region: ranks of patches and tokens, blended.

Two passes over the patches, those of the grid and those half a patch further down and to the right, give all
four versions of every region (``hipt_heatmap``). Shifted regions contain true neighbours where the
published procedure has white; glass and the area beyond the slide are white.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from viewer.common.errors import EncoderDeviceError, EncoderError, EncoderMemoryError
from viewer.relevance.attention.slide_attention import MAX, MEAN, check_head, per_token
from viewer.relevance.encoders.hipt_encoder import HiptEncoder
from viewer.relevance.heatmap import strings
from viewer.relevance.heatmap.hipt_region import SHIFTS_PX, blended, patch_ranks, token_ranks
from viewer.relevance.heatmap.overlap import outcomes
from viewer.relevance.heatmap.whole_slide import AttentionMap
from viewer.relevance.patches.attention_codes import PATCHES_A_SIDE, TOKENS_A_SIDE
from viewer.relevance.patches.blocks import ON_GRID

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from viewer.relevance.analysis.slide_analysis import Analysis
    from viewer.relevance.attention.slide_attention import Head
    from viewer.relevance.encoders.protocols import Encoder
    from viewer.relevance.patches.blocks import BlockResult, Half

    Mask = NDArray[np.bool_]
    Values = NDArray[np.floating]

Number = TypeVar("Number", bound=np.generic)

_BETWEEN: Half = (1, 1)
_STEPS = 65535
"""Of a rank as it is kept."""
_SIDE = PATCHES_A_SIDE * TOKENS_A_SIDE
_VERSIONS = [(shift // 128 % 2, shift // 256) for shift in SHIFTS_PX]
"""Each on the patches of the grid (0) or those between (1), so many patches down and to the right."""


def can_make_published(encoder: Encoder) -> bool:
    """Whether an encoder has tokens and regions of patches, as the published heatmap needs."""
    return isinstance(encoder, HiptEncoder) and encoder.has_regions


def published_blend(
    analysis: Analysis,
    *,
    token_head: Head = MEAN,
    patch_head: Head = MEAN,
    tokens: bool = True,
    progress: Callable[[float, float], None] | None = None,
) -> AttentionMap:
    """The map of a slide, the features of which come to the analysis's store; without ``tokens`` that of
    patches alone. MEAN and MAX are of the heads' ranks. ``progress`` is called with the numbers of patches
    done and in total.

    Patches that could not be read, or overlap a shifted one that could not, are not known. Raises
    EncoderError for an encoder that does not make it and where the memory suffices for no patch, SlideError,
    ValueError for a head that is not there.
    """
    encoder = analysis.encoder
    if not isinstance(encoder, HiptEncoder) or not encoder.has_regions:
        raise EncoderError(strings.NO_REGIONS.format(encoder=encoder.card.title))
    for head, heads in zip((token_head, patch_head), encoder.heads, strict=True):
        check_head(head, heads)
    analysis.use_fastest()
    analysis.reader(1).close()  # calibrates
    width = encoder.patch_level.pos_embed.shape[-1]
    grids = _EncodedGrid(analysis.tissue, width), _EncodedGrid(_around(analysis.tissue, back=False), width)
    total = sum(grid.selected.sum() for grid in grids)
    for grid, half in zip(grids, (ON_GRID, _BETWEEN), strict=True):
        for outcome in outcomes(analysis, half, grid.selected.copy()):
            grid.take(outcome, token_head)
            if half == ON_GRID:
                analysis.pending[tuple(outcome.cells.T)] = analysis.pending[tuple(outcome.failed.T)] = False
                analysis.take(outcome)
            if progress is not None:
                progress(sum(one.done for one in grids), total)
        if half == ON_GRID:
            analysis.finish()
    rows, cols = analysis.tissue.shape
    scores = np.zeros((rows * TOKENS_A_SIDE, cols * TOKENS_A_SIDE), np.float32)
    for row in range(0, rows, PATCHES_A_SIDE):
        for col in range(0, cols, PATCHES_A_SIDE):
            if not analysis.tissue[_area(row, col)].any():
                continue
            ranks = patch_ranks(_region_attention(analysis, encoder, grids, row, col))
            found = blended(
                _of_heads(ranks, patch_head), np.stack([encoded.ranks_in(row, col) for encoded in grids])
            )
            part = scores[row * TOKENS_A_SIDE :, col * TOKENS_A_SIDE :][:_SIDE, :_SIDE]
            part[...] = (found.blend if tokens else found.patches)[: part.shape[0], : part.shape[1]]
    lost = _around(grids[1].selected & ~grids[1].known, back=True)
    drawn = analysis.tissue & grids[0].known & ~lost
    scores *= per_token(drawn)
    return AttentionMap(scores, per_token(drawn | ~analysis.tissue))


class _EncodedGrid:
    """Tokens and features of the ``selected`` patches (rows, columns) of one grid. ``known``: those with
    valid values; ``done``: the number of those tried."""

    def __init__(self, selected: Mask, width: int) -> None:
        self.selected = selected
        self.known: Mask = np.zeros(selected.shape, bool)
        self.done = 0
        self._place: NDArray[np.int64] = np.full(selected.shape, -1)
        self._place[selected] = np.arange(selected.sum())
        self._ranks = np.zeros((int(selected.sum()), TOKENS_A_SIDE**2), np.uint16)
        self._features = np.zeros((len(self._ranks), width), np.float32)

    def take(self, outcome: BlockResult, head: Head) -> None:
        self.done += len(outcome.cells) + len(outcome.failed)
        if outcome.tokens is None or not len(outcome.cells):
            return
        finite = np.isfinite(outcome.tokens).all(axis=(1, 2)) & np.isfinite(outcome.features).all(axis=1)
        cells = tuple(outcome.cells[finite].T)
        tokens = outcome.tokens[finite].swapaxes(0, 1).reshape(-1, int(finite.sum()), *(TOKENS_A_SIDE,) * 2)
        ranks = _of_heads(token_ranks(tokens), head).reshape(-1, TOKENS_A_SIDE**2)
        self._ranks[self._place[cells]] = np.rint(ranks * _STEPS)
        self._features[self._place[cells]] = outcome.features[finite]
        self.known[cells] = True

    def ranks_in(self, row: int, col: int) -> Values:
        """Of the tokens of a region's patches (256, 16, 16), 0 where nothing is known."""
        return self._laid(self._ranks, row, col).reshape(-1, TOKENS_A_SIDE, TOKENS_A_SIDE) / _STEPS

    def window(self, row: int, col: int) -> tuple[NDArray[np.float32], Mask]:
        """The features of a region's patches (16, 16, width), and which of them are known."""
        known = np.zeros((PATCHES_A_SIDE, PATCHES_A_SIDE), bool)
        here = self.known[_area(row, col)]
        known[: here.shape[0], : here.shape[1]] = here
        return self._laid(self._features, row, col), known

    def _laid(self, values: NDArray[Number], row: int, col: int) -> NDArray[Number]:
        laid: NDArray[Number] = np.zeros((PATCHES_A_SIDE, PATCHES_A_SIDE, values.shape[1]), values.dtype)
        area = _area(row, col)
        rows, cols = np.nonzero(self.known[area])
        laid[rows, cols] = values[self._place[area][rows, cols]]
        return laid


def _region_attention(
    analysis: Analysis, encoder: HiptEncoder, grids: tuple[_EncodedGrid, _EncodedGrid], row: int, col: int
) -> Values:
    """The attention (heads, 4, 16, 16) of the four versions of a region."""
    windows = [grids[grid].window(row + moved, col + moved) for grid, moved in _VERSIONS]
    features, tissue = (np.stack(parts) for parts in zip(*windows, strict=True))
    try:
        attention, _ = encoder.attend_regions(features, tissue)
    except (EncoderMemoryError, EncoderDeviceError):
        if analysis.device == "cpu":
            raise
        encoder.use("cpu")
        analysis.device = "cpu"
        attention, _ = encoder.attend_regions(features, tissue)
    return attention.swapaxes(0, 1)


def _of_heads(ranks: Values, head: Head) -> Values:
    """One of the heads along the first axis, or their mean or maximum."""
    if isinstance(head, int):
        return ranks[head]
    joined: Values = ranks.max(axis=0) if head == MAX else ranks.mean(axis=0)
    return joined


def _around(mask: Mask, *, back: bool) -> Mask:
    """Which patches between overlap those of the grid in ``mask``; ``back``: which of the grid such ones."""
    padded = np.pad(mask, (1, 0) if back else (0, 1))
    down = padded[:-1] | padded[1:]
    found: Mask = down[:, :-1] | down[:, 1:]
    return found


def _area(row: int, col: int) -> tuple[slice, slice]:
    return slice(row, row + PATCHES_A_SIDE), slice(col, col + PATCHES_A_SIDE)
