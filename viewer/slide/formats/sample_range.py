"""SampleRange: numbers of any kind shown in 8 bits, from the one that is black to the one that is white."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


_BAND_ROWS = 256
"""Of an image that are turned at once: reals take up to eight times the memory of the result."""


class SampleRange(NamedTuple):
    """The number that is shown black, and below; the one that is shown white, and above."""

    low: float
    high: float

    def in_8_bits(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        """Whole numbers by equal steps (so that bits are dropped where there are 2ⁿ of them), few of them and
        real ones rounded. What is no number is black.
        """
        shown = np.empty(samples.shape, np.uint8)
        for top in range(0, samples.shape[0], _BAND_ROWS):
            band = slice(top, top + _BAND_ROWS)
            shown[band] = self._in_8_bits(samples[band])
        return shown

    def _in_8_bits(self, samples: NDArray[Any]) -> NDArray[Any]:
        values: NDArray[Any] = samples.astype(np.float32 if samples.itemsize <= 2 else np.float64)
        half = self.high / 2 - self.low / 2  # the whole may be more than a number of 64 bits can be
        if samples.dtype.kind == "f" or half < 127.5:
            shown = np.clip(np.nan_to_num(values, nan=self.low), self.low, self.high)
            values = (shown / 2 - self.low / 2) * (255 / (half or 1)) + 0.5
        else:
            values = (values - self.low) * (256 / (2 * half + 1))
        return np.clip(values, 0, 255)


def range_of(samples: NDArray[Any]) -> SampleRange | None:
    """From the lowest to the highest finite number, whole ones exactly; None where there is none."""
    finite = samples[np.isfinite(samples)] if samples.dtype.kind == "f" else samples
    return SampleRange(finite.min().item(), finite.max().item()) if finite.size else None
