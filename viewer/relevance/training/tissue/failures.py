"""What a trained network gets most wrong on test slides, as pictures: what it takes for tumour on slides
without any, and the tumour that it misses.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from viewer.relevance.encoders.tissue.classes import tissue_classes
from viewer.relevance.training.tissue.calibration import of_tumour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from viewer.relevance.training.tissue.patches import SlidePatches

_OF_EACH_KIND, _OF_A_SLIDE = 8, 2
"""At most, so that one slide does not fill the sheet."""
_A_ROW, _GAP_PX, _NUMBER_PX = 8, 6, 14


class Failure(NamedTuple):
    """A patch (height, width, 3) RGB and the probability of tumour that it was given. ``tissue``: the title
    of its class, "" where no region names it."""

    slide: str
    diagnosis: str
    is_tumour: bool
    tissue: str
    probability: float
    pixels: NDArray[np.uint8]

    def as_facts(self) -> dict[str, Any]:
        """All but the picture, for JSON."""
        return {name: value for name, value in self._asdict().items() if name != "pixels"}


def failures(
    slides: Sequence[SlidePatches], probabilities: Mapping[str, NDArray[np.float64]]
) -> list[Failure]:
    """The highest probabilities of tumour on tumour-free slides, then the lowest in regions of tumour, worst
    first; ``probabilities`` by slide, (patches, classes)."""
    known = tissue_classes()
    tumours = [number for number, one in enumerate(known) if one.tumour]
    alarms: list[Failure] = []
    missed: list[Failure] = []
    for one in slides:
        tumour = probabilities[one.slide.name][:, tumours].sum(axis=1)
        free = np.flatnonzero(np.full(len(tumour), one.slide.tumour_free))
        shown = np.flatnonzero(of_tumour(one))
        for kind, worst in (
            (alarms, free[np.argsort(-tumour[free], kind="stable")]),
            (missed, shown[np.argsort(tumour[shown], kind="stable")]),
        ):
            kind += [
                Failure(
                    one.slide.name,
                    one.slide.diagnosis,
                    kind is missed,
                    known[one.labels[patch]].title if one.labels[patch] >= 0 else "",
                    float(tumour[patch]),
                    one.pixels[patch],
                )
                for patch in worst[:_OF_A_SLIDE].tolist()
            ]
    alarms.sort(key=lambda one: -one.probability)
    missed.sort(key=lambda one: one.probability)
    return [*alarms[:_OF_EACH_KIND], *missed[:_OF_EACH_KIND]]


def sheet(found: Sequence[Failure]) -> bytes:
    """The patches (one or more, of one size) as a PNG, row by row, each with its number above it."""
    height, width = found[0].pixels.shape[:2]
    rows, columns = -(-len(found) // _A_ROW), min(len(found), _A_ROW)
    step_x, step_y = width + _GAP_PX, height + _NUMBER_PX + _GAP_PX
    picture = Image.new("RGB", (columns * step_x, rows * step_y), "white")
    ink, font = ImageDraw.Draw(picture), ImageFont.load_default(_NUMBER_PX - 2)
    for number, one in enumerate(found):
        x, y = number % _A_ROW * step_x, number // _A_ROW * step_y
        ink.text((x, y), str(number + 1), fill="black", font=font)
        picture.paste(Image.fromarray(np.asarray(one.pixels)), (x, y + _NUMBER_PX))
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()
