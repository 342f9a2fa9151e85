"""Texts of this room that the reader sees; ``{name}`` stands for a value, ``&`` marks the key of a label."""

from __future__ import annotations

# Progress of an analysis.
PROGRESS_NAME = "Progress of the analysis"
NOT_BEGUN = "Nothing is analysed yet."
STARTING = "Starting the analysis…"
QUERY_NOT_ANALYSED = "Nothing is analysed for this query."
ONE_PATCH_DONE = "{done} of 1 patch"
PATCHES_DONE = "{done:,} of {total:,} patches"
REGIONS_DONE = "{done:,} of {total:,} regions"
TOKENS_DONE = "tokens of {done:,} of {total:,} patches"
OVERLAPS_DONE = "{done:,} of {total:,} overlapping patches"
IN_PARTS_DONE = "parts of {done:,} of {total:,} patches"
DONE = "done"
TOKENS_WHERE_ZOOMED = "tokens only where you zoom in"
PAUSED = "paused"
TIME_LEFT = "{time} left"
ABOUT_SECONDS = "about {seconds} s"
ABOUT_MINUTES = "about {minutes} min"
PATCHES_FAILED = "; {count:,} could not be read and are not analysed"
TOKENS_FAILED = "; tokens of {count:,} could not be read"
PAUSE = "Pause"
RESUME = "Resume"
PAUSE_TIP = "Pause the analysis; what is analysed is kept"
STOP = "Stop"
STOP_ATTENTION_TIP = "Stop the analysis and hide the overlay; what is analysed is kept"

# The page of attention.
ATTENTION = "Attention"
SHOW = "&Show on the slide"
SHOW_NAME = "Show saliency or a model's attention"
SHOW_TIP = "Lay saliency or a model's attention over the slide"
MODEL = "Mo&del"
MODEL_NAME = "Model"
FACTS_TIP = "Licence, pixel size and notes"
FACTS_NAME = "About this model"
COMBINE_LEVELS = "Com&bine levels"
COMBINE_LEVELS_NAME = "Combine levels"
FINEST_LEVEL = "Fi&nest level"
ONE_LEVEL = "&Level"
LEVEL_NAME = "Level"
PATCH_HEAD = "&Patch head"
PATCH_HEAD_NAME = "Head for patches"
TOKEN_HEAD = "To&ken head"  # Qt would cut an underlined T: "To" is kerned
TOKEN_HEAD_NAME = "Head for tokens"
OVERLAP = "&Overlap"
OVERLAP_NAME = "Overlapping patches"
NOTES_NAME = "Notes of the analysis"
TITLE_AND_ID = "{title} ({id})"
VIEW_AND_NUMBER = "{view} ({number})"
MEAN_HEAD = "Mean of all"
LARGEST_HEAD = "Largest of all"
HEAD_NUMBER = "Head {number}"
MODES = {
    "factorised": (
        "Region × patch × token",
        "Comparable over the whole slide: each place's share of all attention",
    ),
    "blend": (
        "Ranks, blended",
        "After HIPT's published map: the mean of the ranks of a patch among the tissue of its region and of "
        "a token in its patch. The published map also covers overlapping patches, and ranks glass: "
        "“foveola heatmap --encoder hipt --mode blend” makes it",
    ),
    "single": ("One level alone", "The attention within the next larger square, whatever that one gets"),
}
"""Label and tooltip of each way of combining levels."""
LEVELS = {
    "zoom": ("Follow the zoom", "Finer levels fade in as one zooms in"),
    "region": ("Regions", "Squares of 2 mm on the slide"),
    "patch": ("Patches", "Squares of 128 µm in their region"),
    "token": ("Tokens", "Squares of 8 µm in their patch"),
}
"""Label and tooltip of each level."""
OVERLAPS = {
    "": ("No overlap", "Each place is covered by one patch"),
    "mean": ("Mean, where high", "Where attention is high, the mean over up to four overlapping patches"),
    "max": ("Largest, where high", "Where attention is high, the largest of up to four overlapping patches"),
}
"""Label and tooltip of each way of merging overlapping patches."""

# What is shown without a model, and how to get one.
MEANING_NAME = "What this shows"
SALIENCY_MEANING = (
    "{title} shows what differs from its surroundings by stain, nuclei and texture. High means unusual, not "
    "important. It is no attention of a model."
)
NO_WEIGHTS = """No model with weights is installed. To fetch one, after its terms are shown:
foveola models get kaiko-vits16

For HIPT, which compares patches and regions, too:

1. Download vit256_small_dino.pth, and vit4k_xs_dino.pth for regions, from HIPT_4K/Checkpoints of \
github.com/mahmoodlab/HIPT. Its terms are shown before its first use.

2. Write the network of each into one folder:
foveola encoders --extract vit256_small_dino.pth FOLDER/vit256.safetensors
foveola encoders --extract vit4k_xs_dino.pth FOLDER/vit4k.safetensors

3. foveola models add FOLDER --name hipt

Or train a slide head on slides of your own: foveola train-head SLIDES --labels CSV. More: Help › Guide, \
“Models and heads”."""

# Messages about attention.
NO_PIXEL_SIZE = (
    "This slide does not state its pixel size, without which it is not analysed; "
    "set it with Tools › Set pixel size…"
)
MODEL_GONE = "{title} is no longer in the list of models and is not shown."
SHARE_ANALYSED = "{percent} % analysed"
BEGIN_AGAIN = "Begin again"
ATTENTION_NOT_SHOWN = "The attention cannot be shown: {error}."

