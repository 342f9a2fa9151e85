"""Which cells lie where on the phantom: lattices of cells, one per kind, each for some tissues.

A hash of a lattice cell's place decides whether it holds a cell, where exactly, and which stamp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.slide.phantom.cells import (
    DEBRIS,
    EPITHELIAL,
    FIBROBLAST,
    FOLLICLE_CELL,
    GHOST,
    LYMPHOCYTE,
    MUSCLE_CELL,
    PLASMA_CELL,
    TUMOUR_CELL,
    CellPainter,
    Stamp,
)
from viewer.slide.phantom.layout import Tissue
from viewer.slide.phantom.noise import hashed, uniform

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from viewer.slide.phantom.noise import Floats, Window

MAX_DRIFT_PX = 600
"""Cells are pushed off their lattice by up to this much, neighbours together: no straight rows of glands."""


class Points(NamedTuple):
    """Places in level-0 pixels."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scatter:
    """One kind of cell: its stamps, how close its lattice is, and how likely a place of each tissue holds
    one.

    ``jitter`` is how far from the middle of its lattice cell a cell may lie, as a share of the spacing.
    ``clumping`` 0 is even, 1 leaves places empty and fills others. ``is_gland``: laid after all others,
    clears its ground, and keeps its whole disc of ``clearance_px`` on its own tissue.
    """

    name: str
    stamps: tuple[Stamp, ...]
    spacing_px: int
    chance: Mapping[Tissue, float]
    jitter: float = 0.42
    clumping: float = 0.3
    is_gland: bool = False
    clearance_px: int = 0

    @property
    def reach_px(self) -> int:
        """How far from its place a stamp can leave its mark."""
        sides: list[int] = [side for stamp in self.stamps for side in stamp.adds.shape[:2]]
        return max(sides) // 2 + 1


def make_scatters() -> list[Scatter]:
    """Every kind of cell with its stamps, always the same ones. Takes about a second."""
    paint = CellPainter(np.random.default_rng(0xCE11))
    t = Tissue
    return [
        Scatter("cleft", _mirrored(paint.clefts(24)), 210, {t.MUSCLE: 0.42}, clumping=0.6),
        Scatter(
            "vacuole",
            _mirrored(paint.vacuoles(12)),
            170,
            {t.STROMA: 0.30, t.GLANDS: 0.25, t.TUMOUR: 0.15, t.MUSCLE: 0.04},
        ),
        Scatter(
            "lymphocyte",
            _mirrored(paint.nuclei(LYMPHOCYTE, 24)),
            32,
            {
                t.LYMPHOCYTES: 0.92,
                t.GLANDS: 0.30,
                t.TUMOUR: 0.05,
                t.STROMA: 0.022,
                t.NECROSIS: 0.015,
                t.MUSCLE: 0.004,
                t.MUCIN: 0.004,
                t.BLOOD: 0.004,
            },
            clumping=0.25,
        ),
        Scatter(
            "plasma cell",
            _mirrored(paint.nuclei(PLASMA_CELL, 16)),
            46,
            {t.GLANDS: 0.55, t.TUMOUR: 0.05, t.STROMA: 0.015},
            clumping=0.5,
        ),
        Scatter("follicle cell", _mirrored(paint.nuclei(FOLLICLE_CELL, 16)), 58, {t.LYMPHOCYTES: 0.55}),
        Scatter(
            "fibroblast",
            _mirrored(paint.nuclei(FIBROBLAST, 24)),
            84,
            {t.STROMA: 0.55, t.TUMOUR: 0.7, t.GLANDS: 0.35, t.NECROSIS: 0.02},
        ),
        Scatter("muscle cell", _mirrored(paint.nuclei(MUSCLE_CELL, 24, tilt=0.0)), 72, {t.MUSCLE: 0.62}),
        Scatter("ghost", _mirrored(paint.nuclei(GHOST, 16)), 58, {t.NECROSIS: 0.6}),
        Scatter(
            "debris", _mirrored(paint.nuclei(DEBRIS, 24)), 40, {t.NECROSIS: 0.4, t.TUMOUR: 0.03}, clumping=0.8
        ),
        Scatter(
            "loose tumour cell",
            _mirrored(paint.nuclei(TUMOUR_CELL, 16)),
            74,
            {t.TUMOUR: 0.10, t.MUCIN: 0.035},
            clumping=1.0,
        ),
        Scatter("shed cell", _mirrored(paint.nuclei(EPITHELIAL, 8)), 120, {t.MUCIN: 0.05}, clumping=1.0),
        Scatter(
            "red cell",
            _mirrored(paint.red_cells(24)),
            20,
            {t.BLOOD: 0.88, t.STROMA: 0.006, t.GLANDS: 0.012, t.NECROSIS: 0.006},
            clumping=0.22,
        ),
        Scatter(
            "crypt",
            _mirrored(paint.crypts(8)),
            450,
            {t.GLANDS: 0.97},
            jitter=0.10,
            clumping=0.0,
            is_gland=True,
            clearance_px=130,
        ),
        Scatter(
            "tumour gland",
            _mirrored(paint.tumour_glands(6)),
            450,
            {t.TUMOUR: 0.96},
            jitter=0.14,
            clumping=0.0,
            is_gland=True,
            clearance_px=90,
        ),
    ]


