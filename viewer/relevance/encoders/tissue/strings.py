"""User-visible texts of the tissue encoder; ``{name}`` is filled with a value."""

from __future__ import annotations

TITLE = "Tissue classes and measured concepts"
FAMILY = "a small network trained on openly licensed slides, beside stain, nuclei and texture"
NORMALISATION = "probabilities of classes that compete, calibrated on slides kept out of training"
LICENCE = "MIT, part of Foveola; trained on the Pathology Atlas (MIT) from EfficientNet-Lite0 (Apache-2.0)"
NOTES = (
    "Trained on regions named by eye, not by a pathologist: no diagnosis.",
    "Kinds of tumour that it has not seen are missed; what it does not name is not analysed, never negative.",
)
RANKED = (
    "AUROC {auc:.2f} on {slides} slides kept out of training",
    "AUROC {auc:.2f} on one slide kept out of training",
)
"""Of several slides, of one."""
NEEDS_HE = "“{term}” is named by a network that has seen H&E alone; this slide is stained with {stain}."
PROBABILITY = "probability of {title}"
OTHER_NETWORK = "these are the weights of another network; install Foveola again"
