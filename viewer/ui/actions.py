"""The one table of what the reader can do, and the Qt actions made from it.

Menus, toolbar, shortcut sheet and the shortcut editor are all built from ``ACTIONS``. A handler is the name of
a method of the window's commands; an action whose need is not met is greyed and its tooltip says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from PySide6.QtCore import QObject
    from PySide6.QtGui import QIcon

MENUS = ("File", "View", "Go", "Tools", "Help")


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


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One thing the reader can do.

    ``shortcuts`` are the usual keys, the first of which is shown. ``argument`` is given to the handler; a
    ``checkable`` action gives its new state instead.
    """

    id: str
    menu: str
    text: str
    tooltip: str
    shortcuts: tuple[str, ...]
    icon: str
    handler: str
    need: Need = Need.SLIDE
    argument: float | None = None
    checkable: bool = False
    starts_section: bool = False


def _preset(key: str, power: float) -> ActionSpec:
    return ActionSpec(
        id=f"magnification_{power:g}x",
        menu="View",
        text=f"{power:g}x",
        tooltip=f"Show the slide as through a {power:g}x objective",
        shortcuts=(key,),
        icon="magnification",
        handler="set_magnification",
        need=Need.MAGNIFICATION,
        argument=power,
        starts_section=key == "1",
    )


PRESETS = tuple(
    _preset(key, power) for key, power in zip("123456", (1.25, 2.5, 5.0, 10.0, 20.0, 40.0), strict=True)
)

# fmt: off
ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("open", "File", "Open slide…", "Open a slide or image", ("Ctrl+O",), "open", "open_slide", Need.NOTHING),
    ActionSpec("open_folder", "File", "Open folder…", "List the slides of a folder", ("Ctrl+Shift+O",), "folder",
               "open_folder", Need.NOTHING),
    ActionSpec("close_slide", "File", "Close slide", "Close the slide; the view is kept for next time", ("Ctrl+W",),
               "close", "close_slide"),
    ActionSpec("save_view", "File", "Save view as PNG…", "Save what is in view as a picture, with a scale bar in its margin",
               ("Ctrl+S",), "save", "save_view", starts_section=True),
    ActionSpec("copy_view", "File", "Copy view", "Copy what is in view as a picture, with a scale bar in its margin",
               ("Ctrl+C",), "copy", "copy_view"),
    ActionSpec("preferences", "File", "Preferences…", "Caches, theme, screen, mouse and shortcuts", ("Ctrl+,",), "settings",
               "show_preferences", Need.NOTHING, starts_section=True),
    ActionSpec("quit", "File", "Quit", "Close Foveola", ("Ctrl+Q",), "quit", "quit", Need.NOTHING, starts_section=True),

    ActionSpec("fit", "View", "Fit", "Show the whole slide", ("F", "Home"), "fit", "fit"),
    ActionSpec("one_to_one", "View", "1:1", "Show one slide pixel on one screen pixel", ("0",), "one_to_one", "one_to_one"),
    ActionSpec("zoom_in", "View", "Zoom in", "Magnify about the middle of the view", ("+", "="), "zoom_in", "zoom_by",
               argument=2**0.5),
    ActionSpec("zoom_out", "View", "Zoom out", "Step back from the middle of the view", ("-",), "zoom_out", "zoom_by",
               argument=2**-0.5),
    *PRESETS,
    ActionSpec("rotate_right", "View", "Rotate right", "Turn the slide clockwise by 15°", ("R",), "rotate_right",
               "rotate_by", argument=15.0, starts_section=True),
    ActionSpec("rotate_left", "View", "Rotate left", "Turn the slide anticlockwise by 15°", ("Shift+R",), "rotate_left",
               "rotate_by", argument=-15.0),
    ActionSpec("quarter_right", "View", "Quarter turn right", "Turn the slide clockwise by 90°", ("]",), "rotate_right",
               "rotate_by", argument=90.0),
    ActionSpec("quarter_left", "View", "Quarter turn left", "Turn the slide anticlockwise by 90°", ("[",), "rotate_left",
               "rotate_by", argument=-90.0),
    ActionSpec("upright", "View", "Upright", "Undo all turning", ("U",), "upright", "upright"),
    ActionSpec("show_folder", "View", "Slides", "Show or hide the list of slides", ("B",), "folder", "show_folder",
               Need.NOTHING, checkable=True, starts_section=True),
    ActionSpec("show_navigator", "View", "Navigator", "Show or hide the overview of the slide", ("N",), "navigator",
               "show_navigator", Need.NOTHING, checkable=True),
    ActionSpec("show_properties", "View", "Properties", "Show or hide the facts about the slide", ("I",), "properties",
               "show_properties", Need.NOTHING, checkable=True),
    ActionSpec("show_adjustments", "View", "Adjustments", "Show or hide brightness, contrast, gamma and colour profile",
               ("A",), "adjustments", "show_adjustments", Need.NOTHING, checkable=True),
    ActionSpec("show_scale_bar", "View", "Scale bar", "Show or hide the scale bar in the view", ("S",), "scale_bar",
               "show_scale_bar", Need.NOTHING, checkable=True),
    ActionSpec("show_label", "View", "Label and macro image…",
               "Show the label and macro image; they may carry the patient's name", ("L",), "label", "show_label",
               Need.ASSOCIATED_IMAGES, starts_section=True),
    ActionSpec("full_screen", "View", "Full screen", "Fill the screen with the window", ("F11",), "full_screen",
               "full_screen", Need.NOTHING, checkable=True, starts_section=True),
    ActionSpec("dark_theme", "View", "Dark theme", "Switch between the dark and the light theme", ("Ctrl+T",), "theme",
               "dark_theme", Need.NOTHING, checkable=True),

    ActionSpec("go_to", "Go", "Go to…", "Go to coordinates in pixels or micrometres", ("G",), "go_to", "go_to"),
    ActionSpec("previous_slide", "Go", "Previous slide", "Open the slide before this one in the folder", ("PgUp",),
               "previous", "step_slide", Need.FOLDER, argument=-1, starts_section=True),
    ActionSpec("next_slide", "Go", "Next slide", "Open the slide after this one in the folder", ("PgDown",), "next",
               "step_slide", Need.FOLDER, argument=1),

    ActionSpec("set_pixel_size", "Tools", "Set pixel size…", "Say how large a pixel is where the file does not", ("P",),
               "pixel_size", "set_pixel_size", Need.UNKNOWN_PIXEL_SIZE),
    ActionSpec("colour_profile", "Tools", "Colour profile", "Apply the slide's ICC colour profile", ("C",), "icc", "set_icc",
               Need.COLOUR_PROFILE, checkable=True),
    ActionSpec("retry_tiles", "Tools", "Read failed tiles again", "Read those tiles again that could not be read", ("F5",),
               "retry", "retry_tiles", Need.FAILED_TILES),
    ActionSpec("show_hud", "Tools", "Engine display", "Show tile borders, levels, queue, caches and frame times",
               ("H", "F2"), "hud", "show_hud", Need.NOTHING, checkable=True, starts_section=True),
    ActionSpec("copy_diagnostics", "Tools", "Copy diagnostics",
               "Copy versions, settings and the last log lines, for a report", ("Ctrl+Shift+D",), "diagnostics",
               "copy_diagnostics", Need.NOTHING),

    ActionSpec("shortcut_sheet", "Help", "Keys and mouse…", "Show all keys and what the mouse does", ("F1",), "keyboard",
               "show_shortcuts", Need.NOTHING),
    ActionSpec("about", "Help", "About Foveola…", "Version, licence and what it may be used for", ("Shift+F1",), "about",
               "show_about", Need.NOTHING),
)
# fmt: on

