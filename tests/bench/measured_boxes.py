"""How well measured concepts rank the labelled boxes of a corpus, and other tissue of its slides.

Run: PYTHONPATH=. python tests/bench/measured_boxes.py CORPUS --keep FOLDER [--part PART]... [--slide NAME]...
CORPUS as ``foveola train-encoder`` takes it. Of each slide up to 4 × 4 patches a box and 126 patches of other
tissue are measured, once: ``--keep`` holds the measurements, so that changed weights are tried in seconds.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _regions import auroc

from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.measured.concepts import Ranks, concepts, score
from viewer.relevance.encoders.measured.encoder import MeasuredEncoder
from viewer.relevance.encoders.tissue.classes import tissue_classes
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.training.tissue.corpus import read_corpus
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import Rect
from viewer.slide.region import read_region
from viewer.slide.tissue.mask import tissue_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.training.tissue.corpus import CorpusSlide

CLASSES = {
    "adipose_tissue": ("adipose",),
    "mucin": ("mucin",),
    "necrosis": ("necrosis",),
    "blood": ("blood",),
    "pigment": ("pigment",),
    "lymphocytes": ("lymphoid", "germinal_centre"),
    "smooth_muscle": ("smooth_muscle",),
    "stroma": ("fibrous_stroma",),
    "normal_mucosa": ("glandular_epithelium",),
    "tumour_epithelium": tuple(one.id for one in tissue_classes() if one.tumour),
}
"""Concepts, and the classes of boxes that they mean."""
BOX_PATCHES, PLACES, PLACE_PATCHES = 4, 14, 3
RECALL, STATED = 0.8, 0.5


def main() -> None:
    """Prints a line for each concept, and a line of the classes that are mistaken for it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="folder of the measurements")
    parser.add_argument("--part", action="append", help="train, calibration or test; may be repeated")
    parser.add_argument("--slide", action="append", help="only this slide; may be repeated")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    found = []
    for slide in read_corpus(options.corpus).slides:
        wanted = options.slide is None or slide.name in options.slide
        if slide.mpp_um and wanted and (options.part is None or slide.part in options.part):
            file = options.keep / f"{slide.name}.npz"
            if not file.exists():
                np.savez(file, **measured(slide, slide.mpp_um))
            with np.load(file) as kept:
                found.append((slide.name, Ranks(kept["features"]), kept["classes"]))
    sys.stdout.write(f"{len(found)} slides\n")
    for name in CLASSES:
        print_concept(name, found)


def measured(slide: CorpusSlide, mpp_um: float) -> dict[str, NDArray[Any]]:
    """``features`` (n, measurements) of patches and ``classes`` (n,), "" outside the boxes."""
    encoder, mpp = MeasuredEncoder(), (mpp_um, mpp_um)
    with closing(open_slide(slide.path)) as source:
        grid = PatchGrid.over(source.pyramid.width, source.pyramid.height, mpp)
        tissue = tissue_mask(source, mpp)
        size = grid.patch_width_px, grid.patch_height_px
        share = tissue.patch_fractions(grid.columns, grid.rows, *size)
        calibration = encoder.calibrate(source, tissue, mpp)
        blocks, boxed = [], np.zeros(grid.shape, np.bool_)
        for region in slide.regions:
            x = (np.arange(grid.columns) + 0.5) * grid.patch_width_px
            y = (np.arange(grid.rows) + 0.5) * grid.patch_height_px
            cols = np.flatnonzero((x >= region.x0) & (x < region.x1))[:BOX_PATCHES]
            rows = np.flatnonzero((y >= region.y0) & (y < region.y1))[:BOX_PATCHES]
            if len(cols) and len(rows):
                boxed[np.ix_(rows, cols)] = True
                name = tissue_classes()[region.tissue_class].id
                blocks.append((rows[0], cols[0], len(rows), len(cols), name))
        corners = np.argwhere(share[:-PLACE_PATCHES:2, :-PLACE_PATCHES:2] > 0.3) * 2
        np.random.default_rng(0).shuffle(corners)
        side = PLACE_PATCHES
        free = [(row, col) for row, col in corners if not boxed[row : row + side, col : col + side].any()]
        blocks += [(row, col, side, side, "") for row, col in free[:PLACES]]
        features, classes = [], []
        for row, col, height, width, name in blocks:
            inner = grid.rect(row, col, height, width)
            dx, dy = (MEASURED.margin_px / MEASURED.patch_px * one for one in size)
            outer = Rect(inner.x0 - dx, inner.y0 - dy, inner.x1 + dx, inner.y1 + dy)
            margins = 2 * MEASURED.margin_px
            pixels = (width * MEASURED.patch_px + margins, height * MEASURED.patch_px + margins)
            values = encoder.encode(read_region(source, outer, pixels), calibration)
            shown = (share[row : row + height, col : col + width] >= 0.02) | bool(name)
            features.append(values[shown])
            classes += [name] * int(shown.sum())
    return {"features": np.concatenate(features), "classes": np.array(classes, "U32")}


def print_concept(name: str, slides: list[tuple[str, Ranks, NDArray[np.str_]]]) -> None:
    """Within slides, among all boxes, and against the tissue of slides without such a box."""
    within, inside, others, labels, tissue = [], [], [], [], []
    for slide, ranks, classes in slides:
        scores = score(concepts()[name], ranks)
        named = np.isin(classes, CLASSES[name])
        boxed = (classes != "") & (classes != "background") & ~named
        if named.any():
            within.append((auroc(scores[named | boxed], named[named | boxed]), slide))
        else:
            tissue.append(scores[classes == ""])
        inside.append(scores[named])
        others.append(scores[boxed])
        labels.append(classes[boxed])
    if not within or not tissue:
        return
    own, other, free = np.concatenate(inside), np.concatenate(others), np.concatenate(tissue)
    both = [np.concatenate([own, rest]) for rest in (other, free)]
    areas = [auroc(scores, np.arange(len(scores)) < len(own)) for scores in both]
    limit = np.quantile(own, 1 - RECALL)
    worst, where = min(within)
    sys.stdout.write(
        f"{name}: AUROC within {len(within)} slides {np.mean([area for area, _ in within]):.3f}, lowest "
        f"{worst:.3f} ({where}); among all boxes {areas[0]:.3f}; against tissue of {len(tissue)} slides "
        f"{areas[1]:.3f}, of it at 80 % recall {(free >= limit).mean():.1%}, above {STATED} "
        f"{(free > STATED).mean():.1%}\n"
    )
    which = np.concatenate(labels)
    mistaken = sorted(((other[which == one] >= limit).mean(), one) for one in np.unique(which))[::-1][:5]
    sys.stdout.write(f"    at 80 % recall: {', '.join(f'{one} {share:.0%}' for share, one in mistaken)}\n")


if __name__ == "__main__":
    main()
