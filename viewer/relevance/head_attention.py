"""Where a slide head looks on a slide whose features are stored, as a field like any other.

Attention is where a head looks, not why it decides; it is told as a place among the slide's patches, because
its own numbers shrink with every patch more.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import torch

from viewer import __version__
from viewer.relevance.bag import BagError
from viewer.relevance.checkpoint import CheckpointError
from viewer.relevance.encoders import EncoderError
from viewer.relevance.field import Provenance, RelevanceField
from viewer.relevance.slide_heads import load_slide_head

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.bag import SlideHead
    from viewer.relevance.encoders import EncoderCard
    from viewer.relevance.features import FeatureStore
    from viewer.relevance.head_registry import HeadEntry

NORMALISATION = "place by attention among this slide's analysed patches; where a head looks, not why"


def load_head(entry: HeadEntry, card: EncoderCard) -> SlideHead:
    """A registered head, for features of the encoder that ``card`` tells of.

    Raises EncoderError where it was trained on another encoder's or another version's, CheckpointError where
    its file is damaged or not the one that was registered.
    """
    if (entry.encoder, entry.encoder_version) != (card.id, card.version):
        raise EncoderError(
            f"the head {entry.id} reads features of {entry.encoder}, version {entry.encoder_version}, and "
            f"these are of {card.id}, version {card.version}"
        )
    if entry.sha256 is not None:
        try:
            with entry.file.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise CheckpointError(entry.file, f"it cannot be read: {error.strerror}") from error
        if found != entry.sha256.lower():
            raise CheckpointError(entry.file, "it is not the file that was registered (SHA-256 differs)")
    return load_slide_head(entry.file, feature_width=entry.feature_width)


def slide_attention(
    head: SlideHead,
    store: FeatureStore,
    *,
    name: str = "",
    row: int | None = None,
    tissue: NDArray[np.bool_] | None = None,
) -> RelevanceField:
    """The attention of a head over what is stored of a slide, 0 for the least to 1 for the most attended
    patch, equal ones in their middle.

    ``row``: one row of ``BagReading.attention``, None their mean. ``tissue`` (rows, columns), where it is
    known: elsewhere is glass, which is known and gets 0. Patches with values that are not numbers stay not
    analysed. Raises EncoderError, BagError where nothing can be read.
    """
    cells, features = store.load()
    usable = np.isfinite(features).all(axis=1)
    if not usable.any():
        raise BagError("the slide has no patches to read")
    kept = cells[usable]
    reading = head.read(torch.tensor(features[usable]), torch.from_numpy(kept.astype(np.int64)))
    rows = reading.attention
    if row is not None and not 0 <= row < len(rows):
        raise EncoderError(f"there is no attention of {row}; there are {len(rows)} of {reading.rows_are}")
    attention = (rows.mean(0) if row is None else rows[row]).numpy()
    known = np.zeros(store.grid.shape, bool) if tissue is None else ~tissue
    known[tuple(cells[~usable].T)] = False
    known[tuple(kept.T)] = True
    scores = np.zeros(store.grid.shape)
    scores[tuple(kept.T)] = _places(attention)
    subject = store.subject
    provenance = Provenance(
        encoder=subject.card.title,
        query=f"attention of {name or head.layout}",
        normalisation=NORMALISATION,
        mpp_um=subject.mpp_um,
        mpp_estimated=subject.mpp_estimated,
        made_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"Foveola {__version__}",
    )
    return RelevanceField.of(store.grid, scores, known, provenance)


def _places(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Ranks from 0 to 1, equal values in their middle; 0.5 for a lone one."""
    _, level, counts = np.unique(values, return_inverse=True, return_counts=True)
    middles = np.cumsum(counts) - (counts + 1) / 2
    return middles[level] / (len(values) - 1) if len(values) > 1 else np.full(1, 0.5)
