"""A slide view's session with a relevance worker, which gets the view's viewport and gaze."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.relevance.worker.session import Session
from viewer.ui.widgets.throttle import Throttle
from viewer.view.camera import field_of_view

if TYPE_CHECKING:
    from viewer.relevance.worker.client import RelevanceClient
    from viewer.relevance.worker.session import MakeClient, SessionCallbacks
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.widgets.gui_thread import GuiThreadQueue

VIEWPORT_INTERVAL_MS = 100
"""The shortest time between two reports while the view moves."""


def session_of(
    slide_view: SlideView,
    outbox: GuiThreadQueue,
    callbacks: SessionCallbacks,
    make_client: MakeClient | None = None,
) -> Session:
    """A session that follows what the view shows. Callbacks run in the GUI thread until ``outbox`` closes."""

    def viewport_due() -> None:
        session.viewport_due()

    throttle = Throttle(slide_view, viewport_due, VIEWPORT_INTERVAL_MS)
    session = Session(
        slide_view,
        callbacks,
        post=outbox.post,
        send_viewport=lambda client: send_viewport(client, slide_view),
        schedule_viewport=throttle.request,
        make_client=make_client,
    )
    slide_view.view_changed.connect(throttle.request)
    return session


def send_viewport(client: RelevanceClient, slide_view: SlideView) -> bool:
    """Send the worker the field of view and the gaze. Returns whether the view moves: the worker pauses
    meanwhile, so another report must follow."""
    if slide_view.source is None:
        return False
    camera = slide_view.camera
    field = field_of_view(camera.view, slide_view.canvas.size_px, camera.aspect)
    gaze = slide_view.canvas.gaze_on_slide
    moving = camera.moving or slide_view.canvas.hand.holding  # a hand that drags may hold still in between
    client.set_viewport(field, gaze, camera.view.downsample, moving=moving)
    return moving
