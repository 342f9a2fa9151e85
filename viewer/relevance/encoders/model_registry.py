"""The user's models: ``models.toml`` names folders with weights, of models known here by name or not.

This file imports no torch: the list is read by the window's process, models are loaded in the worker's.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer.common.errors import EncoderError
from viewer.common.paths import config_dir
from viewer.relevance.encoders import strings
from viewer.relevance.encoders.card import (
    FILE_PREFIX,
    HEAD_PREFIX,
    MEASURED_ID,
    SALIENCY_ID,
    TISSUE_ID,
    EncoderCard,
    ModelEntry,
)
from viewer.relevance.encoders.table_file import read_tables, replace_table, value
from viewer.relevance.models.normalisation import STATISTICS
from viewer.relevance.patches.grid import PATCH_UM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from viewer.relevance.encoders.protocols import Encoder


_MIB = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_HEADS = 64
_HIPT_PX = 256


# The registry


@dataclass(frozen=True, slots=True)
class Registry:
    """The models of the user's registry file, and a sentence on each entry that cannot be used."""

    models: Mapping[str, ModelEntry]
    problems: tuple[str, ...]


def registry_file() -> Path:
    """``models.toml`` in the folder of the settings. One table a model::

    [plip]                      # a name of resources/encoders.toml: only the folder is needed
    folder = "/models/plip"

    [ours]                      # any other name: all keys are needed
    folder = "/models/ours"
    title = "Our CLIP"
    architecture = "clip"       # clip, keep, conch, hipt or vit
    field_px = 256              # the side of its square,
    mpp_um = 0.5                # at this size of pixel
    statistics = "openai"       # of its training: openai, imagenet, half or lunit
    licence = "our own"
    commercial = true
    sha256 = "..."              # optional: of its file of weights; not of hipt and vit
    heads = [6, 6]              # of hipt and vit: for tokens and for patches
    """
    return config_dir() / "models.toml"


def read_registry(path: Path | None = None) -> Registry:
    """What the registry file (None: the usual one) names. A missing file is an empty registry.

    A bad entry is a problem; the others are kept.
    """
    path = path or registry_file()
    try:
        tables = read_tables(path)
    except EncoderError as error:
        return Registry({}, (str(error),))
    known = known_models()
    models: dict[str, ModelEntry] = {}
    problems: list[str] = []
    for name, table in tables.items():
        try:
            models[name] = _entry(name, {**known.get(name, {}), **table} if isinstance(table, dict) else {})
        # A folder that cannot be read, a home that does not exist, a number that is too large.
        except (EncoderError, OSError, RuntimeError, OverflowError) as error:
            problems.append(strings.PROBLEM.format(path=path, name=name, error=error))
    return Registry(models, tuple(problems))


def check_model_name(name: str) -> str:
    """The name, where it can be one of a model and of a folder. Raises EncoderError."""
    if not _NAME.fullmatch(name):
        raise EncoderError(strings.MODEL_NAME.format(name=name))
    if name in (MEASURED_ID, TISSUE_ID, SALIENCY_ID):
        raise EncoderError(strings.RESERVED_NAME)
    return name


def register_model(name: str, table: Mapping[str, Any]) -> None:
    """Put a model into the registry file, in place of one of the same name. Loads it once: imports torch.

    Raises EncoderError where the model or the file cannot be used, SaveError.
    """
    load_entry(_entry(name, {**known_models().get(name, {}), **table}))
    replace_table(registry_file(), name, table)


def unregister_model(name: str) -> None:
    """Take a model out of the registry file; its files stay. Raises EncoderError, SaveError."""
    replace_table(registry_file(), name, None)


def registered_table(name: str) -> Mapping[str, Any] | None:
    """What the registry file says of a model itself, None where it does not name it. Raises EncoderError."""
    table = read_tables(registry_file()).get(name)
    return table if isinstance(table, dict) else None


def known_models() -> dict[str, Any]:
    """The models known by name: what ``resources/encoders.toml`` says of each."""
    return tomllib.loads(resources.files("resources").joinpath("encoders.toml").read_text(encoding="utf-8"))


def model_cards() -> tuple[EncoderCard, ...]:
    """The models of the registry file, by name."""
    return tuple(entry.card for _, entry in sorted(read_registry().models.items()))


def missing_model(encoder_id: str) -> EncoderError | None:
    """The problem of a model in the registry file; None where the file has none of this id."""
    problems = read_registry().problems
    return next((EncoderError(problem) for problem in problems if f"[{encoder_id}]" in problem), None)


def entry_in(encoder_id: str, folder: Path) -> ModelEntry:
    """A model that is known by name, with its weights in a folder that is registered nowhere. Raises
    EncoderError.
    """
    known = known_models()
    if encoder_id not in known:
        raise EncoderError(strings.NOT_KNOWN_BY_NAME.format(known=", ".join(sorted(known))))
    return _entry(encoder_id, {**known[encoder_id], "folder": str(folder)})


def load_model(encoder_id: str) -> Encoder:
    """A model of the registry file, ready for work. Raises EncoderError."""
    entry = read_registry().models.get(encoder_id)
    if entry is None:
        reason = strings.NO_MODEL.format(path=registry_file(), name=encoder_id)
        raise missing_model(encoder_id) or EncoderError(reason)
    return load_entry(entry)


