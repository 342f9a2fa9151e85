"""The same slide as another scanner might have seen it: colour, focus, compression, pixel size."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.geometry import Pyramid, TileKey
    from viewer.slide.source import SlideInfo, Source


@dataclass(frozen=True, slots=True)
class Variation:
    """What differs. ``hue_deg`` turns colours about the grey axis; ``gain`` and ``gamma`` are per channel, on
    values 0 to 1; ``blur_um`` is a Gaussian's sigma; ``jpeg_quality`` 0 leaves pixels alone; ``mpp_factor``
    is the error of the pixel size that is believed.
    """

    name: str
    hue_deg: float = 0.0
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur_um: float = 0.0
    jpeg_quality: int = 0
    mpp_factor: float = 1.0

    def apply(self, picture: NDArray[np.uint8], mpp_um: float) -> NDArray[np.uint8]:
        """(h, w, 3) with pixels of ``mpp_um``, varied."""
        values = picture.astype(np.float32) / 255
        if self.hue_deg:
            values = np.clip(1 - (1 - values) @ _turned(self.hue_deg).T, 0, 1)
        values = np.clip(values * np.float32(self.gain), 0, 1) ** np.float32(self.gamma)
        varied = Image.fromarray(np.rint(values * 255).astype(np.uint8))
        if self.blur_um:
            varied = varied.filter(ImageFilter.GaussianBlur(self.blur_um / mpp_um))
        if self.jpeg_quality:
            buffer = BytesIO()
            varied.save(buffer, "JPEG", quality=self.jpeg_quality)
            varied = Image.open(buffer)
        return np.asarray(varied)


PLAIN = Variation("plain")
VARIATIONS = (
    Variation("hue +8°", hue_deg=8),
    Variation("hue -8°", hue_deg=-8),
    Variation("bluish, dim", gain=(0.88, 0.9, 0.96)),
    Variation("reddish, bright", gain=(1.05, 1.0, 0.97), gamma=(0.85, 0.9, 0.95)),
    Variation("dark gamma", gamma=(1.35, 1.3, 1.3)),
    Variation("pale gamma", gamma=(0.7, 0.7, 0.72)),
    Variation("blur 1 µm", blur_um=1.0),
    Variation("JPEG 40", jpeg_quality=40),
    Variation("pixels 20 % too large", mpp_factor=1.2),
    Variation("pixels 20 % too small", mpp_factor=0.8),
)


class VariedSource:
    """A source seen through a variation, tile by tile, at all levels alike."""

    def __init__(self, source: Source, variation: Variation, mpp_um: tuple[float, float]) -> None:
        self._source, self._variation = source, variation
        self._mpp_um = mpp_um[0]

    @property
    def info(self) -> SlideInfo:
        return self._source.info

    @property
    def pyramid(self) -> Pyramid:
        return self._source.pyramid

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        tile = self._source.read_tile(key)
        mpp_um = self._mpp_um * self.pyramid.levels[key.level].downsample
        opaque = np.full((*tile.shape[:2], 1), 255, np.uint8)
        return np.concatenate([self._variation.apply(tile[..., :3], mpp_um), opaque], axis=2)

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        return self._source.read_associated_image(name)

    def close(self) -> None:
        self._source.close()


def _turned(degrees: float) -> NDArray[np.float32]:
    """The rotation of RGB about its grey axis (Rodrigues)."""
    axis = np.ones(3) / np.sqrt(3)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    angle = np.deg2rad(degrees)
    turned = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turned.astype(np.float32)
