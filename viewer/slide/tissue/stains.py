"""The stains of a slide: their colours, how strong they are, and whether they are haematoxylin and eosin at
all.

Macenko et al., ISBI 2009, on tissue pixels; where that does not give two plausible stains, the average of
many laboratories (Ruifrok and Johnston, 2001), and ``reason``. Strengths are relative to a usual
slide, so that a pale slide's muscle is as pink as another's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.slide.tissue import strings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

RUIFROK = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
ANGLE_DEG = (15.0, 60.0)
_LEAST_PIXELS = 2000
_LEAST_DENSITY = 0.06
_ANGLE_PERCENTILES = (1.0, 99.0)
_RESIDUAL_LIMIT = 0.3
"""Share of the optical density that two stains may leave unexplained."""
_OWN_SHARE = 0.5
"""Share of the slide's own vectors; alone they would vary with the tissue on the slide."""
_USUAL_AMOUNTS = (0.62, 0.33)
"""98th percentile of haematoxylin and 95th of eosin in tissue, of a usual slide."""
_STRENGTH_LIMITS = (0.5, 2.0)
_GREY_CHROMA = 0.12
_BROWN_SHARE = 0.04
_PINK_BESIDE_BROWN = 0.05
"""Of the darker half of tissue that is not brown, so much is pink beside a pigment, and nothing beside a
chromogen, whose counterstain is haematoxylin alone."""
_AZURE_SHARE = 0.15
_BLUE_SHARE = 0.1
_GREEN_SHARE = 0.05
_RED_SHARE = 0.05
_MAGENTA_SHARE = 0.05
_LEAST_REDDISH = 0.06
"""Shares of the darker half of tissue. In H&E at most 0.2 % is azure, 1 % blue, 2.4 % magenta."""


