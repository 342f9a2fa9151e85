"""Feature files of other programs as a ready index: their patches on the shared grid, and who can score them.

Without a model nothing can be encoded, so only examples can be looked for; words too where the file's encoder
is a model of the reader's that knows words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from viewer.common.errors import EncoderError, UnsupportedTermError
from viewer.relevance.encoders.card import FILE_PREFIX, EncoderCard
from viewer.relevance.encoders.registry import cards, load_encoder
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
class ForeignIndex:
    """A store that is complete, the encoder that scores it, and what the reader must know, in sentences."""

    store: FeatureStore
    encoder: Encoder
    notes: tuple[str, ...]


def open_external_index(
    path: Path, source: Source, mpp_um: tuple[float, float], *, mpp_estimated: bool
) -> ForeignIndex:
    """The index of a slide from a feature file. Raises FeatureFileError, SlideError, EncoderError."""
    pyramid = source.pyramid
    external = read_external(path, SlideFacts((pyramid.width, pyramid.height), mpp_um))
    encoder, words_note = _encoder_for(external)
    subject = StoreSubject.of(source, encoder.card, mpp_um, mpp_estimated=mpp_estimated)
    try:
        cells, chosen = cells_from_rects(external.rects, subject.grid)
    except ValueError as error:
        raise FeatureFileError(path, str(error)) from error
    if not len(cells):
        raise FeatureFileError(path, "none of its patches holds the centre of a patch of 128 µm")
    features = external.features[chosen]
    notes = [
        f"{path.name}: features of {external.encoder or 'an unnamed encoder'}, from {external.producer}."
    ]
    notes += [*external.notes, words_note]
    side_um = float(external.rects[0, 2] - external.rects[0, 0]) * mpp_um[0]
    if abs(side_um / PATCH_UM - 1) > _SAME_SIZE:
        notes.append(
            f"Its patches are {side_um:.4g} µm wide: one of 128 µm has the features of that at its centre."
        )
    return ForeignIndex(FeatureStore.in_memory(subject, cells, features), encoder, tuple(notes))


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
        raise ValueError(f"{len(rects):,} patches as large as these overlap too much to be true")
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
    """An ``Encoder`` for features that nobody here can make: they are compared with each other, no more."""

    def __init__(self, card: EncoderCard, why_no_words: str) -> None:
        self.card = card
        self._why_no_words = why_no_words

    def use(self, device: str) -> None:
        """There is nothing to move."""

    def calibrate(self, source: Source, tissue: TissueMask, mpp_um: tuple[float, float]) -> Mapping[str, Any]:
        """Nothing of the slide must be known."""
        return {}

    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NoReturn:
        """Raises EncoderError, always: the model is not here."""
        raise EncoderError(f"{self.card.title}: more patches cannot be analysed without its model")

    def score(self, term: Term, features: NDArray[np.float32], calibration: Mapping[str, Any]) -> NoReturn:
        """Raises UnsupportedTermError, always: these features know no words."""
        raise UnsupportedTermError(self._why_no_words)

    def explain(
        self, term: Term, features: NDArray[np.float32], index: int, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """Nothing is scored, nothing explained."""
        return ()


class _WordsOfModel:
    """A model of the registry that scores another program's features of itself, and encodes nothing more."""

    def __init__(self, model: Encoder, card: EncoderCard) -> None:
        self.card = card
        self.use = model.use
        self.calibrate = model.calibrate
        self.explain = model.explain
        self._model = model

    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NoReturn:
        """Raises EncoderError, always: features from here and from the file would not be comparable."""
        raise EncoderError(f"{self.card.title}: what the file lacks stays not analysed")

    def score(
        self, term: Term, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        """See ``Encoder.score``: the model's, on unit vectors."""
        lengths = np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
        return self._model.score(term, features / lengths, calibration)


def _encoder_for(external: ExternalFeatures) -> tuple[Encoder, str]:
    """Who scores the features, and what can be asked of them, in a sentence."""
    name, width = external.encoder, external.features.shape[1]
    card = EncoderCard(
        id=f"{FILE_PREFIX}{name or 'unnamed'}",
        title=f"{name or 'unnamed encoder'} ({external.path.name})",
        family="features from a file",
        patch_px=128,
        mpp_um=1.0,
        margin_px=0,
        feature_count=width,
        normalisation="likeness to the examples",
        licence="that of the model that made them",
        commercial=None,
    )
    known = next((card for card in cards() if card.id == name), None)
    if known is None or not known.scores_files:
        why = f"features of {name or 'an unnamed encoder'} know no words; mark examples instead"
        return ExamplesOnlyEncoder(card, why), f"Words cannot be looked for: {why}."
    model = load_encoder(name)
    try:
        model.score(Term("tissue"), external.features[:1], {})
    except RuntimeError as error:
        why = f"its {width} features a patch are not those of {known.title}"
        raise FeatureFileError(external.path, why) from error
    card = replace(
        card,
        normalisation=known.normalisation,
        licence=known.licence,
        commercial=known.commercial,
        query_kind=known.query_kind,
    )
    return _WordsOfModel(model, card), f"Words are looked for with {known.title} from your models."
