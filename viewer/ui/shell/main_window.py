"""The window: puts the slide's view, the panels, the actions and the messages together, and moves slides in.

Views stand in the middle (``SlideArea``), panels are docks around it, and what the reader can do is one
table (``action_table``) with one handler each (``commands``). Parts talk to the view through its signals,
not to each other.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDialog, QMainWindow

from gpu.gl.context import gl_info
from viewer.common.atomic_write import SaveError
from viewer.common.log import logger
from viewer.slide.locator import Locator
from viewer.ui.canvas.hud import Hud
from viewer.ui.canvas.slide_view import SlideView
from viewer.ui.canvas.vector_overlay import VectorOverlay
from viewer.ui.panels.adjustments import AdjustmentsPanel
from viewer.ui.panels.navigator import Navigator
from viewer.ui.panels.properties import PropertiesPanel
from viewer.ui.panels.slide_folder import SlideFolder
from viewer.ui.panels.thumbnails import ThumbnailWorker, prune
from viewer.ui.search.controller import SearchController
from viewer.ui.shell.action_table import Need
from viewer.ui.shell.actions import ActionSet
from viewer.ui.shell.commands import Commands
from viewer.ui.shell.layout import save_layout
from viewer.ui.shell.menus import RecentMenu, fill_menus, make_dock, make_toolbar
from viewer.ui.shell.slide_opener import FileMark, SlideOpener
from viewer.ui.shell.start_page import StartPage
from viewer.ui.shell.status_line import StatusLine
from viewer.ui.shell.view_area import SlideArea
from viewer.ui.widgets.gui_thread import GuiThreadQueue
from viewer.ui.widgets.messages import MessageArea, MessageKind
from viewer.ui.widgets.theme import em_px
from viewer.view.gaze import NoGaze
from viewer.view.gaze_selection import chosen_gaze

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
    from PySide6.QtWidgets import QDockWidget

    from viewer.common.log import Logging
    from viewer.common.settings import Overlay, Settings
    from viewer.slide.source import Source
    from viewer.ui.shell.reader_state import ReaderState
    from viewer.ui.shell.slide_opener import Prepare
    from viewer.ui.widgets.theme import ThemeKeeper

log = logger("ui")

SAVE_STATE_EVERY_MS = 30_000


class MainWindow(QMainWindow):
    """One window. ``close`` ends all its threads."""

    def __init__(
        self,
        settings: Settings,
        state: ReaderState,
        themes: ThemeKeeper,
        *,
        logging: Logging | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.state = state
        self.themes = themes
        self.logging = logging
        self._closed = self._look_unsaved = False
        self._outbox = GuiThreadQueue()
        self._file_mark: FileMark | None = None
        self.portraits = ThumbnailWorker(self)
        self.opener = SlideOpener(self)
        self.messages = MessageArea(themes)
        self.actions_ = ActionSet(self, Commands(self))
        self.actions_.set_icons(themes.icon)
        self.start_page = StartPage(
            self.portraits,
            [self.actions_["open_slide"], self.actions_["open_folder"]],
            themes.pixmap("foveola", "text", em_px(4)),
        )
        self.view = SlideView(settings)
        self.area = SlideArea(self.messages, self.start_page, self.view)
        self.setCentralWidget(self.area)
        self.folder = SlideFolder(self.portraits)
        self.hud = Hud(self.view, self.view)
        self.overlay = VectorOverlay(self.view)
        self.query = SearchController(self.view, self.overlay, self.messages, themes, settings)
        self.docks = self._make_docks()
        self.status = StatusLine(self.view, themes)
        self.setStatusBar(self.status)
        self.recent_menu = RecentMenu(state, self.open_slide, self._forget_recent)
        fill_menus(self, self.actions_, after={"open_folder": self.recent_menu})
        self._toolbar = make_toolbar(self.actions_, themes)
        self.addToolBar(self._toolbar)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self._connect()
        self._state_timer = QTimer(self, interval=SAVE_STATE_EVERY_MS)
        self._state_timer.timeout.connect(self._save_state)
        self._state_timer.start()
        self.setAcceptDrops(True)
        self.setWindowTitle("Foveola")
        self.setWindowIcon(themes.icon("foveola"))
        self.apply_settings(settings)
        self._follow_gaze()
        self._refresh_recent()
        self.refresh_actions()
        if state.notice:
            self.messages.show_message(MessageKind.WARNING, state.notice)

    # Slides in and out

    def open_paths(self, places: Sequence[Path | str | Locator]) -> None:
        """Open the first of some files and list the others, or list a folder and open its first slide."""
        locators = [Locator.parse(place).absolute() for place in places]
        files = [locator for locator in locators if not (locator.is_local and locator.path.is_dir())]
        if not locators:
            return
        if not files:
            self.docks["folder"].show()
            self.folder.show_folder(locators[0].path, open_first=True)
            return
        if len(files) > 1:
            self.docks["folder"].show()
            self.folder.show_files([locator.path for locator in files if locator.is_local])
        self.open_slide(files[0])

    def open_slide(self, where: Path | str | Locator, *, prepare: Prepare | None = None) -> None:
        """Open a slide; the present one stays until it is there. ``prepare`` makes the file first."""
        self.messages.clear()
        self.opener.open(Locator.parse(where).absolute(), prepare=prepare)

    def close_slide(self) -> None:
        """Close the slide and go back to the start page."""
        self._remember_view()
        self.view.set_source(None)
        self._save_state()
        self._refresh_recent()

    def _slide_opened(self, source: Source) -> None:
        self._remember_view()
        path = source.info.path
        self._file_mark = FileMark.of(path)
        self.view.set_source(source)
        last = self.state.last_view(path)
        if last is not None:
            self.view.restore(last)
        self.state.opened(path)
        self._save_state()
        if not self.folder.contains(path):
            self.folder.show_folder(path.parent)
        self.folder.set_current(path)
        self._keep_last_folder(path.parent)
        if source.info.notes:
            self.messages.show_message(MessageKind.INFORMATION, "\n".join(source.info.notes))

    def _slide_failed(self, locator: Locator, reason: str) -> None:
        stays = " The slide that was open stays open." if self.view.source is not None else ""
        self.messages.show_message(
            MessageKind.ERROR,
            f"{locator.name} was not opened. {reason[:1].upper()}{reason[1:]}.{stays}",
            buttons={
                "Try again": partial(self.open_slide, locator),
                "Open another…": self.actions_["open_slide"].trigger,
            },
        )

    def _folder_failed(self, folder: Path, reason: str) -> None:
        self.messages.show_message(
            MessageKind.ERROR,
            f"{folder.name or folder}: {reason}.",
            buttons={"Open another folder…": self.actions_["open_folder"].trigger},
        )

    # State and settings

    def apply_settings(self, settings: Settings) -> None:
        """Use other settings from now on, and save them."""
        changed, other_gaze = settings != self.settings, settings.gaze != self.settings.gaze
        self.settings = settings
        if other_gaze:
            self._follow_gaze()
        self.themes.choose(settings.display.theme)
        self.actions_.set_keys(settings.shortcuts)
        self.view.apply_settings(settings)
        self.view.set_icc(settings.display.icc)
        self.query.apply_settings(settings)
        self.refresh_actions()
        if changed:
            try:
                settings.save()
            except SaveError as error:
                self.messages.show_message(MessageKind.ERROR, str(error))

    def refresh_actions(self) -> None:
        """Grey what makes no sense now, and check what is on."""
        view, source = self.view, self.view.source
        met = {
            Need.SLIDE: source is not None,
            Need.MAGNIFICATION: view.magnification is not None,
            Need.FOLDER: bool(self.folder.entries),
            Need.ASSOCIATED_IMAGES: source is not None and bool(source.info.associated_images),
            Need.COLOUR_PROFILE: view.has_icc,
            Need.UNKNOWN_PIXEL_SIZE: source is not None and source.info.mpp_um is None,
            Need.FAILED_TILES: view.failed_tiles > 0,
            Need.QUERY: self.query.asked,
            Need.OVERLAY: self.query.layers.has_any,
            Need.HITS: self.query.has_hits,
            Need.ANALYSIS: self.query.analysing,
        }
        self.actions_.refresh([need for need, is_met in met.items() if not is_met])
        self.actions_.set_checked("dark_theme", self.themes.theme.name == "dark")
        self.actions_.set_checked("icc", self.settings.display.icc)
        self.actions_.set_checked("full_screen", self.isFullScreen())
        self.actions_.set_checked("hud", self.hud.on)
        self.actions_.set_checked("show_scale_bar", self.overlay.scale_bar.visible)
        for name, on in self.query.switches.items():
            self.actions_.set_checked(name, on)
        for name, dock in self.docks.items():
            self.actions_.set_checked(f"show_{name}", not dock.isHidden())

    def set_full_screen(self, on: bool) -> None:
        """Fill the screen, without menus and toolbar; the status line stays."""
        if on == self.isFullScreen():
            return
        self.menuBar().setVisible(not on)
        self._toolbar.setVisible(not on)
        if on:
            self.showFullScreen()
            key = self.actions_["full_screen"].shortcut().toString()
            self.status.showMessage(f"{key} leaves full screen", 6000)
        else:
            self.status.clearMessage()
            self.showNormal()

    def gl_facts(self) -> dict[str, str | int]:
        """Facts about the OpenGL context in use; empty before the first slide is drawn."""
        if self.view.canvas.engine is None:
            return {}
        self.view.canvas.set_current()
        return gl_info()

    def slide_facts(self) -> dict[str, object]:
        """What a bug report may know of the open slide: not its name."""
        source = self.view.source
        if source is None:
            return {"Slide": "none"}
        levels = [(level.width, level.height) for level in source.pyramid.levels]
        return {
            "Format": source.info.format,
            "Reader": source.info.reader,
            "Levels": levels,
            "Failed tiles": self.view.failed_tiles,
        }

    def _remember_view(self) -> None:
        source = self.view.source
        if source is not None:
            self.state.remember_view(source.info.path, self.view.camera.target)

    def _save_state(self) -> None:
        self._remember_view()
        try:
            self.state.save()
            if self._look_unsaved:
                self._look_unsaved = False
                self.settings.save()
        except SaveError as error:
            self.messages.show_message(MessageKind.WARNING, str(error))

    def _save_layout(self) -> None:
        if self.isFullScreen():
            return  # the next start should not surprise with it
        try:
            save_layout(self)
        except SaveError as error:
            log.warning("%s", error)

    def _keep_last_folder(self, folder: Path) -> None:
        if str(folder) != self.settings.viewing.last_folder:
            self.apply_settings(self.settings.replace("viewing", last_folder=str(folder)))

    # Structure

    def _make_docks(self) -> dict[str, QDockWidget]:
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        docks: dict[str, QDockWidget] = {}
        for name, title, content, area in (
            ("folder", "Slides", self.folder, left),
            ("query", "Query", self.query.panel, left),
            ("attention", "Attention", self.query.attention.controls, left),
            ("navigator", "Navigator", Navigator(self.view), right),
            ("properties", "Properties", PropertiesPanel(self.view), right),
            ("adjustments", "Adjustments", AdjustmentsPanel(self.view), right),
        ):
            docks[name] = make_dock(title, content, self.themes)
            self.addDockWidget(area, docks[name])
        for name in ("folder", "query", "attention", "adjustments"):
            docks[name].hide()
        self.resizeDocks(
            [docks["folder"], docks["navigator"]], [em_px(19), em_px(19)], Qt.Orientation.Horizontal
        )
        self.resizeDocks(
            [docks["navigator"], docks["properties"]], [em_px(13), em_px(24)], Qt.Orientation.Vertical
        )
        return docks

    def _connect(self) -> None:
        opener, opening = self.opener, self.messages.opening
        opener.started.connect(lambda locator: opening.begin(locator.name))
        opener.progressed.connect(opening.set_progress)
        for ended in (opener.opened, opener.failed, opener.cancelled):
            ended.connect(opening.end)
        opening.cancel_pressed.connect(opener.cancel)
        opener.opened.connect(self._slide_opened)
        opener.failed.connect(self._slide_failed)
        self.folder.chosen.connect(self.open_slide)
        self.folder.failed.connect(self._folder_failed)
        self.folder.listed.connect(self.refresh_actions)
        self.start_page.chosen.connect(self.open_slide)
        self.themes.changed.connect(self._theme_changed)
        self.view.message.connect(self._view_message)
        # These come in the middle of a frame, and a message that shrinks the canvas would draw another in it.
        queued = Qt.ConnectionType.QueuedConnection
        self.view.undrawable.connect(self._slide_undrawable, queued)
        self.view.failed_tiles_changed.connect(self._tiles_failed, queued)
        self.view.icc_changed.connect(self._icc_changed)
        self.view.source_changed.connect(self._source_changed)
        self.view.mpp_changed.connect(self.refresh_actions)
        self.view.sharp_changed.connect(self._sharp_changed)
        self.query.changed.connect(self.refresh_actions)
        self.query.look_changed.connect(self._keep_look)
        self.query.settings_chosen.connect(self.apply_settings)
        self.docks["query"].visibilityChanged.connect(self._query_panel_shown)
        for dock in self.docks.values():
            dock.visibilityChanged.connect(lambda _visible: self.refresh_actions())

    def _theme_changed(self) -> None:
        self.actions_.set_icons(self.themes.icon)
        self.refresh_actions()

    def _view_message(self, text: str) -> None:
        self.messages.show_message(MessageKind.INFORMATION, text)

    def _slide_undrawable(self, reason: str) -> None:
        source = self.view.source
        name = "The slide" if source is None else source.info.path.name
        self.messages.show_message(
            MessageKind.ERROR,
            f"{name} is open but cannot be drawn on this graphics processor: {reason}.",
            buttons={"Copy diagnostics": self.actions_["diagnostics"].trigger},
        )

    def _tiles_failed(self) -> None:
        self.refresh_actions()
        if self.view.failed_tiles and self._file_mark is not None:
            mark, self._file_mark = self._file_mark, None  # told once a slide; the status line counts on
            self.messages.show_message(
                MessageKind.WARNING,
                f"{mark.path.name}: some tiles cannot be read and stand striped. {mark.trouble()}",
                buttons={"Read again": self.actions_["retry"].trigger},
            )

    def _icc_changed(self, on: bool) -> None:
        self.apply_settings(self.settings.replace("display", icc=on))

    def _source_changed(self) -> None:
        source = self.view.source
        self.setWindowTitle("Foveola" if source is None else f"{source.info.path.name} – Foveola")
        self._sharp_changed(self.view.sharp)
        self.refresh_actions()

    def _sharp_changed(self, sharp: bool) -> None:
        self.portraits.set_paused(self.view.source is not None and not sharp)

    def _follow_gaze(self) -> None:
        gaze = self.settings.gaze
        self.view.set_gaze(
            chosen_gaze(
                gaze.source,
                recording=gaze.recording,
                pointer_radius_deg=gaze.pointer_radius_deg,
                tracker_radius_deg=gaze.tracker_radius_deg,
                report=self._tell_of_gaze,
            )
        )

    def _tell_of_gaze(self, text: str) -> None:
        """Trackers vanish in threads of their own."""
        self._outbox.post(lambda: self._view_message(text))

    def _query_panel_shown(self, visible: bool) -> None:
        if visible:
            self.query.open_panel()

    def _keep_look(self, look: Overlay) -> None:
        """Saved with the reader's state, not at each step of a slider."""
        self.settings = dataclasses.replace(self.settings, overlay=look)
        self._look_unsaved = True

    def _refresh_recent(self) -> None:
        self.start_page.show_recent(self.state.recent)

    def _forget_recent(self) -> None:
        self.state.forget_all()
        prune(0)
        self._save_state()
        self._refresh_recent()

    # Qt's events

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.open_paths([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save where the reader was and end all threads."""
        if self._closed:
            super().closeEvent(event)
            return
        self._closed = True
        self._state_timer.stop()
        self._save_state()
        self._save_layout()
        self.messages.opening.end()
        for dialog in self.findChildren(QDialog):
            dialog.close()
        self.query.close()
        self.opener.close(wait_s=0.5)
        self.portraits.close(wait_s=0.5)
        self.folder.close_work(wait_s=0.2)
        self.view.set_gaze(NoGaze())
        self._outbox.close()
        self.view.close_slide()
        super().closeEvent(event)