@dataclass(frozen=True, slots=True)
class Stains:
    """The stains of a slide.

    ``vectors``: rows haematoxylin and eosin in optical density, unit length. ``strengths``: how much stronger
    than usual each is. ``source``: "Macenko" or "Ruifrok"; ``reason``: why the latter. ``is_he`` False:
    what needs haematoxylin and eosin cannot be measured, and ``kind`` names the stain.
    """

    vectors: tuple[tuple[float, float, float], tuple[float, float, float]]
    strengths: tuple[float, float]
    glass_rgb: tuple[float, float, float]
    source: str
    reason: str
    kind: str
    is_he: bool

    @property
    def is_brown(self) -> bool:
        """Whether it has a brown chromogen; a pigment in H&E is none."""
        return self.kind == strings.BROWN_STAIN

    def as_facts(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @staticmethod
    def from_facts(facts: Mapping[str, Any]) -> Stains:
        """From ``as_facts``, as read from a file. Raises ValueError, TypeError or KeyError for others."""
        first, second = (_three(row) for row in facts["vectors"])
        strong, weak = (float(value) for value in facts["strengths"])
        numbers = np.array([*first, *second, *_three(facts["glass_rgb"]), strong, weak])
        if not np.isfinite(numbers).all() or min(strong, weak) <= 0:
            raise ValueError("stains that are no numbers")
        return Stains(
            (first, second),
            (strong, weak),
            _three(facts["glass_rgb"]),
            str(facts["source"]),
            str(facts["reason"]),
            str(facts["kind"]),
            bool(facts["is_he"]),
        )

    def matrix(self) -> NDArray[np.float32]:
        """(3, 3): haematoxylin, eosin, and what is neither (perpendicular to both)."""
        pair = np.array(self.vectors)
        rest = np.cross(pair[0], pair[1])
        return np.vstack([pair, rest / np.linalg.norm(rest)]).astype(np.float32)


def find_stains(
    pixels: NDArray[np.uint8], glass_rgb: NDArray[np.floating[Any]], *, brightfield: bool
) -> Stains:
    """The stains of a sample (n, 3) of tissue pixels against the colour of glass (3,)."""
    glass = np.clip(np.asarray(glass_rgb, np.float64), 32, 255)
    density = _density(pixels, glass)
    tissue = density[_is_tissue(density)]
    vectors, reason = _macenko(tissue)
    source = "Macenko" if not reason else "Ruifrok"
    usual = RUIFROK / np.linalg.norm(RUIFROK, axis=1, keepdims=True)
    mixed = usual if reason else _OWN_SHARE * vectors + (1 - _OWN_SHARE) * usual
    mixed = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    kind = strings.DARK_FIELD_IMAGE if not brightfield else _kind(tissue, vectors)
    return Stains(
        (_three(mixed[0]), _three(mixed[1])),
        _strengths(tissue, mixed),
        _three(glass),
        source,
        reason,
        kind,
        kind == "H&E",
    )


def eosin_share(pixels: NDArray[np.uint8], glass_rgb: NDArray[np.floating[Any]]) -> float:
    """How much of the darker half of tissue pixels (n, 3) is as pink as eosin makes it, 0 to 1."""
    glass = np.clip(np.asarray(glass_rgb, np.float64), 32, 255)
    density = _density(pixels, glass)
    tissue = density[_is_tissue(density)]
    return float(_pink(tissue)[_is_strong(tissue)].mean()) if len(tissue) else 0.0


def _is_tissue(density: NDArray[np.float64]) -> NDArray[np.bool_]:
    depth = density.mean(axis=1)
    least = max(_LEAST_DENSITY, float(np.percentile(depth, 30)) if len(depth) else 0.0)
    return np.asarray(depth > least)


def _is_strong(density: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(density.mean(axis=1) > np.percentile(density.mean(axis=1), 50))


def _pink(density: NDArray[np.float64]) -> NDArray[np.bool_]:
    red, green, blue = (density / np.linalg.norm(density, axis=1, keepdims=True)).T
    return np.asarray((green > red + 0.25) & (green > blue + 0.1))


def _three(values: Any) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _density(pixels: NDArray[np.uint8], glass: NDArray[np.float64]) -> NDArray[np.float64]:
    density: NDArray[np.float64] = np.maximum(
        np.log10(glass + 1) - np.log10(pixels.astype(np.float64) + 1), 0.0
    )
    return density


def _macenko(density: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    """Haematoxylin and eosin (2, 3) of unit length; and why they are not to be used, "" where they are."""
    if len(density) < _LEAST_PIXELS:
        return RUIFROK.copy(), strings.LITTLE_TISSUE.format(count=len(density))
    _, directions = np.linalg.eigh(np.cov(density.T))
    plane = directions[:, [2, 1]]
    plane *= np.where(plane.sum(axis=0) < 0, -1.0, 1.0)
    angles = np.arctan2(density @ plane[:, 1], density @ plane[:, 0])
    ends = np.percentile(angles, _ANGLE_PERCENTILES)
    found = np.array([plane @ [np.cos(angle), np.sin(angle)] for angle in ends])
    found = np.clip(found, 1e-3, None)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    if found[0, 0] < found[1, 0]:  # haematoxylin takes more of the red light
        found = found[::-1]
    angle_deg = float(np.degrees(np.arccos(np.clip(found[0] @ found[1], -1, 1))))
    if not ANGLE_DEG[0] <= angle_deg <= ANGLE_DEG[1]:
        low, high = ANGLE_DEG
        return found, strings.STAIN_ANGLE.format(angle_deg=angle_deg, low=low, high=high)
    amounts = np.linalg.lstsq(found.T, density.T, rcond=None)[0]
    left = np.abs(density.T - found.T @ amounts).sum() / density.sum()
    if left > _RESIDUAL_LIMIT:
        return found, strings.UNEXPLAINED.format(share=1 - left)
    return found, ""


def _strengths(density: NDArray[np.float64], vectors: NDArray[np.float64]) -> tuple[float, float]:
    if len(density) == 0:
        return 1.0, 1.0
    rest = np.cross(vectors[0], vectors[1])
    amounts = density @ np.linalg.inv(np.vstack([vectors, rest / np.linalg.norm(rest)]))
    strong = float(np.percentile(amounts[:, 0], 98)) / _USUAL_AMOUNTS[0]
    weak = float(np.percentile(amounts[:, 1], 95)) / _USUAL_AMOUNTS[1]
    low, high = _STRENGTH_LIMITS
    return float(np.clip(strong, low, high)), float(np.clip(weak, low, high))


def _kind(density: NDArray[np.float64], vectors: NDArray[np.float64]) -> str:
    """The stain: "H&E", or a name for another, by hues of the darker half of tissue.

    PAS with little magenta is not distinguished from H&E.
    """
    if len(density) < _LEAST_PIXELS:
        return "H&E"  # too little to decide otherwise
    strong = density[_is_strong(density)]
    red, green, blue = (strong / np.linalg.norm(strong, axis=1, keepdims=True)).T
    if float(np.median(np.maximum(green, blue) - np.minimum(red, blue))) < _GREY_CHROMA:
        return strings.GREY_STAIN
    brown = (blue > red + 0.12) & (blue > green + 0.03)
    pink = float((_pink(strong) & ~brown).sum() / max((~brown).sum(), 0.1 * len(strong)))
    is_brown = float(brown.mean()) > _BROWN_SHARE and vectors[:, 2].max() > 0.45
    if is_brown and pink < _PINK_BESIDE_BROWN:
        return strings.BROWN_STAIN
    is_blue = float(((red > green + 0.08) & (red > blue + 0.05)).mean()) > _BLUE_SHARE
    if is_blue and float(((red > 1.4 * green) & (blue > 0.6 * green)).mean()) > _GREEN_SHARE:
        return strings.GREEN_STAIN
    if is_blue and float(((red < 0.5 * green) & (blue > 0.55 * green)).mean()) > _RED_SHARE:
        return strings.TRICHROME_STAIN
    eosin = float((red < 0.45 * green).mean())
    azure = float(((blue < 0.4 * green) & (red > 0.78 * green)).mean())
    if is_blue or azure > max(_AZURE_SHARE, eosin):
        return strings.BLUE_STAIN
    reddish = (red < 0.8 * green) & ~brown
    # From 0.65 on it may be haematoxylin, which crowded nuclei show alone.
    magenta = reddish & (red > 0.5 * green) & (red < 0.65 * green) & (blue < 0.4 * green)
    if float(magenta.mean()) > max(_MAGENTA_SHARE, eosin):
        return strings.PAS_STAIN
    return "H&E" if float(reddish.mean()) > _LEAST_REDDISH else strings.NO_EOSIN_STAIN
