"""What this room says to the reader; ``{name}`` stands for a value."""

from __future__ import annotations

# The tissue mask: what was found, and notes on what was left out.
TISSUE_SHARE = "Tissue on {share:.1%} of the slide."
NO_TISSUE = "No tissue was found: the slide is as bright as its glass throughout."
NO_COARSE_LEVEL = "The slide has no coarse level: all of it is analysed."
DARK_FIELD = "Not brightfield: what is bright on the dark field is taken for tissue."
EMPTY_DARK_FIELD = "Not brightfield, and nothing is bright on the dark field: no tissue was found."
PEN_INK = "Pen ink on {share:.1%} of the slide is left out."
UNREAD = "{share:.1%} of the slide could not be read for the tissue mask."

# How the pixel size was estimated, or why not.
FROM_OBJECTIVE = "estimated from the {power:g}× objective that the file states"
FROM_NUCLEI = "estimated from the nuclei, whose cores are about {width_px:.1f} px wide"
FROM_NUCLEI_AS_USUAL = (
    "estimated from the nuclei, whose cores are about {width_px:.1f} px wide, "
    "and set to the {usual_um:g} µm/px that many scanners have"
)
NOTHING_TO_MEASURE = "there is no tissue to measure"
BRIGHTFIELD_ONLY = "nuclei are measured on brightfield slides only"
UNREADABLE = "the slide could not be read: {error}"
FEW_NUCLEI = "too few nuclei were found"
NOT_MEASURED_ON = "estimates were tested on tissue in haematoxylin and eosin only, and this looks like {kind}"
CELLS_ON_GLASS = "cells that lie apart, as in cytology"
NO_EOSIN = "another stain: it has no eosin"
FIELDS_DISAGREE = "the sizes of nuclei differ too much from place to place"
NO_PEAK = "nuclei do not stand out by their size"
IMPLAUSIBLE_PEAK = "what stands out by its size is {width_px:.1f} px wide, too small or too large for nuclei"

# What a stain looks like that is not haematoxylin and eosin, and why a slide's own stains are not used.
DARK_FIELD_IMAGE = "a fluorescence or dark-field image"
GREY_STAIN = "a grey or silver stain"
BROWN_STAIN = "a brown stain as of immunohistochemistry"
TRICHROME_STAIN = "a blue and red stain as of a trichrome"
GREEN_STAIN = "a green stain as of Papanicolaou or a trichrome"
BLUE_STAIN = "a blue to violet stain as of Giemsa or toluidine blue"
PAS_STAIN = "a magenta stain as of PAS"
NO_EOSIN_STAIN = "haematoxylin without eosin, as beside a weak immunostain or Congo red"
LITTLE_TISSUE = "too little tissue ({count:,} pixels) to separate its stains"
STAIN_ANGLE = "its two main colours lie {angle_deg:.0f}° apart, not {low:.0f} to {high:.0f}°"
UNEXPLAINED = "two stains explain only {share:.0%} of its colour"
