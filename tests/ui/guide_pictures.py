"""Makes the guide's pictures: operates the window on the demo slide and captures the screen.

Run: make pictures. The slide, its seed, the places and the screen are fixed; the window opens on a virtual
display with folders of its own. Pictures are reduced to few colours, so that the guide stays small.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QPixmap
    from PySide6.QtWidgets import QApplication, QWidget

    from viewer.ui.overlays.analysis_bar import AnalysisBar
    from viewer.ui.shell.main_window import MainWindow

PICTURES = Path(__file__).parents[2] / "resources" / "guide" / "pictures"
SCREEN_PX = 1180, 760
COLOURS = 192, 128, 96, 64, 48
MOST_BYTES = 300_000
"""With the first number of colours that stays below."""
TIMEOUT_S = 300.0
SETTLE_S = 1.0
"""So long the view stays sharp before a picture: panels and the status line repaint later than the slide."""
QUERY = "lymphocytes"
READER = "A. Reader"
MARKED_PX = 6000.0, 7000.0
"""The place that the reader of the demo case marks."""
READERS_HOME = "~/foveola"
"""Paths in the pictures begin as those of a reader do; it is a folder named "~" in a temporary one."""


def main() -> None:
    from viewer.common.settings import Settings
    from viewer.ui.shell.app import application
    from viewer.ui.shell.display import VirtualDisplay

    PICTURES.mkdir(parents=True, exist_ok=True)
    settings = Settings.default().replace("display", theme="light")
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        os.environ["FOVEOLA_HOME"] = READERS_HOME
        with VirtualDisplay(*SCREEN_PX), application(settings) as (app, window):
            window.setGeometry(app.primaryScreen().geometry())
            PictureMaker(app, window).all()


class PictureMaker:
    """Brings the window into each state and saves its picture."""

    def __init__(self, app: QApplication, window: MainWindow) -> None:
        self._app, self._window = app, window

    def all(self) -> None:
        from viewer.ui.shell.demo import open_demo

        open_demo(self._window)
        self._wait(lambda: self._window.view.source is not None, "making the demo slide")
        self._trigger("show_properties", "show_adjustments")
        self._take("window")
        self._trigger("show_navigator", "show_adjustments")
        self._ask()
        self._attend()
        self._read_case()
        self._trigger("keyboard")
        self._settle()
        self._save(self._app.activeWindow().grab(), "keyboard")

    def _ask(self) -> None:
        from viewer.ui.search.query_box import QueryBox
        from viewer.ui.search.query_panel import QueryPanel

        self._trigger("find")
        self._one(QueryBox).ask(QUERY)
        self._analysed(self._one(QueryPanel).bar)
        self._take("query")
        self._trigger("next_hit")
        self._settle()
        self._trigger("why")
        self._take("why")
        self._one(QueryBox).ask("")
        self._trigger("show_query")

    def _attend(self) -> None:
        from viewer.ui.overlays.attention_panel import AttentionControls

        self._trigger("show_attention", "dark_theme")
        panel = self._one(AttentionControls)
        panel.shown.setChecked(True)
        self._analysed(panel.bar)
        self._trigger("fit")
        self._take("attention")
        panel.shown.setChecked(False)
        self._trigger("show_attention", "dark_theme")

    def _read_case(self) -> None:
        """A blinded reading of the demo slide as far as the signature."""
        from viewer.review.reading.kinds import Mode
        from viewer.ui.shell.demo import demo_slide
        from viewer.ui.shell.strings import DEMO_TITLE

        desk = self._window.review
        desk.offer_case(DEMO_TITLE, demo_slide())
        assert desk.list is not None
        desk.list.reader.setText(READER)
        self._settle()
        self._save(desk.list.grab(), "worklist")
        desk.open_case(desk.list.shown[0].id, READER, Mode.BLINDED_FIRST)
        self._wait(lambda: desk.reading.slides.slide_id is not None, "opening the case")
        self._window.view.go_to(*MARKED_PX, downsample=16.0, instant=True)
        self._settle()
        desk.reading.panel.findings.choose_label(2)
        desk.reading.mark_here()
        desk.reading.panel.opinion.choose("abnormal", "yes")
        desk.reading.panel.opinion.choose("category", "inflammation")
        self._take("opinion")
        desk.reading.panel.opinion.record.click()
        self._wait(lambda: desk.second_reader.waiting == 0, "the second reader")
        desk.reading.panel.opinion.reveal.click()
        self._window.view.zoom_to(16.0)
        self._take("findings")
        self._trigger("fit", "sign")
        self._take("sign")
        self._trigger("close_case", "show_reading")

    def _trigger(self, *actions: str) -> None:
        for action in actions:
            self._window.actions_[action].trigger()

    def _one(self, kind: type[QWidget]) -> QWidget:
        (found,) = self._window.findChildren(kind)
        return found

    def _analysed(self, bar: AnalysisBar) -> None:
        """Wait until all is analysed. One that never begins, or ends before, is said in its bar's words."""
        from viewer.ui.overlays.analysis_bar import ALL_ANALYSED

        self._wait(lambda: ALL_ANALYSED in bar.words, "an analysis", lambda: bar.words)

    def _take(self, name: str) -> None:
        self._settle()
        self._save(self._app.primaryScreen().grabWindow(0), name)

    def _save(self, picture: QPixmap, name: str) -> None:
        """Save with few colours and without metadata."""
        path = PICTURES / f"{name}.png"
        picture.save(str(path))
        with Image.open(BytesIO(path.read_bytes())) as full:
            pixels = full.convert("RGB")
        for colours in COLOURS:
            pixels.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
            if path.stat().st_size < MOST_BYTES:
                break
        sys.stdout.write(f"{path.name}: {path.stat().st_size:,} bytes\n")

    def _settle(self) -> None:
        """Wait until the view is sharp and the panels have painted."""
        view, sharp_since = self._window.view, time.monotonic()

        def settled() -> bool:
            nonlocal sharp_since
            if view.source is not None and not view.sharp:
                sharp_since = time.monotonic()
            return time.monotonic() - sharp_since > SETTLE_S

        self._wait(settled, "a sharp view", lambda: self._window.status.sharp.text)

    def _wait(self, until: Callable[[], bool], what: str, words: Callable[[], str] = str) -> None:
        """Let the window work; ``words``: what it says of that which is waited for."""
        deadline = time.monotonic() + TIMEOUT_S
        while not until():
            if time.monotonic() > deadline:
                said = [*filter(None, [words()]), *(bar.text for bar in self._window.messages.messages)]
                sys.exit(f"no pictures: {what} took more than {TIMEOUT_S:.0f} s. {' '.join(said)}".rstrip())
            self._app.processEvents()
            time.sleep(0.005)


if __name__ == "__main__":
    main()
