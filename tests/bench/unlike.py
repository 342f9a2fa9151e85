"""Which slides the tissue encoder takes for something that it was not trained on: other stains, cytology,
satellite pictures.

Run: PYTHONPATH=. python tests/bench/unlike.py FILE... [--mpp UM]
Of each file, 24 patches spread over its tissue: the share whose novelty is above 1, the median novelty, and
the stain that was found. Classes are off where the stain is not H&E, and fade patch by patch above 1.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

import numpy as np

from viewer.common.errors import FoveolaError
from viewer.relevance.encoders.card import TISSUE_ID
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.registry import load_encoder
from viewer.relevance.encoders.sample import tissue_sample
from viewer.relevance.encoders.tissue.card import LOGITS
from viewer.slide.formats.registry import open_slide
from viewer.slide.tissue.mask import tissue_mask
from viewer.slide.tissue.stains import Stains


def main() -> None:
    """Prints a line a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--mpp", type=float, default=1.0, help="pixel size in µm of files that state none")
    options = parser.parse_args()
    encoder = load_encoder(TISSUE_ID)
    margin = encoder.card.margin_px
    for path in options.files:
        try:
            with closing(open_slide(path)) as source:
                mpp_um = source.info.mpp_um or (options.mpp, options.mpp)
                tissue = tissue_mask(source, mpp_um)
                calibration = encoder.calibrate(source, tissue, mpp_um)
                patches = tissue_sample(source, tissue, mpp_um)
        except FoveolaError as error:
            sys.stdout.write(f"{path.name}: {error}\n")
            continue
        if not len(patches):
            sys.stdout.write(f"{path.name}: no tissue\n")
            continue
        around = ((0, 0), (margin, margin), (margin, margin), (0, 0))
        blocks = np.pad(patches, around, mode="reflect")
        novelty = np.array(
            [encoder.encode(one, calibration)[0, 0, MEASURED.feature_count + LOGITS] for one in blocks]
        )
        stain = Stains.from_facts(calibration["stains"]).kind
        unlike, median = (novelty > 1).mean(), np.median(novelty)
        sys.stdout.write(
            f"{path.name}: {unlike:.0%} of {len(novelty)} patches, median {median:.2f}; stain: {stain}\n"
        )


if __name__ == "__main__":
    main()
