"""The table of all actions, from which menus, toolbar, shortcut sheet and shortcut editor are built.

Pure data: ``actions`` makes Qt actions of it, ``commands`` holds the handlers.
"""

from __future__ import annotations

from viewer.ui.shell.action_spec import ActionSpec, Need, action_spec

MENUS = {"File": "&File", "View": "&View", "Go": "&Go", "Find": "F&ind", "Tools": "&Tools", "Help": "&Help"}
"""Names of the menus, and their titles with the letter that opens each."""


def _preset(key: str, power: float) -> ActionSpec:
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


def _turn(action_id: str, text: str, degrees: float, *keys: str, section: bool = False) -> ActionSpec:
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


def _panel(panel: str, text: str, tooltip: str, *keys: str, section: bool = False) -> ActionSpec:
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


PRESETS = tuple(
    _preset(key, power) for key, power in zip("123456", (1.25, 2.5, 5.0, 10.0, 20.0, 40.0), strict=True)
)

_FILE = (
    action_spec(
        "File", "open_slide", "Open slide…", "Open a slide or image", "Ctrl+O", icon="open", need=Need.NOTHING
    ),
    action_spec(
        "File",
        "open_folder",
        "Open folder…",
        "List the slides of a folder",
        "Ctrl+Shift+O",
        icon="folder",
        need=Need.NOTHING,
    ),
    action_spec(
        "File",
        "close_slide",
        "Close slide",
        "Close the slide; the view is kept for next time",
        "Ctrl+W",
        icon="close",
    ),
    action_spec(
        "File",
        "save_view",
        "Save view as PNG…",
        "Save what is in view as a picture, with a scale bar in its margin",
        "Ctrl+S",
        icon="save",
        section=True,
    ),
    action_spec(
        "File",
        "copy_view",
        "Copy view",
        "Copy what is in view as a picture, with a scale bar in its margin",
        "Ctrl+C",
        icon="copy",
    ),
    action_spec(
        "File",
        "preferences",
        "Preferences…",
        "Caches, theme, screen, mouse and keys",
        "Ctrl+,",
        icon="settings",
        need=Need.NOTHING,
        section=True,
    ),
    action_spec("File", "quit", "Quit", "Close Foveola", "Ctrl+Q", need=Need.NOTHING, section=True),
)
_VIEW = (
    action_spec("View", "fit", "Fit", "Show the whole slide", "F", "Home"),
    action_spec("View", "one_to_one", "1:1", "Show one slide pixel on one screen pixel", "0"),
    action_spec(
        "View",
        "zoom_in",
        "Zoom in",
        "Magnify about the middle of the view",
        "+",
        "=",
        handler="zoom_by",
        argument=2**0.5,
    ),
    action_spec(
        "View",
        "zoom_out",
        "Zoom out",
        "Show more of the slide around the middle of the view",
        "-",
        handler="zoom_by",
        argument=2**-0.5,
    ),
    *PRESETS,
    _turn("rotate_right", "Rotate right", 15.0, "R", section=True),
    _turn("rotate_left", "Rotate left", -15.0, "Shift+R"),
    _turn("quarter_right", "Quarter turn right", 90.0, "]"),
    _turn("quarter_left", "Quarter turn left", -90.0, "["),
    action_spec("View", "upright", "Upright", "Undo all turning", "U"),
    _panel("folder", "Slides", "the list of slides", "B", section=True),
    _panel("query", "Query", "the panel to search the slide with", "Q"),
    _panel("attention", "Attention", "what stands out, and the attention of a model", "E"),
    _panel("navigator", "Navigator", "the overview of the slide", "N"),
    _panel("properties", "Properties", "the facts about the slide", "I"),
    _panel("adjustments", "Adjustments", "brightness, contrast, gamma and colour profile", "A"),
    action_spec(
        "View",
        "show_scale_bar",
        "Scale bar",
        "Show or hide the scale bar in the view",
        "S",
        icon="scale_bar",
        need=Need.NOTHING,
        checkable=True,
    ),
    action_spec(
        "View",
        "label",
        "Label and macro image…",
        "Show the label and macro image; they may carry the patient's name",
        "L",
        need=Need.ASSOCIATED_IMAGES,
        section=True,
    ),
    action_spec(
        "View",
        "full_screen",
        "Full screen",
        "Fill the screen with the window",
        "F11",
        need=Need.NOTHING,
        checkable=True,
        section=True,
    ),
    action_spec(
        "View",
        "dark_theme",
        "Dark theme",
        "Switch between the dark and the light theme",
        "Ctrl+T",
        icon="theme",
        need=Need.NOTHING,
        checkable=True,
    ),
)
_GO = (
    action_spec("Go", "go_to", "Go to…", "Go to coordinates in pixels or micrometres", "G"),
    action_spec(
        "Go",
        "previous_slide",
        "Previous slide",
        "Open the slide before this one in the folder",
        "PgUp",
        icon="previous",
        handler="step_slide",
        need=Need.FOLDER,
        argument=-1,
        section=True,
    ),
    action_spec(
        "Go",
        "next_slide",
        "Next slide",
        "Open the slide after this one in the folder",
        "PgDown",
        icon="next",
        handler="step_slide",
        need=Need.FOLDER,
        argument=1,
    ),
)
_FIND = (
    action_spec(
        "Find",
        "find",
        "Find in slide…",
        "Type what to look for, and see where on the slide it is",
        "Ctrl+F",
        icon="query",
        need=Need.NOTHING,
    ),
    action_spec(
        "Find",
        "next_hit",
        "Next place",
        "Go to the next place of the list",
        "Ctrl+G",
        ".",
        handler="step_hit",
        need=Need.HITS,
        argument=1,
    ),
    action_spec(
        "Find",
        "previous_hit",
        "Previous place",
        "Go to the previous place of the list",
        "Ctrl+Shift+G",
        ",",
        handler="step_hit",
        need=Need.HITS,
        argument=-1,
    ),
    action_spec(
        "Find",
        "why",
        "Why here?",
        "Show the measurements behind the value under the cursor, or in the middle of the view",
        "W",
        need=Need.QUERY,
    ),
    action_spec(
        "Find",
        "like",
        "More like this",
        "Search for places like the one under the cursor, or in the middle of the view",
        "M",
        handler="add_example",
        argument=1,
        section=True,
    ),
    action_spec(
        "Find",
        "unlike",
        "Not like this",
        "Search for places unlike the one under the cursor, or in the middle of the view",
        "Shift+M",
        handler="add_example",
        argument=-1,
    ),
    action_spec(
        "Find",
        "overlay",
        "Overlay",
        "Show or hide all colours over the slide",
        "O",
        handler="show_overlay",
        need=Need.OVERLAY,
        checkable=True,
        section=True,
    ),
    action_spec(
        "Find",
        "contours",
        "Contours",
        "Show or hide lines of equal likeness",
        "K",
        handler="show_contours",
        need=Need.QUERY,
        checkable=True,
    ),
    action_spec(
        "Find",
        "flashlight",
        "Flashlight",
        "Show the overlay only round the pointer",
        "T",
        handler="show_flashlight",
        need=Need.OVERLAY,
        checkable=True,
    ),
    action_spec(
        "Find",
        "pin",
        "Keep as layer",
        "Keep what is shown as a layer of its own, beside the next query",
        "Ctrl+L",
        handler="pin_layer",
        need=Need.QUERY,
    ),
    action_spec(
        "Find",
        "pause",
        "Pause analysis",
        "Pause the analysis of the slide; results so far are kept",
        "Ctrl+Space",
        handler="pause_analysis",
        need=Need.ANALYSIS,
        checkable=True,
        section=True,
    ),
)
_TOOLS = (
    action_spec(
        "Tools",
        "pixel_size",
        "Set pixel size…",
        "Enter the pixel size that the file does not state",
        "P",
        need=Need.UNKNOWN_PIXEL_SIZE,
    ),
    action_spec(
        "Tools",
        "icc",
        "Colour profile",
        "Apply the slide's ICC colour profile",
        "C",
        need=Need.COLOUR_PROFILE,
        checkable=True,
    ),
    action_spec(
        "Tools",
        "retry",
        "Read failed tiles again",
        "Read the tiles again that could not be read",
        "F5",
        need=Need.FAILED_TILES,
    ),
    action_spec(
        "Tools",
        "foveated",
        "Foveated drawing (research)",
        "Draw coarsely away from the gaze, for experiments; never in saved pictures",
        "Ctrl+Shift+F",
        icon="flashlight",
        need=Need.NOTHING,
        checkable=True,
        section=True,
    ),
    action_spec(
        "Tools",
        "hud",
        "Engine display",
        "Show tile borders, levels, queue, caches and frame times",
        "H",
        "F2",
        need=Need.NOTHING,
        checkable=True,
    ),
    action_spec(
        "Tools",
        "diagnostics",
        "Copy diagnostics",
        "Copy versions, settings and the last log lines, for a report",
        "Ctrl+Shift+D",
        need=Need.NOTHING,
    ),
)
_HELP = (
    action_spec("Help", "guide", "Guide…", "Read and search the guide", "Ctrl+F1", need=Need.NOTHING),
    action_spec(
        "Help",
        "keyboard",
        "Keys and mouse…",
        "Show all keys and what the mouse does",
        "F1",
        need=Need.NOTHING,
    ),
    action_spec(
        "Help",
        "about",
        "About Foveola…",
        "Version, licence and what it may be used for",
        "Shift+F1",
        need=Need.NOTHING,
    ),
)

ACTIONS: tuple[ActionSpec, ...] = (*_FILE, *_VIEW, *_GO, *_FIND, *_TOOLS, *_HELP)

TOOLBAR: tuple[tuple[str, ...], ...] = (
    ("open_slide", "show_folder", "previous_slide", "next_slide"),
    ("fit", "one_to_one", "zoom_out", "zoom_in"),
    tuple(preset.id for preset in PRESETS),
    ("rotate_left", "rotate_right", "upright"),
    ("find", "previous_hit", "next_hit", "overlay"),
    ("go_to", "copy_view", "save_view"),
    ("show_navigator", "show_properties", "show_adjustments", "full_screen"),
)
"""The buttons, in groups."""
