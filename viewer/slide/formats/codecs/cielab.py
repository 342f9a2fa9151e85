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
_KNEE = np.float32(6 / 29)

# sRGB of linear light in 16 bits: steps of a twentieth of a level where the curve is steepest.
_LINEAR = np.linspace(0, 1, 65536)
_SRGB = np.where(_LINEAR <= 0.0031308, 12.92 * _LINEAR, 1.055 * _LINEAR ** (1 / 2.4) - 0.055)
_SRGB_8 = (_SRGB * 255 + 0.5).astype(np.uint8)

_STEPS_FROM_D50 = _RGB_FROM_D50 * _D50 * np.float32(65535)
_BAND_ROWS = 64  # as much as a core's cache holds


def rgb_from_lab(samples: NDArray[Any], photometric: int) -> NDArray[np.uint8]:
    """(h, w, 3) sRGB of (h, w, 3) of 8 or 16 unsigned bits; colours beyond sRGB are cut to it."""
    rgb = np.empty(samples.shape, np.uint8)
    for top in range(0, samples.shape[0], _BAND_ROWS):
        light, a, b = _lab(samples[top : top + _BAND_ROWS], photometric)
        middle = (light + 16) / np.float32(116)
        ratios = middle + a / np.float32(500), middle, middle - b / np.float32(200)
        x, y, z = (_intensity(ratio) for ratio in ratios)
        for channel, (of_x, of_y, of_z) in enumerate(_STEPS_FROM_D50):
            linear = np.clip(of_x * x + of_y * y + of_z * z + np.float32(0.5), 0, 65535)
            rgb[top : top + _BAND_ROWS, :, channel] = _SRGB_8[linear.astype(np.uint16)]
    return rgb


def _intensity(ratio: NDArray[np.float32]) -> NDArray[np.float32]:
    """X, Y or Z, as a share of white's, of its cube root, which is a line near black."""
    return np.where(ratio > _KNEE, ratio * ratio * ratio, 3 * _KNEE * _KNEE * (ratio - np.float32(4 / 29)))


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
