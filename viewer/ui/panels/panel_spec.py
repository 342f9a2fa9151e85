"""What a panel of the window is: its id, title, icon, factory and area.

Other packages register theirs in the entry point group ``foveola.panels``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import SignalInstance
    from PySide6.QtWidgets import QWidget

    from viewer.common.settings import Settings
    from viewer.ui.canvas.slide_view import SlideView


class PanelHost(Protocol):
    """The part of the window that a panel may use."""

    @property
    def view(self) -> SlideView:
        """The active view, which actions and panels work on; always one, with a slide or without."""

    @property
    def active_view_changed(self) -> SignalInstance:
        """Another view became active: a SlideView."""

    @property
    def settings(self) -> Settings:
        """The settings in force."""


@runtime_checkable
class FollowsView(Protocol):
    """A panel with this method, which is called with every view that becomes active."""

    def follow(self, slide_view: SlideView) -> None:
        """Show this view from now on, and follow no other."""


@dataclass(frozen=True, slots=True)
class PanelSpec:
    """One panel. ``icon``: a file of ``resources/icons``. ``shown``: whether it is visible at first start.

    ``id`` and ``title`` are unique among all panels; a saved arrangement refers to the id.
    """

    id: str
    title: str
    icon: str
    factory: Callable[[PanelHost], QWidget]
    area: Literal["left", "right"] = "right"
    shown: bool = False
