"""What a training of the tissue encoder leaves: random weights, and a record with made figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

from viewer.relevance.encoders.tissue.card import FACTS, PAGE, WEIGHTS, trained_folder
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

MEANING: dict[str, Any] = {
    "title": "blood",
    "threshold": 0.62,
    "recall": 0.8,
    "false_alarms": 0.004,
    "worst": 0.02,
    "levels": [
        {"at": 0.5, "patches": 1050, "slides": 3, "cases": 2, "right": 0.9},
        {"at": 0.9, "patches": 41, "slides": 1, "cases": 1, "right": 0.98},
    ],
}
OF_VALUES = (
    "of 1,050 patches at 0.5 and more, 90% were blood, in 3 test slides",
    "of 41 patches at 0.9 and more, 98% were blood, in one test slide",
)


def trained(
    tensors: dict[str, torch.Tensor] | None = None,
    figures: Mapping[str, tuple[float | None, int]] = FIGURES,
    *,
    folder: Path | None = None,
    **changes: object,
) -> Path:
    """What a training leaves in ``folder``, None: where it is offered; the record's file. ``changes`` of
    the record."""
    folder = folder or trained_folder()
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.save(TissueNetwork().state_dict() if tensors is None else tensors, folder / WEIGHTS)
    by_class = {
        name: {"auc": auc, "patches": patches, "slides": 2} for name, (auc, patches) in figures.items()
    }
    record = {
        "classes": list(class_indices()),
        "weights_sha256": sha256_of(folder / WEIGHTS),
        "calibration": {"temperature": 1.5, "tumour_slope": 1.0, "tumour_shift": -1.0},
        "test": {"classes": {"by_class": by_class}, "meanings": {"blood": MEANING}},
        "novel": {},
        **changes,
    }
    (folder / PAGE).write_text("# Tissue encoder")
    (folder / FACTS).write_text(json.dumps(record))
    return folder / FACTS
