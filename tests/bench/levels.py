"""What allocated weights and levels save until a query's places are sharp, on a slide read as over a network.

Run: PYTHONPATH=. python tests/bench/levels.py SLIDE [--query TEXT] [--mpp UM] [--latency MS] [--mbit N]. The
slide is thrown from view to view of the query's places at the magnification asked: without allocation, with
weights, and with weights and levels that the worker's allocator gives the view before. Counted from the throw
until every place on the screen of its end is sharp, and until everything is and the view rests: milliseconds,
and bytes of the tiles fetched, as JPEG. No graphics card is in the way.
"""

from __future__ import annotations

import argparse
import threading
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import simplejpeg

from viewer.common.scale import downsample_from_magnification
from viewer.relevance.analysis.allocation import Allocator
from viewer.relevance.analysis.open import open_analysis, pixel_size_of
from viewer.relevance.analysis.schedule import attention_at
from viewer.relevance.encoders.card import MEASURED_ID
from viewer.relevance.patches.novelty import surprise_of
from viewer.relevance.patches.peaks import find_hits
from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.parser import parse
from viewer.render.frame import Steering
from viewer.render.tile_engine import coarsest_tiles
from viewer.slide.formats.registry import open_slide
from viewer.slide.planes import FIRST_PLANE
from viewer.stream.plan import make_plan
from viewer.stream.region_priority import region_level, region_weight
from viewer.stream.residency import Residency
from viewer.stream.streamer import Streamer
from viewer.view.camera import KINETIC_TIME_CONSTANT_S, Camera, View, field_of_view
from viewer.view.screen import Screen
from viewer.view.viewport import Viewport

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from viewer.slide.geometry import Pyramid, TileKey
    from viewer.slide.source import SlideInfo, Source

SCREEN = Screen(1280, 800)
FRAME_S = 1 / 60
WORKERS = 4
FLIGHTS = 10
LONGEST_S = 60.0
JPEG_QUALITY = 80


class ThrottledSource:
    """A slide behind a network: each tile takes its latency, and its bytes the bandwidth that all share."""

    is_remote = False  # as a slow disk: threads of the decoder wait for it

    def __init__(self, source: Source, latency_s: float, bytes_per_s: float) -> None:
        self._source = source
        self._latency_s, self._bytes_per_s = latency_s, bytes_per_s
        self._line = threading.Lock()
        self.fetched_bytes = 0

    @property
    def info(self) -> SlideInfo:
        return self._source.info

    @property
    def pyramid(self) -> Pyramid:
        return self._source.pyramid

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        pixels = self._source.read_tile(key)
        size = len(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels[..., :3]), JPEG_QUALITY, "RGB"))
        time.sleep(self._latency_s)
        with self._line:
            time.sleep(size / self._bytes_per_s)
            self.fetched_bytes += size
        return pixels

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        return self._source.read_associated_image(name)

    def close(self) -> None:
        """The slide is the caller's to close."""


class Flight(NamedTuple):
    """Until every place of the query is sharp, and until everything is."""

    places_ms: float
    places_bytes: int
    all_ms: float
    all_bytes: int


def fly(
    source: Source,
    start: View,
    end: View,
    peaks: NDArray[np.float64],
    steering: Steering,
    options: argparse.Namespace,
) -> Flight:
    """Rest at the start until it is sharp, then go to the end. What is decoded is on the next frame."""
    throttled = ThrottledSource(source, options.latency / 1e3, options.mbit * 1e6 / 8)
    pyramid = source.pyramid
    pinned = coarsest_tiles(pyramid)
    streamer = Streamer(throttled, cache_bytes=1 << 30, on_tile=lambda: None, workers=WORKERS, pinned=pinned)
    residency = Residency(pyramid, sum(level.tile_count for level in pyramid.levels))
    camera, slots = Camera(start), iter(range(len(residency.arrival_s)))
    held = dict.fromkeys(pinned)

    def frame() -> int:
        """One frame; how many tiles the target still lacks."""
        camera.step(FRAME_S)
        streamer.set_moving(camera.moving)
        finest = steering.finest if streamer.slow_reads else None
        plan = make_plan(
            pyramid, residency, camera.view, camera.target, SCREEN,
            velocity=camera.velocity, relevance=steering.relevance, finest=finest,
        )  # fmt: skip
        for key in [*held, *plan.requested[: plan.urgent]]:
            if residency.slot(key) < 0 and streamer.has(key):
                residency.put(key, next(slots), 0.0)
                held.pop(key, None)
        streamer.request(
            [*held, *(key for key in plan.requested if residency.slot(key) < 0)], urgent=plan.urgent
        )
        return plan.missing

    def until(done: Callable[[int], bool]) -> float:
        began_s = time.perf_counter()
        while True:
            frame_s = time.perf_counter()
            missing = frame()
            if done(missing) or frame_s - began_s > LONGEST_S:
                return (time.perf_counter() - began_s) * 1e3
            time.sleep(max(0.0, FRAME_S - (time.perf_counter() - frame_s)))

    try:
        until(lambda missing: missing == 0 and not held)
        level = pyramid.levels[index := pyramid.level_for_downsample(end.downsample)]
        step = level.tile_width * level.scale_x, level.tile_height * level.scale_y
        grid = residency.grid(index, FIRST_PLANE)
        before = throttled.fetched_bytes
        reach_px = KINETIC_TIME_CONSTANT_S * end.downsample
        camera.throw((start.centre_x - end.centre_x) / reach_px, (start.centre_y - end.centre_y) / reach_px)
        places_ms = until(lambda _: all(grid[int(y / step[1]), int(x / step[0])] >= 0 for x, y in peaks))
        places_bytes = throttled.fetched_bytes - before
        rest_ms = until(lambda missing: missing == 0 and not camera.moving)
        return Flight(places_ms, places_bytes, places_ms + rest_ms, throttled.fetched_bytes - before)
    finally:
        streamer.close()


