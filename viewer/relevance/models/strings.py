"""User-visible texts on models and their files; ``{name}`` is filled with a value."""

from __future__ import annotations

# Folders and files of weights.
NO_FOLDER = "there is no such folder"
NOT_A_FOLDER = "it is not a folder"
SNAPSHOTS = "it contains {count} snapshots of the model; give the folder of one"
SEVERAL_WEIGHTS = "several files may be the weights ({names}); keep one"
NO_WEIGHTS = "it contains no weights: {names}, or one .safetensors or .pt file"
NO_WEIGHT_FILES = "it contains no weights: no file that ends in {endings}"
UNREADABLE = "it cannot be read: {reason}"
TOO_LARGE = "its {size_gb:.1f} GB do not fit in the {free_gb:.1f} GB of free memory"
WRONG_SHA256 = "its content is not the expected one (SHA-256 differs); download it again"
TENSOR_KIND = "{name} is of a kind that is not supported; ask for plain weights"
QUANTISED = "{name} is of type {dtype}: quantised weights are not supported"
FEWER_VALUES = "it claims more values than it contains; it is damaged or malicious"
INVALID_VALUES = "{name} has invalid values (NaN or infinite); the file is damaged"
EXTRA_NEEDED = "reading it needs the extra 'models': pip install 'foveola[models]'"
NOT_SAFETENSORS = "it is not a complete safetensors file ({error})"
COMPRESSED = "its content is compressed, which torch never does; it was not opened"
OVERLAPPING_PARTS = "its parts overlap; it was not opened"
CUT_SHORT = "its end is missing; download or copy it again"
NOT_TORCH = "it is not a torch file: it begins with {begin!r}"
MORE_THAN_TENSORS = "it contains more than tensors and was not opened; ask for safetensors"
CAN_RUN_CODE = (
    "it contains more than tensors and was not opened, as such a file can run code; ask for safetensors"
)
INCOMPLETE = "it is not a complete file of weights ({error})"
EMPTY = "it is empty; download it again"
GIT_LFS = "it is a Git LFS pointer, not the file itself; run git lfs pull"
WEB_PAGE = "it is a web page, not the file itself; download it again, signed in if necessary"
NO_TABLE = "it contains no table of weights"

# Kinds of models.
VISION_LANGUAGE = "a vision–language model (CLIP, CONCH or KEEP), which encodes patches and text"
LANGUAGE_MODEL = "a language model (BERT), which encodes text"
GIGAPATH_SLIDE = "GigaPath's slide encoder (LongNet)"
RESNET = "a convolutional network (ResNet), which encodes patches"
CONVOLUTIONAL = "a convolutional network, which encodes patches"
REGION_ENCODER = "a region encoder (HIPT's ViT-4K) of width {width} with {blocks} blocks"
PATCH_ENCODER = "a vision transformer of width {width} with {blocks} blocks, which encodes patches"

# Vision–language models.
BAD_CONFIG = "the model's config.json does not describe a model"
WRONG_WEIGHTS = "these are not the weights of a {architecture} model: {faults}"
MISSING_OR_UNEXPECTED = "{error} is missing or has an unexpected shape"
MISSING = "{name} is missing"
WRONG_SHAPE = "{name} is {found} instead of {expected}"
UNKNOWN = "{name} is unknown"
AND_MORE = "{faults} and {count} more"

# Tokenizers.
NO_TOKENIZER = "it contains no tokenizer: {files}"
TOKENIZER_FILES = {
    "clip": "tokenizer.json, or vocab.json and merges.txt",
    "keep": "tokenizer.json or vocab.txt",
    "conch": "conch_byte_level_bpe_uncased.json",
}
"""By architecture."""
TOKENIZER_UNREADABLE = "its tokenizer cannot be read: {error}"
WRONG_TOKENIZER = "its tokenizer has no {token}; it belongs to another model"
TOKENIZER_TOO_LARGE = "it is too large for a tokenizer"

# HIPT.
EXPECTED_INSTEAD = "it is {found}; {expected} was expected"
NOT_THIS = "it is not {expected}"
A_PATCH_LEVEL = "a vision transformer of patches (HIPT's ViT-256)"
A_REGION_LEVEL = "a region encoder (HIPT's ViT-4K)"
A_TRANSFORMER = "a vision transformer of patches or regions"
SAME_LEVEL = "{one} and {other} are both a level of {level}; keep one"
NO_PATCH_LEVEL = "it contains {files}; {expected} is missing"
FILE_OF_KIND = "{file}, {kind}"
AND = " and "
WRONG_REGION_WIDTH = "it reads regions of width {expected}, and those here have width {found}"
WRONG_PATCH_WIDTH = "it was made for patch features of width {expected}, and those here have width {found}"
DIFFERS_FROM_PUBLISHED = "it has the length of the published file but other content; download it again"
WRONG_TOKENS = "its tokens are {shape}, not squares of 16 px in 3 colours"
NOT_A_TRANSFORMER = "its {depth} blocks of width {width} are not a vision transformer"
WRONG_HEADS = "its width {width} does not divide into {heads} heads"
NOT_SQUARE = "its {count} positions do not form a square"
INVALID_OUTPUT = "its weights produce invalid values (NaN or infinite); the file is damaged"
OWN_REGIONS = (
    "Regions are encoded by {file}, because its slide level was trained with its own region encoder."
)
SLIDES_WITHOUT_REGIONS = "{file} needs a level of regions, and there is none: it is not used."
NO_REGIONS = "There is no level of regions (ViT-4K): patches are not compared with each other."
NO_SLIDES = "There is no level of slides: all regions get the same attention."