TOOLBAR: tuple[str | None, ...] = (
    "open", "show_folder", "previous_slide", "next_slide", None,
    "fit", "one_to_one", "zoom_out", "zoom_in", None,
    *(preset.id for preset in PRESETS), None,
    "rotate_left", "rotate_right", "upright", None,
    "go_to", "copy_view", "save_view", None,
    "show_navigator", "show_properties", "show_adjustments", "full_screen",
)  # fmt: skip


def shortcuts_in_force(chosen: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The keys of every action: the reader's choice (one key, or "" for none), else the usual ones."""
    return {
        spec.id: ((chosen[spec.id],) if chosen[spec.id] else ()) if spec.id in chosen else spec.shortcuts
        for spec in ACTIONS
    }


def conflicts(chosen: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Keys that two actions share, as (key, id, id). Empty where every key means one thing."""
    owner: dict[str, str] = {}
    clashes: list[tuple[str, str, str]] = []
    for action_id, keys in shortcuts_in_force(chosen).items():
        for key in keys:
            normal = QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)
            if normal in owner:
                clashes.append((normal, owner[normal], action_id))
            owner.setdefault(normal, action_id)
    return clashes


class ActionSet:
    """A QAction for every row of the table, wired to the methods of ``handlers``."""

    def __init__(self, parent: QObject, handlers: object) -> None:
        self._actions = {spec.id: _made(spec, parent, handlers) for spec in ACTIONS}
        self._unmet: frozenset[Need] = frozenset()
        self.set_shortcuts({})

    def __getitem__(self, action_id: str) -> QAction:
        return self._actions[action_id]

    def set_shortcuts(self, chosen: Mapping[str, str]) -> None:
        """Give every action the reader's key, or its usual ones."""
        for action_id, keys in shortcuts_in_force(chosen).items():
            self._actions[action_id].setShortcuts([QKeySequence(key) for key in keys])
        self.refresh(self._unmet)

    def set_icons(self, icon: Callable[[str], QIcon]) -> None:
        """Draw the icons, in the colours of a theme."""
        for spec in ACTIONS:
            self._actions[spec.id].setIcon(icon(spec.icon))

    def refresh(self, unmet: Collection[Need]) -> None:
        """Grey the actions whose need is not met, and say why in their tooltips."""
        self._unmet = frozenset(unmet)
        for spec in ACTIONS:
            action = self._actions[spec.id]
            reason = self._reason(spec.need)
            action.setEnabled(not reason)
            key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            tip = f"{spec.tooltip} ({key})" if key else spec.tooltip
            action.setToolTip(f"{tip}\n{reason}" if reason else tip)
            action.setStatusTip(reason)

    def _reason(self, need: Need) -> str:
        if need in (Need.NOTHING, Need.FOLDER):
            return need.value if need in self._unmet else ""
        if Need.SLIDE in self._unmet:
            return Need.SLIDE.value
        return need.value if need in self._unmet else ""


def _made(spec: ActionSpec, parent: QObject, handlers: object) -> QAction:
    action = QAction(spec.text, parent)
    action.setObjectName(spec.id)
    action.setCheckable(spec.checkable)
    action.setProperty("accessibleName", spec.text.rstrip("…"))
    handler = getattr(handlers, spec.handler)
    if spec.checkable:
        action.toggled.connect(handler)
    elif spec.argument is not None:
        action.triggered.connect(lambda: handler(spec.argument))
    else:
        action.triggered.connect(lambda: handler())
    return action
