"""Opens an analysis without a window: finds its pixel size, encoder and features."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.common.errors import EncoderError, FoveolaError
from viewer.relevance.analysis import strings
from viewer.relevance.encoders.model_registry import load_entry
from viewer.relevance.encoders.registry import find_card, load_encoder
from viewer.relevance.features.store import FeatureStore
from viewer.relevance.features.store_key import StoreSubject
from viewer.relevance.patches.grid import PatchGrid
from viewer.slide.tissue.mask import tissue_mask
from viewer.slide.tissue.pixel_size import estimate_mpp_um

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from viewer.relevance.analysis.slide_analysis import Analysis
    from viewer.relevance.encoders.card import EncoderCard, ModelEntry
    from viewer.slide.source import Source


class PixelSizeError(FoveolaError):
    """A slide whose pixel size is unknown, or cannot be right."""


@dataclass(frozen=True, slots=True)
class PixelSize:
    """``mpp_um`` (x, y) of level 0. ``reason``: its source, as half a sentence."""

    mpp_um: tuple[float, float]
    estimated: bool
    reason: str

    def notes(self, slide_name: str, template: str = strings.ESTIMATED_PIXEL_SIZE) -> tuple[str, ...]:
        """A sentence for the reader about an estimate; else ()."""
        if not self.estimated:
            return ()
        return (template.format(slide=slide_name, mpp_um=self.mpp_um[0], reason=self.reason),)


def pixel_size_of(source: Source, given_um: float | None) -> PixelSize:
    """The pixel size of an analysis: the one given, else the one stated, else an estimate.

    Raises PixelSizeError where there is none of them, and where it cannot be right.
    """
    size = _stated_or_estimated(source, given_um)
    try:
        PatchGrid.over(source.pyramid.width, source.pyramid.height, size.mpp_um)
    except ValueError as error:
        raise PixelSizeError(strings.WRONG_PIXEL_SIZE.format(path=source.info.path, error=error)) from error
    return size


def _stated_or_estimated(source: Source, given_um: float | None) -> PixelSize:
    aspect, info = source.pyramid.pixel_aspect, source.info
    if given_um is not None:
        return PixelSize((given_um, given_um * aspect), False, strings.GIVEN)
    if info.mpp_um is not None:
        return PixelSize(info.mpp_um, False, strings.STATED)
    estimate = estimate_mpp_um(source, tissue_mask(source, None))
    if estimate.mpp_um is None:
        raise PixelSizeError(strings.UNKNOWN_PIXEL_SIZE.format(path=info.path, reason=estimate.reason))
    return PixelSize((estimate.mpp_um, estimate.mpp_um * aspect), True, estimate.reason)


def card_of(encoder_id: str) -> EncoderCard:
    """The card of an encoder that computes features. Raises EncoderError, naming those there are; also for a
    slide head, which computes none.
    """
    card = find_card(encoder_id)
    if card.features_of:
        raise EncoderError(strings.IS_A_HEAD.format(encoder=encoder_id, base=card.features_of))
    return card


@contextmanager
def open_analysis(
    source: Source,
    pixel_size: PixelSize,
    *,
    encoder_id: str,
    limit_bytes: int,
    folder: Path | None = None,
    entry: ModelEntry | None = None,
) -> Iterator[Analysis]:
    """An analysis of a slide with its stored features; new ones are stored. ``encoder_id``: also of a slide
    head; ``entry``: a model with weights that the registry does not name.

    Raises EncoderError, SlideError, ValueError for a pixel size that cannot be right; SaveError when closing
    where features did not reach the disk.
    """
    from viewer.relevance.analysis.slide_analysis import Analysis

    encoder = load_encoder(encoder_id) if entry is None else load_entry(entry)
    subject = StoreSubject.of(source, encoder.card, pixel_size.mpp_um, mpp_estimated=pixel_size.estimated)
    with FeatureStore.open(subject, limit_bytes=limit_bytes, folder=folder) as store:
        analysis = Analysis(source, encoder, store, notes=subject.notes())
        if analysis.pending.any():
            analysis.use_fastest()
        yield analysis


def external_analysis(source: Source, pixel_size: PixelSize, file: Path) -> Analysis:
    """An analysis of the features in another program's file; none are computed or stored.

    Raises FeatureFileError, EncoderError, SlideError.
    """
    from viewer.relevance.analysis.slide_analysis import Analysis
    from viewer.relevance.features.external_index import open_external_index

    index = open_external_index(file, source, pixel_size.mpp_um, mpp_estimated=pixel_size.estimated)
    return Analysis(source, index.encoder, index.store, notes=index.notes)
