"""What this room says to the reader; ``{name}`` stands for a value."""

from __future__ import annotations

# Why a file was not saved; each follows the file's name and a colon.
DISK_FULL = "not saved, the disk is full; free some space and save again"
# ``elsewhere``: one of the two below.
SAVING_NOT_ALLOWED = "not saved, writing there is not allowed; {elsewhere}"
FILE_IN_PLACE_OF_FOLDER = "not saved, a part of its folder is a file; {elsewhere}"
CHOOSE_FOLDER = "choose another folder"
MOVE_HOME = "name a folder for Foveola's own files in the environment variable {variable}"
FOLDER_IN_PLACE_OF_FILE = "not saved, a folder of that name exists; choose another name"
NOT_SAVED = "not saved, {reason}"
NOT_SAVED_LOCKED = "not saved, another Foveola keeps it locked; try again"

# Errors as one line.
FILE_ERROR = "{path}: {reason}"
NOT_ENOUGH_MEMORY = "there is not enough memory for this"
NOT_ENOUGH_MEMORY_FOR = "there is not enough memory for this: {need}"
DEFECT = "{kind}: {error} (the log shows where)"

# The settings file.
SETTINGS_FILE_HEADER = "# Foveola settings. Delete a line to get its default back."
SETTINGS_UNREADABLE = "{path}: cannot be read: {reason}"
SETTINGS_NOT_TOML = "{path}: not valid TOML: {error}"
SETTING_KIND = "{name} must be {kind}, not {value!r}"
SETTING_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: '"text"'}
SETTING_RANGE = "{name} must be from {low:,} to {high:,}, not {value:,}"
SETTING_CHOICE = "{name} must be one of {options}, not {value!r}"
SETTING_RANGE_ENDS = "high must be at least {least} above low, not {high} above {low}"
SETTING_NOTHING_DRAWN = "fill or contours must be true: without both nothing is drawn"
SETTING_TABLE = "{name} must be a table: write [{name}] and its settings below"
SHORTCUT_KEY = 'shortcuts.{action} must be a key like "Ctrl+K", not {key!r}'

# Pixel sizes.
PIXEL_SIZE = "{size} µm/px"
PIXEL_SIZE_ESTIMATED = "{size} µm/px (estimated)"

# Diagnostics, for a bug report.
DIAGNOSTICS = "Foveola diagnostics (research use only)"
VERSIONS = "Versions"
GRAPHICS = "OpenGL"
SETTINGS = "Settings"
FACTS = "Facts"
LOG = "Log"
