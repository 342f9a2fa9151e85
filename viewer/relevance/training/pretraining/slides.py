"""What a pretraining sees of slides: patches of their tissue, and regions as grids of features of patches,
each read once, into files."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from viewer.common.errors import FoveolaError
from viewer.relevance.models.batching import in_batches
from viewer.relevance.models.hipt import MPP_UM, PATCH_PX, normalised
from viewer.relevance.patches.attention_codes import PATCHES_A_SIDE
from viewer.relevance.patches.grid import PATCH_UM
from viewer.relevance.training.cutting import digest_of, keep, kept_facts, read_squares, some, tissue_squares
from viewer.relevance.training.pretraining import strings
from viewer.slide.formats.registry import open_slide
from viewer.slide.identity import slide_identity
from viewer.slide.tissue.mask import tissue_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from viewer.relevance.models.vit import VisionTransformer
    from viewer.slide.locator import Locator
    from viewer.slide.source import Source

    Progress = Callable[[float, float], None]
    Note = Callable[[str], None]
    PixelSizeOf = Callable[[Source], tuple[float, float]]

_FORMAT = 1
REGION_UM = PATCH_UM * PATCHES_A_SIDE
_LEAST_TISSUE = {"patches": 0.4, "regions": 0.2}
_NAME_LENGTH, _DIGITS = 60, 12
_BATCH = {"cpu": 4, "cuda": 64}


@dataclass(frozen=True, slots=True)
class TrainingSlide:
    """A slide to train on, with pixels of ``mpp_um`` (x, y). ``identity``: of its content."""

    place: Path | Locator
    name: str
    identity: str
    mpp_um: tuple[float, float]

    @property
    def key(self) -> str:
        """The name of files about it."""
        return f"{self.name[:_NAME_LENGTH]}-{self.identity[:_DIGITS]}"


@dataclass(frozen=True, slots=True)
class Cuts:
    """What was read of a slide: ``items`` on disk, uint8 patches (n, 256, 256, 3) or float32 regions (n, 16,
    16, width); ``centres`` (n, 2) as x, y in level-0 px."""

    slide: TrainingSlide
    items: NDArray[Any]
    centres: NDArray[np.float64]


def items_at(cuts: Sequence[Cuts], numbers: NDArray[np.int64]) -> NDArray[Any]:
    """The items of these numbers, counted over all slides, as one array."""
    starts = np.cumsum([0, *(len(one.items) for one in cuts)])
    slides = np.searchsorted(starts, numbers, side="right") - 1
    return np.stack(
        [
            cuts[slide].items[number]
            for slide, number in zip(slides.tolist(), (numbers - starts[slides]).tolist(), strict=True)
        ]
    )


def training_slides(
    places: Sequence[Path | Locator], pixel_size_of: PixelSizeOf, note: Note
) -> list[TrainingSlide]:
    """Those that can be used, each content once; ``note`` is given a sentence on each of the others."""
    found: dict[str, TrainingSlide] = {}
    for place in places:
        try:
            with closing(open_slide(place)) as source:
                slide = TrainingSlide(
                    place, source.info.locator.name, slide_identity(source), pixel_size_of(source)
                )
        except FoveolaError as error:
            note(strings.LEFT_OUT.format(reason=error))
            continue
        same = found.setdefault(slide.identity, slide)
        if same is not slide:
            note(strings.SAME_SLIDE.format(path=place, other=same.place))
    return list(found.values())


def cut_slide_patches(slide: TrainingSlide, folder: Path, *, most: int, seed: int, note: Note) -> Cuts | None:
    """Patches of a slide's tissue, cut into ``folder`` or kept there; None, with a note, where it has none.
    Raises SlideError, SaveError."""

    def read(source: Source, centres: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        return read_squares(source, centres, slide.mpp_um, side_px=PATCH_PX, pixel_um=MPP_UM)

    return _cut(slide, folder, "patches", most=most, seed=seed, of="", read=read, note=note)


def encode_slide_regions(
    slide: TrainingSlide,
    folder: Path,
    network: VisionTransformer,
    *,
    weights: str,
    device: str,
    most: int,
    seed: int,
    note: Note,
) -> Cuts | None:
    """Regions of a slide as features of ``network``, whose weights have this digest; as above."""

    def read(source: Source, centres: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        grids = np.empty(
            (len(centres), PATCHES_A_SIDE, PATCHES_A_SIDE, network.pos_embed.shape[-1]), np.float32
        )
        readable = np.ones(len(centres), bool)
        step = np.array([PATCH_UM / mpp for mpp in slide.mpp_um])
        cells = np.stack(np.meshgrid(*[np.arange(PATCHES_A_SIDE)] * 2), axis=-1) - (PATCHES_A_SIDE - 1) / 2
        for number, centre in enumerate(centres):
            pixels, read_ones = read_squares(
                source,
                (centre + cells * step).reshape(-1, 2),
                slide.mpp_um,
                side_px=PATCH_PX,
                pixel_um=MPP_UM,
            )
            readable[number] = read_ones.all()
            if readable[number]:
                grids[number] = features_of(network, pixels, device).reshape(grids.shape[1:])
        return grids[readable], readable

    return _cut(slide, folder, "regions", most=most, seed=seed, of=weights, read=read, note=note)


@torch.inference_mode()
def features_of(network: VisionTransformer, pixels: NDArray[np.uint8], device: str) -> NDArray[np.float32]:
    """Features (n, width) of patches (n, 256, 256, 3)."""

    def run(images: Tensor) -> tuple[Tensor, ...]:
        return (network.attend(normalised(images))[0],)

    images = [torch.from_numpy(np.array(one)) for one in pixels]
    found: NDArray[np.float32] = in_batches(run, images, device=device, batch=_BATCH[device])[0].numpy()
    return found


def _cut(
    slide: TrainingSlide,
    folder: Path,
    kind: str,
    *,
    most: int,
    seed: int,
    of: str,
    read: Callable[[Source, NDArray[np.float64]], tuple[NDArray[Any], NDArray[np.bool_]]],
    note: Note,
) -> Cuts | None:
    digest = digest_of([_FORMAT, seed, most, of, slide.identity, slide.mpp_um])
    path = folder / f"{slide.key}.npy"
    facts: Mapping[str, Any] | None = kept_facts(path, digest)
    if facts is None:
        with closing(open_slide(slide.place)) as source:
            centres, problem = _centres(source, slide, kind, most=most, seed=seed)
            items, readable = read(source, centres)
        notes = [problem] if problem else []
        if not readable.all():
            notes.append(strings.UNREADABLE[kind].format(path=slide.place, count=int((~readable).sum())))
        facts = {"digest": digest, "centres": centres[readable].tolist(), "notes": notes}
        keep(path, items, facts)
    for sentence in facts["notes"]:
        note(sentence)
    if not facts["centres"]:
        return None
    return Cuts(slide, np.load(path, mmap_mode="r"), np.array(facts["centres"], np.float64))


def _centres(
    source: Source, slide: TrainingSlide, kind: str, *, most: int, seed: int
) -> tuple[NDArray[np.float64], str]:
    """Where to cut, and a sentence where there is nowhere to."""
    side_um = REGION_UM if kind == "regions" else PATCH_UM
    side = side_um / slide.mpp_um[0], side_um / slide.mpp_um[1]
    if source.pyramid.width < side[0] or source.pyramid.height < side[1]:
        return np.empty((0, 2)), strings.TOO_SMALL[kind].format(path=slide.place)
    squares = tissue_squares(tissue_mask(source, slide.mpp_um), side, _LEAST_TISSUE[kind])
    problem = "" if len(squares) else strings.NO_TISSUE.format(path=slide.place)
    random = np.random.default_rng([seed, *bytes.fromhex(slide.identity)])
    return some(squares, most, random), problem
