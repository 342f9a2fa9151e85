"""What recording the display costs: ten samples a second, at worst a turned view of a whole slide.

PYTHONPATH=. python tests/bench/coverage.py
"""

from __future__ import annotations

import statistics
from time import perf_counter

from viewer.review.coverage import Coverage, Display
from viewer.review.viewing_stream import Viewed, ViewingStream
from viewer.slide.geometry import Rect
from viewer.view.camera import View

SLIDE_PX = 100_000, 80_000
SAMPLES_A_SECOND, FRAMES_A_SECOND = 10, 60
ROUNDS = 300


def main() -> None:
    coverage, stream = Coverage(SLIDE_PX), ViewingStream()
    cost_ms = []
    for step in range(ROUNDS):
        view = View(50_000.0 + step, 40_000.0, 70.0, 0.5)
        shown = Display(
            view, (1600.0, 1200.0), 1.0, 0.6, 0.1, is_sharp=True, covered=(Rect(1300, 900, 1600, 1200),)
        )
        started_s = perf_counter()
        coverage.add(shown)
        stream.add(Viewed("2026-11-30T10:00:00.000+00:00", step / 10, True, shown, 1.0))
        cost_ms.append((perf_counter() - started_s) * 1e3)
    median_ms = statistics.median(cost_ms)
    share = SAMPLES_A_SECOND / FRAMES_A_SECOND
    print(f"a sample {median_ms:.2f} ms, {median_ms * share:.3f} ms a frame at {FRAMES_A_SECOND} a second")
    a_second = sum(len(line) + 1 for line in stream.lines("ab" * 32, SLIDE_PX)) / (ROUNDS / SAMPLES_A_SECOND)
    print(f"viewing record {a_second * 3600 / 1e6:.2f} MB an hour of moving without rest")


if __name__ == "__main__":
    main()
