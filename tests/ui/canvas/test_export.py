"""An exported view keeps its pixels, and describes itself below them and in its metadata."""

from __future__ import annotations

import errno
from dataclasses import replace
from math import pi
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QGuiApplication

import viewer
from viewer.common.atomic_write import SaveError
from viewer.render.frame import Adjustment
from viewer.ui.canvas import strings
from viewer.ui.canvas.export import ViewFacts, copy_view, save_view, view_facts, with_margin
from viewer.ui.canvas.gl_quad import rgba_from_image
from viewer.view.camera import View

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

FACTS = ViewFacts(
    slide_name="liver, case 12.svs",
    centre=(1000.0, 500.0),
    downsample=2.0,
    rotation_deg=0.0,
    magnification=10.0,
    um_per_px=1.0,
    changes=(),
)


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


def dark_columns(margin: NDArray[np.uint8]) -> int:
    """The longest run of dark pixels in a row: the scale bar."""
    longest = 0
    for row in margin[..., 0] < 100:
        edges = np.flatnonzero(np.diff(np.concatenate(([0], row.astype(np.int8), [0]))))
        longest = max(longest, *(edges[1::2] - edges[::2]), 0) if len(edges) else longest
    return int(longest)


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


def test_the_scale_bar_is_as_long_as_its_label(pixels: NDArray[np.uint8]) -> None:
    margin = rgba_from_image(with_margin(pixels, FACTS))[600:]
    assert dark_columns(margin) == 100  # 100 µm at 1 µm per pixel, within a fifth of 800 px
    margin = rgba_from_image(with_margin(pixels, replace(FACTS, um_per_px=0.4)))[600:]
    assert dark_columns(margin) == 125  # 50 µm


def test_without_a_pixel_size_there_is_no_bar(pixels: NDArray[np.uint8]) -> None:
    margin = rgba_from_image(with_margin(pixels, replace(FACTS, um_per_px=None)))[600:]
    assert dark_columns(margin) < 40


@pytest.mark.parametrize("width", [60, 3000])
def test_small_and_large_pictures_have_room_for_the_words(width: int) -> None:
    image = with_margin(np.full((40, width, 4), 128, np.uint8), FACTS)
    margin = rgba_from_image(image)[40:]
    assert image.width() == width
    assert (margin[..., 0] < 128).any()
    assert (margin[-2:] == 255).all(), "nothing is cut off at the lower edge"


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
            strings.ADJUSTMENTS["brightness"].format(value=0.25),
        )
    )


def test_facts_count_pixels_of_the_picture_on_dense_screens(view: Any) -> None:
    view.canvas.pixel_ratio = 2.0
    view.camera.jump(View(1000, 500, 2.0))
    facts = view_facts(view)
    assert (facts.downsample, facts.um_per_px, facts.magnification) == (1.0, 0.5, 10.0)


def test_an_unknown_scale_is_stated(view: Any) -> None:
    view.mpp_um = None
    assert view_facts(view).metadata()["Scale"] == strings.SCALE_UNKNOWN


def test_an_estimated_scale_is_called_one(view: Any) -> None:
    view.mpp_estimated = True
    assert view_facts(view).metadata()["Scale"] == strings.SCALE_ESTIMATED.format(um_per_px=0.5)


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
