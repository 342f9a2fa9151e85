"""What one action of the reader is, and what it needs to make sense."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Need(Enum):
    """What must be there for an action to make sense; the value is the reason told while it is not."""

    NOTHING = ""
    SLIDE = "Open a slide first."
    MAGNIFICATION = (
        "The magnification is unknown: this file states neither pixel size nor objective. "
        "Tools › Set pixel size… makes it known."
    )
    FOLDER = "Open a folder of slides first."
    ASSOCIATED_IMAGES = "This slide has no label or macro image."
    COLOUR_PROFILE = "This slide carries no colour profile."
    UNKNOWN_PIXEL_SIZE = "The file itself states the pixel size."
    FAILED_TILES = "No tile of this slide has failed."
    QUERY = "Ask for something first: Find › Find in slide…"
    OVERLAY = "Nothing lies over the slide yet: Find › Find in slide…, or View › Attention."
    HITS = "The query has found no place yet."
    ANALYSIS = "No analysis is running."


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpec:
    """One thing the reader can do.

    ``keys`` are the usual ones, the first of which is shown. ``handler`` is a method of the window's
    commands, ``icon`` a file of ``resources/icons``. ``argument`` is given to the handler; a ``checkable``
    action gives its new state after it.
    """

    id: str
    menu: str
    text: str
    tooltip: str
    keys: tuple[str, ...]
    icon: str
    handler: str
    need: Need
    argument: float | str | None
    checkable: bool
    starts_section: bool

    @property
    def name(self) -> str:
        """The text without the dots that announce a dialog: what assistive technology reads out."""
        return self.text.rstrip("…")


def action_spec(
    menu: str,
    action_id: str,
    text: str,
    tooltip: str,
    *keys: str,
    icon: str = "",
    handler: str = "",
    need: Need = Need.SLIDE,
    argument: float | str | None = None,
    checkable: bool = False,
    section: bool = False,
) -> ActionSpec:
    """A row, with what most rows have in common filled in."""
    return ActionSpec(
        id=action_id,
        menu=menu,
        text=text,
        tooltip=tooltip,
        keys=keys,
        icon=icon or action_id,
        handler=handler or action_id,
        need=need,
        argument=argument,
        checkable=checkable,
        starts_section=section,
    )
