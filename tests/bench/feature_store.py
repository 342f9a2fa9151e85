"""What keeping features costs: appending, finishing, opening again, for a slide of 10,000 patches.

Run: PYTHONPATH=. python tests/bench/feature_store.py [FOLDER]. CPU and wall time, the best of some runs.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.encoders.card import EncoderCard
from viewer.relevance.features.cache_folder import trim
from viewer.relevance.features.store import FeatureStore
from viewer.relevance.features.store_key import StoreSubject

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 5
PATCHES = 10_000
BLOCK = 64
LIMIT_BYTES = 1 << 34


def best_ms(work: Callable[[], object], before: Callable[[], object]) -> tuple[float, float]:
    """The least CPU and wall time of ``work``, with ``before`` before each run."""
    cpu, wall = [], []
    for _ in range(RUNS):
        before()
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - cpu_s)
        wall.append(time.perf_counter() - wall_s)
    return min(cpu) * 1000, min(wall) * 1000


def measure(folder: Path, width: int) -> None:
    """Print the figures for features of one width."""
    card = EncoderCard("bench", "Bench", "bench", 128, 1.0, 0, width, "", "MIT", True)
    subject = StoreSubject("b" * 64, "bench", (12_800, 12_800), (1.0, 1.0), False, None, card)
    cells = np.argwhere(np.ones(subject.grid.shape, bool))[:PATCHES]
    features = np.random.default_rng(0).normal(size=(PATCHES, width)).astype(np.float32)

    def opened() -> FeatureStore:
        return FeatureStore.open(subject, folder=folder, limit_bytes=LIMIT_BYTES)

    def append(*, finish: bool) -> None:
        with opened() as store:
            for start in range(0, PATCHES, BLOCK):
                store.append(cells[start : start + BLOCK], features[start : start + BLOCK])
            if finish:
                store.finish()

    def read() -> None:
        with opened() as store:
            assert store.count == PATCHES

    def clear() -> None:
        trim(folder, 0)

    def nothing() -> None:
        pass

    figures = {"append": best_ms(lambda: append(finish=False), clear), "open journal": best_ms(read, nothing)}
    figures["append and finish"] = best_ms(lambda: append(finish=True), clear)
    figures["open finished"] = best_ms(read, nothing)
    size_mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    for name, (cpu_ms, wall_ms) in figures.items():
        print(f"{width:>4} features  {name:<18} {cpu_ms:>7.1f} ms CPU {wall_ms:>7.1f} ms")
    print(f"{width:>4} features  on disk            {size_mb:>7.1f} MB")


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        for width in (36, 512):
            measure(Path(name), width)
            trim(Path(name), 0)


if __name__ == "__main__":
    main()
