"""What a query's token budget saves of a first look at a whole slide: time by budget over time at 256 tokens.

Run: PYTHONPATH=. python tests/bench/attention_budget.py SLIDE [--query TEXT]. HIPT's shapes with random
weights; patches drawn evenly from those with tissue, read and encoded both ways in turns, one core. The
budget is the worker's: 40 % of 256 tokens a patch. How well features of the two agree only real weights tell.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import numpy as np
import torch
from _hipt_folder import register_random_hipt

from viewer.relevance.analysis.allocation import Allocator
from viewer.relevance.analysis.block_reader import read_block
from viewer.relevance.analysis.open import open_analysis, pixel_size_of
from viewer.relevance.encoders.card import MEASURED_ID
from viewer.relevance.encoders.protocols import Magnifying
from viewer.relevance.encoders.registry import load_encoder
from viewer.relevance.encoders.token_budget import sides_for
from viewer.relevance.patches.blocks import Block
from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.parser import parse
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import Rect
from viewer.view.viewport import Viewport

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.encoders.protocols import Encoder
    from viewer.relevance.patches.grid import PatchGrid
    from viewer.slide.source import Source

PATCHES = 64
TURNS = 3


def main() -> None:
    """Print how tokens are spread, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", type=Path)
    parser.add_argument("--query", default="adipose tissue")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as home, closing(open_slide(options.slide)) as source:
        os.environ["FOVEOLA_HOME"] = home
        register_random_hipt(Path(home) / "weights")
        tokens, tissue, grid = budget(source, options.query)
        sides = sides_for(tokens)
        cells = np.argwhere(tissue)
        cells = cells[np.linspace(0, len(cells) - 1, min(PATCHES, len(cells))).astype(int)]
        some, counts = np.unique(sides[tissue], return_counts=True)
        spread = ", ".join(f"{side**2}: {n}" for side, n in zip(some.tolist(), counts, strict=True))
        print(f"{int(tissue.sum())} patches with tissue, by their tokens: {spread}")
        encoder = load_encoder("hipt")
        chosen = {"uniform": np.full(len(cells), 16), "budget": sides[tuple(cells.T)].astype(int)}
        best = dict.fromkeys(chosen, float("inf"))
        for _ in range(TURNS):
            for name, along in chosen.items():
                best[name] = min(best[name], seconds(source, encoder, grid, cells, along))
        share = (chosen["budget"] ** 2).mean() / 256
        print(f"{len(cells)} of them uniformly: {best['uniform']:.1f} s; by budget: {best['budget']:.1f} s")
        print(f"ratio {best['budget'] / best['uniform']:.2f}; their tokens {share:.2f} of uniform")


def budget(source: Source, query: str) -> tuple[NDArray[np.uint16], NDArray[np.bool_], PatchGrid]:
    """The tokens of all patches for a query, which patches hold tissue, and their grid."""
    size = pixel_size_of(source, None)
    with open_analysis(source, size, encoder_id=MEASURED_ID, limit_bytes=1 << 28) as analysis:
        analysis.run_to_end(threads=1)
        field = analysis.field(parse(query, load_lexicon()).query)
        allocator = Allocator(analysis.grid, source.pyramid, analysis.tissue, size.mpp_um)
        pyramid = source.pyramid
        look = Viewport(Rect(0, 0, pyramid.width, pyramid.height), None, pyramid.width / 1000, moving=False)
        even = np.ones(analysis.grid.shape, np.float32)
        loads = allocator.allocate(field.scores, even * np.float32(np.nan), even, look)
        return loads.tokens, analysis.tissue, analysis.grid


def seconds(
    source: Source,
    encoder: Encoder,
    grid: PatchGrid,
    cells: NDArray[np.int64],
    sides: NDArray[np.integer],  # type: ignore[type-arg]
) -> float:
    """CPU time of reading and encoding patches with so many tokens along each."""
    assert isinstance(encoder, Magnifying)
    begun_s = process_time()
    for (row, col), side in zip(cells.tolist(), sides.tolist(), strict=True):
        card = replace(encoder.card, patch_px=16 * side)
        encoder.attend_at(read_block(source, grid, card, Block(row, col, 1, 1)), side)
    return process_time() - begun_s


if __name__ == "__main__":
    main()
