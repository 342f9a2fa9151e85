"""The margin of a picture: a true scale bar, colours with their numbers, and room for every word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from viewer.overlay.legend_entry import LegendEntry
from viewer.overlay.strings import FRAMED
from viewer.render.fonts import lettering_for
from viewer.render.margin import PictureFacts, with_margin

FACTS = PictureFacts(
    slide_name="liver, case 12.svs",
    centre=(1000.0, 500.0),
    downsample=2.0,
    rotation_deg=0.0,
    magnification=10.0,
    um_per_px=1.0,
)
LAYER = LegendEntry("Likeness", ((0, 0, 0), (250, 0, 100)), 0.5, "by a model", dotted="estimated")


def margin_of(facts: PictureFacts, *, width: int = 800) -> np.ndarray:
    picture = Image.new("RGB", (width, 60), (128, 128, 128))
    return np.asarray(with_margin(picture, facts))[60:]


def longest_dark_run(margin: np.ndarray) -> int:
    """The longest run of dark pixels in a row: the scale bar."""
    longest = 0
    for row in margin[..., 0] < 100:
        edges = np.flatnonzero(np.diff(np.concatenate(([0], row.astype(np.int8), [0]))))
        longest = max(longest, *(edges[1::2] - edges[::2]), 0) if len(edges) else longest
    return int(longest)


def test_the_scale_bar_is_as_long_as_its_label() -> None:
    assert longest_dark_run(margin_of(FACTS)) == 100  # 100 µm at 1 µm per pixel, within a fifth of 800 px
    assert longest_dark_run(margin_of(replace(FACTS, um_per_px=0.4))) == 125  # 50 µm


def test_words_of_any_file_are_written_on_one_line() -> None:
    facts = replace(FACTS, slide_name="a\nb\udcff\x1b.svs", layers=(replace(LAYER, title="a\nmap"),))
    assert margin_of(facts).any()
    assert facts.metadata()["Source"] == "a\\nb\\udcff\\x1b.svs"
    assert facts.metadata()["Layers"].startswith("a\\nmap")


def test_without_a_pixel_size_there_is_no_bar() -> None:
    assert longest_dark_run(margin_of(replace(FACTS, um_per_px=None))) < 40


@pytest.mark.parametrize("width", [60, 3000])
@pytest.mark.parametrize("layers", [(), (LAYER,), (LAYER, replace(LAYER, has_scale=False))])
def test_small_and_large_pictures_have_room_for_the_words(
    width: int, layers: tuple[LegendEntry, ...]
) -> None:
    margin = margin_of(replace(FACTS, layers=layers), width=width)
    assert (margin[..., 0] < 128).any()
    assert (margin[-2:] == 255).all(), "nothing is cut off at the lower edge"


def test_colours_are_drawn_as_over_the_slide_clear_below_the_threshold() -> None:
    margin = margin_of(replace(FACTS, layers=(LAYER,))).astype(int)
    reddish = margin[..., 0] - margin[..., 1] > 60
    row = np.flatnonzero(reddish.sum(1) > 20)[0]
    columns = np.flatnonzero(reddish[row])
    assert margin[row, columns[-1] - 2].tolist() == pytest.approx([250, 0, 100], abs=12)
    bar = np.flatnonzero((margin[row] != 255).any(1))
    assert columns[0] - bar[0] == pytest.approx(bar[-1] - columns[0], abs=6), "clear in the lower half"


def test_one_description_states_layers_and_what_applies_to_them() -> None:
    facts = replace(FACTS, layers=(replace(LAYER, state="62 % analysed", lines=(((9, 9, 9), "0.25"),)),))
    words = facts.metadata()["Layers"]
    for part in (
        "Likeness",
        "by a model",
        "0.5",
        "62 % analysed",
        "lines at 0.25",
        "estimated",
        "not analysed",
        FRAMED,
    ):
        assert part in words
    assert "Layers" not in FACTS.metadata()


def test_words_are_broken_at_spaces_and_long_names_anywhere() -> None:
    lettering = lettering_for("any", 13)
    wide = lettering.font.getlength("liver of")
    assert lettering.wrapped("liver of a cat", wide) == ["liver of", "a cat"]
    lines = lettering.wrapped("x" * 100, wide)
    assert "".join(lines) == "x" * 100
    assert all(lettering.font.getlength(line) <= wide for line in lines)


def test_without_a_font_of_the_system_signs_are_written_in_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    from viewer.render import fonts

    monkeypatch.setattr(fonts, "SYSTEM_FONTS", ())
    assert lettering_for("0.5 µm", 13).printable("0.5 µm × 2…") == "0.5 um x 2..."


def test_outlines_have_their_colours_and_classes_and_hatch_nothing() -> None:
    keys = (((250, 0, 100), "tumour (3)"), ((0, 100, 250), "a class with a long name " * 9))
    outlines = LegendEntry("a.geojson: outlines", (), 0.0, "Outlines: 4.", has_scale=False, keys=keys)
    facts = replace(FACTS, layers=(outlines,))
    margin = margin_of(facts).astype(int)
    for rgb, _ in keys:
        assert (np.abs(margin - rgb).max(axis=-1) < 12).sum() > 20
    words = facts.metadata()["Layers"]
    assert "tumour (3)" in words
    assert "not analysed" not in words
    assert FRAMED not in words
    assert "not analysed" in replace(FACTS, layers=(outlines, LAYER)).metadata()["Layers"]
