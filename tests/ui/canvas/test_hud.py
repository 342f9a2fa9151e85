"""The HUD shows the engine's figures, and tile borders with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.ui.canvas.frame_stats import FrameStats
from viewer.ui.canvas.hud import Hud, hud_lines

if TYPE_CHECKING:
    from typing import Any

    from PySide6.QtGui import QImage
    from pytestqt.qtbot import QtBot


def test_every_figure_is_in_a_line() -> None:
    stats = FrameStats(
        fps=58.7, frame_ms_last=4.25, frame_ms_p50=5.1, frame_ms_p95=9.9, level=2, levels_count=5,
        visible_tiles=31, missing_tiles=7, queue_length=11, in_flight=3, cpu_cache_bytes=300 << 20,
        cpu_cache_tiles=412, gpu_tiles=222, gpu_capacity=512, uploads_last_frame=6, failed_tiles=1,
        compute_device="NVIDIA GeForce RTX 4090 Laptop GPU",
    )  # fmt: skip
    lines = hud_lines(stats)
    figures = [
        ("2", "4"), ("31", "7"), ("11", "3"), ("6",), ("412", "300"),
        ("222", "512"), ("1",), ("4.2", "59"), ("5.1", "9.9"), ("4090",),
    ]  # fmt: skip
    for line, expected in zip(lines, figures, strict=True):
        assert set(expected) <= set(re.findall(r"\b\d+(?:\.\d+)?\b", line))
    assert "GeForce RTX 4090 Laptop" in lines[-1]
    assert max(map(len, lines)) <= 36


def test_it_goes_on_and_off_with_the_tile_borders(qtbot: QtBot, open_view: Any) -> None:
    hud = Hud(open_view)
    open_view.show()
    qtbot.waitExposed(open_view)
    assert not hud.isVisible()
    hud.set_on(True)
    hud.set_on(True)
    assert hud.isVisible()
    hud.set_on(False)
    assert not hud.isVisible()
    assert open_view.calls == [("set_debug", True), ("set_debug", False)]


def test_it_follows_the_frames_only_while_it_is_on(qtbot: QtBot, open_view: Any) -> None:
    def draw_frames(count: int, **figures: Any) -> None:
        open_view.frame_stats = FrameStats(**figures)
        for _ in range(count):
            open_view.frame_drawn.emit()

    def picture() -> QImage:
        return hud.grab().toImage()

    def pictures(**figures: Any) -> tuple[QImage, QImage]:
        """As it is put on with these figures, and with a whole curve of them."""
        draw_frames(0, **figures)
        hud.set_on(True)
        bare = picture()
        draw_frames(120, **figures)
        drawn = picture()
        hud.set_on(False)
        return bare, drawn

    slow = {"frame_ms_last": 30.0, "visible_tiles": 5}
    quick = {"frame_ms_last": 1.0, "visible_tiles": 77}
    hud = Hud(open_view)
    open_view.show()
    _, all_slow = pictures(**slow)
    bare, all_quick = pictures(**quick)
    assert all_quick not in (bare, all_slow)
    hud.set_on(True)
    draw_frames(120, **slow)
    qtbot.waitUntil(lambda: picture() == all_slow)
    draw_frames(200, **quick)
    qtbot.waitUntil(lambda: picture() == all_quick)
    hud.set_on(False)
    draw_frames(10, **quick)
    hud.set_on(True)
    assert picture() == bare


def test_the_mouse_goes_through_it(open_view: Any) -> None:
    hud = Hud(open_view)
    assert hud.testAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    assert hud.focusPolicy() == Qt.FocusPolicy.NoFocus
    assert hud.accessibleName()
