"""How well measured concepts rank the patches of labelled regions: area under the ROC curve for each class.

Run: FOVEOLA_SLIDES=... PYTHONPATH=. python tests/bench/ranking.py [--slide NAME] [--variations]
A class's patches (centre in one of its regions) are ranked against those in all other labelled regions of the
slide; pooled: of all slides. Tile sets count each tile as a patch, and each set as a slide.
"""

from __future__ import annotations

import argparse
import math
import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _regions import OTHER, TILE_SETS, auroc, concepts_of_patches, tiles
from _variations import PLAIN, VARIATIONS, Variation, VariedSource
from PIL import Image

from viewer.common.errors import UnsupportedTermError
from viewer.common.paths import cache_dir
from viewer.relevance.encoders.card import MEASURED_ID
from viewer.relevance.encoders.registry import load_encoder
from viewer.relevance.patches.grid import PATCH_UM, PatchGrid
from viewer.relevance.query.tree import Term
from viewer.slide.formats.array import ArraySource
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import Rect
from viewer.slide.phantom.slide import write_phantom
from viewer.slide.region import read_region
from viewer.slide.source import SlideInfo, Source
from viewer.slide.tissue.mask import tissue_mask
from viewer.slide.tissue.pixel_size import estimate_mpp_um

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from viewer.relevance.encoders.protocols import Encoder

BLOCK = 4
LEAST_TISSUE = 0.02
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


@dataclass(frozen=True)
class Measured:
    """A slide, or a set of tiles, as an encoder sees it.

    ``features`` (n, d) are those of all patches with tissue; ``known`` and every mask of ``concepts`` run
    over all m patches, and ``known`` says which of them the features belong to. The others are glass.
    ``places`` (m, 4) are rectangles in level-0 px.
    """

    name: str
    features: NDArray[np.float32]
    calibration: Mapping[str, Any]
    known: NDArray[np.bool_]
    concepts: dict[str, NDArray[np.bool_]]
    places: NDArray[np.float64]

    @property
    def labelled(self) -> NDArray[np.bool_]:
        return np.logical_or.reduce(list(self.concepts.values()))

    def scores(self, encoder: Encoder, concept: str) -> NDArray[np.float32]:
        """(m,): glass is background and nothing else; NaN where the encoder cannot tell."""
        scores = np.full(len(self.known), concept == "background", np.float32)
        term = Term(concept.replace("_", " "), ((concept, 1.0),))
        try:
            scores[self.known] = encoder.score(term, self.features, self.calibration)
        except UnsupportedTermError:
            scores[self.known] = np.nan
        return scores

    def aurocs(self, encoder: Encoder) -> dict[str, float]:
        """For each class of this slide; those whose patches are all or none of the labelled are left out."""
        labelled = self.labelled
        areas = {
            concept: auroc(self.scores(encoder, concept)[labelled], mask[labelled])
            for concept, mask in self.concepts.items()
            if concept != OTHER
        }
        return {concept: area for concept, area in areas.items() if not math.isnan(area)}


def measure_slide(
    path: Path,
    encoder: Encoder,
    *,
    variation: Variation = PLAIN,
    mpp_um: float | None = None,
    regions_file: Path | None = None,
) -> Measured:
    """Encode a whole slide as the viewer would; its regions are those of the ``.regions.geojson`` beside it.

    Its pixel size is ``mpp_um``, else what the file states, else the estimate.
    """
    with closing(open_slide(path)) as opened:
        mpp = (mpp_um, mpp_um) if mpp_um else _pixel_size(opened)
        source: Source = opened if variation is PLAIN else VariedSource(opened, variation, mpp)
        believed = (mpp[0] * variation.mpp_factor, mpp[1] * variation.mpp_factor)
        grid = PatchGrid.over(source.pyramid.width, source.pyramid.height, believed)
        tissue = tissue_mask(source, believed)
        share = tissue.patch_fractions(grid.columns, grid.rows, grid.patch_width_px, grid.patch_height_px)
        known = share >= LEAST_TISSUE
        calibration = encoder.calibrate(source, tissue, believed)
        features = _encode(source, grid, known, encoder, calibration)
    regions = concepts_of_patches(regions_file or path.with_name(f"{path.stem}.regions.geojson"), grid)
    places = np.array([grid.rect(row, col) for row in range(grid.rows) for col in range(grid.columns)])
    return Measured(
        path.stem,
        features[known],
        calibration,
        known.ravel(),
        {concept: mask.ravel() for concept, mask in regions.items()},
        places,
    )


