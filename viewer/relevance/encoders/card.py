"""What must be known of an encoder before it is used, and the ids of those that ship."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

MEASURED_ID = "measured"
SALIENCY_ID = "saliency"
HEAD_PREFIX = "head/"
"""Of ids of slide heads (``head_registry``)."""
FILE_PREFIX = "file:"
"""Before what a feature file of another program calls its encoder, which is none of ours."""


QueryKind = Literal["none", "concepts", "free text"]
"""What an encoder can be asked: nothing in words, what the lexicon has measurements for, or any words."""

FeatureKind = Literal["measurements", "embedding"]
"""What its features are, and so how patches are compared: named quantities, or directions."""

Attends = Literal["", "tokens", "slide"]
"""What an encoder that says where it looks compares: tokens of each patch (``protocols.Attending``), or all
patches of the slide at once (``protocols.SlideAttention``)."""


@dataclass(frozen=True, slots=True)
class EncoderCard:
    """What the reader and the analysis must know of an encoder before it is used: facts and capabilities.

    ``patch_px`` and ``mpp_um``: the square it looks at, at which size of pixel. ``margin_px``: context it
    wants around a block of patches. ``feature_count`` is 0 where only its weights tell. ``commercial``:
    whether its licence allows commercial use, None where it does not say. ``attention_heads``: where it
    ``attends``, for tokens and patches; ``views`` names the latter where they are more than numbers.
    ``features_of``: of a slide head, the id of the encoder whose features it reads. ``version`` changes with
    its features: what was computed by another version is not used.

    ``magnifies``, ``refines``, ``names_scores``: it follows the protocol of that name (``Magnifying``,
    ``Refining``, ``NamedScores``). ``scores_files``: words can be compared with features of its name that
    another program stored. ``needs_weights``: a file of its own, and not code alone; ``needs_terms``: its
    terms are shown, and accepted, before it is used.
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
    attends: Attends = ""
    magnifies: bool = False
    refines: bool = False
    names_scores: bool = False
    scores_files: bool = False
    needs_weights: bool = True
    needs_terms: bool = True


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


def _ordinal(number: float) -> str:
    whole = round(number)
    ending = "th" if whole % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(whole % 10, "th")
    return f"{whole}{ending}"


@dataclass(frozen=True, slots=True)
class HeadEntry:
    """A slide head: its file, and whose features it reads (id and version of the encoder's card)."""

    id: str
    title: str
    file: Path
    encoder: str
    encoder_version: str
    feature_width: int
    classes: tuple[str, ...]
    sha256: str | None = None
    """Of the file, where the entry says it."""

    @property
    def views(self) -> tuple[str, ...]:
        """What it may say of a patch, in words: where it looks, then for each class what the patch adds to
        it, and what it would say of the patch alone."""
        return (
            "Attention",
            *(f"Speaks for {name}" for name in self.classes),
            *(f"Alone it says {name}" for name in self.classes),
        )
