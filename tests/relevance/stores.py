"""A small made store, and what its files hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.encoders.card import EncoderCard
from viewer.relevance.features.store import FeatureStore
from viewer.relevance.features.store_key import StoreSubject

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_BYTES = 1 << 30
CARD = EncoderCard("fake", "Fake", "test", 128, 1.0, 0, 5, "none", "MIT", True)
SUBJECT = StoreSubject("a" * 64, "slide one", (10_000, 8_000), (0.499, 0.501), True, None, CARD)


def rows_of(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Cells in the order of the grid, with features that tell which cell they belong to."""
    index = np.arange(start, stop)
    cells = np.stack([index // SUBJECT.grid.columns, index % SUBJECT.grid.columns], axis=1)
    return cells, (index[:, None] + np.arange(5) / 10).astype(np.float32)


def opened(folder: Path, subject: StoreSubject = SUBJECT) -> FeatureStore:
    return FeatureStore.open(subject, folder=folder, limit_bytes=LIMIT_BYTES)


def holds(store: FeatureStore, start: int, stop: int) -> bool:
    cells, features = store.load()
    order = np.lexsort((cells[:, 1], cells[:, 0]))
    expected = rows_of(start, stop)
    return np.array_equal(cells[order], expected[0]) and np.array_equal(features[order], expected[1])


def filled(folder: Path, count: int = 100, *, finished: bool = True) -> Path:
    with opened(folder) as store:
        store.set_calibration({"stain": [0.1, 0.2]})
        store.append(*rows_of(0, count))
        if finished:
            store.finish()
        return store.file
