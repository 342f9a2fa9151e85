"""Texts of this room that the reader sees, except those of actions; ``{name}`` stands for a value."""

from __future__ import annotations

APPLICATION = "Foveola"

# Starting the window.
CANNOT_START = "Foveola cannot start: {reason}."
DEFAULT_SETTINGS_USED = "The default settings are used: {error}"
SETTINGS_KEPT = "The file is kept as {path}."
UNEXPECTED_ERROR = (
    "Unexpected error in Foveola ({kind}: {error}). "
    "You can go on working; to report it, copy the diagnostics."
)

# Displays.
PLATFORM_WITHOUT_OPENGL = "QT_QPA_PLATFORM={platform} has no OpenGL windows; unset it to open the window"
NO_DISPLAY = "there is no display for the window; set DISPLAY, or use `foveola snapshot`, which needs none"
LIBRARY_MISSING = (
    "Qt cannot open windows because {library} is missing; `foveola doctor` shows what to install"
)
DISPLAY_UNREACHABLE = "the display {display} does not answer; check DISPLAY and access to it"
NO_XVFB = "there is no display, and no Xvfb to make one; on Debian or Ubuntu: apt-get install xvfb"
XVFB_NOT_STARTED = "the virtual display (Xvfb) did not start"
NO_OPENGL = "no OpenGL context can be made on this display. {advice}"
OPENGL_TOO_OLD = "OpenGL {version} is too old: {needed} or newer is needed. {advice}"
OPENGL_ADVICE = (
    "Install or update the graphics driver, or Mesa, which draws on the processor "
    "(Debian and Ubuntu: apt-get install libgl1-mesa-dri libegl1); `foveola doctor` shows more"
)

# The demo.
DEMO_CASE = "This slide can be read as a case: by you first, then by the program."
READ_DEMO = "Read it as a case…"
DEMO_TITLE = "Demo case"
DEMO_PROGRESS = "demo slide"
DEMO_PICTURE = "There is no display, so the window opened on a virtual one. Its picture: {path}"
DEMO_FAILED = "the demo slide was not shown: {reason}"
DEMO_TIMED_OUT = "it took too long"

# Window and toolbar.
WINDOW_TITLE = "{slide} – Foveola"
LEAVE_FULL_SCREEN = "{key} leaves full screen"
TOOLBAR = "Toolbar"
MORE_BUTTONS = "More buttons"
MORE_BUTTONS_TOOLTIP = "Buttons that do not fit into the window"
OPEN_RECENT = "Open recent"
NO_RECENT = "No recent slides"
FORGET_RECENT = "Forget recent slides"
FORGET_RECENT_TOOLTIP = "Forget the list, and the last view of each slide"

# Panels.
PANELS = {
    "folder": "Slides",
    "query": "Query",
    "reading": "Reading",
    "attention": "Attention",
    "navigator": "Navigator",
    "properties": "Properties",
    "adjustments": "Adjustments",
}
HIDE_PANEL = "Hide {panel}"
PANEL_NAME_TAKEN = "The panel {panel} was not loaded: another panel has the same name."
PANEL_FAILED = "The panel {panel} was not loaded: {kind}: {error}"

# Start page.
START_PAGE = "Start page"
START_HINT = "Drop a slide or a folder of slides here, or open one."
RECENT_SLIDES = "Recent slides"
RECENT_SLIDES_KEYS = "Arrow keys move through the list, Enter opens a slide."

