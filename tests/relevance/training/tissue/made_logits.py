"""Made slides whose logits tell their tissue to a chosen degree: no pixels, no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from viewer.relevance.encoders.tissue.card import LOGITS
from viewer.relevance.encoders.tissue.classes import class_indices, tissue_classes
from viewer.relevance.training.tissue.corpus import CorpusSlide, Part
from viewer.relevance.training.tissue.patches import UNLABELLED, SlidePatches

Logits = dict[str, np.ndarray]
A_REGION = 40
TISSUE = 300


def made_slide(
    name: str, *classes: str, case: str = "", part: Part = "test", tumour_free: bool = False
) -> SlidePatches:
    """A slide with a region of each class, and a sample of all tissue."""
    slide = CorpusSlide(
        name, Path(name), Path(name), (), case or name, part, tumour_free, 1.0, "", "a diagnosis"
    )
    labels = [class_indices()[one] for one in classes for _ in range(A_REGION)] + [UNLABELLED] * TISSUE
    regions = [number for number, _ in enumerate(classes) for _ in range(A_REGION)] + [UNLABELLED] * TISSUE
    return SlidePatches(
        slide, np.zeros((len(labels), 1, 1, 3), np.uint8), np.array(labels), np.array(regions)
    )


def made_logits(
    slides: list[SlidePatches], *, sure: float = 6.0, tumour_shift: float = 0.0, noise: float = 1.0
) -> Logits:
    """By slide. A patch's own class stands out by ``sure``; tissue of no region is stroma."""
    random = np.random.default_rng(7)
    tumours = np.array([one.tumour for one in tissue_classes()])
    found = {}
    for one in slides:
        labels = np.where(one.labels == UNLABELLED, class_indices()["fibrous_stroma"], one.labels)
        logits = random.normal(0, noise, (len(labels), LOGITS))
        logits[np.arange(len(labels)), labels] += sure
        logits[:, -1] += np.where(tumours[labels], sure / 2, -sure / 2) + tumour_shift
        found[one.slide.name] = logits
    return found
