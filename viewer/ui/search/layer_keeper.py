"""Saves the kept layers of the views, and lays them over their slide when it opens again."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from viewer.common.atomic_write import SaveError
from viewer.common.log import logger
from viewer.overlay.kept_layers import layers_folder, new_file_name, read_layers, remove_layer, write_layer
from viewer.overlay.kept_outlines import KeptOutlines
from viewer.relevance.patches.grid import PatchGrid
from viewer.slide.identity import slide_identity
from viewer.slide.source import SlideError
from viewer.ui.search import strings
from viewer.ui.widgets.background_worker import BackgroundWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from viewer.overlay.kept_layers import Kept
    from viewer.slide.source import Source
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.field_layers import FieldLayers
    from viewer.ui.overlays.outline_layers import OutlineLayers
    from viewer.ui.overlays.overlay_controller import OverlayController, ViewOverlays

    Changes = Mapping[tuple[Source, str], Kept | None]
    """By slide and file name: a layer to write, or None where its file is to be removed."""
    Stored = tuple[list[tuple[str, Kept]], list[str]]

log = logger("ui")
_SAVE_AFTER_MS = 500
"""A slider that moves changes a layer at every step."""


class LayerKeepers:
    """One for each view that was active. ``close`` saves what is not saved yet, and ends their threads."""

    def __init__(
        self, slide_view: SlideView, overlays: OverlayController, report: Callable[[str], object]
    ) -> None:
        self._overlays, self._report = overlays, report
        self._of: dict[SlideView, LayerKeeper] = {}
        self.follow(slide_view)

    def follow(self, slide_view: SlideView) -> None:
        """Keep the layers of this view, too, from now on."""
        if slide_view not in self._of:
            self._of[slide_view] = LayerKeeper(slide_view, self._overlays.of(slide_view), self._report)

    def close(self) -> None:
        """End all."""
        for keeper in self._of.values():
            keeper.close()


class LayerKeeper(QObject):
    """``close`` saves what is not saved yet, and ends its thread.

    One job at a time, so that a file is written, removed and read in the order in which the reader asked.
    """

    def __init__(
        self, slide_view: SlideView, overlays: ViewOverlays, report: Callable[[str], object]
    ) -> None:
        super().__init__(slide_view)
        self._view, self._report = slide_view, report
        self._fields, self._outlines = overlays.fields, overlays.outlines
        self._thread = BackgroundWorker("layers")
        self._files: dict[str, str] = {}
        """The file of each layer in the view, by its name there."""
        self._pending: dict[tuple[Source, str], Kept | None] = {}
        self._writing: Changes = {}
        self._restore_due = self._busy = False
        self._timer = QTimer(self, singleShot=True, interval=_SAVE_AFTER_MS)
        self._timer.timeout.connect(self._start)
        layers: FieldLayers | OutlineLayers
        for layers in (self._fields, self._outlines):
            layers.kept_changed.connect(partial(self._changed, layers))
            layers.kept_removed.connect(self._removed)
        slide_view.source_changed.connect(self._begin_anew)
        slide_view.mpp_changed.connect(self._begin_anew)

    def close(self) -> None:
        """Save at once what is not saved yet; at most a second for what is being saved."""
        self._timer.stop()
        self._thread.close(wait_s=1.0)
        for problem in _work({**self._writing, **self._pending}, None)[1]:
            log.warning("%s", problem)

    def _begin_anew(self) -> None:
        """The view has dropped its layers, all or those of another pixel size: lay those of its slide over it
        that fit."""
        self._files = {name: file for name, file in self._files.items() if self._outlines.has(name)}
        self._restore_due = self._view.source is not None
        self._start()

    def _changed(self, layers: FieldLayers | OutlineLayers, name: str) -> None:
        if self._view.source is not None:
            file = self._files.setdefault(name, new_file_name())
            self._pending[self._view.source, file] = layers.layer(name)
            self._timer.start()

    def _removed(self, name: str) -> None:
        file = self._files.pop(name, None)
        if file is not None and self._view.source is not None:
            self._pending[self._view.source, file] = None
            self._timer.start()

    def _start(self) -> None:
        if self._busy or not (self._pending or self._restore_due):
            return
        source = self._view.source if self._restore_due else None
        self._busy, self._restore_due = True, False
        self._writing, self._pending = self._pending, {}
        self._thread.run(
            partial(_work, self._writing, source), partial(self._done, source), self._work_failed
        )

    def _done(self, source: Source | None, found: Stored) -> None:
        self._busy, self._writing = False, {}
        layers, problems = found
        for problem in problems:
            self._report(problem)
        if source is not None and self._fields.shows(source) and not self._restore_due:
            self._lay(source, layers)
        self._start()

    def _work_failed(self, error: Exception) -> None:
        self._done(None, ([], [strings.LAYERS_NOT_KEPT.format(error=error)]))

    def _lay(self, source: Source, layers: list[tuple[str, Kept]]) -> None:
        mpp_um = self._view.mpp_um
        grid = None
        if mpp_um is not None:
            with suppress(ValueError):  # of a pixel size that cannot be, which the analysis refuses in words
                grid = PatchGrid.over(source.pyramid.width, source.pyramid.height, mpp_um)
        sizes = []
        for file, layer in layers:
            if file in self._files.values():
                continue
            if isinstance(layer, KeptOutlines):
                self._files[self._outlines.add_kept(layer)] = file
            elif layer.field.grid != grid:
                sizes.append(f"{layer.field.provenance.mpp_um[0]:.3g}")
            else:
                self._files[self._fields.add_kept(layer)] = file
        if sizes:
            template = strings.ONE_LAYER_WAITS if len(sizes) == 1 else strings.LAYERS_WAIT
            listed = strings.OR_SIZE.join(dict.fromkeys(sizes))
            self._report(template.format(count=len(sizes), sizes=listed))


def _work(changes: Changes, source: Source | None) -> Stored:
    """Write and remove files, then read those of ``source``; what went wrong is stated in sentences."""
    problems = []
    for (slide, file), layer in changes.items():
        try:
            path = layers_folder(slide_identity(slide)) / file
            if layer is None:
                remove_layer(path)
            else:
                write_layer(layer, path)
        except (SlideError, SaveError, OSError) as error:
            problems.append(strings.LAYERS_NOT_KEPT.format(error=error))
    if source is None:
        return [], problems
    try:
        layers, damaged = read_layers(slide_identity(source))
    except (SlideError, OSError) as error:
        log.info("kept layers are not read: %s", error)
        return [], problems
    return layers, [*problems, *damaged]