# Opening and closing slides.
NOT_OPENED = "{slide} was not opened. {reason}."
SLIDE_STAYS_OPEN = "The slide that was open stays open."
ONE_PASSED = "{slide} was passed over. {reason}."
MANY_PASSED = "{count} files were passed over, as they cannot be opened: {slides}."
MANY_MISSING = (
    "{count} files are missing and were passed over: {slides}. They were removed or can no longer be "
    "reached; check their disk or network."
)
MORE_PASSED = "and {count} more"
NOT_READABLE = "it cannot be read ({kind}: {error})"
TRY_AGAIN = "Try again"
OPEN_ANOTHER = "Open another…"
OTHER_IMAGES = "Other images…"
FOLDER_NOT_LISTED = "{folder}: {reason}."
OPEN_ANOTHER_FOLDER = "Open another folder…"
NOT_DRAWN = "{slide} is open but cannot be drawn on this graphics processor: {reason}."
THE_SLIDE = "The slide"
TILES_FAILED = "{slide}: some tiles could not be read; they are shown striped. {reason}"
READ_AGAIN = "Read again"
FILE_GONE = "The file was removed or can no longer be reached; check its disk or network."
FILE_CHANGED = "The file changed while it was open, from {before:,} to {now:,} bytes; open it again."
FILE_DAMAGED = "The file or its disk is damaged; the log has details."

# The list of recent slides and views.
STATE_UNREADABLE = "{path}: recent slides cannot be read: {reason}"
STATE_DAMAGED = "{path}: recent slides were damaged and are cleared; the old file is now {backup}"
STATE_NOT_RENAMED = "{path}: recent slides are damaged and the file could not be renamed: {reason}"

# What actions ask for and report.
OPEN_SLIDE = "Open slide"
OPEN_FOLDER = "Open folder"
SLIDE_FILES = "Slides and images ({patterns});;All files (*)"
SAVE_VIEW = "Save view as PNG"
PNG_FILE = "PNG"
VIEW_SAVED = "Saved {file}"
VIEW_COPIED = "View copied"
POSITION_COPIED = "Copied {place}"
NO_FURTHER_SLIDE = "No further slide in this folder"
DIAGNOSTICS_COPIED = "Diagnostics copied; they contain no folder names"
ABOUT = "About Foveola"
ABOUT_TEXT = """<h3>Foveola {version}</h3>
<p>A viewer for whole-slide images that knows where to look.</p>
<p><b>Research use only.</b> Foveola is not a medical device and must not be used for diagnosis.</p>
<p>MIT licence. It is built on OpenSlide, Qt, vispy, NumPy, Pillow, imagecodecs and libjpeg-turbo;
their licences are in the third-party notices that come with it.</p>"""

# Status line.
MAGNIFICATION = "Magnification"
PIXEL_SIZE = "Pixel size"
PIXEL_SIZE_TOOLTIP = "Size of a full-resolution pixel"
PIXEL_SIZE_UNKNOWN = "pixel size unknown"
PIXEL_SIZE_UNKNOWN_TOOLTIP = "This file does not state its pixel size; Tools › Set pixel size…"
PIXEL_SIZE_ESTIMATED = "≈ {size}, estimated"
PIXEL_SIZE_OVERRIDES = "{size}, not the file's"
PIXEL_SIZE_ORIGIN_TOOLTIP = "Size of a full-resolution pixel, {origin}; Tools › Set pixel size…"
PIXEL_SIZE_ESTIMATED_TOOLTIP = (
    "Estimated from the slide itself: the file does not state it; Tools › Set pixel size…"
)
ANGLE = "Angle"
ANGLE_FIGURE = "{degrees:g}°"
ANGLE_TOOLTIP = "How far the slide is turned clockwise; View › Upright undoes it"
ZOOM_SHARE = "{percent} %"
ZOOM_SHARE_TOOLTIP = (
    "Screen pixels per slide pixel; the magnification is unknown, as this file does not state its "
    "pixel size; Tools › Set pixel size…"
)
POSITION = "Position"
POSITION_OF_CURSOR = "Position of the cursor"
POSITION_OF_MIDDLE = "Middle of the view"
MIDDLE = "middle {position}"
ONE_TILE_FAILED = "⚠ 1 tile failed"
MANY_TILES_FAILED = "⚠ {count:,} tiles failed"
FAILED_TILES = "Tiles that could not be read"
FAILED_TILES_TOOLTIP = "These tiles are striped in the slide; Tools › Read failed tiles again (F5)"
BUILDING_LEVELS = "Building levels {percent} %"
BUILDING_LEVELS_NAME = "Building the coarse levels of a file that has none"
FOVEATED = "⚠ Foveated: coarse away from the gaze"
FOVEATED_TOOLTIP = "For research only; Tools › Foveated drawing turns it off"
NO_SLIDE = "No slide"
LOADING = "Loading tiles"
FAILED_IN_VIEW = "Tiles failed"
ALL_SHARP = "All sharp"
SHARPNESS_TOOLTIP = (
    "All sharp: every pixel in view is shown at the full resolution of this magnification. "
    "Tiles failed: the striped tiles in view could not be read"
)
RESEARCH_TOOLTIP = "Foveola is not a medical device and must not be used for diagnosis"

