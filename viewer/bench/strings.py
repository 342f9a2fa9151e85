"""What this room says to the reader; ``{name}`` stands for a value."""

from __future__ import annotations

# What cannot be measured here.
NO_CUDA = "there is no NVIDIA graphics card that torch can use"
CANNOT_COMPILE = "torch cannot compile here: {error}"
NO_NETWORK = "{encoder} has no network that torch could compile"
NO_TISSUE = "{path}: there is no tissue to encode"

# Labelled regions.
NO_REGIONS = "{path}: it holds no labelled regions: {error}"
TOO_LARGE = "it is too large"
BY_WORDS = "words"
BY_EXAMPLES = "{count} examples"

# Traces of navigation.
NOT_A_TRACE = "{path}: not a trace file: {error}"
TRACE_TABLE = "{path}: a trace is an object with jumps and pans"
TRACE_PLACE = "{path}: {name} holds {entry!r}; a place is [centre x, centre y, downsample above 0]"
NOT_SHARP = "not sharp after {limit_s:.0f} s: {frame}"
