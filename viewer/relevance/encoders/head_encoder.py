"""HeadEncoder: a slide head over another encoder's features, which says where on the whole slide it looks.

Its views of a patch are its attention, what the patch adds to each class, and what the head would say of the
patch alone; the last two explain more than attention does (arXiv 2603.08328), and only pooling heads have
them.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from viewer.common.errors import EncoderError
from viewer.relevance.models.checkpoint import CheckpointError
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
        self.card: EncoderCard = replace(  # what is stored is the base's, who looks at it is the head
            base.card,
            attends="slide",
            attention_heads=self.heads,
            views=entry.views,
            magnifies=False,
            refines=False,
        )
        self._said = ""

    @staticmethod
    def load(entry: HeadEntry, base: Encoder) -> HeadEncoder:
        """``base``: the encoder whose features the head reads. Raises EncoderError (CheckpointError)."""
        return HeadEncoder(base, load_head(entry, base.card), entry)

    @property
    def heads(self) -> tuple[int, int]:
        """See ``SlideAttention``."""
        return 1, len(self._entry.views)

    def attend_whole(
        self, features: NDArray[np.float32], cells: NDArray[np.int32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """See ``SlideAttention``. Patches with features that are not numbers are left out.

        Raises CheckpointError where what the head says of the others are no numbers.
        """
        codes = np.zeros((len(self._entry.views), len(features)), np.uint8)
        places = _places(features, cells)
        self._said = ""
        if len(places):
            reading = self._head.read(
                torch.from_numpy(features[places]), torch.from_numpy(cells[places].astype(np.int64))
            )
            if not _in_numbers(reading):
                raise CheckpointError(
                    self._entry.file, "what this head computes are no numbers: its weights are damaged"
                )
            self._said = self._in_words(reading)
            classes = len(self._entry.classes)
            relative = reading.attention.mean(0).clamp(min=0)
            codes[0, places] = log_codes((relative / relative.mean().clamp(min=1e-12)).numpy())
            for first, values in self._by_class(reading).items():
                if values is not None:
                    codes[first : first + classes, places] = _signed(values)
        usable = np.zeros(len(features), bool)
        usable[places] = True
        return codes, usable

    def says(self) -> str:
        """See ``SlideAttention``: the probabilities of the slide if there are some, and what views lack."""
        return self._said

    def _in_words(self, reading: BagReading) -> str:
        patches = reading.attention.shape[1]
        title, names, views = self._entry.title, self._entry.classes, self._entry.views
        said = []
        values = () if reading.probabilities is None else reading.probabilities.tolist()
        if names and len(values) == len(names):
            told = ", ".join(f"{name} {value:.2f}" for name, value in zip(names, values, strict=True))
            said.append(f"{title} says of these {patches:,} patches: {told}. No diagnosis.")
        empty = [
            view
            for first, values in self._by_class(reading).items()
            if values is None
            for view in views[first : first + len(names)]
        ]
        if empty:
            said.append(f"{title} does not tell, and these maps stay empty: {', '.join(empty)}.")
        return " ".join(said)

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
    """A registered head, for features of the encoder that ``card`` tells of.

    Raises EncoderError where it was trained on another encoder's or another version's, CheckpointError where
    its file is damaged or not the one that was registered.
    """
    if (entry.encoder, entry.encoder_version) != (card.id, card.version):
        raise EncoderError(
            f"the head {entry.id} reads features of {entry.encoder}, version {entry.encoder_version}, and "
            f"these are of {card.id}, version {card.version}"
        )
    if entry.sha256 is not None:
        try:
            with entry.file.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise CheckpointError(entry.file, f"it cannot be read: {error.strerror}") from error
        if found != entry.sha256.lower():
            raise CheckpointError(entry.file, "it is not the file that was registered (SHA-256 differs)")
    return load_slide_head(entry.file, feature_width=entry.feature_width)


def _places(features: NDArray[np.float32], cells: NDArray[np.int32]) -> NDArray[np.intp]:
    """The patches whose features are numbers, column by column as CLAM lays them: the order in which they
    became known is one of chance, and TransMIL reads patches that follow each other together.
    """
    usable = np.flatnonzero(np.isfinite(features).all(axis=1))
    return usable[np.lexsort(cells[usable].T)]


def _in_numbers(reading: BagReading) -> bool:
    parts = reading.attention, reading.probabilities, reading.contributions, reading.single
    return all(part is None or bool(part.isfinite().all()) for part in parts)


def _signed(values: Tensor) -> NDArray[np.uint8]:
    """Codes of values around 0: the largest of either sign gets full colour, or none."""
    scaled = values / values.abs().max().clamp(min=1e-12)
    return np.rint(MIDDLE + _HALF_SCALE * scaled.numpy()).astype(np.uint8)
