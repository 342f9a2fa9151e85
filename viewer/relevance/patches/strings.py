"""User-visible texts on the grid of patches and fields over it; ``{name}`` is filled with a value."""

from __future__ import annotations

# The pixel size of a slide.
IMPOSSIBLE_PIXELS = (
    "pixels of {x_um:g} × {y_um:g} µm cannot be analysed in patches of 128 µm, "
    "only those of {least_um:g} to {most_um:g} µm; check the pixel size"
)
IMPOSSIBLE_SLIDE = (
    "at {x_um:g} × {y_um:g} µm per pixel the slide would be {width_mm:,.0f} × {height_mm:,.0f} mm; "
    "check its pixel size"
)

# Fields, in exported files.
LIKENESS = "measured likeness, 0 to 1"
PROBABILITY = "probability of tissue classes, 0 to 1"
COMBINED_UNIT = "likeness and probabilities of several terms combined, 0 to 1"
COMBINED = "{how} of ({parts})"
WEIGHTED_MEAN = "weighted mean"
HIGHEST = "highest"
LOWEST = "lowest"
WITHOUT = "without"
NEAR = "near"
