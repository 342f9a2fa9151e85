"""The phantom: a procedural H&E-like slide of any size, with its ground truth, drawn region by region.

``Phantom.render`` gives the same pixels for a place in whatever region it is drawn, so a slide can be written
in pieces, in any order, on any number of threads, in bounded memory.
"""

from __future__ import annotations

import json
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from viewer.common.atomic_write import save_atomically
from viewer.slide.formats.tiff.writer import write_pyramid_tiff
from viewer.slide.phantom.cells import Stamp, lay
from viewer.slide.phantom.ground_truth import regions_geojson
from viewer.slide.phantom.layout import NODES, Tissue, make_layout
from viewer.slide.phantom.noise import Window, at_points, between_nodes, blobs, nodes_of, tiled
from viewer.slide.phantom.scatter import MAX_DRIFT_PX, Points, Scatter, make_scatters, scattered
from viewer.slide.phantom.texture import colours_of_stain, make_textures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.phantom.noise import Floats

MIN_SIZE_PX, MAX_SIZE_PX = 256, 400_000
_MPP_UM = 0.25
_FOCUS_GLAND, _GLAND_UM, _GLAND_SPACING_PX = "tumour gland", 80.0, 320
_BLUR_SIGMA_PX = 6.0
_BLUR_MARGIN_PX = 24
_RAGGED_PX = 22.0
_UNIT = 128  # fixed-point 1 of the stain's strength


def focus_range_um(size_px: int) -> tuple[float, float]:
    """The diameters of a focus that a phantom of this size can have: from eight nodes of its layout to a
    sixteenth of its side, and not below a gland of tumour."""
    side_um = size_px * _MPP_UM
    return max(_GLAND_UM, 8 * side_um / NODES), side_um / 16


