"""Panels of other installed packages are in the window; one that fails is left out alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QLabel

from tests.messages import pattern
from viewer.plugins import plugins
from viewer.ui.canvas.slide_view import SlideView
from viewer.ui.shell import strings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]

TOY = """
from PySide6.QtWidgets import QLabel
from viewer.ui.panels.panel_spec import PanelSpec

class Toy(QLabel):
    def __init__(self, host):
        super().__init__()
        self.follow(host.view)

    def follow(self, slide_view):
        self.setText("no slide" if slide_view.source is None else slide_view.source.info.path.name)

TOY = PanelSpec("toy", "Toy", "navigator", Toy, "left", shown=True)
BROKEN = PanelSpec("broken", "Broken", "navigator", lambda host: 1 / 0)
SECOND = PanelSpec("query", "Another query", "navigator", Toy)
"""
ENTRY_POINTS = """[foveola.panels]
broken = toy_panel:BROKEN
missing = toy_panel:NOT_THERE
second = toy_panel:SECOND
toy = toy_panel:TOY
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package as pip leaves it: a module, and metadata that name its entry points."""
    site = tmp_path / "site"
    metadata = site / "toy_panel-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "toy_panel.py").write_text(TOY)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-panel\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(site))
    plugins.cache_clear()
    yield
    plugins.cache_clear()


@pytest.mark.usefixtures("installed")
def test_an_installed_panel_is_in_the_window_and_follows_the_active_view(
    make_window: Callable[[], MainWindow], slide_file: Path, open_in: OpenIn
) -> None:
    window = make_window()
    dock = window.docks["toy"]
    assert dock.isVisible()
    toy = window.docks.panel("toy")
    assert isinstance(toy, QLabel)
    assert toy.text() == "no slide"
    open_in(window, slide_file)
    first, other = window.view, SlideView(window.settings)
    window.area.add_view(other)
    window.area.set_active_view(other)
    window.area.set_active_view(first)
    assert toy.text() == slide_file.name
    view_menu = next(menu for menu in window.menuBar().actions() if menu.text() == "&View").menu()
    (switch,) = (action for action in view_menu.actions() if action.text() == "Toy")
    switch.trigger()
    assert dock.isHidden()


@pytest.mark.usefixtures("installed")
def test_panels_that_fail_are_reported_and_left_out(make_window: Callable[[], MainWindow]) -> None:
    window = make_window()
    assert set(window.docks) == {
        "folder",
        "query",
        "reading",
        "attention",
        "navigator",
        "properties",
        "adjustments",
        "toy",
    }
    messages = "\n".join(bar.text for bar in window.messages.messages)
    assert re.search(pattern(strings.PANEL_FAILED, panel="Broken", kind="ZeroDivisionError"), messages)
    assert strings.PANEL_NAME_TAKEN.format(panel="Another query") in messages
    assert "missing of toy-panel could not be loaded" in messages
