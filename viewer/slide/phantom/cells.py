"""The things that are stamped on the phantom's textures: nuclei, red cells, crypts and tumour glands.

A stamp is a small picture of stain codes (see ``texture``). Stamps are laid on by taking the larger
code, and glands first clear their ground by taking the smaller one. Both are the same in any order, so the
pixels cannot depend on how the slide is cut when it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.phantom.noise import blobs
from viewer.slide.phantom.texture import codes_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from viewer.slide.phantom.noise import Floats

_GRAIN_SIDE = 512


@dataclass(frozen=True, slots=True)
class Stamp:
    """(h, w, 2) stain codes, centred; ``clears`` (h, w, 2) is what the ground is cut down to, None for
    nothing.
    """

    adds: NDArray[np.uint8]
    clears: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Nucleus:
    """A kind of nucleus: radii in pixels of 0.25 µm, optical density, unevenness of outline and
    chromatin.
    """

    long_px: tuple[float, float]
    short_px: tuple[float, float]
    od: tuple[float, float]
    outline: float = 0.08
    chromatin: float = 0.18
    nucleoli: int = 0
    eosin_od: float = 0.0


LYMPHOCYTE = Nucleus((11, 14.5), (10, 13), (0.62, 1.0), outline=0.06, chromatin=0.16)
PLASMA_CELL = Nucleus((12, 15), (10, 12.5), (0.55, 0.9), outline=0.06, chromatin=0.2, eosin_od=0.14)
EPITHELIAL = Nucleus((16, 21), (9, 12), (0.55, 0.85), outline=0.08, chromatin=0.13)
FIBROBLAST = Nucleus((22, 36), (3.5, 6.5), (0.45, 0.8), outline=0.12, chromatin=0.10)
MUSCLE_CELL = Nucleus((28, 44), (5, 7.5), (0.36, 0.62), outline=0.06, chromatin=0.10)
TUMOUR_CELL = Nucleus((18, 28), (14, 20), (0.42, 0.8), outline=0.15, chromatin=0.2, nucleoli=2)
FOLLICLE_CELL = Nucleus((14, 19), (12, 16), (0.32, 0.52), outline=0.1, chromatin=0.2, nucleoli=2)
GHOST = Nucleus((12, 19), (10, 15), (0.08, 0.20), outline=0.2, chromatin=0.05)
DEBRIS = Nucleus((2.5, 7), (2, 6), (0.5, 1.0), outline=0.25, chromatin=0.05)


class CellPainter:
    """Draws stamps, determined by the random generator that it is given."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._grain = blobs(rng, _GRAIN_SIDE, 5)
        self._coarse_grain = blobs(rng, _GRAIN_SIDE, 17)

    def nuclei(self, kind: Nucleus, count: int, *, tilt: float | None = None) -> list[Stamp]:
        """``count`` nuclei, each its own. They lie along ``tilt`` ± 0.2 rad; None: any way, evenly spread."""
        turns = np.arange(count) * np.pi / count if tilt is None else tilt + self._rng.normal(0, 0.12, count)
        return [Stamp(self._nucleus(kind, float(turn))) for turn in turns]

    def red_cells(self, count: int) -> list[Stamp]:
        """Red blood cells: discs a little paler in the middle, seen from any side."""
        rng, stamps = self._rng, []
        for _ in range(count):
            y, x = _grid(16)
            turn, flat = rng.uniform(0, np.pi), rng.uniform(0.72, 1.0)
            u, v = x * np.cos(turn) + y * np.sin(turn), (y * np.cos(turn) - x * np.sin(turn)) / flat
            radius = np.hypot(u, v) / rng.uniform(11.5, 13.8)
            od = _edge(radius, 0.2) * (
                rng.uniform(0.78, 0.98) - 0.25 * np.exp(-((radius / 0.45) ** 2)) - 0.02
            )
            stamps.append(Stamp(codes_of(np.zeros_like(od), od)))
        return stamps

    def crypts(self, count: int) -> list[Stamp]:
        """Cross-cuts of colonic crypts: a ring of epithelium around a pale lumen, goblet cells, basal
        nuclei.
        """
        return [self._crypt(self._rng.uniform(138, 186)) for _ in range(count)]

    def tumour_glands(self, count: int) -> list[Stamp]:
        """Irregular, crowded glands with dark, large, piled-up nuclei and dirty, cramped lumens."""
        return [self._tumour_gland(self._rng.uniform(150, 235)) for _ in range(count)]

    def vacuoles(self, count: int) -> list[Stamp]:
        """Small clear spaces with a thin rim: capillaries and shrinkage around cells."""
        stamps = []
        for _ in range(count):
            y, x = _grid(34)
            turn, stretch = self._rng.uniform(0, np.pi), self._rng.uniform(1.0, 2.2)
            u, v = x * np.cos(turn) + y * np.sin(turn), (y * np.cos(turn) - x * np.sin(turn)) * stretch
            radius = np.hypot(u, v) / self._rng.uniform(20, 29) * (1 + 0.06 * self._grain_like(x))
            rim = np.exp(-(((radius - 1) / 0.08) ** 2))
            clears = np.repeat((255 * (1 - _edge(radius, 0.1)))[..., None], 2, axis=2).astype(np.uint8)
            stamps.append(Stamp(codes_of(0.12 * rim, 0.28 * rim + 0.02 * _edge(radius, 0.1)), clears))
        return stamps

    def clefts(self, count: int) -> list[Stamp]:
        """Long thin clear gaps between bundles of muscle, a little bent."""
        rng, stamps = self._rng, []
        for _ in range(count):
            reach = int(rng.uniform(70, 230))
            y, x = _grid(reach)
            y, x = y[reach - 45 : reach + 46], x[reach - 45 : reach + 46]
            middle = rng.uniform(-14, 14) * np.sin(x / reach * rng.uniform(1.5, 4) + rng.uniform(0, 6))
            half = (
                rng.uniform(3, 9)
                * np.clip(1 - (x / reach) ** 2, 0, 1)
                * (1 + 0.35 * self._grain_like(x, coarse=True))
            )
            inside = np.clip((half - np.abs(y - middle)) / 2 + 0.5, 0, 1) * (half > 0.8)
            clears = np.repeat((255 * (1 - 0.95 * inside))[..., None], 2, axis=2).astype(np.uint8)
            stamps.append(Stamp(np.zeros_like(clears), clears))
        return stamps

    def _nucleus(self, kind: Nucleus, turn: float) -> NDArray[np.uint8]:
        rng = self._rng
        long_px, short_px = rng.uniform(*kind.long_px), rng.uniform(*kind.short_px)
        halo = 1.75 if kind.eosin_od else 1.3
        y, x = _grid(int(long_px * halo) + 4)
        u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        angle = np.arctan2(v, u)
        bumps = sum(
            rng.normal(0, kind.outline / order) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
            for order in (2, 3, 5)
        )
        radius = np.hypot(u / long_px, v / short_px) / (1 + bumps)
        grain = self._grain_like(x)
        rim = np.exp(-(((radius - 0.88) / 0.13) ** 2))
        density = rng.uniform(*kind.od) * (0.86 + kind.chromatin * grain + 0.10 * rim)
        for _ in range(rng.integers(0, kind.nucleoli + 1)):
            cy, cx = rng.uniform(-0.45, 0.45, 2)
            density += 0.4 * np.exp(
                -(((u / long_px - cx) * long_px) ** 2 + ((v / short_px - cy) * short_px) ** 2) / 9
            )
        body = _edge(radius, 3.0 / short_px)
        cytoplasm = kind.eosin_od * _edge(np.hypot(u - 0.45 * long_px, v) / (long_px * 1.45), 0.15)
        return codes_of(np.clip(density, 0.05, 1.5) * body + 0.6 * cytoplasm, cytoplasm + 0.10 * body)

    def _crypt(self, radius_px: float) -> Stamp:
        rng = self._rng
        y, x = _grid(int(radius_px * 1.32) + 6)
        angle = np.arctan2(y, x)
        outline = 1 + rng.uniform(0.02, 0.16) * np.cos(2 * (angle - rng.uniform(0, np.pi)))
        outline += 0.03 * np.cos(3 * angle + rng.uniform(0, 6)) + 0.015 * np.cos(
            7 * angle + rng.uniform(0, 6)
        )
        depth = np.hypot(x, y) / (radius_px * outline)
        grain, coarse = self._grain_like(x), self._grain_like(x, coarse=True)

        cells = round(2 * np.pi * 0.62 * radius_px / rng.uniform(30, 36))
        lean = rng.normal(0, 0.15) + 0.05 * coarse
        place = (angle / (2 * np.pi) * cells + lean * (1 - depth)) % cells
        own = place.astype(int) % cells
        across = (place - np.floor(place) - 0.5) * 2
        is_goblet = rng.random(cells)[own] < 0.72
        swelling = rng.uniform(0.75, 1.0, cells)[own]
        height = rng.uniform(0.53, 0.60, cells)[own]
        goblet = np.hypot(across / (0.88 * swelling), (depth - height) / (0.20 * swelling))
        goblet_area = _edge(goblet, 0.22) * is_goblet

        lumen = _edge(depth, 0.03, rng.uniform(0.24, 0.34) * (1 + 0.10 * coarse))
        body = _edge(depth, 0.02) * (1 - lumen)
        septum = np.clip(np.abs(across) - 0.82, 0, 1) * 1.0
        basal = np.clip((depth - 0.72) / 0.2, 0, 1)
        haematoxylin = body * (0.20 + 0.16 * basal + septum * 0.4 + 0.03 * grain)
        eosin = body * (0.20 + 0.06 * basal + septum * 0.3 + 0.02 * grain)
        foam = 0.07 + 0.035 * grain + 0.02 * coarse
        haematoxylin = haematoxylin * (1 - 0.9 * goblet_area) + goblet_area * np.clip(foam + 0.05, 0, 1)
        eosin = eosin * (1 - 0.96 * goblet_area)
        brush = np.exp(-(((depth - 0.33) / 0.02) ** 2)) * body
        membrane = np.exp(-(((depth - 1.02) / 0.022) ** 2))
        mucus = lumen * np.clip(0.05 * coarse - 0.005, 0, 0.2)
        adds = codes_of(
            haematoxylin + 0.08 * brush + mucus, eosin + 0.16 * brush + 0.26 * membrane + 0.15 * mucus
        )

        self._ring_of_nuclei(
            adds, radius_px, outline, count=round(cells * 1.5), kind=EPITHELIAL, depths=(0.82, 0.92)
        )
        clear = np.clip((depth - 1.03) / 0.06, 0, 1)
        return Stamp(adds, np.repeat((255 * clear)[..., None], 2, axis=2).astype(np.uint8))

    def _tumour_gland(self, radius_px: float) -> Stamp:
        rng = self._rng
        y, x = _grid(int(radius_px * 1.5) + 6)
        angle = np.arctan2(y, x)
        outline = sum(
            (
                rng.normal(0, 0.16 / order**0.6) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
                for order in (2, 3, 4, 5, 7)
            ),
            start=np.ones_like(x),
        )
        outline = np.clip(outline, 0.5, 1.42)
        depth = np.hypot(x, y) / (radius_px * outline)
        grain, coarse = self._grain_like(x), self._grain_like(x, coarse=True)
        lumen = np.zeros_like(x)
        for _ in range(rng.integers(2, 6)):
            where, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.55) * radius_px
            size = rng.uniform(0.14, 0.30) * radius_px
            away = np.hypot(x - far * np.cos(where), (y - far * np.sin(where)) * rng.uniform(0.7, 1.5)) / size
            lumen = np.maximum(lumen, _edge(away * (1 + 0.10 * coarse), 0.12))
        body = _edge(depth, 0.02) * (1 - lumen)
        haematoxylin = body * (0.24 + 0.05 * grain + 0.03 * coarse)
        eosin = body * (0.25 + 0.03 * grain)
        dirt = lumen * np.clip(coarse - 0.3, 0, 1)
        adds = codes_of(haematoxylin + 0.10 * dirt, eosin + 0.26 * dirt)

        solid = (body > 0.9) & (depth < 0.93)
        spots = np.argwhere(solid[::9, ::9]) * 9
        chosen = rng.permutation(len(spots))
        taken: list[tuple[int, int]] = []
        for index in chosen:
            row, column = (int(value) for value in spots[index])
            if all((row - r) ** 2 + (column - c) ** 2 > 31**2 for r, c in taken):
                taken.append((row, column))
        middle = x.shape[0] // 2
        for row, column in taken:
            turn = float(np.arctan2(row - middle, column - middle)) + rng.normal(0, 0.35)
            _lay_centred(adds, self._nucleus(TUMOUR_CELL, turn), row, column)
        for _ in range(int(dirt.sum() / 900)):
            row, column = spots[rng.integers(len(spots))]
            _lay_centred(adds, self._nucleus(DEBRIS, 0.0), row, column)
        clear = np.clip((depth - 1.02) / 0.05, 0, 1)
        return Stamp(adds, np.repeat((255 * clear)[..., None], 2, axis=2).astype(np.uint8))

    def _ring_of_nuclei(
        self,
        adds: NDArray[np.uint8],
        radius_px: float,
        outline: Floats,
        *,
        count: int,
        kind: Nucleus,
        depths: tuple[float, float],
    ) -> None:
        """Nuclei standing on the outer edge of a gland, pointing to its middle."""
        middle = adds.shape[0] // 2
        for index in range(count):
            angle = 2 * np.pi * (index + self._rng.uniform(-0.3, 0.3)) / count
            row, column = middle + 40 * np.sin(angle), middle + 40 * np.cos(angle)
            far = self._rng.uniform(*depths) * radius_px * outline[int(row), int(column)]
            row, column = middle + far * np.sin(angle), middle + far * np.cos(angle)
            _lay_centred(adds, self._nucleus(kind, float(angle) + self._rng.normal(0, 0.18)), row, column)

    def _grain_like(self, like: Floats, *, coarse: bool = False) -> Floats:
        """Noise of the same shape, cut from anywhere."""
        height, width = like.shape
        row, column = self._rng.integers(0, _GRAIN_SIDE, 2)
        grain = self._coarse_grain if coarse else self._grain
        rows, columns = (row + np.arange(height)) % _GRAIN_SIDE, (column + np.arange(width)) % _GRAIN_SIDE
        cut: Floats = grain[rows[:, None], columns]
        return cut


