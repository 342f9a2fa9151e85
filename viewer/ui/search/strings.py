"""Texts of the query panel and the search; ``{name}`` stands for a value."""

from __future__ import annotations

from viewer.relevance.patches.field import COMBINED, PROBABILITY, UNIT

# The panel and its tabs.
QUERY = "Query"
RESULTS = "Results"
PLACES_TAB = "Places"
WHY_TAB = "Why"
SIMILAR_TAB = "Similar"
OVERLAY_TAB = "Overlay"
NOTE = "Note: {text}"
WARNING = "⚠ {text}"
STOP_TIP = "End the analysis of this slide; Resume or the next query goes on from here"

# The encoder.
ENCODER_NAME = "Encoder"
ENCODER_TIP = "What reads the patches: for each word what ranks it best on test slides, or always the same"
BEST_FOR_EACH = "Best for each word"
ENCODER_FACTS_NAME = "About the encoder"
ENCODER_FACTS_TIP = "Licence, pixel size and limits of the encoder"

# The line of the query.
QUERY_PLACEHOLDER = "What to look for"
QUERY_DESCRIPTION = (
    "Words such as lymphocytes, joined by and, or, without, near. Enter starts the search, Down shows "
    "earlier queries, Escape goes back to the slide."
)
QUERY_TIP = "Words joined by and, or, without, near. Enter starts the search, Down shows earlier queries"
SUGGESTIONS_NAME = "Suggestions"
QUERY_TOO_LONG = "A query has at most {most:,} characters; the rest was left out."
REMARKS_NAME = "Remarks about query and analysis"
ASKABLE_TIP = "What can be asked, by group, with limits"

# Weights.
WEIGHTS_HEADING = "What the query measures, and how much it counts"
WEIGHTS_NAME = "Weights of the query"
WEIGHT_NAME = "Weight of {concept}"
WEIGHT_IN_TERM_NAME = "Weight of {concept} in {term}"
WEIGHT_TIP = "How much {concept} counts; arrow keys change it by 1 %"
RESET_WEIGHTS = "Reset weights"
RESET_WEIGHTS_TIP = "Use the weights that the words alone give"

# Names of what is searched for, in lists and legends.
LIKE_EXAMPLES = "places like your examples"
WEIGHTS_CHANGED = "{query} (weights changed)"

# Saved queries.
SAVED_QUERIES = "Saved queries"
SAVED_QUERIES_TIP = "Save this query, or search with a saved one"
SAVE_QUERY = "&Save this query…"
SAVE_QUERY_TIP = "Keep the query with its weights under a name"
SAVE_QUERY_TITLE = "Save this query"
QUERY_NAME_LABEL = "Name:"
NO_SAVED_QUERIES = "No saved queries"
REMOVE_QUERY = "&Remove"
FORGET_QUERIES = "&Forget earlier queries"

# Places.
PLACE_LIST_NAME = "Places, most alike first"
PLACE_TITLE = "{number}. {value}"
PLACE_SHORT_TITLE = "{number}. {score:.2f}"
PLACE_WEAK = "{number}. weak, {score:.2f}"
NONE_ABOVE = {
    True: "No place above {threshold:.2f} for {title}. The most alike, all weak:",
    False: "No place above {threshold:.2f} for {title} yet. The most alike so far, all weak:",
}
"""By whether all is analysed."""
NO_THUMBNAIL = "no picture: {error}"
PREVIOUS_PLACE = "Previous place"
PREVIOUS_PLACE_TIP = "Go to the previous place in the list"
NEXT_PLACE = "Next place"
NEXT_PLACE_TIP = "Go to the next place in the list"
ONE_PLACE = "1 place"
PLACE_COUNT = "{count} places"
PLACE_NUMBER = "{number} of {places}"
RANKING_FAILED = "The places found could not be ranked: {error}"

NEW_PLACES = "{count} new"
NEW_PLACES_NAME = "{count} new places"
NEW_ORDER = "New order"
NEW_PLACES_TIP = "The analysis has found more; show all, in their order"

