"""A slide of pixels in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from viewer.slide.formats.array import ArraySource
from viewer.slide.geometry import Rect
from viewer.slide.source import SlideInfo, Source

if TYPE_CHECKING:
    import numpy as np

MPP = (0.5, 0.5)


def slide(pixels: np.ndarray, kind: type[ArraySource] = ArraySource) -> Source:
    height, width = pixels.shape[:2]
    info = SlideInfo(
        path=Path("made.png"),
        format="made",
        reader="made",
        reader_reason="made by the test",
        bounds=Rect(0, 0, width, height),
        file_levels=((width, height),),
        mpp_um=MPP,
    )
    return kind(info, pixels)
