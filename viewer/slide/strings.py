"""What this room says to the reader; ``{name}`` stands for a value. Most follow a file's name and a colon."""

from __future__ import annotations

# Why a slide cannot be opened.
NO_SUCH_FILE = "there is no such file"
FOLDER = "this is a folder; choose a slide file inside it"
NOT_REGULAR = "this is not a regular file"
NO_PERMISSION = "you have no permission to read it"
EMPTY = "the file is empty"
UNREADABLE = "it cannot be read: {error}"
NO_LONGER_READABLE = "it can no longer be read: {error}"
UNKNOWN_SCHEME = "slides are not read from {scheme} addresses; give the path of a file"

# What is wrong with the levels that a file claims.
LEVEL_SIZE = "level of {width}×{height} px in tiles of {tile_width}×{tile_height}"
LEVEL_ORDER = "level of {width}×{height} px is larger than the finer one before it"
LEVEL_TILES = "level of {width}×{height} px has {tiles:,} tiles"

# Why a tile or a thumbnail cannot be read.
CLOSED = "the slide is closed"
TILE_OF_CLOSED = "{path}: the slide is closed"
NO_SUCH_TILE = "{path}: there is no tile {key}"
TILE_NOT_BUILT = "{path}: tile {key} is not built yet"
NO_THUMBNAIL = "{name}: its coarsest level is too large for a thumbnail"
BYTES_MISSING = "bytes {start} to {end} are needed, the file has {size}"
FILE_TRUNCATED = "bytes {start} to {end} are needed, the file was cut short after opening"

# Why a colour profile cannot be applied.
PROFILE_DAMAGED = "the colour profile is damaged: {error}"
PROFILE_EMPTY = "the colour profile gives no colours"
PROFILE_SIZE = "the colour profile is larger than {most_mib} MiB"
PROFILE_HEADER = "the colour profile is damaged: it has no ICC header"
PROFILE_TRUNCATED = "the colour profile was cut short: {found} of {length} bytes are there"
PROFILE_CLASS = "a colour profile of class {kind!r} does not describe a device"
PROFILE_SPACE = "the colour profile is for {space!r} colours, not RGB"

# Notes beside an open slide.
BUILDS_LEVELS = "The file has no coarse levels; Foveola builds its own, averaged in linear light."

# The lines of ``foveola info``.
FACT_FILE = "file"
FACT_FORMAT = "format"
FACT_SIZE = "size"
FACT_LEVEL = "level {index}"
FACT_PIXEL_SIZE = "pixel size"
FACT_OBJECTIVE = "objective"
FACT_IMAGES = "images"
FACT_IMAGE = "image {number}"
IMAGE_SHOWN = "{width:,} × {height:,} px, {name} (shown)"
IMAGE_OTHER = "{width:,} × {height:,} px, {name}: open {locator}"
IMAGES_MORE = "{count:,} more; --json lists them"
UNNAMED = "unnamed"
FACT_PROFILE = "profile"
FACT_READER = "reader"
FACT_NOTE = "note"
SIZE_PX = "{width:,} × {height:,} px"
LEVEL_PX = {
    True: "{width:,} × {height:,} px, {downsample:.6g} : 1",
    False: "{width:,} × {height:,} px, {downsample:.6g} : 1, made by Foveola",
}
"""By whether the level is in the file."""
PIXEL_SIZE_UM = "{x:.4g} × {y:.4g} µm, {origin}"
STATED = "as the file states"
OBJECTIVE_POWER = "{power:g}x"
HAS_PROFILE = "ICC colour profile"
NOT_STATED = "not stated in the file"
NONE = "none"

# Pixel sizes that readers gave: from what they are, and what is wrong with the file that keeps them.
NOT_A_PIXEL_SIZE = "{size_um:g} µm is not the pixel size of a slide; give {least:g} to {most:g}"
SIZE_ENTERED = "entered by the reader on {day}"
POWER_ENTERED = "entered by the reader on {day} as scanned at {power}"
ESTIMATE_ACCEPTED = "estimated, and accepted by the reader on {day}"
INSTEAD_OF_FILE = "{origin}, instead of what the file states"
SCALES_UNREADABLE = "{path}: the pixel sizes that you entered cannot be read: {reason}"
SCALES_DAMAGED = "{path}: the pixel sizes that you entered are damaged; the old file is now {kept_as}"
SCALES_NOT_RENAMED = "the pixel sizes that you entered are damaged: {reason}"
