"""One action: its texts, keys, handler, and the condition under which it is available; rows of one kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Need(Enum):
    """A condition for an action; the value is the reason shown while it is not met."""

    NOTHING = ""
    SLIDE = "Open a slide first."
    MAGNIFICATION = (
        "The magnification is unknown: this file states neither pixel size nor objective. "
        "Enter it with Tools › Set pixel size…"
    )
    FOLDER = "Open a folder of slides first."
    FILE_IMAGES = "This file holds no other image."
    ASSOCIATED_IMAGES = "This slide has no label or macro image."
    COLOUR_PROFILE = "This slide has no colour profile."
    FAILED_TILES = "No tile of this slide has failed."
    QUERY = "Enter a query first: Find › Find in slide…"
    OVERLAY = "There is no overlay yet: Find › Find in slide…, or View › Attention."
    HITS = "The query has not found any place yet."
    FOLDED_LEGEND = "The legend has room, or nothing lies over the slide."
    ANALYSIS = "No analysis is running."
    CASE = "Open a case first: Review › Worklist…"
    FINDINGS = "No finding is shown yet."


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpec:
    """A row of the action table.

    ``keys`` are the default ones; tooltips show the first. ``handler`` is a method of ``Commands``, ``icon``
    a file of ``resources/icons``. ``argument`` is passed to the handler; a ``checkable`` action passes its
    new state after it.
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
        """The text without the ellipsis of actions that open a dialog; the accessible name."""
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
    """A row, with defaults for what most rows share."""
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


def preset_action(key: str, power: float) -> ActionSpec:
    """Show the slide as through an objective of this power."""
    return action_spec(
        "View",
        f"magnification_{power:g}x",
        f"{power:g}x",
        f"Show the slide as through a {power:g}x objective",
        key,
        icon="magnification",
        handler="set_magnification",
        need=Need.MAGNIFICATION,
        argument=power,
        section=key == "1",
    )


def turn_action(action_id: str, text: str, degrees: float, *keys: str, section: bool = False) -> ActionSpec:
    """Turn the slide."""
    direction = "clockwise" if degrees > 0 else "anticlockwise"
    return action_spec(
        "View",
        action_id,
        text,
        f"Turn the slide {direction} by {abs(degrees):g}°",
        *keys,
        icon="rotate_right" if degrees > 0 else "rotate_left",
        handler="rotate_by",
        argument=degrees,
        section=section,
    )


def panel_action(panel: str, text: str, tooltip: str, *keys: str, section: bool = False) -> ActionSpec:
    """Show or hide a panel."""
    return action_spec(
        "View",
        f"show_{panel}",
        text,
        f"Show or hide {tooltip}",
        *keys,
        icon=panel,
        handler="show_panel",
        need=Need.NOTHING,
        argument=panel,
        checkable=True,
        section=section,
    )