def _grid(reach: int) -> tuple[Floats, Floats]:
    """y and x of a square that reaches this far from its middle pixel."""
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    return y, x


def _edge(radius: Floats, softness: float, border: float | Floats = 1.0) -> Floats:
    """1 inside ``border``, 0 outside, ``softness`` wide in between."""
    return np.clip((border - radius) / softness + 0.5, 0, 1)


def _lay_centred(picture: NDArray[np.uint8], stamp: NDArray[np.uint8], row: float, column: float) -> None:
    lay(np.maximum, picture, stamp, int(row) - stamp.shape[0] // 2, int(column) - stamp.shape[1] // 2)


def lay(
    rule: Callable[..., object], stain: NDArray[np.uint8], stamp: NDArray[np.uint8], top: int, left: int
) -> None:
    """Join a stamp to a picture by a rule (the larger or the smaller code); what sticks out is lost."""
    bottom, right = top + stamp.shape[0], left + stamp.shape[1]
    if bottom <= 0 or right <= 0 or top >= stain.shape[0] or left >= stain.shape[1]:
        return
    ground = stain[max(top, 0) : bottom, max(left, 0) : right]
    y, x = max(-top, 0), max(-left, 0)
    rule(ground, stamp[y : y + ground.shape[0], x : x + ground.shape[1]], out=ground)
