"""What lies between the cells of the phantom: seamless textures of stain, one for each kind of tissue.

Stain is kept in codes: ``CODES_PER_OD`` codes of haematoxylin and of eosin are one unit of optical density.
``colours_of_stain`` turns codes into colours by Beer and Lambert's law. Eosin codes above those that
eosin reaches are haemoglobin, which is red by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.phantom.layout import Tissue
from viewer.slide.phantom.noise import blobs, fibres

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from viewer.slide.phantom.noise import Floats

CODES_PER_OD = 160
GLASS_RGB = (242, 242, 242)

# Optical density of the stains in red, green and blue, normalised: the method of Ruifrok and Johnston (Anal.
# Quant. Cytol. Histol. 2001, 23:291) applied to H&E slides of today; their own eosin is more violet than
# that.
HAEMATOXYLIN_OD = (0.57, 0.715, 0.405)
EOSIN_OD = (0.20, 0.88, 0.43)
HAEMOGLOBIN_OD = (0.13, 0.80, 0.585)
_HAEMOGLOBIN_FROM, _HAEMOGLOBIN_TO = 95, 150

_SIDE = 1280
_SMALL_SIDE = 1024  # where cells cover the texture's repeats
_FAT_SIDE = 3072
_FAT_CELL_PX = 256


def colours_of_stain() -> NDArray[np.uint32]:
    """Colour of every pair of codes: RGBX packed in memory order, index haematoxylin + 256 · eosin."""
    code = np.arange(256, dtype=np.float64)
    red_share = np.clip((code - _HAEMOGLOBIN_FROM) / (_HAEMOGLOBIN_TO - _HAEMOGLOBIN_FROM), 0, 1)[:, None]
    eosin = (
        code[:, None]
        / CODES_PER_OD
        * (np.array(EOSIN_OD) * (1 - red_share) + np.array(HAEMOGLOBIN_OD) * red_share)
    )
    haematoxylin = code[:, None] / CODES_PER_OD * np.array(HAEMATOXYLIN_OD)
    od = eosin[:, None] + haematoxylin[None]
    colours = np.full((256, 256, 4), 255, np.uint8)
    colours[..., :3] = np.round(np.array(GLASS_RGB) * 10**-od)
    return colours.reshape(-1).view(np.uint32)


def make_textures() -> dict[Tissue, NDArray[np.uint8]]:
    """The (side, side, 2) texture of each tissue but glass, haematoxylin and eosin. Always the same ones."""
    textures = {tissue: make(np.random.default_rng([tissue, 0x7EC5])) for tissue, make in _MAKERS.items()}
    textures[Tissue.TUMOUR] = textures[Tissue.STROMA]  # what shows between tumour glands
    return textures


def codes_of(haematoxylin: Floats, eosin: Floats) -> NDArray[np.uint8]:
    """Optical densities as stored codes."""
    codes = np.empty((*eosin.shape, 2), np.uint8)
    for channel, od in enumerate((haematoxylin, eosin)):
        codes[..., channel] = np.clip(od * CODES_PER_OD, 0, 255)
    return codes


def _ramp(values: Floats, low: float, high: float) -> Floats:
    """0 below ``low``, 1 above ``high``, smooth between."""
    part = values - np.float32(low)
    part *= np.float32(1 / (high - low))
    np.clip(part, 0, 1, out=part)
    slope = part * np.float32(-2)
    slope += 3
    part *= part
    part *= slope
    return part


def _stroma(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Collagen: wavy pink bundles of two directions with clear gaps between."""
    along = fibres(rng, _SIDE, width_px=5, length_px=110, wave_px=22, wave_length_px=150)
    fine = fibres(rng, _SIDE, width_px=1.6, length_px=50, wave_px=14, wave_length_px=110)
    steep = fibres(rng, _SIDE, width_px=6, length_px=80, wave_px=45, wave_length_px=190).T
    which = _ramp(blobs(rng, _SIDE, 170), -0.4, 0.4)
    bundles = along * which + steep * (1 - which) + 0.5 * fine
    gaps = _ramp(bundles + 0.5 * blobs(rng, _SIDE, 90), -2.1, -0.1)
    eosin = gaps * (0.165 + 0.035 * bundles) + 0.025
    return codes_of(0.055 * gaps + 0.012 * bundles, eosin)


