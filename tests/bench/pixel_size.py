"""How near estimates of the pixel size come on slides of known pixel size, and how often the range holds it.

Run: PYTHONPATH=. python tests/bench/pixel_size.py TABLE.csv, whose lines are PATH,MPP_UM,KIND: the true pixel
size, and "H&E" for tissue in haematoxylin and eosin or another word for what should not be estimated. Each
slide is also measured as its coarser levels, whose pixels are as many times larger. The range is fitted again
without each H&E slide in turn, as 1.1 times the largest error of 95 in 100 of the others.
"""

from __future__ import annotations

import csv
import math
import sys
from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import Pyramid, Rect, TileKey
from viewer.slide.source import Source
from viewer.slide.tissue.mask import tissue_mask
from viewer.slide.tissue.pixel_size import estimate_from_nuclei

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viewer.slide.pixels import Pixels
    from viewer.slide.source import SlideInfo
    from viewer.slide.tissue.pixel_size import PixelSizeEstimate

LEVELS = 4
LARGEST_MPP_UM = 2.2
MARGIN, PERCENTILE = 1.1, 95


class CoarserSource(Source):
    """A slide without its finest levels."""

    def __init__(self, source: Source, dropped: int) -> None:
        self._source, self._dropped = source, dropped
        levels = source.pyramid.levels[dropped:]
        sizes = [(level.width, level.height) for level in levels]
        self._pyramid = Pyramid.from_sizes(sizes, [(level.tile_width, level.tile_height) for level in levels])
        self._info = replace(source.info, bounds=Rect(0, 0, *sizes[0]), file_levels=tuple(sizes))

    @property
    def info(self) -> SlideInfo:
        return self._info

    @property
    def pyramid(self) -> Pyramid:
        return self._pyramid

    def read_tile(self, key: TileKey) -> Pixels:
        return self._source.read_tile(key._replace(level=key.level + self._dropped))

    def read_associated_image(self, name: str) -> Any:
        raise KeyError(name)

    def close(self) -> None:
        self._source.close()


def estimates(path: Path, mpp_um: float) -> Iterator[tuple[float, PixelSizeEstimate]]:
    """The true pixel size and the estimate, of a slide and of its coarser levels."""
    with closing(open_slide(path)) as source:
        for dropped, level in enumerate(source.pyramid.levels[:LEVELS]):
            true_um = mpp_um * level.downsample
            if true_um <= LARGEST_MPP_UM:
                coarser = CoarserSource(source, dropped)
                yield true_um, estimate_from_nuclei(coarser, tissue_mask(coarser, None))


def covered_without(errors: dict[Path, float]) -> float:
    """The share of slides that a range fitted on the others covers. ``errors``: the largest of each slide, as
    the absolute logarithm of its ratio.
    """
    hits = []
    for slide, error in errors.items():
        others = [other for path, other in errors.items() if path != slide]
        hits.append(error <= math.log(MARGIN) + float(np.percentile(others, PERCENTILE)))
    return float(np.mean(hits))


def main() -> None:
    """Print every estimate, then the figures of the benchmark page."""
    if len(sys.argv) < 2:
        print("no table of slides of known pixel size was given: nothing is measured")
        return
    with Path(sys.argv[1]).open(newline="") as file:
        table = [(Path(path), float(mpp), kind) for path, mpp, kind in csv.reader(file)]
    asked: dict[str, int] = defaultdict(int)
    given: dict[str, int] = defaultdict(int)
    largest: dict[Path, float] = defaultdict(float)
    inside, near = [], []
    for path, mpp_um, kind in table:
        for true_um, found in estimates(path, mpp_um):
            asked[kind] += 1
            if found.mpp_um is None:
                print(f"{path}\t{kind}\t{true_um:.3f}\t{found.reason}", flush=True)
                continue
            given[kind] += 1
            is_inside = found.low_um <= true_um <= found.high_um
            held = "inside" if is_inside else "OUTSIDE"
            text = f"{found.mpp_um:.3f}\t{found.low_um:.3f} to {found.high_um:.3f}\t{held}"
            print(f"{path}\t{kind}\t{true_um:.3f}\t{text}", flush=True)
            if kind == "H&E":
                error = abs(math.log(true_um / math.sqrt(found.low_um * found.high_um)))
                largest[path] = max(largest[path], error)
                inside.append((path, is_inside))
                near.append(abs(math.log(true_um / found.mpp_um)))
    for kind, count in asked.items():
        print(f"{kind}: estimated {given[kind]} of {count} pictures")
    missed = {path for path, is_inside in inside if not is_inside}
    print(f"range holds the truth: {sum(held for _, held in inside)} of {len(inside)} pictures")
    print(f"range holds the truth at every level: {len(largest) - len(missed)} of {len(largest)} slides")
    print(f"refitted without the slide, it is covered: {covered_without(largest):.1%}")
    spread = MARGIN * math.exp(float(np.percentile(list(largest.values()), PERCENTILE)))
    print(f"half-width of the range as fitted on all slides: {spread:.3f}")
    shares = [float(np.mean(np.array(near) < math.log(factor))) for factor in (1.05, 1.1, 1.2)]
    print("error below 5, 10, 20 %: " + ", ".join(f"{share:.0%}" for share in shares))


if __name__ == "__main__":
    main()
