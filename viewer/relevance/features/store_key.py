"""The subject of a feature store: the content of a slide, at a pixel size, by an encoder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from viewer import __version__
from viewer.common.text import escape_control
from viewer.relevance.features import strings
from viewer.relevance.features.cache_folder import KEY_DIGITS
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.patches.field import Provenance
from viewer.relevance.patches.grid import PatchGrid
from viewer.slide.identity import slide_identity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from viewer.relevance.encoders.card import EncoderCard
    from viewer.slide.source import Source

FORMAT = 1
_COARSEST = 2.5
"""Pixel size of the slide over that of the encoder: beyond, too little detail is left."""


@dataclass(frozen=True, slots=True)
class StoreSubject:
    """``identity`` is the slide's content (``slide_identity``); ``name`` its file's, without the ending."""

    identity: str
    name: str
    extent_px: tuple[int, int]
    mpp_um: tuple[float, float]
    mpp_estimated: bool
    objective_power: float | None
    card: EncoderCard

    @staticmethod
    def of(
        source: Source, card: EncoderCard, mpp_um: tuple[float, float], *, mpp_estimated: bool
    ) -> StoreSubject:
        """Raises SlideError where the file cannot be read."""
        info, pyramid = source.info, source.pyramid
        return StoreSubject(
            slide_identity(source),
            escape_control(info.path.stem),
            (pyramid.width, pyramid.height),
            mpp_um,
            mpp_estimated,
            info.objective_power,
            card,
        )

    @property
    def grid(self) -> PatchGrid:
        """Raises ValueError where the pixel size cannot be right."""
        return PatchGrid.over(*self.extent_px, self.mpp_um)

    def notes(self) -> tuple[str, ...]:
        """Sentences for the user on the quality of such features."""
        mpp_um, expected_um = max(self.mpp_um), self.card.mpp_um
        if mpp_um <= _COARSEST * expected_um:
            return ()
        return (strings.COARSE_PIXELS.format(mpp_um=mpp_um, expected_um=expected_um),)

    def provenance(self, card: EncoderCard, query: str) -> Provenance:
        """Of a result computed from such features now: of ``query`` as text, by the encoder of ``card`` or a
        slide head over it."""
        return Provenance(
            encoder=card.title,
            query=query,
            normalisation=card.normalisation,
            mpp_um=self.mpp_um,
            mpp_estimated=self.mpp_estimated,
            made_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            software=f"Foveola {__version__}",
        )

    def facts(self) -> dict[str, Any]:
        """The facts that must be equal for features to be of this subject, for JSON."""
        return {
            "format": FORMAT,
            "slide_identity": self.identity,
            "encoder": self.card.id,
            "encoder_version": self.card.version,
            "mpp_um": [float(f"{mpp:.6g}") for mpp in self.mpp_um],
        }

    def check(self, facts: Mapping[str, Any], path: Path) -> None:
        """Raises FeatureFileError where the facts in a file are those of another subject."""
        for name, expected in self.facts().items():
            if facts.get(name) != expected:
                subject = strings.SUBJECTS[name]
                raise FeatureFileError(path, strings.OTHER_SUBJECT.format(subject=subject))

    @property
    def key(self) -> str:
        """The name of the store: not that of the slide, which may be a patient's."""
        return hashlib.sha256(json.dumps(self.facts()).encode()).hexdigest()[:KEY_DIGITS]
