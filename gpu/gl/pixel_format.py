"""How a texel is stored in a texture pool. Makes no OpenGL call."""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from gpu.errors import GpuError

Pixels = NDArray[np.uint8 | np.uint16]


class PixelFormat(Enum):
    """Samples a pixel, type of their arrays, and OpenGL's internal format, pixel format and type.

    Samples are normalised: a shader reads 0 to 1. One sample is read as an opaque grey.
    """

    RGBA8 = (4, np.uint8, 0x8058, 0x1908, 0x1401)
    R8 = (1, np.uint8, 0x8229, 0x1903, 0x1401)
    R16 = (1, np.uint16, 0x822A, 0x1903, 0x1403)

    def __init__(
        self, samples: int, dtype: type[np.uint8 | np.uint16], internal: int, layout: int, gl_type: int
    ) -> None:
        self.samples = samples
        self.dtype = np.dtype(dtype)
        self.internal = internal
        self.layout = layout
        self.gl_type = gl_type

    @property
    def bytes_per_texel(self) -> int:
        return self.samples * self.dtype.itemsize

    @staticmethod
    def of(samples: int, bits: int) -> PixelFormat:
        """The format for pixels of so many samples of so many bits. Raises GpuError where there is none."""
        for pixel_format in PixelFormat:
            if (pixel_format.samples, pixel_format.dtype.itemsize * 8) == (samples, bits):
                return pixel_format
        raise GpuError(f"there is no texture format for {samples} samples of {bits} bits a pixel")
