"""The pixel size of a slide that states none, estimated: from the power of the objective, or from its nuclei.

The nuclei of one slide are measured to a few per cent; how large they are in µm differs from tissue to tissue
by far more. So the range matters as much as the value, and whatever shows it must name it an estimate. No
other picture is estimated than those on which the range was measured: tissue in haematoxylin and eosin.
``tests/bench/pixel_size.py`` measures it; the benchmark page has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.geometry import Rect
from viewer.slide.region import read_region
from viewer.slide.source import TileError
from viewer.slide.thumbnail import thumbnail
from viewer.slide.tissue import strings
from viewer.slide.tissue.stains import eosin_share, find_stains

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from viewer.slide.source import Source
    from viewer.slide.tissue.mask import TissueMask

    Floats = NDArray[np.float32]

OBJECTIVE_MPP_UM = 10.0
"""Pixel size times objective power: 0.25 µm at 40×, 0.5 µm at 20×, as most scanners have it."""
OBJECTIVE_SPREAD = 1.15
NUCLEUS_UM = 2.3
"""Radius of the disc that fits a typical nucleus best: haematoxylin's dark core, the minor axis where it is
long. The middle of 76 H&E slides and tiles of known pixel size, 38 of them whole slides, at 0.13 to 1.3 µm.
"""
NUCLEUS_SPREAD = 1.65
"""1.1 times the largest error of 95 in 100 of those. Fitted without one of them it covers that one in 73 of
76 cases, in all 38 of whole slides; the three are tiles of pale nuclei, whose chromatin is measured.
"""
USUAL_MPP_UM = (0.25, 0.5, 1.0)
USUAL_WITHIN = 1.2
"""How near to a usual size an estimate is taken for it: so 75 in 100 come within 10 %, else 44."""
MPP_RANGE_UM = (0.06, 1.18)
"""What can be estimated: with larger pixels nuclei are too small to be separated from texture (slides of
2 µm/px are measured as of 1.3 to 1.8).
"""

_FIELD_PX = 128
_FIELDS = (20, 20, 20, 12, 6)
"""How many for each octave of sizes, from a field at twice the slide's resolution to one at an eighth."""
_OVERVIEW_PX = 512
_STEPS = 3  # scales an octave
_FINEST_SIGMA_PX = 1.5
_BORDER_PX = 8
_LEAST_RESPONSE = 0.03  # optical density
_DISC_LIKE = 0.5  # response over smoothed density: 0.5 to 1 for a disc, less for texture within and around
_FEWEST_NUCLEI = 60
_FEWEST_NUCLEI_PER_FIELD = 4.0  # smears: 0.3 to 3.6, tissue 3.2 to 40
_LEAST_PROMINENCE = 1.6
_MOST_GLASS = 0.6  # smears of single cells: 0.79 and more, tissue up to 0.58 with few exceptions
_GLASS_DENSITY = 0.04
_LEAST_EOSIN = 0.08  # other stains and smears of one colour: up to 0.02
_RESAMPLES = 60
_MOST_DISAGREEMENT = 1.6  # 95th over 5th percentile of the radius; 1.0 to 1.3 on most slides


@dataclass(frozen=True, slots=True)
class PixelSizeEstimate:
    """``mpp_um`` with the range it lies in (µm per level-0 pixel), None where it cannot be estimated.

    ``how``: "objective", "nuclei" or ""; ``reason``: the same as a sentence for the reader, or why not.
    """

    mpp_um: float | None
    low_um: float
    high_um: float
    how: str
    reason: str


def estimate_mpp_um(source: Source, tissue: TissueMask) -> PixelSizeEstimate:
    """The pixel size from the objective, else from the nuclei. Deterministic; reads about 80 small fields."""
    power = source.info.objective_power
    if power is not None and 1 <= power <= 150:
        mpp_um = OBJECTIVE_MPP_UM / power
        return PixelSizeEstimate(
            mpp_um,
            mpp_um / OBJECTIVE_SPREAD,
            mpp_um * OBJECTIVE_SPREAD,
            "objective",
            strings.FROM_OBJECTIVE.format(power=power),
        )
    return estimate_from_nuclei(source, tissue)