def main() -> None:
    """Fly each way in turns, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", type=Path)
    parser.add_argument("--query", default="lymphocytes")
    parser.add_argument("--mpp", type=float)
    parser.add_argument("--magnification", type=float, default=10.0)
    parser.add_argument("--latency", type=float, default=40.0, help="milliseconds a tile (40)")
    parser.add_argument("--mbit", type=float, default=20.0, help="megabits a second (20)")
    options = parser.parse_args()
    query = parse(options.query, load_lexicon()).query
    if query is None:
        parser.error(f"{options.query!r} names nothing that can be measured")
    with closing(open_slide(options.slide)) as source:
        size = pixel_size_of(source, options.mpp)
        with open_analysis(source, size, encoder_id=MEASURED_ID, limit_bytes=1 << 30) as analysis:
            analysis.run_to_end()
            field, grid = analysis.field(query), analysis.grid
            cells, features = analysis.store.load()
            surprise = np.full(grid.shape, np.nan, np.float32)
            surprise[tuple(cells.T)] = surprise_of(features)
            tissue = analysis.tissue
        peaks = np.array([hit.peak for hit in find_hits(field)])
        downsample = downsample_from_magnification(
            options.magnification, objective_power=None, mpp_um=size.mpp_um
        )
        assert downsample is not None
        counts: list[int] = []
        ways: dict[str, list[Flight]] = {name: [] for name in ("no allocation", "weights", "weights, levels")}
        views = [_view_of_places(peaks, peak, downsample) for peak in peaks[: FLIGHTS + 1]]
        for start, end in pairwise(views):
            field_of_start = field_of_view(start, SCREEN.size_px, 1.0)
            look = Viewport(field_of_start, None, downsample, moving=False)
            attention = attention_at(grid, field_of_start, None)
            loads = Allocator(grid, source.pyramid, tissue, size.mpp_um).allocate(
                field.scores, surprise, attention, look
            )
            patch_px = grid.patch_width_px, grid.patch_height_px
            relevance = region_weight(source.pyramid, loads.weights, *patch_px)
            finest = region_level(source.pyramid, loads.levels, *patch_px)
            places = _on_screen(peaks, end)
            counts.append(len(places))
            steerings = (
                Steering(),
                Steering(relevance=relevance),
                Steering(relevance=relevance, finest=finest),
            )
            for name, steering in zip(ways, steerings, strict=True):
                ways[name].append(fly(source, start, end, places, steering, options))
    print(
        f"{options.slide.name}, “{options.query}” at {options.magnification:g}×: {len(counts)} flights to "
        f"{np.mean(counts):.1f} places each, {WORKERS} workers, "
        f"{options.latency:g} ms a tile, {options.mbit:g} Mbit/s; medians"
    )
    for name, flights in ways.items():
        places_ms, places_bytes, all_ms, all_bytes = np.median(np.array(flights), axis=0)
        print(
            f"{name:15} places sharp after {places_ms:6.0f} ms and {places_bytes / 1024:6.0f} KiB; "
            f"all after {all_ms:6.0f} ms and {all_bytes / 1024:6.0f} KiB"
        )


def _on_screen(peaks: NDArray[np.float64], view: View) -> NDArray[np.float64]:
    field = field_of_view(view, SCREEN.size_px, 1.0)
    return peaks[((peaks > (field.x0, field.y0)) & (peaks < (field.x1, field.y1))).all(axis=1)]


def _view_of_places(peaks: NDArray[np.float64], peak: NDArray[np.float64], downsample: float) -> View:
    """Of a peak and the others around it: none is in the middle unless it is alone."""
    x, y = _on_screen(peaks, View(*peak, downsample)).mean(axis=0)
    return View(float(x), float(y), downsample)


if __name__ == "__main__":
    main()
