"""The handlers of the actions: one short method for each handler that the action table names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox

import viewer
from gpu.gl.context import gl_info
from viewer.common.atomic_write import SaveError
from viewer.common.log import diagnostics as diagnostics_text
from viewer.slide.formats.registry import slide_suffixes
from viewer.ui.panels.associated_images import AssociatedImages
from viewer.ui.panels.file_images import FileImages
from viewer.ui.panels.go_to import GoTo
from viewer.ui.review import strings as review_strings
from viewer.ui.shell import strings
from viewer.ui.shell.guide import Guide
from viewer.ui.shell.preferences import Preferences
from viewer.ui.shell.shortcuts import ShortcutSheet
from viewer.ui.widgets.dialogs import choose_save_path, show_dialog
from viewer.ui.widgets.messages import MessageKind
from viewer.ui.widgets.theme import without_icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QDialog, QStatusBar, QWidget

    from viewer.common.log import Logging
    from viewer.ui.canvas.hud import Hud
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.overlay_controller import OverlayController
    from viewer.ui.panels.scale_keeper import ScaleKeeper
    from viewer.ui.panels.slide_folder import SlideFolder
    from viewer.ui.review.desk import ReviewDesk
    from viewer.ui.search.controller import SearchController
    from viewer.ui.search.export import Export
    from viewer.ui.shell.panel_table import Docks
    from viewer.ui.shell.persistence import Persistence
    from viewer.ui.shell.slide_opener import Slides
    from viewer.ui.shell.view_area import ViewArea
    from viewer.ui.widgets.messages import MessageArea
    from viewer.ui.widgets.theme import ThemeKeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a window that its commands act on."""

    window: QWidget
    """The parent of dialogs; ``quit`` closes it."""
    area: ViewArea
    persistence: Persistence
    slides: Slides
    scales: ScaleKeeper
    folder: SlideFolder
    docks: Docks
    overlays: OverlayController
    search: SearchController
    review: ReviewDesk
    exports: Export
    hud: Hud
    status: QStatusBar
    messages: MessageArea
    themes: ThemeKeeper
    logging: Logging | None


