"""The tissue under layers is found once there is a layer, for the slide that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QCoreApplication, QThreadPool

from tests.ui.fake_view import SLIDE_HEIGHT, SLIDE_WIDTH
from viewer.ui.overlays.tissue_reader import TissueReader

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.ui.fake_view import FakeSlideView


def test_it_is_found_where_requested_and_once(qtbot: QtBot, open_view: FakeSlideView) -> None:
    reader = TissueReader(open_view)  # type: ignore[arg-type]  # its interface
    assert open_view.overlays.tissue is None
    reader.request()
    qtbot.wait_until(lambda: open_view.overlays.tissue is not None)
    found = open_view.overlays.tissue
    assert found is not None
    assert found.slide_px == (SLIDE_WIDTH, SLIDE_HEIGHT)
    assert found.shade.dtype == np.uint8
    open_view.overlays.tissue = None
    reader.request()
    open_view.set_mpp_um((0.25, 0.25))
    reader.request()
    qtbot.wait_until(lambda: open_view.overlays.tissue is not None)


def test_it_waits_until_the_levels_are_built(qtbot: QtBot, open_view: FakeSlideView) -> None:
    reader = TissueReader(open_view)  # type: ignore[arg-type]
    open_view.levels_built = 0.5
    open_view.build_progress.emit(0.5)
    reader.request()
    open_view.levels_built = 1.0
    open_view.build_progress.emit(1.0)
    qtbot.wait_until(lambda: open_view.overlays.tissue is not None)


def test_that_of_a_slide_no_longer_shown_is_dropped(open_view: FakeSlideView) -> None:
    reader = TissueReader(open_view)  # type: ignore[arg-type]
    reader.request()
    open_view.show_source(None)
    reader.request()
    QThreadPool.globalInstance().waitForDone()
    QCoreApplication.processEvents()
    assert open_view.overlays.tissue is None
