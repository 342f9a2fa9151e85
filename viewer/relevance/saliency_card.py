"""What the reader is told of measured saliency; apart from it: the window's process has no torch."""

from __future__ import annotations

from dataclasses import replace

from viewer.relevance.encoders.card import SALIENCY_ID
from viewer.relevance.measured_card import MEASURED

SALIENCY = replace(
    MEASURED,
    id=SALIENCY_ID,
    title="Measured saliency",
    family="what stands out from its surroundings",
    normalisation="relative to the average of the surroundings",
    notes=("What stands out by stain, nuclei and texture: no attention of a model, and no diagnosis.",),
    attention_heads=(1, 1),
)
