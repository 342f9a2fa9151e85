"""What commands print, but for their help; ``{name}`` stands for a value."""

from __future__ import annotations

from viewer.relevance.patches.strings import COMBINED_UNIT, LIKENESS, PROBABILITY

# Values of arguments.
NOT_A_NUMBER = "{text!r} is not a number"
NUMBER_RANGE = "{text} is not a number of sensible size"
NOT_POSITIVE = "{text} is not above 0"
NOT_WHOLE = "{text} is not a whole number"
NOT_A_SEED = "{text!r} is not a whole number, 0 or above"
EMPTY_FILE_NAME = "the name of the file is empty"
NOT_A_POINT = "{text!r} is not X,Y"
NOT_A_SIZE = "{text!r} is not WIDTHxHEIGHT"
WRONG_SUFFIX = "{text!r} does not end in {suffix}"
SHARE_RANGE = "{text} is more than 1, which is all of the tissue"
DISTANCE_RANGE = "{text} µm is more than a centimetre"
TWO_FOLDS = "two folds leave nothing to train on; give 1, or 3 or more"

# Where results are written.
THE_SLIDE = "the slide"
THE_MAP = "the map"
THE_FEATURES = "the features file"
THE_CHECKPOINT = "the training checkpoint"
OVERWRITES_INPUT = "{path}: this is {input} itself; choose another name"
NOT_A_REGULAR_FILE = "{path}: this is not a regular file; choose another name"
NOT_A_FOLDER = "{path}: this is not a folder; choose another name"
AMONG_WEIGHTS = "{path}: this folder holds the weights; choose another folder"
NOT_SAFETENSORS = "{path}: its name must end in .safetensors"

# Every command.
SEE_HELP = "{command}: {error} (see {command} --help)"
ERROR_LINE = "foveola: {error}"
INTERRUPTED = "interrupted"
OUTPUT_FAILED = "the output cannot be written: {error}"
ANALYSING = "analysing"
FEATURES_OF_SLIDES = "features of {count:,} slides by {encoder}: {folder}"
READING = "reading"
RENDERING = "rendering"
REPLAYING = "replaying"
TRAINING = "training"
WRITING = "writing"

# Encoders and their terms.
TERMS_OF = "{encoder}: {terms}"
TERMS = "{licence}; {commercial}"
COMMERCIAL_USE = {
    True: "commercial use allowed",
    False: "no commercial use",
    None: "commercial use not stated",
}
ADD_MODELS = "More: foveola models list. Those added are named in {path}."

# Known models, fetched with consent.
MODEL_STATES = {"here": "here", "begun": "not complete", "not here": "not here", "by hand": "by hand"}
ABOUT_MB = "~{size_mb:,} MB"
MODELS_HINT = (
    "foveola models get ID shows the terms and asks before it fetches; nothing else fetches anything."
)
MODEL_LICENCE = "licence     {licence}"
MODEL_TERMS = "terms       {terms}"
MODEL_ON_HUB = "published   {repository} on {host}, commit {commit}"
HUB_LICENCE = "there       licence: {licence}"
LICENCE_NOT_STATED = "not stated"
MODEL_SIZE = "size        {size_mb:,.1f} MB:"
CONTINUES = "of which {there_mb:,.1f} MB are here already"
GATED = "gated       its publishers decide who has access; your own token is used"
KEPT_IN = "kept in     {folder}, pinned by commit and digest"
TYPE_YES = 'Agree to these terms and fetch it? Type "yes": '
YES = "yes"
NOTHING_FETCHED = "nothing was fetched"
FETCHING = "fetching"
MODEL_ADDED = "added       {folder}; offered in the window and as --encoder {name}"
TAKES_OUT = "takes [{name}] out of models.toml"
DELETES = "deletes {folder}"
FILES_STAY = "its files stay where they are"
TYPE_YES_TO_REMOVE = 'Go on? Type "yes": '
NOTHING_REMOVED = "nothing was removed"

# Pictures and phantoms.
ONE_PATCH_NOT_ANALYSED = "1 patch not analysed"
PATCHES_NOT_ANALYSED = "{count:,} patches not analysed"
ONE_TILE_FAILED = "1 tile could not be decoded, marked in the picture"
TILES_FAILED = "{count:,} tiles could not be decoded, marked in the picture"
FIRST_FAILURE = "{path}: {warning}; the first: {failure}"
PHANTOM_FOCUS = (
    "the focus of a phantom of {size:,} px is {least:g} to {most:g} µm wide, not {focus:g}; a larger phantom "
    "takes a larger one"
)
PHANTOM_WITHOUT_FOCUS = "a phantom of {size:,} px is too small for a focus: --size 8192 takes one of 80 µm"
PHANTOM_SIZE = "a phantom is {least} to {most:,} px wide, not {size:,}"

