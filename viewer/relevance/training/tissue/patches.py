"""Patches cut from a corpus, once, into files: those of the regions, and a sample of all tissue.

A cut is larger than the network's input, so that training can turn, scale and shift it.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.encoders.tissue.network import MPP_UM
from viewer.relevance.patches.grid import PATCH_UM
from viewer.relevance.training.cohort import TrainingError
from viewer.relevance.training.cutting import digest_of, keep, kept_facts, read_squares, some, tissue_squares
from viewer.relevance.training.tissue import strings
from viewer.slide.formats.registry import open_slide
from viewer.slide.tissue.mask import tissue_mask
from viewer.slide.tissue.pixel_size import estimate_mpp_um

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.training.tissue.corpus import CorpusSlide, Region
    from viewer.slide.source import Source

CUT_PX = 160
"""At ``MPP_UM``: the network's input and a quarter more."""
UNLABELLED = -1
_FORMAT = 2
_LEAST_TISSUE = 0.4
_LEAST_SIDE = 0.5
"""Of a patch's side: a narrower region says nothing on a patch."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How large patches are cut, at which pixel size, and how many at most: of each region, and of all
    tissue."""

    side_px: int = CUT_PX
    pixel_um: float = MPP_UM
    per_region: int = 40
    of_tissue: int = 700


@dataclass(frozen=True, slots=True)
class SlidePatches:
    """The patches of one slide: ``pixels`` (n, side, side, 3) RGB on disk, ``labels`` (n,) tissue classes,
    ``UNLABELLED`` for the sample of all tissue, and ``regions`` (n,) the number of the region of each."""

    slide: CorpusSlide
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    regions: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    @property
    def of_tissue(self) -> NDArray[np.int64]:
        """Indices of the sample of all tissue."""
        return np.flatnonzero(self.labels == UNLABELLED)


def cut_patches(
    slide: CorpusSlide, folder: Path, *, seed: int, cut: Cut | None = None
) -> SlidePatches | None:
    """Cut the patches of a slide into ``folder``, or take those that were cut before; ``cut`` None: as the
    tissue encoder needs them.

    None, with nothing kept, where no region can be used. Raises SlideError, SaveError, TrainingError where
    the size of its pixels is not known.
    """
    cut = cut or Cut()
    digest = digest_of([_FORMAT, seed, asdict(cut), asdict(slide)])
    path = folder / f"{slide.name}.npy"
    facts = kept_facts(path, digest)
    if facts is None:
        with closing(open_slide(slide.path)) as source:
            places = _places(slide, source, seed, cut)
            pixels, readable = read_squares(
                source, places.centres, places.mpp_um, side_px=cut.side_px, pixel_um=cut.pixel_um
            )
        if not (places.labels[readable] >= 0).any():
            return None
        unread = int((~readable).sum())
        facts = {
            "digest": digest,
            "labels": places.labels[readable].tolist(),
            "regions": places.regions[readable].tolist(),
            "notes": [
                *places.notes,
                *([strings.PATCHES_UNREADABLE.format(path=slide.path, count=unread)] if unread else []),
            ],
        }
        keep(path, pixels, facts)
    return SlidePatches(
        slide,
        np.load(path, mmap_mode="r"),
        np.array(facts["labels"], np.int64),
        np.array(facts["regions"], np.int64),
        tuple(facts["notes"]),
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """Centres (n, 2) of patches as x, y in level-0 px, the labels and regions as ``SlidePatches`` has
    them."""

    centres: NDArray[np.float64]
    labels: NDArray[np.int64]
    regions: NDArray[np.int64]
    mpp_um: tuple[float, float]
    notes: tuple[str, ...]


def _places(slide: CorpusSlide, source: Source, seed: int, cut: Cut) -> _Places:
    """Where to cut. Raises TrainingError where the size of the slide's pixels is not known."""
    mpp_um = corpus_mpp_um(slide, source)
    side_x, side_y = PATCH_UM / mpp_um[0], PATCH_UM / mpp_um[1]
    random = np.random.default_rng([seed, *slide.name.encode()])
    centres: list[NDArray[np.float64]] = []
    labels: list[int] = []
    regions: list[int] = []
    left_out = 0
    for number, region in enumerate(slide.regions):
        if not _fits(region, source, side_x, side_y):
            left_out += 1
            continue
        inside = _centres(region, side_x, side_y)
        chosen = inside[random.permutation(len(inside))[: cut.per_region]]
        centres.append(chosen)
        labels += [region.tissue_class] * len(chosen)
        regions += [number] * len(chosen)
    if cut.of_tissue:
        squares = tissue_squares(tissue_mask(source, mpp_um), (side_x, side_y), _LEAST_TISSUE)
        sample = some(squares, cut.of_tissue, random)
        centres.append(sample)
        labels += [UNLABELLED] * len(sample)
        regions += [UNLABELLED] * len(sample)
    notes = []
    if left_out:
        side_um = _LEAST_SIDE * PATCH_UM
        notes.append(strings.TOO_SMALL.format(path=slide.regions_path, count=left_out, side_um=side_um))
    return _Places(
        np.concatenate([*centres, np.empty((0, 2))]),
        np.array(labels),
        np.array(regions),
        mpp_um,
        tuple(notes),
    )


def corpus_mpp_um(slide: CorpusSlide, source: Source) -> tuple[float, float]:
    """The size of the slide's pixels (x, y): as the corpus states it, else the slide, else an estimate."""
    if slide.mpp_um is not None:
        return slide.mpp_um, slide.mpp_um * source.pyramid.pixel_aspect
    if source.info.mpp_um is not None:
        return source.info.mpp_um
    estimate = estimate_mpp_um(source, tissue_mask(source, None)).mpp_um
    if estimate is None:
        raise TrainingError(strings.NO_PIXEL_SIZE.format(path=slide.path, regions=slide.regions_path))
    return estimate, estimate * source.pyramid.pixel_aspect


def _fits(region: Region, source: Source, side_x: float, side_y: float) -> bool:
    """Whether a region lies on the slide and is wide enough for the centre of a patch to show its class."""
    width, height = source.pyramid.width, source.pyramid.height
    wide = region.x1 - region.x0 >= _LEAST_SIDE * side_x and region.y1 - region.y0 >= _LEAST_SIDE * side_y
    return wide and region.x1 <= width and region.y1 <= height


def _centres(region: Region, side_x: float, side_y: float) -> NDArray[np.float64]:
    """Centres of patches within a region, half a patch apart; its middle where it is narrower than a
    patch."""

    def along(low: float, high: float, side: float) -> NDArray[np.float64]:
        count = int((high - low - side) // (side / 2)) + 1
        return (
            np.linspace(low + side / 2, high - side / 2, count) if count > 1 else np.array([(low + high) / 2])
        )

    x, y = along(region.x0, region.x1, side_x), along(region.y0, region.y1, side_y)
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
