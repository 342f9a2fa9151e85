"""``--map``: a map of another program, as an image over the slide and in a picture of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from viewer.cli import main as cli
from viewer.cli import strings
from viewer.relevance.heatmap.strings import MAP_OF, MAP_UNIT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RAMP = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
PLACE = ["--center", "512,512", "--downsample", "8", "--size", "128x128"]


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory, copy_phantom: Callable[[Path, int], Path]) -> Path:
    """4 × 4 patches."""
    return copy_phantom(tmp_path_factory.mktemp("slides") / "a slide.tif", 1024)


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEOLA_HOME", str(tmp_path / "home"))


@pytest.fixture
def clam(tmp_path: Path) -> Path:
    """Two classes on the upper half, patches of a size that is not stated."""
    path = tmp_path / "clam.h5"
    with h5py.File(path, "w") as file:
        places = [(col * 256, row * 256) for row in range(2) for col in range(4)]
        file["coords"] = np.array(places, np.int64)
        file["scores"] = np.stack([np.linspace(0, 1, 8), np.linspace(1, 0, 8)], axis=1)
    return path


def test_a_map_becomes_an_image_over_the_slide_and_is_read_again(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, first, again = (tmp_path / name for name in ("ramp.npy", "a.ome.tiff", "b.ome.tiff"))
    np.save(given, RAMP)
    assert cli.main(["heatmap", str(slide), "--map", str(given), "-o", str(first)]) == 0
    assert "ramp.npy" in capsys.readouterr().err
    with tifffile.TiffFile(first) as tiff:
        pixels = tiff.series[0].levels[3].asarray()
        description = tiff.ome_metadata or ""
    np.testing.assert_allclose((pixels - 1.0) / 254, RAMP, atol=1 / 254)
    assert MAP_UNIT in description
    assert "likeness" not in description
    assert f"{MAP_OF.format(producer='numpy')}: map. Encoder: file:ramp.npy" in description
    assert cli.main(["heatmap", str(slide), "--map", str(first), "-o", str(again)]) == 0
    assert "a.ome.tiff: map from Foveola" in capsys.readouterr().err
    assert (tifffile.imread(again) == tifffile.imread(first)).all()


def test_a_column_is_chosen_and_patches_are_as_large_as_given(
    slide: Path, clam: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["heatmap", str(slide), "--map", str(clam), "-o", str(tmp_path / "a.ome.tiff")]
    assert cli.main(words) == 2
    message = capsys.readouterr().err
    assert "'scores 1', 'scores 2'" in message
    assert message.rstrip().endswith(strings.CHOOSE_COLUMN.format(error=""))
    assert len(message.splitlines()) == 1
    for more, covered in ((["--patch-px", "256"], 8), (["--patch-px", "64"], 0)):
        status = cli.main([*words, "--column", "scores 2", *more])
        assert status == (0 if covered else 1)
    with tifffile.TiffFile(tmp_path / "a.ome.tiff") as tiff:
        coarse = tiff.series[0].levels[3].asarray()
    assert (coarse > 0).sum() == 8
    assert coarse[0, 0] == 255
    assert cli.main([*words, "--column", "tumour"]) == 1
    assert "no scores named 'tumour'" in capsys.readouterr().err


def test_a_slide_without_pixel_size_takes_the_one_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slide, given = tmp_path / "bare.tif", tmp_path / "ramp.npy"
    tifffile.imwrite(slide, np.full((1024, 1024, 3), 240, np.uint8), photometric="rgb", tile=(256, 256))
    np.save(given, RAMP)
    words = ["heatmap", str(slide), "--map", str(given), "-o", str(tmp_path / "a.ome.tiff")]
    assert cli.main(words) == 1
    assert "--mpp" in capsys.readouterr().err
    assert cli.main([*words, "--mpp", "0.5"]) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--map", "MAP", "--query", "stroma"], strings.QUERY_OR_MAP),
        (["--map", "MAP", "--weights", "."], strings.MAP_TAKES_NO.format(option="--weights")),
        (["--column", "scores"], strings.MAP_OPTIONS_NEED_MAP),
        (["--patch-px", "256"], strings.MAP_OPTIONS_NEED_MAP),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(
    slide: Path, clam: Path, tmp_path: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = [str(clam) if word == "MAP" else word for word in more]
    assert cli.main(["heatmap", str(slide), *more, "-o", str(tmp_path / "a.ome.tiff")]) == 2
    assert message in capsys.readouterr().err


def test_a_map_never_takes_its_own_place(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "map.ome.tif"
    tifffile.imwrite(path, RAMP)
    before = path.read_bytes()
    assert cli.main(["heatmap", str(slide), "--map", str(path), "-o", str(path)]) == 2
    assert strings.OVERWRITES_INPUT.format(path=path, input=strings.THE_MAP) in capsys.readouterr().err
    assert path.read_bytes() == before


def test_what_is_no_map_fails_in_one_line(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / "odd.npy"
    odd.write_bytes(b"no map")
    for path in (odd, tmp_path / "missing.h5", tmp_path / "map.txt"):
        assert cli.main(["heatmap", str(slide), "--map", str(path), "-o", str(tmp_path / "a.ome.tiff")]) == 1
        message = capsys.readouterr().err
        assert path.name in message
        assert len(message.splitlines()) == 1


@pytest.mark.gl
def test_a_map_lies_over_a_snapshot(slide: Path, clam: Path, tmp_path: Path) -> None:
    plain, laid = tmp_path / "plain.png", tmp_path / "laid.png"
    assert cli.main(["snapshot", str(slide), *PLACE, "-o", str(plain)]) == 0
    more = ["--map", str(clam), "--column", "scores 1", "--overlay", "magma"]
    assert cli.main(["snapshot", str(slide), *PLACE, *more, "-o", str(laid)]) == 0
    before, after = np.asarray(Image.open(plain), int), np.asarray(Image.open(laid), int)
    height, width = before.shape[:2]
    assert np.abs(before - after[:height, :width])[32:64, 96:].mean() > 20  # the highest scores
    assert clam.name in Image.open(laid).text["Layers"]  # type: ignore[attr-defined]
    assert cli.main(["snapshot", str(slide), *PLACE, *more, "--no-margin", "-o", str(plain)]) == 0
    assert np.array_equal(np.asarray(Image.open(plain)), after[:height, :width])
    assert json.loads(Image.open(laid).text["Overlay"])["query"] == "scores 1"  # type: ignore[attr-defined]


def test_a_snapshot_shows_a_query_or_a_map(
    slide: Path, clam: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["snapshot", str(slide), *PLACE, "-o", str(tmp_path / "a.png")]
    assert cli.main([*words, "--map", str(clam)]) == 2
    assert strings.CHOOSE_COLUMN.format(error="") in capsys.readouterr().err
    assert cli.main([*words, "--map", str(clam), "--query", "stroma"]) == 2
    assert strings.QUERY_OR_MAP in capsys.readouterr().err
    for question in ([], ["--map", str(clam)]):
        assert cli.main([*words, *question, "--encoder", "measured"]) == 2
        assert strings.ENCODER_NEEDS_QUERY in capsys.readouterr().err


@pytest.fixture
def annotations(tmp_path: Path) -> Path:
    """A pure green square about the middle of the slide."""
    ring = [[256, 256], [768, 256], [768, 768], [256, 768]]
    path = tmp_path / "a.geojson"
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"objectType": "annotation", "name": "here", "color": [0, 255, 0]},
    }
    path.write_text(json.dumps(feature))
    return path


def test_annotations_are_drawn_over_a_snapshot(slide: Path, annotations: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.png"
    assert (
        cli.main(
            ["snapshot", str(slide), *PLACE, "--map", str(annotations), "--no-margin", "-o", str(output)]
        )
        == 0
    )
    with Image.open(output) as picture:
        green = (np.abs(np.asarray(picture, int) - (0, 255, 0)) < 60).all(axis=-1)
        assert "here (1)" in picture.text["Layers"]  # type: ignore[attr-defined]
    rows, columns = np.nonzero(green)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (31, 96, 31, 96)
    assert green[31:33, 40:90].all()
    assert not green[40:90, 40:90].any()


def test_annotations_alone_make_no_heatmap(
    slide: Path, annotations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "a.ome.tiff"
    assert cli.main(["heatmap", str(slide), "--map", str(annotations), "-o", str(output)]) == 1
    assert strings.OUTLINES_HAVE_NO_SCORES in capsys.readouterr().err
    assert not output.exists()


def test_annotations_need_no_pixel_size_and_scores_do(
    annotations: Path, clam: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blank = tmp_path / "blank.png"  # states no pixel size, and has nothing to estimate it by
    Image.new("RGB", (1024, 1024), "white").save(blank)
    words = ["snapshot", str(blank), *PLACE, "-o", str(tmp_path / "a.png")]
    assert cli.main([*words, "--map", str(annotations)]) == 0
    assert cli.main([*words, "--map", str(clam), "--column", "scores 1"]) == 1
    assert str(blank) in capsys.readouterr().err