def estimate_from_nuclei(source: Source, tissue: TissueMask) -> PixelSizeEstimate:
    """The pixel size that makes the slide's nuclei as large as nuclei usually are.

    Dark discs of all sizes are detected (Lindeberg, Int. J. Computer Vision 30(2), 1998) in the red
    channel, which haematoxylin darkens and eosin does not; the size that fills most of the tissue is that
    of the nuclei. None where the picture is not tissue in H&E, or where its fields disagree.
    """
    if not tissue.has_tissue:
        return _no_estimate(strings.NOTHING_TO_MEASURE)
    if not tissue.brightfield:
        return _no_estimate(strings.BRIGHTFIELD_ONLY)
    try:
        fields = list(_all_fields(source, tissue))
    except TileError as error:
        return _no_estimate(strings.UNREADABLE.format(error=error))
    spectra, disc_count = _size_spectra(fields)
    if disc_count < _FEWEST_NUCLEI:
        return _no_estimate(strings.FEW_NUCLEI)
    other_kind = _other_kind(fields, np.array(tissue.glass_rgb))
    if other_kind:
        return _no_estimate(strings.NOT_MEASURED_ON.format(kind=other_kind))
    if disc_count < _FEWEST_NUCLEI_PER_FIELD * len(fields):
        return _no_estimate(strings.FEW_NUCLEI)
    radius_px, prominence = _peak(spectra, np.ones(len(fields)))
    if prominence < _LEAST_PROMINENCE:
        return _no_estimate(strings.NO_PEAK)
    if _disagreement(spectra, [field.octave for field in fields]) > _MOST_DISAGREEMENT:
        return _no_estimate(strings.FIELDS_DISAGREE)
    measured_um = NUCLEUS_UM / radius_px
    if not MPP_RANGE_UM[0] <= measured_um <= MPP_RANGE_UM[1]:
        return _no_estimate(strings.IMPLAUSIBLE_PEAK.format(width_px=2 * radius_px))
    usual_um = min(USUAL_MPP_UM, key=lambda mpp_um: abs(np.log(mpp_um / measured_um)))
    is_usual = USUAL_WITHIN**-1 <= usual_um / measured_um <= USUAL_WITHIN
    mpp_um = usual_um if is_usual else measured_um
    template = strings.FROM_NUCLEI_AS_USUAL if is_usual else strings.FROM_NUCLEI
    reason = template.format(width_px=2 * radius_px, usual_um=usual_um)
    low_um, high_um = measured_um / NUCLEUS_SPREAD, measured_um * NUCLEUS_SPREAD
    return PixelSizeEstimate(mpp_um, low_um, high_um, "nuclei", reason)


@dataclass(frozen=True, slots=True)
class _Field:
    """``pixels`` (_FIELD_PX, _FIELD_PX, 3) of a place, 2 to the power ``octave`` slide pixels each."""

    pixels: NDArray[np.uint8]
    octave: int


def _size_spectra(fields: Sequence[_Field]) -> tuple[NDArray[np.float64], int]:
    """How much of each field dark discs of each size cover, weighted by contrast squared, over ``_BINS``:
    (fields, sizes), those of an octave sharing one weight; and how many discs there are.
    """
    spectra = np.zeros((len(fields), len(_BINS)))
    disc_count = 0
    octaves = np.array([field.octave for field in fields])
    for index, field in enumerate(fields):
        radius_log2, response = _discs(_red_density(field.pixels))
        weights = response**2 * 4.0**radius_log2 / np.count_nonzero(octaves == field.octave)
        spectra[index] = np.histogram(radius_log2 + field.octave, _BIN_EDGES, weights=weights)[0]
        disc_count += len(response)
    return spectra, disc_count


