"""Maps of other programs as layers over the slide: chosen, and read in the background."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QInputDialog

from viewer.relevance.exchange.read_map import read_map
from viewer.relevance.exchange.scores import SeveralColumnsError
from viewer.relevance.patches.grid import PatchGrid
from viewer.ui.overlays import strings
from viewer.ui.widgets.background_worker import BackgroundWorker
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from viewer.relevance.exchange.read_map import ImportedMap
    from viewer.slide.source import Source
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.field_layers import FieldLayers
    from viewer.ui.widgets.messages import MessageArea


class MapImport(QObject):
    """``close`` ends its thread."""

    pixel_size_missing = Signal()
    """A map was to be laid over a slide without a known pixel size."""

    def __init__(self, messages: MessageArea) -> None:
        super().__init__()
        self._messages = messages
        self._thread = BackgroundWorker("maps")

    def follow(self, slide_view: SlideView, fields: FieldLayers) -> None:
        """Lay maps over another view from now on."""
        self._view, self._fields = slide_view, fields

    def choose(self) -> None:
        """Let the reader choose a file."""
        if self._view.source is None:
            return
        if self._view.mpp_um is None:
            self.pixel_size_missing.emit()
            return
        from viewer.relevance.exchange.read_map import map_formats

        patterns = " ".join(f"*{suffix}" for one in map_formats() for suffix in one.suffixes)
        name, _ = QFileDialog.getOpenFileName(
            self._view.window(),
            strings.ADD_MAP_TITLE,
            str(self._view.source.info.path.parent),
            strings.MAP_FILES.format(patterns=patterns),
        )
        if name:
            self.read(Path(name))

    def read(self, path: Path, column: str | None = None) -> None:
        """Lay a file's map over the slide, or show why not. Of several columns the reader chooses one."""
        source, mpp_um = self._view.source, self._view.mpp_um
        if source is None or mpp_um is None:
            return
        extent_px = source.pyramid.width, source.pyramid.height
        estimated = self._view.mpp_estimated

        def work() -> ImportedMap:
            grid = PatchGrid.over(*extent_px, mpp_um)
            return read_map(path, extent_px, grid, mpp_estimated=estimated, column=column)

        self._thread.run(
            work, partial(self._show, source, self._fields, path), partial(self._show_error, source, path)
        )

    def close(self) -> None:
        """End the thread."""
        self._thread.close(wait_s=0.3)

    def _show_error(self, source: Source, path: Path, error: Exception) -> None:
        if isinstance(error, SeveralColumnsError):
            if self._view.source is not source:
                return  # the reader has gone on to another slide meanwhile
            question = strings.WHICH_SCORES.format(file=path.name)
            column, chosen = QInputDialog.getItem(
                self._view.window(), strings.ADD_MAP_TITLE, question, error.names, editable=False
            )
            if chosen:
                self.read(path, column)
            return
        self._messages.show_message(MessageKind.WARNING, str(error))

    def _show(self, source: Source, fields: FieldLayers, path: Path, found: ImportedMap) -> None:
        if fields.shows(source):
            title = strings.MAP_TITLE.format(file=path.name, title=found.field.provenance.query)
            fields.add_imported(found.field, title)
            self._messages.show_message(MessageKind.INFORMATION, " ".join(found.notes))
