"""What ``--help`` of each command prints; ``{name}`` stands for a value, mostly a default."""

from __future__ import annotations

# The program.
DESCRIPTION = "A viewer for whole-slide images. Without a command, opens the window."
EPILOG = "{research_use}. Not for use in diagnostic procedures."
DEBUG = "show where an error comes from"
JSON = "print JSON"

# Options of several commands.
ENCODER = (
    "encoder ID; see `foveola encoders` (the best for each word of a query; without one a tissue encoder "
    "that was trained here, else measured)"
)
MPP = "size of a level-0 pixel, in µm"
MAP_GROUP = "a map of another program"
MAP = "scores: .h5 of CLAM, .tif, .geojson of QuPath (annotations, too), .db of TIAToolbox, .npy, .npz"
MAP_COLUMN = "which scores to show, where the map has several"
MAP_PATCH_PX = "side of a patch in level-0 pixels, where the map does not state it"

# open, demo, doctor, info
OPEN = "open the window, with slides or folders of slides if given (the default)"
DEMO = "make a demo slide and open it; without a display, leave a screenshot"
DOCTOR = "report what works on this machine, and what to install where something does not"
INFO = "print the facts of a slide"

# snapshot, phantom
SNAPSHOT = "render a part of a slide to a PNG file, without a display"
CENTER = "centre of the picture, in level-0 pixels"
DOWNSAMPLE = "level-0 pixels per pixel of the picture"
PICTURE_SIZE = "size of the picture in pixels"
ROTATE = "turn clockwise, in degrees"
ICC = "apply the slide's colour profile"
NO_MARGIN = "leave out the margin that says what colours over the slide mean"
SNAPSHOT_QUERY = "overlay the places where this is found"
OVERLAY = "colour map of the overlay: viridis, magma …"
PHANTOM = "write a procedural H&E-like slide, with its regions as GeoJSON beside it"
PHANTOM_SIZE = "width and height in pixels"
PHANTOM_FOCUS = "a lymph node with one focus of tumour of this diameter, in µm, instead of the colon"
PHANTOM_SEED = "another seed, another slide (default 0)"

# query, index, encoders
QUERY = "find where on a slide something is; print the places or write them to files"
QUERY_TEXT = (
    'such as "lymphocytes near adipose tissue without blood"; in English, German, French, Spanish or Turkish'
)
LIKE = "an example to find, in level-0 pixels; may be given several times"
UNLIKE = "an example to avoid, in level-0 pixels; may be given several times"
TOP_PLACES = "most places to list (10)"
EXPLAIN = "print all measurements behind each place"
GEOJSON = "write places and patches for QuPath"
SCORES = "write the score of every analysed patch"
FEATURES = "use the features of TRIDENT, CLAM, STAMP or slideflow in this file instead of measuring"
INDEX = "analyse slides, so that queries are answered at once"
INDEX_PATHS = "slides, and folders of slides"
SCHEDULER = "address of a Dask cluster that can read the files, as tcp://host:8786"
ENCODERS = "list the encoders, with their licences"
EXTRACT = "write the HIPT or DINO network of a training checkpoint, a tenth of its size, and list nothing"

# models
MODELS = "fetch known open models after showing their terms; add and remove models"
MODELS_LIST = "list the models known by name: licence, size, terms, and which are here"
MODELS_GET = (
    "fetch a known model from its hub, after you agree to its licence and terms; continues what was begun"
)
MODELS_ADD = "add a folder or file of weights, or another repository of the hub, after reading what it is"
MODELS_REMOVE = "take a model out of models.toml, and delete what Foveola fetched of it"
ACCEPT_TERMS = "agree to the terms that are shown, in a script"
WITHOUT_ASKING = "remove it without asking"
MODEL_NAME = "ID of the model; that of a known one takes over what is known of it (name of the folder)"
MODEL_TITLE = "title in the window (name of the folder)"
MODEL_LICENCE = "its licence, where none is stated"
MODEL_REVISION = "commit to fetch (the newest, which is then kept to)"
MODEL_STATISTICS = "colours of its training: openai, imagenet, half or lunit (as its files state)"

