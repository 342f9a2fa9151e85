"""Places and layers as files for other programs: which file is asked for, and written in the background.

The files are those of the command line; each has its provenance and the words on its use.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QInputDialog

from viewer.common.atomic_write import SaveError, check_savable
from viewer.relevance.exchange.export import write_geojson, write_places, write_scores
from viewer.relevance.heatmap.ome_tiff import write_heatmap, write_imported
from viewer.relevance.heatmap.strings import MAP_UNIT
from viewer.ui.overlays.field_layers import PRESENT
from viewer.ui.search import strings
from viewer.ui.widgets.background_worker import BackgroundWorker
from viewer.ui.widgets.dialogs import choose_save_path
from viewer.ui.widgets.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from viewer.overlay.kept_layers import KeptLayer
    from viewer.slide.source import Source
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.attention_controller import AttentionController
    from viewer.ui.overlays.overlay_controller import OverlayController
    from viewer.ui.search.controller import SearchController
    from viewer.ui.widgets.messages import MessageArea

    Writers = Mapping[str, Callable[[Path], None]]
    """What writes a file, by the ending of its name."""


_ATTENTION = "attention"


class Export(QObject):
    """``close`` ends its thread; what is being written then is not left half written."""

    progressed = Signal(str)
    """What is being written, or was, in one sentence."""

    def __init__(
        self,
        slide_view: SlideView,
        search: SearchController,
        attention: AttentionController,
        overlays: OverlayController,
        messages: MessageArea,
    ) -> None:
        super().__init__()
        self._view = slide_view
        self._search, self._attention = search, attention
        self._overlays, self._messages = overlays, messages
        self._thread = BackgroundWorker("export")

    def follow(self, slide_view: SlideView) -> None:
        """Export what lies over another view from now on."""
        self._view = slide_view

    def close(self) -> None:
        """End the thread."""
        self._thread.close(wait_s=0.5)

    def export_places(self) -> None:
        """Let the reader choose a file for the places of the present query."""
        session, source = self._search.session, self._view.source
        field, hits = session.field, session.hits
        if source is None or field is None or not hits:
            return
        if session.weak:
            self._messages.show_message(MessageKind.INFORMATION, strings.ALL_WEAK)
            return
        name, extent_px = source.info.path.name, _extent_px(source)
        writers: Writers = {
            ".geojson": lambda path: write_geojson(field, hits, path, slide_name=name, patches=False),
            ".csv": lambda path: write_places(field, hits, path, slide_name=name, extent_px=extent_px),
        }
        self._choose_file(source, strings.EXPORT_PLACES, strings.PLACES_FILE, writers)

    def export_layer(self) -> None:
        """Let the reader choose a layer, where there are several, and a file for it."""
        fields, attention = self._overlays.active.fields, self._attention.active.to_save()
        layers = {PRESENT: fields.layer(PRESENT).title} if fields.has_present else {}
        layers |= {row.name: row.title for row in fields.kept}
        layers |= {} if attention is None else {_ATTENTION: attention[0]}
        name = next(iter(layers), None)
        if len(layers) > 1:
            titles = [f"{number}. {title}" for number, title in enumerate(layers.values(), 1)]
            title, chosen = QInputDialog.getItem(
                self._view.window(), strings.EXPORT_LAYER, strings.WHICH_LAYER, titles, editable=False
            )
            name = list(layers)[titles.index(title)] if chosen else None
        if name == _ATTENTION and attention is not None and self._view.source is not None:
            self._export_attention(self._view.source, attention[1])
        elif not layers:
            self._messages.show_message(MessageKind.INFORMATION, strings.NOTHING_TO_EXPORT)
        elif name is not None:
            self.export_layer_of(name)

    def export_layer_of(self, name: str) -> None:
        """Let the reader choose a file for the layer of this name."""
        source, layer = self._view.source, self._overlays.active.fields.layer(name)
        if source is not None:
            self._choose_file(source, strings.EXPORT_LAYER, strings.LAYER_FILE, _layer_writers(layer, source))

    def _export_attention(self, source: Source, write: Callable[..., None]) -> None:
        name, extent_px = source.info.path.name, _extent_px(source)
        writers: Writers = {".ome.tiff": lambda path: write(path, extent_px=extent_px, slide_name=name)}
        self._choose_file(source, strings.EXPORT_LAYER, strings.LAYER_FILE, writers)

    def _choose_file(self, source: Source, title: str, file: str, writers: Writers) -> None:
        slide, first = source.info.path, next(iter(writers))
        path = choose_save_path(
            self._view.window(),
            title,
            slide.parent / f"{file.format(slide=slide.stem)}{first}",
            {ending: strings.FILE_KINDS[ending] for ending in writers},
        )
        if path is not None:
            self.write(source, path, writers)

    def write(self, source: Source, path: Path, writers: Writers) -> None:
        """Write a file of one of the kinds of ``writers``, by the ending of its name."""
        write = next(one for ending, one in writers.items() if path.name.lower().endswith(ending))
        self.progressed.emit(strings.EXPORTING.format(file=path.name))

        def work() -> None:
            _check(path, source)
            write(path)

        self._thread.run(work, partial(self._written, path), partial(self._failed, path))

    def _written(self, path: Path, _nothing: None) -> None:
        self.progressed.emit(strings.EXPORTED.format(file=path.name))

    def _failed(self, path: Path, error: Exception) -> None:
        self.progressed.emit("")
        told = isinstance(error, SaveError)
        text = str(error) if told else strings.NOT_EXPORTED.format(path=path, error=error)
        self._messages.show_message(MessageKind.ERROR, text)


def _layer_writers(layer: KeptLayer, source: Source) -> Writers:
    field, name, extent_px = layer.field, source.info.path.name, _extent_px(source)
    write_picture = write_imported if layer.imported else write_heatmap
    unit = MAP_UNIT if layer.imported else None
    return {
        ".ome.tiff": lambda path: write_picture(field, path, extent_px=extent_px, slide_name=name),
        ".h5": lambda path: write_scores(field, path, slide_name=name, unit=unit),
        ".geojson": lambda path: write_geojson(field, (), path, slide_name=name, unit=unit),
    }


def _extent_px(source: Source) -> tuple[int, int]:
    return source.pyramid.width, source.pyramid.height


def _check(path: Path, source: Source) -> None:
    """Raises SaveError where the file would replace the slide, or something that is no file."""
    check_savable(path)
    if not path.exists():
        return
    if any(path.samefile(file) for file in (source.info.path, *source.info.companions) if file.exists()):
        raise SaveError(path, strings.IS_THE_SLIDE)
    if not path.is_file():
        raise SaveError(path, strings.IS_NO_FILE)
