"""Memory of the window while it tours a large slide: resident bytes over time, which must stay bounded and
flat.

    python tests/bench/tour.py [SLIDE] [--seconds 120] [--json]

Needs a display (``xvfb-run -a python tests/bench/tour.py …``). Flies to random fields at random
magnifications on the camera's springs, pans on from each, and samples the resident set twice a second.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from time import perf_counter

from _slides import slide_or_phantom


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", type=Path, nargs="?", help="without one, a phantom is made")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    import numpy as np

    from viewer.common.settings import Settings
    from viewer.slide.formats.registry import open_for_viewing
    from viewer.ui.shell.app import application

    slide = slide_or_phantom(options.slide)
    with application(Settings.default()) as (qt, window):
        view = window.view
        source = open_for_viewing(slide)
        view.set_source(source)
        rng = np.random.default_rng(0)
        bounds, samples_mb = source.info.bounds, []
        started_s = next_sample_s = next_flight_s = perf_counter()
        while perf_counter() - started_s < options.seconds:
            qt.processEvents()
            now_s = perf_counter()
            if now_s >= next_flight_s:
                x, y = rng.uniform(bounds.x0, bounds.x1), rng.uniform(bounds.y0, bounds.y1)
                view.go_to(float(x), float(y), downsample=float(2 ** rng.uniform(0, 6)))
                next_flight_s = now_s + 0.4
            else:
                view.pan_by(3.0, 1.0)
            if now_s >= next_sample_s:
                samples_mb.append(_resident_mb())
                next_sample_s = now_s + 0.5
        frame_ms = view.frame_stats.frame_ms_p95
        view.close_slide()
        closing_s = perf_counter()
    closing_s = perf_counter() - closing_s
    half = len(samples_mb) // 2
    figures = {
        "gigapixels": round(source.pyramid.width * source.pyramid.height / 1e9, 2),
        "rss_mb_max": round(max(samples_mb), 1),
        "rss_mb_first_half_max": round(max(samples_mb[:half]), 1),
        "rss_mb_end": round(samples_mb[-1], 1),
        "frame_ms_p95": round(frame_ms, 2),
        "closing_s": round(closing_s, 3),
    }
    print(json.dumps(figures) if options.json else "\n".join(f"{k}: {v}" for k, v in figures.items()))


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


if __name__ == "__main__":
    main()
