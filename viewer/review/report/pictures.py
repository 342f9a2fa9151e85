"""Pictures of a report: findings with a scale bar, and the map of what was displayed. PNG or JPEG bytes.

Read from the slide itself, without a graphics card, so that any process can make a report.
"""

from __future__ import annotations

import io
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from viewer.common.scale import format_length, nice_length_um
from viewer.overlay.tissue import overlay_tissue
from viewer.render.fonts import lettering_for
from viewer.review.coverage import OVERVIEW, Coverage, shares, unpack_into
from viewer.review.report import strings
from viewer.slide.geometry import Rect
from viewer.slide.region import read_region
from viewer.slide.thumbnail import thumbnail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viewer.slide.source import Source

PICTURE_PX = 400
_LEAST_SIDE_UM = 200.0
"""At 0.5 µm to a pixel of the picture: the magnification at which nuclei can be judged."""
_NOMINAL_MPP_UM = 0.25
_AROUND = 1.5
_LONGEST_BAR_SHARE = 0.35
_MAP_PX = 900
_INK, _PAPER, _FRAME = (20, 22, 28), (255, 255, 255), (0, 90, 181)
NOT_DISPLAYED, LESS, ENOUGH = (213, 94, 0), (240, 228, 66), (0, 114, 178)
"""Okabe and Ito's colours (2008), which colour-blind readers can tell apart."""
_OPACITY = 0.55


def finding_picture(source: Source, finding: Mapping[str, Any], mpp_um: float | None) -> bytes:
    """A JPEG of a square field around a finding, its extent or outline drawn, with a scale bar where the
    pixel size is known. Raises TileError and ValueError where it cannot be read."""
    x0, y0, x1, y1 = finding["extent_px"]
    least_px = _LEAST_SIDE_UM / (mpp_um or _NOMINAL_MPP_UM)
    side_px = max(least_px, _AROUND * (x1 - x0), _AROUND * (y1 - y0))
    has_extent = x1 > x0 and y1 > y0
    x, y = ((x0 + x1) / 2, (y0 + y1) / 2) if has_extent else finding["point_px"]
    field = Rect(x - side_px / 2, y - side_px / 2, x + side_px / 2, y + side_px / 2)
    picture = Image.fromarray(read_region(source, field, (PICTURE_PX, PICTURE_PX)))
    drawing = ImageDraw.Draw(picture)
    corners = finding["outline_px"] or [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    scale = PICTURE_PX / side_px
    line = [((cx - field.x0) * scale, (cy - field.y0) * scale) for cx, cy in corners]
    if has_extent or finding["outline_px"]:
        drawing.line([*line, line[0]], fill=_PAPER, width=5)
        drawing.line([*line, line[0]], fill=_FRAME, width=2)
    _draw_bar(drawing, None if mpp_um is None else mpp_um / scale)
    return _jpeg(picture)


def coverage_picture(
    source: Source, displayed: Sequence[str], magnification: float
) -> tuple[bytes, Mapping[str, float] | None]:
    """A JPEG of the slide with its tissue coloured by what was displayed, and the shares of the tissue; None
    where none was found. ``displayed``: as ``coverage.packed`` makes it, of one or several readers; together
    they count. Raises TileError, and ValueError for text that is none."""
    pyramid = source.pyramid
    coverage = Coverage((pyramid.width, pyramid.height))
    for text in displayed:
        unpack_into(coverage, text)
    picture = thumbnail(source, _MAP_PX)[..., :3]
    found = overlay_tissue(source, source.info.mpp_um)
    if found is None:
        return _jpeg(Image.fromarray(np.ascontiguousarray(picture))), None
    tissue = found.patches(*coverage.shape, (coverage.cell_px, coverage.cell_px))
    tissue |= ndimage.binary_closing(tissue, np.ones((3, 3), np.bool_))
    colours = np.empty((*coverage.shape, 3), np.uint8)
    colours[...] = NOT_DISPLAYED
    colours[coverage.displayed(OVERVIEW)] = LESS
    colours[coverage.displayed(magnification)] = ENOUGH
    height, width = picture.shape[:2]
    rows = np.minimum(
        (np.arange(height) * pyramid.height / height / coverage.cell_px).astype(int), tissue.shape[0] - 1
    )
    columns = np.minimum(
        (np.arange(width) * pyramid.width / width / coverage.cell_px).astype(int), tissue.shape[1] - 1
    )
    at = np.ix_(rows, columns)
    opacity = np.where(tissue[at], _OPACITY, 0.0)[..., None]
    blended = np.rint(picture * (1 - opacity) + colours[at] * opacity).astype(np.uint8)
    part = shares(coverage, tissue, magnification)
    figures = None
    if part is not None:
        figures = {
            "at_magnification": part.at_magnification,
            "less_magnified": part.less_magnified,
            "overview": part.overview,
        }
    return _jpeg(Image.fromarray(blended)), figures


def _draw_bar(drawing: ImageDraw.ImageDraw, um_per_px: float | None) -> None:
    """In a white box at the lower left."""
    text, length_px = strings.PIXELS_UNKNOWN, 0
    if um_per_px is not None:
        length_um = nice_length_um(_LONGEST_BAR_SHARE * PICTURE_PX * um_per_px)
        text, length_px = format_length(length_um), round(length_um / um_per_px)
    lettering = lettering_for(text, 15)
    text = lettering.printable(text)
    left, top, right, _bottom = lettering.font.getbbox(text)
    width = max(length_px, ceil(right - left)) + 16
    box_top = PICTURE_PX - 34
    drawing.rectangle((6, box_top, 6 + width, PICTURE_PX - 6), fill=_PAPER)
    middle = 6 + width / 2
    drawing.text(
        (middle - (right - left) / 2 - left, box_top + 2 - top), text, fill=_INK, font=lettering.font
    )
    if length_px:
        drawing.rectangle(
            (middle - length_px / 2, PICTURE_PX - 13, middle + length_px / 2, PICTURE_PX - 10), fill=_INK
        )


def _jpeg(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=85)
    return data.getvalue()
