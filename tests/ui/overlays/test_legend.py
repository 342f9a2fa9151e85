"""The legend on the slide: its bar is as clear as the slide, and it keeps within the view."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from viewer.common.scale import pixel_size_in_words, whole_units
from viewer.overlay.layer import FAINT_BELOW
from viewer.overlay.legend_entry import LegendEntry, provenance_in_words
from viewer.overlay.strings import (
    ALIKE,
    ALL_ANALYSED,
    DOTTED,
    ENTRY,
    ENTRY_WITH_MIDDLE,
    ENTRY_WITHOUT_SCALE,
    ESTIMATED,
    HATCHED,
    NOT_A_DIAGNOSIS,
    NOT_ANALYSED,
    OF_LAYERS,
    OR,
    PARTLY_KNOWN,
    SOURCE_AND_SIZE,
    UNLIKE,
)
from viewer.relevance.patches.field import Provenance
from viewer.ui.canvas.scale_bar import LONGEST_PX, LONGEST_SHARE, plate_size, scale_bar
from viewer.ui.overlays import strings
from viewer.ui.overlays.legend import Legend, bar_image
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

LAYER = LegendEntry("Likeness", ((0, 0, 0), (200, 0, 100)), 0.0, "measured concepts, 0.5 µm/px")


@pytest.fixture
def slide(qtbot: QtBot) -> QWidget:
    slide = QWidget()
    qtbot.add_widget(slide)
    slide.resize(1000, 900)
    slide.show()
    return slide


def lets_mouse_through(legend: Legend) -> bool:
    return legend.testAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)


def pixels_of(image: QImage) -> np.ndarray:
    rgba = image.convertToFormat(QImage.Format.Format_RGBA8888)
    rows = np.frombuffer(rgba.constBits(), np.uint8).reshape(rgba.height(), rgba.bytesPerLine() // 4, 4)
    return rows[:, : rgba.width()].copy()


def test_the_bar_fades_out_as_the_slide_does() -> None:
    (row,) = pixels_of(bar_image(LAYER))
    values = np.linspace(0, 1, len(row))
    assert np.abs(row[:, 3] - 255 * np.minimum(values / FAINT_BELOW, 1)).max() < 1
    assert np.abs(row[:, :3] - values[:, None] * (200, 0, 100)).max() < 1


def test_the_bar_is_clear_below_the_threshold() -> None:
    (row,) = pixels_of(bar_image(replace(LAYER, threshold=0.4)))
    values = np.linspace(0, 1, len(row))
    assert ((row[:, 3] > 0) == (values >= 0.4)).all()


def test_what_is_clear_shows_a_light_ground(slide: QWidget) -> None:
    legend = Legend(slide)
    legend.show_entries([replace(LAYER, colours=((0, 0, 0), (0, 0, 0)), threshold=0.5)])
    picture = pixels_of(legend.grab().toImage())[..., :3].min(axis=-1)
    bar = picture[(picture[:, picture.shape[1] // 4] > 200) & (picture[:, 3 * picture.shape[1] // 4] < 20)]
    assert len(bar) > 3, "the lower half of the bar is light, its upper half as black as its colours"


def test_a_scale_about_zero_has_a_mark_in_its_middle(slide: QWidget) -> None:
    legend = Legend(slide)
    black = replace(LAYER, colours=((0, 0, 0), (0, 0, 0)), threshold=0.01)
    lit = []
    for entry in (black, replace(black, low="against", middle="0", high="for")):
        legend.show_entries([entry])
        picture = pixels_of(legend.grab().toImage())[..., :3].min(axis=-1)
        rows = picture[:, 3 * picture.shape[1] // 4] == 0  # the bar
        lit.append(int(picture[rows, picture.shape[1] // 2].max()))
    assert lit[0] == 0
    assert lit[1] > 200
    assert legend.text.startswith(
        ENTRY_WITH_MIDDLE.format(title=LAYER.title, facts=LAYER.facts, low="against", middle="0", high="for")
    )


def test_colours_that_say_nothing_have_no_scale(slide: QWidget) -> None:
    legend = Legend(slide)
    legend.show_entries([LAYER])
    with_scale = pixels_of(legend.grab().toImage())
    legend.show_entries([replace(LAYER, has_scale=False, facts="regions are not compared")])
    without = pixels_of(legend.grab().toImage())
    assert len(without) < len(with_scale)
    for picture in (with_scale, without):
        hatched = picture[-em_px(2.6) : -em_px(2.1), em_px(0.8) : em_px(1.8), :3].min(axis=-1)
        assert (hatched.max() > 200, hatched.min() < 100) == (True, True), "light lines on the dark plate"
    assert legend.text.startswith(
        ENTRY_WITHOUT_SCALE.format(title=LAYER.title, facts="regions are not compared")
    )
    assert HATCHED.format(meaning=NOT_ANALYSED) in legend.text


def test_in_a_low_view_it_says_less_and_stays_within_it(slide: QWidget) -> None:
    """Facts of the lower layers go first, then those layers; the uppermost keeps its title and scale."""
    legend = Legend(slide)
    legend.show_entries([replace(LAYER, title=f"Layer {number}") for number in range(4)])
    legend.set_unfolded(True)
    whole = legend.height()
    heights = []
    for room in range(whole + 24, 130, -10):
        slide.resize(1000, room)
        assert slide.rect().contains(legend.geometry())
        heights.append(legend.height())
    assert heights[0] == whole
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) >= 7, "three facts, then three layers"
    assert NOT_A_DIAGNOSIS in legend.text
    assert "Layer 3" in legend.text, "assistive technology reads all of it"
    slide.resize(1000, 2000)
    assert legend.height() == whole


def test_it_folds_where_it_would_crowd_the_view_and_unfolds_at_a_click(qtbot: QtBot, slide: QWidget) -> None:
    legend = Legend(slide)
    layers = [replace(LAYER, title=f"Layer {number}", low="0 unlike", high="1 alike") for number in range(5)]
    legend.show_entries(layers[:1])
    assert (legend.foldable, legend.unfolded) == (False, False)
    assert lets_mouse_through(legend)
    with qtbot.wait_signal(legend.folding_changed):
        legend.show_entries(layers)
    assert (legend.foldable, legend.unfolded) == (True, False)
    assert max(legend.height() / slide.height(), legend.width() / slide.width()) < 1 / 3
    folded = legend.height()
    assert all(layer.title in legend.text for layer in layers), "assistive technology reads all of it"
    qtbot.mouseClick(legend, Qt.MouseButton.LeftButton)
    assert legend.unfolded
    assert legend.height() > 1.5 * folded
    assert lets_mouse_through(legend)
    slide.resize(1000, 2000)
    assert (legend.foldable, legend.unfolded) == (False, False)
    slide.resize(1000, 900)
    legend.set_unfolded(False)
    assert legend.height() == folded
    slide.resize(500, 2000)
    assert legend.foldable, "a third of the width"


def test_folded_it_shows_the_colours_of_each_layer(slide: QWidget) -> None:
    legend = Legend(slide)
    slide.resize(300, 300)
    black, white = ((0, 0, 0), (0, 0, 0)), ((255, 255, 255), (255, 255, 255))
    lit = []
    for colours in (black, white):
        legend.show_entries([replace(LAYER, colours=colours, title="…")])
        picture = pixels_of(legend.grab().toImage())[: em_px(1.5), ..., :3].min(axis=-1)
        lit.append(int((picture > 240).sum()))
    assert lit[1] - lit[0] > em_px(2) * em_px(0.6)


def test_folded_it_hands_the_wheel_to_the_slide(slide: QWidget) -> None:
    turned: list[QPointF] = []

    class Slide(QWidget):
        def wheelEvent(self, event: QWheelEvent) -> None:
            turned.append(event.position())

    picture = Slide(slide)
    picture.resize(slide.size())
    slide.setFocusProxy(picture)
    legend = Legend(slide)
    slide.resize(400, 300)
    legend.show_entries([LAYER])
    at = QPointF(legend.width() / 2, legend.height() / 2)
    wheel = QWheelEvent(
        at,
        legend.mapToGlobal(at),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(legend, wheel)
    assert turned == [QPointF(legend.pos()) + at]


@pytest.mark.parametrize("unfolded", [False, True])
@pytest.mark.parametrize("layers", [1, 4])
def test_it_never_covers_the_scale_bar(slide: QWidget, layers: int, unfolded: bool) -> None:
    legend = Legend(slide)
    for width in (250, 320, 400, 500, 640, 900, 1400):
        slide.resize(width, 500)
        legend.show_entries([replace(LAYER, title=f"Layer {number}") for number in range(layers)])
        legend.set_unfolded(unfolded)
        for um_per_px in np.geomspace(0.02, 200, 40):
            bar = scale_bar(um_per_px, min(width * LONGEST_SHARE, LONGEST_PX))
            plate_width, plate_height = plate_size(bar, slide.font())
            plate = QRectF(14, slide.height() - 14 - plate_height, plate_width, plate_height)
            assert not plate.intersects(QRectF(legend.geometry())), (width, bar.label)
        assert slide.rect().contains(legend.geometry())


@pytest.mark.parametrize(
    ("mpp_um", "words", "of_an_estimate"),
    [
        ((0.5, 0.5), "0.5 µm/px", "0.5 µm/px"),
        ((0.2274, 0.2275), "0.227 µm/px", "0.23 µm/px"),
        ((28.96, 29.04), "29 µm/px", "29 µm/px"),
        ((0.25, 0.5), "0.25 × 0.5 µm/px", "0.25 × 0.5 µm/px"),
    ],
)
def test_pixels_that_are_as_good_as_square_have_one_size(
    mpp_um: tuple[float, float], words: str, of_an_estimate: str
) -> None:
    assert pixel_size_in_words(mpp_um, estimated=False) == words
    assert pixel_size_in_words(mpp_um, estimated=True) == f"{of_an_estimate} (estimated)"


def test_a_number_stays_on_the_line_of_its_unit() -> None:
    words = whole_units("≈ 0.5 µm, taken for 0.5 µm/px")
    assert words.split(" ") == ["≈", "0.5\u00a0µm,", "taken", "for", "0.5\u00a0µm\u2060/\u2060px"]


def test_the_legend_says_what_is_measured_and_that_it_is_no_diagnosis(qtbot: QtBot) -> None:
    slide = QWidget()
    qtbot.add_widget(slide)
    slide.resize(600, 400)
    slide.show()
    legend = Legend(slide)
    entry = LegendEntry(
        "Likeness",
        ((0, 0, 0), (255, 255, 255)),
        0.2,
        "measured concepts, 0.5 µm/px",
        dotted=ESTIMATED,
    )
    legend.show_entries([entry])
    assert legend.isVisible()
    assert legend.text == " ".join(
        (
            ENTRY.format(title=entry.title, facts=entry.facts, low=UNLIKE, high=ALIKE),
            HATCHED.format(meaning=NOT_ANALYSED),
            DOTTED.format(meaning=ESTIMATED),
            NOT_A_DIAGNOSIS,
        )
    )
    inside = slide.rect().contains(legend.geometry())
    assert inside
    assert not legend.grab().toImage().isNull()
    slide.resize(500, 300)
    assert slide.rect().contains(legend.geometry())
    one = legend.height()
    legend.show_entries([entry, replace(entry, title="Attention of HIPT", dotted=PARTLY_KNOWN)])
    both = OR.join(
        OF_LAYERS.format(meaning=meaning, titles=title)
        for meaning, title in ((ESTIMATED, entry.title), (PARTLY_KNOWN, "Attention of HIPT"))
    )
    assert DOTTED.format(meaning=both) in legend.text
    assert one < legend.height() < 2 * one  # the meaning of patterns is there once
    assert slide.rect().contains(legend.geometry())
    legend.show_entries([])
    assert not legend.isVisible()


def test_provenance_marks_an_estimated_pixel_size() -> None:
    provenance = Provenance("measured concepts", "fat", "ranks", (0.38, 0.38), True, "2026-01-01", "Foveola")
    assert provenance_in_words(provenance) == SOURCE_AND_SIZE.format(
        source="measured concepts", size=pixel_size_in_words((0.38, 0.38), estimated=True)
    )


def test_outlines_have_a_key_for_each_colour(slide: QWidget) -> None:
    legend = Legend(slide)
    keys = (((230, 0, 0), "Tumour (3)"), ((0, 0, 230), "Stroma " * 40))
    legend.show_entries([LegendEntry("a.geojson", (), 0.0, "from QuPath", has_scale=False, keys=keys)])
    assert legend.text == f"a.geojson: {keys[0][1]}, {keys[1][1]}. from QuPath {NOT_A_DIAGNOSIS}"
    picture = pixels_of(legend.grab().toImage())[..., :3].astype(int)
    for rgb, _ in keys:
        assert (np.abs(picture - rgb).max(axis=-1) < 40).sum() > 10
    alone = legend.height()
    legend.show_entries([LAYER, LegendEntry("a.geojson", (), 0.0, "", has_scale=False, keys=keys)])
    assert HATCHED.format(meaning=NOT_ANALYSED) in legend.text
    assert legend.height() > alone


@pytest.mark.parametrize("size", [(1000, 900), (330, 900)])
def test_each_layer_that_is_not_all_analysed_says_so_folded_too(
    slide: QWidget, size: tuple[int, int]
) -> None:
    slide.resize(*size)
    legend = Legend(slide)
    pictures = []
    for state in (ALL_ANALYSED, "42 % analysed", "89 % analysed", "Begun " * 30):
        legend.show_entries([replace(LAYER, state=state)])
        pictures.append(legend.grab().toImage())
        assert (strings.SENTENCE.format(text=state) in legend.text) == (state != ALL_ANALYSED)
    assert legend.foldable == (size[0] < 900)
    assert len({bytes(pixels_of(picture)) for picture in pictures}) == len(pictures)


@pytest.mark.parametrize("size", [(1000, 900), (330, 900)])
def test_each_layer_with_dots_is_marked(slide: QWidget, size: tuple[int, int]) -> None:
    slide.resize(*size)
    legend = Legend(slide)
    upper, lower = LAYER, replace(LAYER, title="Lower")
    pictures = []
    for layers in ([replace(upper, dotted=ESTIMATED), lower], [upper, replace(lower, dotted=ESTIMATED)]):
        legend.show_entries(layers)
        pictures.append(bytes(pixels_of(legend.grab().toImage())))
    assert DOTTED.format(meaning=OF_LAYERS.format(meaning=ESTIMATED, titles="Lower")) in legend.text
    assert pictures[0] != pictures[1]


@pytest.mark.parametrize("state", [ALL_ANALYSED, "42 % analysed"])
def test_many_layers_in_a_small_view_fold_to_one_line(qtbot: QtBot, slide: QWidget, state: str) -> None:
    legend = Legend(slide)
    slide.resize(400, 330)
    layer, heights = replace(LAYER, state=state), []
    for count in range(1, 7):
        legend.show_entries([replace(layer, title=f"Layer {number}") for number in range(count)])
        heights.append(legend.height())
        assert count == 1 or legend.width() * legend.height() <= 400 * 330 / 5
    assert heights[1] > heights[0]
    assert heights[-1] == heights[-2] < heights[1]
    drawn = bytes(pixels_of(legend.grab().toImage()))
    legend.show_entries([replace(LAYER, title=f"Layer {number}", state=ALL_ANALYSED) for number in range(6)])
    assert (bytes(pixels_of(legend.grab().toImage())) == drawn) == (state == ALL_ANALYSED)
    assert "Layer 5" in legend.text, "assistive technology reads all of it"
    qtbot.mouseClick(legend, Qt.MouseButton.LeftButton)
    assert legend.height() > heights[-1]


@pytest.mark.parametrize("size", [(1000, 900), (330, 900)])
def test_contours_are_listed_in_their_colours_and_alone_have_no_bar(
    slide: QWidget, size: tuple[int, int]
) -> None:
    slide.resize(*size)
    legend = Legend(slide)
    lines = ((250, 0, 0), "0.25"), ((0, 0, 250), "0.75")
    black = replace(LAYER, colours=((0, 250, 0), (0, 250, 0)))
    found, heights = [], []
    for entry in (black, replace(black, lines=lines), replace(black, lines=lines, has_fill=False)):
        legend.show_entries([entry])
        picture = pixels_of(legend.grab().toImage())[..., :3].astype(int)
        colours = (250, 0, 0), (0, 0, 250), (0, 250, 0)
        found.append([bool((np.abs(picture - rgb).max(axis=-1) < 40).any()) for rgb in colours])
        heights.append(legend.height())
    folded = size[0] < 900
    assert found == [[False, False, True], [not folded, not folded, True], [True, True, False]]
    assert folded or heights[1] > heights[0] > heights[2]
    assert "0.25, 0.75." in legend.text


@pytest.mark.parametrize("size", [(1000, 900), (400, 900)])
def test_what_patterns_mean_stays_on_the_plate(slide: QWidget, size: tuple[int, int]) -> None:
    slide.resize(*size)
    legend = Legend(slide)
    legend.show_entries([replace(LAYER, dotted=ESTIMATED), replace(LAYER, dotted=PARTLY_KNOWN)])
    picture = pixels_of(legend.grab().toImage())[..., :3].min(axis=-1)
    assert picture[em_px() : -em_px(), -em_px(0.5) :].max() < 60, "the margin at the right is clear"
    long = legend.height()
    legend.show_entries([replace(LAYER, dotted=ESTIMATED), LAYER])
    assert legend.height() < long, "a longer one takes another line"
