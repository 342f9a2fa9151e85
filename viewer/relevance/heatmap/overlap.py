"""The overlap pass: encodes patches half-way between those of the grid and merges their attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.common.errors import EncoderError, EncoderMemoryError
from viewer.relevance.analysis.block_reader import BlockReader
from viewer.relevance.analysis.schedule import blocks_of
from viewer.relevance.attention.overlap_grid import SHARE, merged, overlapping_patches
from viewer.relevance.attention.slide_attention import MEAN, patch_attention
from viewer.relevance.heatmap import strings
from viewer.relevance.models.batching import one_torch_thread
from viewer.relevance.patches.attention_codes import TOKENS, log_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from viewer.common.errors import EncoderDeviceError
    from viewer.relevance.analysis.slide_analysis import Analysis
    from viewer.relevance.attention.slide_attention import Attention, Head
    from viewer.relevance.patches.blocks import BlockResult, Half

    Cells = NDArray[np.int64]
    Progress = Callable[[float, float], None]

SHIFTS = (0, 1), (1, 0), (1, 1)
"""Half patches down and to the right."""


@dataclass(frozen=True, slots=True)
class ShiftedPatches:
    """Shifted patches at ``corners`` (n, 2), in half patches: ``tokens`` uint8 (heads, n, 256), codes of
    attention. ``failed``: the number of requested patches that could not be read.
    """

    corners: Cells
    tokens: NDArray[np.uint8]
    failed: int


def run_overlap_pass(
    analysis: Analysis,
    attention: Attention,
    merge: str,
    *,
    share: float = SHARE,
    patch_head: Head = MEAN,
    progress: Progress | None = None,
) -> ShiftedPatches:
    """Encode the shifted patches over the ``share`` of tissue that gets most attention, and merge their
    tokens ("mean" or "max", see ``overlap_grid.merged``) into those of ``attention``, in place.

    Raises EncoderError as ``encode_shifted`` does, ValueError for another merge, share or head.
    """
    known = attention.tissue & attention.tokens_known
    values = patch_attention(attention, patch_head)
    corners = overlapping_patches(values, known & attention.patches_known, share)
    shifted = encode_shifted(analysis, corners, progress)
    cells, tokens = merged(attention.tokens, known, shifted.corners, shifted.tokens, merge)
    attention.tokens[:, cells[:, 0], cells[:, 1]] = tokens
    return shifted


def encode_shifted(analysis: Analysis, corners: Cells, progress: Progress | None = None) -> ShiftedPatches:
    """Encode the shifted patches at ``corners`` (n, 2), in half patches, as the analysis encoded its own.

    ``progress`` is called with the numbers done and in total. Raises EncoderError for an encoder without
    attention within patches, and where the memory suffices for none.
    """
    card = analysis.encoder.card
    if card.attends != "tokens" or card.attention_heads is None:
        raise EncoderError(strings.NO_TOKENS.format(encoder=card.title))
    found: list[tuple[Cells, NDArray[np.uint8]]] = []
    done = 0
    for shift in SHIFTS:
        pending = np.zeros(analysis.grid.shape, bool)
        pending[tuple(corners[(corners % 2 == shift).all(axis=1)].T // 2)] = True
        for outcome in outcomes(analysis, shift, pending):
            done += len(outcome.cells) + len(outcome.failed)
            if outcome.tokens is not None:
                finite = np.isfinite(outcome.tokens).all(axis=(1, 2))
                found.append((2 * outcome.cells[finite] + shift, log_codes(outcome.tokens[finite])))
            if progress is not None:
                progress(done, len(corners))
    if not found:
        return ShiftedPatches(
            np.empty((0, 2), np.int64), np.empty((card.attention_heads[0], 0, TOKENS), np.uint8), done
        )
    places = np.concatenate([cells for cells, _ in found])
    tokens = np.concatenate([codes for _, codes in found]).swapaxes(0, 1)
    return ShiftedPatches(places, tokens, len(corners) - len(places))


def outcomes(analysis: Analysis, shift: Half, pending: NDArray[np.bool_]) -> Iterator[BlockResult]:
    """The results of the ``pending`` patches (rows, columns), each shifted by ``shift`` half patches;
    ``pending`` is cleared. Blocks too large for the memory are split, then encoded on the CPU. Raises
    EncoderError where that fails too.
    """
    side = analysis.block_side
    given = analysis.source, analysis.encoder, analysis.grid, analysis.store.calibration or {}
    with (
        one_torch_thread() as threads,
        BlockReader(*given, threads=threads, device=analysis.device) as reader,
    ):
        while True:
            full: EncoderMemoryError | EncoderDeviceError | None = None
            blocks = blocks_of(pending, side)[::-1]
            while blocks or reader.busy:
                while blocks and reader.busy < reader.room:
                    block = blocks.pop()
                    reader.submit(block, pending[block.cells], half=shift)
                for outcome in reader.collect(None):
                    if outcome.device_error is not None:
                        full = outcome.device_error
                        continue
                    pending[tuple(outcome.cells.T)] = pending[tuple(outcome.failed.T)] = False
                    yield outcome
            if full is None:
                return
            if side > 1 and isinstance(full, EncoderMemoryError):
                side = (side + 1) // 2
            elif analysis.device != "cpu":
                reader.fall_back_to_cpu()
                analysis.device = "cpu"
            else:
                raise full
