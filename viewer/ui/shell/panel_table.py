"""The table of the window's own panels, and the docks of these and of plugin panels."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from viewer.common.log import logger
from viewer.plugins import plugins
from viewer.ui.panels.adjustments import AdjustmentsPanel
from viewer.ui.panels.navigator import Navigator
from viewer.ui.panels.panel_spec import FollowsView, PanelSpec
from viewer.ui.panels.properties import PropertiesPanel
from viewer.ui.shell import strings
from viewer.ui.widgets.dock_folding import DockFolding, DockSizes
from viewer.ui.widgets.limited_scroll_area import YieldingArea
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QMainWindow

    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.panels.panel_spec import PanelHost
    from viewer.ui.shell.view_area import ViewArea
    from viewer.ui.widgets.theme import ThemeKeeper

log = logger("ui")

PLUGIN_GROUP = "foveola.panels"
_AREAS = {"left": Qt.DockWidgetArea.LeftDockWidgetArea, "right": Qt.DockWidgetArea.RightDockWidgetArea}


def built_in_panels(
    *, folder: QWidget, query: QWidget, reading: QWidget, attention: QWidget
) -> tuple[PanelSpec, ...]:
    """The panels that come with the window, in the order of their docks."""
    titles = strings.PANELS
    return (
        PanelSpec("folder", titles["folder"], "folder", lambda _host: folder, "left"),
        PanelSpec("query", titles["query"], "query", lambda _host: query, "left"),
        PanelSpec("reading", titles["reading"], "reading", lambda _host: reading, "left"),
        PanelSpec("attention", titles["attention"], "attention", lambda _host: attention, "left"),
        PanelSpec("navigator", titles["navigator"], "navigator", _for_view(Navigator), shown=True),
        PanelSpec("properties", titles["properties"], "properties", _for_view(PropertiesPanel), shown=True),
        PanelSpec("adjustments", titles["adjustments"], "adjustments", _for_view(AdjustmentsPanel)),
    )


def _for_view(panel: Callable[[SlideView], QWidget]) -> Callable[[PanelHost], QWidget]:
    return lambda host: panel(host.view)


class Docks(dict[str, QDockWidget]):
    """The docks of a window, by panel id. ``problems``: messages about plugin panels that were not loaded."""

    def __init__(
        self,
        window: QMainWindow,
        host: PanelHost,
        themes: ThemeKeeper,
        built_in: tuple[PanelSpec, ...],
        area: ViewArea,
    ) -> None:
        """``area``: its pages keep their share of the window beside the docks."""
        super().__init__()
        self._window, self._host, self._themes = window, host, themes
        self.folding = DockFolding(window, self, area.pages, area.height_above)
        for spec in built_in:
            self._add(spec)
        self.folding.sizes = DockSizes(
            {"folder": em_px(19), "navigator": em_px(19)}, {"navigator": em_px(13), "properties": em_px(24)}
        )
        self.built_in = frozenset(self)
        found, problems = plugins(PLUGIN_GROUP, PanelSpec)
        self.problems = list(problems)
        for spec in found:
            self._add_plugin(spec)

    def show(self, name: str) -> None:
        """Show a panel, in front of those that it shares its place with."""
        self.folding.bring_to_front(self[name])

    def panel(self, name: str) -> QWidget:
        """The panel in a dock."""
        area = self[name].widget()
        assert isinstance(area, YieldingArea)
        return area.content

    def _add_plugin(self, spec: PanelSpec) -> None:
        if spec.id in self or spec.title in [dock.windowTitle() for dock in self.values()]:
            self.problems.append(strings.PANEL_NAME_TAKEN.format(panel=spec.title))
            return
        try:
            self._themes.icon(spec.icon)
            self._add(spec)
        except Exception as error:  # a plugin may raise anything
            log.exception("the panel %s failed", spec.id)
            self.problems.append(
                strings.PANEL_FAILED.format(panel=spec.title, kind=type(error).__name__, error=error)
            )
            return
        self[spec.id].toggleViewAction().setText(spec.title.replace("&", "&&"))
        self._themes.changed.connect(partial(self._draw_icon, spec))
        self._draw_icon(spec)

    def _draw_icon(self, spec: PanelSpec) -> None:
        self[spec.id].toggleViewAction().setIcon(self._themes.icon(spec.icon))

    def _add(self, spec: PanelSpec) -> None:
        panel = spec.factory(self._host)
        if not isinstance(panel, QWidget):
            raise TypeError(f"its factory returned no widget but {type(panel).__name__}")
        dock = _make_dock(spec, panel, self._themes)
        self._window.addDockWidget(_AREAS[spec.area], dock)
        self[spec.id] = dock
        self.folding.watch(dock)
        dock.setVisible(spec.shown)
        if isinstance(panel, FollowsView):
            self._host.active_view_changed.connect(panel.follow)


class _DockTitle(QWidget):
    """A dock's heading with a close button in the theme's colours; Qt's button is too faint on dark ones."""

    def __init__(self, dock: QDockWidget, title: str, themes: ThemeKeeper) -> None:
        super().__init__(dock)
        self.setObjectName("dock_title")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._themes = themes
        self._close = QToolButton(autoRaise=True)
        hide = strings.HIDE_PANEL.format(panel=title.lower())
        self._close.setToolTip(hide)
        self._close.setAccessibleName(hide)
        self._close.clicked.connect(dock.close)
        self._close.setIconSize(QSize(em_px(0.9), em_px(0.9)))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(em_px(0.5), em_px(0.15), em_px(0.2), em_px(0.15))
        label = QLabel(title)
        label.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )  # no panel is as wide for it
        layout.addWidget(label, 1)
        layout.addWidget(self._close)
        themes.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        self._close.setIcon(self._themes.icon("close"))


def _make_dock(spec: PanelSpec, content: QWidget, themes: ThemeKeeper) -> QDockWidget:
    """A dock around a panel."""
    dock = QDockWidget(spec.title)
    dock.setObjectName(spec.id)
    dock.setAccessibleName(spec.title)
    dock.setWidget(YieldingArea(content))
    dock.setTitleBarWidget(_DockTitle(dock, spec.title, themes))
    return dock
