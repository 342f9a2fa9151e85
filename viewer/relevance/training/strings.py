"""User-visible texts of training a slide head; ``{name}`` is filled with a value."""

from __future__ import annotations

# Feature files.
NO_PATCHES = "it contains no patches"
NO_PATCH_SIZE = "it does not state the size of its patches"
IMPOSSIBLE_PLACES = "its patches lie where no slide can reach"
INVALID_VALUES = "{invalid:,} of its {total:,} patches have invalid values (NaN or infinite)"
INCOMPLETE = "{path}: its analysis is incomplete; the patches analysed so far are used."

# The table of labels.
COLUMN = "{path}: the first line must name exactly one column {column!r}"
VALUE_COUNT = "{path}: line {line} has {found} values for {expected} columns"
NO_SLIDE = "{path}: line {line} names no slide"
SLIDE_TWICE = "{path}: line {line}: slide {slide} is listed twice"
NO_PATIENT = "{path}: line {line}: slide {slide} has no patient, but others have; state it"
UNKNOWN_SPLIT = "{path}: line {line}: split must be train, validation or test, not {split!r}"
SPELLING = (
    "{path}: the labels {one!r} and {other!r} differ only in case or spaces: "
    "spell them alike if they are one class, rename one of them if they are two"
)
NOT_REGULAR = "{path}: not a regular file"
TABLE_TOO_LARGE = "{path}: too large for a table of labels"
TABLE_UNREADABLE = "{path}: cannot be read: {reason}"
NOT_A_TABLE = "{path}: not a table in UTF-8 text ({error})"
UNLABELLED_IN_TABLE = "{path}: no label is given for {slides}."

# Slides and their features.
TOO_FEW_CLASSES = "at least two different labels are needed; found: {labels}"
FILE_SKIPPED = "Skipped: {error}."
SLIDE_TWICE_AMONG_FILES = "{path} and {other_path} are both named {slide}; give one of them only"
SLIDE_IN_TWO_FILES = (
    "{path} and {other_path} both contain features of slide {slide}; "
    "give one of them only, or choose the encoder with --encoder"
)
NO_FEATURES = "none of the labelled slides has features in these files"
UNLABELLED = "No label is given for {slides}."
FEATURES_MISSING = "No features were found for {slides}, which the table labels."
PATIENTS_NOT_STATED = (
    "Patients are not stated (the table has no column patient): every slide counts as a patient of its own. "
    "If several slides are of one patient, training and test may share that patient, and the figures are "
    "too good."
)
AND_MORE = "{names} and {count:,} more"
ENCODER = "{encoder} (version {version}), {width} values per patch"
ENCODERS_DIFFER = (
    "{path}: its features are of {encoder}, those of {other_path} of {other_encoder}; "
    "a head is trained on the features of one encoder: choose it with --encoder"
)

# Splits.
TWO_FOLDS = "two folds leave nothing to train on: use 1 to hold one part out, or 3 or more to rotate"
TOO_FEW_FOR_FOLDS = "{needed} folds need {needed} patients with the label {label}; found: {found}"
TOO_FEW_FOR_PARTS = (
    "training, validation and test need {needed} patients with the label {label}; found: {found}"
)
TOO_FEW_FOR_VALIDATION = "training and validation need 2 patients with the label {label}; found: {found}"
UNEVEN_PARTS = "patients cannot be divided so that all {parts} parts have the label {label}"
PATIENT_IN_TWO_SPLITS = "patient {patient} has slides for {one} and for {other}"
NO_TEST = "the split in the table leaves no slide for the test"
CLASS_MISSING = "no slide for {part} has the label {label}"

# Training and its folder.
DIVERGED = "Training diverged (loss is NaN) on {path}; try a lower --learning-rate"
DIVERGED_IN_VALIDATION = "Training diverged (loss is NaN) in validation, {path}; try a lower --learning-rate"
OUT_OF_MEMORY = (
    "{path}: its {patches:,} patches do not fit in the memory of {device}; --device cpu may have more"
)
FEATURES_CHANGED = "{path}: it was changed during training; start the training again"
WOULD_OVERWRITE = "{path}: training would overwrite this file; choose another folder"
NOT_A_RECORD = "{path}: not the record of a training ({error}); choose another folder"
OTHER_HEAD = "{path}: this head was trained with other slides or options; choose another folder or name"
NOT_A_STATE = "{path}: not the state of a training; remove it, or choose another folder"
STATE_DAMAGED = "{path}: the unfinished training cannot be read ({reason}); remove the file to start again"
OTHER_STATE = (
    "{path}: this unfinished training has other slides or options; finish it with those, "
    "choose another folder, or remove the file"
)

# The report. Tables are Markdown.
INTERVAL = "95 %, {resamples:,} resamples of patients within their labels, percentiles"
HEAD = "A slide head ({kind}) on features of {encoder}, version {version}. {research_use}."
TESTED = "Tested on {slides} that were not used for training ({counts})."
SLIDES_OF_PATIENTS = "{slides:,} slides of {patients:,} patients"
SLIDES_ONLY = "{slides:,} slides (patients not stated)"
AUC_TABLE = "| Class | AUC | 95 % interval |\n|---|---|---|"
AUC_ROW = "| {name} | {auc} | {low} to {high} |"
ACCURACY = "Interval: {interval}. Accuracy {accuracy:.3f}, balanced {balanced:.3f}."
CALIBRATION_TABLE = "| Calibration | before | after |\n|---|---|---|"
ECE_ROW = "| expected calibration error | {before:.3f} | {after:.3f} |"
BRIER_ROW = "| Brier score | {before:.3f} | {after:.3f} |"
SPLIT_TABLE = "| Split | slides | temperature | AUC |\n|---|---|---|---|"
SPLIT_ROW = "| {split} | {slides:,} | {temperature:.3f} | {auc} |"
FOLDS = (
    "The final head was trained after the {folds} folds, on all slides except those of its validation: "
    "the figures are of the heads of the folds, which were trained in the same way."
)
PERFECT_RANKING = "No pair was ranked wrongly, so the interval cannot show how likely that is by chance."
NOT_BETTER_THAN_CHANCE = "Not shown to be better than chance: {classes}."
UNDEFINED = "undefined"
