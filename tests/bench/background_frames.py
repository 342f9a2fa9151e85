"""The window's frame times while a slide is analysed in the background, against those while nothing is.

    python tests/bench/background_frames.py [SLIDE] [--rounds 6] [--encoder ID] [--json]

Needs a display (``xvfb-run -a python tests/bench/background_frames.py``). Drags the slide there and back in
short turns: the analysis paused; at work as in the window, which tells it when the view moves; and at work
all the time. Turns alternate, so that other load on the machine falls on all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from functools import partial
from pathlib import Path
from time import perf_counter, sleep
from typing import TYPE_CHECKING

from _hipt_folder import register_random_hipt
from _slides import slide_or_phantom

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.relevance.worker.client import RelevanceClient
    from viewer.ui.canvas.slide_view import SlideView

FRAMES = 120
STEP_PX = 24.0
"""Of level 0, a frame."""
DOWNSAMPLE = 2.0
SETTLE_S = 0.4
MPP_UM = (0.25, 0.25)
NOTHING, AS_IN_THE_WINDOW, ALL_THE_TIME = "nothing", "as in the window", "all the time"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", type=Path, nargs="?", help="without one, a phantom is made")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--encoder", choices=("measured", "saliency", "hipt"), default="measured")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    slide = slide_or_phantom(options.slide)
    with tempfile.TemporaryDirectory() as home:
        os.environ["FOVEOLA_HOME"] = home  # nothing is known of the slide yet
        if options.encoder == "hipt":
            register_random_hipt(Path(home) / "weights")
        figures = measured(slide, options.rounds, options.encoder)
    print(json.dumps(figures) if options.json else "\n".join(f"{k}: {v}" for k, v in figures.items()))


def measured(slide: Path, rounds: int, encoder_id: str) -> dict[str, float | bool]:
    """Milliseconds a frame, median and 95th percentile, in each state, and the ratios to no analysis."""
    import numpy as np

    from viewer.common.cores import core_count
    from viewer.common.settings import Settings
    from viewer.relevance.worker.client import RelevanceClient
    from viewer.relevance.worker.messages import Progress
    from viewer.slide.formats.registry import open_for_viewing
    from viewer.ui.shell.app import application

    progress: list[Progress] = []

    def hear(event: object) -> None:
        if isinstance(event, Progress):
            progress.append(event)

    settings = Settings.default()
    frame_ms: dict[str, list[float]] = {NOTHING: [], AS_IN_THE_WINDOW: [], ALL_THE_TIME: []}
    with application(settings) as (qt, window):
        view = window.view
        view.canvas.finish_frames = True
        source = open_for_viewing(slide)
        view.set_source(source)
        client = RelevanceClient(hear)
        client.open(
            source,
            source.info.mpp_um or MPP_UM,
            mpp_estimated=False,
            encoder_id=encoder_id,
            store_bytes=settings.relevance.store_bytes,
            threads=None if encoder_id == "measured" else core_count(),  # as in the window
        )
        while not progress:  # the worker has started
            qt.processEvents()
        pan(view, client, qt.processEvents, looks=False)  # caches and shaders are warm from here on
        for _ in range(rounds):
            for state in frame_ms:
                client.set_paused(state == NOTHING)
                wait(qt.processEvents, SETTLE_S)
                frame_ms[state] += pan(view, client, qt.processEvents, looks=state == AS_IN_THE_WINDOW)
        last = progress[-1]
        client.close()
        view.close_slide()
    figures: dict[str, float | bool] = {}
    for state, times in frame_ms.items():
        median, p95 = np.percentile(times, [50, 95])
        base_median, base_p95 = np.percentile(frame_ms[NOTHING], [50, 95])
        figures[f"{state}: median ms"] = round(float(median), 2)
        figures[f"{state}: p95 ms"] = round(float(p95), 2)
        figures[f"{state}: median ratio"] = round(float(median / base_median), 3)
        figures[f"{state}: p95 ratio"] = round(float(p95 / base_p95), 3)
    figures["patches analysed"] = last.done
    figures["was at work to the end"] = last.done < last.total
    return figures


def pan(
    view: SlideView, client: RelevanceClient, process_events: Callable[[], object], *, looks: bool
) -> list[float]:
    """Drag there and back, and give the milliseconds from each move to its finished frame. ``looks``: the
    worker hears of it, as often as from the window.
    """
    from viewer.ui.canvas.viewport_report import VIEWPORT_INTERVAL_MS, send_viewport

    assert view.source is not None
    drawn: list[float] = []
    heard = view.frame_report.connect(lambda _report: drawn.append(perf_counter()))
    view.go_to(*view.source.info.bounds.centre, downsample=DOWNSAMPLE, instant=True)
    hand, kinetic = view.canvas.hand, view.canvas.hand.kinetic
    hand.kinetic = False  # ends where it began
    hand.press((0.0, 0.0))
    sent_s = 0.0
    times = []
    for frame in range(1, FRAMES + 1):
        reach = min(frame, FRAMES - frame) * STEP_PX / DOWNSAMPLE
        started_s, before = perf_counter(), len(drawn)
        hand.drag((-reach, -0.3 * reach))
        view.canvas.native.update()
        if looks and started_s - sent_s >= VIEWPORT_INTERVAL_MS / 1e3:
            sent_s = started_s
            send_viewport(client, view)
        until(process_events, partial(lambda before: len(drawn) > before, before))
        times.append((drawn[before] - started_s) * 1e3)
    hand.release((0.0, 0.0))
    hand.kinetic = kinetic
    if looks:
        send_viewport(client, view)
    view.frame_report.disconnect(heard)
    return times


def until(process_events: Callable[[], object], condition: Callable[[], bool]) -> None:
    while not condition():
        process_events()


def wait(process_events: Callable[[], object], seconds: float) -> None:
    """Let the window live: what was asked of the worker is under way."""
    end_s = perf_counter() + seconds
    while perf_counter() < end_s:
        process_events()
        sleep(0.005)


if __name__ == "__main__":
    main()