# Guide.
GUIDE = "Guide"
SEARCH_GUIDE = "Search the guide"
SEARCH_GUIDE_TOOLTIP = "Show the pages with all these words; Enter goes from match to match"
GUIDE_PAGES = "Pages of the guide"
GUIDE_PAGE = "Page of the guide"
BACK = "Back"
NO_PAGE_FOUND = "No page has these words."
ONE_PAGE_FOUND = "1 page"
PAGES_FOUND = "{count} pages"

# Keys and mouse.
KEYS_AND_MOUSE = "Keys and mouse"
KEYS_AND_MOUSE_LIST = "Keys and mouse gestures"
KEYS_AND_MOUSE_COLUMNS = ("Key", "What it does")
FILTER = "Filter"
FILTER_KEYS = "Filter keys"
FILTER_KEYS_TOOLTIP = "Show only lines that contain this text"
KEY_AND_ACTION = "{action}: {does}"
MOUSE_AND_SLIDE = "Mouse and slide"
GESTURES = (
    ("Wheel", "Zoom about the cursor"),
    ("Shift + wheel", "Turn the slide about the cursor"),
    ("Drag", "Move the slide; let go while moving and it glides on"),
    ("Double click", "Zoom in twice on that point"),
    ("Arrow keys", "Move by a fifth of the view (with the slide in focus)"),
    ("{hide_key}", "Hide the overlay while the key is down, to see the tissue under it"),
    ("Click, with a query", "Show the measurements behind the value of that place"),
    ("Right click, Menu key, Shift + F10", "What can be done there: on the slide, a place, a layer, a slide"),
    ("Tab, Shift + Tab", "Move the focus to the next or previous part of the window"),
    ("Drop files or a folder", "Open the first slide and list the rest"),
)
ACTIONS_AND_KEYS = "Actions and their keys"
ACTIONS_AND_KEYS_COLUMNS = ("Action", "Keys", "")
KEY = "Ke&y"
KEY_OF_ACTION = "Key of the selected action"
KEY_OF_ACTION_TOOLTIP = "Press the key for the selected action"
NO_KEY = "No key"
NO_KEY_TOOLTIP = "Remove the key of the selected action"
DEFAULT_KEY = "Default key"
DEFAULT_KEY_TOOLTIP = "Give the selected action its default keys"
WITHOUT_KEY = "none"
USED_TWICE = "⚠ used twice"
KEYS_USED_TWICE = "Keys used twice"
KEY_CONFLICT = "{key} is the key of both “{first}” and “{second}”."

# Preferences.
PREFERENCES = "Preferences"
PROBLEM = "Problem"
PROBLEM_TEXT = "⚠ {problem}"
FIELD_TOOLTIP = "{field}, from {low} to {high}{unit}"

# Its tabs; an ``&`` marks the letter that reaches a tab or field by the keyboard.
WINDOW_TAB = "&Window"
MOUSE_TAB = "&Mouse"
MEMORY_TAB = "M&emory and speed"
SEARCH_TAB = "&Search"
GAZE_TAB = "&Gaze"
KEYS_TAB = "&Keys"

