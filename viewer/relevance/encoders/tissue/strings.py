"""User-visible texts of the tissue encoder; ``{name}`` is filled with a value."""

from __future__ import annotations

TITLE = "Tissue encoder"
FAMILY = "a small network trained on labelled regions, beside stain, nuclei and texture"
NORMALISATION = "probabilities of classes that compete, calibrated on slides kept out of training"
LICENCE = "that of the slides that it was trained on; the program is under MIT"
SHIPPED_LICENCE = "MIT; trained on slides under MIT, from EfficientNet-Lite0 under Apache-2.0"
SHIPPED = "Comes with Foveola; one that you train yourself takes its place."
OWN = "Your own, in {path}; without it the one that comes with Foveola is used."
NOTES = (
    "As good as the regions that it was trained and tested on; see its model card. No diagnosis.",
    "Kinds of tumour that it has not seen are missed; what it does not name is not analysed, never negative.",
)
RANKED = (
    "AUROC {auc:.2f} on {slides} slides kept out of training",
    "AUROC {auc:.2f} on one slide kept out of training",
)
"""Of several slides, of one."""
NEEDS_HE = "“{term}” is named by a network that has seen H&E alone; this slide is stained with {stain}."
UNLIKE_SLIDE = (
    "{share:.0%} of a sample of this slide is unlike the H&E that the network was trained on. There tissue "
    "classes are not analysed."
)
PROBABILITY = "probability of {title}"
OTHER_NETWORK = "these are the weights of another network; train the encoder again"

# What a value meant on test slides.
ANY_TUMOUR = "tumour"
OR = " or "
MEANS = {
    False: "of {patches:,} patches at {at} and more, {right:.0%} were {title}, in {slides} test slides",
    True: "of {patches:,} patches at {at} and more, {right:.0%} were {title}, in one test slide",
}
"""By whether there is one slide."""
MEANS_UNTESTED = "what values below {at} meant on test slides was not counted"
MEANS_NOTHING = "no patch of the test slides had such a value for {title}"
THRESHOLD = (
    "from {threshold:.2f} on {title} is said to be there: on test slides {recall:.0%} of its patches reach "
    "that, and {false_alarms:.1%} of tissue without it ({worst:.1%} on the worst slide)"
)
WEAK_VALUE = "weak: below {threshold:.2f}"
WEAK_BELOW = "weak below {threshold:.2f}, and not drawn there"
WEAK_ALL = "all values are weak, and not drawn"
NO_THRESHOLD = "no value says that {title} is there: on slides without it too many patches have any"

# The record of the training.
RECORD_DAMAGED = (
    "{path}: not a record of train-encoder ({error}); train the encoder again, or remove this file to use "
    "the encoder that comes with Foveola"
)
SHIPPED_DAMAGED = "{path}: this part of Foveola is damaged ({error}); install Foveola again"
TOO_LARGE = "it is too large"
OTHER_CLASSES = "it has other tissue classes"
BAD_BIAS = "it does not hold one bias a class"
BAD_THRESHOLD = "a threshold is not between 0 and 1"
BAD_TEMPERATURE = "its temperature is not above 0"
NOT_TRAINED = "this Foveola comes without a tissue encoder; `foveola train-encoder CORPUS` trains one"
