"""What the actions do: one short method for each handler named in the table of actions."""

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
from viewer.ui.panels.go_to import GoTo
from viewer.ui.panels.pixel_size_dialog import PixelSize
from viewer.ui.shell.guide import Guide
from viewer.ui.shell.preferences import Preferences
from viewer.ui.shell.shortcut_sheet import ShortcutSheet
from viewer.ui.widgets.dialogs import show_dialog
from viewer.ui.widgets.messages import MessageKind
from viewer.ui.widgets.theme import without_icons

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PySide6.QtWidgets import QDialog, QDockWidget, QStatusBar, QWidget

    from viewer.common.log import Logging
    from viewer.ui.canvas.hud import Hud
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.overlay_controller import OverlayController
    from viewer.ui.panels.slide_folder import SlideFolder
    from viewer.ui.search.controller import SearchController
    from viewer.ui.shell.persistence import Persistence
    from viewer.ui.shell.slide_opener import Slides
    from viewer.ui.shell.view_area import ViewArea
    from viewer.ui.widgets.messages import MessageArea
    from viewer.ui.widgets.theme import ThemeKeeper

ABOUT = f"""<h3>Foveola {viewer.__version__}</h3>
<p>A viewer for whole-slide images that knows where to look.</p>
<p><b>Research use only.</b> Foveola is not a medical device and must not be used for diagnosis.</p>
<p>MIT licence. It stands on OpenSlide, Qt, vispy, NumPy, Pillow, imagecodecs and libjpeg-turbo;
their licences are in the third-party notices that come with it.</p>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a window that its commands act on."""

    window: QWidget
    """Over it dialogs open; it closes with the last command."""
    area: ViewArea
    kept: Persistence
    slides: Slides
    folder: SlideFolder
    docks: Mapping[str, QDockWidget]
    overlays: OverlayController
    search: SearchController
    hud: Hud
    status: QStatusBar
    messages: MessageArea
    themes: ThemeKeeper
    logging: Logging | None


