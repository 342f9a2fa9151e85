"""Makes ``resources/reference_quantiles.toml``: how the measurements spread over patches of reference slides.

Run: FOVEOLA_SLIDES=... python tests/bench/reference_quantiles.py > resources/reference_quantiles.toml
Each slide, and each set of tiles, counts the same. Only quantiles are kept: nothing of any slide can be seen
in them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from _tiles import TILE_SETS
from ranking import measure_slide, measure_tiles

from viewer.relevance.encoders.measured.card import MEASUREMENTS
from viewer.relevance.encoders.measured.encoder import MeasuredEncoder

QUANTILES = 41
PATCHES_EACH = 2000
SLIDES = (
    "appendix-crop-HE.svs",
    "colon-submucosal-lipoma-HE.svs",
    "pancreas-crop-HE.svs",
    "CMU-1-Small-Region.svs",
    "tcga-cr-7395-jp2k.svs",
    "OS-1-detail.ome.tif",
)


def main() -> int:
    """Measure, pool and print."""
    folder = Path(os.environ["FOVEOLA_SLIDES"])
    encoder = MeasuredEncoder()
    with TemporaryDirectory() as made:
        none = Path(made) / "none.geojson"
        none.write_text('{"features": []}', encoding="utf-8")
        parts = [measure_slide(folder / name, encoder, regions_file=none).features for name in SLIDES]
    parts += [measure_tiles(folder / "tiles" / name, encoder).features for name in TILE_SETS]
    rng = np.random.default_rng(0)
    pooled = np.concatenate([part[rng.integers(0, len(part), PATCHES_EACH)] for part in parts])
    shares = np.linspace(0, 1, QUANTILES)
    print("# Quantiles from 0 to 100 % of each measurement: tests/bench/reference_quantiles.py.")
    print(f"# {len(parts)} slides and sets of tiles, each counted the same.\n\n[quantiles]")
    for number, one in enumerate(MEASUREMENTS):
        values = np.quantile(pooled[:, number], shares)
        print(f"{one.id} = [{', '.join(f'{value:.5g}' for value in values)}]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
