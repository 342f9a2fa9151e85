"""What the actions do: one short method for each handler named in the table of actions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox

import viewer
from viewer.common.atomic_write import SaveError
from viewer.common.log import diagnostics as diagnostics_text
from viewer.slide.file_names import SLIDE_SUFFIXES
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
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.shell.main_window import MainWindow

ABOUT = f"""<h3>Foveola {viewer.__version__}</h3>
<p>A viewer for whole-slide images that knows where to look.</p>
<p><b>Research use only.</b> Foveola is not a medical device and must not be used for diagnosis.</p>
<p>MIT licence. It stands on OpenSlide, Qt, vispy, NumPy, Pillow, imagecodecs and libjpeg-turbo;
their licences are in the third-party notices that come with it.</p>"""


class Commands:
    """The window's commands. Each acts on the window's active view."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    @property
    def _view(self) -> SlideView:
        return self._window.view

    # File

    def open_slide(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in sorted(SLIDE_SUFFIXES))
        names, _ = QFileDialog.getOpenFileNames(
            self._window,
            "Open slide",
            self._window.settings.viewing.last_folder,
            f"Slides and images ({patterns});;All files (*)",
        )
        self._window.open_paths([Path(name) for name in names])

    def open_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(
            self._window, "Open folder", self._window.settings.viewing.last_folder
        )
        if name:
            self._window.open_paths([Path(name)])

    def close_slide(self) -> None:
        self._window.close_slide()

    def save_view(self) -> None:
        source = self._view.source
        assert source is not None
        folder = Path(self._window.settings.viewing.last_folder or Path.home())
        name, _ = QFileDialog.getSaveFileName(
            self._window, "Save view as PNG", str(folder / f"{source.info.path.stem}-view.png"), "PNG (*.png)"
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
            self._window.messages.show_message(MessageKind.ERROR, str(error))
        else:
            self._window.status.showMessage(f"Saved {path.name}", 4000)

    def copy_view(self) -> None:
        from viewer.ui.canvas.export import copy_view

        copy_view(self._view)
        self._window.status.showMessage("View copied", 4000)

    def preferences(self) -> None:
        dialog = Preferences(self._window.settings, self._window)
        dialog.applied.connect(self._window.apply_settings)
        show_dialog(dialog, modal=True)  # beside it, settings could change under its fields

    def quit(self) -> None:
        self._window.close()

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

    def show_folder(self, on: bool) -> None:
        self._show_dock("folder", on)

    def show_query(self, on: bool) -> None:
        self._show_dock("query", on)

    def show_attention(self, on: bool) -> None:
        self._show_dock("attention", on)

    def show_navigator(self, on: bool) -> None:
        self._show_dock("navigator", on)

    def show_properties(self, on: bool) -> None:
        self._show_dock("properties", on)

    def show_adjustments(self, on: bool) -> None:
        self._show_dock("adjustments", on)

    def _show_dock(self, name: str, on: bool) -> None:
        dock, focus = self._window.docks[name], self._window.focusWidget()
        if not on and focus is not None and dock.isAncestorOf(focus):
            self._view.setFocus()  # Qt would take the next field that letters can be typed into
        dock.setVisible(on)

    def show_scale_bar(self, on: bool) -> None:
        self._window.overlay.set_scale_bar_visible(on)

    def label(self) -> None:
        show_dialog(AssociatedImages(self._view, self._window))

    def full_screen(self, on: bool) -> None:
        self._window.set_full_screen(on)

    def dark_theme(self, on: bool) -> None:
        if on != (self._window.themes.theme.name == "dark"):
            theme = "dark" if on else "light"
            self._window.apply_settings(self._window.settings.replace("display", theme=theme))

    # Go

    def go_to(self) -> None:
        show_dialog(GoTo(self._view, self._window))

    def step_slide(self, step: float) -> None:
        path = self._window.folder.neighbour(int(step))
        if path is None:
            self._window.status.showMessage("No further slide in this folder", 4000)
        else:
            self._window.open_slide(path)

    # Find

    def find(self) -> None:
        self._window.docks["query"].show()
        self._window.query.panel.focus_box()

    def step_hit(self, step: float) -> None:
        self._window.query.step_hit(int(step))

    def why(self) -> None:
        self._window.docks["query"].show()
        self._window.query.explain_here()

    def add_example(self, sign: float) -> None:
        self._window.docks["query"].show()
        self._window.query.add_example_here(sign > 0)

    def show_overlay(self, on: bool) -> None:
        self._window.query.layers.set_visible(on)

    def show_contours(self, on: bool) -> None:
        self._window.query.change_look(contours=on)

    def show_flashlight(self, on: bool) -> None:
        self._window.query.change_look(flashlight=on)

    def pin_layer(self) -> None:
        self._window.query.layers.keep()

    def pause_analysis(self, on: bool) -> None:
        self._window.query.session.set_paused(on)

    # Tools

    def pixel_size(self) -> None:
        show_dialog(PixelSize(self._view, self._window))

    def icc(self, on: bool) -> None:
        if on != self._window.settings.display.icc:
            self._window.apply_settings(self._window.settings.replace("display", icc=on))

    def retry(self) -> None:
        self._view.retry_failed_tiles()

    def foveated(self, on: bool) -> None:
        self._view.set_foveated(on)

    def hud(self, on: bool) -> None:
        self._window.hud.set_on(on)

    def diagnostics(self) -> None:
        window = self._window
        text = diagnostics_text(
            lines=window.logging.last_lines() if window.logging is not None else [],
            settings=window.settings,
            gl_info=window.gl_facts(),
            facts=window.slide_facts(),
        )
        QGuiApplication.clipboard().setText(text)
        window.status.showMessage("Diagnostics copied; they hold no folder names", 6000)

    # Help

    def guide(self) -> None:
        show_dialog(Guide(self._window))

    def keyboard(self) -> None:
        show_dialog(ShortcutSheet(self._window.settings.shortcuts, self._window))

    def about(self) -> None:
        box = QMessageBox(self._window)
        box.setWindowTitle("About Foveola")
        box.setTextFormat(Qt.TextFormat.RichText)
        box.setText(ABOUT)
        box.setStandardButtons(QMessageBox.StandardButton.Ok)
        without_icons(box.buttons())
        show_dialog(box)
