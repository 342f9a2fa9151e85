"""``foveola bench ranking``: how well an encoder ranks the patches of labelled regions, as areas under the
ROC curve.

A class's patches (centre in one of its regions) are ranked against those in all other labelled regions of the
slide; pooled: of all slides. By words, where the encoder accepts them, or by three patches of the class as
examples.
"""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.bench import strings
from viewer.bench.labelled_regions import OTHER, concepts_of_patches, regions_beside
from viewer.common.errors import EncoderError, UnsupportedTermError
from viewer.relevance.analysis.block_reader import read_block
from viewer.relevance.analysis.feature_analysis import LEAST_TISSUE
from viewer.relevance.analysis.open import pixel_size_of
from viewer.relevance.analysis.schedule import blocks_of
from viewer.relevance.analysis.similarity import likeness
from viewer.relevance.encoders.registry import load_encoder
from viewer.relevance.encoders.vocabulary import lexicon_of
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.query.parser import parse
from viewer.relevance.query.tree import Term
from viewer.relevance.training.report import auc
from viewer.slide.formats.registry import open_slide
from viewer.slide.tissue.mask import tissue_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.encoders.protocols import Encoder
    from viewer.slide.source import Source

BLOCK = 4
EXAMPLES = 3
DRAWS = 10
_BACKGROUND = "background"


