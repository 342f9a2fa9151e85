"""Panels follow the active view: two views with different slides in the real window, the second made here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSlider

from tests.ui.fake_view import ONE_PATCH
from tests.ui.slide_files import write_slide
from viewer.overlay.layer import OverlayLook
from viewer.overlay.legend_entry import LegendEntry
from viewer.render.frame import Adjustment
from viewer.slide.formats.registry import open_slide
from viewer.ui.canvas.slide_view import SlideView
from viewer.ui.panels import strings
from viewer.ui.panels.associated_images import AssociatedImages
from viewer.ui.panels.go_to import GoTo
from viewer.ui.panels.navigator import Navigator
from viewer.ui.widgets.action_spec import Need

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from tests.ui.fake_relevance import FakeClient
    from viewer.ui.shell.main_window import MainWindow

    OpenIn = Callable[[MainWindow, Path], None]


pytestmark = pytest.mark.usefixtures("clients")


@pytest.fixture
def left(window: MainWindow, slide_file: Path, open_in: OpenIn) -> SlideView:
    """The view that the window has, with a slide of 0.5 µm."""
    open_in(window, slide_file)
    return window.view


@pytest.fixture
def right(left: SlideView, window: MainWindow, tmp_path: Path) -> SlideView:
    """A second view beside it, with a slide of 0.25 µm; the left one is active."""
    view = SlideView(window.settings)
    window.area.add_view(view)
    view.set_source(open_slide(write_slide(tmp_path / "other.tif", mpp_um=0.25)))
    left.setFocus()
    assert window.view is left
    return view


def panel(window: MainWindow, name: str) -> Any:
    return window.docks.panel(name)


def file_in(window: MainWindow) -> str:
    """The file that the properties show."""
    return str(panel(window, "properties").text()).split("\n", maxsplit=1)[0]


def brightness(window: MainWindow) -> int:
    sliders = panel(window, "adjustments").findChildren(QSlider)
    return next(
        slider.value() for slider in sliders if slider.accessibleName() == strings.SLIDERS["brightness"]
    )


def test_a_view_with_the_focus_is_the_active_one(
    window: MainWindow, left: SlideView, right: SlideView
) -> None:
    right.setFocus()
    assert window.view is right
    assert window.windowTitle().startswith("other.tif")
    left.setFocus()
    assert window.view is left
    assert not window.windowTitle().startswith("other.tif")


def test_every_panel_shows_the_view_that_became_active(
    qtbot: QtBot, window: MainWindow, left: SlideView, right: SlideView
) -> None:
    left.colour.set_adjustment(Adjustment(brightness=0.3))
    window.hud.set_on(True)
    assert file_in(window) == f"File\t{left.source.info.path.name}"
    assert brightness(window) == 30
    assert window.status.pixel_size.text().startswith("0.5 ")

    window.area.set_active_view(right)
    assert file_in(window) == "File\tother.tif"
    assert brightness(window) == 0
    assert window.status.pixel_size.text().startswith("0.25 ")
    assert window.hud.on
    assert window.hud.parent() is right
    navigator = panel(window, "navigator")
    assert isinstance(navigator, Navigator)
    qtbot.wait_until(lambda: navigator.has_overview)
    before, middle = left.camera.target, (right.camera.target.centre_x, right.camera.target.centre_y)
    right.go_to(10.0, 10.0, downsample=0.1, instant=True)
    qtbot.mouseClick(navigator, Qt.MouseButton.LeftButton)  # in its middle
    assert (right.camera.target.centre_x, right.camera.target.centre_y) == pytest.approx(
        middle, abs=7
    )  # a pixel of it
    assert left.camera.target == before


def test_signals_of_the_view_before_have_no_effect(
    window: MainWindow, left: SlideView, right: SlideView, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.area.set_active_view(right)
    left.set_source(None)
    left.colour.set_adjustment(Adjustment(brightness=-0.5))
    left.cursor_moved.emit((7.0, 7.0))
    left.failed_tiles_changed.emit(3)
    left.build_progress.emit(0.4)
    left.foveated_changed.emit(True)
    assert file_in(window) == "File\tother.tif"
    assert brightness(window) == 0
    assert window.windowTitle().startswith("other.tif")
    assert window.status.building.isHidden()
    assert window.status.foveated.isHidden()
    assert window.status.failed.isHidden()
    assert "7.0" not in window.status.position.text()
    assert window.actions_["fit"].isEnabled()
    assert panel(window, "navigator").message != "No slide is open."
    messages: list[str] = []
    monkeypatch.setattr(window.messages, "show_message", lambda _kind, text, **_how: messages.append(text))
    left.message.emit("of the left")
    right.message.emit("of the right")
    assert messages == ["of the right"]


def test_actions_act_on_the_active_view(window: MainWindow, left: SlideView, right: SlideView) -> None:
    right.set_source(None)
    window.area.set_active_view(right)
    assert not window.actions_["fit"].isEnabled()
    assert Need.SLIDE.value in window.actions_["fit"].toolTip()
    window.area.set_active_view(left)
    before = right.camera.target
    window.actions_["zoom_in"].trigger()
    assert right.camera.target == before
    window.actions_["go_to"].trigger()
    (dialog,) = window.findChildren(GoTo)
    window.area.set_active_view(right)
    assert not dialog.isVisible(), "it would go somewhere on another slide"


def test_images_of_the_slide_before_are_put_away(window: MainWindow, right: SlideView) -> None:
    properties = panel(window, "properties")
    properties.show_associated()
    (dialog,) = properties.findChildren(AssociatedImages)
    assert dialog.isVisible()
    window.area.set_active_view(right)
    assert not dialog.isVisible()


def test_each_view_has_a_search_of_its_own(
    qtbot: QtBot, window: MainWindow, left: SlideView, right: SlideView, clients: list[FakeClient]
) -> None:
    window.actions_["find"].trigger()
    window.query.session.ask("fat")
    with qtbot.wait_signal(window.query.session.hits_changed):
        clients[0].publish(1)
    window.actions_["next_hit"].trigger()
    assert len(window.query.panel.hits.hits.rows) == 1
    assert [shown.name for shown in left.overlays.drawn] == ["query"]

    window.area.set_active_view(right)
    assert window.query.panel.hits.hits.rows == []
    assert window.query.panel.box.text() == ""
    assert not window.actions_["why"].isEnabled()
    assert not window.actions_["overlay"].isEnabled()
    assert right.overlays.drawn == ()
    assert [shown.name for shown in left.overlays.drawn] == ["query"], "it stands over its slide"
    assert "fat" in window.overlays.of(left).legend.text
    assert window.overlays.active.legend.text == ""
    window.overlays.of(left).fields.show_field(None, "")
    assert left.overlays.drawn == ()

    before = left.camera.target
    window.query.session.ask("blood")
    (client,) = (one for one in clients[1:] if one.queries)
    with qtbot.wait_signal(window.query.session.hits_changed):
        client.publish(1)
    window.actions_["next_hit"].trigger()
    assert left.camera.target == before
    window.area.set_active_view(left)
    assert window.query.panel.box.text() == "fat"
    listed = [row.hit for row in window.query.panel.hits.hits.rows]
    assert listed == list(window.query.session.hits), "though a place of the other slide was marked"


def test_each_view_has_an_attention_of_its_own(
    qtbot: QtBot, window: MainWindow, left: SlideView, right: SlideView, clients: list[FakeClient]
) -> None:
    controls = window.attention.controls
    window.encoders.refresh()
    controls.mode.setCurrentIndex(1)
    controls.shown.setChecked(True)
    with qtbot.wait_signal(window.attention.session.layer_made):
        clients[-1].attend()
    assert [shown.name for shown in left.overlays.drawn] == ["attention"]

    window.area.set_active_view(right)
    assert not controls.shown.isChecked()
    assert controls.bar.isHidden()
    assert right.overlays.drawn == ()
    controls.mode.setCurrentIndex(0)
    assert len(clients) == 1
    assert left.overlays.drawn[0].look.hierarchy.mode == "blend"

    window.area.set_active_view(left)
    assert controls.shown.isChecked()
    assert controls.choice is not None
    assert controls.choice.mode == "blend"
    controls.shown.setChecked(False)
    assert left.overlays.drawn == ()


def test_a_layer_goes_with_its_own_producer_only(window: MainWindow, left: SlideView) -> None:
    on_view = window.overlays.active
    for name in ("attention", "review"):
        entry = LegendEntry(f"Of {name}", ((0, 0, 0), (9, 9, 9)), 0.0, "facts")
        on_view.layers.put(name, ONE_PATCH, OverlayLook(), entry)
    window.query.session.ask("fat")
    window.query.session.clear()
    assert "Of attention" in on_view.legend.text
    on_view.layers.remove("attention")
    assert on_view.legend.text.startswith("Of review")
    assert [shown.name for shown in left.overlays.drawn] == ["review"]


def test_both_views_are_saved_and_closed(
    window: MainWindow, left: SlideView, right: SlideView, clients: list[FakeClient]
) -> None:
    window.query.session.ask("fat")
    window.area.set_active_view(right)
    window.query.session.ask("fat")
    window.close()
    assert [client.closed for client in clients] == [True, True]
    assert left.source is None
    assert right.source is None
