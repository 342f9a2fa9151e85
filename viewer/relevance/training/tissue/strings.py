"""User-visible texts of training the tissue encoder; ``{name}`` is filled with a value."""

from __future__ import annotations

NO_REGIONS = (
    "{path}: holds no regions/*.geojson; a corpus is a folder with slides and regions of the same names"
)
REGIONS_UNREADABLE = "{path}: cannot be read as regions ({error})"
NO_SLIDE = "{path}: there is no slide of this name in {folder}; its regions are left out"
SLIDE_UNREADABLE = "{path}: cannot be opened ({error}); its regions are left out"
NO_PIXEL_SIZE = "{path}: states no pixel size, and none could be estimated; state mpp_um in {regions}"
UNKNOWN_CLASS = "{path}: {count} regions have no class of the encoder ({names}) and are left out"
SHAPELESS = "{path}: {count} regions are no rectangles with an area and are left out"
TOO_SMALL = (
    "{path}: {count} regions lie beyond the slide or are narrower than {side_um:.0f} µm and are left out"
)
NOTHING_LEFT = "{path}: no region of it can be used"
TOO_FEW = "{path}: for training it takes regions of at least two classes on at least two slides"
BAD_PART = "{path}: part must be train, calibration or test, not {part!r}"
PATCHES_UNREADABLE = "{path}: {count} patches could not be read and are left out"
OTHER_TRAINING = "{path}: belongs to a training with other regions or options; choose another folder"
DIVERGED = "{path}: the training diverged at step {step}; use a smaller learning rate"
START_MISFIT = "{path}: these are not the weights of EfficientNet-Lite0 or of a tissue encoder ({error})"

# The model card.
CARD_TITLE = "# Tissue encoder"
CARD_USE = "A small network that names the tissue of a patch of 128 µm on H&E. {research_use}"
CARD_DATA = (
    "**Data.** {slides} slides with labelled regions: {train} of {train_cases} cases for training, "
    "{calibration} for calibration, {test} of {test_cases} other cases for the test. {steps} steps, "
    "seed {seed}, from {start}."
)
CARD_STEPS = "{steps:,}"
CARD_FINISHED_EARLY = "The first {until:,} of {steps:,} planned"
CARD_RANDOM_START = "random weights"
CARD_LABELS = (
    "**Labels** are rectangles drawn and named by eye with the diagnosis known; they are not a "
    "pathologist's. Patches within a region are not independent, and for rare classes class and slide "
    "cannot be told apart."
)
CARD_NOT_TESTED = (
    "**Not tested**: the corpus has no slides for a test. Nothing is known of how well it names tissue."
)
CARD_CLASSES = (
    "**Classes**, on regions of test slides: the likeliest class is right for {balanced_accuracy:.2f} of "
    "the patches of a class on average; calibration error {calibration_error:.3f}."
)
CARD_CLASS_TABLE = (
    "| Class | Slides | Patches | AUROC (95 %, by case) | Mean within slides | Lowest | Named right |\n"
    "|---|---|---|---|---|---|---|"
)
CARD_CLASS_ROW = "| {title} | {slides} | {patches} | {auc} | {within} | {lowest} | {recall:.2f} |"
CARD_UNTESTED = "Not in the test slides, so nothing is known of: {names}."
CARD_MEANINGS = (
    "**What a value means.** A class is said to be there from its threshold on: the lowest of 0.50 and more "
    "at which, on the calibration slides, at most 1 % of what does not show it has such a value, on average "
    "over slides (of tumours 3 % at most on the worst). That is all tissue of tumour-free slides for "
    "tumours, the regions of other classes for the rest. On test slides: how much of the class reaches the "
    "threshold, how much of other tissue does, and of how many patches at a value and more which share was "
    "the class. All before ink, dirt, folds and blur lower a value."
)
CARD_MEANING_TABLE = (
    "| Class | Threshold | Reached by | False alarms | Worst slide "
    "| 0.5 and more | 0.7 and more | 0.9 and more |\n"
    "|---|---|---|---|---|---|---|---|"
)
CARD_MEANING_ROW = "| {title} | {threshold} | {recall:.0%} | {alarms:.1%} | {worst:.1%} | {levels} |"
CARD_LEVEL = "{right:.0%} of {patches:,} in {slides} slides"
CARD_TUMOUR = (
    "**Tumour** (regions of any tumour against all tissue of tumour-free test slides): AUROC {auc}; at 80 % "
    "recall {alarms:.1%} of tumour-free tissue is called tumour. Above a probability of 0.5 lie {mean:.1%} "
    "of tumour-free tissue on average, {worst:.1%} on the worst slide ({worst_slide}). Calibration error of "
    "that probability, every case counting the same: {error:.3f}."
)
CARD_TUMOUR_TABLE = (
    "| Slide | Diagnosis | AUROC | Alarms at 80 % recall | Regions above 0.5 |\n|---|---|---|---|---|"
)
CARD_TUMOUR_ROW = (
    "| {slide} | {diagnosis} | {auc:.3f} | {false_alarms_at_80_recall:.1%} | {above_threshold:.0%} |"
)
CARD_NOVEL = (
    "**Unlike anything trained on** is a patch whose stain and texture depart further from those of the "
    "training slides than those of 99 % of the tissue of the calibration slides. Its classes are not "
    "analysed. On test slides: {mean:.1%} of the tissue on average, {worst:.1%} on the worst slide "
    "({worst_slide})."
)
CARD_FAILURES = (
    "**Known failures**: the patches of test slides that it gets most wrong, at most two of a slide. First "
    "what it takes for tumour on slides without any, then tumour that it misses, with the probability of "
    "tumour that it gave."
)
CARD_PICTURES = "![The patches of the table, by number]({file})"
CARD_FAILURE_TABLE = "| No. | Failure | Region | Probability | Slide | Diagnosis |\n|---|---|---|---|---|---|"
CARD_FAILURE_ROW = "| {number} | {kind} | {tissue} | {probability:.2f} | {slide} | {diagnosis} |"
CARD_ALARM, CARD_MISSED = "false alarm", "missed tumour"
CARD_NO_REGION = "none: any tissue of the slide"
CARD_INTERVAL = "{auc:.3f} ({low:.3f}–{high:.3f})"
CARD_UNDEFINED = "–"
CARD_LIMITS = (
    "**Must not be used** to rule anything out: kinds of tumour that the corpus lacks are missed, and what "
    "it does not name is not analysed, never negative. It has seen H&E of paraffin sections alone."
)
