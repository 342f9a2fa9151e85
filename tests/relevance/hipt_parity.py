"""HIPT's numbers, which lie outside the project: weights by rule, regions, what the reference made of it."""

from __future__ import annotations

import importlib.util
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from viewer.relevance.heatmap.hipt_region import RegionHeatmap, blended, patch_ranks, token_ranks
from viewer.relevance.models.hipt import RegionTransformer, patch_level, read_weights, region_level

if TYPE_CHECKING:
    from viewer.relevance.models.vit import VisionTransformer


def folder() -> Path:
    """Where the fixture lies; skips the test where nobody says."""
    named, slides = os.environ.get("FOVEOLA_HIPT_PARITY"), os.environ.get("FOVEOLA_SLIDES")
    found = Path(named) if named else Path(slides or ".").parent / "reference" / "hipt_parity"
    if not (found / "parity.npz").is_file():
        pytest.skip("FOVEOLA_HIPT_PARITY does not name the folder of HIPT's reference numbers")
    return found


@lru_cache(maxsize=1)
def rules() -> Any:
    """The module that makes the inputs."""
    spec = importlib.util.spec_from_file_location("make_inputs", folder() / "make_inputs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@lru_cache(maxsize=4)
def weights(name: str) -> dict[str, torch.Tensor]:
    """Synthetic weights: "vit256", "vit4k" or "hipt_lgp"."""
    keys = json.loads((folder() / f"keys_{name}.json").read_text())
    return {key: torch.from_numpy(array) for key, array in rules().synthetic_weights(keys).items()}


@lru_cache(maxsize=3)
def region(name: str) -> np.ndarray:
    """(rows, columns, 3) uint8."""
    return np.asarray(rules().synthetic_region(name))


@lru_cache(maxsize=1)
def expected() -> dict[str, np.ndarray]:
    """The reference arrays by name."""
    with np.load(folder() / "parity.npz") as stored:
        return {name: stored[name] for name in stored.files}


def patches(pixels: np.ndarray, px: int = 256) -> torch.Tensor:
    """(rows · columns, px, px, 3) uint8 of a region, row by row."""
    rows, cols = pixels.shape[0] // px, pixels.shape[1] // px
    split = pixels.reshape(rows, px, cols, px, 3).swapaxes(1, 2).reshape(rows * cols, px, px, 3)
    return torch.from_numpy(np.ascontiguousarray(split))


def region_heatmap(patches: np.ndarray, tokens: np.ndarray, *, canvas_px: int = 4) -> RegionHeatmap:
    """The published map for one head of each level, from attention (4, 16, 16) and (2, 256, 16, 16)."""
    return blended(patch_ranks(patches, canvas_px=canvas_px), token_ranks(tokens, canvas_px=canvas_px))


def load_patch_level(path: Path) -> VisionTransformer:
    """ViT-256 from a file alone."""
    return patch_level(path, read_weights(path))


def load_region_level(path: Path, *, feature_width: int) -> RegionTransformer:
    """ViT-4K from a file alone."""
    return region_level(path, read_weights(path), feature_width)
