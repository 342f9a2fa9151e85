"""A folder of HIPT weights for benchmarks: random, of the published shapes. Speed does not depend on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file

from viewer.relevance.encoders.model_registry import registry_file
from viewer.relevance.models.hipt import RegionTransformer
from viewer.relevance.models.vit import Shape, VisionTransformer

if TYPE_CHECKING:
    from pathlib import Path


def register_random_hipt(folder: Path) -> None:
    """Write both levels into a folder, and name it in ``models.toml`` of this ``FOVEOLA_HOME``."""
    torch.manual_seed(1)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        VisionTransformer(Shape(384, 12, 6, 1536), image_px=224, patch_px=16).state_dict(),
        folder / "patches.safetensors",
    )
    save_file(RegionTransformer(Shape(192, 6, 6, 768), 384, 197).state_dict(), folder / "regions.safetensors")
    registry_file().parent.mkdir(parents=True, exist_ok=True)
    registry_file().write_text(f'[hipt]\nfolder = "{folder.as_posix()}"\n', encoding="utf-8")
