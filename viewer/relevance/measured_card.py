"""What the reader is told of the measured encoder; apart from it: the window's process has no torch."""

from __future__ import annotations

from viewer.relevance.encoders.card import MEASURED_ID, EncoderCard
from viewer.relevance.measurement_names import MEASUREMENTS

MEASURED = EncoderCard(
    id=MEASURED_ID,
    title="Measured concepts",
    family="stain, nuclei and texture",
    patch_px=128,
    mpp_um=1.0,
    margin_px=16,
    feature_count=len(MEASUREMENTS),
    normalisation=(
        "signed sum of rank-normal measurements, among this slide's patches and reference slides, "
        "through absolute gates"
    ),
    licence="MIT, part of Foveola",
    commercial=True,
    notes=("Measured likeness from stain, nuclei and texture: no diagnosis.",),
)