def _peak(spectra: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[float, float]:
    """The radius of discs, in slide pixels, that cover most, and how far they stand out from other sizes."""
    reach = np.arange(-6, 7)
    share = np.convolve(weights @ spectra, np.exp(-(reach**2) / 8.0), "same")
    peak = int(share.argmax())
    near = slice(max(0, peak - 4), peak + 5)
    radius_px = 2 ** float(np.average(_BINS[near], weights=share[near]))
    return radius_px, float(share[peak] / np.mean(share[max(0, peak - 12) : peak + 13]))


def _disagreement(spectra: NDArray[np.float64], octaves: Sequence[int]) -> float:
    """How far the radius varies when other fields are taken, as a ratio: a bootstrap (Efron, Annals of
    Statistics 7, 1979) within each octave; ``octaves`` ascend.
    """
    rng = np.random.default_rng(0)
    counts = np.unique(octaves, return_counts=True)[1]
    weights = np.hstack([rng.multinomial(n, np.full(n, 1 / n), _RESAMPLES) for n in counts])
    radii = [_peak(spectra, row)[0] for row in weights if (row @ spectra).any()]
    low, high = np.quantile(radii, [0.05, 0.95])
    return float(high / low)


def _other_kind(fields: Sequence[_Field], glass_rgb: NDArray[np.float64]) -> str:
    """What the picture shows where that is not tissue in haematoxylin and eosin, else ""."""
    glass = np.clip(glass_rgb, 32, 255) + 1
    density = np.stack([np.log10(glass / (field.pixels + 1.0)).mean(axis=-1) for field in fields])
    if (density < _GLASS_DENSITY).mean() > _MOST_GLASS:
        return strings.CELLS_ON_GLASS
    sample = np.concatenate([field.pixels[::3, ::3].reshape(-1, 3) for field in fields if field.octave <= 1])
    stains = find_stains(sample, glass_rgb, brightfield=True)
    if not stains.is_he:
        return stains.kind
    return "" if eosin_share(sample, glass_rgb) >= _LEAST_EOSIN else strings.NO_EOSIN


def _all_fields(source: Source, tissue: TissueMask) -> Iterator[_Field]:
    """Fields of all octaves, from tissue rather rich in haematoxylin."""
    overview = _red_density(thumbnail(source, _OVERVIEW_PX))
    for octave, field_count in enumerate(_FIELDS, start=-1):
        for pixels in _fields(source, tissue, overview, 2.0**octave, field_count):
            yield _Field(pixels, octave)


def _fields(
    source: Source, tissue: TissueMask, overview: Floats, downsample: float, field_count: int
) -> Iterator[NDArray[np.uint8]]:
    """Some fields of ``_FIELD_PX`` px. ``overview``: optical density in red of the whole slide, small."""
    width, height = source.pyramid.width, source.pyramid.height
    half = _FIELD_PX * downsample / 2
    if 2 * half > min(width, height):
        return
    rows, columns = overview.shape
    x = np.clip((np.arange(columns) + 0.5) * (width / columns), half, width - half)
    y = np.clip((np.arange(rows) + 0.5) * (height / rows), half, height - half)
    centres_x, centres_y = np.broadcast_arrays(x, y[:, None])
    share = tissue.fraction(centres_x - half, centres_y - half, centres_x + half, centres_y + half)
    full = share >= min(0.8, float(np.quantile(share, 0.98)))
    low, high = np.percentile(overview[full], [50, 97])
    candidates = np.flatnonzero(full & (overview >= low) & (overview <= high))
    rng = np.random.default_rng(0)
    for index in rng.choice(candidates, min(field_count, len(candidates)), replace=False):
        left, top = centres_x.flat[index] - half, centres_y.flat[index] - half
        field = Rect(left, top, left + 2 * half, top + 2 * half)
        yield read_region(source, field, (_FIELD_PX, _FIELD_PX))


def _discs(density: Floats) -> tuple[Floats, Floats]:
    """Dark discs of one octave of sizes: log2 of the radius in px of the field, and their contrast.

    Maxima over place and size of the Laplacian of Gaussian, normalised so that a disc gives the same at any
    size.
    """
    spectrum = np.fft.rfft2(density)
    smooth = [np.fft.irfft2(spectrum * gaussian, density.shape) for gaussian, _ in _FILTERS]
    responses = np.stack([np.fft.irfft2(spectrum * laplacian, density.shape) for _, laplacian in _FILTERS])
    size = len(density) - 2 * _BORDER_PX

    def moved(scale: int, down: int, right: int) -> Floats:
        y, x = _BORDER_PX + down, _BORDER_PX + right
        return np.asarray(responses[1 + scale : 1 + scale + _STEPS, y : y + size, x : x + size])

    here = moved(0, 0, 0)
    is_disc = here > _LEAST_RESPONSE
    is_disc &= here > _DISC_LIKE * np.stack(smooth[1:-1])[:, _INNER, _INNER]
    for scale in (-1, 0, 1):
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                is_disc &= here >= moved(scale, down, right)
    finer, response, coarser = (moved(scale, 0, 0)[is_disc] for scale in (-1, 0, 1))
    # The top of the parabola through three scales.
    bend = np.minimum(finer - 2 * response + coarser, -1e-6)
    between = np.clip((finer - coarser) / (2 * bend), -0.5, 0.5)
    sigma_log2 = np.log2(_FINEST_SIGMA_PX) + (np.nonzero(is_disc)[0] + between) / _STEPS
    return sigma_log2 + 0.5, response  # the disc that fits best has √2 times the radius


def _red_density(picture: NDArray[np.uint8]) -> Floats:
    density: Floats = -np.log10((picture[..., 0].astype(np.float32) + 1) / 256)
    return density


def _filters() -> list[tuple[Floats, Floats]]:
    """Gaussians and scale-normalised Laplacians of an octave of sizes and a step to either side, over the
    frequencies of a field.
    """
    across, down = np.fft.rfftfreq(_FIELD_PX), np.fft.fftfreq(_FIELD_PX)
    squared = (2 * np.pi) ** 2 * (across**2 + down[:, None] ** 2)
    sigmas = _FINEST_SIGMA_PX * 2.0 ** (np.arange(-1, _STEPS + 1) / _STEPS)
    gaussians = [np.exp(-(sigma**2) * squared / 2) for sigma in sigmas]
    return [
        (gaussian.astype(np.float32), (sigma**2 * squared * gaussian).astype(np.float32))
        for gaussian, sigma in zip(gaussians, sigmas, strict=True)
    ]


_FILTERS = _filters()
_INNER = slice(_BORDER_PX, -_BORDER_PX)
_BIN_EDGES = np.arange(-1.0, 7.0, 1 / 6)
_BINS = (_BIN_EDGES[:-1] + _BIN_EDGES[1:]) / 2


def _no_estimate(reason: str) -> PixelSizeEstimate:
    return PixelSizeEstimate(None, *MPP_RANGE_UM, "", reason)
