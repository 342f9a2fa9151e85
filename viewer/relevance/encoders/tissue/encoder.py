"""TissueEncoder: the measured concepts, and a network that names tissue where its test says that it can."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from viewer.common.errors import EncoderError, UnsupportedTermError
from viewer.relevance.encoders.card import Reason
from viewer.relevance.encoders.device_errors import device_errors
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.measured.encoder import MeasuredEncoder
from viewer.relevance.encoders.sample import tissue_sample
from viewer.relevance.encoders.tissue import strings
from viewer.relevance.encoders.tissue.card import LOGITS, tissue_card, tissue_facts
from viewer.relevance.encoders.tissue.classes import class_indices, tissue_classes
from viewer.relevance.encoders.tissue.meaning import class_weights
from viewer.relevance.encoders.tissue.network import Calibration, TissueNetwork, normalised
from viewer.relevance.models.checkpoint import CheckpointError, read_tensors
from viewer.relevance.models.efficientnet_lite import fused
from viewer.relevance.query.lexicon import CLASS_PREFIX
from viewer.slide.tissue.stains import Stains

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from viewer.relevance.encoders.card import EncoderCard
    from viewer.relevance.query.tree import Term
    from viewer.slide.geometry import Rect
    from viewer.slide.source import Source
    from viewer.slide.tissue.mask import TissueMask

_AT_ONCE = 16
_REASONS = 3
_FIRST = MEASURED.feature_count
_NOVELTY = _FIRST + LOGITS
_UNLIKE_SHARE = 0.2
"""Of a slide's sample, from which the slide is said to be unlike what was trained on."""