def _muscle(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Smooth muscle: long parallel cells, deep pink."""
    cells = fibres(rng, _SIDE, width_px=7, length_px=260, wave_px=16, wave_length_px=330)
    fine = fibres(rng, _SIDE, width_px=1.8, length_px=120, wave_px=16, wave_length_px=330)
    paler = 1 - 0.35 * (1 - _ramp(cells + 0.4 * fine, -2.4, -1.1))
    return codes_of(paler * (0.075 + 0.014 * cells), paler * (0.265 + 0.035 * cells + 0.018 * fine))


def _loose(rng: np.random.Generator) -> NDArray[np.uint8]:
    """The loose net in which inflammatory cells lie."""
    thin = fibres(rng, _SMALL_SIDE, width_px=3, length_px=30, wave_px=24, wave_length_px=70)
    net = blobs(rng, _SMALL_SIDE, 30) + 0.5 * thin + 0.3 * blobs(rng, _SMALL_SIDE, 8)
    strands = _ramp(net, -1.6, 1.6)
    return codes_of(0.02 + 0.09 * strands, 0.03 + 0.17 * strands)


def _lymphoid(rng: np.random.Generator) -> NDArray[np.uint8]:
    """The pale lavender ground of lymphoid tissue."""
    net = _ramp(blobs(rng, _SMALL_SIDE, 20) + 0.5 * blobs(rng, _SMALL_SIDE, 8), -1.6, 1.8)
    return codes_of(0.03 + 0.16 * net, 0.03 + 0.12 * net)


def _necrosis(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Granular, smudged pink with powdery blue debris and pale cracks."""
    grains = (
        0.5 * blobs(rng, _SMALL_SIDE, 5)
        + 0.7 * blobs(rng, _SMALL_SIDE, 12)
        + 0.5 * blobs(rng, _SMALL_SIDE, 55)
    )
    cracks = _ramp(np.abs(blobs(rng, _SMALL_SIDE, 150) + 0.25 * blobs(rng, _SMALL_SIDE, 20)), 0.01, 0.07)
    dust = _ramp(blobs(rng, _SMALL_SIDE, 4) + 0.9 * blobs(rng, _SMALL_SIDE, 70), 1.5, 2.6)
    return codes_of(cracks * (0.05 + 0.02 * grains) + 0.24 * dust, cracks * (0.26 + 0.05 * grains) + 0.04)


def _mucin(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Pools of mucus: pale blue-grey with wisps that are drawn out."""
    wisps = fibres(rng, _SMALL_SIDE, width_px=12, length_px=90, wave_px=110, wave_length_px=300)
    wisps += 0.3 * fibres(rng, _SMALL_SIDE, width_px=2.5, length_px=60, wave_px=110, wave_length_px=240)
    pale = _ramp(wisps + 0.9 * blobs(rng, _SMALL_SIDE, 110), -1.8, 3.0)
    return codes_of(0.03 + 0.17 * pale + 0.008 * blobs(rng, _SMALL_SIDE, 6), 0.008 + 0.012 * pale)


def _blood(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Plasma between the red cells: nearly clear."""
    film = _ramp(blobs(rng, _SMALL_SIDE, 40), -1, 1)
    return codes_of(0.01 * film, 0.02 + 0.05 * film)


def _adipose(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Fat: emptied round cells between thin rims, which thicken where three cells meet."""
    side = _FAT_SIDE // 2
    nearest, second = _nearest_two(rng, side // 2, _FAT_CELL_PX // 4)
    gap = _enlarged(second - nearest, 2) * 4 + 2.2 * np.tile(blobs(rng, side // 2, 30), (2, 2))
    rim = (1 - _ramp(gap, 2.5, 9)) * (1 - 0.85 * _ramp(blobs(rng, side, 60), 0.9, 1.5))
    haze = (1 - _ramp(gap, 8, 46)) * _ramp(blobs(rng, side, 100), 0.4, 1.8)
    return codes_of(_enlarged(0.09 * rim + 0.015 * haze, 2), _enlarged(0.30 * rim + 0.10 * haze, 2))


def _nearest_two(rng: np.random.Generator, side: int, cell_px: int) -> tuple[Floats, Floats]:
    """Distance from each pixel of a seamless square to the nearest and the second of scattered points.

    The distances are measured to pixels that are a little displaced, so that the borders between cells bulge.
    """
    cells = side // cell_px
    shape = (cells, cell_px, cells, cell_px)
    offsets_x, offsets_y = (
        rng.uniform(0.1, 0.9, (cells, cells)).astype(np.float32) * cell_px for _ in range(2)
    )
    bend_x, bend_y = (0.10 * cell_px * blobs(rng, side, cell_px * 1.3).reshape(shape) for _ in range(2))
    inside = np.arange(cell_px, dtype=np.float32)
    x, y = bend_x + inside, bend_y + inside[:, None, None]
    nearest = np.full(shape, np.inf, np.float32)
    second = nearest.copy()
    for down in (-2, -1, 0, 1, 2):
        for right in (-2, -1, 0, 1, 2):
            point_x, point_y = (
                np.roll(offsets, (-down, -right), (0, 1))[:, None, :, None]
                for offsets in (offsets_x, offsets_y)
            )
            distance = (x - (point_x + right * cell_px)) ** 2 + (y - (point_y + down * cell_px)) ** 2
            np.minimum(second, np.maximum(nearest, distance), out=second)
            np.minimum(nearest, distance, out=nearest)
    return np.sqrt(nearest).reshape(side, side), np.sqrt(second).reshape(side, side)


def _enlarged(grid: Floats, times: int) -> Floats:
    """A seamless grid at ``times`` the size, straight lines between its values."""
    for axis in (0, 1):
        following = np.roll(grid, -1, axis)
        steps = [grid + (following - grid) * np.float32(step / times) for step in range(times)]
        shape = list(grid.shape)
        shape[axis] *= times
        grid = np.stack(steps, axis + 1).reshape(shape)
    return grid


_MAKERS: dict[Tissue, Callable[[np.random.Generator], NDArray[np.uint8]]] = {
    Tissue.STROMA: _stroma,
    Tissue.GLANDS: _loose,
    Tissue.LYMPHOCYTES: _lymphoid,
    Tissue.ADIPOSE: _adipose,
    Tissue.NECROSIS: _necrosis,
    Tissue.MUCIN: _mucin,
    Tissue.MUSCLE: _muscle,
    Tissue.BLOOD: _blood,
}
