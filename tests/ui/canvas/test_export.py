"""An exported view keeps its pixels, and describes itself below them and in its metadata."""

from __future__ import annotations

import errno
from math import pi
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QGuiApplication

import viewer
from viewer.common.atomic_write import SaveError
from viewer.overlay.legend_entry import LegendEntry
from viewer.overlay.strings import NOT_A_DIAGNOSIS
from viewer.render import strings
from viewer.render.frame import Adjustment
from viewer.ui.canvas.export import copy_view, save_view, view_facts
from viewer.ui.canvas.gl_quad import rgba_from_image
from viewer.ui.canvas.strings import ADJUSTMENTS
from viewer.view.camera import View

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray


@pytest.fixture
def pixels(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Noise in the size of the canvas."""
    picture = rng.integers(0, 256, (600, 800, 4), dtype=np.uint8)
    picture[..., 3] = 255
    return picture


@pytest.fixture
def view(open_view: Any, pixels: NDArray[np.uint8]) -> Any:
    """A view of known pixels."""
    open_view.frame_image = lambda: pixels
    return open_view


def test_pixels_stay_as_they_are_and_the_margin_is_below(
    view: Any, pixels: NDArray[np.uint8], tmp_path: Path
) -> None:
    save_view(view, tmp_path / "view.png")
    with Image.open(tmp_path / "view.png") as image:
        saved = np.asarray(image)
    assert saved.shape[1] == 800
    assert saved.shape[0] > 600
    assert np.array_equal(saved[:600], pixels[..., :3])
    assert (saved[600] == 255).all()
    assert (saved[600:] < 100).any()


def test_metadata_state_what_the_margin_states(view: Any, tmp_path: Path) -> None:
    view.camera.jump(View(1200, 700, 2.0, pi / 6))
    view.colour.adjustment = Adjustment(brightness=0.25)
    save_view(view, tmp_path / "view.png")
    with Image.open(tmp_path / "view.png") as image:
        image.load()
        text = image.text
    assert text["Comment"] == viewer.RESEARCH_USE
    assert text["Software"] == strings.SOFTWARE.format(version=viewer.__version__)
    assert text["Source"] == "liver, case 12.svs"
    assert text["Scale"] == strings.SCALE.format(um_per_px=1)
    assert text["Description"] == strings.BETWEEN_FACTS.join(
        (
            "liver, case 12.svs",
            strings.CENTRE.format(x=1200, y=700),
            "10x",
            strings.SLIDE_PIXELS.format(downsample=2),
            strings.TURNED.format(degrees=30),
            ADJUSTMENTS["brightness"].format(value=0.25),
        )
    )


def test_facts_count_pixels_of_the_picture_on_dense_screens(view: Any) -> None:
    view.canvas.pixel_ratio = 2.0
    view.camera.jump(View(1000, 500, 2.0))
    facts = view_facts(view)
    assert (facts.downsample, facts.um_per_px, facts.magnification) == (1.0, 0.5, 10.0)


def test_layers_over_the_slide_are_described_in_margin_and_metadata(view: Any, tmp_path: Path) -> None:
    entry = LegendEntry(
        "Likeness to: fat", ((0, 0, 0), (250, 20, 100)), 0.0, "by a model", state="62 % analysed"
    )
    save_view(view, tmp_path / "bare.png")
    save_view(view, tmp_path / "view.png", (entry,))
    with Image.open(tmp_path / "view.png") as image, Image.open(tmp_path / "bare.png") as bare:
        assert image.height > bare.height
        reddest = np.asarray(image)[600:, :, 0].astype(int) - np.asarray(image)[600:, :, 1]
        assert reddest.max() > 200, "the colours are in the margin"
        layers = image.text["Layers"]
    for words in ("Likeness to: fat", "by a model", "62 % analysed", NOT_A_DIAGNOSIS):
        assert words in layers


def test_an_estimated_scale_is_called_one(view: Any) -> None:
    view.mpp_estimated = True
    facts = view_facts(view)
    assert strings.SCALE_ESTIMATED in facts.description()
    assert facts.metadata()["Scale"] == strings.SCALE_BY_ESTIMATE.format(um_per_px=facts.um_per_px)


def test_an_unknown_scale_is_stated(view: Any) -> None:
    view.mpp_um = None
    assert view_facts(view).metadata()["Scale"] == strings.SCALE_UNKNOWN


def test_icc_is_stated(view: Any) -> None:
    view.colour.has_icc = view.colour.icc = True
    assert strings.ICC_PROFILE in view_facts(view).description()


def test_a_copy_holds_picture_and_margin(view: Any, pixels: NDArray[np.uint8]) -> None:
    copy_view(view)
    copied = rgba_from_image(QGuiApplication.clipboard().image())
    assert np.array_equal(copied[:600, :, :3], pixels[..., :3])
    assert copied.shape[0] > 600


def test_a_full_disk_is_one_clear_error(view: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SaveError, match=r"view\.png: not saved, the disk is full"):
        save_view(view, tmp_path / "view.png")
    assert list(tmp_path.iterdir()) == []
