"""The present view as a picture to keep: pixels untouched, and a white margin below that describes them.

Scale bar, slide, place and "Research use only" are in the margin and, as text, in the PNG's metadata, never
over pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import degrees
from typing import TYPE_CHECKING

from PIL import Image
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QGuiApplication, QImage, QPainter, QTextOption

import viewer
from viewer.common.scale import format_magnification, magnification_from_downsample
from viewer.render.frame import Adjustment
from viewer.render.snapshot import save_png
from viewer.ui.canvas import strings
from viewer.ui.canvas.gl_quad import rgba_from_image
from viewer.ui.canvas.scale_bar import LONGEST_SHARE, bar_size, paint_bar, scale_bar

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from viewer.ui.canvas.slide_view import SlideView

_INK = QColor(20, 22, 28)
_SMALLEST_FONT_PX = 13
_FONT_SHARE = 1 / 64
"""Letters grow with the picture, so that they can be read when it is printed or shrunk to a page."""


@dataclass(frozen=True, slots=True)
class ViewFacts:
    """What is written about an exported picture. ``um_per_px``: micrometres per pixel of the picture,
    ``estimated`` or known.
    """

    slide_name: str
    centre: tuple[float, float]
    downsample: float
    rotation_deg: float
    magnification: float | None
    um_per_px: float | None
    changes: tuple[str, ...]
    estimated: bool = False

    def description(self) -> str:
        """One line for the margin: what, where and how large."""
        parts = [self.slide_name, strings.CENTRE.format(x=self.centre[0], y=self.centre[1])]
        if self.magnification is not None:
            parts.append(format_magnification(self.magnification))
        parts.append(strings.SLIDE_PIXELS.format(downsample=self.downsample))
        if self.rotation_deg:
            parts.append(strings.TURNED.format(degrees=self.rotation_deg))
        return strings.BETWEEN_FACTS.join([*parts, *self.changes])

    def metadata(self) -> dict[str, str]:
        """Text chunks of the PNG."""
        scale = strings.SCALE_UNKNOWN
        if self.um_per_px is not None:
            template = strings.SCALE_ESTIMATED if self.estimated else strings.SCALE
            scale = template.format(um_per_px=self.um_per_px)
        return {
            "Software": strings.SOFTWARE.format(version=viewer.__version__),
            "Comment": viewer.RESEARCH_USE,
            "Source": self.slide_name,
            "Description": self.description(),
            "Scale": scale,
        }


def view_facts(slide_view: SlideView) -> ViewFacts:
    """The facts of the present view. A slide must be open."""
    source, view = slide_view.source, slide_view.camera.view
    assert source is not None
    mpp_um, ratio = slide_view.mpp_um, slide_view.canvas.pixel_ratio
    changes = []
    colour, neutral = slide_view.colour, Adjustment()
    for name, template in strings.ADJUSTMENTS.items():
        value = getattr(colour.adjustment, name)
        if value != getattr(neutral, name):
            changes.append(template.format(value=value))
    if colour.icc:
        changes.append(strings.ICC_PROFILE)
    return ViewFacts(
        slide_name=source.info.path.name,
        centre=(view.centre_x, view.centre_y),
        downsample=view.downsample / ratio,
        rotation_deg=round(degrees(view.rotation_rad), 2),
        magnification=magnification_from_downsample(
            view.downsample, objective_power=slide_view.objective_power, mpp_um=mpp_um
        ),
        um_per_px=None if mpp_um is None else mpp_um[0] * view.downsample / ratio,
        estimated=slide_view.mpp_estimated,
        changes=tuple(changes),
    )


def copy_view(slide_view: SlideView) -> None:
    """Put the present view with its margin on the clipboard."""
    QGuiApplication.clipboard().setImage(with_margin(slide_view.frame_image(), view_facts(slide_view)))


def save_view(slide_view: SlideView, path: Path) -> None:
    """Save the present view with its margin as a PNG. Raises SaveError."""
    facts = view_facts(slide_view)
    image = with_margin(slide_view.frame_image(), facts)
    save_png(Image.fromarray(rgba_from_image(image)[..., :3]), path, facts.metadata())


def with_margin(pixels: NDArray[np.uint8], facts: ViewFacts) -> QImage:
    """The picture (h, w, 4), its pixels as they are, with the margin below."""
    height, width = pixels.shape[:2]
    font = QFont(QGuiApplication.font())
    font.setPixelSize(max(_SMALLEST_FONT_PX, round(width * _FONT_SHARE)))
    metrics = QFontMetricsF(font)
    gap = round(metrics.height() * 0.6)
    bar = None
    if facts.um_per_px is not None:
        bar = scale_bar(facts.um_per_px, width * LONGEST_SHARE, estimated=facts.estimated)
    bar_width = 0.0 if bar is None else bar_size(bar, font)[0] + 2 * gap
    text = [viewer.RESEARCH_USE, facts.description()]
    if bar is None:
        text.append(strings.NO_SCALE)
    room = QRectF(0, 0, max(width - bar_width - 2 * gap, width * 0.4), 1e6)
    needed = _text_height("\n".join(text), room, font)
    margin = round(max(needed, 0 if bar is None else bar_size(bar, font)[1])) + 2 * gap

    picture = QImage(width, height + margin, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.white)
    painter = QPainter(picture)
    # Bytes are set, not blended: what is saved is what was shown.
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
    shown = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBX8888)
    painter.drawImage(0, 0, shown)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
    left = float(gap)
    if bar is not None:
        paint_bar(painter, bar, font, left, height + gap)
        left += bar_width
    painter.setFont(font)
    painter.setPen(_INK)
    painter.drawText(QRectF(left, height + gap, room.width(), margin), "\n".join(text), _wrapping())
    painter.end()
    return picture


def _wrapping() -> QTextOption:
    """Between words, and within a word that is longer than a line, as file names may be."""
    option = QTextOption(Qt.AlignmentFlag.AlignLeft)
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    return option


def _text_height(text: str, room: QRectF, font: QFont) -> float:
    ground = QImage(1, 1, QImage.Format.Format_RGB32)
    painter = QPainter(ground)
    painter.setFont(font)
    height = painter.boundingRect(room, text, _wrapping()).height()
    painter.end()
    return height
