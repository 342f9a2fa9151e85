"""The card of the tissue encoder, and what its training recorded. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer.relevance.encoders.card import TISSUE_ID, EncoderCard
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.tissue import strings
from viewer.relevance.encoders.tissue.classes import tissue_classes

if TYPE_CHECKING:
    from collections.abc import Mapping

VECTOR_WIDTH = 64
LOGITS = len(tissue_classes()) + 1
"""One a class, then tumour against all other tissue."""
LEAST_AUC = 0.9
"""On held-out slides: a class that ranks worse there is not named."""
_FOLDER = "encoders"


@dataclass(frozen=True, slots=True)
class TissueFacts:
    """The record that ``foveola train-encoder`` wrote beside the weights."""

    weights_sha256: str
    calibration: Mapping[str, float]
    classes: Mapping[str, Mapping[str, Any]]
    """By id, those that were tested: see ``training.tissue.evaluation``."""


def weights_path() -> Path:
    """The shipped weights."""
    return Path(str(resources.files("resources").joinpath(_FOLDER, "tissue.pt")))


@lru_cache(maxsize=1)
def tissue_facts() -> TissueFacts:
    """Of the shipped weights."""
    text = resources.files("resources").joinpath(_FOLDER, "tissue.json").read_text("utf-8")
    content = json.loads(text)
    return TissueFacts(
        content["weights_sha256"], content["calibration"], content["test"]["classes"]["by_class"]
    )


@lru_cache(maxsize=1)
def named_classes() -> tuple[tuple[str, str], ...]:
    """The classes that may be named, each with how well it ranked on slides of other cases."""
    return tuple(
        (name, strings.RANKED[one["slides"] == 1].format(auc=one["auc"], slides=one["slides"]))
        for name, one in tissue_facts().classes.items()
        if one["auc"] is not None and one["auc"] >= LEAST_AUC
    )


@lru_cache(maxsize=1)
def tissue_card() -> EncoderCard:
    """The version is that of the weights."""
    return replace(
        MEASURED,
        id=TISSUE_ID,
        title=strings.TITLE,
        family=strings.FAMILY,
        feature_count=MEASURED.feature_count + LOGITS + VECTOR_WIDTH,
        normalisation=strings.NORMALISATION,
        licence=strings.LICENCE,
        notes=strings.NOTES,
        feature_kind="embedding",
        vector_width=VECTOR_WIDTH,
        version=f"{MEASURED.version}-{tissue_facts().weights_sha256[:12]}",
    )
