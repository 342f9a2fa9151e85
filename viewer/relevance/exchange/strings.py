"""What this room says to the reader; ``{name}`` stands for a value."""

from __future__ import annotations

# Files that cannot be read.
UNREADABLE = "it cannot be read: {error}"
UNREADABLE_PACKED = "it cannot be read ({error})"
UNKNOWN_KIND = "it is no kind of map that is known here: {known}"
NOT_JSON = "it is damaged, or no JSON ({error})"
NOT_GEOJSON = "it is no GeoJSON: it has no list of features"
NOT_SHAPES = "it is no GeoJSON: all that it holds is {kind}"
KIND_OF_JSON = {
    str: "a text", int: "a number", float: "a number", bool: "true or false", type(None): "null",
}  # fmt: skip
NOT_NUMPY = "it is no whole numpy file ({error})"
NOT_TIFF = "it is damaged, or no TIFF ({error})"
NOT_A_STORE = "it is damaged, or no annotation store ({error})"
NO_ANNOTATIONS_TABLE = "it has no table of annotations; it is no store of TIAToolbox"
NO_ANNOTATIONS_COLUMNS = "its table of annotations has no {columns}"
UNSAVED_CHANGES = "{file} holds changes that are not in it yet; close its writer"
READ_TOO_SLOWLY = "it was not read within {seconds:,.0f} s; export fewer shapes"
PROPERTIES_NOT_JSON = "the properties of a shape are no JSON ({error})"
MORE_THAN_ONE_VALUE = "it goes on behind its end"
NAME_EXPECTED = "a name is missing"
CHAR_EXPECTED = "{char!r} is missing"
PIXELS_DAMAGED = "its pixels are damaged ({error})"

# Files that are too large.
TOO_MANY_MIB = "it is of more than {most_mib:,} MiB; export tiles, or fewer of them"
VALUE_TOO_LARGE = "one of its shapes takes more than {size_mib:,} MiB; export it in parts"
TOO_MANY_SHAPES = "it holds more than {most:,} shapes; export fewer"
TOO_MANY_MEASUREMENTS = "it has more than {most:,} different measurements"
SHAPES_EXCEED_MEMORY = "the numbers of its shapes do not fit the memory that is free; export fewer"
TOO_MANY_ARRAYS = "it holds {count:,} arrays, which no map does"
MAP_TOO_FINE = "a map of {columns:,} × {rows:,} is too fine; export it coarser"
MAP_EXCEEDS_MEMORY = "a map of {columns:,} × {rows:,} does not fit the memory that is free; export it coarser"
TOO_MANY_PIXELS = "{width:,} × {height:,} pixels are too many; export it coarser, or as a pyramid"
PIXELS_EXCEED_MEMORY = "its {width:,} × {height:,} pixels do not fit the memory"
OUTLINES_TOO_INTRICATE = "its outlines have too many corners; export simpler ones"
TOO_MANY_PLACES = "{count:,} places, the largest of {columns:,} × {rows:,} patches, are too many"

# Maps of another slide.
OF_ANOTHER_SLIDE = "it is the map of another slide: {error}"
OF_OTHER_PATCHES = "it is the map of another slide, of {found:,.0f} patches and not {expected:,}"
OF_OTHER_EXTENT = "it is the map of another slide, of {width:,.0f} × {height:,.0f} px"
OF_OTHER_SIZE = (
    "it is of {width_mm:,.3g} × {height_mm:,.3g} mm and this slide of {slide_width_mm:,.3g} × "
    "{slide_height_mm:,.3g} mm: it is the map of another"
)
OF_OTHER_SHAPE = (
    "a map of {columns:,} × {rows:,} is not of the shape of this slide of {width:,} × {height:,} px: "
    "it is of another slide, or of an unknown part of one"
)
NEGATIVE_COORDINATES = (
    "some of its coordinates are negative: it is the map of another slide, or its corner is not the "
    "slide's; export it in pixels of the slide's finest level"
)
BEYOND_THE_SLIDE = (
    "it reaches to {x:,.0f}, {y:,.0f} px, beyond the {width:,} × {height:,} px of this slide: it is "
    "the map of another slide, or its coordinates are not in pixels of the finest level"
)
COVERS_NO_PATCH = "it covers half of no patch of 128 µm; nothing of it can be shown"

