"""What a folder of weights is: the entry that models.toml needs for it, read from the files themselves.

This file imports torch.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from viewer.common.errors import EncoderError
from viewer.relevance.encoders.hub import strings
from viewer.relevance.models.checkpoint import (
    CheckpointError,
    kind_of_model,
    model_folder,
    read_tensors,
    sha256_of,
    weights_file,
    weights_files,
)
from viewer.relevance.models.hipt import load_hipt
from viewer.relevance.models.normalisation import STATISTICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_FIELD_PX = {"conch": 512}
_USUAL_FIELD_PX = 256
_MPP_UM = 0.5
_STATISTICS = {"clip": "openai", "conch": "openai", "keep": "imagenet"}
"""Of all published models of these architectures; a ViT's must be stated."""
_DESCRIPTIONS = ("preprocessor_config.json", "open_clip_config.json", "config.json")
_SAME_COLOUR = 2e-3


def probed(
    path: Path, *, known: Mapping[str, Any] | None = None, statistics: str | None = None
) -> dict[str, Any]:
    """The entry of a model's folder. Of a model ``known`` by name only folder and digest are said, the rest
    is known.

    ``statistics``: of its training, where its files do not state them. Raises EncoderError, CheckpointError.
    """
    folder = model_folder(path)
    table: dict[str, Any] = {"folder": str(path.absolute())}
    if known is not None:
        architecture = known["architecture"]
    else:
        architecture = _architecture(folder)
        table |= {
            "architecture": architecture,
            "field_px": _FIELD_PX.get(architecture, _USUAL_FIELD_PX),
            "mpp_um": _MPP_UM,
            "statistics": statistics or stated_statistics(folder) or _STATISTICS.get(architecture) or "",
        }
        if not table["statistics"]:
            raise EncoderError(strings.STATISTICS_NEEDED.format(path=path, known=", ".join(STATISTICS)))
    if architecture in ("hipt", "vit"):
        if known is None:
            table["heads"] = list(load_hipt(folder).heads((1, 1)))
    else:
        table["sha256"] = sha256_of(weights_file(folder))
    return table


def stated_statistics(folder: Path) -> str | None:
    """The name of the colours that the model's own description states, None where it states none.

    Raises EncoderError for ones that are not known here.
    """
    for name in _DESCRIPTIONS:
        try:
            content = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if not isinstance(content, dict):
            continue
        parts = [content, content.get("preprocess_cfg"), content.get("pretrained_cfg")]
        found = (part.get(key) for part in parts if isinstance(part, dict) for key in ("image_mean", "mean"))
        mean = next((one for one in found if _is_colour(one)), None)
        if mean is not None:
            matching = (known for known, (of, _) in STATISTICS.items() if _same(of, mean))
            named = next(matching, None)
            if named is None:
                raise EncoderError(strings.OTHER_STATISTICS.format(path=folder / name, mean=mean))
            return named
    return None


def _is_colour(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(one, int | float) for one in value)


def _same(one: Iterable[float], other: Iterable[float]) -> bool:
    return all(abs(a - b) < _SAME_COLOUR for a, b in zip(one, other, strict=True))


def _architecture(folder: Path) -> str:
    """By the names of the tensors. Raises EncoderError for a model that answers nothing about patches."""
    try:
        files = [weights_file(folder)]
    except CheckpointError:  # several, which HIPT's are
        files = weights_files(folder)
    names: set[str] = set()
    kind = None
    for file in files:
        tensors = read_tensors(file)
        names |= set(tensors)
        kind = kind or kind_of_model(tensors)
    if any(name.startswith("visual.trunk.") for name in names):
        return "conch"
    if any(name.startswith("visual_head.") for name in names):
        return "keep"
    if any(name.startswith(("vision_model.", "visual.transformer.", "visual.conv1")) for name in names):
        return "clip"
    if "patch_embed.proj.weight" in names:
        return "hipt" if any(name.endswith("phi.0.weight") for name in names) else "vit"
    template = strings.NOT_FOR_PATCHES if kind else strings.UNKNOWN_WEIGHTS
    raise EncoderError(template.format(path=folder, kind=kind))
