"""Patches cut from a corpus, once, into files: those of the regions, and a sample of all tissue.

A cut is larger than the network's input, so that training can turn, scale and shift it.
"""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.common.atomic_write import save_atomically
from viewer.relevance.encoders.tissue.network import MPP_UM
from viewer.relevance.patches.grid import PATCH_UM
from viewer.relevance.training.cohort import TrainingError
from viewer.relevance.training.tissue import strings
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import Rect
from viewer.slide.region import read_region
from viewer.slide.source import TileError
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
_FORMAT = 1
_PER_REGION = 40
_OF_TISSUE = 700
_LEAST_TISSUE = 0.4
_LEAST_SIDE = 0.5
"""Of a patch's side: a narrower region says nothing on a patch."""


@dataclass(frozen=True, slots=True)
class SlidePatches:
    """The patches of one slide: ``pixels`` (n, 160, 160, 3) RGB on disk, ``labels`` (n,) tissue classes,
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


def cut_patches(slide: CorpusSlide, folder: Path, *, seed: int) -> SlidePatches | None:
    """Cut the patches of a slide into ``folder``, or take those that were cut before.

    None, with nothing kept, where no region can be used. Raises SlideError, SaveError, TrainingError where
    the size of its pixels is not known.
    """
    record = json.dumps([_FORMAT, seed, asdict(slide)], default=str, sort_keys=True)
    pixels_path = folder / f"{slide.name}.npy"
    facts_path = folder / f"{slide.name}.json"
    digest = hashlib.sha256(record.encode()).hexdigest()
    facts = _facts_before(facts_path, digest)
    if facts is None:
        with closing(open_slide(slide.path)) as source:
            places = _places(slide, source, seed)
            pixels, readable = _cut(source, places)
        if not (places.labels[readable] >= 0).any():
            return None
        content = io.BytesIO()
        np.save(content, pixels)
        save_atomically(pixels_path, content.getvalue())
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
        save_atomically(facts_path, json.dumps(facts).encode())
    return SlidePatches(
        slide,
        np.load(pixels_path, mmap_mode="r"),
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


def _places(slide: CorpusSlide, source: Source, seed: int) -> _Places:
    """Where to cut. Raises TrainingError where the size of the slide's pixels is not known."""
    mpp_um = _mpp_um(slide, source)
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
        chosen = inside[random.permutation(len(inside))[:_PER_REGION]]
        centres.append(chosen)
        labels += [region.tissue_class] * len(chosen)
        regions += [number] * len(chosen)
    mask = tissue_mask(source, mpp_um)
    columns, rows = int(source.pyramid.width // side_x), int(source.pyramid.height // side_y)
    if columns and rows:
        cells = np.argwhere(mask.patch_fractions(columns, rows, side_x, side_y) >= _LEAST_TISSUE)
        cells = cells[np.sort(random.permutation(len(cells))[:_OF_TISSUE])]
        centres.append((cells[:, ::-1] + 0.5) * np.array([side_x, side_y]))
        labels += [UNLABELLED] * len(cells)
        regions += [UNLABELLED] * len(cells)
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


def _mpp_um(slide: CorpusSlide, source: Source) -> tuple[float, float]:
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


def _cut(source: Source, places: _Places) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The pixels of the places that can be read, and which those are."""
    half_x, half_y = (CUT_PX * MPP_UM / 2 / mpp for mpp in places.mpp_um)
    pixels = np.empty((len(places.centres), CUT_PX, CUT_PX, 3), np.uint8)
    readable = np.ones(len(pixels), bool)
    for number, (x, y) in enumerate(places.centres.tolist()):
        try:
            rect = Rect(x - half_x, y - half_y, x + half_x, y + half_y)
            pixels[number] = read_region(source, rect, (CUT_PX, CUT_PX))
        except TileError:
            readable[number] = False
    return pixels[readable], readable


def _facts_before(path: Path, digest: str) -> dict[str, Any] | None:
    """The facts of the same cut where it is there."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and facts.get("digest") == digest else None
