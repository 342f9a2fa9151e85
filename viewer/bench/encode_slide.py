"""``foveola bench encode --slide``: patches per second from a slide's file through an encoder, beside the
rates of decoding and of the encoder alone, on the same blocks with the same threads.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.bench import strings
from viewer.common.cores import core_count
from viewer.common.errors import EncoderError
from viewer.relevance.analysis.block_reader import BlockReader, read_block
from viewer.relevance.analysis.feature_analysis import BLOCK_SIDE, LEAST_TISSUE
from viewer.relevance.analysis.open import pixel_size_of
from viewer.relevance.analysis.schedule import blocks_of
from viewer.relevance.models.batching import one_torch_thread
from viewer.relevance.patches.grid import PatchGrid
from viewer.slide.formats.registry import open_slide
from viewer.slide.tissue.mask import tissue_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from viewer.relevance.encoders.protocols import Encoder
    from viewer.relevance.patches.blocks import Block

_BLOCKS_A_THREAD = 2
_REPEATS = 2


def bench_slide(encoder: Encoder, path: Path, *, device: str) -> dict[str, Any]:
    """The best of two turns each, on blocks spread over the tissue.

    Keys: ``patches``, ``threads``, ``decode_patches_per_s``, ``model_patches_per_s``,
    ``end_to_end_patches_per_s`` and ``ratio``: the last over the slower of the two before. Raises
    EncoderError, SlideError, PixelSizeError.
    """
    threads = core_count()
    with closing(open_slide(path)) as source, one_torch_thread():
        mpp_um = pixel_size_of(source, None).mpp_um
        grid = PatchGrid.over(source.pyramid.width, source.pyramid.height, mpp_um)
        tissue = tissue_mask(source, mpp_um)
        fractions = tissue.patch_fractions(grid.columns, grid.rows, grid.patch_width_px, grid.patch_height_px)
        blocks = blocks_of(fractions >= LEAST_TISSUE, BLOCK_SIDE[device])
        if not blocks:
            raise EncoderError(strings.NO_TISSUE.format(path=path))
        blocks = _spread(blocks, threads * _BLOCKS_A_THREAD)
        calibration = encoder.calibrate(source, tissue, mpp_um)
        pixels = [read_block(source, grid, encoder.card, block) for block in blocks]

        def end_to_end() -> None:
            with BlockReader(source, encoder, grid, calibration, threads=threads, device=device) as reader:
                for block in blocks:
                    reader.submit(block, np.ones((block.rows, block.cols), bool))
                while reader.busy:
                    reader.collect(None)

        turns = {
            "decode": lambda: _spread_over(
                threads, lambda block: read_block(source, grid, encoder.card, block), blocks
            ),
            "model": lambda: _spread_over(
                threads if device == "cpu" else 1, lambda some: encoder.encode(some, calibration), pixels
            ),
            "end_to_end": end_to_end,
        }
        best = dict.fromkeys(turns, float("inf"))
        for _ in range(_REPEATS):
            for name, turn in turns.items():
                started_s = perf_counter()
                turn()
                best[name] = min(best[name], perf_counter() - started_s)
    patches = sum(block.rows * block.cols for block in blocks)
    slower_s = max(best["decode"], best["model"])
    return {
        "patches": patches,
        "threads": threads,
        **{f"{name}_patches_per_s": round(patches / seconds, 2) for name, seconds in best.items()},
        "ratio": round(slower_s / best["end_to_end"], 3),
    }


def _spread(blocks: Sequence[Block], count: int) -> list[Block]:
    """The largest of the blocks, at even steps among them."""
    most = max(block.rows * block.cols for block in blocks)
    whole = [block for block in blocks if block.rows * block.cols == most]
    chosen = np.unique(np.linspace(0, len(whole) - 1, min(count, len(whole))).astype(int))
    return [whole[index] for index in chosen]


def _spread_over(threads: int, work: Callable[[Any], object], items: Sequence[object]) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, items):
            pass
