"""User-visible texts on how overlays are drawn; ``{name}`` is filled with a value."""

from __future__ import annotations

NO_LEVEL = "the attention mode {mode!r} has no level {level!r}"
NO_COLOUR_MAP = "there is no colour map {name!r}; there are {names}"

# Outlines.
UNNAMED = "without a name"
NAME_AND_KIND = "{name} ({kind})"
