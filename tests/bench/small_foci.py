"""Where a focus of tumour smaller than a patch stands among the patches of a phantom lymph node, by the word
"tumour": with whole patches alone, and with parts of some; and what the parts cost, and raise elsewhere.

Run: PYTHONPATH=. python tests/bench/small_foci.py [SLIDE…]. SLIDES without tumour are scored, too.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import closing
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from viewer.common.paths import cache_dir
from viewer.relevance.analysis.feature_analysis import FeatureAnalysis
from viewer.relevance.analysis.open import pixel_size_of
from viewer.relevance.analysis.search import read_question
from viewer.relevance.encoders.card import MEASURED_ID
from viewer.relevance.encoders.registry import load_encoder
from viewer.relevance.features.store import FeatureStore
from viewer.relevance.features.store_key import StoreSubject
from viewer.relevance.patches.peaks import LEAST_SCORE
from viewer.slide.formats.registry import open_slide
from viewer.slide.phantom.layout import make_layout
from viewer.slide.phantom.slide import write_phantom

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.patches.grid import PatchGrid

SIZE_PX, MPP_UM, FOCUS_UM = 16384, 0.25, 80.0
WORD = "tumour"


def node_of(seed: int) -> Path:
    """A phantom node, made once in the cache folder."""
    path = cache_dir() / f"bench-node-{SIZE_PX}-{FOCUS_UM:g}-{seed}.tif"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_phantom(path, size_px=SIZE_PX, seed=seed, focus_um=FOCUS_UM)
    return path


def holding(grid: PatchGrid, seed: int) -> NDArray[np.bool_]:
    """The patches that hold some of the focus."""
    focus = make_layout(seed, FOCUS_UM / (SIZE_PX * MPP_UM)).focus
    assert focus is not None
    x, y = focus[0] * SIZE_PX / grid.patch_width_px, focus[1] * SIZE_PX / grid.patch_height_px
    beyond_x = np.maximum(np.abs(np.arange(grid.columns) + 0.5 - x) - 0.5, 0)
    beyond_y = np.maximum(np.abs(np.arange(grid.rows) + 0.5 - y) - 0.5, 0)
    return np.hypot(beyond_y[:, None], beyond_x) < FOCUS_UM / MPP_UM / 2 / grid.patch_width_px


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("slide", type=Path, nargs="*", help="slides without tumour")
    parser.add_argument("--seeds", type=int, nargs="*", default=range(1, 11))
    options = parser.parse_args()
    query = read_question(WORD, MEASURED_ID).query
    assert query is not None
    slides = [(node_of(seed), seed) for seed in options.seeds]
    for path, seed in [*slides, *((path, None) for path in options.slide)]:
        with TemporaryDirectory() as folder, closing(open_slide(path)) as source:
            encoder = load_encoder(MEASURED_ID)
            size = pixel_size_of(source, None)
            subject = StoreSubject.of(source, encoder.card, size.mpp_um, mpp_estimated=size.estimated)
            with FeatureStore.open(subject, limit_bytes=1 << 33, folder=Path(folder)) as store:
                analysis = FeatureAnalysis(source, encoder, store)
                parts, analysis.parts = analysis.parts, None
                started_s = time.process_time()
                analysis.run_to_end(threads=1)
                whole_s = time.process_time() - started_s
                before = analysis.field(query).scores
                analysis.parts = parts
                started_s = time.process_time()
                analysis.run_to_end(query=query, threads=1)
                parts_s = time.process_time() - started_s
                after = analysis.field(query).scores
                tissue = analysis.tissue
                cost = f"{store.parts.count} in parts, {whole_s:.1f} + {parts_s:.1f} s"
        if seed is None:
            shares = [float((scores[tissue] >= LEAST_SCORE).mean()) for scores in (before, after)]
            print(f"{path.name}: at {LEAST_SCORE} and more {shares[0]:.1%}, {shares[1]:.1%}; {cost}")
            continue
        held = holding(analysis.grid, seed)
        ranks = [int((scores[tissue] > scores[held].max()).sum()) + 1 for scores in (before, after)]
        top = f"1 % is {ceil(tissue.sum() / 100)} of {tissue.sum()}, {ceil(tissue.size / 100)} with glass"
        print(f"seed {seed}: rank {ranks[0]}, {ranks[1]} ({top}); {cost}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
