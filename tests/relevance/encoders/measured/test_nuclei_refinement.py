"""Nuclei counted again at 0.5 µm per pixel: exact where they are crowded, silent about the rest."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.relevance.encoders.card import Reason
from viewer.relevance.encoders.measured.card import INDEX
from viewer.relevance.encoders.measured.measurements import measure
from viewer.relevance.encoders.measured.nuclei_refinement import (
    REFINED_MARGIN_PX,
    REFINED_PX,
    refinable,
    refined,
    refined_nuclei,
)
from viewer.relevance.encoders.strings import RANK
from viewer.slide.tissue.stains import RUIFROK, Stains

GLASS = 245.0
CROWDED_UM = 128 / 27
SIDE_PX = REFINED_PX + 2 * REFINED_MARGIN_PX
STAINS = Stains(
    tuple(tuple(row / np.linalg.norm(row)) for row in RUIFROK),  # type: ignore[arg-type]
    (1.0, 1.0),
    (GLASS, GLASS, GLASS),
    "made",
    "",
    "H&E",
    True,
)


def tissue(step_um: float, radius_um: float) -> np.ndarray:
    """Round nuclei on a shaken lattice in eosin, 0.5 µm per pixel; none where the step is 0."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX] * 0.5
    nuclei = np.zeros((SIDE_PX, SIDE_PX))
    for row in np.arange(2, SIDE_PX / 2, step_um) if step_um else ():
        for col in np.arange(2, SIDE_PX / 2, step_um):
            at = np.array([row, col]) + rng.uniform(-0.5, 0.5, 2)
            distance = np.hypot(y - at[0], x - at[1])
            nuclei = np.maximum(nuclei, np.clip((radius_um - distance) / 0.6 + 0.5, 0, 1))
    amounts = np.stack([0.6 * nuclei, np.full_like(nuclei, 0.1)], axis=-1)
    rgb = (GLASS + 1) * 10 ** -(amounts @ np.array(STAINS.vectors)) - 1
    return np.clip(np.rint(rgb + rng.normal(0, 1, rgb.shape)), 0, 255).astype(np.uint8)


def at_1_um(block: np.ndarray) -> np.ndarray:
    """The same patch as the scores see it: half as fine, with 16 px of context."""
    coarse = block.reshape(SIDE_PX // 2, 2, SIDE_PX // 2, 2, 3).mean((1, 3))
    return np.rint(coarse).astype(np.uint8)[4:-4, 4:-4]


@pytest.mark.parametrize(("step_um", "radius_um"), [(12.8, 3.5), (8.0, 3.0), (CROWDED_UM, 2.2)])
def test_nuclei_are_counted_however_they_crowd(step_um: float, radius_um: float) -> None:
    found = refined_nuclei(tissue(step_um, radius_um), STAINS)
    assert found["nuclear_density"] == pytest.approx(1e6 / step_um**2, rel=0.02)
    assert found["nuclear_radius"] == pytest.approx(radius_um, rel=0.3)
    assert found["nuclear_size"] == pytest.approx(found["nuclear_area"] * step_um**2, rel=0.02)


def test_crowded_nuclei_run_together_at_1_um() -> None:
    coarse = measure(at_1_um(tissue(CROWDED_UM, 2.2)), STAINS)[0, 0][INDEX["nuclear_density"]]
    assert coarse < 0.9 * 1e6 / CROWDED_UM**2


def test_where_there_are_none_none_are_counted() -> None:
    found = refined_nuclei(tissue(0.0, 0.0), STAINS)
    assert found == {"nuclear_density": 0, "nuclear_radius": 0, "nuclear_area": 0, "nuclear_size": 0}


def test_only_reasons_about_nuclei_get_a_finer_value() -> None:
    density = Reason("nuclear density", 25_000.0, "/mm²", 87.0, 1.0)
    red = Reason("redness of tissue", 0.1, "OD", 50.0, 0.5)
    assert refinable([red, density])
    assert not refinable([red])
    finer, same = refined([density, red], tissue(CROWDED_UM, 2.2), STAINS)
    assert same == red
    assert finer.refined == pytest.approx(1e6 / CROWDED_UM**2, rel=0.02)
    rank = RANK.format(percentile="87th")
    assert finer.in_words().startswith(f"nuclear density 25,000/mm², {rank} (4")
    assert finer.in_words().endswith("/mm² at 0.5 µm/px)")
