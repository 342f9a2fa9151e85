"""The present view as a picture to keep, with a margin that says what it shows."""

from __future__ import annotations

from math import degrees
from typing import TYPE_CHECKING

from PIL import Image
from PySide6.QtGui import QGuiApplication, QImage

from viewer.common.scale import magnification_from_downsample
from viewer.render.frame import Adjustment
from viewer.render.margin import PictureFacts, with_margin
from viewer.render.snapshot import save_png
from viewer.render.strings import ICC_PROFILE
from viewer.ui.canvas import strings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from viewer.overlay.legend_entry import LegendEntry
    from viewer.ui.canvas.slide_view import SlideView


def view_facts(slide_view: SlideView, layers: Sequence[LegendEntry] = ()) -> PictureFacts:
    """The facts of the present view. A slide must be open. ``layers``: those drawn, the uppermost first."""
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
        changes.append(ICC_PROFILE)
    return PictureFacts(
        slide_name=source.info.locator.name,
        centre=(view.centre_x, view.centre_y),
        downsample=view.downsample / ratio,
        rotation_deg=round(degrees(view.rotation_rad), 2),
        magnification=magnification_from_downsample(
            view.downsample, objective_power=slide_view.objective_power, mpp_um=mpp_um
        ),
        um_per_px=None if mpp_um is None else mpp_um[0] * view.downsample / ratio,
        is_estimated=slide_view.mpp_estimated,
        changes=tuple(changes),
        layers=tuple(layers),
    )


def copy_view(slide_view: SlideView, layers: Sequence[LegendEntry] = ()) -> None:
    """Put the present view with its margin on the clipboard."""
    kept = with_margin(_picture(slide_view), view_facts(slide_view, layers))
    data = kept.convert("RGBA").tobytes()
    image = QImage(data, kept.width, kept.height, 4 * kept.width, QImage.Format.Format_RGBA8888)
    QGuiApplication.clipboard().setImage(image.convertToFormat(QImage.Format.Format_RGB32))


def save_view(slide_view: SlideView, path: Path, layers: Sequence[LegendEntry] = ()) -> None:
    """Save the present view with its margin as a PNG. Raises SaveError."""
    facts = view_facts(slide_view, layers)
    save_png(with_margin(_picture(slide_view), facts), path, facts.metadata())


def _picture(slide_view: SlideView) -> Image.Image:
    return Image.fromarray(slide_view.frame_image()[..., :3])
