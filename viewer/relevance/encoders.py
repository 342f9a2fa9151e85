"""What an encoder is, and which there are: measured concepts, and the models that the reader has put into a
folder.

An encoder turns pixels into features (once per patch, kept in the store) and features into scores (at each
query). This file imports no torch: the registry is read by the window's process, encoders are made in the
worker's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from viewer.relevance.query import Term
    from viewer.slide.source import Source
    from viewer.slide.tissue import TissueMask


class EncoderError(Exception):
    """An encoder that cannot be used: which, why, and what to do, in words for the reader."""


class UnsupportedTermError(EncoderError):
    """This encoder cannot look for this term on this slide, and says why."""


@dataclass(frozen=True, slots=True)
class EncoderCard:
    """What the reader must know of an encoder before it is used.

    ``patch_px`` and ``mpp_um``: the square it looks at, at which size of pixel. ``margin_px``: context it
    wants around a block of patches. ``commercial``: whether its licence allows commercial use, None where it
    does not say.
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


@dataclass(frozen=True, slots=True)
class Reason:
    """One measurement behind a score: "nuclear density 11,900/mm², 87th percentile of this slide".

    ``contribution`` is signed: how much it moved the score, largest first when listed.
    """

    measurement: str
    value: float
    unit: str
    percentile: float
    contribution: float

    def in_words(self) -> str:
        """For the reader."""
        value = f"{self.value:,.0f}" if abs(self.value) >= 100 else f"{self.value:.3g}"
        gap = "" if self.unit.startswith(("/", "%")) or not self.unit else " "
        rank = f"{_ordinal(self.percentile)} percentile of this slide"
        return f"{self.measurement} {value}{gap}{self.unit}, {rank}"


class Encoder(Protocol):
    """An encoder at work. Used by one thread of one process."""

    @property
    def card(self) -> EncoderCard: ...

    def calibrate(self, source: Source, tissue: TissueMask, mpp_um: tuple[float, float]) -> Mapping[str, Any]:
        """What must be known of a slide before its patches are encoded, fit for JSON; kept with the features.

        {} where nothing must. ``notes`` (list of sentences) are shown to the reader. May read pixels for up
        to a second.
        """

    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        """Features (rows, columns, feature_count) of a block of patches: (rows · patch_px + 2 · margin_px,
        columns · patch_px + 2 · margin_px, 3) RGB at ``mpp_um``. A feature that could not be measured is NaN.
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
        """The measurements behind the score of patch ``index``, strongest first; () where they have no names."""


def _ordinal(number: float) -> str:
    whole = round(number)
    ending = "th" if whole % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(whole % 10, "th")
    return f"{whole}{ending}"
