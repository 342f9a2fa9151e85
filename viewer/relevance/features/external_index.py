"""Feature files of other programs as a complete index: their patches on the shared grid, and their encoder.

Without a model nothing can be encoded, so queries are by example; text queries work where the file's encoder
is one of the user's models with a text tower.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from viewer.common.errors import EncoderError, UnsupportedTermError
from viewer.relevance.encoders.card import FILE_PREFIX, EncoderCard
from viewer.relevance.encoders.registry import cards, load_encoder
from viewer.relevance.features import strings
from viewer.relevance.features.external_files import SlideFacts, read_external
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.features.store import FeatureStore
from viewer.relevance.features.store_key import StoreSubject
from viewer.relevance.patches.grid import PATCH_UM
from viewer.relevance.query.tree import Term

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.encoders.card import Reason
    from viewer.relevance.encoders.protocols import Encoder
    from viewer.relevance.features.external_files import ExternalFeatures
    from viewer.relevance.patches.grid import PatchGrid
    from viewer.slide.source import Source
    from viewer.slide.tissue.mask import TissueMask

_SAME_SIZE = 0.02
_MAX_STEPS = 400_000_000


@dataclass(frozen=True, slots=True)
class ExternalIndex:
    """A complete store, the encoder that scores it, and sentences for the user."""

    store: FeatureStore
    encoder: Encoder
    notes: tuple[str, ...]


def open_external_index(
    path: Path, source: Source, mpp_um: tuple[float, float], *, mpp_estimated: bool
) -> ExternalIndex:
    """The index of a slide from a feature file. Raises FeatureFileError, SlideError, EncoderError."""
    pyramid = source.pyramid
    external = read_external(path, SlideFacts((pyramid.width, pyramid.height), mpp_um))
    encoder, text_note = _encoder_for(external)
    subject = StoreSubject.of(source, encoder.card, mpp_um, mpp_estimated=mpp_estimated)
    try:
        cells, chosen = cells_from_rects(external.rects, subject.grid)
    except ValueError as error:
        raise FeatureFileError(path, str(error)) from error
    if not len(cells):
        raise FeatureFileError(path, strings.NO_CENTRE)
    features = external.features[chosen]
    name = external.encoder or strings.AN_UNNAMED_ENCODER
    source_note = strings.SOURCE.format(file=path.name, encoder=name, producer=external.producer)
    notes = [source_note, *external.notes, text_note]
    side_um = float(external.rects[0, 2] - external.rects[0, 0]) * mpp_um[0]
    if abs(side_um / PATCH_UM - 1) > _SAME_SIZE:
        notes.append(strings.PATCH_WIDTH.format(width_um=side_um))
    return ExternalIndex(FeatureStore.in_memory(subject, cells, features), encoder, tuple(notes))


def cells_from_rects(
    rects: NDArray[np.float64], grid: PatchGrid
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For every patch of the grid whose centre lies in one of the rectangles (n, 4): its cell (m, 2) as row,
    column, and which rectangle it is (m,), that of the nearest centre where they overlap.
    """
    size = np.array([grid.patch_width_px, grid.patch_height_px])
    low, high = rects[:, :2] / size - 0.5, rects[:, 2:] / size - 0.5  # in cells, between their centres
    centre, first = (low + high) / 2, np.ceil(low).astype(np.int64)
    steps = np.ceil((high - low).max(axis=0)).astype(int)
    if int(steps.prod()) * len(rects) > _MAX_STEPS:
        raise ValueError(strings.TOO_MUCH_OVERLAP.format(count=len(rects)))
    nearest = np.full(grid.shape, np.inf)
    chosen = np.full(grid.shape, -1, np.int64)
    for step in np.ndindex(*steps):
        cell = first + step
        reached = ((cell < high) & (cell >= 0) & (cell < (grid.columns, grid.rows))).all(axis=1)
        index = np.flatnonzero(reached)
        distance = ((cell[index] - centre[index]) ** 2).sum(axis=1)
        order = np.argsort(-distance, kind="stable")  # the nearest is written last, and stays
        index, distance = index[order], distance[order]
        rows, columns = cell[index, 1], cell[index, 0]
        closer = distance < nearest[rows, columns]
        nearest[rows[closer], columns[closer]] = distance[closer]
        chosen[rows[closer], columns[closer]] = index[closer]
    cells = np.argwhere(chosen >= 0)
    return cells, chosen[cells[:, 0], cells[:, 1]]


class ExamplesOnlyEncoder:
    """An ``Encoder`` without its model: features of the file can only be compared with each other."""

    def __init__(self, card: EncoderCard, no_text_queries: str) -> None:
        self.card = card
        self._no_text_queries = no_text_queries

    def use(self, device: str) -> None:
        """Does nothing."""

    def calibrate(self, source: Source, tissue: TissueMask, mpp_um: tuple[float, float]) -> Mapping[str, Any]:
        """No calibration."""
        return {}

    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NoReturn:
        """Raises EncoderError, always: the model is missing."""
        raise EncoderError(strings.MODEL_NEEDED.format(encoder=self.card.title))

    def score(self, term: Term, features: NDArray[np.float32], calibration: Mapping[str, Any]) -> NoReturn:
        """Raises UnsupportedTermError, always: there is no text model."""
        raise UnsupportedTermError(self._no_text_queries)

    def explain(
        self, term: Term, features: NDArray[np.float32], index: int, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """No reasons, as no term is scored."""
        return ()


class _ScoringOnlyEncoder:
    """A model of the registry that scores features another program made with it, and encodes no patches."""

    def __init__(self, model: Encoder, card: EncoderCard) -> None:
        self.card = card
        self.use = model.use
        self.calibrate = model.calibrate
        self.explain = model.explain
        self._model = model

    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NoReturn:
        """Raises EncoderError, always: new features would not be comparable with those of the file."""
        raise EncoderError(strings.NOT_IN_FILE.format(encoder=self.card.title))

    def score(
        self, term: Term, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        """See ``Encoder.score``: the model's, on unit vectors."""
        lengths = np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
        return self._model.score(term, features / lengths, calibration)


def _encoder_for(external: ExternalFeatures) -> tuple[Encoder, str]:
    """The encoder that scores the features, and a sentence on the queries that it supports."""
    name, width = external.encoder, external.features.shape[1]
    card = EncoderCard(
        id=f"{FILE_PREFIX}{name or 'unnamed'}",
        title=f"{name or strings.UNNAMED_ENCODER} ({external.path.name})",
        family=strings.FAMILY,
        patch_px=128,
        mpp_um=1.0,
        margin_px=0,
        feature_count=width,
        normalisation=strings.NORMALISATION,
        licence=strings.LICENCE,
        commercial=None,
    )
    known = next((card for card in cards() if card.id == name), None)
    if known is None or not known.scores_files:
        reason = strings.NO_TEXT_QUERIES.format(encoder=name or strings.AN_UNNAMED_ENCODER)
        return ExamplesOnlyEncoder(card, reason), strings.TEXT_QUERIES_UNAVAILABLE.format(reason=reason)
    model = load_encoder(name)
    try:
        model.score(Term("tissue"), external.features[:1], {})
    except RuntimeError as error:
        reason = strings.OTHER_MODEL.format(width=width, model=known.title)
        raise FeatureFileError(external.path, reason) from error
    card = replace(
        card,
        normalisation=known.normalisation,
        licence=known.licence,
        commercial=known.commercial,
        query_kind=known.query_kind,
    )
    return _ScoringOnlyEncoder(model, card), strings.TEXT_QUERIES.format(model=known.title)
