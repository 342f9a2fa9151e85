"""What this room says to the reader; ``{name}`` stands for a value."""

from __future__ import annotations

# Pictures that cannot be made as requested.
DOWNSAMPLE_RANGE = "downsample must be from {low:g} to {high:g}, not {downsample:g}"
DOWNSAMPLE_COARSE = "{path}: downsample {downsample:g} is too coarse for its levels: {most:g} at most"
CENTRE_FAR = "the centre {x:g}, {y:g} is too far from any slide"
ROTATION = "the rotation must be a number of degrees, not {degrees}"
NO_PIXELS = "a picture of {width}×{height} px has no pixels"
PICTURE_LARGE = "a picture of {width}×{height} px is too large: at most {most_millions} million pixels"
NO_PROFILE = "{path}: the slide has no colour profile; leave ICC off"
BAD_PROFILE = "{path}: {error}; leave ICC off"
LEVELS_NOT_BUILT = "{path}: its coarse levels are still being built; try again later"

# Overlays.
LAYER_NOT_DRAWN = "a layer over the slide cannot be drawn: {error}"
