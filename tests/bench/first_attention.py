"""How soon HIPT's attention covers the field of view: 64 patches' tokens, and then their region.

Run: PYTHONPATH=. python tests/bench/first_attention.py SLIDE. A field of 8 × 8 patches in the middle of the
slide, random weights of the published shapes, all cores as in the window. Counted from when the worker is
ready, and with its start, which loads torch and the weights.
"""

from __future__ import annotations

import argparse
import os
import queue
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from _hipt_folder import register_random_hipt

from viewer.common.cores import core_count
from viewer.relevance.analysis.open import pixel_size_of
from viewer.relevance.worker.client import RelevanceClient
from viewer.relevance.worker.messages import Attended, Failed, Progress, WorkerDied
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import Rect

if TYPE_CHECKING:
    from viewer.relevance.worker.messages import Event

SIDE = 8
TIMEOUT_S = 300


def main() -> None:
    """Print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["FOVEOLA_HOME"] = home
        register_random_hipt(Path(home) / "weights")
        with closing(open_slide(options.slide)) as source:
            size = pixel_size_of(source, None)
            events: queue.Queue[tuple[float, Event]] = queue.Queue()
            client = RelevanceClient(lambda event: events.put((time.perf_counter(), event)))
            started_s = time.perf_counter()
            client.open(
                source,
                size.mpp_um,
                mpp_estimated=size.estimated,
                encoder_id="hipt",
                store_bytes=1 << 30,
                threads=core_count(),
            )
            grid = client.grid
            row, col = (grid.rows - SIDE) // 2, (grid.columns - SIDE) // 2
            whole = grid.rect(row, col, SIDE, SIDE)
            field = Rect(whole.x0 + 1, whole.y0 + 1, whole.x1 - 1, whole.y1 - 1)
            client.set_viewport(field, None, grid.patch_width_px / 64, moving=False)
            ready_s = tokens_s = region_s = None
            while region_s is None:
                at_s, event = events.get(timeout=TIMEOUT_S)
                if isinstance(event, Failed | WorkerDied):
                    raise SystemExit(event.reason)
                if isinstance(event, Progress) and ready_s is None:
                    ready_s = at_s
                if isinstance(event, Attended):
                    attention = client.attention()
                    assert attention is not None
                    area = slice(row, row + SIDE), slice(col, col + SIDE)
                    tissue = attention.tissue[area]
                    if tokens_s is None and (attention.tokens_known[area] | ~tissue).all():
                        tokens_s = at_s
                        print(
                            f"tokens of {int(tissue.sum())} patches with tissue: {tokens_s - ready_s:.1f} s"
                        )
                        print(f"  with the worker's start: {tokens_s - started_s:.1f} s")
                    if (attention.patches_known[area] | ~tissue).all():
                        region_s = at_s
                        print(f"their attention in their regions: {region_s - ready_s:.1f} s")
            client.close()


if __name__ == "__main__":
    main()