def write_phantom(
    path: Path,
    *,
    size_px: int,
    seed: int = 0,
    mpp_um: float = 0.25,
    quality: int = 80,
    focus_um: float | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> None:
    """Write a square phantom slide as a tiled pyramidal BigTIFF, and its regions as
    ``<stem>.regions.geojson``.

    ``size_px`` is the side of the finest level, 256 to 400,000. OpenSlide reads the file as "generic-tiff"
    and takes ``mpp_um`` from the resolution tags. There is no tag for the objective that OpenSlide would read
    from a file that does not claim to come from a scanner: only the image description holds it.
    ``focus_um``: a lymph node with one focus of tumour of this diameter, within ``focus_range_um``.

    Raises ValueError for a size or a focus out of range, SaveError where a file cannot be written.
    """
    if not MIN_SIZE_PX <= size_px <= MAX_SIZE_PX:
        raise ValueError(f"a phantom is {MIN_SIZE_PX} to {MAX_SIZE_PX:,} px wide, not {size_px:,}")
    phantom = Phantom(size_px, seed, focus_um)
    write_pyramid_tiff(
        path,
        phantom.render,
        width=size_px,
        height=size_px,
        quality=quality,
        mpp_um=mpp_um,
        description=f"Foveola phantom, seed {seed} |AppMag = {10 / mpp_um:g}|MPP = {mpp_um:g}",
        progress=progress,
    )
    regions = regions_geojson(phantom.layout, size_px)
    save_atomically(path.with_name(f"{path.stem}.regions.geojson"), json.dumps(regions).encode())


class _Painting:
    """What all phantoms are painted with, whatever their size and seed. Takes some seconds and 80 MB."""

    def __init__(self) -> None:
        # One thread beside this one, no more: each texture takes 150 MB while it is made.
        with ThreadPoolExecutor(1, thread_name_prefix="phantom") as pool:
            scatters = pool.submit(make_scatters)
            textures = make_textures()
            self.scatters = scatters.result()
        # Two codes as one number: half as many elements to move, and the index of the colour table.
        self.textures = {tissue: texture.view(np.uint16)[..., 0] for tissue, texture in textures.items()}
        self.colours = colours_of_stain()


_shared: weakref.WeakValueDictionary[str, _Painting] = weakref.WeakValueDictionary()


def _painting() -> _Painting:
    """The painting that living phantoms share, or a new one; it is released with the last of them."""
    return _shared.get("painting") or _shared.setdefault("painting", _Painting())


class Phantom:
    """A phantom slide of ``size_px``² pixels of 0.25 µm. Making one takes seconds; drawing is safe from many
    threads.
    """

    def __init__(self, size_px: int, seed: int = 0, focus_um: float | None = None) -> None:
        """See ``write_phantom``."""
        least, most = focus_range_um(size_px)
        if focus_um is not None and not least <= focus_um <= most:
            raise ValueError(f"its focus is {least:g} to {most:g} µm wide, not {focus_um:g}")
        self._size_px = size_px
        self._step_px = size_px / NODES
        self._seed = seed
        self._painting = _painting()
        self.layout = make_layout(seed, None if focus_um is None else focus_um / (_MPP_UM * size_px))
        focus = self.layout.focus
        self._focus_px = None if focus is None else (int(focus[0] * size_px), int(focus[1] * size_px))
        rng = np.random.default_rng([seed, 0x4A66])
        # A border's share falls from 255 to 0 over about four nodes.
        ragged_share = 255 * float(np.clip(_RAGGED_PX / (4 * self._step_px), 0.02, 0.25))
        ragged = 0.6 * blobs(rng, 512, 40) + 0.3 * blobs(rng, 512, 12) + 0.1 * blobs(rng, 512, 4)
        self._ragged = ragged * np.float32(ragged_share)
        drift = np.stack([blobs(rng, 512, 130), blobs(rng, 512, 130)]) * 200
        self._drift = np.clip(drift, -MAX_DRIFT_PX, MAX_DRIFT_PX).astype(np.int64)
        self._density = 0.7 * blobs(rng, 512, 24) + 0.5 * blobs(rng, 512, 8)

    def render(self, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        """(height, width, 4) RGBX of the rectangle at (x, y) of the finest level."""
        window = Window(x, y, width, height)
        blur = between_or_none(self.layout.blur[..., None], self._step_px, window)
        if blur is None:
            picture = self._sharp(window)
        else:
            margin = _BLUR_MARGIN_PX
            wide = Window(x - margin, y - margin, width + 2 * margin, height + 2 * margin)
            sharp = self._sharp(wide)
            blurred = np.asarray(
                Image.fromarray(sharp, "RGBX").filter(ImageFilter.GaussianBlur(_BLUR_SIGMA_PX))
            )
            inner = np.s_[margin:-margin, margin:-margin]
            picture = (sharp[inner] * (1 - blur) + blurred[inner] * blur).astype(np.uint8)
        for ink in self.layout.inks:
            amount = between_or_none(ink.amount[..., None], self._step_px, window)
            if amount is not None:
                passes = 1 - amount * (1 - np.array([*ink.passes_rgb, 1], np.float32))
                picture = (picture * passes).astype(np.uint8)
        return picture

    def _sharp(self, window: Window) -> NDArray[np.uint8]:
        """(height, width, 4) RGBX in focus, without ink."""
        colours = self._painting.colours.take(self._stain(window))
        return colours.view(np.uint8).reshape(window.height, window.width, 4)

    def _stain(self, window: Window) -> NDArray[np.uint16]:
        """(height, width) stain codes: haematoxylin in the low byte, eosin in the high one."""
        shares = nodes_of(self.layout.shares, self._step_px, window)
        present = [Tissue(index) for index in np.flatnonzero((shares > 0).any((0, 1))).tolist()]
        if present == [Tissue.GLASS]:
            return np.zeros((window.height, window.width), np.uint16)
        cover: Floats | None = None
        if len(present) == 1:
            ground = tiled(self._painting.textures[present[0]], window)
        else:
            ground, cover = self._mixed_ground(window, present)
        stain = ground.view(np.uint8).reshape(window.height, window.width, 2)
        present_scatters = [
            scatter
            for scatter in self._painting.scatters
            if any(tissue in scatter.chance for tissue in present)
        ]
        for is_gland in (False, True):
            self._stamp(
                stain, window, [scatter for scatter in present_scatters if scatter.is_gland == is_gland]
            )
        strength = between_nodes(self.layout.stain, self._step_px, window)
        if cover is not None:
            strength *= cover[..., None]
        strength *= _UNIT
        stronger = stain * strength.astype(np.uint16)
        stronger >>= 7
        return np.minimum(stronger, 255).astype(np.uint8).view(np.uint16)[..., 0]

    def _mixed_ground(
        self, window: Window, present: list[Tissue]
    ) -> tuple[NDArray[np.uint16], Floats | None]:
        """The texture of the prevailing tissue at every pixel, and how much of it tissue covers (None:
        all).
        """
        first, *others = (tissue for tissue in present if tissue is not Tissue.GLASS)
        best = self._ragged_share(window, first)
        ground = tiled(self._painting.textures[first], window)
        for tissue in others:
            share = self._ragged_share(window, tissue)
            np.copyto(ground, tiled(self._painting.textures[tissue], window), where=share > best)
            np.maximum(best, share, out=best)
        if Tissue.GLASS not in present:
            return ground, None
        best -= self._ragged_share(window, Tissue.GLASS)
        # The share's slope is about 1 in 4 nodes: this makes the edge of the tissue three pixels soft.
        best *= np.float32(4 * self._step_px / 3 / 255)
        best += np.float32(0.5)
        return ground, np.clip(best, 0, 1, out=best)

    def _ragged_share(self, window: Window, tissue: Tissue) -> Floats:
        """(height, width) share of a tissue, 255 for all, with the noise that makes borders uneven."""
        dx, dy = _ragged_shift(tissue)
        noise = tiled(self._ragged, Window(window.x + dx, window.y + dy, window.width, window.height))
        noise += between_nodes(self.layout.shares, self._step_px, window, channels=[tissue])[..., 0]
        return noise

    def _tissue_at(self, points: Points) -> NDArray[np.uint8]:
        """The prevailing tissue at points, by the same rule as for pixels."""
        x, y = points.x + 0.5, points.y + 0.5
        shares = at_points(self.layout.shares, self._step_px, x, y)
        side = self._ragged.shape[0]
        for tissue in Tissue:
            dx, dy = _ragged_shift(tissue)
            uneven = self._ragged[(points.y + dy) % side, (points.x + dx) % side]
            shares[:, tissue] += np.where(shares[:, tissue] > 0, uneven, -255)
        prevailing: NDArray[np.intp] = shares.argmax(1)
        return prevailing.astype(np.uint8)

    def _density_at(self, points: Points) -> Floats:
        """How crowded cells are around points: 0 is usual, deviation about 1. Features of 60 to 200 µm."""
        side = self._density.shape[0]
        density: Floats = self._density[(points.y >> 5) % side, (points.x >> 5) % side]
        return density

    def _drift_at(self, points: Points) -> Points:
        """How far the cells at points are pushed, in pixels. Features of 2 mm."""
        side = self._drift.shape[1]
        row, column = (points.y >> 5) % side, (points.x >> 5) % side
        return Points(self._drift[0, row, column], self._drift[1, row, column])

    def _stamp(self, stain: NDArray[np.uint8], window: Window, scatters: list[Scatter]) -> None:
        """Lay the cells of some kinds on the stain codes of a window: what clears the ground first, then the
        rest.
        """
        clearing: list[tuple[Stamp, int, int]] = []
        adding: list[tuple[Stamp, int, int]] = []
        for scatter in scatters:
            salt = self._seed * 1_000_003 + sum(scatter.name.encode()) * 7919
            points, which = scattered(
                scatter,
                window,
                salt,
                tissue_at=self._tissue_at,
                density_at=self._density_at,
                drift_at=self._drift_at,
            )
            if scatter.name == _FOCUS_GLAND and self._focus_px is not None:
                points, which = _with_one_at(self._focus_px, points, which, len(scatter.stamps))
            for x, y, index in zip(points.x.tolist(), points.y.tolist(), which.tolist(), strict=True):
                stamp = scatter.stamps[index]
                height, width = stamp.adds.shape[:2]
                place = (stamp, y - height // 2 - window.y, x - width // 2 - window.x)
                adding.append(place)
                if stamp.clears is not None:
                    clearing.append(place)
        for stamp, top, left in clearing:
            if stamp.clears is not None:
                lay(np.minimum, stain, stamp.clears, top, left)
        for stamp, top, left in adding:
            lay(np.maximum, stain, stamp.adds, top, left)


def _with_one_at(
    place: tuple[int, int], points: Points, which: NDArray[np.int64], count: int
) -> tuple[Points, NDArray[np.int64]]:
    """The points with one more at a place, without those so near to it that they would overlap. Of ``count``
    stamps."""
    far = np.hypot(points.x - place[0], points.y - place[1]) > _GLAND_SPACING_PX
    x, y = (np.append(values[far], at) for values, at in zip(points, place, strict=True))
    return Points(x, y), np.append(which[far], sum(place) % count)


def between_or_none(grid: Floats, step_px: float, window: Window) -> Floats | None:
    """``between_nodes``, or None where all of the window is 0."""
    return between_nodes(grid, step_px, window) if nodes_of(grid, step_px, window).any() else None


def _ragged_shift(tissue: Tissue) -> tuple[int, int]:
    """Where in the common noise a tissue has its own: far from the others' places."""
    return 211 * tissue, 97 * tissue
