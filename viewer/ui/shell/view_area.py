"""The middle of the window: messages above, the start page or the slides below.

Slides stand in a splitter; today it holds one view, and other parts ask for ``active_view`` only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QSizePolicy, QSplitter, QStackedWidget, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.shell.start_page import StartPage
    from viewer.ui.widgets.messages import MessageArea


class SlideArea(QWidget):
    """Shows the start page while no view holds a slide."""

    def __init__(
        self, messages: MessageArea, start_page: StartPage, view: SlideView, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._views = [view]
        self._slides = QSplitter()
        self._slides.setChildrenCollapsible(False)
        self._slides.addWidget(view)
        self._start_page = start_page
        self._stack = QStackedWidget()
        self._stack.addWidget(start_page)
        self._stack.addWidget(self._slides)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(messages)
        layout.addWidget(self._stack, 1)
        view.source_changed.connect(self._choose_page)

    @property
    def views(self) -> list[SlideView]:
        return list(self._views)

    @property
    def active_view(self) -> SlideView:
        """The view that actions and panels work on."""
        return self._views[0]

    @property
    def shows_start_page(self) -> bool:
        return self._stack.currentWidget() is self._start_page

    def _choose_page(self) -> None:
        any_slide = any(view.source is not None for view in self._views)
        # A page that is not shown must not ask for room: with a large font the window outgrew the screen.
        policy = QSizePolicy.Policy.Ignored if any_slide else QSizePolicy.Policy.Preferred
        self._start_page.setSizePolicy(policy, policy)
        self._stack.setCurrentWidget(self._slides if any_slide else self._start_page)
        if any_slide:
            self.active_view.setFocus()
