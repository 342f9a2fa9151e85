"""Thumbnails of the places found, read from the slide in a thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtGui import QImage

from viewer.slide.geometry import Rect
from viewer.slide.region import read_region
from viewer.ui.search import strings
from viewer.ui.search.hit_list import THUMBNAIL_PX, HitModel
from viewer.ui.widgets.background_worker import BackgroundWorker

if TYPE_CHECKING:
    from viewer.slide.source import Source
    from viewer.ui.search.hit_list import HitRow

MIN_SIDE_UM = 512.0
"""The least side of the tissue in a thumbnail: one patch alone shows no architecture."""


class HitThumbnails:
    """Reads the thumbnails that a list of places requests. One slide at a time."""

    def __init__(self, hits: HitModel) -> None:
        self._hits = hits
        self._thread = BackgroundWorker("place-thumbnails")
        self._source: Source | None = None
        self._mpp_um: tuple[float, float] = (1.0, 1.0)
        hits.thumbnail_requested.connect(self._read)
        hits.modelAboutToBeReset.connect(self._thread.drop_all)  # of rows that are no longer listed

    def show_slide(self, source: Source | None, mpp_um: tuple[float, float] | None) -> None:
        """Read from another slide from now on."""
        self._thread.drop_all()
        self._source, self._mpp_um = source, mpp_um or (1.0, 1.0)

    def set_paused(self, paused: bool) -> None:
        """Pause while tiles of the view are missing."""
        self._thread.set_paused(paused)

    def close(self, *, wait_s: float) -> None:
        """End the thread."""
        self._thread.close(wait_s=wait_s)

    def _read(self, row: HitRow) -> None:
        if self._source is not None:
            rect = thumbnail_rect(row.hit.rect, self._mpp_um)
            self._thread.run(
                partial(_read_thumbnail, self._source, rect),
                partial(self._hits.set_thumbnail, row),
                lambda error: self._hits.set_thumbnail(row, None, strings.NO_THUMBNAIL.format(error=error)),
            )


def thumbnail_rect(rect: Rect, mpp_um: tuple[float, float]) -> Rect:
    """The square of tissue round a place, in slide pixels: all of it, and at least ``MIN_SIDE_UM`` wide."""
    x, y = rect.centre
    side_um = max(rect.width * mpp_um[0], rect.height * mpp_um[1], MIN_SIDE_UM)
    dx, dy = side_um / mpp_um[0] / 2, side_um / mpp_um[1] / 2
    return Rect(x - dx, y - dy, x + dx, y + dy)


def _read_thumbnail(source: Source, rect: Rect) -> QImage:
    pixels = np.ascontiguousarray(read_region(source, rect, (THUMBNAIL_PX, THUMBNAIL_PX)))
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return image.copy()  # the array, which owns the pixels, is freed
