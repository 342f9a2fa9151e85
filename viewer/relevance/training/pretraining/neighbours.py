"""How well features name tissue without being trained to: by their nearest neighbours among labelled patches
of other cases, beside the measured concepts of the same patches.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from viewer.common.errors import FoveolaError
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.measured.encoder import MeasuredEncoder
from viewer.relevance.models.hipt import MPP_UM, PATCH_PX
from viewer.relevance.training.pretraining import strings
from viewer.relevance.training.pretraining.slides import REGION_UM
from viewer.relevance.training.tissue.patches import Cut, corpus_mpp_um, cut_patches
from viewer.slide.formats.registry import open_slide
from viewer.slide.identity import slide_identity
from viewer.slide.tissue.mask import tissue_mask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from viewer.relevance.training.pretraining.slides import Cuts, Note
    from viewer.relevance.training.tissue.corpus import Corpus, Region

Floats = NDArray[np.float64]
NEIGHBOURS = 20
_TIES = 1e-3
"""The weight of how near a neighbour is, against 1 for being one."""
_PER_REGION = 6
_SHRINK = round(MEASURED.mpp_um / MPP_UM)
_CUT = Cut(
    side_px=(MEASURED.patch_px + 2 * MEASURED.margin_px) * _SHRINK,
    pixel_um=MPP_UM,
    per_region=_PER_REGION,
    of_tissue=0,
)
"""A patch of the model with the context that the measurements need."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """``classes`` (n,), ``cases`` (n,) and the measured concepts (n, 39), each of equal variance."""

    classes: NDArray[np.int64]
    cases: NDArray[np.str_]
    measured: Floats

    def asked(self) -> NDArray[np.bool_]:
        """Which are of a class that another case has too: only these can be named by others' patches."""
        known = [
            number
            for number in np.unique(self.classes).tolist()
            if len(np.unique(self.cases[self.classes == number])) > 1
        ]
        return np.isin(self.classes, known)


def named_right(features: NDArray[np.floating[Any]], labelled: Labelled) -> float:
    """The share of each class that its nearest neighbours of other cases name right, the mean over classes.

    By the cosine of what differs from the mean; the class of most neighbours counts, and the nearer ones
    where as many are of two. Some must be ``asked``.
    """
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    vectors = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    names, classes = np.unique(labelled.classes, return_inverse=True)
    right = np.zeros(len(classes), bool)
    for case in np.unique(labelled.cases):
        own = labelled.cases == case
        cosines = vectors[own] @ vectors[~own].T
        if not cosines.shape[1]:
            continue
        nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :NEIGHBOURS]
        votes = np.zeros((len(cosines), len(names)))
        weights = 1 + _TIES * np.take_along_axis(cosines, nearest, axis=1)
        np.add.at(votes, (np.arange(len(votes))[:, None], classes[~own][nearest]), weights)
        right[own] = votes.argmax(axis=1) == classes[own]
    asked = labelled.asked()
    return float(np.mean([right[classes == one].mean() for one in np.unique(classes[asked])]))


@dataclass(frozen=True, slots=True)
class LabelledPatches:
    """``pixels`` (n, 256, 256, 3) of each slide, on disk; of all patches the identity of its slide and the
    number of its labelled region there; ``drawn``: the labelled regions of each slide."""

    labelled: Labelled
    pixels: tuple[NDArray[np.uint8], ...]
    identities: NDArray[np.str_]
    regions: NDArray[np.int64]
    drawn: dict[str, tuple[Region, ...]]


def labelled_patches(corpus: Corpus, folder: Path, *, seed: int, note: Note) -> LabelledPatches | None:
    """The patches of a corpus's regions, cut into ``folder`` or kept there, with their measured concepts.
    ``note`` is given a sentence on each slide that is left out; None where nothing is left. Raises SaveError.
    """
    encoder = MeasuredEncoder()
    pixels, classes, cases, measured, identities, regions = [], [], [], [], [], []
    drawn = {}
    for slide in corpus.slides:
        try:
            cut = cut_patches(slide, folder, seed=seed, cut=_CUT)
            if cut is None:
                note(strings.NO_LABELLED_PATCH.format(path=slide.regions_path))
                continue
            with closing(open_slide(slide.path)) as source:
                mpp_um = corpus_mpp_um(slide, source)
                calibration = encoder.calibrate(source, tissue_mask(source, mpp_um), mpp_um)
                identity = slide_identity(source)
        except FoveolaError as error:
            note(strings.LEFT_OUT.format(reason=error))
            continue
        for sentence in cut.notes:
            note(sentence)
        drawn[identity] = slide.regions
        margin = (_CUT.side_px - PATCH_PX) // 2
        pixels.append(cut.pixels[:, margin:-margin, margin:-margin])
        measured += [encoder.encode(_shrunk(one), calibration)[0, 0] for one in cut.pixels]
        classes.append(cut.labels)
        regions.append(cut.regions)
        cases += [slide.case] * len(cut.labels)
        identities += [identity] * len(cut.labels)
    if not pixels:
        return None
    values = _of_equal_variance(np.array(measured, np.float64))
    labelled = Labelled(np.concatenate(classes), np.array(cases), values)
    return LabelledPatches(labelled, tuple(pixels), np.array(identities), np.concatenate(regions), drawn)


def labelled_regions(
    patches: LabelledPatches, cuts: Sequence[Cuts]
) -> tuple[Labelled, NDArray[np.int64]] | None:
    """Those of the regions of ``cuts`` that hold labelled patches, and their numbers among all, in the order
    of ``cuts``; None where none does. The class is the one that covers most, the measured concepts are the
    mean of the labelled patches there."""
    classes, cases, measured, numbers = [], [], [], []
    number = -1
    for one in cuts:
        own = np.flatnonzero(patches.identities == one.slide.identity)
        drawn = patches.drawn.get(one.slide.identity, ())
        half = np.array([REGION_UM / 2 / mpp for mpp in one.slide.mpp_um])
        for centre in one.centres:
            number += 1
            areas = np.array([_shared_area(region, centre - half, centre + half) for region in drawn])
            inside = own[np.isin(patches.regions[own], np.flatnonzero(areas > 0))]
            if not len(inside):
                continue
            covered = np.bincount([region.tissue_class for region in drawn], areas)
            classes.append(int(covered.argmax()))
            cases.append(str(patches.labelled.cases[inside[0]]))
            measured.append(patches.labelled.measured[inside].mean(axis=0))
            numbers.append(number)
    if not numbers:
        return None
    return Labelled(np.array(classes), np.array(cases), np.array(measured)), np.array(numbers)


def _shared_area(region: Region, low: Floats, high: Floats) -> float:
    width = min(region.x1, high[0]) - max(region.x0, low[0])
    height = min(region.y1, high[1]) - max(region.y0, low[1])
    return float(max(width, 0) * max(height, 0))


def _shrunk(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A patch at the pixel size of the measurements."""
    side = len(pixels) // _SHRINK
    means = pixels.reshape(side, _SHRINK, side, _SHRINK, 3).mean(axis=(1, 3))
    return np.rint(means).astype(np.uint8)


def _of_equal_variance(measured: Floats) -> Floats:
    """Columns with mean 0 and deviation 1; what could not be measured is the mean."""
    known = np.isfinite(measured)
    count = np.maximum(known.sum(axis=0), 1)
    from_mean = measured - np.where(known, measured, 0).sum(axis=0) / count
    from_mean[~known] = 0
    return from_mean / np.maximum(np.sqrt((from_mean**2).sum(axis=0) / count), 1e-12)
