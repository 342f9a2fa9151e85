"""User-visible texts on slide heads, their files and bags; ``{name}`` is filled with a value."""

from __future__ import annotations

# Files of heads.
EXPECTED = "an attention pool (CLAM, ABMIL, MIL-Lab, HIPT slide stage, CHIEF), TransMIL or SPAN"
OTHER_MODEL = "it is {found}; expected was {expected}"
UNKNOWN_MODEL = "not a known slide head (it contains {count} tensors: {names}, …)"
EMPTY_TENSOR = "{name} is empty; the file is damaged"
OTHER_WIDTH = (
    "its head ({layout}) reads {expected} values per patch and the features have {found}: "
    "it was trained on another encoder's features"
)
UNUSABLE = "its slide head cannot be used: {reason}"
LAYERS_DO_NOT_FIT = "its layers do not fit each other ({error})"
CARRIERS = "it has {count:,} carriers; 1 to {most} are supported"

# Attention pools.
SEVERAL_POOLS = "it has {count} attention pools ({names}); a slide head has one"
MISSING = "{name} is missing"
READS_IMAGES = "it reads images ({names}); a slide head reads the features of patches"
UNKNOWN_PARTS = "it has {names}, with no known role in an attention pool"
LAYERS_MISSING = "its transformer lacks layers"
SEVERAL_CLASSIFIERS = "{names} do not make one classifier"
WRONG_NORM = "{name}* is not a batch norm of the input of {classifier}"
AND_MORE = "{names} and {count} more"

# Names of layouts.
CHIEF = "CHIEF-shaped"
CLAM_POOL_PER_CLASS = "CLAM, one pool a class"
CLAM_ONE_POOL = "CLAM, one pool"
HIPT_SLIDES = "HIPT slide stage"
HIPT_SLIDES_OWN_REGIONS = "HIPT slide stage, for regions from its own ViT-4K"
MIL_LAB = "MIL-Lab ABMIL"
SLIDEFLOW = "slideflow attention MIL"
GATED = "gated attention"
PLAIN = "plain attention"

# Bags.
NOT_A_TABLE = "features are a table of patches × values, not {shape} {dtype}"
FEATURE_WIDTH = (
    "the slide head reads {expected} values per patch and these features have {found}: "
    "use the features of the encoder that it was trained on"
)
NO_PATCHES = "the slide has no patches to read"
CELL_COUNT = "{count} patches need {count} cells of row and column as whole numbers, not {shape}"
INVALID_VALUES = (
    "{invalid} of {count} patches have invalid values (NaN or infinite); leave them out or encode them again"
)
IMPOSSIBLE_PLACES = "some patches lie where no slide can reach; their coordinates are damaged"
SHARED_CELLS = (
    "{shared} of {count} patches share a grid cell with another; "
    "cells are coordinates divided by the patch size of the same level"
)
