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

# The margin and the metadata of pictures that are kept.
CENTRE = "centre {x:.0f}, {y:.0f} px"
SLIDE_PIXELS = "1 px = {downsample:.4g} slide px"
TURNED = "turned {degrees:.4g}°"
ICC_PROFILE = "colours by ICC profile"
BETWEEN_FACTS = " · "
SCALE = "{um_per_px:.6g} µm per pixel"
SCALE_UNKNOWN = "unknown"
NO_SCALE = "Scale unknown: the slide does not state its pixel size"
SOFTWARE = "Foveola {version}"
SCALE_ESTIMATED = "pixel size estimated"
SCALE_BY_ESTIMATE = "{um_per_px:.6g} µm per pixel (estimated)"
THRESHOLD = "nothing drawn below {threshold}"