def scattered(
    scatter: Scatter,
    window: Window,
    salt: int,
    *,
    tissue_at: Callable[[Points], NDArray[np.uint8]],
    density_at: Callable[[Points], Floats],
    drift_at: Callable[[Points], Points],
) -> tuple[Points, NDArray[np.int64]]:
    """The cells of one kind that may leave a mark in a window: places, and which stamp each has."""
    spacing = scatter.spacing_px
    reach = scatter.reach_px + int(scatter.jitter * spacing) + 1 + MAX_DRIFT_PX
    column = np.arange((window.x - reach) // spacing - 1, (window.x + window.width + reach) // spacing + 1)
    row = np.arange((window.y - reach) // spacing - 1, (window.y + window.height + reach) // spacing + 1)
    columns, rows = (part.ravel() for part in np.meshgrid(column, row))
    bits = hashed(columns, rows, salt)
    # Every other row is shifted by half a step: no columns of cells.
    x = (columns + 0.5 + 0.5 * (rows & 1) + (uniform(bits, 0) - 0.5) * 2 * scatter.jitter) * spacing
    y = (rows + 0.5 + (uniform(bits, 1) - 0.5) * 2 * scatter.jitter) * spacing
    points = Points(x.astype(np.int64), y.astype(np.int64))
    drift = drift_at(points)
    points = Points(points.x + drift.x, points.y + drift.y)
    chances = np.zeros(len(Tissue))
    chances[list(scatter.chance)] = list(scatter.chance.values())
    tissue = tissue_at(points)
    chance = chances[tissue]
    if scatter.clumping:
        chance = chance * (1 + scatter.clumping * np.clip(density_at(points), -1, 1.5) * (chance < 0.9))
        chance -= scatter.clumping * np.clip(-density_at(points) - 0.9, 0, 1)
    keep = uniform(bits, 2) < chance
    if scatter.clearance_px:
        for angle in np.arange(8) * np.pi / 4:
            rim_x = points.x + int(scatter.clearance_px * np.cos(angle))
            rim_y = points.y + int(scatter.clearance_px * np.sin(angle))
            keep &= tissue_at(Points(rim_x, rim_y)) == tissue
    which = (uniform(bits, 3) * len(scatter.stamps)).astype(np.int64)
    return Points(points.x[keep], points.y[keep]), which[keep]


def _mirrored(stamps: list[Stamp]) -> tuple[Stamp, ...]:
    """Every stamp in four: as it is, and mirrored both ways."""
    out = []
    for stamp in stamps:
        for down in (1, -1):
            for across in (1, -1):
                adds = np.ascontiguousarray(stamp.adds[::down, ::across])
                clears = (
                    None if stamp.clears is None else np.ascontiguousarray(stamp.clears[::down, ::across])
                )
                out.append(Stamp(adds, clears))
    return tuple(out)
