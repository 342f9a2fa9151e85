"""Repeatable randomness for the phantom slide: smooth noise that tiles, hashes of lattice cells, lookups
between nodes.

Without state: the same seed and position give the same value, whichever part of the slide is drawn first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.floating[Any]]

Node = TypeVar("Node", bound=np.generic)


class Window(NamedTuple):
    """A rectangle of level-0 pixels: its corner and its size."""

    x: int
    y: int
    width: int
    height: int


def filtered_noise(rng: np.random.Generator, side: int, gain: Floats) -> Floats:
    """(side, side) noise of mean 0 and deviation 1 that repeats seamlessly; ``gain`` weighs its frequencies.

    ``gain`` has the shape that ``frequencies(side)`` gives.
    """
    spectrum = np.fft.rfft2(rng.standard_normal((side, side), dtype=np.float32))
    spectrum *= gain
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, (side, side)).astype(np.float32)
    noise /= noise.std()
    return noise


def frequencies(side: int) -> tuple[Floats, Floats]:
    """Cycles per pixel, down (side, 1) and across (1, side // 2 + 1), in the shape of
    ``filtered_noise``'s gain.
    """
    down = np.fft.fftfreq(side).astype(np.float32)[:, None]
    across = np.fft.rfftfreq(side).astype(np.float32)[None]
    return down, across


def blobs(rng: np.random.Generator, side: int, size_px: float) -> Floats:
    """Smooth noise with features of one size, and none much larger: repeats of it are hard to see from
    afar.
    """
    down, across = frequencies(side)
    square = (down**2 + across**2) * size_px**2
    return filtered_noise(rng, side, square * np.exp(-square * 4))


def clouds(rng: np.random.Generator, side: int, *, largest: float, slope: float = 2.0) -> Floats:
    """Noise with features of every size up to ``largest`` pixels; a greater ``slope`` is smoother."""
    down, across = frequencies(side)
    radius = np.sqrt(down**2 + across**2)
    return filtered_noise(rng, side, (np.maximum(radius, 1 / largest) ** -slope).astype(np.float32))


def fibres(
    rng: np.random.Generator,
    side: int,
    *,
    width_px: float,
    length_px: float,
    wave_px: float,
    wave_length_px: float,
) -> Floats:
    """Wavy fibres running across: straight anisotropic noise, bent up and down by ``wave_px``."""
    down, across = frequencies(side)
    gain = np.exp(-((down * width_px * 2) ** 2) - (across * length_px * 2) ** 2)
    # Without the broadest streaks, which would show as a pattern where the texture repeats.
    gain *= 1 - np.exp(-((down * width_px * 8) ** 2))
    straight = filtered_noise(rng, side, gain.astype(np.float32))
    return bent(straight, blobs(rng, side, wave_length_px) * wave_px)


def bent(texture: Floats, shift_px: Floats) -> Floats:
    """A seamless texture with every pixel taken from ``shift_px`` further down, around the edge where
    needed.
    """
    side = texture.shape[0]
    y = np.arange(side, dtype=np.float32)[:, None] + shift_px
    whole = np.floor(y).astype(np.int32)
    part = y - whole
    above = (whole % side) * side + np.arange(side, dtype=np.int32)
    upper, lower = texture.take(above), texture.take((above + side) % (side * side))
    bent_texture: Floats = upper + (lower - upper) * part
    return bent_texture


def hashed(ix: NDArray[np.int64], iy: NDArray[np.int64], salt: int) -> NDArray[np.uint64]:
    """64 well-mixed bits for each lattice cell; ``salt`` separates lattices and seeds.

    SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014) over the packed coordinates.
    """
    with np.errstate(over="ignore"):
        state: NDArray[np.uint64] = (ix.astype(np.uint64) << np.uint64(32)) ^ (
            iy.astype(np.uint64) & np.uint64(0xFFFFFFFF)
        )
        state = state + np.uint64(salt & 0xFFFFFFFFFFFFFFFF) * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
        state ^= state >> np.uint64(31)
    return state


def uniform(bits: NDArray[np.uint64], which: int) -> Floats:
    """One of four independent numbers in [0, 1) from each 64-bit hash, 16 bits each."""
    return ((bits >> np.uint64(16 * which)) & np.uint64(0xFFFF)).astype(np.float64) / 65536


def between_nodes(
    grid: NDArray[np.generic], step_px: float, window: Window, *, channels: list[int] | None = None
) -> Floats:
    """Bilinear values of a coarse (n, n, c) grid at the pixels of a window: (height, width, c).

    Node (i, j) stands at pixel ((j + 0.5), (i + 0.5)) · step_px. A pixel's value never depends on the window.
    ``channels`` chooses some of c.
    """
    rows, row_part = _node_and_part(
        grid.shape[0], step_px, np.arange(window.y, window.y + window.height) + 0.5
    )
    columns, column_part = _node_and_part(
        grid.shape[1], step_px, np.arange(window.x, window.x + window.width) + 0.5
    )
    part = grid[rows[0] : rows[-1] + 2, columns[0] : columns[-1] + 2]
    if channels is not None:
        part = part[..., channels]
    columns, rows = columns - columns[0], rows - rows[0]
    near = part.astype(np.float32)
    weight = column_part[None, :, None]
    across = near[:, columns] * (1 - weight) + near[:, columns + 1] * weight
    out = np.empty((window.height, window.width, part.shape[2]), np.float32)
    # One stretch of rows between the same two nodes at a time: what is worked on stays in the processor's
    # cache.
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    for start, end in zip(starts, [*starts[1:], window.height], strict=True):
        above, below = across[rows[start]], across[rows[start] + 1]
        stretch = out[start:end]
        np.multiply(below - above, row_part[start:end, None, None], out=stretch)
        stretch += above
    return out


def at_points(grid: NDArray[np.generic], step_px: float, x: Floats, y: Floats) -> Floats:
    """Bilinear values of a coarse (n, n, c) grid at points given in pixels: (points, c)."""
    row, row_part = _node_and_part(grid.shape[0], step_px, y)
    column, column_part = _node_and_part(grid.shape[1], step_px, x)
    right, down = column_part[:, None], row_part[:, None]
    above, below = (
        grid[r, column].astype(np.float32) * (1 - right) + grid[r, column + 1].astype(np.float32) * right
        for r in (row, row + 1)
    )
    return above * (1 - down) + below * down


def nodes_of(grid: NDArray[Node], step_px: float, window: Window) -> NDArray[Node]:
    """The nodes of a grid that the pixels of a window depend on."""
    first_row, first_column, last_row, last_column = (
        int(np.clip(position / step_px - 0.5, 0, grid.shape[0] - 1.001))
        for position in (
            window.y + 0.5,
            window.x + 0.5,
            window.y + window.height - 0.5,
            window.x + window.width - 0.5,
        )
    )
    return grid[first_row : last_row + 2, first_column : last_column + 2]


def tiled(texture: NDArray[Node], window: Window) -> NDArray[Node]:
    """The part of a seamless texture, repeated without end, that lies in a window. A new array."""
    side = texture.shape[0]
    out = np.empty((window.height, window.width), texture.dtype)
    for y in range(-(window.y % side), window.height, side):
        for x in range(-(window.x % side), window.width, side):
            part = out[max(y, 0) : y + side, max(x, 0) : x + side]
            part[...] = texture[max(-y, 0) :, max(-x, 0) :][: part.shape[0], : part.shape[1]]
    return out


def _node_and_part(count: int, step_px: float, position: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The node before each position and how far it is to the next one, held inside the grid."""
    node = np.clip(position / step_px - 0.5, 0, count - 1.001)
    whole = node.astype(np.int64)
    return whole, (node - whole).astype(np.float32)