def load_entry(entry: ModelEntry) -> Encoder:
    """A model, ready for work: imports torch, reads weights. Raises EncoderError."""
    if entry.card.attends:
        from viewer.relevance.encoders.hipt_encoder import HiptEncoder

        return HiptEncoder.load(entry)
    from viewer.relevance.encoders.vision_language import VisionLanguageEncoder

    return VisionLanguageEncoder.load(entry)


_VISION_LANGUAGE: dict[str, Any] = {
    "family": strings.VISION_LANGUAGE_FAMILY,
    "normalisation": strings.VISION_LANGUAGE_NORMALISATION,
    "query_kind": "free text",
    "scores_files": True,
}
_VISION: dict[str, Any] = {
    "normalisation": strings.HIPT_NORMALISATION,
    "attends": "tokens",
    "magnifies": True,
}
_ARCHITECTURES: dict[str, dict[str, Any]] = {
    "clip": _VISION_LANGUAGE,
    "keep": _VISION_LANGUAGE,
    # Its features are stored from before the step that makes them comparable with words.
    "conch": {**_VISION_LANGUAGE, "scores_files": False},
    "hipt": {"family": strings.HIPT_FAMILY, **_VISION},
    # The patches of any DINO or timm ViT with 16-px tokens.
    "vit": {"family": strings.VIT_FAMILY, **_VISION},
}
"""What the cards of all models of an architecture have in common."""


def _entry(name: str, table: Mapping[str, Any]) -> ModelEntry:
    if name in (MEASURED_ID, SALIENCY_ID) or name.startswith((HEAD_PREFIX, FILE_PREFIX)):
        raise EncoderError(strings.RESERVED_NAME)
    folder = Path(value(table, "folder", str)).expanduser()
    architecture, statistics = value(table, "architecture", str), value(table, "statistics", str)
    if architecture not in _ARCHITECTURES:
        raise EncoderError(strings.ARCHITECTURES.format(known=", ".join(_ARCHITECTURES), value=architecture))
    shared = _ARCHITECTURES[architecture]
    attends = "attends" in shared
    if statistics not in STATISTICS:
        raise EncoderError(strings.STATISTICS.format(known=", ".join(STATISTICS), value=statistics))
    field_px, mpp_um = value(table, "field_px", int), float(value(table, "mpp_um", float, int))
    patch_px = round(PATCH_UM / mpp_um) if 0.05 <= mpp_um <= 20 else 0
    if not (patch_px <= field_px <= 4 * patch_px and patch_px):
        raise EncoderError(strings.FIELD_SIZE)
    if attends and (patch_px, field_px) != (_HIPT_PX, _HIPT_PX):
        raise EncoderError(strings.HIPT_FIELD_SIZE)
    card = EncoderCard(
        id=name,
        title=value(table, "title", str),
        patch_px=patch_px,
        mpp_um=mpp_um,
        margin_px=-(-(field_px - patch_px) // 2),
        feature_count=0,
        licence=value(table, "licence", str),
        commercial=_commercial(table),
        notes=(value(table, "note", str),) if "note" in table else (),
        attention_heads=_heads(table) if attends else None,
        version=_version(folder, whole=attends),
        **shared,
    )
    sha256 = value(table, "sha256", str) if "sha256" in table else None
    if attends and sha256 is not None:
        raise EncoderError(strings.HIPT_HAS_NO_SHA256)
    return ModelEntry(card, folder, architecture, statistics, sha256)


def family_of(architecture: str) -> str:
    """What models of an architecture are, for the reader."""
    family: str = _ARCHITECTURES[architecture]["family"]
    return family


def _commercial(table: Mapping[str, Any]) -> bool | None:
    match table.get("commercial"):
        case bool() | None as allowed:
            return allowed
        case other:
            raise EncoderError(strings.COMMERCIAL.format(value=other))


def _heads(table: Mapping[str, Any]) -> tuple[int, int]:
    match value(table, "heads", list):
        case [int(tokens), int(patches)] if 0 < tokens <= _MOST_HEADS and 0 < patches <= _MOST_HEADS:
            return tokens, patches
    raise EncoderError(strings.HEADS)


def _version(folder: Path, *, whole: bool) -> str:
    """A digest of the weights' ends and size, of all files where the model is the ``whole`` folder: enough to
    distinguish models without reading gigabytes."""
    from viewer.relevance.models.checkpoint import CheckpointError, model_folder, weights_file, weights_files

    folder = model_folder(folder)
    digest = hashlib.sha256()
    for path in weights_files(folder) if whole else [weights_file(folder)]:
        try:
            size_bytes = path.stat().st_size
            with path.open("rb") as file:
                digest.update(str(size_bytes).encode() + file.read(_MIB))
                file.seek(max(0, size_bytes - _MIB))
                digest.update(file.read(_MIB))
        except OSError as error:
            raise CheckpointError(path, strings.WEIGHTS_UNREADABLE.format(error=error.strerror)) from error
    return digest.hexdigest()[:16]
