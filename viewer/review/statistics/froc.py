"""FROC: how many lesions are found at how many false places a slide. Pure.

As CAMELYON16 (Ehteshami Bejnordi et al., JAMA 2017) defines it: the sensitivity at ¼, ½, 1, 2, 4 and 8 false
places a slide, and the mean of these six. The curve is taken as it steps, not interpolated between steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.review.calibration import SlideScores

FALSE_A_SLIDE = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_DRAWS = 1000
_INTERVAL = 2.5, 97.5


class Froc(NamedTuple):
    """``sensitivities``: at each of ``FALSE_A_SLIDE``; ``mean``: of them; ``low`` and ``high``: of the mean,
    95 % of draws of slides with replacement lie between; None where too few draws have a lesion."""

    sensitivities: tuple[float, ...]
    mean: float
    low: float | None
    high: float | None


def froc(slides: Sequence[SlideScores], seed: int = 0) -> Froc | None:
    """The figures of some slides; None without a lesion. ``seed``: of the draws."""
    if not sum(slide.lesions.size for slide in slides):
        return None
    at_rates = _sensitivities(slides)
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(_DRAWS):
        chosen = [slides[index] for index in random.integers(len(slides), size=len(slides))]
        if sum(slide.lesions.size for slide in chosen):
            drawn.append(float(_sensitivities(chosen).mean()))
    is_enough = len(slides) > 1 and len(drawn) > _DRAWS / 2
    low, high = np.percentile(drawn, _INTERVAL) if is_enough else (None, None)
    return Froc(
        tuple(map(float, at_rates)),
        float(at_rates.mean()),
        None if low is None else float(low),
        None if high is None else float(high),
    )


def _sensitivities(slides: Sequence[SlideScores]) -> NDArray[np.float64]:
    lesions = np.concatenate([slide.lesions for slide in slides])
    false = np.sort(np.concatenate([slide.false for slide in slides]))[::-1]
    found = []
    for rate in FALSE_A_SLIDE:
        allowed = int(rate * len(slides) + 1e-9)
        # A lesion counts while fewer false places score as high: of equals, the false ones come first.
        least = false[allowed] if allowed < false.size else -np.inf
        found.append(float((lesions > least).mean()))
    return np.asarray(found)
