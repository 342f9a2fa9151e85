"""User-visible texts on maps of whole slides and their files; ``{name}`` is filled with a value."""

from __future__ import annotations

# Encoders that cannot make a map.
NO_REGIONS = "{encoder} has no regions of patches: it cannot make the published heatmap"
NO_TOKENS = "{encoder} gives no attention within a patch"
NOTHING_ANALYSED = "no patch with tissue could be analysed, of {patches:,}"

# In the OME-TIFF file.
QUERY = "Query"
MAP_OF = "Map of {producer}"
MAP_UNIT = "score of the map, 0 to 1"
ATTENTION_UNIT = "attention over even attention, from an eighth to eight times as much by octaves"
RANK_UNIT = "rank of attention"
SIGNED_UNIT = "from most against (0) to most for (1) on this slide, 0.5 neither"
CONTENT = "{kind}: {query}"
NAME = "{slide}: {query}"
DESCRIPTION = (
    "{content}. Encoder: {encoder}; {normalisation}. "
    "Values: 0 not analysed; 1 to 255 {unit}, as 1 + 254 · score. "
    "Pixel size of the slide: {x_um:g} × {y_um:g} µm{estimated}. "
    "Made {made_utc} by {software}. {research_use}."
)
ESTIMATED = " (estimated)"
