"""TissueMask: where on a slide there is tissue, at about 8 µm per pixel, and why the rest is not.

Generous on purpose: a patch that is left out is never analysed. What is left out is named: glass, ink, dust,
edges of glass and cover slip, places the scanner filled in. Holes within tissue (fat, lumina) count as
tissue, and so does what could not be read: the analysis reports it as failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from scipy import ndimage

from viewer.slide.geometry import TileKey
from viewer.slide.pixels import rgba_8
from viewer.slide.source import TileError, TileNotReadyError
from viewer.slide.tissue import strings
from viewer.slide.tissue.integral import integral
from viewer.slide.tissue.morphology import grown, holes_filled, not_round, pieces, shrunk, without_gaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.slide.geometry import Pyramid
    from viewer.slide.source import Source

    Floats = NDArray[np.float32]
    Mask = NDArray[np.bool_]

MASK_MPP_UM = 8.0
MAX_MASK_PX = 6_000_000
MAX_READ_PX = 256_000_000
_NOMINAL_MPP_UM = 0.35  # where a slide states none: half-way between the two usual magnifications
_SAMPLE_PX = 400_000

# Optical densities, per channel, of the mean over one mask pixel.
_FAINTEST_OD = 0.022  # walls of fat cells: 0.02 to 0.1
_SURE_OD = 0.05, 0.09
_DARK_ENOUGH_OD = 0.05
_COLOURED_OD = 0.010
_DARK = 60  # of 255: darker in all channels is a dark field, or a place the scanner filled in

# Sizes, in µm.
_GAP_UM = 80.0  # half of the white between the walls of a fat cell
_FAT_CELL_UM = 80.0
_FAT_CELL_ROUNDNESS = 0.3  # two cells that a broken wall joins have 0.4; white between lamellae has less
_HOLE_UM2 = 1.0e6
_SPECK_UM2 = 400.0
_PALE_UM2 = 20_000.0  # so much of a pale stain is tissue without a darker pixel in it
_DUST_UM2 = 60_000.0
_LINE_WIDTH_UM = 500.0
_STROKE_UM = 110.0  # ink is even over this far in both directions

_INK_UNEVEN = 0.25  # standard deviation of density over its mean


@dataclass(frozen=True, slots=True)
class TissueMask:
    """Where there is tissue.

    ``mask`` (height, width); a mask pixel is ``step_px`` (x, y) level-0 pixels, and the last column and row
    may reach beyond the slide. ``brightfield`` is False for a dark field (fluorescence): what is bright was
    taken for tissue. ``reason`` says in a sentence what was found; ``notes`` what was left out, and why.
    ``glass_rgb`` is the colour of empty glass, which the scanner may have filled up with a brighter white.
    """

    mask: Mask
    step_px: tuple[float, float]
    extent_px: tuple[int, int]
    brightfield: bool
    reason: str
    notes: tuple[str, ...] = ()
    glass_rgb: tuple[float, float, float] = (255.0, 255.0, 255.0)

    @property
    def has_tissue(self) -> bool:
        return bool(self.mask.any())

    @property
    def share(self) -> float:
        """The part of the slide that is tissue, 0 to 1."""
        return float(self.mask.mean())

    def fraction(
        self, x0: NDArray[Any], y0: NDArray[Any], x1: NDArray[Any], y1: NDArray[Any]
    ) -> NDArray[np.float32]:
        """How much of each rectangle (level-0 px, any equal shape) is tissue, 0 to 1.

        Counted over the part of the rectangle that lies on the slide; 0 for one that lies beside it.
        """
        total = integral(self.mask)
        x0, x1 = (np.clip(x, 0, self.extent_px[0]) / self.step_px[0] for x in (x0, x1))
        y0, y1 = (np.clip(y, 0, self.extent_px[1]) / self.step_px[1] for y in (y0, y1))
        inside = _at(total, y1, x1) - _at(total, y0, x1) - _at(total, y1, x0) + _at(total, y0, x0)
        area = np.maximum((x1 - x0) * (y1 - y0), 1e-9)
        fraction: NDArray[np.float32] = np.clip(inside / area, 0.0, 1.0).astype(np.float32)
        return fraction

    def patch_fractions(
        self, columns: int, rows: int, patch_width_px: float, patch_height_px: float
    ) -> NDArray[np.float32]:
        """``fraction`` of every patch of a grid from the slide's corner: (rows, columns)."""
        x = np.arange(columns + 1) * patch_width_px
        y = np.arange(rows + 1) * patch_height_px
        return self.fraction(*np.broadcast_arrays(x[:-1], y[:-1, None], x[1:], y[1:, None]))


