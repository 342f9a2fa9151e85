"""Pictures of made tissue at 8 µm per pixel: stains, ink, dust and what scanners add."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.formats.array import ArraySource
from viewer.slide.geometry import Rect
from viewer.slide.source import SlideInfo

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEIGHT, WIDTH = 300, 400
GLASS_RGB = (240, 240, 238)

# Optical densities (red, green, blue) of a thick part.
HAEMATOXYLIN_EOSIN = (0.25, 0.45, 0.22)
PALE_PAS = (0.035, 0.075, 0.03)
BROWN = (0.2, 0.32, 0.42)
BLUE_COUNTERSTAIN = (0.12, 0.09, 0.04)
SILVER = (0.5, 0.5, 0.5)
INKS = {
    "green": (0.9, 0.3, 0.7),
    "blue": (1.1, 0.5, 0.12),
    "black": (0.95, 1.0, 1.0),
    "red": (0.02, 1.0, 0.9),
}


class StainedGlass:
    """A picture under construction: what is laid on it adds its optical density."""

    def __init__(self, glass_rgb: tuple[int, int, int] = GLASS_RGB, *, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._glass = np.array(glass_rgb, np.float64)
        self._density = np.zeros((HEIGHT, WIDTH, 3))
        self._painted: list[tuple[NDArray[np.bool_], tuple[int, int, int]]] = []

    def stain(
        self, where: NDArray[np.bool_], density: tuple[float, float, float], *, uneven: float = 0.4
    ) -> StainedGlass:
        """Tissue: its density varies from pixel to pixel by the share ``uneven``."""
        strength = np.clip(self._rng.normal(1, uneven, (HEIGHT, WIDTH, 1)), 0.2, 2)
        self._density += where[..., None] * strength * np.array(density)
        return self

    def shade(self, density: float) -> StainedGlass:
        """Light that falls off evenly to the right, up to a density."""
        self._density += density * (np.arange(WIDTH) / WIDTH)[None, :, None]
        return self

    def paint(self, where: NDArray[np.bool_], rgb: tuple[int, int, int]) -> StainedGlass:
        """One colour that hides what lies under it, as scanners fill in."""
        self._painted.append((where, rgb))
        return self

    def picture(self, *, noise: float = 1.2) -> NDArray[np.uint8]:
        """(HEIGHT, WIDTH, 3), with the noise of a scanner."""
        values = self._glass * 10**-self._density + self._rng.normal(0, noise, self._density.shape)
        picture = np.clip(np.rint(values), 0, 255).astype(np.uint8)
        for where, rgb in self._painted:
            picture[where] = rgb
        return picture


def slide_of(picture: NDArray[np.uint8]) -> ArraySource:
    """The picture as an open slide of one level."""
    height, width = picture.shape[:2]
    extent = Rect(0, 0, width, height)
    return ArraySource(SlideInfo(Path("made"), "made", "made", "", extent, ((width, height),)), picture)


def disc(x: float, y: float, radius: float) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 < radius**2)


def box(x0: int, y0: int, x1: int, y1: int) -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask
