"""The card of an encoder: facts and capabilities that are read before it is used; the ids of our own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from viewer.relevance.encoders import strings

if TYPE_CHECKING:
    from pathlib import Path

MEASURED_ID = "measured"
SALIENCY_ID = "saliency"
TISSUE_ID = "tissue"
HEAD_PREFIX = "head/"
"""Of ids of slide heads (``head_registry``)."""
FILE_PREFIX = "file:"
"""Of the name of the encoder in another program's feature file."""

QueryKind = Literal["none", "concepts", "free text"]
"""Which text queries an encoder accepts: none, the lexicon's measured terms, or any words."""

FeatureKind = Literal["measurements", "embedding"]
"""What its features are, and so how patches are compared: named quantities, or vectors of a model."""

Attends = Literal["", "tokens", "slide"]
"""What an encoder with attention compares: tokens of each patch (``protocols.Attending``), or all patches of
the slide at once (``protocols.SlideAttention``); "" without attention."""


@dataclass(frozen=True, slots=True)
class EncoderCard:
    """Facts and capabilities of an encoder, known before it is used.

    ``patch_px`` and ``mpp_um``: the side of a patch, and its pixel size. ``margin_px``: the context it needs
    around a block of patches. ``feature_count`` is 0 where only its weights have it. ``commercial``:
    whether its licence allows commercial use, None where it is not stated. ``attention_heads``: where it
    ``attends``, for tokens and patches; ``views`` names the latter where they are more than numbers.
    ``features_of``: of a slide head, the id of the encoder whose features it reads. ``version`` changes with
    its features: those of another version are not used.

    ``vector_width``: of the features, the last ones that are a vector by which patches are compared; 0: all.
    ``part_features``: of them, the first ones, those that parts of a patch have, too, of an encoder that is
    ``Dividing``; else 0. ``magnifies``, ``refines``, ``names_scores``: it follows the protocol of that name
    (``Magnifying``, ``Refining``, ``NamedScores``). ``scores_files``: words can be compared with features of
    its name that another program stored. ``needs_weights``: a file of its own, and not code alone;
    ``needs_terms``: its terms are shown, and accepted, before it is used. ``page``: the file of its model
    card, Markdown; "" without one.
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
    query_kind: QueryKind = "none"
    feature_kind: FeatureKind = "embedding"
    vector_width: int = 0
    part_features: int = 0
    attends: Attends = ""
    magnifies: bool = False
    refines: bool = False
    names_scores: bool = False
    scores_files: bool = False
    needs_weights: bool = True
    needs_terms: bool = True
    page: str = ""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model in a folder of the user's, as the registry file names it."""

    card: EncoderCard
    folder: Path
    architecture: str
    statistics: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """One measurement behind a score: "nuclear density 11,900/mm², 87th percentile of this slide".

    ``contribution`` is signed: how much it moved the score, largest first when listed. ``refined``: the value
    at 0.5 µm per pixel, where it was measured. ``of_part``: of the part by which a patch scores.
    """

    measurement: str
    value: float
    unit: str
    percentile: float
    contribution: float
    refined: float | None = None
    of_part: bool = False

    def in_words(self) -> str:
        """For the reader."""
        rank = strings.RANK.format(percentile=_ordinal(self.percentile))
        finer = "" if self.refined is None else strings.REFINED.format(value=self._with_unit(self.refined))
        place = strings.OF_PART if self.of_part else ""
        return f"{self.measurement} {self._with_unit(self.value)}, {rank}{finer}{place}"

    def _with_unit(self, value: float) -> str:
        number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
        gap = "" if self.unit.startswith(("/", "%")) or not self.unit else " "
        return f"{number}{gap}{self.unit}"


def _ordinal(number: float) -> str:
    whole = round(number)
    ending = "th" if whole % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(whole % 10, "th")
    return f"{whole}{ending}"


@dataclass(frozen=True, slots=True)
class HeadEntry:
    """A slide head: its file, and the encoder whose features it reads (id and version of its card)."""

    id: str
    title: str
    file: Path
    encoder: str
    encoder_version: str
    feature_width: int
    classes: tuple[str, ...]
    sha256: str | None = None
    """Of the file, where the entry states it."""

    @property
    def views(self) -> tuple[str, ...]:
        """The titles of its maps: attention, then for each class the contribution of a patch, and the
        probability of the patch alone."""
        return (
            strings.VIEW_OF_ATTENTION,
            *(strings.VIEW_OF_CONTRIBUTION.format(name=name) for name in self.classes),
            *(strings.VIEW_OF_SINGLE_PATCH.format(name=name) for name in self.classes),
        )
