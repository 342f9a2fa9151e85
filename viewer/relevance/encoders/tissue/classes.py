"""The tissue classes, in the order of the network's outputs. No torch."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class TissueClass:
    """One class: see ``resources/encoders/tissue_classes.toml``."""

    id: str
    title: str
    meaning: str
    tumour: bool = False
    tissue: bool = True


@lru_cache(maxsize=1)
def tissue_classes() -> tuple[TissueClass, ...]:
    """All classes, in the order of the network's outputs."""
    text = resources.files("resources").joinpath("encoders", "tissue_classes.toml").read_text("utf-8")
    return tuple(TissueClass(name, **table) for name, table in tomllib.loads(text).items())


@lru_cache(maxsize=1)
def class_indices() -> dict[str, int]:
    """Number of a class by its id."""
    return {one.id: number for number, one in enumerate(tissue_classes())}
