"""How well an encoder answers typed words on slides kept out of training, as a reader would see it.

Run: PYTHONPATH=. python tests/bench/typed_words.py CORPUS [--encoder ID] [--slide NAME]...
CORPUS as ``foveola train-encoder`` takes it; its slides of part "test" are analysed whole. Two questions:
within a slide, how the patches of a word's regions rank among those of its other regions; and for tumour,
how those of tumour regions rank against *all* tissue of slides without tumour, where a reader sees false
alarms.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from viewer.common.errors import FoveolaError
from viewer.common.settings import Settings
from viewer.relevance.analysis.search import ask, read_question
from viewer.relevance.encoders.card import TISSUE_ID
from viewer.relevance.encoders.tissue.classes import class_indices, tissue_classes
from viewer.relevance.training.report import auc
from viewer.relevance.training.tissue.corpus import read_corpus
from viewer.slide.formats.registry import open_slide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.training.tissue.corpus import CorpusSlide

WORDS = {
    "fat": ("adipose",),
    "connective tissue": ("fibrous_stroma",),
    "smooth muscle": ("smooth_muscle",),
    "lymphocytes": ("lymphoid", "germinal_centre"),
    "necrosis": ("necrosis",),
    "mucin": ("mucin",),
    "blood": ("blood",),
    "normal mucosa": ("glandular_epithelium",),
    "nerve": ("nerve",),
    "squamous epithelium": ("squamous_epithelium",),
    "liver": ("liver",),
    "dysplasia": ("dysplasia_adenoma",),
    "inflammation": ("mixed_inflammation", "neutrophils_pus"),
    "pancreas": ("pancreas_acini",),
    "tumour": tuple(one.id for one in tissue_classes() if one.tumour),
}
"""Typed words, and the classes of regions that they mean."""
DISEASES = ("tumour", "necrosis", "dysplasia")
"""Asked of all tissue of slides without the disease, too."""
RECALL, STATED = 0.8, 0.5


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--encoder", default=TISSUE_ID)
    parser.add_argument("--slide", action="append", help="only this test slide; may be repeated")
    options = parser.parse_args()
    slides = [one for one in read_corpus(options.corpus).slides if one.part == "test"]
    slides = [one for one in slides if options.slide is None or one.name in options.slide]
    within: dict[str, list[tuple[float, str]]] = {word: [] for word in WORDS}
    inside: dict[str, list[NDArray[np.float32]]] = {word: [] for word in DISEASES}
    outside: dict[str, dict[str, NDArray[np.float32]]] = {word: {} for word in DISEASES}
    for slide in slides:
        labels = {tissue_classes()[region.tissue_class].id for region in slide.regions}
        for word, classes in WORDS.items():
            shown = bool(labels & set(classes))
            if not shown and not (word in DISEASES and slide.tumour_free):
                continue
            try:
                values, tissue, regions = answered(slide, word, options.encoder)
            except FoveolaError as error:
                sys.stdout.write(f"{slide.name}: {word}: {error}\n")
                continue
            named = np.isin(regions, [class_indices()[name] for name in classes])
            others = (regions >= 0) & ~named
            if shown and (area := auc(values[named | others], named[named | others])) is not None:
                within[word].append((area, slide.name))
            if word in DISEASES and shown:
                inside[word].append(values[named])
            elif word in DISEASES:
                outside[word][slide.name] = values[tissue]
        sys.stdout.write(f"{slide.name} analysed\n")
        sys.stdout.flush()
    print_within(within)
    for word in DISEASES:
        print_alarms(word, inside[word], outside[word])


def answered(
    slide: CorpusSlide, word: str, encoder: str
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
    """The scores of all patches, which of them have tissue, and the class of the region that each one's
    centre lies in, -1 outside. Raises FoveolaError."""
    limit_bytes = Settings.load().relevance.store_bytes
    with closing(open_slide(slide.path)) as source:
        question = read_question(word, encoder)
        field = ask(source, question, encoder_id=encoder, mpp_um=slide.mpp_um, limit_bytes=limit_bytes).field
    grid = field.grid
    regions = np.full(grid.shape, -1)
    x = (np.arange(grid.columns) + 0.5) * grid.patch_width_px
    y = (np.arange(grid.rows) + 0.5) * grid.patch_height_px
    for one in slide.regions:
        rows, columns = (y >= one.y0) & (y < one.y1), (x >= one.x0) & (x < one.x1)
        regions[np.ix_(rows, columns)] = one.tissue_class
    known = field.known & np.isfinite(field.scores)
    assert field.glass is not None, "an analysis says which patches are glass"
    return field.scores[known], ~field.glass[known], regions[known]


def print_within(within: dict[str, list[tuple[float, str]]]) -> None:
    """One line a word, then the mean of all pairs of word and slide."""
    for word, found in within.items():
        if found:
            areas = [area for area, _ in found]
            lowest, name = min(found)
            sys.stdout.write(
                f"{word:22} AUROC within slides {np.mean(areas):.3f}, "
                f"lowest {lowest:.3f} ({name}), {len(found)} slides\n"
            )
    if areas := [area for found in within.values() for area, _ in found]:
        mean = float(np.mean(areas))
        sys.stdout.write(f"all words: mean {mean:.3f}, lowest {min(areas):.3f}, {len(areas)} pairs\n")


def print_alarms(
    word: str, inside: list[NDArray[np.float32]], outside: dict[str, NDArray[np.float32]]
) -> None:
    """How a disease ranks against all tissue of slides without it, and how much of that is called so."""
    if not inside or not outside:
        return
    positive, negative = np.concatenate(inside), np.concatenate(list(outside.values()))
    area = auc(np.concatenate([positive, negative]), np.arange(len(positive) + len(negative)) < len(positive))
    alarms = float((negative >= np.quantile(positive, 1 - RECALL)).mean())
    shares = {name: float((values >= STATED).mean()) for name, values in outside.items()}
    worst = max(shares, key=lambda name: shares[name])
    sys.stdout.write(
        f"{word}: AUROC {area:.3f} against all tissue of {len(outside)} slides without it; "
        f"false alarms at 80 % recall {alarms:.1%}; "
        f"above {STATED}: {np.mean(list(shares.values())):.1%} on average, {shares[worst]:.1%} on {worst}\n"
    )


if __name__ == "__main__":
    main()
