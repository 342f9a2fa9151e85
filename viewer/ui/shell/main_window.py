"""The window: creates its parts, connects them to each other and to the active view.

Views are in the middle (``ViewArea``), panels in docks around it (``panel_table``); actions are one table
(``action_table``) with one handler each (``commands``).
"""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QMainWindow

from viewer.ui.canvas.hud import Hud
from viewer.ui.canvas.slide_view import SlideView
from viewer.ui.overlays.attention_controller import AttentionController
from viewer.ui.overlays.encoder_menu import EncoderMenu
from viewer.ui.overlays.overlay_controller import OverlayController
from viewer.ui.panels import strings as panel_strings
from viewer.ui.panels.scale_keeper import ScaleKeeper
from viewer.ui.panels.slide_folder import SlideFolder
from viewer.ui.panels.thumbnails import ThumbnailWorker, prune
from viewer.ui.review.action_rows import ADVICE
from viewer.ui.review.desk import ReviewDesk
from viewer.ui.search.context_menus import ContextMenus
from viewer.ui.search.controller import SearchController
from viewer.ui.search.export import Export
from viewer.ui.search.layer_keeper import LayerKeepers
from viewer.ui.shell import strings
from viewer.ui.shell.actions import ActionSet, RecentMenu, fill_menus, make_toolbar
from viewer.ui.shell.commands import Commands, Parts
from viewer.ui.shell.panel_table import Docks, built_in_panels
from viewer.ui.shell.persistence import Persistence
from viewer.ui.shell.slide_opener import Slides
from viewer.ui.shell.start_page import StartPage
from viewer.ui.shell.status_line import StatusLine
from viewer.ui.shell.view_area import ViewArea
from viewer.ui.widgets.action_spec import Need
from viewer.ui.widgets.dialogs import show_dialog
from viewer.ui.widgets.following import Following
from viewer.ui.widgets.gui_thread import GuiThreadQueue
from viewer.ui.widgets.messages import MessageArea, MessageKind
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import SignalInstance
    from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent

    from viewer.common.log import Logging
    from viewer.common.settings import Gaze, Settings
    from viewer.slide.locator import Locator
    from viewer.ui.shell.reader_state import ReaderState
    from viewer.ui.shell.slide_opener import Prepare, SlideOpener
    from viewer.ui.widgets.theme import ThemeKeeper

_LOW_EM, _VERY_LOW_EM = 35.0, 18.0
"""A window that is less high than the first has a smaller toolbar, than the second none."""


