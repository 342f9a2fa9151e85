"""What this room says to the reader when OpenGL fails; ``{name}`` stands for a value."""

from __future__ import annotations

# Contexts and drivers.
INSTALL_HINT = "on Debian or Ubuntu: apt-get install libegl1 libgl1 libgl1-mesa-dri"
GL_ERRORS = "{action}: {errors}"
NO_CONTEXT = "OpenGL gives no version text: no context is current"
LINUX_ONLY = "off-screen contexts are made through EGL, which exists on Linux only"
NO_OFFSCREEN_CONTEXT = "no off-screen OpenGL context could be made ({failures}); {hint}"
OLD_OPENGL = "OpenGL {major}.{minor} is too old: 3.3 or newer is needed"
NO_EGL_LIBRARY = "the EGL library cannot be loaded ({error}); {hint}"
NO_EGL_FUNCTION = "this EGL library announces {name} but does not have it"
EGL_ERROR = "{action} ({error})"
NO_DISPLAY = "no such EGL display"
DISPLAY_NOT_OPENED = "the EGL display does not open"
NO_DESKTOP_OPENGL = "EGL has no desktop OpenGL here"
NO_CONFIG = "no EGL config renders OpenGL"
EGL_CALL_FAILED = "{call} failed"

# Shaders.
SHADER_MISSING = "shader file {name} is missing from the installation"
SHADER_NOT_COMPILED = "shader {name} does not compile:\n{log}"
SHADERS_NOT_LINKED = "shaders {vertex} with {fragment} do not link:\n{log}"

# Limits of the driver and its memory.
POOL_LIMIT = "texture pool: {quantity} is {value}; this driver allows 1 to {limit}"
LAYER_SIDE = "layer side"
LAYER_COUNT = "number of layers"
PICTURE_LIMIT = (
    "a picture of {width}×{height} px is larger than this driver draws at once "
    "({max_width}×{max_height} px); draw it in parts"
)
NO_FRAMEBUFFER = "no framebuffer of {width}×{height} px can be made (status 0x{status:04x})"
FIELD_LIMIT = "it has {columns} × {rows} values, and this OpenGL driver takes {limit} a side"
TABLE_LIMIT = "a colour table of {entries} entries a side; this driver takes 2 to {limit}"

# What was being done when OpenGL reported errors.
BEFORE_POOL = "before the texture pool was made"
MAKING_POOL = "texture pool of {mib:.0f} MiB (choose a smaller GPU cache if memory is short)"
MAKING_TILE_RENDERER = "making the tile renderer"
MAKING_OVERLAY_RENDERER = "making the overlay renderer"
MAKING_FIELD = "making room for the overlay {name}"
SETTING_TABLE = "colour table of {entries} entries a side"
DRAWING_PICTURE = "drawing a picture of {width}×{height} px"
DRAWING_STROKES = "drawing outlines"
