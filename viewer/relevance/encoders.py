"""What an encoder is, and which there are: measured concepts, and the models that the reader has put into a
folder.

An encoder turns pixels into features (once per patch, kept in the store) and features into scores (at each
query). This file imports no torch: the registry is read by the window's process, encoders are made in the
worker's.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from viewer.common.errors import EncoderError
from viewer.common.paths import config_dir
from viewer.relevance.models.normalisation import STATISTICS
from viewer.relevance.patches.grid import PATCH_UM

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from viewer.relevance.query.tree import Term
    from viewer.slide.geometry import Rect
    from viewer.slide.source import Source
    from viewer.slide.tissue.mask import TissueMask


MEASURED_ID = "measured"
SALIENCY_ID = "saliency"
HEAD_PREFIX = "head/"
"""Of ids of slide heads (``head_registry``)."""
FILE_PREFIX = "file:"
"""Before what a feature file of another program calls its encoder, which is none of ours."""
ARCHITECTURES = ("clip", "keep", "conch", "hipt")
_MIB = 1 << 20
_MOST_HEADS = 64
_HIPT_PX = 256
_CONTRAST = "contrast with neutral prompts; not calibrated"
_MAX_REGISTRY_BYTES = _MIB


@dataclass(frozen=True, slots=True)
class EncoderCard:
    """What the reader must know of an encoder before it is used.

    ``patch_px`` and ``mpp_um``: the square it looks at, at which size of pixel. ``margin_px``: context it
    wants around a block of patches. ``feature_count`` is 0 where only its weights tell. ``commercial``:
    whether its licence allows commercial use, None where it does not say. ``attention_heads``: of an encoder
    that says where it looks (viewer/relevance/attention.py), for tokens and patches; ``views`` names the
    latter where they are more than numbers. ``features_of``: of a slide head, the id of the encoder whose
    features it reads. ``version`` changes with its features: what was computed by another version is not
    used.
    """

    id: str
    title: str
    family: str
    patch_px: int
    mpp_um: float
    margin_px: int
    feature_count: int
    normalisation: str
    licence: str
    commercial: bool | None
    notes: tuple[str, ...] = ()
    attention_heads: tuple[int, int] | None = None
    views: tuple[str, ...] = ()
    features_of: str = ""
    version: str = "1"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model in a folder of the reader's, as the registry file names it."""

    card: EncoderCard
    folder: Path
    architecture: str
    statistics: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """One measurement behind a score: "nuclear density 11,900/mm², 87th percentile of this slide".

    ``contribution`` is signed: how much it moved the score, largest first when listed. ``refined``: the value
    at 0.5 µm per pixel, where the patch was looked at so closely.
    """

    measurement: str
    value: float
    unit: str
    percentile: float
    contribution: float
    refined: float | None = None

    def in_words(self) -> str:
        """For the reader."""
        rank = f"{_ordinal(self.percentile)} percentile of this slide"
        closer = "" if self.refined is None else f" ({self._with_unit(self.refined)} at 0.5 µm/px)"
        return f"{self.measurement} {self._with_unit(self.value)}, {rank}{closer}"

    def _with_unit(self, value: float) -> str:
        number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
        gap = "" if self.unit.startswith(("/", "%")) or not self.unit else " "
        return f"{number}{gap}{self.unit}"


