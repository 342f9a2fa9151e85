"""Where each tissue of the phantom slide lies: a cut through the wall of a colon, with a tumour in it; or
through a lymph node with one small focus of tumour.

The layout is a map of a fixed number of nodes whatever the slide's size, so that small and gigapixel slides
show the same section. Wall layers from the lumen outwards: glands, stroma (submucosa), smooth muscle, fat.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.phantom.noise import blobs, clouds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.phantom.noise import Floats

NODES = 1024
_SOFT_NODES = 4
"""How far a border between tissues is spread."""


class Tissue(IntEnum):
    """What a place of the slide holds. Every place holds one."""

    GLASS = 0
    STROMA = 1
    GLANDS = 2
    LYMPHOCYTES = 3
    ADIPOSE = 4
    NECROSIS = 5
    MUCIN = 6
    MUSCLE = 7
    BLOOD = 8
    TUMOUR = 9


CLASS_NAMES = {
    Tissue.GLASS: "background",
    Tissue.STROMA: "stroma",
    Tissue.GLANDS: "glands",
    Tissue.LYMPHOCYTES: "lymphocytes",
    Tissue.ADIPOSE: "adipose_tissue",
    Tissue.NECROSIS: "necrosis",
    Tissue.MUCIN: "mucin",
    Tissue.MUSCLE: "smooth_muscle",
    Tissue.BLOOD: "blood",
    Tissue.TUMOUR: "tumour",
}

# Share of the wall's thickness at which each layer begins, from the lumen outwards.
_LAYERS = (
    (0.00, Tissue.GLANDS),
    (0.23, Tissue.MUSCLE),  # the thin muscle under the glands
    (0.25, Tissue.STROMA),
    (0.42, Tissue.MUSCLE),
    (0.66, Tissue.ADIPOSE),
)


@dataclass(frozen=True, slots=True)
class Ink:
    """A pen stroke on the cover glass: how much ink lies at each node (0 to 1), and what it lets through."""

    amount: Floats
    passes_rgb: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """Maps of ``NODES``² nodes; node (i, j) stands at ((j + 0.5), (i + 0.5)) · size / NODES pixels.

    ``labels`` holds Tissue values, ``shares`` (…, tissues) the same softened at borders, 0 to 255, ``stain``
    (…, 2) how strongly the two stains took (1 is usual), ``blur`` 0 to 1 how far out of focus it is.
    ``focus``: the middle (x, y) of the one focus of tumour, as shares of the slide's side.
    """

    labels: NDArray[np.uint8]
    shares: NDArray[np.uint8]
    stain: Floats
    blur: Floats
    inks: tuple[Ink, ...]
    focus: tuple[float, float] | None = None


def make_layout(seed: int, focus: float | None = None) -> Layout:
    """The layout of a seed: the same section, with its own outlines, spots and stain. ``focus``: a lymph node
    without ink in place of the colon, with a focus of tumour of this diameter, as a share of the slide's
    side.
    """
    rng = np.random.default_rng([seed, 0x0F0E])
    y, x = np.mgrid[0:NODES, 0:NODES].astype(np.float32) / NODES + 0.5 / NODES
    rough_x, rough_y = (_relief(rng, largest=NODES / 4) for _ in range(2))
    bent_x, bent_y = x + 0.022 * rough_x, y + 0.022 * rough_y

    place = None
    if focus is None:
        labels = _wall(bent_x, bent_y, rng)
        _put_spots(labels, bent_x, bent_y, rng)
    else:
        labels = _node(bent_x, bent_y, rng)
        place = _place_among_lymphocytes(labels, focus, rng)
        labels[np.hypot(x - place[0], y - place[1]) < focus / 2] = Tissue.TUMOUR
    blur = _spot(bent_x, bent_y, (0.24, 0.56), (0.075, 0.05))
    return Layout(
        labels=labels,
        shares=_softened(labels),
        stain=_stain(rng, x, y),
        blur=_smooth(np.clip((1 - blur) * 4, 0, 1), 4),
        inks=_inks(rng, x, y) if focus is None else (),
        focus=place,
    )


def _relief(rng: np.random.Generator, *, largest: float) -> Floats:
    """Broad waves with ever smaller ones on them: what makes an outline look grown."""
    return clouds(rng, NODES, largest=largest, slope=2.2)


def _wall(x: Floats, y: Floats, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The arched wall in its layers, on glass, with a small detached piece of mucosa and a lymph node."""
    labels = np.zeros(x.shape, np.uint8)
    radius = np.hypot(x - 0.5, (y - 1.42) * 1.04)
    folds = 0.012 * np.sin(np.arctan2(x - 0.5, 1.42 - y) * 46 + 2.0 * _relief(rng, largest=NODES / 6))
    depth = (1.24 + folds * 0.8 - radius) / 0.64
    inside = (depth > 0) & (depth < 1) & (x > 0.07) & (x < 0.93)
    ripple = 0.02 * _relief(rng, largest=NODES / 10)
    for start, tissue in _LAYERS:
        # The glands' surface is the folded one; deeper layers follow it less and less.
        labels[inside & (depth + ripple * (start > 0) >= start)] = tissue
    labels[_spot(x, y, (0.13, 0.13), (0.055, 0.04)) < 1] = Tissue.GLANDS
    node = _spot(x, y, (0.31, 0.865), (0.085, 0.06))
    labels[node < 1] = Tissue.STROMA
    labels[node < 0.9] = Tissue.LYMPHOCYTES
    return labels