# Columns and values.
SEVERAL_COLUMNS = "it has several columns of scores: {names}; choose one of them"
NO_SCORES = "it holds no scores: nothing in it has a number to a place"
NO_PLACES = "it holds no scores: its list of places is empty"
NO_SUCH_COLUMN = "it has no scores named {column!r}; it has {names}"
SCORES_PER_PLACE = "its scores are {scores:,} and its places {places:,}"
COORDINATES_NOT_FINITE = "some of its coordinates are no numbers; export the map again"
NEGATIVE_SIZE = "some of its places are of negative size; export the map again"
NONE_IS_A_NUMBER = "none of its scores {column!r} is a number"
ALL_ONE_RANK = "all its scores are {value:g}: there is nothing to see in them"
ALL_ONE_VALUE = "all its scores are {value:g}, beyond 0 to 1: nothing can be scaled"
NO_SHAPES = "it holds no shapes that can be shown."
NOT_A_MAP = "it is no map: it needs 'coords' and 'scores' or 'attention_scores', and has {names}"
WRONG_SHAPE = "{name!r} has the shape {shape}, which no map has"
NOT_A_GRID = "{name!r} has the shape {shape}; a map has rows and columns"
WRONG_PLACES = "its places have the shape {shape}, which is not expected there"
WRONG_PATCH = "patches of {width:g} × {height:g} px make no sense; give their size"
WRONG_PATCH_SIDE = "patches of {side:g} px make no sense; give their size"
WRONG_PATCH_GIVEN = "patches of {side:g} px were asked for, which cannot be"
ARRAY_DAMAGED = "{name} is damaged, or no numpy array ({error})"
ARRAY_NOT_NUMBERS = "{name} holds {kind}, not numbers"
ARRAY_TOO_LARGE = "{name} claims the shape {shape}, too much; export it coarser"
ARRAY_INCOMPLETE = "{name} claims the shape {shape}, and holds fewer values"
MISSING_TILES = "some of its tiles are left out, and would read as 0; export it with all of them"
TOO_MANY_PICTURES = "it holds {count} pictures of one size, which no map has"
IN_COLOURS = "it is a picture in colours, which are no scores; export the values themselves, one channel"
ONE_BIT = "it has one bit a pixel, which is not read: writers differ in what 1 means; export it as 8 bits"
WHITE_IS_ZERO = "its values count from white to black; export the values themselves, with 0 as the lowest"
COMPRESSION = "it is compressed by {name}; export it with deflate"
LZW_TOO_LARGE = "its LZW is in too large pieces; export it in tiles, or with deflate"
WRONG_SAMPLES = "{channels} channels of {bits} bits of this kind are no numbers that are read here"
TOO_MANY_CHANNELS = "it claims more channels or tiles than a map has"

# Notes on a map that was read.
SOURCE = "{file}: {column} from {producer}; {normalisation}."
LESS_THAN, MORE_THAN = "< 0.1%", "> 99.9%"
COVERS = "It covers {share} of the slide; the rest is not analysed."
WITHOUT_NUMBERS = "Places without a number, which are not used: {blank:,} of {total:,}."
NO_SLIDE_NAMED = "The file does not state its slide: check whether it fits the tissue."
STRETCHED = "The file does not state its position; it is stretched over the whole slide."
STRETCHED_AS_MISFIT = "The file states no position that fits; it is stretched over the whole slide."
PATCH_SIZE_FROM_DISTANCE = "The file does not state the size of its patches; their distance says {side:g} px."
SHAPES_ARE_OBJECTS = "Its shapes are cells or points: a patch has the mean of those with their centre in it."
SHAPES_WITHOUT_NUMBER = "Shapes without such a number, where nothing is analysed: {count:,}."
WHOLE_NUMBERS = "Its whole numbers are taken as parts of {largest:,}, and 0 as a score of 0."
RANKS = "ranks of the map's scores (from {low:g} to {high:g}); 0 the lowest, 1 the highest"
AS_IN_FILE = "scores as they are in the file"
RESCALED = "rescaled from the map's range: 0 is {low:g} and 1 is {high:g} in the file"
OUTLINES = "{file}: outlines from {producer}: {count:,}; their classes or colours: {kinds:,}."
LEFT_OUT = "Shapes left out, of {total:,}: {reasons}."
LEFT_OUT_REASON = "{count:,} {reason}"

# Why a shape is left out, after its number.
WITHOUT_PLACE = "without a place"
DAMAGED = "damaged"
NO_OBJECT = "of another kind (a text, a number or a list)"
A_COLLECTION = "in a GeometryCollection, which is not read"
NOT_FINITE = "whose coordinates are no numbers, or beyond all slides"
BESIDE_THE_SLIDE = "beside the slide"
TOO_MANY_CORNERS = "beyond {most:,} corners"
