"""Maps and annotations of other programs as layers over the slide: chosen, and read in the background."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QInputDialog

from viewer.common.text import escape_control
from viewer.relevance.exchange.read_map import map_formats, read_map, stand_in_grid
from viewer.relevance.exchange.scores import SeveralColumnsError
from viewer.relevance.patches.grid import PatchGrid
from viewer.slide.formats.registry import is_listed
from viewer.ui.overlays import strings
from viewer.ui.widgets.background_worker import BackgroundWorker, raise_defect
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from viewer.relevance.exchange.read_map import ImportedMap
    from viewer.slide.source import Source
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.field_layers import FieldLayers
    from viewer.ui.overlays.outline_layers import OutlineLayers
    from viewer.ui.widgets.messages import MessageArea


@dataclass(frozen=True, slots=True)
class _Drop:
    """Files that were dropped on a slide, or on none, and what opens those of them that are no maps."""

    source: Source | None
    paths: Sequence[Path]
    open_others: Callable[[list[Path]], None]

    def maps(self) -> list[Path]:
        """Those named like a map, and not like a slide; none without a slide."""
        if self.source is None:
            return []
        suffixes = tuple(suffix for one in map_formats() for suffix in one.suffixes)
        return [path for path in self.paths if path.name.lower().endswith(suffixes) and not is_listed(path)]


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a file that is being read will lie."""

    source: Source
    fields: FieldLayers
    outlines: OutlineLayers
    has_scale: bool


class MapImport(QObject):
    """``close`` ends its threads."""

    pixel_size_missing = Signal()
    """A map was to be laid over a slide without a known pixel size."""

    def __init__(self, messages: MessageArea) -> None:
        super().__init__()
        self._messages = messages
        self._thread, self._sorting = BackgroundWorker("maps"), BackgroundWorker("dropped-files")
        self._drops: list[_Drop] = []
        """Those to be sorted, oldest first."""

    def follow(self, slide_view: SlideView, fields: FieldLayers, outlines: OutlineLayers) -> None:
        """Lay maps over another view from now on."""
        self._view, self._fields, self._outlines = slide_view, fields, outlines

    def choose(self) -> None:
        """Let the reader choose a file."""
        if self._view.source is None:
            return
        patterns = " ".join(f"*{suffix}" for one in map_formats() for suffix in one.suffixes)
        name, _ = QFileDialog.getOpenFileName(
            self._view.window(),
            strings.ADD_MAP_TITLE,
            str(self._view.source.info.path.parent),
            strings.MAP_FILES.format(patterns=patterns),
        )
        if name:
            self.read(Path(name))

    def take(self, paths: Sequence[Path], open_others: Callable[[list[Path]], None]) -> None:
        """Lay those of dropped files over the slide that are maps, and open the others; without a slide open
        all. Which they are is read in a thread, one drop after the other.
        """
        self._drops.append(_Drop(self._view.source, paths, open_others))
        if len(self._drops) == 1:
            self._sort()

    def read(self, path: Path, column: str | None = None) -> None:
        """Lay a file's map over the slide, or show why not. Of several columns the reader chooses one."""
        source = self._view.source
        if source is None:
            return
        extent_px = source.pyramid.width, source.pyramid.height
        mpp_um, estimated = self._view.mpp_um, self._view.mpp_estimated
        target = _Target(source, self._fields, self._outlines, has_scale=mpp_um is not None)

        def read() -> ImportedMap:
            grid = stand_in_grid(extent_px) if mpp_um is None else PatchGrid.over(*extent_px, mpp_um)
            return read_map(path, extent_px, grid, mpp_estimated=estimated, column=column)

        self._thread.run(read, partial(self._show, target, path), partial(self._show_error, source, path))

    def close(self) -> None:
        """End the threads."""
        self._sorting.close(wait_s=0.1)
        self._thread.close(wait_s=0.3)

    def _sort(self) -> None:
        self._sorting.run(self._drops[0].maps, self._take_sorted, raise_defect)

    def _take_sorted(self, maps: list[Path]) -> None:
        drop = self._drops.pop(0)
        for path in maps:
            if self._view.source is drop.source:
                self.read(path)
            else:
                self._say_not_added(path)
        if others := [path for path in drop.paths if path not in maps]:
            drop.open_others(others)
        if self._drops:
            self._sort()

    def _say_not_added(self, path: Path) -> None:
        text = strings.MAP_NOT_ADDED.format(file=escape_control(path.name))
        self._messages.show_message(MessageKind.WARNING, text)

    def _show_error(self, source: Source, path: Path, error: Exception) -> None:
        if isinstance(error, SeveralColumnsError):
            if self._view.source is not source:
                self._say_not_added(path)
                return
            question = strings.WHICH_SCORES.format(file=path.name)
            column, chosen = QInputDialog.getItem(
                self._view.window(), strings.ADD_MAP_TITLE, question, error.names, editable=False
            )
            if chosen:
                self.read(path, column)
            return
        self._messages.show_message(MessageKind.WARNING, str(error))

    def _show(self, target: _Target, path: Path, found: ImportedMap) -> None:
        if not target.fields.shows(target.source):
            self._say_not_added(path)
            return
        if found.field is not None and not target.has_scale:
            self.pixel_size_missing.emit()
            return
        name = escape_control(path.name)
        if found.field is not None:
            title = strings.MAP_TITLE.format(file=name, title=found.field.provenance.query)
            target.fields.add_imported(found.field, title)
        if found.outlines is not None:
            target.outlines.add(found.outlines, name, found.producer)
        self._messages.show_message(MessageKind.INFORMATION, " ".join(found.notes))
