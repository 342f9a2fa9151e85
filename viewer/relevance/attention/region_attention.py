"""AttentionBuilder: from features and tokens of single patches to the attention of a whole slide.

Regions of 16 × 16 patches are encoded as soon as all tissue in them is known, in windows that overlap by
half: a patch's attention is the mean over the windows it lies in, which leaves no seams between regions.
A window encoded from features of fewer or more tokens is encoded again when it has the uniform ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.attention import strings
from viewer.relevance.patches.attention_codes import MIDDLE, PATCHES_A_SIDE, log_codes
from viewer.relevance.patches.progress import StageProgress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.relevance.attention.slide_attention import Attention
    from viewer.relevance.encoders.protocols import Attending
    from viewer.relevance.features.mixed_resolution import MixedFeatures
    from viewer.relevance.features.store import FeatureStore

    Mask = NDArray[np.bool_]

WINDOW_STEP = PATCHES_A_SIDE // 2


class AttentionBuilder:
    """Writes to ``memory`` the attention of an encoder over the slide of ``store``. Used by one thread, the
    only writer.

    ``tissue`` (rows, columns): the patches to analyse; ``mixed``: features beside those of the store.
    """

    def __init__(
        self,
        encoder: Attending,
        store: FeatureStore,
        mixed: MixedFeatures,
        tissue: Mask,
        memory: Attention,
    ) -> None:
        self._encoder = encoder
        self._store = store
        self._mixed = mixed
        self._tissue = tissue
        self._memory = memory
        memory.tissue[...] = tissue
        memory.regions[...] = round(MIDDLE)
        self._left = self._windows()
        self._total = len(self._left)
        self._sums = np.zeros(memory.patches.shape, np.float32)
        self._counts = np.zeros(tissue.shape, np.float32)
        self._regions: dict[tuple[int, int], NDArray[np.float32]] = {}
        self._provisional: dict[tuple[int, int], NDArray[np.float32]] = {}
        self._sides: NDArray[np.uint8] = np.zeros(tissue.shape, np.uint8)
        self._seen = (-1, -1)
        self._ready: list[tuple[int, int]] = []
        self._failed: Mask = np.zeros(tissue.shape, bool)
        self._invalid: Mask = np.zeros(tissue.shape, bool)

    @property
    def note(self) -> str:
        """A sentence on patches with invalid attention; "" where there are none."""
        count = int(self._invalid.sum())
        if count == 1:
            return strings.ONE_PATCH_SKIPPED
        return strings.PATCHES_SKIPPED.format(count=count) if count else ""

    @property
    def levels(self) -> tuple[str, ...]:
        """Those of "region", "patch" and "token" that the encoder has."""
        return self._encoder.levels

    @property
    def progress(self) -> StageProgress:
        """Of regions, and of the windows between them; those to be encoded again are not done."""
        left = {*self._left, *self._ready, *self._provisional}
        return StageProgress(self._total - len(left), self._total)

    @property
    def tokens_missing(self) -> Mask:
        """Tissue without known tokens, with or without features."""
        missing: Mask = self._tissue & (~self._memory.tokens_known)
        return missing

    def take(self, cells: NDArray[np.int64], tokens: NDArray[np.float32], side: int) -> NDArray[np.int64]:
        """Keep the tokens (n, heads, 256) of patches (n, 2) as row, column, of side × side tokens each; not
        where values are invalid, or known from more tokens. Returns the patches whose tokens were kept."""
        better = np.isfinite(tokens).all(axis=(1, 2)) & (self._sides[tuple(cells.T)] <= side)
        rows, cols = cells[better].T
        self._memory.tokens[:, rows, cols] = log_codes(tokens[better]).swapaxes(0, 1)
        self._memory.tokens_known[rows, cols] = True
        self._sides[rows, cols] = side
        return cells[better]

    def update(self, failed: Mask, most: int, first: NDArray[np.float32]) -> bool:
        """Encode up to ``most`` windows whose patches have become known, those with the highest values of
        ``first`` (rows, columns) before others; whether there were any. Patches that ``failed`` are treated
        as glass, and stay unknown.
        """
        substitutes = self._mixed.usable()
        settled = self._store.count + int(failed.sum()), int(substitutes.sum())
        if settled != self._seen:
            self._seen, self._failed = settled, failed
            uniform = self._store.known() & self._tissue
            known = uniform | (substitutes & self._tissue)
            waiting = self._tissue & ~known & ~failed
            complete = [start for start in self._left if not waiting[_area(start)].any()]
            self._left = [start for start in self._left if waiting[_area(start)].any()]
            self._ready += [start for start in complete if known[_area(start)].any()]
            waiting = self._tissue & ~uniform & ~failed
            again = [start for start in self._provisional if not waiting[_area(start)].any()]
            self._ready += [start for start in again if start not in self._ready]
        if not self._ready:
            return False
        self._ready.sort(key=lambda start: -first[_area(start)].max())
        self._encode_windows(self._ready[:most])
        self._ready = self._ready[most:]
        return True

    def _windows(self) -> list[tuple[int, int]]:
        """First row and column of all windows with tissue: the regions, and those between them."""
        rows, cols = (
            sorted({*range(0, side, PATCHES_A_SIDE), *range(0, side - WINDOW_STEP, WINDOW_STEP)})
            for side in self._tissue.shape
        )
        starts = [(row, col) for row in rows for col in cols]
        return [start for start in starts if self._tissue[_area(start)].any()]

    def _encode_windows(self, starts: list[tuple[int, int]]) -> None:
        side = PATCHES_A_SIDE
        cells, features = self._store.load()
        place = np.full(self._tissue.shape, -1, np.int64)
        place[cells[:, 0], cells[:, 1]] = np.arange(len(cells))
        place[~self._tissue] = -1
        substitutes = self._mixed.usable() & self._tissue & (place < 0)
        windows = np.zeros((len(starts), side, side, features.shape[1]), np.float32)
        tissue = np.zeros((len(starts), side, side), bool)
        for number, start in enumerate(starts):
            here, other = place[_area(start)], substitutes[_area(start)]
            height, width = here.shape
            tissue[number, :height, :width] = (here >= 0) | other
            windows[number, :height, :width][here >= 0] = features[here[here >= 0]]
            if other.any():
                windows[number, :height, :width][other] = self._mixed.of(np.argwhere(other) + start)
        patches, regions = self._encoder.attend_regions(windows, tissue)
        for number, (start, whole, region) in enumerate(zip(starts, patches, regions, strict=True)):
            area = _area(start)
            height, width = self._tissue[area].shape
            attention = whole[:, :height, :width]
            self._invalid[area] = tissue[number, :height, :width] & np.isnan(attention).any(axis=0)
            if start in self._provisional:
                self._add(area, self._provisional.pop(start), -1)
            if substitutes[area].any():
                self._provisional[start] = attention
            self._add(area, attention, 1)
            self._memory.patches[:, *area] = log_codes(
                self._sums[:, *area] / np.maximum(self._counts[area], 1)
            )
            self._memory.patches_known[area] = ~self._failed[area] & (self._counts[area] > 0)
            if start[0] % side == 0 and start[1] % side == 0:
                self._regions[start] = region
        self._update_regions()

    def _add(self, area: tuple[slice, slice], attention: NDArray[np.float32], times: int) -> None:
        finite = np.isfinite(attention).all(axis=0)
        self._sums[:, *area] += times * np.where(finite, attention, np.float32(0))
        self._counts[area] += times * finite

    def _update_regions(self) -> None:
        if not self._regions:
            return
        attention = self._encoder.attend_slide(np.stack(list(self._regions.values())))
        for (row, col), code in zip(self._regions, log_codes(attention), strict=True):
            self._memory.regions[row // PATCHES_A_SIDE, col // PATCHES_A_SIDE] = code


def _area(start: tuple[int, int]) -> tuple[slice, slice]:
    row, col = start
    return slice(row, row + PATCHES_A_SIDE), slice(col, col + PATCHES_A_SIDE)
