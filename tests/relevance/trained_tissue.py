"""A tissue encoder as a training leaves it where it is offered: a small made-up network and its record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch

from viewer.relevance.encoders.tissue.card import FACTS, WEIGHTS, trained_folder
from viewer.relevance.encoders.tissue.classes import class_indices
from viewer.relevance.encoders.tissue.network import TissueNetwork
from viewer.relevance.models.checkpoint import sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FIGURES: Mapping[str, tuple[float | None, int]] = {
    "blood": (0.99, 50),
    "mucin": (0.7, 50),
    "liver": (0.99, 3),
    "lung": (None, 50),
}
"""For each tested class its AUROC and the patches that it was tested on."""
ALL_NAMED: Mapping[str, tuple[float | None, int]] = dict.fromkeys(class_indices(), (0.95, 50))


def trained(
    tensors: dict[str, torch.Tensor] | None = None,
    figures: Mapping[str, tuple[float | None, int]] = FIGURES,
    **changes: object,
) -> Path:
    """The record's file. ``changes`` of the record."""
    folder = trained_folder()
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(TissueNetwork().state_dict() if tensors is None else tensors, folder / WEIGHTS)
    by_class = {
        name: {"auc": auc, "patches": patches, "slides": 2} for name, (auc, patches) in figures.items()
    }
    record = {
        "classes": list(class_indices()),
        "weights_sha256": sha256_of(folder / WEIGHTS),
        "calibration": {"temperature": 1.5, "tumour_slope": 1.0, "tumour_shift": -1.0},
        "test": {"classes": {"by_class": by_class}},
        **changes,
    }
    (folder / FACTS).write_text(json.dumps(record))
    return folder / FACTS
