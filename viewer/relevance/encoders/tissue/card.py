"""The card of the tissue encoder, and what its training recorded: of the user's own, else of the one that
comes with Foveola. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer.common.errors import EncoderError
from viewer.common.paths import state_dir
from viewer.common.text import in_words
from viewer.relevance.encoders.card import TISSUE_ID, EncoderCard
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.tissue import strings
from viewer.relevance.encoders.tissue.classes import class_indices, tissue_classes
from viewer.relevance.encoders.tissue.meaning import Meaning

if TYPE_CHECKING:
    from collections.abc import Mapping

WEIGHTS, FACTS, PAGE, FAILURES = "tissue.pt", "tissue.json", "tissue.md", "tissue-failures.png"
VECTOR_WIDTH = 64
LOGITS = len(tissue_classes()) + 1
"""One a class, then tumour against all other tissue. The novelty follows, then the vector."""
LEAST_AUC, FEWEST_PATCHES, LEAST_RECALL = 0.9, 20, 0.05
"""On test slides: a class that ranks worse there, was tested on fewer patches, or of which less reaches its
threshold, is not named."""
_MAX_BYTES = 5_000_000
_CALIBRATION = ("temperature", "tumour_slope", "tumour_shift")


@dataclass(frozen=True, slots=True, eq=False)
class TissueFacts:
    """What ``foveola train-encoder`` recorded beside the weights; one object while the record is the same.

    ``calibration``: temperature, slope and shift as ``network.Calibration`` has them; ``bias``: of the
    calibration, one a class or (). ``named``: ids of classes whose test allows to name them, or of several
    as one with "+" between, each with its figure as words. ``meanings``: by ``key_of_classes``. ``shipped``:
    it came with Foveola.
    """

    weights: Path
    weights_sha256: str
    calibration: tuple[float, float, float]
    named: tuple[tuple[str, str], ...]
    bias: tuple[float, ...] = ()
    meanings: Mapping[str, Meaning] = field(default_factory=dict)
    shipped: bool = False


def trained_folder() -> Path:
    """Where ``foveola train-encoder`` leaves the encoder that is offered. May not exist yet."""
    return state_dir() / "encoders" / TISSUE_ID


def shipped_folder() -> Path:
    """Where the encoder lies that comes with Foveola. May hold none."""
    return Path(str(resources.files("resources").joinpath("encoders")))


def tissue_facts() -> TissueFacts | None:
    """Of the user's own encoder, else of the shipped one; None without either.

    Raises EncoderError for a damaged record: an own one is not replaced by the shipped one unasked.
    """
    for folder in (trained_folder(), shipped_folder()):
        try:
            stat = (folder / FACTS).stat()
        except OSError:
            continue
        shipped = folder != trained_folder()
        return _read(folder / FACTS, stat.st_mtime_ns, stat.st_size, shipped=shipped)
    return None


@lru_cache(maxsize=4)
def _read(path: Path, _mtime_ns: int, size_bytes: int, *, shipped: bool) -> TissueFacts:
    try:
        if size_bytes > _MAX_BYTES:
            raise ValueError(strings.TOO_LARGE)
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["classes"] != list(class_indices()):
            raise ValueError(strings.OTHER_CLASSES)
        temperature, slope, shift = (float(content["calibration"][name]) for name in _CALIBRATION)
        if not temperature > 0:
            raise ValueError(strings.BAD_TEMPERATURE)
        bias = tuple(float(one) for one in content["calibration"].get("bias", ()))
        if len(bias) not in {0, len(tissue_classes())}:
            raise ValueError(strings.BAD_BIAS)
        sha256 = str(content["weights_sha256"])
        dict(content["novel"])  # weights of before have no novelty
        named = _named(content["test"])
        meanings = {key: Meaning.read(entry) for key, entry in content["test"].get("meanings", {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        template = strings.SHIPPED_DAMAGED if shipped else strings.RECORD_DAMAGED
        raise EncoderError(template.format(path=path, error=in_words(error))) from error
    calibration = temperature, slope, shift
    return TissueFacts(path.with_name(WEIGHTS), sha256, calibration, named, bias, meanings, shipped)


def _named(tested: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Of single classes, and of several that a word stands for together."""
    meanings = tested.get("meanings", {})
    several = {key: one for key, one in meanings.items() if "+" in key and "auc" in one}
    return tuple(
        (name, strings.RANKED[one["slides"] == 1].format(auc=one["auc"], slides=one["slides"]))
        for name, one in (tested.get("classes", {}).get("by_class", {}) | several).items()
        if one["auc"] is not None
        and one["auc"] >= LEAST_AUC
        and one["patches"] >= FEWEST_PATCHES
        and meanings.get(name, {}).get("recall", 1.0) >= LEAST_RECALL
    )


def tissue_cards() -> tuple[EncoderCard, ...]:
    """The card of the encoder; () where there is none, or its record is damaged. Its version is that of the
    weights."""
    try:
        facts = tissue_facts()
    except EncoderError:
        return ()
    return () if facts is None else (tissue_card(facts),)


def tissue_is_trained_here() -> bool:
    """Whether the tissue encoder is there, and the reader's own."""
    try:
        facts = tissue_facts()
    except EncoderError:
        return False
    return facts is not None and not facts.shipped


def tissue_card(facts: TissueFacts) -> EncoderCard:
    """The card of the encoder with this record."""
    return replace(
        MEASURED,
        id=TISSUE_ID,
        title=strings.TITLE,
        family=strings.FAMILY,
        feature_count=MEASURED.feature_count + LOGITS + 1 + VECTOR_WIDTH,
        normalisation=strings.NORMALISATION,
        licence=strings.SHIPPED_LICENCE if facts.shipped else strings.LICENCE,
        commercial=True if facts.shipped else None,
        notes=(strings.SHIPPED if facts.shipped else strings.OWN.format(path=facts.weights), *strings.NOTES),
        feature_kind="embedding",
        vector_width=VECTOR_WIDTH,
        version=f"{MEASURED.version}-{facts.weights_sha256[:12]}",
        needs_weights=True,
        page=str(facts.weights.with_name(PAGE)),
    )


def tissue_problems() -> tuple[str, ...]:
    """A sentence on a record that cannot be read."""
    try:
        tissue_facts()
    except EncoderError as error:
        return (str(error),)
    return ()


def missing_tissue(encoder_id: str) -> EncoderError | None:
    """Why the tissue encoder is not there."""
    if encoder_id != TISSUE_ID:
        return None
    return EncoderError(next(iter(tissue_problems()), strings.NOT_TRAINED))