class MainWindow(QMainWindow):
    """The main window. ``close`` ends all its threads."""

    def __init__(
        self,
        settings: Settings,
        state: ReaderState,
        themes: ThemeKeeper,
        *,
        logging: Logging | None = None,
    ) -> None:
        super().__init__()
        self.themes = themes
        self._closed = False
        self._gaze: Gaze | None = None
        self._gui_queue = GuiThreadQueue()
        self.messages = MessageArea(themes)
        view = SlideView(settings)
        self.area = ViewArea(self.messages, view)
        self.setCentralWidget(self.area)
        self._persistence = Persistence(settings, state, self.area, self.messages)
        self.thumbnails = ThumbnailWorker(self)
        self.folder = SlideFolder(self.thumbnails)
        self.scales = ScaleKeeper(self.folder, self.messages)
        self.slides = Slides(self.area, self.folder, self._persistence, self.scales, self.messages)
        self.hud = Hud(view)
        self.overlays = OverlayController(view, self.messages, settings.overlay)
        self.encoders = EncoderMenu(view, self.messages)
        shared = view, self.overlays, self.encoders, self.messages, themes, settings
        self.attention = AttentionController(*shared)
        self.query = SearchController(*shared)
        self.keepers = LayerKeepers(
            view, self.overlays, partial(self.messages.show_message, MessageKind.WARNING)
        )
        self.review = ReviewDesk(view, self.overlays, self.thumbnails, self.slides.open, self.messages, self)
        self.exports = Export(view, self.query, self.attention, self.overlays, self.messages)
        panels = built_in_panels(
            folder=self.folder,
            query=self.query.panel,
            reading=self.review.reading.panel,
            attention=self.attention.controls,
        )
        self.docks = Docks(self, self, themes, panels, self.area)
        self.status = StatusLine(view, themes, self)
        self.setStatusBar(self.status)
        parts = Parts(
            window=self,
            area=self.area,
            persistence=self._persistence,
            slides=self.slides,
            scales=self.scales,
            folder=self.folder,
            docks=self.docks,
            overlays=self.overlays,
            search=self.query,
            review=self.review,
            exports=self.exports,
            hud=self.hud,
            status=self.status,
            messages=self.messages,
            themes=themes,
            logging=logging,
        )
        self.actions_ = ActionSet(self, Commands(parts, set_full_screen=self.set_full_screen))
        self.actions_.set_icons(themes.icon)
        self.start_page = StartPage(
            self.thumbnails,
            [self.actions_["open_slide"], self.actions_["open_folder"]],
            themes.pixmap("foveola", "text", em_px(4)),
        )
        self.area.set_start_page(self.start_page)
        self.recent_menu = RecentMenu(state, self.slides.open, self._forget_recent)
        self.menus = ContextMenus(
            view, self.actions_.__getitem__, self.query, self.overlays, self.exports, self.messages
        )
        self.menus.add_slide_list(
            self.folder.slide_list, remove=self.folder.take_out, removable=lambda: self.folder.is_chosen
        )
        self.menus.add_slide_list(self.start_page.recent_list, remove=self._forget_slide)
        plugins = [
            dock.toggleViewAction() for name, dock in self.docks.items() if name not in self.docks.built_in
        ]
        after = {"open_folder": [self.recent_menu.menuAction()], "show_adjustments": plugins}
        fill_menus(self, self.actions_, after=after)
        self._toolbar = make_toolbar(self.actions_, themes)
        self.addToolBar(self._toolbar)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self._following = Following(
            {
                "message": self._view_message,
                "colour.icc_chosen": lambda on: self._persistence.change("display", icc=on),
                "source_changed": self._source_changed,
                "mpp_changed": self.refresh_actions,
                "sharp_changed": self._sharp_changed,
            },
            # Sent in the middle of a frame; a message that shrinks the canvas would draw another within it.
            queued={"undrawable": self._slide_undrawable, "failed_tiles_changed": self._tiles_failed},
        )
        self._connect()
        self.setAcceptDrops(True)
        self.setWindowTitle(strings.APPLICATION)
        self.setWindowIcon(themes.icon("foveola"))
        self._following.follow(view)
        self.apply_settings(settings)
        self._refresh_recent()
        for problem in filter(None, [state.notice, *self.docks.problems]):
            self.messages.show_message(MessageKind.WARNING, problem, stays=True)

    @property
    def view(self) -> SlideView:
        """The active view."""
        return self.area.active_view

    @property
    def active_view_changed(self) -> SignalInstance:
        return self.area.active_view_changed

    @property
    def settings(self) -> Settings:
        return self._persistence.settings

    @property
    def opener(self) -> SlideOpener:
        return self.slides.opener

    def open_paths(self, places: Sequence[Path | str | Locator]) -> None:
        """Open the first of several files and list the others, or list a folder and open its first slide."""
        self.slides.open_paths(places)

    def open_slide(self, where: Path | str | Locator, *, prepare: Prepare | None = None) -> None:
        """Open a slide; the present one stays until it is open. ``prepare`` makes the file first."""
        self.slides.open(where, prepare=prepare)

    def apply_settings(self, settings: Settings) -> None:
        """Apply settings, and save them where they differ."""
        self._persistence.apply(settings)

    def refresh_actions(self) -> None:
        """Disable actions with an unmet need, and check those that are on."""
        met = self.area.needs_met() | {
            Need.FOLDER: bool(self.folder.entries),
            Need.QUERY: self.query.has_query,
            Need.OVERLAY: self.overlays.active.layers.has_any,
            Need.HITS: self.query.has_hits,
            Need.FOLDED_LEGEND: self.overlays.active.legend.foldable,
            Need.ANALYSIS: self.query.analysing,
            Need.CASE: self.review.reading.is_open,
        }
        locked = dict.fromkeys(ADVICE, self.review.reading.locked)
        self.actions_.refresh([need for need, is_met in met.items() if not is_met], locked)
        on = {
            "dark_theme": self.themes.theme.name == "dark",
            "icc": self.settings.display.icc,
            "full_screen": self.isFullScreen(),
            "hud": self.hud.on,
            "foveated": self.view.canvas.foveated,
            "pause": self.query.paused,
            "coverage_map": self.review.coverage.on,
            "frame_finding": self.review.reading.framing,
        }
        on |= self.overlays.switches | {
            f"show_{name}": not self.docks[name].isHidden() for name in self.docks.built_in
        }
        for name, is_on in on.items():
            self.actions_.set_checked(name, is_on)

    def set_full_screen(self, on: bool) -> None:
        """Show the window over the full screen, without menus and toolbar, or in a frame again."""
        if on == self.isFullScreen():
            return
        self.menuBar().setVisible(not on)
        if on:
            self.showFullScreen()
            key = self.actions_["full_screen"].shortcut().toString()
            self.status.showMessage(strings.LEAVE_FULL_SCREEN.format(key=key), 6000)
        else:
            self.status.clearMessage()
            self.showNormal()
        self._show_toolbar()

    # Structure

    def _connect(self) -> None:
        area, slides = self.area, self.slides
        lay = self.overlays, self.encoders, self.attention, self.query
        for part in (*lay, self.review, self.keepers, self.exports, self.menus, self.hud, self.status):
            area.active_view_changed.connect(part.follow)
        area.active_view_changed.connect(self._follow)
        slides.changed.connect(self._refresh_recent)
        slides.listed.connect(partial(self.docks.show, "folder"))
        slides.list_ended.connect(lambda: self.status.showMessage(strings.NO_FURTHER_SLIDE, 4000))
        slides.images_requested.connect(self.actions_["file_images"].trigger)
        slides.another_slide_requested.connect(self.actions_["open_slide"].trigger)
        slides.another_folder_requested.connect(self.actions_["open_folder"].trigger)
        self.folder.listed.connect(self.refresh_actions)
        self.start_page.chosen.connect(slides.open)
        self.themes.changed.connect(self._theme_changed)
        self._persistence.applied.connect(self._use_settings)
        self.query.answered.connect(self.attention.set_relevance)
        self.query.saved.not_saved.connect(self._persistence.report)
        self.overlays.look_changed.connect(self._persistence.set_overlay)
        for requested, needed_by in (
            (self.query.pixel_size_missing, panel_strings.SEARCH_NEEDS_PIXEL_SIZE),
            (self.attention.pixel_size_missing, panel_strings.ATTENTION_NEEDS_PIXEL_SIZE),
            (self.overlays.maps.pixel_size_missing, panel_strings.MAP_NEEDS_PIXEL_SIZE),
        ):
            requested.connect(partial(self._show_pixel_size_dialog, needed_by))
        self.exports.progressed.connect(self.status.showMessage)
        self.review.noted.connect(lambda text: self.status.showMessage(text, 6000))
        self.review.shown.connect(partial(self.docks.show, "reading"))
        self.review.changed.connect(self._lock_advice)
        for changed in (self.query.changed, self.overlays.changed, self.review.changed):
            changed.connect(self.refresh_actions)
        for chosen in (self.query.settings_chosen, self.attention.settings_chosen):
            chosen.connect(self._use_relevance)
        self.docks["query"].visibilityChanged.connect(self._query_panel_shown)
        for name in ("query", "attention"):  # a panel that was folded away comes back with the room for it
            self.docks[name].visibilityChanged.connect(lambda _visible: self._lock_panels())
        for dock in self.docks.values():
            dock.visibilityChanged.connect(lambda _visible: self.refresh_actions())

    def _follow(self, view: SlideView) -> None:
        self._following.follow(view)
        self._apply_gaze()
        self._source_changed()

    def _use_settings(self, settings: Settings) -> None:
        if settings.gaze != self._gaze:
            self._gaze = settings.gaze
            self._apply_gaze()
        self.themes.set_font_percent(settings.display.font_percent)
        self.themes.choose(settings.display.theme)
        self._apply_surround()
        self.actions_.set_keys(settings.shortcuts)
        for view in self.area.views:
            view.apply_settings(settings)
            view.colour.set_icc(settings.display.icc)
        self.overlays.set_look(settings.overlay)
        self.query.apply_settings(settings)
        self.attention.apply_settings(settings)
        self.encoders.refresh()
        self.refresh_actions()

    def _use_relevance(self, chosen: Settings) -> None:
        """Apply the encoders chosen in search or attention; their other settings may be outdated."""
        self._persistence.apply(dataclasses.replace(self.settings, relevance=chosen.relevance))

    def _lock_advice(self) -> None:
        """End what the program says about the slide, while a reader is not to see it."""
        if self.review.reading.locked:
            self.query.session.clear()
        self._lock_panels()

    def _lock_panels(self) -> None:
        if self.review.reading.locked:
            for name in ("query", "attention"):
                self.docks[name].hide()

    def _theme_changed(self) -> None:
        self.actions_.set_icons(self.themes.icon)
        self._apply_surround()
        self.refresh_actions()

    def _apply_surround(self) -> None:
        colour = self.themes.theme.surround(self.settings.display.surround)
        for view in self.area.views:
            view.colour.set_surround(colour)

    def _view_message(self, text: str) -> None:
        self.messages.show_message(MessageKind.INFORMATION, text)

    def _slide_undrawable(self, reason: str) -> None:
        source, copy = self.view.source, self.actions_["diagnostics"]
        name = strings.THE_SLIDE if source is None else source.info.locator.name
        self.messages.show_message(
            MessageKind.ERROR,
            strings.NOT_DRAWN.format(slide=name, reason=reason),
            buttons={copy.text(): copy.trigger},
        )

    def _tiles_failed(self) -> None:
        self.refresh_actions()
        self.slides.report_failed_tiles()

    def _source_changed(self) -> None:
        source = self.view.source
        name = "" if source is None else source.info.locator.name
        self.setWindowTitle(strings.WINDOW_TITLE.format(slide=name) if name else strings.APPLICATION)
        self._sharp_changed(self.view.sharp)
        self.refresh_actions()

    def _sharp_changed(self, sharp: bool) -> None:
        self.thumbnails.set_paused(self.view.source is not None and not sharp)

    def _show_pixel_size_dialog(self, needed_by: str) -> None:
        if self.view.source is not None and self.view.mpp_um is None:
            show_dialog(self.scales.dialog(self.view, self, needed_by=needed_by), modal=True)

    def _apply_gaze(self) -> None:
        self.area.apply_gaze(self.settings.gaze, self._show_gaze_message)

    def _show_gaze_message(self, text: str) -> None:
        """Show a message from a tracker's thread."""
        self._gui_queue.post(lambda: self._view_message(text))

    def _show_toolbar(self) -> None:
        """Show it where there is room; menus and keys do all that it does."""
        self._toolbar.setVisible(not self.isFullScreen() and self.height() >= em_px(_VERY_LOW_EM))

    def _query_panel_shown(self, visible: bool) -> None:
        if visible:
            self.query.open_panel()

    def _refresh_recent(self) -> None:
        self.start_page.show_recent(self._persistence.state.recent)

    def _forget_slide(self, path: Path) -> None:
        self._persistence.state.forget(path)
        self._persistence.save_state()
        self._refresh_recent()

    def _forget_recent(self) -> None:
        self._persistence.state.forget_all()
        prune(0)
        self._persistence.save_state()
        self._refresh_recent()

    # Qt's events

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw the toolbar smaller in a low window, where the slide needs the height."""
        super().resizeEvent(event)
        side_px = em_px(0.9 if self.height() < em_px(_LOW_EM) else 1.5)
        self._toolbar.setIconSize(QSize(side_px, side_px))
        self._show_toolbar()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            if self.review.reading.locked:
                self.open_paths(paths)
            else:
                self.overlays.maps.take(paths, self.open_paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save settings, state and layout, and end all threads."""
        if self._closed:
            super().closeEvent(event)
            return
        self._closed = True
        try:
            self.docks.folding.unfold()
            self._persistence.close(self)
        finally:
            self._end_work()
        super().closeEvent(event)

    def _end_work(self) -> None:
        self.messages.opening.end()
        self.review.close()
        for dialog in self.findChildren(QDialog):
            dialog.close()
        self.query.stop()  # its workers end while attention's are waited for
        self.attention.close()
        self.overlays.close()
        self.keepers.close()
        self.exports.close()
        self.query.close()
        self.slides.close_work()
        self.thumbnails.close(wait_s=0.5)
        self.scales.close()
        self.folder.close_work(wait_s=0.2)
        self.start_page.close_work()
        self.area.end_gaze()
        self._gui_queue.close()
        for view in self.area.views:
            view.close_slide()