# What the legend states about attention.
ATTENTION_OF = "Attention of {title}"
TITLE_AND_FACTS = "{title} ({facts})"
TITLE_AND_VIEW = "{title}: {view}"
LEAST_OF_AVERAGE = "0 is 1/{most} of average"
MOST_OF_AVERAGE = "1 is {most} × average"
LOWEST_RANK, HIGHEST_RANK = "0 lowest rank", "1 highest rank"
AGAINST, FOR = "−1 against", "1 for"
ZERO = "0"
LARGEST_IS_ONE = "1 is the largest value of either sign on this slide"
OF_THE_WHOLE_SLIDE = "patches of the whole slide"
HEAD_OF_LEVEL = "{level}: {head}"
MERGED_OVERLAP = "overlap: {merge}"
LEVEL_NAMES = {"region": "region", "patch": "patch", "token": "token"}
LEVEL_PLURALS = {"region": "regions", "patch": "patches", "token": "tokens"}
WITHIN = {
    "region": "region within the slide",
    "patch": "patch within its region",
    "token": "token within its patch",
}
"""The next larger square, to whose average a level's value is relative."""
AND, TIMES, FADING_INTO = " and ", " × ", ", fading into "
RANKS_OF = "ranks of {levels}"
MEAN_RANKS_OF = "mean of the ranks of {levels}"
NOT_COMPARED = "{levels} are not compared"
FINER_LEVELS = "{levels} as one zooms in"
WITH_NOTES, BETWEEN_NOTES = "{text} ({notes})", "; "
NO_LEVEL_COMPARED = "{levels} are not compared, so the even colour has no meaning ({advice})"
ZOOM_IN = "zoom in for {levels}"
CHOOSE_ANOTHER_LEVEL = "choose another level"

# The legend.
UNFOLD_TIP = "Click for the full legend"
ONE_MORE_LAYER = "1 more layer"
MORE_LAYERS = "{count} more layers"
SENTENCE = "{text}."
LAYERS_FOLDED = "{count} layers ▸"
LAYERS_FOLDED_UNFINISHED = "{count} layers, {unfinished} unfinished ▸"

# How the overlay is drawn.
LOOK_NAME = "Look of the overlay"
COLOURS = "C&olours"
COLOURS_NAME = "Colours"
COLOURS_TIP = "Colour maps that can be read with any colour vision"
LOOK_OF = "How “{title}” is drawn"
LOOK_OF_NEXT = "How the next answer is drawn"
SLIDERS = {
    "opacity": ("O&pacity", "How much of the tissue it covers"),
    "threshold": ("&Threshold", "What is lower is not drawn"),
    "low": ("Lo&west", "What has the first colour; all that is lower has it too"),
    "high": ("&Highest", "What has the last colour; all that is higher has it too"),
    "flashlight_px": ("&Radius", "Radius of the flashlight on the screen"),
}
SLIDER_VALUES = {
    "opacity": "{value:.0%}",
    "threshold": "{value:.2f}",
    "low": "{value:.2f}",
    "high": "{value:.2f}",
    "flashlight_px": "{value:.0f} px",
}
SWITCHES = {
    "fill": ("F&ill", "Colour the patches; close by the best ones are framed instead"),
    "contours": ("&Contours", "Lines of equal likeness"),
    "smooth": ("S&mooth", "Blend from patch to patch; off shows the patches as they were measured"),
    "flashlight": ("&Flashlight", "Show the overlay only round the pointer"),
}

# Layers, and maps of other programs.
LAYERS = "&Layers"
LAYERS_NAME = "Layers"
TITLE_AND_STATE = "{title}, {state}"
LAYERS_TIP = "A tick shows a layer; below is how the selected one is drawn; Delete removes one that was kept"
KEEP = "&Keep as layer"
KEEP_TIP = "Keep what is shown as a layer of its own, beside the next query"
REMOVE = "Re&move layer"
REMOVE_TIP = "Remove the selected layer"
ADD_MAP = "&Add a map or annotations…"
ADD_MAP_TIP = "Lay a map or annotations of another program over the slide"
ADD_MAP_TITLE = "Add a map"
MAP_FILES = "Maps and annotations ({patterns});;All files (*)"
WHICH_SCORES = "Which scores of {file}?"
MAP_TITLE = "{file}: {title}"
MAP_NOT_ADDED = "{file} was not added: its slide is no longer shown. Open the slide, then add the file again."
MORE_NAMES = "…"

# What can be asked.
ASKABLE = "What can be asked"
FIND_TERM = "Find a term"
ASKABLE_HOW = (
    "These can be measured. Join them with and, or, without, near, within 200 µm of. Their names in "
    "{languages} and {last} are understood, too."
)
LIMITS = "Limits: {limits}."
READ_BY = "Read by {ranked}."
NOT_MEASURABLE = "Not measurable: {why}."
PART_MISSING = "Cannot be answered: {why}."
COMPOSED = "{rule}: {meaning}. Cannot be told from {limits}."
PROBLEM = "⚠ {problem}"
NO_SUCH_TERM = "No term holds these words."
ANY_WORDS = "Any words. How well it knows them is not measured here."

# The card of a model.
USE_MODEL = "Use this model?"
ABOUT_MODEL = "About this model"
MODEL_CARD = "Model card…"
MODEL_CARD_TITLE = "{title}: model card"
NO_MODEL_CARD = "The model card cannot be read: {path} ({error})."
FACT_MODEL = "Model"
FACT_FAMILY = "Family"
FACT_LICENCE = "Licence"
FACT_COMMERCIAL = "Commercial use"
FACT_INPUT = "Input"
FACT_VALUES = "Values"
FACT_ASKABLE = "Can be asked"
FACT_LABEL = "{name}:"
COMMERCIAL = {True: "allowed", False: "not allowed", None: "not stated by the licence; ask its owner"}
INPUT = "{width} × {height} px at {mpp_um:g} µm/px"
SHOWN_ONCE = "You see this once for each model; the button beside the list shows it again."
USE = "Use it"
