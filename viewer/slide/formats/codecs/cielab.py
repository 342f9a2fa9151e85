"""CIE L*a*b* to sRGB, and how TIFF codes it.

Source: TIFF 6.0, section 23; ICC.1 (D50, Bradford); RFC 2301, 5.2 (ITULab); IEC 61966-2-1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CIELAB, ICCLAB, ITULAB = 8, 9, 10
"""TIFF's numbers of the three ways: signed, from the middle, over the range of a scanner."""

_D50 = np.array([0.96422, 1.0, 0.82521], np.float32)
_RGB_FROM_D50 = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ],
    np.float32,
)
_KNEE = 6 / 29


def rgb_from_lab(samples: NDArray[Any], photometric: int) -> NDArray[np.uint8]:
    """(h, w, 3) sRGB of (h, w, 3) of 8 or 16 unsigned bits; colours beyond sRGB are cut to it."""
    light, a, b = _lab(samples, photometric)
    middle = (light + 16) / 116
    ratios = np.stack([middle + a / 500, middle, middle - b / 200], axis=2)
    xyz = np.where(ratios > _KNEE, ratios**3, 3 * _KNEE**2 * (ratios - 4 / 29)) * _D50
    linear = np.clip(xyz @ _RGB_FROM_D50.T, 0, 1)
    shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    rgb: NDArray[np.uint8] = (shown * 255 + 0.5).astype(np.uint8)
    return rgb


def _lab(samples: NDArray[Any], photometric: int) -> tuple[NDArray[np.float32], ...]:
    """L* from 0 to 100, and a* and b*, as float32."""
    is_wide = samples.itemsize == 2
    most = np.float32(65535 if is_wide else 255)
    if photometric == ITULAB:
        light, a, b = np.moveaxis(samples.astype(np.float32) / most, 2, 0)
        zero_a, zero_b = (32768, 24576) if is_wide else (128, 96)
        return 100 * light, 170 * (a - zero_a / most), 200 * (b - zero_b / most)
    numbers = samples.astype(np.float32)
    unit = np.float32(256 if is_wide else 1)
    if photometric == ICCLAB:
        white = np.float32(65280 if is_wide else 255)
        return numbers[..., 0] * (100 / white), numbers[..., 1] / unit - 128, numbers[..., 2] / unit - 128
    signed = np.ascontiguousarray(samples).view(f"i{samples.itemsize}").astype(np.float32) / unit
    return numbers[..., 0] * (100 / most), signed[..., 1], signed[..., 2]
