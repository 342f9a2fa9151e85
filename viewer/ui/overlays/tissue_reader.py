"""Finds the tissue under the layers of one view, off the GUI thread, once there is a layer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

from viewer.overlay.tissue import OverlayTissue, overlay_tissue

if TYPE_CHECKING:
    from viewer.slide.source import Source
    from viewer.ui.canvas.slide_view import SlideView

log = logging.getLogger("foveola.ui")


class _Signals(QObject):
    """Carries what was found from the reading thread to the GUI thread."""

    found = Signal(object, object)


class _FindTissue(QRunnable):
    def __init__(self, source: Source, mpp_um: tuple[float, float] | None, signals: _Signals) -> None:
        super().__init__()
        self._source, self._mpp_um, self._signals = source, mpp_um, signals

    def run(self) -> None:
        try:
            tissue = overlay_tissue(self._source, self._mpp_um)
        except Exception:  # a codec's bug costs the clear glass, never the window
            log.exception("tissue of %s", self._source.info.path)
        else:
            self._signals.found.emit(self._source, tissue)


class TissueReader(QObject):
    """Until the tissue is found, and where it is not, patches without a likeness are taken for glass."""

    def __init__(self, slide_view: SlideView) -> None:
        super().__init__(slide_view)
        self._view = slide_view
        self._wanted = False
        self._requested: tuple[Source, tuple[float, float] | None] | None = None
        self._signals = _Signals()  # no child: the reading thread may outlive the view
        self._signals.found.connect(self._show)
        slide_view.source_changed.connect(self._forget)
        slide_view.build_progress.connect(self._levels_built)

    def request(self) -> None:
        """Find it, once for a slide and pixel size; not before the levels of the slide are built."""
        self._wanted = True
        source, mpp_um = self._view.source, self._view.mpp_um
        if source is None or self._view.levels_built < 1 or self._requested == (source, mpp_um):
            return
        self._requested = source, mpp_um
        QThreadPool.globalInstance().start(_FindTissue(source, mpp_um, self._signals))

    def _levels_built(self) -> None:
        if self._wanted:
            self.request()

    def _forget(self) -> None:
        self._wanted, self._requested = False, None

    def _show(self, source: Source, tissue: OverlayTissue | None) -> None:
        if source is self._view.source:
            self._view.overlays.set_tissue(tissue)