class TissueEncoder:
    """See ``Encoder``. Features are the measurements, the network's logits, the novelty, and a vector of unit
    length."""

    def __init__(self, card: EncoderCard, network: TissueNetwork, calibration: Calibration) -> None:
        self.card = card
        self._measured = MeasuredEncoder()
        self._loaded = self._network = fused(network).to(memory_format=torch.channels_last)
        self._calibration = calibration
        self._device = "cpu"
        self._known: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
        self._columns: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    @staticmethod
    def load() -> TissueEncoder:
        """The encoder that was trained here. Raises EncoderError where there is none, CheckpointError where
        its weights are not those of its record."""
        facts = tissue_facts()
        if facts is None:
            raise EncoderError(strings.NOT_TRAINED)
        network = TissueNetwork()
        try:
            network.load_state_dict(read_tensors(facts.weights, sha256=facts.weights_sha256))
        except RuntimeError as error:
            raise CheckpointError(facts.weights, strings.OTHER_NETWORK) from error
        return TissueEncoder(tissue_card(facts), network, Calibration(*facts.calibration, facts.bias))

    def use(self, device: str) -> None:
        """See ``Encoder.use``."""
        self._measured.use(device)
        with device_errors(self.card.title, device):
            self._network = fused(self._loaded).to(device) if device != "cpu" else self._loaded
        self._device = device

    def calibrate(self, source: Source, tissue: TissueMask, mpp_um: tuple[float, float]) -> Mapping[str, Any]:
        """See ``MeasuredEncoder.calibrate``; a note where much of the slide is unlike what was trained
        on."""
        sample = tissue_sample(source, tissue, mpp_um)
        found = self._measured.calibrated_on(sample, tissue)
        if not len(sample):
            return found
        with torch.inference_mode():  # on the processor: a card may not hold so many patches at once
            early = self._loaded.trunk.early(
                normalised(torch.from_numpy(sample).permute(0, 3, 1, 2).float() / 255)
            )
        share = float((self._loaded.novelty(early) > 1).float().mean())
        if share >= _UNLIKE_SHARE:
            found["notes"].append(strings.UNLIKE_SLIDE.format(share=share))
        return found

    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        """See ``Encoder.encode``."""
        measured = self._measured.encode(block, calibration)
        side, margin = self.card.patch_px, self.card.margin_px
        inner = torch.from_numpy(block[margin:-margin, margin:-margin].copy()).permute(2, 0, 1)
        patches = inner.unfold(1, side, side).unfold(2, side, side).permute(1, 2, 0, 3, 4).flatten(0, 1)
        with device_errors(self.card.title, self._device):
            named = torch.cat([self._features(batch) for batch in patches.split(_AT_ONCE)])
        return np.concatenate([measured, named.numpy().reshape(*measured.shape[:2], -1)], axis=2)

    def encode_parts(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        """See ``Dividing``: what is measured. The network has seen whole patches alone; on parts of them,
        however they are cut, it takes much more for tumour."""
        return self._measured.encode_parts(block, calibration)

    def scores_parts(self, term: Term) -> bool:
        """See ``Dividing``: of what is measured."""
        return not class_weights(term.weights)

    def score(
        self, term: Term, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        """See ``Encoder.score``: the probability of any of the term's classes, or what is measured for it."""
        classes = self._classes(term, calibration)
        if not classes:
            return self._measured.score(_measured_part(term), self._measurements(features), calibration)
        parts = [self._gated(features)[:, one] * weight for one, weight in classes]
        return np.asarray(np.sum(parts, axis=0), np.float32)

    def score_parts(
        self,
        term: Term,
        parts: NDArray[np.float32],
        features: NDArray[np.float32],
        calibration: Mapping[str, Any],
    ) -> NDArray[np.float32]:
        """See ``Dividing``."""
        measured = self._measurements(features)
        return self._measured.score_parts(_measured_part(term), parts, measured, calibration)

    def explain(
        self, term: Term, features: NDArray[np.float32], index: int, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """See ``Encoder.explain``: the likeliest classes, which compete with each other; before them what is
        measured that keeps all tissue back."""
        classes = dict(self._classes(term, calibration))
        if not classes:
            measured = self._measurements(features)
            return self._measured.explain(_measured_part(term), measured, index, calibration)
        probabilities = self._probabilities(features)
        own = probabilities[index]
        gated = any(tissue_classes()[one].tissue for one in classes)
        closed = self._measured.closed_gates(self._measurements(features), index) if gated else ()
        return closed + tuple(
            Reason(
                strings.PROBABILITY.format(title=tissue_classes()[one].title),
                float(own[one]) * 100,
                "%",
                float((probabilities[:, one] <= own[one]).mean() * 100),
                float(own[one]) * (1 if one in classes else -1),
            )
            for one in np.argsort(-own)[:_REASONS].tolist()
        )

    def refine(
        self, reasons: tuple[Reason, ...], source: Source, patch: Rect, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """See ``Refining``."""
        return self._measured.refine(reasons, source, patch, calibration)

    def named_scores(
        self, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> Mapping[str, NDArray[np.float32]]:
        """See ``NamedScores``: the measured concepts; on H&E the classes, too."""
        found = dict(self._measured.named_scores(self._measurements(features), calibration))
        if Stains.from_facts(calibration["stains"]).is_he:
            probabilities = self._gated(features)
            found |= {f"{CLASS_PREFIX}{name}": probabilities[:, one] for name, one in class_indices().items()}
        return found

    @torch.inference_mode()
    def _features(self, patches: torch.Tensor) -> torch.Tensor:
        return self._network.features(normalised(patches.to(self._device).float() / 255)).cpu()

    def _classes(self, term: Term, calibration: Mapping[str, Any]) -> list[tuple[int, float]]:
        """The term's classes and weights, the heaviest 1; [] for a term that is measured. Raises
        UnsupportedTermError."""
        classes = [(class_indices()[name], weight) for name, weight in class_weights(term.weights).items()]
        stains = Stains.from_facts(calibration["stains"])
        if classes and not stains.is_he:
            raise UnsupportedTermError(strings.NEEDS_HE.format(term=term.text, stain=stains.kind))
        return classes

    def _measurements(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Their columns, as the same array for the same features: ``MeasuredEncoder`` caches its ranks."""
        if self._columns is None or self._columns[0] is not features:
            self._columns = features, np.ascontiguousarray(features[:, :_FIRST])
        return self._columns[1]

    def _gated(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probabilities of classes that are tissue, lowered where the measurements say that there is
        ink, dirt or a fold; NaN, as not analysed, where a patch is unlike anything trained on."""
        passing = self._measured.passing(self._measurements(features))
        passing = np.where(features[:, _NOVELTY] > 1, np.float32(np.nan), passing)
        is_tissue = np.array([one.tissue for one in tissue_classes()])
        return self._probabilities(features) * np.where(is_tissue, passing[:, None], np.float32(1))

    def _probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, classes), computed once for each array."""
        if self._known is None or self._known[0] is not features:
            logits = torch.from_numpy(np.array(features[:, _FIRST : _FIRST + LOGITS]))
            self._known = features, self._calibration.probabilities(logits).numpy()
        return self._known[1]


def _measured_part(term: Term) -> Term:
    return replace(term, weights=tuple(one for one in term.weights if not one[0].startswith(CLASS_PREFIX)))
