"""Texts of this room that the reader sees; ``{name}`` stands for a value."""

from __future__ import annotations

# The slide.
SLIDE_NAME = "Slide"
SLIDE_HELP = "The slide. Arrow keys move it, plus and minus zoom."
PICTURE_NAME = "Slide picture"
ADJUSTED = "◐ Picture adjusted"
ADJUSTED_NAME = "Brightness, contrast or gamma of the picture are changed"
HATCHED = "The slide is shown hatched: {reason}."
PROFILE_NOT_USED = "{file}: its colour profile is not used: {error}"
LEVELS_NOT_KEPT = "{error}. The slide is shown without its coarse levels."
LEVELS_NOT_BUILT = "The coarse levels could not be built ({error}); the slide is shown without them."

# How the picture was changed, in the margin of a saved or copied view.
ADJUSTMENTS = {
    "brightness": "brightness {value:.2f}",
    "contrast": "contrast {value:.2f}",
    "gamma": "gamma {value:.2f}",
}
ESTIMATED_LENGTH = "≈ {length} (estimated)"

# The debug HUD; its lines are at most 36 characters.
HUD_NAME = "Engine figures"
HUD_LINES = (
    "level      {stats.level} of 0–{coarsest}",
    "tiles      {stats.visible_tiles} visible, {stats.missing_tiles} missing",
    "queue      {stats.queue_length} waiting, {stats.in_flight} decoding",
    "uploads    {stats.uploads_last_frame} in the last frame",
    "memory     {stats.cpu_cache_tiles} tiles, {cpu_cache_mib:.0f} MiB",
    "GPU        {stats.gpu_tiles} of {stats.gpu_capacity} tiles",
    "failed     {stats.failed_tiles} tiles",
    "frame      {stats.frame_ms_last:.1f} ms, {stats.fps:.0f} a second",
    "p50, p95   {stats.frame_ms_p50:.1f}, {stats.frame_ms_p95:.1f} ms",
    "analysis   {device:.25}",
)