# Options that do not go together.
MODEL_CARD = "model card: {path}"
ENCODER_NEEDS_QUERY = "--encoder needs --query"
OVERLAY_NEEDS = "--overlay needs --query or --map"
MAP_OPTIONS_NEED_MAP = "--column and --patch-px need --map"
QUERY_OR_MAP = "--query and --map cannot be combined; give one of them"
OUTLINES_HAVE_NO_SCORES = (
    "it holds outlines, which have no scores; foveola snapshot --map draws them over the slide"
)
MAP_TAKES_NO = "--map shows the result of another program; remove {option}"
CHOOSE_COLUMN = "{error} with --column"
SHARE_NEEDS_OVERLAP = "--overlap-share needs --overlap"
POINT_OPTIONS_NEED_POINTS = "--top and --radius need --points"
NO_ATTENTION = "{encoder} gives no attention; remove {option}"
NEEDS_QUERY = "{encoder} needs a query; give --query TEXT"
NO_TEXT_QUERIES = "{encoder} does not accept text queries; remove --query, or choose another encoder"
NO_TOKENS = "{encoder} gives attention of whole patches; {option} needs an encoder of tokens"
HEAD_TAKES_NO = "{encoder} is a slide head; remove {option}"
HEAD_MAP = "--head must be one of the maps of {encoder}: {maps}"
NO_SUCH_MAP = "{encoder} does not give this map: {map}; choose another with --head"
BLEND_WITH_OVERLAP = "the published blend already includes patches half-way between others; remove --overlap"
WEIGHTS_HINT = "{error}; for weights in a folder give --weights DIR"

# Answers to queries. The first lines are a table.
QUERY_LINE = "query       {query}"
UNDERSTOOD_LINE = "understood  {term}: {concepts}"
AS_WORDS = "as these words"
ANALYSED_LINE = "analysed    {known:,} of {patches} with tissue, {encoder}"
PATCHES = {True: "1 patch", False: "{count:,} patches"}  # by whether it is one
NO_PLACES_LINE = "places      none stands out"
MEANING_LINE = "meaning     {sentence}"
ALL_WEAK = "No place above {threshold:.2f} for {title}; these are the most alike, all weak:"
PLACES_HEADER = "rank {value:>8}      x px      y px  because"
VALUES = {LIKENESS: "likeness", PROBABILITY: "probable", COMBINED_UNIT: "score"}
"""Head of the column of values, by their unit."""
VALUES_NOTE = {
    LIKENESS: "Measured likeness, not a diagnosis. {research_use}.",
    PROBABILITY: "Probability of a class of the tissue encoder, not a diagnosis. {research_use}.",
    COMBINED_UNIT: "Combined of likeness and probabilities of classes, not a diagnosis. {research_use}.",
}
"""By the unit of the values."""

# Heatmaps: what their files state, and notes.
MAP_NAME = "{encoder}, {map}"
ATTENTION_NAME = "{encoder}, {mode}, finest level {level}, {head}"
ATTENTION_NAME_OVERLAP = "{name}, {merge} of overlapping patches where it is highest"
HEAD_NUMBER = "head {number}"
PUBLISHED_BLEND = "published blend"
RANKS_BLENDED = "ranks, blended"
AS_PUBLISHED = (
    "The published heatmap, for every region of 2 mm. Beyond the edge of a region it uses the pixels of the "
    "slide, not white; glass is white."
)
OVERLAP_PASS = "overlap pass"
OVERLAP_UNIFORM = "Attention is uniform; no overlap pass was run."
OVERLAP_DONE = "Also analysed: {patches} half-way between others, over {area}."
OVERLAP_DONE_PARTLY = (
    "Also analysed: {patches} half-way between others, over {area}; {failed:,} more could not be read."
)
ALL_TISSUE = "all of the tissue"
TISSUE_SHARE = "the {percent:.3g} % of the tissue with the highest attention"
NO_POINTS = "{path} holds no points: no token has more than even attention."

# Indexing.
FOLDER_UNREADABLE = "{folder} cannot be read: {error}; its slides are left out"
NO_SLIDES = "there are no slides in these folders"
SLIDES = {True: "1 slide", False: "{count:,} slides"}  # by whether it is one
SLIDE_NOTE = "{slide}: {note}"
SLIDES_FAILED = "{failed:,} of {slides} could not be analysed"
INDEX_COMPLETE = "complete   {slide}: {patches}, already analysed"
INDEX_ANALYSED = "analysed   {slide}: {patches}, {seconds:.1f} s"
INDEX_ANALYSED_PARTLY = "analysed   {slide}: {patches}, {failed:,} could not be read, {seconds:.1f} s"

# Training.
NO_CUDA = "there is no CUDA card that torch can use here; --device cpu always works"
NOT_REGISTERED = (
    "nowhere: the features are from another program ({encoder}) and cannot be computed here, so the head is "
    "not offered"
)
REGISTERED = "as {name} in {path}"
HEAD_TITLE = "{name}: {classes}"
CLASSES_OR = " or "
AUC_UNDEFINED = "not defined: the test lacks a class"
AUC = "{auc:.3f} ({low:.3f} to {high:.3f})"
TESTED_LINE = "tested      {slides}, splits: {splits}"
AUC_LINE = "AUC         {name}: {auc}"
CALIBRATION_LINE = (
    "calibration error {before[ece]:.3f} before, {after[ece]:.3f} after; "
    "Brier score {before[brier]:.3f} before, {after[brier]:.3f} after"
)
HEAD_LINE = "head        {path}"
REPORT_LINE = "report      {page}, {facts}"
REGISTERED_LINE = "registered  {registered}"
ATTENTION_NOTE = "Attention is no explanation and no diagnosis. {research_use}."

# Benchmarks.
REGIONS_OF_ONE = "--regions is for one slide; several have their regions beside them"
NOT_MEASURED = "not measured"

# train-encoder
ENCODER_TRAINED = "weights {weights}; model card {page}; offered in the window and as --encoder tissue"
ENCODER_KEPT = "weights {weights}; model card {page}; not offered, as it was written elsewhere with -o"

# pretrain
PRETRAINED = "weights and record {folder}; page {page}, with the lines for models.toml that open it"
