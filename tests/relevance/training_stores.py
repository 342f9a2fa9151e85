"""Feature stores for the tests of training: made bags, written as an analysis writes them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.relevance.stores import CARD, SUBJECT
from viewer.relevance.features.hdf5_file import StoredFeatures, as_hdf5

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


def written(
    folder: Path,
    slide: str,
    features: np.ndarray,
    cells: np.ndarray,
    *,
    encoder: str = "fake",
    complete: bool = True,
) -> Path:
    """The file of a slide's store: (n, width) features at (n, 2) cells of a grid of 39 × 32."""
    card = replace(CARD, id=encoder, feature_count=features.shape[1])
    identity = hashlib.sha256(slide.encode()).hexdigest()
    subject = replace(SUBJECT, name=slide, identity=identity, card=card)
    path = folder / f"{subject.key}.h5"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_hdf5(subject, StoredFeatures(cells, features, {}, complete)))
    return path