class Commands:
    """The window's commands. Each acts on the active view."""

    def __init__(self, parts: Parts, *, set_full_screen: Callable[[bool], None]) -> None:
        self._on = parts
        self._set_full_screen = set_full_screen

    @property
    def _view(self) -> SlideView:
        return self._on.area.active_view

    # File

    def open_slide(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in sorted(slide_suffixes()))
        names, _ = QFileDialog.getOpenFileNames(
            self._on.window,
            "Open slide",
            self._on.kept.settings.viewing.last_folder,
            f"Slides and images ({patterns});;All files (*)",
        )
        self._on.slides.open_paths([Path(name) for name in names])

    def open_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(
            self._on.window, "Open folder", self._on.kept.settings.viewing.last_folder
        )
        if name:
            self._on.slides.open_paths([Path(name)])

    def close_slide(self) -> None:
        self._on.slides.close()

    def save_view(self) -> None:
        source = self._view.source
        assert source is not None
        folder = Path(self._on.kept.settings.viewing.last_folder or Path.home())
        name, _ = QFileDialog.getSaveFileName(
            self._on.window,
            "Save view as PNG",
            str(folder / f"{source.info.path.stem}-view.png"),
            "PNG (*.png)",
        )
        if name:
            self.save_view_to(Path(name))

    def save_view_to(self, path: Path) -> None:
        """Save the view; what goes wrong is said in the window."""
        from viewer.ui.canvas.export import save_view  # brings Pillow, which the start can do without

        path = path if path.suffix.lower() == ".png" else path.with_name(f"{path.name}.png")
        try:
            save_view(self._view, path)
        except SaveError as error:
            self._on.messages.show_message(MessageKind.ERROR, str(error))
        else:
            self._on.status.showMessage(f"Saved {path.name}", 4000)

    def copy_view(self) -> None:
        from viewer.ui.canvas.export import copy_view

        copy_view(self._view)
        self._on.status.showMessage("View copied", 4000)

    def preferences(self) -> None:
        dialog = Preferences(self._on.kept.settings, self._on.window)
        dialog.applied.connect(self._on.kept.apply)
        show_dialog(dialog, modal=True)  # beside it, settings could change under its fields

    def quit(self) -> None:
        self._on.window.close()

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
        dock, focus = self._on.docks[panel_id], self._on.window.focusWidget()
        if not on and focus is not None and dock.isAncestorOf(focus):
            self._view.setFocus()  # Qt would take the next field that letters can be typed into
        dock.setVisible(on)

    def show_scale_bar(self, on: bool) -> None:
        self._on.overlays.set_scale_bar_visible(on)

    def label(self) -> None:
        self._show_of_view(AssociatedImages(self._view, self._on.window))

    def full_screen(self, on: bool) -> None:
        self._set_full_screen(on)

    def dark_theme(self, on: bool) -> None:
        if on != (self._on.themes.theme.name == "dark"):
            self._on.kept.change("display", theme="dark" if on else "light")

    # Go

    def go_to(self) -> None:
        self._show_of_view(GoTo(self._view, self._on.window))

    def step_slide(self, step: float) -> None:
        path = self._on.folder.neighbour(int(step))
        if path is None:
            self._on.status.showMessage("No further slide in this folder", 4000)
        else:
            self._on.slides.open(path)

    # Find

    def find(self) -> None:
        self._on.docks["query"].show()
        self._on.search.panel.focus_box()

    def step_hit(self, step: float) -> None:
        self._on.search.step_hit(int(step))

    def why(self) -> None:
        self._on.docks["query"].show()
        self._on.search.explain_here()

    def add_example(self, sign: float) -> None:
        self._on.docks["query"].show()
        self._on.search.add_example_here(sign > 0)

    def show_overlay(self, on: bool) -> None:
        self._on.overlays.active.layers.set_visible(on)

    def show_contours(self, on: bool) -> None:
        self._on.overlays.change_look(contours=on)

    def show_flashlight(self, on: bool) -> None:
        self._on.overlays.change_look(flashlight=on)

    def pin_layer(self) -> None:
        self._on.overlays.keep()

    def pause_analysis(self, on: bool) -> None:
        self._on.search.set_paused(on)

    # Tools

    def pixel_size(self) -> None:
        self._show_of_view(PixelSize(self._view, self._on.window))

    def icc(self, on: bool) -> None:
        self._on.kept.change("display", icc=on)

    def retry(self) -> None:
        self._view.retry_failed_tiles()

    def foveated(self, on: bool) -> None:
        self._view.set_foveated(on)

    def hud(self, on: bool) -> None:
        self._on.hud.set_on(on)

    def diagnostics(self) -> None:
        logging = self._on.logging
        text = diagnostics_text(
            lines=logging.last_lines() if logging is not None else [],
            settings=self._on.kept.settings,
            gl_info=_gl_facts(self._view),
            facts=_slide_facts(self._view),
        )
        QGuiApplication.clipboard().setText(text)
        self._on.status.showMessage("Diagnostics copied; they hold no folder names", 6000)

    # Help

    def guide(self) -> None:
        show_dialog(Guide(self._on.window))

    def keyboard(self) -> None:
        show_dialog(ShortcutSheet(self._on.kept.settings.shortcuts, self._on.window))

    def about(self) -> None:
        box = QMessageBox(self._on.window)
        box.setWindowTitle("About Foveola")
        box.setTextFormat(Qt.TextFormat.RichText)
        box.setText(ABOUT)
        box.setStandardButtons(QMessageBox.StandardButton.Ok)
        without_icons(box.buttons())
        show_dialog(box)

    def _show_of_view(self, dialog: QDialog) -> None:
        """Show a dialog about the active view; with another one it closes, as with another slide."""
        self._on.area.active_view_changed.connect(dialog.reject)
        show_dialog(dialog)


def _gl_facts(view: SlideView) -> dict[str, str | int]:
    """Facts about the OpenGL context in use; empty before the first slide is drawn."""
    if view.canvas.engine is None:
        return {}
    view.canvas.set_current()
    return gl_info()


def _slide_facts(view: SlideView) -> dict[str, object]:
    """What a bug report may know of the open slide: not its name."""
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