class Encoder(Protocol):
    """An encoder at work. On the CPU several threads may call ``encode`` at once, and nothing else."""

    @property
    def card(self) -> EncoderCard: ...

    def use(self, device: str) -> None:
        """Work on "cpu" or "cuda" from now on; back on the CPU also after the card was lost.

        Raises EncoderMemoryError where the weights do not fit, EncoderDeviceError.
        """

    def calibrate(self, source: Source, tissue: TissueMask, mpp_um: tuple[float, float]) -> Mapping[str, Any]:
        """What must be known of a slide before its patches are encoded, fit for JSON; kept with the features.

        {} where nothing must. ``notes`` (list of sentences) are shown to the reader. May read pixels for up
        to a second.
        """

    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        """Features (rows, columns, feature_count) of a block of patches: (rows · patch_px + 2 · margin_px,
        columns · patch_px + 2 · margin_px, 3) RGB at ``mpp_um``. A feature that could not be measured is NaN.
        Raises EncoderMemoryError, EncoderDeviceError.
        """

    def score(
        self, term: Term, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        """How much each patch is like the term: (n,) in [0, 1], NaN where it cannot be told.

        ``features`` (n, feature_count) are those of all tissue patches known so far: ranks are taken among
        them. Raises UnsupportedTermError.
        """

    def explain(
        self, term: Term, features: NDArray[np.float32], index: int, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """The measurements behind the score of patch ``index``, strongest first; () where unnamed."""


@runtime_checkable
class Refining(Protocol):
    """An encoder that can look closer at one patch."""

    def refine(
        self, reasons: tuple[Reason, ...], source: Source, patch: Rect, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """The same reasons, with what a closer look at the patch (level-0 px) says. Raises TileError."""


@runtime_checkable
class NamedScores(Protocol):
    """An encoder that knows what it can look for by name."""

    def named_scores(
        self, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> Mapping[str, NDArray[np.float32]]:
        """The scores (n,) of everything that can be measured on this slide, by name."""


def _ordinal(number: float) -> str:
    whole = round(number)
    ending = "th" if whole % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(whole % 10, "th")
    return f"{whole}{ending}"


# The registry


@dataclass(frozen=True, slots=True)
class Registry:
    """The models of the reader's registry file, and in sentences what is wrong with the others there."""

    models: Mapping[str, ModelEntry]
    problems: tuple[str, ...]


def registry_file() -> Path:
    """``models.toml`` in the folder of the settings. One table a model::

    [plip]                      # a name of resources/encoders.toml: only the folder is needed
    folder = "/models/plip"

    [ours]                      # any other name: everything must be said
    folder = "/models/ours"
    title = "Our CLIP"
    architecture = "clip"       # clip, keep, conch or hipt
    field_px = 256              # the square it is shown,
    mpp_um = 0.5                # at this size of pixel
    statistics = "openai"       # of its training: openai, imagenet or half
    licence = "our own"
    commercial = true
    sha256 = "..."              # optional: of its file of weights; not of hipt, which are several
    heads = [6, 6]              # of hipt alone: for tokens and for patches
    """
    return config_dir() / "models.toml"


def read_registry(path: Path | None = None) -> Registry:
    """What the registry file (None: the usual one) names. A missing file is an empty registry.

    A bad entry is a problem, and no reason to lose the others.
    """
    path = path or registry_file()
    if not path.is_file():
        return Registry({}, ())
    try:
        if path.stat().st_size > _MAX_REGISTRY_BYTES:
            return Registry({}, (f"{path}: it is too large for a list of models",))
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return Registry({}, (f"{path}: it cannot be read: {error}",))
    known = _known_models()
    models: dict[str, ModelEntry] = {}
    problems: list[str] = []
    for name, table in tables.items():
        try:
            models[name] = _entry(name, {**known.get(name, {}), **table} if isinstance(table, dict) else {})
        # A folder that cannot be looked into, a home that nobody has, a number beyond measure.
        except (EncoderError, OSError, RuntimeError, OverflowError) as error:
            problems.append(f"{path}: [{name}]: {error}")
    return Registry(models, tuple(problems))


def _known_models() -> dict[str, Any]:
    return tomllib.loads(resources.files("resources").joinpath("encoders.toml").read_text(encoding="utf-8"))


def cards() -> tuple[EncoderCard, ...]:
    """Every encoder that can be chosen: those without weights first, then the registry's models by name."""
    from viewer.relevance.measured_card import MEASURED
    from viewer.relevance.saliency_card import SALIENCY

    return (MEASURED, SALIENCY, *(entry.card for _, entry in sorted(read_registry().models.items())))


def entry_in(encoder_id: str, folder: Path) -> ModelEntry:
    """A model that is known by name, with its weights in a folder that is registered nowhere. Raises
    EncoderError.
    """
    known = _known_models()
    if encoder_id not in known:
        raise EncoderError(f"weights in a folder need a model that is known: {', '.join(sorted(known))}")
    return _entry(encoder_id, {**known[encoder_id], "folder": str(folder)})


def load_encoder(encoder_id: str, entry: ModelEntry | None = None) -> Encoder:
    """An encoder, ready for work: imports torch, reads weights. ``entry``: not that of the registry. Raises
    EncoderError.
    """
    if encoder_id.startswith(HEAD_PREFIX):
        from viewer.relevance.head_registry import load_head_encoder

        return load_head_encoder(encoder_id)
    if encoder_id == MEASURED_ID:
        from viewer.relevance.measured import MeasuredEncoder

        return MeasuredEncoder()
    if encoder_id == SALIENCY_ID:
        from viewer.relevance.saliency import SaliencyEncoder

        return SaliencyEncoder()
    registry = read_registry()
    entry = entry or registry.models.get(encoder_id)
    if entry is None:
        names = ", ".join([MEASURED_ID, *sorted(registry.models)])
        why = next((problem for problem in registry.problems if f"[{encoder_id}]" in problem), None)
        raise EncoderError(why or f"there is no encoder {encoder_id!r}; there are {names}")
    if entry.architecture == "hipt":
        from viewer.relevance.hipt_encoder import HiptEncoder

        return HiptEncoder.load(entry)
    from viewer.relevance.vision_language import VisionLanguageEncoder

    return VisionLanguageEncoder.load(entry)


def _entry(name: str, table: Mapping[str, Any]) -> ModelEntry:
    if name in (MEASURED_ID, SALIENCY_ID) or name.startswith((HEAD_PREFIX, FILE_PREFIX)):
        raise EncoderError("this name is one of Foveola's own; give the model another")
    folder = Path(_value(table, "folder", str)).expanduser()
    architecture, statistics = _value(table, "architecture", str), _value(table, "statistics", str)
    if architecture not in ARCHITECTURES:
        raise EncoderError(f"architecture is {', '.join(ARCHITECTURES)}, not {architecture!r}")
    if statistics not in STATISTICS:
        raise EncoderError(f"statistics is {', '.join(STATISTICS)}, not {statistics!r}")
    field_px, mpp_um = _value(table, "field_px", int), float(_value(table, "mpp_um", float, int))
    patch_px = round(PATCH_UM / mpp_um) if 0.05 <= mpp_um <= 20 else 0
    if not (patch_px <= field_px <= 4 * patch_px and patch_px):
        raise EncoderError("field_px and mpp_um must make a square of 128 to 512 µm")
    attends = architecture == "hipt"
    if attends and (patch_px, field_px) != (_HIPT_PX, _HIPT_PX):
        raise EncoderError("hipt looks at squares of 256 px at 0.5 µm: field_px = 256, mpp_um = 0.5")
    card = EncoderCard(
        id=name,
        title=_value(table, "title", str),
        family="hierarchical vision transformer" if attends else "vision–language model",
        patch_px=patch_px,
        mpp_um=mpp_um,
        margin_px=-(-(field_px - patch_px) // 2),
        feature_count=0,
        normalisation="attention, relative to even attention" if attends else _CONTRAST,
        licence=_value(table, "licence", str),
        commercial=_commercial(table),
        notes=(_value(table, "note", str),) if "note" in table else (),
        attention_heads=_heads(table) if attends else None,
        version=_version(folder, whole=attends),
    )
    sha256 = _value(table, "sha256", str) if "sha256" in table else None
    if attends and sha256 is not None:
        raise EncoderError("hipt is a folder of several files, which no sha256 tells; take the key out")
    return ModelEntry(card, folder, architecture, statistics, sha256)


def _value(table: Mapping[str, Any], key: str, *kinds: type) -> Any:
    value = table.get(key)
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise EncoderError(f"{key} is missing" if value is None else f"{key} = {value!r} is not understood")
    return value


def _commercial(table: Mapping[str, Any]) -> bool | None:
    match table.get("commercial"):
        case bool() | None as allowed:
            return allowed
        case other:
            raise EncoderError(f"commercial is true or false, or left out, not {other!r}")


def _heads(table: Mapping[str, Any]) -> tuple[int, int]:
    match _value(table, "heads", list):
        case [int(tokens), int(patches)] if 0 < tokens <= _MOST_HEADS and 0 < patches <= _MOST_HEADS:
            return tokens, patches
    raise EncoderError("heads are how many there are for tokens and for patches: [6, 6]")


def _version(folder: Path, *, whole: bool) -> str:
    """A digest of the weights' ends and size, of all files where the model is the ``whole`` folder: enough to
    tell models apart without reading gigabytes."""
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
            raise CheckpointError(path, f"it cannot be read: {error.strerror}") from error
    return digest.hexdigest()[:16]
