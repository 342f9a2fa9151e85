"""``query`` and ``heatmap``: what they print, what they write, how they fail."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.messages import pattern
from viewer import RESEARCH_USE
from viewer.cli import heatmap as cli_heatmap
from viewer.cli import main as cli
from viewer.cli import strings
from viewer.common import strings as common_strings
from viewer.overlay import attention_look as hierarchy
from viewer.overlay import strings as overlay_strings
from viewer.overlay.layer import COLOUR_MAPS
from viewer.relevance.analysis import open as offline
from viewer.relevance.analysis import strings as analysis_strings
from viewer.relevance.attention import overlap_grid as overlapping
from viewer.relevance.attention import strings as attention_strings
from viewer.relevance.encoders import strings as encoder_strings
from viewer.relevance.encoders.measured.card import MEASURED, SALIENCY
from viewer.relevance.encoders.measured.encoder import MeasuredEncoder
from viewer.relevance.features import strings as feature_strings
from viewer.relevance.heatmap import points
from viewer.relevance.heatmap import strings as heatmap_strings
from viewer.relevance.heatmap import whole_slide as attention_map
from viewer.relevance.models import strings as model_strings
from viewer.relevance.patches.field import UNIT
from viewer.relevance.query import strings as query_strings
from viewer.slide import strings as slide_strings
from viewer.slide.formats.registry import open_slide
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests: the slide is analysed once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory, copy_phantom: Callable[[Path, int], Path]) -> Path:
    return copy_phantom(tmp_path_factory.mktemp("slides") / "a slide.tif", 1024)


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEOLA_HOME", str(home))


def facts_of(capsys: pytest.CaptureFixture[str], *words: Any) -> dict[str, Any]:
    assert cli.main([str(word) for word in (*words, "--json")]) == 0
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    return facts


def test_a_query_prints_places_and_what_was_understood(
    slide: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["query", str(slide), "background OR stroma", "--top", "2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(strings.QUERY_LINE.format(query="background OR stroma") + "\n")
    assert strings.UNDERSTOOD_LINE.format(term="stroma", concepts="stroma 1") in out
    assert strings.ANALYSED_LINE.format(known=16, patches="16 patches", encoder=MEASURED.title) in out
    assert out.rstrip().endswith(strings.VALUES_NOTE[UNIT].format(research_use=RESEARCH_USE))


def test_the_answer_as_json(slide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = facts_of(capsys, "query", slide, "background OR stroma", "--top", 3)
    assert facts["slide"] == "a slide.tif"
    assert facts["note"] == "Research use only"
    assert facts["mpp_um"] == [0.5, 0.5]
    assert facts["patches_analysed"] == facts["patches_on_slide"] == 16
    assert [place["rank"] for place in facts["places"]] == list(range(1, len(facts["places"]) + 1))
    for place in facts["places"]:
        x0, y0, x1, y1 = place["rect"]
        assert x0 <= place["x"] <= x1
        assert y0 <= place["y"] <= y1
        assert 0 <= place["score"] <= 1


def test_explaining_names_every_measurement(slide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    like = ["--like", "300,300"]
    assert cli.main(["query", str(slide), "stroma", "--explain", *like]) == 0
    capsys.readouterr()
    facts = facts_of(capsys, "query", slide, "stroma OR background")
    assert cli.main(["query", str(slide), "stroma OR background", "--explain"]) == 0
    out = capsys.readouterr().out
    reasons = [reason for place in facts["places"] for reason in place["reasons"]]
    for reason in reasons:
        assert f"{reason['term']}: {reason['in_words']}" in out


def test_scores_and_geojson_are_written(slide: Path, tmp_path: Path) -> None:
    scores, places = tmp_path / "scores.h5", tmp_path / "places.geojson"
    assert cli.main(["query", str(slide), "stroma", "--scores", str(scores), "--geojson", str(places)]) == 0
    with h5py.File(scores) as file:
        assert file["coords"].shape == (16, 2)
        assert file["scores"].dtype == np.float32
        assert file.attrs["patch_size_level0"] == 256
        written = file["scores"][()]
    tiles = [
        feature
        for feature in json.loads(places.read_text())["features"]
        if feature["properties"]["objectType"] == "tile"
    ]
    assert len(tiles) == int((written > 0).sum())


def test_a_heatmap_lies_over_the_slide(slide: Path, tmp_path: Path) -> None:
    path = tmp_path / "map.ome.tiff"
    assert cli.main(["heatmap", str(slide), "--query", "stroma", "-o", str(path)]) == 0
    with tifffile.TiffFile(path) as tiff:
        assert len(tiff.series[0].levels) == 4
        assert tiff.series[0].shape == (32, 32)
    source = open_slide(path)
    assert source.info.mpp_um == pytest.approx((16, 16))
    source.close()


def no_attention(option: str) -> str:
    return strings.NO_ATTENTION.format(encoder=MEASURED.title, option=option)


PLACE = ["--center", "512,512", "--downsample", "8", "--size", "128x128"]


@pytest.mark.gl
def test_a_query_lies_over_a_snapshot(slide: Path, tmp_path: Path) -> None:
    plain, laid = tmp_path / "plain.png", tmp_path / "laid.png"
    assert cli.main(["snapshot", str(slide), *PLACE, "-o", str(plain)]) == 0
    query = ["--query", "NOT background", "--overlay", "magma"]
    assert cli.main(["snapshot", str(slide), *PLACE, *query, "-o", str(laid)]) == 0
    before, after = Image.open(plain), Image.open(laid)
    assert before.tobytes() != after.tobytes()
    assert json.loads(after.text["Overlay"])["query"] == "NOT background"  # type: ignore[attr-defined]
    assert "Overlay" not in before.text  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--overlay"], strings.OVERLAY_NEEDS),
        (
            ["--query", "stroma", "--overlay", "rainbow"],
            overlay_strings.NO_COLOUR_MAP.format(name="rainbow", names=", ".join(COLOUR_MAPS)),
        ),
        (["--query", "qwertz"], "What can be asked"),
    ],
)
def test_an_overlay_that_cannot_be_is_wrong_usage(
    slide: Path, tmp_path: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["snapshot", str(slide), *PLACE, *words, "-o", str(tmp_path / "a.png")]) == 2
    assert message in capsys.readouterr().err


def test_features_of_another_program_answer_examples(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "features_uni_v1" / "a slide.h5"
    path.parent.mkdir()
    corners = [(x, y) for y in range(0, 1024, 256) for x in range(0, 1024, 256)]
    with h5py.File(path, "w") as file:
        file["features"], file["coords"] = np.eye(16, dtype=np.float32), np.array(corners)
        file["coords"].attrs["patch_size_level0"] = 256
    facts = facts_of(capsys, "query", slide, "--like", "300,100", "--features", path)
    assert facts["places"][0]["x"] == 384
    assert facts["encoder"].startswith("uni_v1")
    assert cli.main(["query", str(slide), "stroma", "--features", str(path)]) == 1
    assert re.search(pattern(feature_strings.NO_TEXT_QUERIES), capsys.readouterr().err)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["KRAS mutation"], 2, pattern(query_strings.NOT_MEASURABLE, text="KRAS mutation")),
        (["qwertz"], 2, pattern(analysis_strings.SUCH_TERMS)),
        ([""], 2, re.escape(query_strings.NO_TERMS)),
        ([], 2, re.escape(analysis_strings.EMPTY_QUESTION)),
        (["fat", "--encoder", "plip"], 1, pattern(encoder_strings.UNKNOWN_ENCODER, encoder="'plip'")),
        (["--like", "-5,3"], 2, pattern(analysis_strings.EXAMPLE_OUTSIDE, x=-5, y=3)),
        (["--like", "12345678,3"], 2, pattern(analysis_strings.EXAMPLE_OUTSIDE, x=12345678, y=3)),
        (["stroma", "--features", "missing.h5"], 1, f"missing.h5: {slide_strings.NO_SUCH_FILE}"),
    ],
)
def test_bad_questions_are_one_line(
    slide: Path, words: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["query", str(slide), *words]) == status
    assert re.fullmatch(f".*{message}.*\n", capsys.readouterr().err)


def test_a_stated_pixel_size_is_used(slide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["query", str(slide), "stroma", "--mpp", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mpp_um"] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["query", "a.svs", "fat", "--mpp", "20000"],
            slide_strings.NOT_A_PIXEL_SIZE.format(size_um=20_000, least=0.001, most=10_000),
        ),
        (["query", "a.svs", "fat", "--top", "0"], strings.NOT_POSITIVE.format(text="0")),
        (
            ["heatmap", "a.svs", "--query", "fat", "-o", "map.tif"],
            strings.WRONG_SUFFIX.format(text="map.tif", suffix=".ome.tiff"),
        ),
        (["heatmap", "a.svs", "--query", "fat"], "required: -o"),
        (["heatmap", "a.svs", "--overlap", "min"], "invalid choice: 'min'"),
        (["heatmap", "a.svs", "--overlap-share", "0"], strings.NOT_POSITIVE.format(text="0")),
        (["heatmap", "a.svs", "--overlap-share", "1.1"], strings.SHARE_RANGE.format(text="1.1")),
        (["heatmap", "a.svs", "--top", "0"], strings.NOT_POSITIVE.format(text="0")),
        (["heatmap", "a.svs", "--radius", "-8"], strings.NOT_POSITIVE.format(text="-8")),
        (["heatmap", "a.svs", "--radius", "10001"], strings.DISTANCE_RANGE.format(text="10001")),
        (["heatmap", "a.svs", "--points", ""], strings.EMPTY_FILE_NAME),
        (
            ["heatmap", "a.svs", "--points", "w/a.pth"],
            strings.WRONG_SUFFIX.format(text="w/a.pth", suffix=".geojson"),
        ),
        (
            ["query", "a.svs", "fat", "--geojson", "a.svs"],
            strings.WRONG_SUFFIX.format(text="a.svs", suffix=".geojson"),
        ),
        (
            ["query", "a.svs", "fat", "--scores", "a.geojson"],
            strings.WRONG_SUFFIX.format(text="a.geojson", suffix=".h5"),
        ),
        (["index"], "required: PATH"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_result_is_not_written_over_what_is_read(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link, features = tmp_path / "link.h5", tmp_path / "features.h5"
    link.hardlink_to(slide)
    features.write_bytes(b"theirs")
    assert cli.main(["query", str(slide), "fat", "--scores", str(link)]) == 2
    refused = strings.OVERWRITES_INPUT.format(path=link, input=strings.THE_SLIDE)
    assert refused in capsys.readouterr().err
    words = ["query", str(slide), "--like", "9,9", "--features", str(features), "--scores", str(features)]
    assert cli.main(words) == 2
    refused = strings.OVERWRITES_INPUT.format(path=features, input=strings.THE_FEATURES)
    assert refused in capsys.readouterr().err
    assert features.read_bytes() == b"theirs"
    output = str(tmp_path / "weights" / "in" / "a.ome.tiff")
    words = ["heatmap", str(slide), "--encoder", "hipt", "--weights", str(tmp_path / "weights")]
    points = str(tmp_path / "weights" / "a.json")
    assert cli.main([*words, "-o", output]) == 2
    assert strings.AMONG_WEIGHTS.format(path=output) in capsys.readouterr().err
    assert cli.main([*words, "-o", "a.ome.tiff", "--points", points]) == 2
    assert strings.AMONG_WEIGHTS.format(path=points) in capsys.readouterr().err


@pytest.mark.parametrize("option", ["-o", "--points"])
def test_what_cannot_be_saved_is_refused_before_anything_is_computed(
    option: str,
    slide: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    computed = Mock(side_effect=AssertionError("computed"))
    monkeypatch.setattr(attention_map, "attention_of", computed)
    name = "a.ome.tiff" if option == "-o" else "a.json"
    (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    words = ["heatmap", str(slide), "--encoder", "saliency", "-o", str(tmp_path / "good.ome.tiff"), option]
    assert cli.main([*words, str(tmp_path / name)]) == 1
    assert common_strings.FOLDER_IN_PLACE_OF_FILE in capsys.readouterr().err
    assert cli.main([*words, str(tmp_path / "file" / name)]) == 1
    assert re.search(pattern(common_strings.FILE_IN_PLACE_OF_FOLDER), capsys.readouterr().err)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_result_takes_no_device_s_place(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "scores.h5"
    os.mkfifo(pipe)
    assert cli.main(["query", str(slide), "fat", "--scores", str(pipe)]) == 2
    assert strings.NOT_A_REGULAR_FILE.format(path=pipe) in capsys.readouterr().err
    assert pipe.is_fifo()


def test_options_may_stand_before_the_words(slide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["query", str(slide), "--top", "2", "stroma"]) == 0
    assert strings.QUERY_LINE.format(query="stroma") + "\n" in capsys.readouterr().out


def test_the_modes_of_the_command_are_those_of_the_view() -> None:
    assert cli_heatmap.MODES == hierarchy.MODES
    assert ("zoom", *cli_heatmap.LEVELS) == hierarchy.LEVELS
    assert "eighth to eight times" in heatmap_strings.ATTENTION_UNIT
    assert (hierarchy.OCTAVES, cli_heatmap.MAX_RADIUS_UM) == (6, points.MAX_RADIUS_UM)
    assert (cli_heatmap.MERGES, cli_heatmap.SHARE) == (overlapping.MERGES, overlapping.SHARE)
    assert (cli_heatmap.MOST_POINTS, cli_heatmap.RADIUS_UM) == (points.MOST_POINTS, points.RADIUS_UM)


def test_a_heatmap_of_attention_needs_no_words(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, weights = tmp_path / "map.ome.tiff", tmp_path / "weights"
    weights.mkdir()
    words = ["heatmap", str(slide), "--encoder", "saliency", "-o", str(path)]
    assert cli.main([*words, "--mode", "single", "--head", "1"]) == 0
    with tifffile.TiffFile(path) as tiff:
        assert tiff.series[0].shape == (64, 64)
        head = strings.HEAD_NUMBER.format(number=1)
        name = strings.ATTENTION_NAME.format(encoder=SALIENCY.title, mode="single", level="token", head=head)
        assert name in (tiff.ome_metadata or "")
        assert tiff.series[0].asarray().max() > 128
    for more, why in (
        (["--query", "fat"], strings.NO_TEXT_QUERIES.format(encoder=SALIENCY.title)),
        (["--head", "2"], attention_strings.NO_OTHER_HEAD.format(head=2, mean="mean", max="max")),
        (
            ["--mode", "blend", "--level", "region"],
            overlay_strings.NO_LEVEL.format(mode="blend", level="region"),
        ),
        (["--weights", str(weights)], encoder_strings.NOT_KNOWN_BY_NAME.partition("{")[0]),
    ):
        assert cli.main([*words, *more]) != 0
        assert why in capsys.readouterr().err
    assert cli.main(["heatmap", str(slide), "-o", str(path)]) == 2
    assert strings.NEEDS_QUERY.format(encoder=MEASURED.title) in capsys.readouterr().err
    assert (
        cli.main(["heatmap", str(slide), "--encoder", "hipt", "--weights", str(weights), "-o", str(path)])
        == 1
    )
    assert re.search(pattern(model_strings.NO_WEIGHT_FILES), capsys.readouterr().err)
    assert cli.main(["heatmap", str(slide), "--encoder", "hipt", "-o", str(path)]) == 1
    error = "no encoder 'hipt'; there are measured, saliency"
    assert strings.WEIGHTS_HINT.format(error=error) in capsys.readouterr().err


def test_tokens_are_computed_only_where_they_are_shown_or_written(
    slide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested: list[bool] = []

    def record(_analysis: Any, _progress: Any, *, tokens: bool) -> Any:
        requested.append(tokens)
        raise SlideError(slide, "enough is known")

    monkeypatch.setattr(attention_map, "attention_of", record)
    words = ["heatmap", str(slide), "--encoder", "saliency", "-o", str(tmp_path / "map.ome.tiff")]
    of_patches = [*words, "--level", "patch"]
    to_points = ["--points", str(tmp_path / "p.geojson")]
    for more in (words, of_patches, [*of_patches, "--overlap", "mean"], [*of_patches, *to_points]):
        assert cli.main(more) == 1
    assert requested == [True, False, True, True]


def test_the_overlap_pass_refines_high_attention_and_points_are_written(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["heatmap", str(slide), "--encoder", "saliency"]
    plain, again = tmp_path / "plain.ome.tiff", tmp_path / "again.ome.tiff"
    file = tmp_path / "p.geojson"
    assert cli.main([*words, "-o", str(plain)]) == 0
    capsys.readouterr()
    more = ["--overlap", "max", "--overlap-share", "0.2", "--points", str(file), "--top", "5"]
    assert cli.main([*words, *more, "--radius", "100", "-o", str(again)]) == 0
    over_a_fifth = pattern(strings.OVERLAP_DONE, area=strings.TISSUE_SHARE.format(percent=20))
    assert re.search(over_a_fifth, capsys.readouterr().err)
    everywhere = ["--overlap", "max", "--overlap-share", "1", "-o", str(tmp_path / "all.ome.tiff")]
    assert cli.main([*words, *everywhere]) == 0
    over_all = pattern(strings.OVERLAP_DONE, area=strings.ALL_TISSUE)
    assert re.search(over_all + "\n", capsys.readouterr().err)
    name = strings.ATTENTION_NAME.format(encoder="", mode="factorised", level="token", head="mean")
    merged = strings.ATTENTION_NAME_OVERLAP.format(name=name, merge="max")
    before, after = tifffile.imread(plain), tifffile.imread(again)
    assert (after >= before).all()
    assert 0.05 < (after > before).mean() < 1
    with tifffile.TiffFile(again) as tiff:
        assert merged in (tiff.ome_metadata or "")
    collection = json.loads(file.read_text(encoding="utf-8"))
    assert merged in collection["foveola"]["query"]
    found = [feature["geometry"]["coordinates"] for feature in collection["features"]]
    assert len(found) == 5
    for number, (x, y) in enumerate(found):
        assert after[int(y // 16), int(x // 16)] > 128, "a token is 16 px"
        assert all(np.hypot(x - a, y - b) >= 200 for a, b in found[:number]), "100 µm"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--overlap-share", "0.1"], strings.SHARE_NEEDS_OVERLAP),
        (["--top", "3"], strings.POINT_OPTIONS_NEED_POINTS),
        (["--radius", "3"], strings.POINT_OPTIONS_NEED_POINTS),
        (["--points", "a.geojson", "--encoder", "measured"], no_attention("--points")),
        (["--level", "patch", "--encoder", "measured"], no_attention("--level")),
        (["--mode", "single", "--encoder", "measured", "--query", "fat"], no_attention("--mode")),
        (["--head", "mean", "--encoder", "measured", "--query", "fat"], no_attention("--head")),
        (["--overlap", "max", "--map", "a.h5"], strings.MAP_TAKES_NO.format(option="--overlap")),
        (["--head", "3", "--map", "a.h5"], strings.MAP_TAKES_NO.format(option="--head")),
        (["--map", "a.h5"], strings.MAP_TAKES_NO.format(option="--encoder")),
    ],
)
def test_options_of_tokens_need_what_they_are_about(
    more: list[str],
    why: str,
    slide: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["heatmap", str(slide), "--encoder", "saliency", *more, "-o", "a.ome.tiff"]) == 2
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_encoder_of_whole_patches_has_no_overlap_pass(
    slide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a slide head is."""
    monkeypatch.setattr(offline, "load_encoder", lambda *_: MeasuredEncoder())
    words = ["heatmap", str(slide), "--encoder", "saliency", "-o", str(tmp_path / "a.ome.tiff")]
    assert cli.main([*words, "--overlap", "mean"]) == 2
    assert strings.NO_TOKENS.format(encoder=SALIENCY.title, option="--overlap") in capsys.readouterr().err