# In place of the places.
ADVICE_NAME = "Why there are no places"
EXAMPLE_QUERIES = ("lymphocytes", "necrosis", "adipose tissue without blood vessels", "glands near fat")
OPEN_A_SLIDE = "Open a slide to search it."
UNSEARCHABLE = "This can be searched for, among others:"
TYPE_A_QUERY = "Type what to look for and press Enter. Try:"
NOT_A_DIAGNOSIS = "What is shown is likeness, or a computed probability. It is not a diagnosis."
NEEDS_PIXEL_SIZE = "The search waits for the pixel size, which this file does not state."
SET_PIXEL_SIZE = "Set pixel size…"
REFUSED = "This encoder cannot answer this query on this slide; nothing is analysed for it."
SEARCHING = "Searching…"
SEARCHING_BY_SECOND = (
    "Searching… The tissue encoder analyses this slide now, as it reads a word of this better; that takes "
    "longer than measured concepts."
)
NO_PLACE_YET = "No place stands out yet; the analysis goes on."
NO_PLACE = (
    "No place on this slide stands out. This describes what was measured; it does not mean that there is "
    "none."
)
CHECK_HATCHED = "Hatched areas are not analysed: check them, too."
STOPPED_WITHOUT_PLACE = (
    "No place stood out in what was analysed before the analysis ended. Resume continues it."
)
STOPPED_WITHOUT_ANSWER = "Nothing was found before the analysis ended. Resume continues it."
STOPPED = "Stopped. What was analysed is kept."

# Why a place has its value.
WHY_NAME = "Why here"
WHY_HINT = "Click the slide, or choose a place in the list, to see which measurements made the value there."
WHY_TITLE = "{place}: {value}"
NOT_ANALYSED = "not analysed"
VALUES = {
    UNIT: "likeness {score:.2f}",
    PROBABILITY: "probability {score:.2f}",
    COMBINED: "score {score:.2f}",
}
"""By the unit of the score."""
ESTIMATED = "{value}, estimated from nearby patches; not analysed itself yet"
REASONS_PENDING = "{term}: computing…"
NO_REASONS = "{term}: no tissue to measure, or an encoder without named measurements."
REASON_FOR = "▲ for: {reason}"
REASON_AGAINST = "▼ against: {reason}"

# Examples.
SIMILAR_NAME = "Find similar"
EXAMPLES_NAME = "Examples"
EXAMPLES_HINT = (
    "Draw a frame on the slide with Pick. The upper buttons add the middle of the view, their keys the place "
    "under the pointer."
)
LIKE = "+ &Like this"
LIKE_TIP = "Add the patch in the middle of the view; the key adds the one under the pointer"
UNLIKE = "− &Unlike this"
UNLIKE_TIP = (
    "Add the patch in the middle of the view as a counter-example; the key adds the one under the pointer"
)
PICK_LIKE = "Pick like…"
PICK_LIKE_TIP = "Draw a frame round tissue like what you search for"
PICK_UNLIKE = "Pick unlike…"
PICK_UNLIKE_TIP = "Draw a frame round tissue unlike what you search for"
REMOVE_EXAMPLE = "&Remove"
REMOVE_EXAMPLE_TIP = "Remove the selected example"
REMOVE_ALL_EXAMPLES = "Remove &all"
REMOVE_ALL_EXAMPLES_TIP = "Remove all examples and end this search"
EXAMPLE_LIKE = "+ like {place}"
EXAMPLE_UNLIKE = "− unlike {place}"
EXAMPLE_PATCHES = "{example}, {count} patches"
NO_PATCH = "There is no patch of the slide at that place."
NOT_ADDED = "Not added: {error}."
TOO_MANY_EXAMPLES = "examples may hold {most} patches in all; draw a smaller frame"

# Files for other programs.
EXPORT_PLACES = "Export places"
EXPORT_LAYER = "Export layer"
WHICH_LAYER = "Which layer?"
PLACES_FILE = "{slide}-places"
LAYER_FILE = "{slide}-layer"
FILE_KINDS = {
    ".geojson": "GeoJSON for QuPath",
    ".csv": "Table of places, CSV",
    ".ome.tiff": "Heatmap, OME-TIFF",
    ".h5": "Scores of patches, HDF5",
}
NOTHING_TO_EXPORT = "What lies over the slide has no values that could be saved."
ALL_WEAK = "No place reaches what it must: there is none to be exported."
EXPORTING = "Writing {file}…"
EXPORTED = "Saved {file}"
NOT_EXPORTED = "{path}: not saved ({error})"
IS_THE_SLIDE = "not saved, this is the slide itself; choose another name"
IS_NO_FILE = "not saved, this is no regular file; choose another name"

# Menus at a right click.
GO_TO_PLACE = "Go to this place"
SHOW_LAYER = "Show"
LOOK = "Look…"
OPEN_SLIDE = "Open"
SHOW_IN_FOLDER = "Show in file manager"
COPY_PATH = "Copy path"
TAKE_OUT = "Remove from list"
FOLDER_NOT_SHOWN = "No file manager could be opened for {folder}."

# Kept layers.
LAYERS_NOT_KEPT = "Kept layers stay only until the slide is closed: {error}."
ONE_LAYER_WAITS = "A layer kept on this slide was made at {sizes} µm/px; it is shown at that pixel size."
LAYERS_WAIT = (
    "{count} layers kept on this slide were made at {sizes} µm/px; they are shown at that pixel size."
)
OR_SIZE = " or "
