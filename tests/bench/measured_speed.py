"""What measuring costs: CPU time of one core per patch, for blocks of several sizes, and of calibration.

Run: PYTHONPATH=. python tests/bench/measured_speed.py. The least of some runs: other programs only add time.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.measured.encoder import MeasuredEncoder
from viewer.slide.tissue.stains import find_stains

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 7
SIDES = (1, 2, 3, 4, 6, 8)
CALIBRATION_PIXELS = 24 * 128 * 128


def least_cpu_ms(work: Callable[[], object]) -> float:
    """The least CPU time of some runs, after one that warms up."""
    work()
    taken = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken) * 1000


def main() -> int:
    """Measure and print."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    encoder = MeasuredEncoder()
    pixels = rng.integers(90, 245, (CALIBRATION_PIXELS, 3), dtype=np.uint8)
    glass = np.array([243.0, 243.0, 243.0])
    calibration = {"stains": find_stains(pixels, glass, brightfield=True).as_facts()}
    stains_ms = least_cpu_ms(lambda: find_stains(pixels, glass, brightfield=True))
    print(f"stains of a slide, from {CALIBRATION_PIXELS:,} pixels: {stains_ms:.0f} ms")
    for side in SIDES:
        length = side * MEASURED.patch_px + 2 * MEASURED.margin_px
        block = rng.integers(90, 245, (length, length, 3), dtype=np.uint8)
        patch_ms = least_cpu_ms(partial(encoder.encode, block, calibration)) / side**2
        print(f"block of {side} x {side} patches: {patch_ms:.2f} ms a patch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