class Commands:
    """The window's commands. Each acts on the active view."""

    def __init__(self, parts: Parts, *, set_full_screen: Callable[[bool], None]) -> None:
        self._parts = parts
        self._set_full_screen = set_full_screen

    @property
    def _view(self) -> SlideView:
        return self._parts.area.active_view

    # File

    def open_slide(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in sorted(slide_suffixes()))
        names, _ = QFileDialog.getOpenFileNames(
            self._parts.window,
            strings.OPEN_SLIDE,
            self._parts.persistence.settings.viewing.last_folder,
            strings.SLIDE_FILES.format(patterns=patterns),
        )
        self._parts.slides.open_paths([Path(name) for name in names])

    def open_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(
            self._parts.window, strings.OPEN_FOLDER, self._parts.persistence.settings.viewing.last_folder
        )
        if name:
            self._parts.slides.open_paths([Path(name)])

    def file_images(self) -> None:
        dialog = FileImages(self._view, self._parts.window)
        dialog.chosen.connect(self._parts.slides.open)
        self._show_for_view(dialog)

    def close_slide(self) -> None:
        self._parts.slides.close()

    def save_view(self) -> None:
        source = self._view.source
        assert source is not None
        folder = Path(self._parts.persistence.settings.viewing.last_folder or Path.home())
        proposed = folder / f"{source.info.path.stem}-view.png"
        path = choose_save_path(self._parts.window, strings.SAVE_VIEW, proposed, {".png": strings.PNG_FILE})
        if path is not None:
            self.save_view_to(path)

    def save_view_to(self, path: Path) -> None:
        """Save the view as PNG; an error is shown in the window."""
        from viewer.ui.canvas.export import save_view  # imports Pillow, which would slow the start

        try:
            save_view(self._view, path, self._parts.overlays.active.layers.entries)
        except SaveError as error:
            self._parts.messages.show_message(MessageKind.ERROR, str(error))
        else:
            self._parts.status.showMessage(strings.VIEW_SAVED.format(file=path.name), 4000)

    def copy_view(self) -> None:
        from viewer.ui.canvas.export import copy_view

        copy_view(self._view, self._parts.overlays.active.layers.entries)
        self._parts.status.showMessage(strings.VIEW_COPIED, 4000)

    def add_map(self) -> None:
        self._parts.overlays.maps.choose()

    def export_places(self) -> None:
        self._parts.exports.export_places()

    def export_layer(self) -> None:
        self._parts.exports.export_layer()

    def preferences(self) -> None:
        dialog = Preferences(self._parts.persistence.settings, self._parts.window)
        dialog.applied.connect(self._parts.persistence.apply)
        show_dialog(dialog, modal=True)  # settings must not change while its fields show them

    def quit(self) -> None:
        self._parts.window.close()

    # View

    def fit(self) -> None:
        self._view.fit()

    def one_to_one(self) -> None:
        self._view.one_to_one()

    def zoom_by(self, factor: float) -> None:
        self._view.zoom_by(factor)

    def set_magnification(self, power: float) -> None:
        self._view.set_magnification(power)

    def rotate_by(self, degrees: float) -> None:
        self._view.rotate_by(degrees)

    def upright(self) -> None:
        self._view.set_rotation(0.0)

    def show_panel(self, panel_id: str, on: bool) -> None:
        dock, focus = self._parts.docks[panel_id], self._parts.window.focusWidget()
        if dock.isHidden() if on else self._parts.docks.folding.is_behind(dock):
            self._parts.docks.show(panel_id)
            return
        if not on and focus is not None and dock.isAncestorOf(focus):
            self._view.setFocus()  # Qt would give it to the next text field
        dock.setVisible(on)

    def show_scale_bar(self, on: bool) -> None:
        self._parts.overlays.set_scale_bar_visible(on)

    def show_full_legend(self, on: bool) -> None:
        self._parts.overlays.active.legend.set_unfolded(on)

    def label(self) -> None:
        self._show_for_view(AssociatedImages(self._view, self._parts.window))

    def full_screen(self, on: bool) -> None:
        self._set_full_screen(on)

    def dark_theme(self, on: bool) -> None:
        if on != (self._parts.themes.theme.name == "dark"):
            self._parts.persistence.change("display", theme="dark" if on else "light")

    # Go

    def go_to(self) -> None:
        self._show_for_view(GoTo(self._view, self._parts.window))

    def copy_position(self) -> None:
        session = self._parts.search.session
        place = session.place_in_words(*session.pointed_at)
        QGuiApplication.clipboard().setText(place)
        self._parts.status.showMessage(strings.POSITION_COPIED.format(place=place), 4000)

    def step_slide(self, step: float) -> None:
        self._parts.slides.step(int(step))

    # Find

    def find(self) -> None:
        self._parts.docks.show("query")
        self._parts.search.panel.focus_box()

    def step_hit(self, step: float) -> None:
        self._parts.search.step_hit(int(step))

    def why(self) -> None:
        self._parts.docks.show("query")
        self._parts.search.explain_here()

    def add_example(self, sign: float) -> None:
        self._parts.docks.show("query")
        self._parts.search.add_example_here(sign > 0)

    def show_overlay(self, on: bool) -> None:
        self._parts.overlays.active.layers.set_visible(on)

    def show_contours(self, on: bool) -> None:
        self._parts.overlays.change_look(contours=on)

    def show_flashlight(self, on: bool) -> None:
        self._parts.overlays.change_look(flashlight=on)

    def pin_layer(self) -> None:
        self._parts.overlays.keep()

    def pause_analysis(self, on: bool) -> None:
        self._parts.search.set_paused(on)

    # Review

    def worklist(self) -> None:
        self._parts.review.show_worklist()

    def step_case(self, step: float) -> None:
        self._parts.review.step_case(int(step))

    def opinion(self) -> None:
        self._show_reading("opinion")

    def findings(self) -> None:
        self._show_reading("findings")

    def sign(self) -> None:
        self._show_reading("sign")

    def mark_finding(self) -> None:
        self._parts.review.reading.mark_here()

    def frame_finding(self, on: bool) -> None:
        self._parts.review.reading.set_framing(on)

    def report(self) -> None:
        self._parts.review.save_report()

    def close_case(self) -> None:
        self._parts.review.reading.leave()

    def coverage_map(self, on: bool) -> None:
        self._parts.review.coverage.set_on(on)

    def next_not_displayed(self) -> None:
        self._parts.review.coverage.go_to_next()

    def _show_reading(self, page: str) -> None:
        self._parts.docks.show("reading")
        self._parts.review.reading.show_page(page)

    def export_stream(self) -> None:
        source, coverage = self._view.source, self._parts.review.coverage
        assert source is not None
        if not coverage.has_record:
            self._parts.status.showMessage(review_strings.NOTHING_DISPLAYED, 4000)
            return
        folder = Path(self._parts.persistence.settings.viewing.last_folder or Path.home())
        proposed = folder / f"{source.info.path.stem}-viewing.jsonl"
        kinds = {".jsonl": review_strings.STREAM_FILE}
        path = choose_save_path(self._parts.window, review_strings.SAVE_STREAM, proposed, kinds)
        if path is not None and coverage.save_stream(path):
            self._parts.status.showMessage(review_strings.STREAM_SAVED.format(file=path.name), 4000)

    # Tools

    def pixel_size(self) -> None:
        self._show_for_view(self._parts.scales.dialog(self._view, self._parts.window))

    def icc(self, on: bool) -> None:
        self._parts.persistence.change("display", icc=on)

    def retry(self) -> None:
        self._view.retry_failed_tiles()

    def foveated(self, on: bool) -> None:
        self._view.set_foveated(on)

    def hud(self, on: bool) -> None:
        self._parts.hud.set_on(on)

    def diagnostics(self) -> None:
        logging = self._parts.logging
        text = diagnostics_text(
            lines=logging.last_lines() if logging is not None else [],
            settings=self._parts.persistence.settings,
            gl_info=_gl_facts(self._view),
            facts=_slide_facts(self._view),
        )
        QGuiApplication.clipboard().setText(text)
        self._parts.status.showMessage(strings.DIAGNOSTICS_COPIED, 6000)

    # Help

    def guide(self) -> None:
        show_dialog(Guide(self._parts.window))

    def keyboard(self) -> None:
        show_dialog(ShortcutSheet(self._parts.persistence.settings.shortcuts, self._parts.window))

    def about(self) -> None:
        box = QMessageBox(self._parts.window)
        box.setWindowTitle(strings.ABOUT)
        box.setTextFormat(Qt.TextFormat.RichText)
        box.setText(strings.ABOUT_TEXT.format(version=viewer.__version__))
        box.setStandardButtons(QMessageBox.StandardButton.Ok)
        without_icons(box.buttons())
        show_dialog(box)

    def _show_for_view(self, dialog: QDialog) -> None:
        """Show a dialog for the active view; it closes when another view becomes active."""
        self._parts.area.active_view_changed.connect(dialog.reject)
        show_dialog(dialog)


def _gl_facts(view: SlideView) -> dict[str, str | int]:
    """Facts about the OpenGL context in use; empty before the first slide is drawn."""
    if view.canvas.engine is None:
        return {}
    view.canvas.set_current()
    return gl_info()


def _slide_facts(view: SlideView) -> dict[str, object]:
    """Facts about the open slide for a bug report; neither its name nor its folder."""
    source = view.source
    if source is None:
        return {"Slide": "none"}
    levels = [(level.width, level.height) for level in source.pyramid.levels]
    return {
        "Format": source.info.format,
        "Reader": source.info.reader,
        "Levels": levels,
        "Failed tiles": view.failed_tiles,
    }