def _put_spots(labels: NDArray[np.uint8], x: Floats, y: Floats, rng: np.random.Generator) -> None:
    """Tumour with necrosis, mucin, lymphoid aggregates, a bleeding and vessels, painted over the wall."""
    tissue = labels != Tissue.GLASS
    tumour = _spot(x, y, (0.665, 0.46), (0.15, 0.175)) + 0.10 * _relief(rng, largest=NODES / 12)
    labels[tissue & (tumour < 1)] = Tissue.TUMOUR
    labels[tissue & (tumour < 1) & (_islands(rng, 0.05) > 1.25)] = Tissue.STROMA
    necrosis = _spot(x, y, (0.68, 0.475), (0.075, 0.085)) + 0.16 * _relief(rng, largest=NODES / 16)
    labels[tissue & (necrosis < 1)] = Tissue.NECROSIS
    mucin = _spot(x, y, (0.52, 0.56), (0.05, 0.065)) + 0.12 * _relief(rng, largest=NODES / 16)
    labels[tissue & (mucin < 1)] = Tissue.MUCIN
    bleeding = _spot(x, y, (0.41, 0.385), (0.06, 0.022)) + 0.12 * _relief(rng, largest=NODES / 16)
    labels[tissue & (bleeding < 1)] = Tissue.BLOOD
    for centre, radius in (
        ((0.18, 0.40), 0.020),
        ((0.30, 0.37), 0.026),
        ((0.50, 0.36), 0.022),
        ((0.86, 0.42), 0.024),
    ):
        jitter = rng.uniform(-0.012, 0.012, 2)
        spot = _spot(x, y, (centre[0] + jitter[0], centre[1] + jitter[1]), (radius, radius * 0.85))
        labels[tissue & (spot < 1)] = Tissue.LYMPHOCYTES
    in_fat = labels == Tissue.ADIPOSE
    labels[in_fat & (np.abs(_islands(rng, 0.06)) < 0.045)] = Tissue.STROMA  # septa between lobules of fat
    for centre, radius in (
        ((0.42, 0.72), 0.020),
        ((0.22, 0.66), 0.014),
        ((0.80, 0.74), 0.017),
        ((0.58, 0.75), 0.011),
    ):
        vessel = _spot(x, y, centre, (radius, radius * 0.8))
        labels[tissue & (vessel < 1.6)] = Tissue.MUSCLE
        labels[tissue & (vessel < 1)] = Tissue.BLOOD


