"""Messages about installed packages, for people; ``{name}`` stands for a value."""

from __future__ import annotations

PLUGIN_NOT_LOADED = "{entry} of {package} could not be loaded: {error}"
PLUGIN_OF_WRONG_KIND = "{entry} of {package} is not a {kind} and is left out"
UNKNOWN_PACKAGE = "an unknown package"
