"""``foveola bench ranking`` on all that has labels here: slides, sets of tiles, a phantom; and as other
scanners see it.

Run: FOVEOLA_SLIDES=... PYTHONPATH=. python tests/bench/ranking.py [--slide NAME] [--variations]
Tile sets count each tile as a patch, and each set as a slide.
"""

from __future__ import annotations

import argparse
import math
import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _tiles import TILE_SETS, tiles
from _variations import PLAIN, VARIATIONS, Variation, VariedSource
from PIL import Image

from viewer.bench.labelled_regions import regions_beside
from viewer.bench.ranking import Labelled, labelled_patches, pooled
from viewer.common.paths import cache_dir
from viewer.relevance.analysis.open import pixel_size_of
from viewer.relevance.encoders.card import MEASURED_ID
from viewer.relevance.encoders.registry import load_encoder
from viewer.relevance.patches.grid import PATCH_UM
from viewer.slide.formats.array import ArraySource
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import Rect
from viewer.slide.phantom.slide import write_phantom
from viewer.slide.source import SlideInfo, Source
from viewer.slide.tissue.mask import tissue_mask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viewer.relevance.encoders.protocols import Encoder

NAMED = (
    "adipose_tissue",
    "mucin",
    "lymphocytes",
    "smooth_muscle",
    "tumour_epithelium",
    "normal_mucosa",
    "stroma",
    "blood",
)
"""The classes whose figures count."""


def measure_slide(
    path: Path, encoder: Encoder, *, variation: Variation = PLAIN, regions_file: Path | None = None
) -> Labelled:
    """Encode a whole slide, varied; its regions are those of the ``.regions.geojson`` beside it."""
    with closing(open_slide(path)) as opened:
        mpp = pixel_size_of(opened, None).mpp_um
        source: Source = opened if variation is PLAIN else VariedSource(opened, variation, mpp)
        believed = (mpp[0] * variation.mpp_factor, mpp[1] * variation.mpp_factor)
        return labelled_patches(source, encoder, believed, regions_file or regions_beside(path))


def measure_tiles(folder: Path, encoder: Encoder, *, variation: Variation = PLAIN) -> Labelled:
    """Encode a set of labelled tiles, as if they were the patches of one slide.

    Tiles are smaller than a patch: they are mirrored at their borders.
    """
    card = encoder.card
    mpp_um, _ = TILE_SETS[folder.name]
    side = card.patch_px + 2 * card.margin_px
    pictures, labels = tiles(folder)
    blocks = []
    for picture in pictures:
        varied = variation.apply(picture, mpp_um)
        scale = mpp_um * variation.mpp_factor / card.mpp_um
        width, height = (max(2, round(length * scale)) for length in (picture.shape[1], picture.shape[0]))
        resized = np.asarray(Image.fromarray(varied).resize((width, height), Image.Resampling.BICUBIC))
        before_y, before_x = (side - height) // 2, (side - width) // 2
        pads = ((before_y, side - height - before_y), (before_x, side - width - before_x), (0, 0))
        blocks.append(np.pad(resized, pads, mode="symmetric"))
    columns = 10
    sheet = np.full((-(-len(blocks) // columns) * side, columns * side, 3), 255, np.uint8)
    for index, block in enumerate(blocks):
        y, x = index // columns * side, index % columns * side
        sheet[y : y + side, x : x + side] = block
    size = (sheet.shape[1], sheet.shape[0])
    extent = Rect(0, 0, *size)
    source = ArraySource(SlideInfo(folder, "tiles", "tiles", "", extent, (size,)), sheet)
    card_mpp = (card.mpp_um, card.mpp_um)
    calibration = encoder.calibrate(source, tissue_mask(source, card_mpp), card_mpp)
    features = np.concatenate([encoder.encode(block, calibration)[0] for block in blocks])
    names = np.array(labels)
    concepts = {str(name): names == name for name in np.unique(names)}
    return Labelled(folder.name, features, calibration, np.ones(len(blocks), np.bool_), concepts)


def _print(title: str, areas: Mapping[str, float]) -> None:
    counted = [area for concept, area in areas.items() if concept in NAMED and not math.isnan(area)]
    mean = f"mean {np.mean(counted):.3f}  min {min(counted):.3f}" if counted else ""
    print(f"{title:34}{mean}")
    print("".join(f"    {concept} {area:.3f}" for concept, area in sorted(areas.items())))


def _measured_sets(
    slides: Sequence[Path], folders: Sequence[Path], encoder: Encoder, variation: Variation
) -> list[Labelled]:
    found = [measure_slide(path, encoder, variation=variation) for path in slides]
    return found + [measure_tiles(folder, encoder, variation=variation) for folder in folders]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--slide", action="append", help="only slides and tile sets of this name")
    parser.add_argument(
        "--variations", action="store_true", help="as other scanners might have seen them, too"
    )
    parser.add_argument("--phantom", type=int, default=16384, help="side of the phantom, px (0: none)")
    parser.add_argument("--encoder", default=MEASURED_ID)
    options = parser.parse_args()
    slides, folders = [], []
    if "FOVEOLA_SLIDES" in os.environ:
        root = Path(os.environ["FOVEOLA_SLIDES"])
        labelled = sorted(root.glob("*.regions.geojson"))
        slides = [
            next(
                path
                for path in sorted(root.iterdir())
                if path.name.startswith(file.name.removesuffix(".regions.geojson")) and path != file
            )
            for file in labelled
        ]
        folders = [root / "tiles" / name for name in TILE_SETS]
    if options.phantom:
        phantom = cache_dir() / f"bench-ranking-{options.phantom}.tif"
        if not phantom.exists():
            phantom.parent.mkdir(parents=True, exist_ok=True)
            write_phantom(phantom, size_px=options.phantom)
        slides.append(phantom)
    if options.slide:
        slides = [path for path in slides if any(name in path.name for name in options.slide)]
        folders = [folder for folder in folders if any(name in folder.name for name in options.slide)]
    encoder = load_encoder(options.encoder)
    for variation in (PLAIN, *VARIATIONS) if options.variations else (PLAIN,):
        print(f"--- {variation.name}, µm per patch: {PATCH_UM:g}")
        found = _measured_sets(slides, folders, encoder, variation)
        for measured in found:
            _print(measured.name, measured.aurocs(encoder))
        if len(found) > 1:
            _print("pooled", pooled(found, encoder))


if __name__ == "__main__":
    main()