def tissue_mask(source: Source, mpp_um: tuple[float, float] | None) -> TissueMask:
    """Find the tissue of a slide with pixels of ``mpp_um``; None where their size is unknown.

    Reads the coarsest level that is fine enough, tile by tile. A slide without levels that coarse, of more
    than 256 million pixels, counts as tissue throughout. Raises TileNotReadyError while that level is still
    being built.
    """
    level, factors = _level_and_factors(source.pyramid, mpp_um)
    shape = source.pyramid.levels[level]
    step_px = (shape.scale_x * factors[0], shape.scale_y * factors[1])
    extent_px = (source.pyramid.width, source.pyramid.height)
    if shape.width * shape.height > MAX_READ_PX:
        everywhere = np.ones((-(-shape.height // factors[1]), -(-shape.width // factors[0])), np.bool_)
        return TissueMask(everywhere, step_px, extent_px, True, strings.NO_COARSE_LEVEL)
    picture, unread = _picture(source, level, factors)
    mpp = mpp_um or (_NOMINAL_MPP_UM, _NOMINAL_MPP_UM)
    pixel_um = float(np.sqrt(step_px[0] * mpp[0] * step_px[1] * mpp[1]))
    found = _Search(picture, unread, pixel_um, source.info.background_rgb).run()
    return TissueMask(
        found.mask,
        step_px,
        extent_px,
        found.brightfield,
        found.reason,
        tuple(found.notes),
        found.glass_rgb,
    )


def tissue_shade(
    picture: NDArray[np.uint8], mpp_um: tuple[float, float], fill_rgb: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """How far each pixel (height, width, 3) is to be coloured, where colours stand for tissue, from 127, not
    at all, to 255: 255 what is stained, 191 white as narrow and round as a fat cell, 0 glass, lumina and
    clefts. In a dark field 255 what shines."""
    pixel_um = float(np.sqrt(mpp_um[0] * mpp_um[1]))
    search = _Search(picture, np.zeros(picture.shape[:2], np.bool_), pixel_um, fill_rgb)
    if search.in_dark_field:
        return search.run().mask * np.uint8(255)
    glass_rgb, noise_od = search.glass()
    highest = _highest(_density(picture, glass_rgb))
    stained = highest > _SURE_OD[0]
    clefts = not_round(highest <= max(_FAINTEST_OD, 5 * noise_od), _FAT_CELL_ROUNDNESS)
    within = without_gaps(stained, _FAT_CELL_UM / 2 / pixel_um) & ~clefts
    return np.where(stained, np.uint8(255), within * np.uint8(191))


# Reading


def _level_and_factors(pyramid: Pyramid, mpp_um: tuple[float, float] | None) -> tuple[int, tuple[int, int]]:
    """The level to read, and how many of its pixels (x, y) make one of the mask."""
    if mpp_um is None:
        step = min(max(1.0, max(pyramid.width, pyramid.height) / 2048), MASK_MPP_UM / _NOMINAL_MPP_UM)
        wanted = (step, step)
    else:
        wanted = (max(1.0, MASK_MPP_UM / mpp_um[0]), max(1.0, MASK_MPP_UM / mpp_um[1]))
    crowded = pyramid.width / wanted[0] * pyramid.height / wanted[1] / MAX_MASK_PX
    if crowded > 1:
        wanted = (wanted[0] * crowded**0.5, wanted[1] * crowded**0.5)
    # A level that is a little too coarse saves reading four times as much.
    index = pyramid.level_for_downsample(min(wanted) * 1.05)
    level = pyramid.levels[index]
    return index, (max(1, round(wanted[0] / level.scale_x)), max(1, round(wanted[1] / level.scale_y)))


def _picture(source: Source, index: int, factors: tuple[int, int]) -> tuple[NDArray[np.uint8], Mask]:
    """The level, each block of ``factors`` pixels averaged, and which blocks hold pixels that cannot be
    read.

    One row of tiles is in memory at a time.
    """
    level = source.pyramid.levels[index]
    width, height = -(-level.width // factors[0]), -(-level.height // factors[1])
    picture = np.empty((height, width, 3), np.uint8)
    unread = np.zeros((height, width), np.bool_)
    rows = np.empty((0, level.width, 3), np.uint8)
    done = 0
    for row in range(level.rows):
        tiles = []
        for col in range(level.columns):
            key = TileKey(index, col, row)
            try:
                tiles.append(rgba_8(source.read_tile(key))[..., :3])
            except TileNotReadyError:
                raise
            except TileError:
                tile_width, tile_height = source.pyramid.tile_size(key)
                tiles.append(np.full((tile_height, tile_width, 3), source.info.background_rgb, np.uint8))
                x, y = col * level.tile_width, row * level.tile_height
                unread[
                    y // factors[1] : -(-(y + tile_height) // factors[1]),
                    x // factors[0] : -(-(x + tile_width) // factors[0]),
                ] = True
        rows = np.concatenate([rows, np.concatenate(tiles, axis=1)])
        last = row + 1 == level.rows
        whole = len(rows) if last else len(rows) // factors[1] * factors[1]
        if whole:
            averaged = np.asarray(Image.fromarray(rows[:whole]).reduce(factors))
            picture[done : done + len(averaged)] = averaged
            done += len(averaged)
            rows = rows[whole:]
    return picture, unread


# Deciding


class _Search:
    """The decisions for one slide, in order; ``pixel_um`` is the side of a pixel of the picture."""

    def __init__(
        self, picture: NDArray[np.uint8], unread: Mask, pixel_um: float, fill_rgb: tuple[int, int, int]
    ) -> None:
        self.picture = picture
        self.unread = unread
        self.pixel_um = pixel_um
        self.mask: Mask = unread
        self.brightfield = True
        self.reason = ""
        self.notes: list[str] = []
        self.glass_rgb = (255.0, 255.0, 255.0)
        self._fill_rgb = fill_rgb
        # Every so many pixels: enough for all the statistics.
        step = max(1, round((picture.shape[0] * picture.shape[1] / _SAMPLE_PX) ** 0.5))
        self._sample = picture[::step, ::step].reshape(-1, 3).astype(np.int16)

    def run(self) -> _Search:
        if self.in_dark_field:
            self._in_dark_field()
        else:
            self._in_bright_field()
        if self.unread.any():
            self.notes.append(strings.UNREAD.format(share=self.unread.mean()))
            self.mask = self.mask | self.unread
        return self

    @property
    def in_dark_field(self) -> bool:
        black = float((self._sample.max(1) < _DARK).mean())
        white = float((self._sample.min(1) > 170).mean())
        return black > 0.35 and white < 0.02 + 0.05 * (1 - black)

    def _in_dark_field(self) -> None:
        self.brightfield = False
        bright = self.picture.max(2)
        dark = np.percentile(self._sample.max(1), 20)
        threshold = max(_otsu(self._sample.max(1).astype(np.float32), 0, 255), float(dark) + 8)
        # Generous, as elsewhere: half-way between the dark and what surely shines.
        seeds = bright > threshold
        self.mask = self._joined(seeds | (bright > max(dark + 6, (float(dark) + threshold) / 3)), seeds)
        self.reason = strings.DARK_FIELD
        if not self.mask.any():
            self.reason = strings.EMPTY_DARK_FIELD

    def _in_bright_field(self) -> None:
        glass_rgb, noise_od = self.glass()
        self.glass_rgb = (float(glass_rgb[0]), float(glass_rgb[1]), float(glass_rgb[2]))
        density = _density(self.picture, glass_rgb)
        highest, lowest = _highest(density), _lowest(density)
        filled = self._filled()
        ink = self._ink(density, highest, lowest) & ~filled
        sure = self._sure_density(glass_rgb)
        stained = (highest > max(_FAINTEST_OD, 5 * noise_od)) & ~filled & ~ink
        colour = highest - lowest
        coloured = stained & (colour > np.maximum(max(_COLOURED_OD, 4 * noise_od), 0.1 * highest))
        coloured = self._without_specks(coloured)
        # Shadows and smears are faint and grey: what has no colour must at least be dark.
        neutral = stained & ~coloured & (highest > _DARK_ENOUGH_OD)
        kept = coloured | self._tissue_without_colour(neutral, coloured)
        self.mask = self._joined(kept, kept & (highest > sure)) & ~ink & ~filled
        if ink.any():
            self.notes.append(strings.PEN_INK.format(share=ink.mean()))
        self.reason = strings.TISSUE_SHARE.format(share=self.mask.mean())
        if not self.mask.any():
            self.reason = strings.NO_TISSUE

    def glass(self) -> tuple[Floats, float]:
        """The colour of empty glass, and how uneven it is (optical density).

        The brightest colour that a fair share of the slide has, grey and even. Pure white often is what the
        scanner filled in beside a darker glass, and counts only where there is nothing else.
        """
        sample = self._sample
        spread = sample.max(1) - sample.min(1)
        bright = sample[(sample.min(1) > 175) & (spread < 30)]
        real = bright[(bright.min(1) < 254) & (bright != self._fill_rgb).any(1)]
        if len(real) < max(20, 0.002 * len(sample)):
            glass = np.clip(np.percentile(sample, 99, axis=0), 200, 255).astype(np.float32)
            return glass, 0.004
        counts = np.bincount(real.min(1), minlength=256).astype(np.float64)
        smooth = np.convolve(counts, np.ones(5) / 5, "same")
        common = np.flatnonzero(smooth >= 0.25 * smooth.max())
        peak = int(common[-1])
        while peak > 175 and smooth[peak - 1] >= smooth[peak]:
            peak -= 1
        near = real[np.abs(real.min(1) - peak) <= 3]
        glass = np.median(near, axis=0).astype(np.float32) if len(near) else real.max(0).astype(np.float32)
        deviation = 1.4826 * float(np.median(np.abs(near.astype(np.float32) - glass))) if len(near) else 1.0
        return glass, deviation / float(glass.mean()) / np.log(10)

    def _sure_density(self, glass_rgb: Floats) -> float:
        """The optical density that a piece must reach somewhere to be tissue, however small it is: Otsu's
        threshold, kept between what dirt has and what the palest stains have.
        """
        density = _highest(_density(self._sample[None].astype(np.uint8), glass_rgb))
        return float(np.clip(_otsu(density, 0.0, 1.0), *_SURE_OD))

    def _filled(self) -> Mask:
        """Places of one colour, dark or the reader's background: the scanner has seen nothing there."""
        red, green, blue = np.moveaxis(self.picture, 2, 0)
        black = (red <= 8) & (green <= 8) & (blue <= 8)
        white = (red & green & blue) == 255
        fill_red, fill_green, fill_blue = self._fill_rgb
        mask: Mask = black | white | ((red == fill_red) & (green == fill_green) & (blue == fill_blue))
        return mask

    def _ink(self, density: Floats, highest: Floats, lowest: Floats) -> Mask:
        """Strokes of a pen: a colour that stains do not have, even over the width of a stroke."""
        red, green, blue = density
        strong = highest > 0.25
        is_green = (red > 1.25 * green) & (blue > 0.8 * green) & (red > 0.2)
        is_blue = (red > 1.5 * green) & (red > 2.2 * blue) & (red > 0.45)
        is_red = (red < 0.12 * green) & (blue > 0.65 * green) & (green > 0.45)
        is_black = (lowest > 0.55) & (highest < 1.35 * lowest)
        candidates: Mask = strong & (is_green | is_blue | is_red | is_black)
        radius = max(1, round(_STROKE_UM / 2 / self.pixel_um))
        # A few pixels of another colour (JPEG, tissue shining through) do not break a stroke.
        solid = _box_mean(candidates.astype(np.float32), radius) > 0.85
        if not solid.any():
            return solid
        mean = _box_mean(highest, radius)
        uneven = np.sqrt(np.maximum(_box_mean(highest**2, radius) - mean**2, 0))
        core = grown(solid & (uneven < _INK_UNEVEN * mean), radius) & grown(candidates, 1)
        if not core.any():
            return core
        around = grown(core, max(2, round(60 / self.pixel_um)))
        hue = is_green | is_blue | is_red | (highest < 1.5 * lowest + 0.02)
        ink: Mask = core | (around & hue & (highest > 0.05))
        return ink

    def _tissue_without_colour(self, neutral: Mask, coloured: Mask) -> Mask:
        """Of the grey parts those that belong to tissue: not dust, not the edges of glass and cover slip."""
        if coloured.sum() < 0.1 * neutral.sum() and neutral.mean() > 0.02:
            # A stain without colour (silver, a grey picture): what is large and compact is tissue.
            touching = np.zeros_like(neutral)
        else:
            touching = grown(coloured, 2)
        parts = pieces(neutral)
        if not len(parts.areas):
            return neutral
        x0, y0, x1, y1 = parts.boxes.T
        length = np.maximum(x1 - x0, y1 - y0)
        thin = parts.areas / length * self.pixel_um < _LINE_WIDTH_UM
        line = thin & (length > 0.3 * min(neutral.shape))
        touched = np.bincount(parts.labels[touching], minlength=len(parts.areas) + 1)[1:]
        belongs = touched > 0.1 * parts.areas**0.5
        large = parts.areas * self.pixel_um**2 > _DUST_UM2
        return parts.of((belongs | large) & ~line)

    def _without_specks(self, mask: Mask) -> Mask:
        """Without single pixels that noise or a coloured speck of dust makes."""
        parts = pieces(mask)
        return parts.of(parts.areas * self.pixel_um**2 >= min(_SPECK_UM2, 3 * self.pixel_um**2))

    def _joined(self, mask: Mask, seeds: Mask) -> Mask:
        """The parts that hold a seed or much of the mask, with the white inside them and a pixel around."""
        radius = round(_GAP_UM / self.pixel_um)
        closed = shrunk(grown(mask, radius), radius) if radius else mask
        closed = holes_filled(closed, _HOLE_UM2 / self.pixel_um**2)
        parts = pieces(closed)
        part_count = len(parts.areas) + 1
        seeded = np.bincount(parts.labels[seeds], minlength=part_count)[1:] > 0
        much = np.bincount(parts.labels[mask], minlength=part_count)[1:] * self.pixel_um**2 > _PALE_UM2
        found = parts.of(seeded | much)
        return grown(found, 1) if self.pixel_um < 30 else found


def _density(picture: NDArray[np.uint8], glass_rgb: Floats) -> Floats:
    """Optical density against the glass, never below 0: (3, height, width), planes being quick to compare."""
    values = np.arange(256, dtype=np.float32)[:, None] + 1
    table = np.maximum(np.log10((glass_rgb + 1) / values), 0).astype(np.float32)
    density: Floats = np.stack([table[picture[..., channel], channel] for channel in range(3)])
    return density


def _highest(planes: Floats) -> Floats:
    highest: Floats = np.maximum(np.maximum(planes[0], planes[1]), planes[2])
    return highest


def _lowest(planes: Floats) -> Floats:
    lowest: Floats = np.minimum(np.minimum(planes[0], planes[1]), planes[2])
    return lowest


def _box_mean(values: Floats, radius: int) -> Floats:
    """The mean over squares of 2 · ``radius`` + 1 pixels; the border's pixels go on beyond it."""
    return ndimage.uniform_filter(values, 2 * radius + 1, mode="nearest")


def _otsu(values: NDArray[Any], low: float, high: float) -> float:
    """Otsu's threshold (IEEE Trans. SMC 9(1), 1979): between the two classes that differ most."""
    counts, edges = np.histogram(values, 256, (low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    mass = np.cumsum(counts * centres)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (mass / below - (mass[-1] - mass) / above) ** 2
    return float(centres[int(np.nanargmax(between))]) if np.isfinite(between).any() else high


def _at(total: NDArray[np.int32], y: NDArray[Any], x: NDArray[Any]) -> NDArray[np.float64]:
    """The integral image between its nodes."""
    row = np.clip(np.floor(y).astype(np.int64), 0, total.shape[0] - 2)
    col = np.clip(np.floor(x).astype(np.int64), 0, total.shape[1] - 2)
    dy, dx = y - row, x - col
    upper = total[row, col] * (1 - dx) + total[row, col + 1] * dx
    lower = total[row + 1, col] * (1 - dx) + total[row + 1, col + 1] * dx
    return np.asarray(upper * (1 - dy) + lower * dy)
