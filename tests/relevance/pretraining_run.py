"""Pretrainings of seconds: tiny networks on small made slides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.relevance.tissue_corpus import add_slide
from viewer.relevance.models.vit import Shape
from viewer.relevance.training.pretraining.pretrain import PretrainingOptions, pretrain
from viewer.relevance.training.pretraining.recipe import Recipe, StageRecipe
from viewer.relevance.training.tissue.corpus import read_corpus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from viewer.slide.source import Source

_PATCHES = StageRecipe(
    shape=Shape(width=64, depth=1, heads=1, mlp_width=128),
    whole=64,
    part=32,
    parts=2,
    hidden=64,
    bottleneck=64,
    outputs=256,
    batch=8,
    momentum=0.9,
    per_slide=24,
    steps=4,
    save_every=1,
)
TINY = Recipe(_PATCHES, replace(_PATCHES, shape=Shape(24, 1, 6, 48), whole=14, part=6, batch=4, per_slide=2))
COARSE_UM = 8.0
"""At this pixel size a made slide of 512 px holds four regions."""


def small_slides(folder: Path) -> list[Path]:
    """The slides of a corpus of two cases with two tissues each, in ``folder``."""
    for name in ("one", "two"):
        add_slide(folder, name)
    return sorted((folder / "slides").iterdir())


def run(slides: Sequence[Path], folder: Path, *, mpp_um: float = 1.0, **more: Any) -> dict[str, Any]:
    """``pretrain`` on slides with pixels of this size; options and arguments by name."""
    given = {name: more.pop(name) for name in ("corpus", "progress", "note", "report") if name in more}
    if "corpus" in given:
        given["corpus"] = read_corpus(given["corpus"])

    def pixel_size(_source: Source) -> tuple[float, float]:
        return mpp_um, mpp_um

    return pretrain(slides, PretrainingOptions(**more), folder, pixel_size_of=pixel_size, **given)