def _node(x: Floats, y: Floats, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A lymph node in fat: its capsule and what runs in from it, fat and vessels at its hilum."""
    labels = np.zeros(x.shape, np.uint8)
    depth = _spot(x, y, (0.5, 0.5), (0.43, 0.37))
    labels[depth < 1] = Tissue.ADIPOSE
    labels[depth < 0.86] = Tissue.STROMA
    labels[depth < 0.82] = Tissue.LYMPHOCYTES
    inner = labels == Tissue.LYMPHOCYTES
    labels[inner & (np.abs(_islands(rng, 0.12)) < 0.02)] = Tissue.STROMA
    hilum = _spot(x, y, (0.5, 0.74), (0.12, 0.13)) + 0.12 * _relief(rng, largest=NODES / 12)
    labels[inner & (hilum < 1.1)] = Tissue.STROMA
    labels[inner & (hilum < 1)] = Tissue.ADIPOSE
    for centre, radius in (((0.46, 0.70), 0.016), ((0.55, 0.74), 0.011), ((0.36, 0.45), 0.008)):
        vessel = _spot(x, y, centre, (radius, radius * 0.8))
        labels[inner & (vessel < 1.6)] = Tissue.MUSCLE
        labels[inner & (vessel < 1)] = Tissue.BLOOD
    return labels


def _place_among_lymphocytes(
    labels: NDArray[np.uint8], diameter: float, rng: np.random.Generator
) -> tuple[float, float]:
    """The middle (x, y) of a disc of this diameter, with some more lymphocytes around it."""
    apart = int(0.75 * diameter * NODES) + _SOFT_NODES
    windows = np.lib.stride_tricks.sliding_window_view(labels == Tissue.LYMPHOCYTES, (2 * apart, 2 * apart))
    places = np.argwhere(windows[::4, ::4].all((2, 3))) * 4 + apart
    row, column = places[rng.integers(len(places))].tolist()
    return column / NODES, row / NODES


def _stain(rng: np.random.Generator, x: Floats, y: Floats) -> Floats:
    """How strongly haematoxylin and eosin took: thicker here, paler there, and one fold in the section."""
    thickness = 1 + 0.10 * clouds(rng, NODES, largest=NODES / 3, slope=1.6)
    balance = 0.05 * clouds(rng, NODES, largest=NODES / 2, slope=1.8)
    fold_x = 0.33 + 0.05 * np.sin(y * 9) + 0.006 * clouds(rng, NODES, largest=NODES / 8)
    fold = (
        np.exp(-(((x - fold_x) / 0.0022) ** 2))
        * np.clip((y - 0.33) * 12, 0, 1)
        * np.clip((0.60 - y) * 12, 0, 1)
    )
    stain = np.stack([thickness + balance, thickness - balance], axis=2) + 0.75 * fold[..., None]
    clipped: Floats = np.clip(stain, 0.6, 1.95)
    return clipped.astype(np.float32)


def _inks(rng: np.random.Generator, x: Floats, y: Floats) -> tuple[Ink, ...]:
    """A green stroke beside and over the edge of the tissue, and a short blue one."""
    streaks = 1 + 0.18 * clouds(rng, NODES, largest=NODES / 40, slope=1.0)
    green = _stroke(x, y, _curve((0.69, 0.14), (0.83, 0.035), (0.925, 0.215)), 0.013)
    blue = _stroke(x, y, _curve((0.075, 0.79), (0.09, 0.86), (0.165, 0.875)), 0.009)
    return (
        Ink(np.clip(green * streaks, 0, 1).astype(np.float32), (0.16, 0.50, 0.34)),
        Ink(np.clip(blue * streaks, 0, 1).astype(np.float32), (0.14, 0.22, 0.58)),
    )


def _curve(start: tuple[float, float], bend: tuple[float, float], end: tuple[float, float]) -> Floats:
    """(points, 2) along a quadratic Bézier curve."""
    t = np.linspace(0, 1, 14)[:, None]
    curve: Floats = (1 - t) ** 2 * np.array(start) + 2 * t * (1 - t) * np.array(bend) + t**2 * np.array(end)
    return curve


def _stroke(x: Floats, y: Floats, points: Floats, radius: float) -> Floats:
    """Ink along a line of points: 1 inside, falling to 0 over a soft edge, paler in the middle than at the
    rim.
    """
    distance = np.full(x.shape, np.inf, np.float32)
    for (x0, y0), (x1, y1) in zip(points.tolist(), points[1:].tolist(), strict=False):
        length = (x1 - x0) ** 2 + (y1 - y0) ** 2
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0, 1)
        distance = np.minimum(distance, np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)))
    inside = distance / radius
    ink: Floats = np.clip((1 - inside) * 8, 0, 1) * (0.72 + 0.2 * inside**2)
    return ink.astype(np.float32)


def _spot(x: Floats, y: Floats, centre: tuple[float, float], radii: tuple[float, float]) -> Floats:
    """Distance from the centre of an ellipse in its own radii: below 1 inside."""
    distance: Floats = np.hypot((x - centre[0]) / radii[0], (y - centre[1]) / radii[1])
    return distance


def _islands(rng: np.random.Generator, size: float) -> Floats:
    """Patches about ``size`` of the slide across."""
    return blobs(rng, NODES, size * NODES)


def _softened(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(…, tissues) share of each tissue around every node, 255 for all of it."""
    shares = np.empty((*labels.shape, len(Tissue)), np.uint8)
    for tissue in Tissue:
        shares[..., tissue] = np.round(_smooth((labels == tissue) * np.float32(255), 2))
    return shares


def _smooth(grid: Floats, times: int) -> Floats:
    """Means with the direct neighbours (1, 2, 1 both ways), repeated; the border repeats itself."""
    for _ in range(times):
        padded = np.pad(grid, 1, mode="edge")
        down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
        grid = (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]) / 16
    return grid
