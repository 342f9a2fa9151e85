"""What this room says to the reader; ``{name}`` stands for a value."""

from __future__ import annotations

# Encoders that cannot be found or used.
UNKNOWN_ENCODER = "there is no encoder {encoder!r}; there are {known}"
PLUGIN_NOT_LISTED = "An encoder of another package cannot be listed: {error}"
ID_TAKEN = "{title} is left out: another encoder has its id, {encoder}."
NO_TEXT_QUERIES = "{title} does not accept text queries; it has attention maps"
EMPTY_TERM = "{title} needs words to search for; this term has none"

# Devices.
CARD_FAILED = "{title}: the graphics card failed ({error})"
CARD_LOST = "{title}: the graphics card is lost ({error})"
MEMORY_FULL = "{title}: the memory of {device} is full"

# models.toml and heads.toml.
FILE_UNREADABLE = "{path}: it cannot be read: {error}"
PROBLEM = "{path}: [{name}]: {error}"
MISSING_KEY = "{key} is missing"
BAD_VALUE = "{key} = {value!r} is not understood"
TOO_LARGE_FOR_TABLES = "it is too large for a list of models or heads"
NOT_CHANGED = "{path}: [{name}] cannot be changed: {error}; change it by hand"
UNCHANGEABLE = "it is written in a way that is not changed here"
NO_FILE = "{file}: there is no such file"

# Composed concepts.
COMPOSED_GROUP = "Composed of several"
CONCEPT_PLACE = "{path}, line {line}: [{id}]"
CONCEPT_LEFT_OUT = "{place} is left out: {error}"
TOO_LARGE = "it is too large for a list of composed concepts"
NO_HEADING = "{path}: what stands before the first [heading] is left out"
BAD_ID = "a heading has one pair of brackets, letters, digits, - and _"
ID_TWICE = "its heading stands twice"
TOO_MANY_CONCEPTS = "a file has {most} entries at most"
UNKNOWN_KEY = "there is no key {key}; there are {known}"
NO_SUCH_CLASS = "needs names {id}, which is no tissue class; there are {known}"
BAD_PHRASE = "“{phrase}” is no phrase: {most} words at most, no quotation marks, brackets and other signs"
OPERATOR_IN_PHRASE = "“{phrase}” holds “{word}”, which joins terms: give it another name"
PHRASE_TAKEN = "“{phrase}” stands for [{id}] already; an entry of that id replaces it"
UNKNOWN_WORDS = "its rule “{rule}” names {words}, which the lexicon does not have"
BAD_RULE = "its rule “{rule}” cannot be read. {problem}"
RULE_LOOP = "its rule comes back to itself: {chain}"
NEVER_NAMED = "its rule names {missing}, which no model here names"
RULE_OF_BAD = "its rule names [{id}], which is left out"
RULE_TOO_LARGE = "its rule has more than {most} terms, or is nested deeper than {depth}"
RULE_NOT_READ = "its rule “{rule}” cannot be read with what the model in use names"
PARTS_MISSING = "it is read as “{rule}”, and the model in use does not name {missing}"

# Models.
MODEL_NAME = "{name!r} is no name for a model: letters, digits, - and _, 64 at most"
NOT_KNOWN_BY_NAME = "weights in a folder need a model that is known: {known}"
NO_MODEL = "{path}: there is no [{name}]"
RESERVED_NAME = "this name is one of Foveola's own; give the model another"
ARCHITECTURES = "architecture is {known}, not {value!r}"
STATISTICS = "statistics is {known}, not {value!r}"
FIELD_SIZE = "field_px and mpp_um must make a square of 128 to 512 µm"
HIPT_FIELD_SIZE = "hipt is for squares of 256 px at 0.5 µm: field_px = 256, mpp_um = 0.5"
HIPT_HAS_NO_SHA256 = (
    "hipt and vit may be folders of several files, for which there is no sha256; take the key out"
)
COMMERCIAL = "commercial is true or false, or left out, not {value!r}"
HEADS = "heads are how many there are for tokens and for patches: [6, 6]"
OTHER_HEADS = (
    "{folder}: its heads are {found} (for tokens, for patches), and {expected} are expected; "
    "an entry in models.toml with heads = {found} is for others"
)
WEIGHTS_UNREADABLE = "it cannot be read: {error}"
CONFIG_TOO_LARGE = "it is too large for a description of a model"
NO_CONFIG = "it does not describe a model"
LESS_PRECISE = "Patches are computed in {dtype}: on samples the cosine with float32 is {cosine:.5f} or more."

# Slide heads.
NO_HEAD = "{path}: there is no slide head {name!r}; there are {known}"
NOT_A_HEAD = "{encoder} is no slide head"
HEAD_NAME = "{name!r} is no name for a head: letters, digits, - and _, 64 at most"
CLASSES = "classes is a list of names"
HEAD_OF_HEAD = "encoder = {encoder!r}: a head reads the features of an encoder, not of a head"
HEAD_OF_FILE = "encoder = {encoder!r}: these features are of a file, and none here computes them"
OTHER_ENCODER = (
    "the head {head} reads features of {expected}, version {expected_version}, and "
    "these are of {found}, version {found_version}"
)
OTHER_FILE = "it is not the file that was registered (SHA-256 differs)"
DAMAGED_WEIGHTS = "the results of this head are not finite: its weights are damaged"
PROBABILITIES = "{title}, patches used: {patches:,}. {values}. No diagnosis."
EMPTY_VIEWS = "{title} does not compute these maps, which stay empty: {views}."
HEAD_FAMILY = "slide head over the features of “{encoder}”"
HEAD_NORMALISATION = "attention relative to even; contributions relative to the largest"
HEAD_LICENCE = "your own file"
HEAD_NOTE = "Attention of a head, and contributions to its classes: no diagnosis."
VIEW_OF_ATTENTION = "Attention"
VIEW_OF_CONTRIBUTION = "Speaks for {name}"
VIEW_OF_SINGLE_PATCH = "Alone it says {name}"

# Families and normalisations of models.
VISION_LANGUAGE_FAMILY = "vision–language model"
VISION_LANGUAGE_NORMALISATION = "contrast with neutral prompts; not calibrated"
HIPT_FAMILY = "hierarchical vision transformer"
VIT_FAMILY = "vision transformer of patches"
HIPT_NORMALISATION = "attention, relative to even attention"

# How well words are ranked, behind "is read by".
BY_MEASURED = "measured concepts ({tested})"
BY_TISSUE = "the tissue encoder ({tested})"
TESTED = (
    "AUROC {auc:.2f} on {slides} test slides",
    "AUROC {auc:.2f} on one test slide, which says little",
)
"""Of several slides, of one."""
HARDLY_TESTED = "how well is not known: too few test patches, {patches}"
OWN_TISSUE = "the tissue encoder ({figure})"
TISSUE_BETTER = ", the tissue encoder would do better ({auc:.2f})"
TISSUE_NO_BETTER = ", the tissue encoder is not clearly better ({auc:.2f})"
BESIDE_MEASURED = ", measured concepts {auc:.2f}"
NOT_MEASURED = ", measured concepts cannot name it"
WEAK = ". That is weak: many of the places shown are something else"
MOSTLY_MISSED = ". It misses most: {recall:.0%} of it reaches the threshold of {threshold:.2f}"
LIKE_NORMALISATION = "likeness of the network's vectors to those of the examples"

# Reasons.
RANK = "{percentile} percentile of this slide"
REFINED = " ({value} at 0.5 µm/px)"
OF_PART = ", in its best part"
