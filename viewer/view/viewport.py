"""What of a slide is on the screen, and at which magnification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from viewer.slide.geometry import Rect
    from viewer.view.gaze import SlideGaze


@dataclass(frozen=True, slots=True)
class Viewport:
    """Where the reader looks: field of view in level-0 px, point of gaze, and whether the view moves."""

    field: Rect
    gaze: SlideGaze | None
    downsample: float
    moving: bool
