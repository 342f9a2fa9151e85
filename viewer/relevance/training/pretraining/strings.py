"""User-visible texts of pretraining; ``{name}`` is filled with a value."""

from __future__ import annotations

# Slides.
LEFT_OUT = "{reason}; left out"
SAME_SLIDE = "{path}: the same slide as {other}; left out"
TOO_SMALL = {
    "patches": "{path}: smaller than a patch of 128 µm; left out",
    "regions": "{path}: smaller than a region of 2 mm, so it teaches nothing about regions",
}
NO_TISSUE = "{path}: no tissue was found; left out"
UNREADABLE = {
    "patches": "{path}: {count} patches could not be read and are left out",
    "regions": "{path}: {count} regions could not be read and are left out",
}
NO_LABELLED_PATCH = "{path}: no region of it can be used for nearest neighbours"
TOO_FEW = {
    "patches": "these slides give {count} patches of tissue to train on, and it takes {least}",
    "regions": "these slides give {count} regions of 2 mm with tissue to train on, and it takes {least}",
}

# Trainings.
TITLE = "Pretraining"
OTHER_RUN = "{path}: belongs to a pretraining with other slides or options; choose another folder"
NO_PATCH_LEVEL = "{path}: there is no level of patches; train it first, with --stage patches or both"
DIVERGED = "{path}: the training of {stage} diverged at step {step}; use a smaller --learning-rate"
RECORD_DAMAGED = "{path}: not a record of a pretraining ({error}); remove it, or choose another folder"

# What is reported as it goes.
STEP = "{stage}, step {step:,} of {steps:,}: loss {loss:.3f}"
STEP_NAMED = "{step}; nearest neighbours name {share:.3f} right"
MEASURED_NAMED = "{stage}: nearest neighbours name {share:.3f} right by the measured concepts"
NOTHING_LABELLED = {
    "patches": "No class is labelled on slides of two cases: nearest neighbours are not asked.",
    "regions": (
        "No class is labelled on regions of two cases among the slides that are trained on: nearest "
        "neighbours are not asked of regions."
    ),
}

# The page.
PAGE_TITLE = "# Pretrained HIPT"
PAGE_USE = "A hierarchical model, trained without labels by self-distillation (DINO). {research_use}"
PAGE_STAGE = {
    "patches": (
        "## Patches\n\n{slides} slides, {items:,} patches of 256 px at 0.5 µm per pixel. Shape {shape}, "
        "{steps:,} steps of {batch}, seed {seed}, on {device}."
    ),
    "regions": (
        "## Regions\n\n{slides} slides, {items:,} regions of 16 × 16 patches (2 mm). Shape {shape}, "
        "{steps:,} steps of {batch}, seed {seed}, on {device}."
    ),
}
PAGE_NEIGHBOURS = (
    "Of {asked:,} labelled {stage} of {cases} cases and {classes} classes, the {neighbours} nearest of other "
    "cases name by the measured concepts {measured:.3f} right (the mean over classes; chance is about "
    "{chance:.3f})."
)
PAGE_VERDICT = {
    True: "The model is better at it: {model:.3f}.",
    False: "The model is **not better** at it: {model:.3f}.",
}
PAGE_SEEN = "{slides_trained_on} of the {slides} labelled slides were trained on too, without their labels."
PAGE_HISTORY = "| Step | Loss | Named right |\n|---|---|---|"
PAGE_ROW = "| {step:,} | {loss:.3f} | {share} |"
PAGE_NOT_ASKED = "–"
PAGE_SLIDES = "| Slide | µm per pixel | {stage} |\n|---|---|---|"
PAGE_SLIDE = "| {name} | {mpp_um:.3g} | {items} |"
PAGE_OPEN = "## To open it\n\nWrite into `models.toml` in the settings folder, under any name:"
PAGE_ENTRY_TITLE = "Pretrained HIPT ({folder})"
PAGE_ENTRY = """```toml
[pretrained]
folder = {folder}
title = {title}
architecture = "hipt"
field_px = 256
mpp_um = 0.5
statistics = "half"
licence = "your own"
heads = [{tokens}, {patches}]
```"""
PAGE_LIMITS = (
    "Attention is no explanation and no diagnosis. What a model attends to that was trained without labels "
    "is what tells its slides apart, stains and scanners among it."
)
