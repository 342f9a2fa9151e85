"""Opens an analysis without a window: finds its pixel size, encoder and features."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.common.errors import EncoderError, FoveolaError
from viewer.common.scale import ESTIMATE_DIGITS, pixel_size_in_words
from viewer.relevance.analysis import strings
from viewer.relevance.encoders.model_registry import load_entry
from viewer.relevance.encoders.registry import find_card, load_encoder
from viewer.relevance.features.store import FeatureStore
from viewer.relevance.features.store_key import StoreSubject
from viewer.relevance.patches.grid import PatchGrid
from viewer.slide.given_scale import GivenScalesError, given_scale
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
    """``mpp_um`` (x, y) of level 0. ``notes``: what the reader must know of it, in sentences."""

    mpp_um: tuple[float, float]
    estimated: bool
    notes: tuple[str, ...] = ()


def pixel_size_of(source: Source, given_um: float | None) -> PixelSize:
    """The pixel size of an analysis: ``given_um``, else what a reader gave to the slide, else what its file
    states, else an estimate.

    Raises PixelSizeError where there is none of them, and where it cannot be right.
    """
    size = _found(source) if given_um is None else _as_given(source, given_um)
    try:
        PatchGrid.over(source.pyramid.width, source.pyramid.height, size.mpp_um)
    except ValueError as error:
        raise PixelSizeError(strings.WRONG_PIXEL_SIZE.format(path=source.info.path, error=error)) from error
    return size


def _as_given(source: Source, mpp_um: float) -> PixelSize:
    return PixelSize((mpp_um, mpp_um * source.pyramid.pixel_aspect), False)


def _found(source: Source) -> PixelSize:
    info = source.info
    problems: tuple[str, ...] = ()
    try:
        given = given_scale(source)
    except GivenScalesError as error:
        given, problems = None, (str(error),)
    if given is not None:
        digits = ESTIMATE_DIGITS if given.estimated else 4
        size = pixel_size_in_words(given.mpp_um, estimated=False, digits=digits)
        note = strings.PIXEL_SIZE_OF_READER.format(slide=info.path.name, size=size, origin=given.origin)
        return PixelSize(given.mpp_um, given.estimated, (note,))
    if info.mpp_um is not None:
        return PixelSize(info.mpp_um, False, problems)
    estimate = estimate_mpp_um(source, tissue_mask(source, None))
    mpp_um = estimate.mpp_um
    if mpp_um is None:
        unknown = strings.UNKNOWN_PIXEL_SIZE.format(path=info.path, reason=estimate.reason)
        raise PixelSizeError(" ".join((*problems, unknown)))
    note = strings.ESTIMATED_PIXEL_SIZE.format(
        slide=info.path.name,
        mpp_um=mpp_um,
        low_um=estimate.low_um,
        high_um=estimate.high_um,
        reason=estimate.reason,
    )
    return PixelSize((mpp_um, mpp_um * source.pyramid.pixel_aspect), True, (*problems, note))


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
