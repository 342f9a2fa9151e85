"""HeadEncoder: a slide head over another encoder's features, with its attention over the whole slide.

Its views of a patch are its attention, the contribution of the patch to each class, and the probability of
the patch alone; the last two explain more than attention does (arXiv 2603.08328), and only pooling heads
have them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from viewer.common.errors import EncoderError
from viewer.relevance.encoders import strings
from viewer.relevance.models.checkpoint import CheckpointError, sha256_of
from viewer.relevance.models.heads.load import load_slide_head
from viewer.relevance.patches.attention_codes import CODES_PER_OCTAVE, MIDDLE, OCTAVES, log_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from viewer.relevance.encoders.card import EncoderCard, HeadEntry
    from viewer.relevance.encoders.protocols import Encoder, NamedScores
    from viewer.relevance.models.heads.slide_head import BagReading, SlideHead

_HALF_SCALE = CODES_PER_OCTAVE * OCTAVES / 2
"""Codes from the middle to full colour."""


class HeadEncoder:
    """See ``Encoder``, which is that of its features, and ``SlideAttention``."""

    def __init__(self, base: Encoder, head: SlideHead, entry: HeadEntry) -> None:
        self._head = head
        self._entry = entry
        self.use = base.use
        self.calibrate = base.calibrate
        self.encode = base.encode
        self.score = base.score
        self.explain = base.explain
        if base.card.names_scores:
            self.named_scores = cast("NamedScores", base).named_scores
        self.card: EncoderCard = replace(  # features are the base's, attention is the head's
            base.card,
            attends="slide",
            attention_heads=(1, len(entry.views)),
            views=entry.views,
            magnifies=False,
            refines=False,
            part_features=0,
        )
        self._summary = ""

    @staticmethod
    def load(entry: HeadEntry, base: Encoder) -> HeadEncoder:
        """``base``: the encoder whose features the head reads. Raises EncoderError (CheckpointError)."""
        return HeadEncoder(base, load_head(entry, base.card), entry)

    def attend_whole(
        self, features: NDArray[np.float32], cells: NDArray[np.int32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """See ``SlideAttention``. Patches with features that are not finite are left out.

        Raises CheckpointError where the head's results for the others are not finite.
        """
        codes = np.zeros((len(self._entry.views), len(features)), np.uint8)
        places = _places(features, cells)
        self._summary = ""
        if len(places):
            reading = self._head.read(
                torch.from_numpy(features[places]), torch.from_numpy(cells[places].astype(np.int64))
            )
            if not _is_finite(reading):
                raise CheckpointError(self._entry.file, strings.DAMAGED_WEIGHTS)
            self._summary = self._summary_of(reading)
            classes = len(self._entry.classes)
            relative = reading.attention.mean(0).clamp(min=0)
            codes[0, places] = log_codes((relative / relative.mean().clamp(min=1e-12)).numpy())
            for first, values in self._by_class(reading).items():
                if values is not None:
                    codes[first : first + classes, places] = _signed(values)
        usable = np.zeros(len(features), bool)
        usable[places] = True
        return codes, usable

    def summary(self) -> str:
        """See ``SlideAttention``: the probabilities of the slide if there are some, and the empty views."""
        return self._summary

    def _summary_of(self, reading: BagReading) -> str:
        patches = reading.attention.shape[1]
        title, names, views = self._entry.title, self._entry.classes, self._entry.views
        sentences = []
        values = () if reading.probabilities is None else reading.probabilities.tolist()
        if names and len(values) == len(names):
            listed = ", ".join(f"{name} {value:.2f}" for name, value in zip(names, values, strict=True))
            sentences.append(strings.PROBABILITIES.format(title=title, patches=patches, values=listed))
        empty = [
            view
            for first, values in self._by_class(reading).items()
            if values is None
            for view in views[first : first + len(names)]
        ]
        if empty:
            sentences.append(strings.EMPTY_VIEWS.format(title=title, views=", ".join(empty)))
        return " ".join(sentences)

    def _by_class(self, reading: BagReading) -> dict[int, Tensor | None]:
        """By the first of their views: values around 0 (classes, n) of all patches, None if it has none."""
        classes = len(self._entry.classes)
        parts, alone = reading.contributions, reading.single
        even = 1 / max(classes, 2)  # one class alone is the probability of "yes"
        return {
            1: parts if parts is not None and len(parts) == classes else None,
            1 + classes: alone - even if alone is not None and len(alone) == classes else None,
        }


def load_head(entry: HeadEntry, card: EncoderCard) -> SlideHead:
    """A registered head, for features of the encoder of ``card``.

    Raises EncoderError where it was trained on another encoder's or another version's, CheckpointError where
    its file is damaged or not the one that was registered.
    """
    if (entry.encoder, entry.encoder_version) != (card.id, card.version):
        raise EncoderError(
            strings.OTHER_ENCODER.format(
                head=entry.id,
                expected=entry.encoder,
                expected_version=entry.encoder_version,
                found=card.id,
                found_version=card.version,
            )
        )
    if entry.sha256 is not None:
        try:
            found = sha256_of(entry.file)
        except OSError as error:
            raise CheckpointError(
                entry.file, strings.WEIGHTS_UNREADABLE.format(error=error.strerror)
            ) from error
        if found != entry.sha256.lower():
            raise CheckpointError(entry.file, strings.OTHER_FILE)
    return load_slide_head(entry.file, feature_width=entry.feature_width)


def _places(features: NDArray[np.float32], cells: NDArray[np.int32]) -> NDArray[np.intp]:
    """The patches whose features are finite, column by column as CLAM orders them: they became known in any
    order, and TransMIL groups patches that follow each other.
    """
    usable = np.flatnonzero(np.isfinite(features).all(axis=1))
    return usable[np.lexsort(cells[usable].T)]


def _is_finite(reading: BagReading) -> bool:
    parts = reading.attention, reading.probabilities, reading.contributions, reading.single
    return all(part is None or bool(part.isfinite().all()) for part in parts)


def _signed(values: Tensor) -> NDArray[np.uint8]:
    """Codes of values around 0: the largest of either sign gets full colour, or none."""
    scaled = values / values.abs().max().clamp(min=1e-12)
    return np.rint(MIDDLE + _HALF_SCALE * scaled.numpy()).astype(np.uint8)
