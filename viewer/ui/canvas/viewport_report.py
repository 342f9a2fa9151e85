"""What a relevance worker is told of where the reader looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.view.camera import field_of_view

if TYPE_CHECKING:
    from viewer.relevance.worker.client import RelevanceClient
    from viewer.ui.canvas.slide_view import SlideView

LOOK_INTERVAL_MS = 100
"""So often at most, while the view moves."""


def send_viewport(client: RelevanceClient, slide_view: SlideView) -> bool:
    """Whether the view moves: the worker rests meanwhile, and must hear when it no longer does."""
    if slide_view.source is None:
        return False
    camera = slide_view.camera
    field = field_of_view(camera.view, slide_view.canvas.size_px, camera.aspect)
    gaze = slide_view.canvas.gaze_on_slide
    moving = camera.moving or slide_view.canvas.hand.holding  # a hand that drags may hold still in between
    client.look(field, gaze, camera.view.downsample, moving=moving)
    return moving