def measure_tiles(folder: Path, encoder: Encoder, *, variation: Variation = PLAIN) -> Measured:
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
    corners = np.array([(index % columns, index // columns) for index in range(len(blocks))]) * float(side)
    places = np.concatenate([corners, corners + side], axis=1)
    return Measured(folder.name, features, calibration, np.ones(len(blocks), np.bool_), concepts, places)


def pooled(slides: Sequence[Measured], encoder: Encoder) -> dict[str, float]:
    """For each class that any of the slides has: ranked among the labelled patches of all of them."""
    areas = {}
    for concept in sorted({concept for slide in slides for concept in slide.concepts} - {OTHER}):
        scores = np.concatenate([slide.scores(encoder, concept)[slide.labelled] for slide in slides])
        nowhere = [np.zeros(len(slide.known), np.bool_) for slide in slides]
        inside = np.concatenate(
            [
                slide.concepts.get(concept, nothing)[slide.labelled]
                for slide, nothing in zip(slides, nowhere, strict=True)
            ]
        )
        areas[concept] = auroc(scores, inside)
    return areas


def _encode(
    source: Source,
    grid: PatchGrid,
    wanted: NDArray[np.bool_],
    encoder: Encoder,
    calibration: Mapping[str, Any],
) -> NDArray[np.float32]:
    """(rows, columns, d), 0 where a patch is not wanted."""
    card = encoder.card
    features: NDArray[np.float32] | None = None
    for row in range(0, grid.rows, BLOCK):
        for col in range(0, grid.columns, BLOCK):
            part = wanted[row : row + BLOCK, col : col + BLOCK]
            if not part.any():
                continue
            rows, cols = part.shape
            margin_x, margin_y = (
                card.margin_px * side / card.patch_px for side in (grid.patch_width_px, grid.patch_height_px)
            )
            inner = grid.rect(row, col, rows, cols)
            outer = Rect(inner.x0 - margin_x, inner.y0 - margin_y, inner.x1 + margin_x, inner.y1 + margin_y)
            size = (
                cols * card.patch_px + 2 * card.margin_px,
                rows * card.patch_px + 2 * card.margin_px,
            )
            found = encoder.encode(read_region(source, outer, size), calibration)
            if features is None:
                features = np.zeros((*grid.shape, found.shape[-1]), np.float32)
            features[row : row + rows, col : col + cols] = found
    if features is None:
        raise ValueError(f"{source.info.path}: no tissue was found")
    return features


def _pixel_size(source: Source) -> tuple[float, float]:
    if source.info.mpp_um:
        return source.info.mpp_um
    estimate = estimate_mpp_um(source, tissue_mask(source, None))
    if estimate.mpp_um is None:
        raise ValueError(f"{source.info.path}: {estimate.reason}")
    return estimate.mpp_um, estimate.mpp_um


def _print(title: str, areas: Mapping[str, float]) -> None:
    counted = [area for concept, area in areas.items() if concept in NAMED]
    mean = f"mean {np.mean(counted):.3f}  min {min(counted):.3f}" if counted else ""
    print(f"{title:34}{mean}")
    print("".join(f"    {concept} {area:.3f}" for concept, area in sorted(areas.items())))


def _measured_sets(
    slides: Sequence[Path], folders: Sequence[Path], encoder: Encoder, variation: Variation
) -> list[Measured]:
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
