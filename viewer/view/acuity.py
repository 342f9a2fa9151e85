"""How sharply the eye sees beside the point it looks at. Pure; shaders/foveation.glsl has the same law.

The smallest angle that is resolved grows linearly with eccentricity: MAR(e) = MAR0 + m · e in degrees per
cycle, MAR0 = 1/48° and m = 0.022, the most careful slope of Guenter et al., "Foveated 3D Graphics", ACM
Transactions on Graphics 31(6), 2012. Strasburger, Rentschler & Jüttner, "Peripheral vision and pattern
recognition: a review", Journal of Vision 11(5), 2011, treat the linear law and its limits.
"""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MAR0_DEG = 1 / 48
MAR_SLOPE = 0.022
_CM_PER_INCH = 2.54


def tangent_per_px(display_px: tuple[float, float], diagonal_inch: float, distance_cm: float) -> float:
    """The side of a display's pixel over the distance from which it is seen."""
    return diagonal_inch * _CM_PER_INCH / hypot(*display_px) / distance_cm


def eccentricity_deg(
    distance_px: ArrayLike, tangent_per_px: float, radius_deg: float
) -> NDArray[np.floating[Any]]:
    """The angle between a point on the screen and the nearest point that the eye may be looking at.

    ``distance_px``: pixels from where the source says it looks; ``radius_deg``: how far off that may be.
    """
    angle_deg = np.degrees(np.arctan(np.asarray(distance_px, np.float64) * tangent_per_px))
    beyond: NDArray[np.floating[Any]] = np.maximum(angle_deg - radius_deg, 0.0)
    return beyond


def relative_acuity(eccentricity_deg: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Acuity over that of the fovea: 1 at eccentricity 0, falling towards 0."""
    acuity: NDArray[np.floating[Any]] = MAR0_DEG / (MAR0_DEG + MAR_SLOPE * eccentricity_deg)
    return acuity