@dataclass(frozen=True)
class Labelled:
    """A slide, or a set of tiles, as an encoder sees it.

    ``features`` (n, d) are those of all patches with tissue; ``known`` and every mask of ``concepts`` run
    over all m patches, and ``known`` says which of them the features belong to. The others are glass.
    """

    name: str
    features: NDArray[np.float32]
    calibration: Mapping[str, Any]
    known: NDArray[np.bool_]
    concepts: dict[str, NDArray[np.bool_]]

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Patches in any region."""
        return np.logical_or.reduce(list(self.concepts.values()))

    def scores(self, encoder: Encoder, concept: str) -> NDArray[np.float32]:
        """(m,): glass is background and nothing else; NaN where the encoder cannot tell."""
        scores = np.full(len(self.known), concept == _BACKGROUND, np.float32)
        try:
            scores[self.known] = encoder.score(_term(concept, encoder), self.features, self.calibration)
        except UnsupportedTermError:
            scores[self.known] = np.nan
        return scores

    def aurocs(self, encoder: Encoder, *, by_examples: bool = False) -> dict[str, float]:
        """For each class of this slide, NaN where the encoder cannot tell; those whose patches are all or
        none of the labelled are left out."""
        rank = self._by_examples if by_examples else self._by_words
        areas = {
            concept: rank(encoder, concept, mask)
            for concept, mask in self.concepts.items()
            if concept != OTHER
        }
        return {concept: area for concept, area in areas.items() if area is not None}

    def _by_words(self, encoder: Encoder, concept: str, mask: NDArray[np.bool_]) -> float | None:
        return area_of(self.scores(encoder, concept)[self.labelled], mask[self.labelled])

    def _by_examples(self, encoder: Encoder, concept: str, mask: NDArray[np.bool_]) -> float | None:
        """The mean of ten draws of three examples, which are not ranked themselves; None for fewer than
        four.
        """
        card = encoder.card
        vectors = self.features[:, -card.vector_width :]
        inside, others = mask[self.known], (self.labelled & ~mask)[self.known]
        members = np.flatnonzero(inside)
        if len(members) <= EXAMPLES:
            return None
        areas = []
        for draw in range(DRAWS):
            examples = np.random.default_rng(draw).choice(members, EXAMPLES, replace=False)
            scores = likeness(vectors, examples.tolist(), kind=card.feature_kind)
            ranked = inside | others
            ranked[examples] = False
            areas.append(area_of(scores[ranked], inside[ranked]))
        return None if None in areas else float(np.mean([area for area in areas if area is not None]))


def bench_ranking(
    slides: Sequence[Path],
    encoder_id: str,
    *,
    regions_file: Path | None = None,
    by_examples: bool = False,
    device: str = "cpu",
    progress: Callable[[float, float], None] | None = None,
) -> dict[str, Any]:
    """The figures of slides with regions: for each its classes; pooled, by words alone; the mean and the
    lowest.

    Raises EncoderError, SlideError, PixelSizeError, RegionsError.
    """
    encoder = load_encoder(encoder_id)
    encoder.use(device)
    by_examples = by_examples or encoder.card.query_kind == "none"
    found: list[Labelled] = []
    for number, path in enumerate(slides):

        def step(share: float, before: int = number) -> None:
            if progress is not None:
                progress(before + share, len(slides))

        with closing(open_slide(path)) as source:
            mpp_um = pixel_size_of(source, None).mpp_um
            found.append(
                labelled_patches(source, encoder, mpp_um, regions_file or regions_beside(path), step)
            )
    by_slide = {one.name: one.aurocs(encoder, by_examples=by_examples) for one in found}
    areas = [area for slide in by_slide.values() for area in slide.values() if not math.isnan(area)]
    return {
        "encoder": encoder_id,
        "question": strings.BY_EXAMPLES.format(count=EXAMPLES) if by_examples else strings.BY_WORDS,
        "slides": {name: _measured(areas) for name, areas in by_slide.items()},
        "pooled": {} if by_examples or len(found) < 2 else _measured(pooled(found, encoder)),
        "mean": float(np.mean(areas)) if areas else None,
        "lowest": min(areas) if areas else None,
    }


def labelled_patches(
    source: Source,
    encoder: Encoder,
    mpp_um: tuple[float, float],
    regions_file: Path,
    progress: Callable[[float], None] = lambda _share: None,
) -> Labelled:
    """Encode a whole slide as the viewer would; its regions are those of the file."""
    grid = PatchGrid.over(source.pyramid.width, source.pyramid.height, mpp_um)
    regions = concepts_of_patches(regions_file, grid)
    tissue = tissue_mask(source, mpp_um)
    share = tissue.patch_fractions(grid.columns, grid.rows, grid.patch_width_px, grid.patch_height_px)
    known = share >= LEAST_TISSUE
    calibration = encoder.calibrate(source, tissue, mpp_um)
    blocks = blocks_of(known, BLOCK)
    features: NDArray[np.float32] | None = None
    for number, block in enumerate(blocks):
        encoded = encoder.encode(read_block(source, grid, encoder.card, block), calibration)
        if features is None:
            features = np.zeros((*grid.shape, encoded.shape[-1]), np.float32)
        features[block.cells] = encoded
        progress((number + 1) / len(blocks))
    if features is None:
        raise EncoderError(strings.NO_TISSUE.format(path=source.info.path))
    return Labelled(
        source.info.path.stem,
        features[known],
        calibration,
        known.ravel(),
        {concept: mask.ravel() for concept, mask in regions.items()},
    )


def pooled(slides: Sequence[Labelled], encoder: Encoder) -> dict[str, float]:
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
        area = area_of(scores, inside)
        if area is not None:
            areas[concept] = area
    return areas


def area_of(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> float | None:
    """The area, None where a side is missing, NaN where the encoder could not tell of any patch.

    A single score that is NaN counts as the lowest: what could not be told was not found.
    """
    if len(scores) and not np.isfinite(scores).any():
        return math.nan
    return auc(np.where(np.isfinite(scores), scores, -1.0).astype(np.float64), positive)


def _term(concept: str, encoder: Encoder) -> Term:
    """A class as a reader would type it; its own concept where the lexicon has no such words."""
    words = concept.replace("_", " ")
    parsed = parse(words, lexicon_of(encoder.card.id)).query
    return parsed if isinstance(parsed, Term) and parsed.weights else Term(words, ((concept, 1.0),))


def _measured(areas: Mapping[str, float]) -> dict[str, float | None]:
    """NaN is no JSON."""
    return {concept: None if math.isnan(area) else area for concept, area in sorted(areas.items())}
