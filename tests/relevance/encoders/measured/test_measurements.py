"""Measurements on made tissue: planted nuclei, fibres, fat, ink and blood are measured as what they are."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.relevance.encoders.measured.card import INDEX, MEASUREMENTS
from viewer.relevance.encoders.measured.measurements import MARGIN_PX, PATCH_PX, measure
from viewer.slide.tissue.stains import RUIFROK, Stains

GLASS = 245.0
SIDE = PATCH_PX + 2 * MARGIN_PX
STAINS = Stains(
    tuple(tuple(row / np.linalg.norm(row)) for row in RUIFROK),  # type: ignore[arg-type]
    (1.0, 1.0),
    (GLASS, GLASS, GLASS),
    "made",
    "",
    "H&E",
    True,
)


def tissue(haematoxylin: np.ndarray | float, eosin: np.ndarray | float) -> np.ndarray:
    """(side, side, 3) uint8 with these amounts of stain at 1 µm per pixel."""
    shape = np.broadcast_shapes(np.shape(haematoxylin), np.shape(eosin), (SIDE, SIDE))
    amounts = np.stack([np.broadcast_to(haematoxylin, shape), np.broadcast_to(eosin, shape)], axis=-1)
    density = amounts @ np.array(STAINS.vectors)
    return np.clip(np.rint((GLASS + 1) * 10**-density - 1), 0, 255).astype(np.uint8)


def discs(centres: list[tuple[float, float]], radius: float) -> np.ndarray:
    """1 inside discs, with soft borders."""
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = np.zeros((SIDE, SIDE))
    for row, col in centres:
        distance = np.hypot(y - row, x - col)
        inside = np.maximum(inside, 1 / (1 + np.exp((distance - radius) / 0.4)))
    return inside


def lattice(step: float) -> list[tuple[float, float]]:
    return [(row, col) for row in np.arange(8, SIDE, step) for col in np.arange(8, SIDE, step)]


def measured(block: np.ndarray) -> dict[str, float]:
    values = measure(block, STAINS)[0, 0]
    assert np.isfinite(values).all()
    return {one.id: float(values[number]) for number, one in enumerate(MEASUREMENTS)}


def test_names_are_unique_and_have_units() -> None:
    assert len(INDEX) == len(MEASUREMENTS) == 39
    assert all(one.unit and one.title for one in MEASUREMENTS)


@pytest.mark.parametrize("step", [12.0, 16.0, 24.0])
def test_nuclei_are_counted(step: float) -> None:
    values = measured(tissue(0.6 * discs(lattice(step), 3.2), 0.1))
    patch = range(MARGIN_PX, MARGIN_PX + PATCH_PX)
    planted = sum(round(row) in patch and round(col) in patch for row, col in lattice(step))
    assert values["nuclear_density"] == pytest.approx(planted / PATCH_PX**2 * 1e6, rel=0.05)


def test_larger_nuclei_measure_larger() -> None:
    small = measured(tissue(0.6 * discs(lattice(24), 2.4), 0.1))
    large = measured(tissue(0.6 * discs(lattice(24), 6.0), 0.1))
    assert large["nuclear_radius"] > small["nuclear_radius"] + 1
    assert large["nuclear_size"] > 3 * small["nuclear_size"]
    assert large["nuclear_area"] == pytest.approx(np.pi * 6.0**2 / 24**2, rel=0.25)


def test_amounts_of_stain_are_recovered() -> None:
    values = measured(tissue(0.2, 0.3))
    assert values["haematoxylin"] == pytest.approx(0.2, abs=0.02)
    assert values["eosin"] == pytest.approx(0.3, abs=0.02)
    assert values["residual"] == pytest.approx(0.0, abs=0.01)
    assert values["eosin_between"] == pytest.approx(0.3, abs=0.03)
    assert values["edges"] < 1e-3


def test_a_pale_slide_measures_as_a_usual_one() -> None:
    pale = Stains(STAINS.vectors, (0.5, 0.5), STAINS.glass_rgb, "made", "", "H&E", True)
    values = measure(tissue(0.1, 0.15), pale)[0, 0]
    assert values[INDEX["haematoxylin"]] == pytest.approx(0.2, abs=0.02)
    assert values[INDEX["eosin"]] == pytest.approx(0.3, abs=0.02)


def test_glass_is_clear_and_deep_without_walls_or_edges() -> None:
    values = measured(tissue(0.0, 0.0))
    assert values["clear_area"] == 1
    assert values["clear_depth"] == 1
    for name in (
        "clear_walls",
        "wall_cover",
        "solid_area",
        "edges",
        "nuclear_density",
        "blood_area",
        "ink_area",
    ):
        assert values[name] == 0


def test_fat_is_clear_space_between_thin_walls() -> None:
    walls = np.zeros((SIDE, SIDE))
    for line in range(10, SIDE, 50):
        walls[line : line + 2] = walls[:, line : line + 2] = 1
    values, glass = measured(tissue(0.0, 0.3 * walls)), measured(tissue(0.0, 0.0))
    assert 0.8 < values["clear_area"] < 1
    assert values["clear_depth"] > 0.2
    assert values["clear_walls"] > 0.002 > glass["clear_walls"]
    assert values["edges"] > 0.01 > glass["edges"]
    assert values["wall_cover"] > 0.9
    assert values["solid_area"] == 0


def test_glass_beside_thick_tissue_has_no_thin_walls() -> None:
    piece = np.zeros((SIDE, SIDE))
    piece[:, : SIDE // 2] = 1
    values = measured(tissue(0.2 * piece, 0.3 * piece))
    assert values["clear_area"] == pytest.approx(0.5, abs=0.05)
    assert values["wall_cover"] < 0.05
    assert values["solid_area"] > 0.35


@pytest.mark.parametrize("angle_deg", [0.0, 30.0, 90.0])
def test_fibres_are_aligned_whatever_their_direction(angle_deg: float) -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    across = x * np.cos(np.radians(angle_deg)) + y * np.sin(np.radians(angle_deg))
    fibres = measured(tissue(0.05, 0.2 + 0.1 * np.sin(across / 2)))
    dots = measured(tissue(0.05, 0.2 + 0.1 * discs(lattice(9), 3)))
    assert fibres["alignment"] > 0.9
    assert fibres["coherence"] > 0.9
    assert dots["alignment"] < 0.3


def test_blood_ink_and_brown_are_distinguished_by_their_colour() -> None:
    def filled(rgb: tuple[int, int, int]) -> dict[str, float]:
        return measured(np.broadcast_to(np.array(rgb, np.uint8), (SIDE, SIDE, 3)))

    assert filled((196, 40, 60))["blood_area"] > 0.9
    assert filled((225, 160, 190))["blood_area"] == 0
    assert filled((20, 120, 60))["ink_area"] > 0.9
    assert filled((30, 60, 160))["ink_area"] > 0.9
    assert filled((12, 12, 14))["ink_area"] > 0.9
    assert filled((120, 60, 150))["ink_area"] == 0
    assert filled((150, 100, 60))["brown_area"] > 0.9


def test_blur_takes_sharpness_away() -> None:
    rng = np.random.default_rng(3)
    noise = rng.random((SIDE, SIDE))
    soft = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1) + np.roll(noise, (1, 1), (0, 1))) / 4
    softer = soft
    for _ in range(4):
        softer = (
            softer + np.roll(softer, 1, 0) + np.roll(softer, 1, 1) + np.roll(softer, (1, 1), (0, 1))
        ) / 4
    assert (
        measured(tissue(0.1, 0.5 * soft))["sharpness"]
        > 1.5 * measured(tissue(0.1, 0.5 * softer))["sharpness"]
    )


def test_patches_of_a_block_measure_as_they_do_alone() -> None:
    rng = np.random.default_rng(4)
    block = rng.integers(80, 240, (2 * PATCH_PX + 2 * MARGIN_PX, 3 * PATCH_PX + 2 * MARGIN_PX, 3)).astype(
        np.uint8
    )
    together = measure(block, STAINS)
    assert together.shape == (2, 3, 39)
    for row, col in ((0, 0), (1, 2)):
        y, x = row * PATCH_PX, col * PATCH_PX
        alone = measure(block[y : y + SIDE, x : x + SIDE], STAINS)[0, 0]
        wide = [INDEX[name] for name in ("clear_walls", "wall_cover", "clear_count", "nuclear_unevenness")]
        near = np.delete(np.arange(len(MEASUREMENTS)), wide)
        assert np.allclose(together[row, col, near], alone[near], rtol=0.05, atol=2e-3)


def test_parts_of_a_block_add_up_to_its_patches() -> None:
    rng = np.random.default_rng(6)
    block = rng.integers(80, 240, (SIDE, 2 * PATCH_PX + 2 * MARGIN_PX, 3)).astype(np.uint8)
    block[:, SIDE // 2 :] //= 2
    whole, parts = measure(block, STAINS), measure(block, STAINS, parts=True)
    assert parts.shape == (3, 7, len(MEASUREMENTS))
    for name in ("density", "haematoxylin", "nuclear_density", "clear_area"):
        quarters = parts[::2, ::2, INDEX[name]]  # those that do not overlap
        assert np.allclose(whole[0, 0, INDEX[name]], quarters[:, :2].mean(), rtol=1e-4)
        assert np.allclose(whole[0, 1, INDEX[name]], quarters[:, 2:].mean(), rtol=1e-4)


def test_the_same_block_measures_the_same() -> None:
    block = np.random.default_rng(5).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    assert (measure(block, STAINS) == measure(block.copy(), STAINS)).all()