# Its fields, by the table and the name of the setting.
FIELDS = {
    ("display", "theme"): "&Theme",
    ("display", "font_percent"): "Size of &letters",
    ("display", "surround"): "Colour &around the slide",
    ("display", "icc"): "Apply the slide's &colour profile (ICC)",
    ("display", "screen_diagonal_inch"): "Screen &diagonal",
    ("display", "screen_distance_cm"): "Distance to the sc&reen",
    ("display", "invert_wheel"): "Wheel forwards zooms &out",
    ("display", "kinetic_pan"): "The slide gl&ides on after a quick drag",
    ("memory", "cpu_cache_bytes"): "Decoded &tiles in memory",
    ("memory", "gpu_cache_bytes"): "Tiles on the grap&hics processor",
    ("memory", "plain_image_max_px"): "Largest &plain image",
    ("streaming", "upload_budget_moving_ms"): "Upload while m&oving",
    ("streaming", "upload_budget_rest_ms"): "Upload at &rest",
    ("streaming", "fade_ms"): "&Fade from coarse to sharp",
    ("streaming", "decode_threads"): "&Decoding threads",
    ("streaming", "prefetch"): "Read &ahead in the direction of movement",
    ("relevance", "analyse_ahead"): "&Begin with the analysis when the query panel is shown",
    ("relevance", "steers_loading"): "&Load first what the query points to",
    ("relevance", "store_bytes"): "Meas&urements kept on disk",
    ("relevance", "worker_threads"): "&Threads of the analysis",
    ("gaze", "source"): "Gaze &from",
    ("gaze", "recording"): "&Recording (CSV)",
    ("gaze", "pointer_radius_deg"): "Eye from &pointer, up to",
    ("gaze", "tracker_radius_deg"): "&Tracker error, up to",
}
UNITS = {
    ("display", "font_percent"): " %",
    ("display", "screen_diagonal_inch"): " inch",
    ("display", "screen_distance_cm"): " cm",
    ("memory", "cpu_cache_bytes"): " MiB",
    ("memory", "gpu_cache_bytes"): " MiB",
    ("memory", "plain_image_max_px"): " megapixels",
    ("streaming", "upload_budget_moving_ms"): " ms a frame",
    ("streaming", "upload_budget_rest_ms"): " ms a frame",
    ("streaming", "fade_ms"): " ms",
    ("relevance", "store_bytes"): " MiB",
    ("gaze", "pointer_radius_deg"): "°",
    ("gaze", "tracker_radius_deg"): "°",
}
ONE_LESS_THAN_CORES = "one less than cores"

# Its choices, by the value of the setting.
THEMES = {"system": "Like the system", "light": "Light", "dark": "Dark"}
SURROUNDS = {
    "theme": "Like the theme",
    "slide": "The slide's background",
    "white": "White",
    "grey": "Grey",
    "black": "Black",
}
GAZE_SOURCES = {
    "pointer": "The mouse pointer",
    "tracker": "An eye tracker",
    "recording": "A recording",
    "off": "Nowhere",
}

# Its remarks below the fields.
LOOK_REMARK = (
    "“Like the theme” is dark with the dark theme, and else the slide's own background. Icons and distances "
    "follow the size of letters at the next start."
)
SCREEN_REMARK = "Size and distance of the screen determine how large a field appears to the eye."
MEMORY_REMARK = "Threads and the largest plain image apply from the next slide on."
SEARCH_REMARK = (
    "Disk and threads apply from the next slide on. When the disk share is full, the slides that were "
    "not open for longest are removed first."
)
GAZE_REMARK = (
    "What you look at is loaded and analysed first. The gaze is used for nothing else and is not kept. "
    "Trackers are read through the Lab Streaming Layer, which needs the extra “gaze”."
)
