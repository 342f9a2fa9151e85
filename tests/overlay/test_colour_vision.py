"""A value is told apart over dark and pale tissue with every colour vision.

Neighbouring quarters of the range, blended at the default opacity, differ by at least ``LEAST`` by CIEDE2000
(Sharma, Wu and Dalal, Color Res. Appl. 30(1), 2005); about 1 to 2 is just noticed side by side. Colour vision
without one kind of cones is simulated after Machado, Oliveira and Fernandes (IEEE TVCG 15(6), 2009).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from viewer.overlay.colour_map import colour_maps
from viewer.overlay.layer import COLOUR_MAPS, OverlayLook, cover

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 7.0
TISSUE = {
    "nuclei": (58, 36, 88),
    "crowded nuclei": (35, 20, 55),
    "loose nuclei": (85, 55, 125),
    "eosin and haematoxylin": (140, 80, 140),
    "deep eosin": (190, 70, 120),
    "eosin": (205, 100, 150),
    "pale eosin": (225, 130, 170),
    "diaminobenzidine": (70, 40, 25),
    "glass": (243, 243, 243),
}
VISION = {
    "usual": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
]
D65 = np.array([0.95047, 1.0, 1.08883])


def lab(srgb: NDArray[np.float64], vision: str = "usual") -> NDArray[np.float64]:
    """CIELAB of sRGB from 0 to 255, as seen."""
    share = srgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ np.transpose(VISION[vision]), 0, 1) @ np.transpose(XYZ) / D65
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def ciede2000(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """The difference of colours (n, 3) in CIELAB."""
    (l1, a1, b1), (l2, a2, b2) = one.T, other.T
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a * stretch)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180
    hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    l, c, h = (l1 + l2) / 2, (c1 + c2) / 2, h1 + turn / 2  # noqa: E741 - the formula's names
    waves = zip((-0.17, 0.24, 0.32, -0.20), (1, 2, 3, 4), (-30, 0, 6, -63), strict=True)
    t = 1 + sum(size * np.cos(np.radians(times * h + shift)) for size, times, shift in waves)
    from_blue = (h % 360 - 275) / 25
    rotation = -2 * np.sqrt(c**7 / (c**7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(from_blue**2))))
    parts = (
        (l2 - l1) / (1 + 0.015 * (l - 50) ** 2 / np.sqrt(20 + (l - 50) ** 2)),
        (c2 - c1) / (1 + 0.045 * c),
        hue / (1 + 0.015 * c * t),
    )
    return np.sqrt(sum(part**2 for part in parts) + rotation * parts[1] * parts[2])


def quarters(look: OverlayLook, tissue: str) -> NDArray[np.float64]:
    """What is seen of 0, a quarter, a half, three quarters and 1 over tissue: (5, 3) sRGB."""
    values = np.linspace(0, 1, 5)
    alpha = look.opacity * cover(values, look.threshold, look.ends)[:, None]
    colours = colour_maps()[look.colour_map][np.rint(values * 255).astype(int)]
    return np.rint((1 - alpha) * np.array(TISSUE[tissue]) + alpha * colours)


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_differences_are_those_of_the_published_pairs(
    one: tuple[float, ...], other: tuple[float, ...], difference: float
) -> None:
    assert ciede2000(np.array([one]), np.array([other]))[0] == pytest.approx(difference, abs=1e-4)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("tissue", TISSUE)
@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_quarters_of_the_range_are_told_apart(name: str, tissue: str, vision: str) -> None:
    seen = lab(quarters(OverlayLook(name), tissue), vision)
    assert ciede2000(seen[:-1], seen[1:]).min() >= LEAST
