"""User-visible texts of feature stores and feature files; ``{name}`` is filled with a value."""

from __future__ import annotations

# HDF5 files.
NOT_REGULAR = "it is not a regular file"
NO_FILE = "there is no such file"
UNREADABLE = "it cannot be read: {reason}"
NOT_HDF5 = "it is damaged or not an HDF5 file ({error})"
NO_DATASET = "it has no dataset {name!r} of its own"
NOT_A_DATASET = "{name!r} is not a dataset"
IN_OTHER_FILES = "the values of {name!r} are in other files, which are not opened"
COMPRESSION = "{name!r} uses a compression that is not supported"
VALUE_TYPE = "{name!r} has values of type {dtype}, which is not supported there"
DATASET_SHAPE = "{name!r} has the shape {shape}, which is not supported there"
TOO_MANY_VALUES = "{name!r} claims {shape} values, more than can be read"
FEWER_VALUES = "{name!r} claims {shape} values but contains fewer"
NO_MEMORY = "{name!r} with {shape} values does not fit in the free memory"

# Feature files of other programs.
UNKNOWN_FORMAT = "it is not a known kind of feature file; it contains {found}"
NOTHING = "nothing"
PATCH_SIZE_LEVEL0 = "its patch_size_level0 is not a number above 0"
SLIDE_SIZE = "it belongs to a slide of {width:,.0f} × {height:,.0f} px"
PIXEL_SIZE_NEEDED = (
    "it uses micrometres, and the pixel size of the slide is not known; set the pixel size first"
)
UNKNOWN_UNIT = "it states no unit, and patches {stride:g} apart do not imply one"
NO_INDEX = "it contains no positions, and {index} is not beside it; for CLAM use the .h5 files"
NO_TILE_UM = "it does not state tile_um in micrometres"
FEATURES_SHAPE = "its features have the shape {shape}, which is not supported"
POSITIONS_SHAPE = "its positions have the shape {shape}, which is not supported"
NO_PATCH_SIZE = "it does not state the size of its patches, and has too few patches to infer it"
CONFIG_TOO_LARGE = "it is too large for a configuration of features"
CONFIG_MISSING = "it is missing; it states the size of the patches"
NOT_JSON = "it is not JSON ({error})"
NOT_NPZ = "it is not a complete .npz file ({error})"
ARRAY_DAMAGED = "its array is damaged ({error})"
NOT_POSITIONS = "it contains {kind} of shape {shape}, not positions"
POSITIONS_MISSING = "it claims {count:,} positions but does not contain them"
NO_TABLE = "it contains no table of features"
FEWER_FEATURES = "it claims more features than it contains"
POSITION_COUNT = "it has {features:,} features for {positions:,} positions"
IMPOSSIBLE_SIZE = "patches of {width:g} × {height:g} px are impossible"
WIDTH_ON_SLIDE = (
    "its patches would be {width_um:,.4g} µm wide on this slide; check the slide and its pixel size"
)
OTHER_SLIDE = (
    "its patches reach beyond the {width:,} × {height:,} px of this slide: it belongs to another slide"
)
INVALID_FEATURES = "some of its features are invalid (NaN or infinite)"
SIZE_FROM_DISTANCE = (
    "The file does not state the size of its patches; {side:g} px is taken from their distance."
)
STAMP_WITHOUT_UNIT = "The file states no unit; its patches are placed as in the first version of STAMP."
SPAN_WITHOUT_UNIT = (
    "The file states neither unit nor patch size; its positions are taken as level-0 px, {side:g} px apart."
)

# Such a file as the index of a slide.
TOO_MUCH_OVERLAP = "{count:,} patches of this size overlap more than is plausible"
NO_CENTRE = "none of its patches contains the centre of a 128 µm patch of the slide"
SOURCE = "{file}: features of {encoder}, from {producer}."
AN_UNNAMED_ENCODER = "an unnamed encoder"
UNNAMED_ENCODER = "unnamed encoder"
PATCH_WIDTH = (
    "Its patches are {width_um:.4g} µm wide: a 128 µm patch has the features of the one at its centre."
)
FAMILY = "features from a file"
NORMALISATION = "likeness to the examples"
LICENCE = "that of the model that made them"
MODEL_NEEDED = "{encoder}: more patches cannot be analysed without its model"
NOT_IN_FILE = "{encoder}: patches that the file lacks stay not analysed"
NO_TEXT_QUERIES = "features of {encoder} do not support text queries; mark examples instead"
TEXT_QUERIES_UNAVAILABLE = "Text queries are not available: {reason}."
TEXT_QUERIES = "Text queries use {model} from your models."
OTHER_MODEL = "its {width} features per patch are not those of {model}"

# Stores on disk.
CORNER_COUNT = "it has {corners} corners for {features} features"
CALIBRATION_SIZE = "its calibration has {size:,} bytes"
OFF_THE_GRID = "its patches do not lie on the grid of this slide"
NESTED_TOO_DEEPLY = "its notes are nested too deeply"
NOT_AN_OBJECT = "its notes are not a JSON object"
DAMAGED = "it is damaged ({error})"
NO_SUBJECT = "it does not state its slide and encoder"
BLOCK_WITHOUT_SHAPE = "a block without a shape"
BLOCK_SIZE = "{rows} patches of {width} features in {size} bytes"
CONTINUES_UNUSABLE = "it continues a file that cannot be used"
FEATURE_COUNT = "it has {found} features per patch, not {expected}"
OTHER_SUBJECT = "its features are of another {subject}"
SUBJECTS = {
    "format": "format",
    "slide_identity": "slide",
    "encoder": "encoder",
    "encoder_version": "encoder version",
    "mpp_um": "pixel size",
}
"""By the keys of the facts in a store."""
NOT_USED = "Stored measurements of this slide are not used: {reason}."
SOME_NOT_USED = "Some stored measurements of this slide are not used: {reason}."
NOT_SAVED = "New measurements are not saved: {folder}: {reason}."
ANALYSED_ELSEWHERE = (
    "This slide is also being analysed elsewhere; measurements made here are not saved twice."
)
COARSE_PIXELS = (
    "The slide's pixels are {mpp_um:.3g} µm wide and the encoder expects {expected_um:g} µm: "
    "results are unreliable."
)

# Features of fewer or more tokens.
AGREES = (
    "Features of {tokens} tokens per patch agree with those of 256 ({cosine}) "
    "and are used until those are ready."
)
DISAGREES = (
    "Features of {tokens} tokens per patch do not agree with those of 256 ({cosine}; {least} is needed): "
    "regions wait for 256."
)
COSINE = "cosine {cosine:.2f} or more for nine in ten of {patches} patches"
