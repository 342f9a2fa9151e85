"""MeasuredEncoder: the encoder that needs no weights. Every score has its reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.common.errors import UnsupportedTermError
from viewer.relevance.encoders.device_errors import device_errors, processor_on
from viewer.relevance.encoders.measured import concepts, strings
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.measured.measurements import measure
from viewer.relevance.encoders.measured.nuclei_refinement import (
    REFINED_MARGIN_PX,
    REFINED_PX,
    refinable,
    refined,
)
from viewer.relevance.encoders.sample import tissue_sample
from viewer.relevance.patches.parts import parts_of_patches
from viewer.slide.geometry import Rect
from viewer.slide.region import read_region
from viewer.slide.tissue.stains import Stains, find_stains

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from viewer.relevance.encoders.card import EncoderCard, Reason
    from viewer.relevance.query.tree import Term
    from viewer.slide.source import Source
    from viewer.slide.tissue.mask import TissueMask


class MeasuredEncoder:
    """See ``Encoder``. Deterministic: the same slide gives the same scores."""

    def __init__(self) -> None:
        self._device = "cpu"
        self._ranks: concepts.Ranks | None = None

    @property
    def card(self) -> EncoderCard:
        return MEASURED

    def use(self, device: str) -> None:
        """See ``Encoder.use``. There are no weights to move."""
        self._device = device

    def calibrate(self, source: Source, tissue: TissueMask, mpp_um: tuple[float, float]) -> Mapping[str, Any]:
        """The slide's stains, from a few places in its tissue."""
        return self.calibrated_on(tissue_sample(source, tissue, mpp_um), tissue)

    def calibrated_on(self, sample: NDArray[np.uint8], tissue: TissueMask) -> dict[str, Any]:
        """The slide's stains, from a ``tissue_sample``."""
        inside = sample.reshape(-1, 3)
        stains = find_stains(inside, np.array(tissue.glass_rgb), brightfield=tissue.brightfield)
        notes = list(tissue.notes)
        if stains.reason:
            notes.append(strings.AVERAGE_STAINS.format(reason=stains.reason))
        if not stains.is_he:
            note = strings.OTHER_STAIN.format(stain=stains.kind, consequence=self.without_he())
            notes.append(note)
        return {"stains": stains.as_facts(), "notes": notes}

    def without_he(self) -> str:
        """The consequence of another stain than H&E, as a sentence for the reader."""
        off = [one.title for one in concepts.concepts().values() if one.stain == "H&E"]
        return strings.CONCEPTS_OFF.format(concepts=", ".join(off))

    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        """See ``Encoder.encode``: the ``MEASUREMENTS``."""
        with device_errors(self.card.title, self._device):
            stains = Stains.from_facts(calibration["stains"])
            return measure(block, stains, processor=processor_on(self._device))

    def encode_parts(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        """See ``Dividing``."""
        with device_errors(self.card.title, self._device):
            stains = Stains.from_facts(calibration["stains"])
            return parts_of_patches(measure(block, stains, parts=True, processor=processor_on(self._device)))

    def scores_parts(self, term: Term) -> bool:
        """See ``Dividing``: of all terms."""
        return True

    def score(
        self, term: Term, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        """See ``Encoder.score``: the mean of the term's concepts by weight."""
        return self._scores(term, self._ranks_of(features), calibration)

    def score_parts(
        self,
        term: Term,
        parts: NDArray[np.float32],
        features: NDArray[np.float32],
        calibration: Mapping[str, Any],
    ) -> NDArray[np.float32]:
        """See ``Dividing``."""
        return self._scores(term, concepts.Ranks(parts, among=self._ranks_of(features)), calibration)

    def explain(
        self, term: Term, features: NDArray[np.float32], index: int, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """See ``Encoder.explain``: of the concept that counts most in the term."""
        concept, _ = max(self._parts(term, calibration), key=lambda part: part[1])
        return concepts.reasons(concept, self._ranks_of(features), index)

    def refine(
        self, reasons: tuple[Reason, ...], source: Source, patch: Rect, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """See ``Refining``: nuclei measured at 0.5 µm per pixel."""
        if not refinable(reasons):
            return reasons
        margin = REFINED_MARGIN_PX / REFINED_PX
        dx, dy = margin * patch.width, margin * patch.height
        around = Rect(patch.x0 - dx, patch.y0 - dy, patch.x1 + dx, patch.y1 + dy)
        side = REFINED_PX + 2 * REFINED_MARGIN_PX
        pixels = read_region(source, around, (side, side))
        return refined(reasons, pixels, Stains.from_facts(calibration["stains"]))

    def named_scores(
        self, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> Mapping[str, NDArray[np.float32]]:
        """See ``NamedScores``: all concepts that the slide is stained for."""
        stains = Stains.from_facts(calibration["stains"])
        ranks = self._ranks_of(features)
        known = concepts.concepts().values()
        return {one.id: concepts.score(one, ranks) for one in known if one.is_stained(stains)}

    def passing(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """How far the gates of tissue let each patch pass, 0 to 1."""
        return np.asarray(concepts.passing(concepts.tissue_gates(), features), np.float32)

    def closed_gates(self, features: NDArray[np.float32], index: int) -> tuple[Reason, ...]:
        """The measurements by which the gates of tissue keep a patch back."""
        return concepts.closed_gates(concepts.tissue_gates(), self._ranks_of(features), index)

    def _scores(
        self, term: Term, ranks: concepts.Ranks, calibration: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        parts = self._parts(term, calibration)
        total = sum(weight for _, weight in parts)
        scores = sum(weight / total * concepts.score(concept, ranks) for concept, weight in parts)
        return np.asarray(scores, np.float32)

    def _parts(self, term: Term, calibration: Mapping[str, Any]) -> list[tuple[concepts.Concept, float]]:
        known = concepts.concepts()
        parts = [(known[name], weight) for name, weight in term.weights if name in known and weight > 0]
        if not parts:
            raise UnsupportedTermError(strings.NOT_MEASURABLE.format(term=term.text))
        stains = Stains.from_facts(calibration["stains"])
        if missing := {concept.stain for concept, _ in parts if not concept.is_stained(stains)}:
            reason = strings.NEEDS_BROWN if "brown" in missing else strings.NEEDS_HE
            raise UnsupportedTermError(reason.format(term=term.text, stain=stains.kind))
        return parts

    def _ranks_of(self, features: NDArray[np.float32]) -> concepts.Ranks:
        """The ranks of features, computed once for each array: a query has several terms."""
        if self._ranks is None or self._ranks.features is not features:
            self._ranks = concepts.Ranks(features)
        return self._ranks
