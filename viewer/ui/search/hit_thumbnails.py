"""Small pictures of the places found, read from the slide beside the window."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtGui import QImage

from viewer.slide.geometry import Rect
from viewer.slide.region import read_region
from viewer.ui.search.hit_list import PICTURE_PX, HitModel
from viewer.ui.widgets.background_worker import SideThread

if TYPE_CHECKING:
    from viewer.slide.source import Source
    from viewer.ui.search.hit_list import HitRow

SHOWN_UM = 512.0
"""Side of the tissue that a picture shows at least: one patch alone shows no architecture."""


class HitPictures:
    """Fills in the pictures that a list of places asks for. One slide at a time."""

    def __init__(self, hits: HitModel) -> None:
        self._hits = hits
        self._thread = SideThread("place-pictures")
        self._source: Source | None = None
        self._mpp_um: tuple[float, float] = (1.0, 1.0)
        hits.picture_wanted.connect(self._read)

    def show_slide(self, source: Source | None, mpp_um: tuple[float, float] | None) -> None:
        """Read from another slide from now on."""
        self._thread.drop_all()
        self._source, self._mpp_um = source, mpp_um or (1.0, 1.0)

    def forget_waiting(self) -> None:
        """The list shows other places now."""
        self._thread.drop_all()

    def set_paused(self, paused: bool) -> None:
        """Stand still while the reader waits for tiles."""
        self._thread.set_paused(paused)

    def close(self, *, wait_s: float) -> None:
        """End the thread."""
        self._thread.close(wait_s=wait_s)

    def _read(self, row: HitRow) -> None:
        if self._source is not None:
            rect = picture_rect(row.hit.rect, self._mpp_um)
            self._thread.run(
                partial(_picture, self._source, rect),
                partial(self._hits.set_picture, row),
                lambda error: self._hits.set_picture(row, None, f"no picture: {error}"),
            )


def picture_rect(rect: Rect, mpp_um: tuple[float, float]) -> Rect:
    """The square of tissue round a place: all of it, and at least ``SHOWN_UM`` wide."""
    x, y = rect.centre
    side_um = max(rect.width * mpp_um[0], rect.height * mpp_um[1], SHOWN_UM)
    dx, dy = side_um / mpp_um[0] / 2, side_um / mpp_um[1] / 2
    return Rect(x - dx, y - dy, x + dx, y + dy)


def _picture(source: Source, rect: Rect) -> QImage:
    pixels = np.ascontiguousarray(read_region(source, rect, (PICTURE_PX, PICTURE_PX)))
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return image.copy()  # the array goes away
