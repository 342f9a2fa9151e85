"""Cards of the encoders without weights, and the names of what they measure. No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from viewer.relevance.encoders.card import MEASURED_ID, SALIENCY_ID, EncoderCard


@dataclass(frozen=True, slots=True)
class Measurement:
    """One quantity; its value times ``per_unit`` is in ``unit``. Stain counts as on a usual slide."""

    id: str
    title: str
    unit: str
    per_unit: float = 1.0


MEASUREMENTS = (
    Measurement("density", "optical density", "OD"),
    Measurement("density_sd", "contrast", "OD"),
    Measurement("haematoxylin", "haematoxylin", "OD"),
    Measurement("haematoxylin_sd", "variation of haematoxylin", "OD"),
    Measurement("eosin", "eosin", "OD"),
    Measurement("eosin_sd", "variation of eosin", "OD"),
    Measurement("residual", "colour that is neither stain", "OD"),
    Measurement("redness", "redness of tissue", "OD"),
    Measurement("red_to_green", "blue hue of tissue", "(ratio)"),
    Measurement("blue_to_green", "orange hue of tissue", "(ratio)"),
    Measurement("blood_area", "area as red as blood", "%", 100),
    Measurement("pale_area", "pale area", "%", 100),
    Measurement("pale_blue_area", "pale bluish area", "%", 100),
    Measurement("ink_area", "area black or coloured as ink", "%", 100),
    Measurement("brown_area", "brown area", "%", 100),
    Measurement("clear_area", "clear area", "%", 100),
    Measurement("clear_depth", "clear area deeper than 8 µm", "%", 100),
    Measurement("clear_walls", "thin walls in clear area", "mOD", 1000),
    Measurement("clear_count", "clear compartments", "/mm²"),
    Measurement("wall_cover", "area near thin walls", "%", 100),
    Measurement("solid_area", "tissue without gaps", "%", 100),
    Measurement("nuclear_density", "nuclear density", "/mm²"),
    Measurement("nuclear_radius", "nuclear radius", "µm"),
    Measurement("nuclear_small", "share of smallest nuclei", "%", 100),
    Measurement("nuclear_large", "share of large nuclei", "%", 100),
    Measurement("nuclear_contrast", "contrast of nuclei", "OD"),
    Measurement("nuclear_area", "area of nuclei", "%", 100),
    Measurement("nuclear_size", "area per nucleus", "µm²"),
    Measurement("nuclear_darkness", "darkness of nuclei", "OD"),
    Measurement("nuclear_unevenness", "uneven spread of nuclei", "(ratio)"),
    Measurement("haematoxylin_clumps", "clumping of haematoxylin", "OD"),
    Measurement("eosin_between", "eosin between nuclei", "OD"),
    Measurement("eosin_between_sd", "variation of eosin between nuclei", "OD"),
    Measurement("haematoxylin_between", "haematoxylin between nuclei", "OD"),
    Measurement("edges", "strength of edges", "mOD/µm", 1000),
    Measurement("coherence", "local direction of edges", "%", 100),
    Measurement("alignment", "common direction of edges", "%", 100),
    Measurement("fine_detail", "fine detail", "mOD", 1000),
    Measurement("sharpness", "sharpness", "%", 100),
)
INDEX = {one.id: number for number, one in enumerate(MEASUREMENTS)}
"""Column of a measurement's id in the features."""

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
    query_kind="concepts",
    feature_kind="measurements",
    refines=True,
    part_features=len(MEASUREMENTS),
    names_scores=True,
    needs_weights=False,
    needs_terms=False,
)

SALIENCY = replace(
    MEASURED,
    id=SALIENCY_ID,
    title="Measured saliency",
    family="what stands out from its surroundings",
    normalisation="relative to the average of the surroundings",
    notes=("What stands out by stain, nuclei and texture: no attention of a model, and no diagnosis.",),
    attention_heads=(1, 1),
    part_features=0,
    query_kind="none",
    attends="tokens",
)