# heatmap
HEATMAP = "write scores, or attention, as an image that lies over the slide"
HEATMAP_QUERY = "what to find"
ATTENTION_GROUP = "attention, of an encoder that gives it"
WEIGHTS = "folder of the weights of the encoder"
MODE = "how levels are combined ({default})"
LEVEL = "finest level ({default})"
HEAD = "mean, max or a number from 1 (mean); of a slide head, the number of a map"
OVERLAP = (
    "also analyse patches half-way between others where attention is highest, and merge by mean or maximum"
)
OVERLAP_SHARE = "share of the tissue for --overlap, up to 1 ({default:g})"
POINTS = "write the tokens with the highest attention on the slide, all levels together, as points for QuPath"
TOP_POINTS = "most points to write ({default})"
RADIUS = "least distance of two points, in µm ({default:g})"

# train-head
TRAIN_HEAD = "train a slide head on features of labelled slides, test it and register it"
TRAINING_PATHS = "slides, features (Foveola's, TRIDENT's, CLAM's, STAMP's, slideflow's), and folders of them"
LABELS = "columns slide and label; optionally patient and split (train, validation, test)"
HEAD_KIND = "gated attention, or SPAN (gated)"
HEAD_NAME = "name of the head (that of the table)"
HEAD_FOLDER = "folder for the head and its report"
FEATURES_ENCODER = "encoder of the features, where there are several, and for slides ({default})"
FOLDS = "folds of cross-validation by patients; 1: one held-out test (5)"
TRAINING_SEED = "the same seed repeats a training (0)"
EPOCHS = "most epochs (100)"
PATIENCE = "epochs without a better validation before training ends (15)"
LEARNING_RATE = "(0.0002)"
TRAINING_DEVICE = "where to compute (cuda where there is a card, else cpu)"

# bench
BENCH = "measure speed, and how well patches are ranked, on a slide"
BENCH_NAVIGATE = "replay jumps and pans in the real window"
TRACE = '{"jumps": [[cx, cy, downsample], …], "pans": […]}'
VIEW_SIZE = "of the view (1280x800)"
BENCH_DECODE = "tiles per second on one core, beside OpenSlide and the bare codec"
BENCH_ENCODE = "patches per second of an encoder, beside a bare loop of its network"
BENCH_DEVICE = "where to compute (cpu)"
BENCH_SLIDE = "also from the file of this slide, end to end"
BENCH_RANKING = "how well an encoder ranks the patches of labelled regions (area under the ROC curve)"
REGIONS = "the regions (NAME.regions.geojson beside the slide)"
RANK_BY_EXAMPLES = "rank by three patches of each class instead of words; always so without text queries"
COMPILE = "also as torch compiles the network"

# train-encoder
TRAIN_ENCODER = "train the tissue encoder on slides with labelled regions, test it and write its model card"
CORPUS = "a folder with slides/ and regions/*.geojson of the same names"
ENCODER_FOLDER = "write the encoder here instead of where it is offered"
START_WEIGHTS = "weights of EfficientNet-Lite0 or an earlier tissue.pt to start from; random without"
STEPS = "steps of 64 patches (4000)"
UNTIL = "finish at this step: calibrate and test what was learned so far; without it, the training goes on"
ENCODER_SEED = "the same seed repeats a training (0)"

# pretrain
PRETRAIN = "train the two levels of a HIPT on slides without labels, by self-distillation"
PRETRAINING_SLIDES = "slides, and folders of slides"
PRETRAINING_FOLDER = (
    "folder for the weights, the record and the page; an unfinished pretraining there goes on"
)
PRETRAINING_SHAPE = "small: for a CPU; full: the published widths and depths, for a CUDA card (small)"
STAGE = "which level to train; regions need the level of patches in the folder (both)"
STAGE_STEPS = "steps of each stage (2000; full 100000)"
PRETRAINING_SEED = "the same seed repeats a pretraining (0)"
PRETRAINING_RATE = "of a batch of 256 (0.0005)"
KNN_REGIONS = (
    "a folder with slides/ and labelled regions/*.geojson, by which nearest neighbours are compared with the "
    "measured concepts as training goes"
)
