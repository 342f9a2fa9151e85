"""What another package brings by entry points is offered and used by the commands; no line changes here.

A package is written to disk as installers leave it, and commands run in processes that find it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import tifffile

from tests.messages import pattern
from viewer import strings
from viewer.plugins import plugins
from viewer.relevance.encoders.strings import UNKNOWN_ENCODER

pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 120
ENTRY_POINTS = """
[foveola.encoders]
toy = foveola_toy.encoder:ENTRY
broken = foveola_toy.nowhere:ENTRY
twin = foveola_toy.encoder:TWIN

[foveola.slide_formats]
toy = foveola_toy.slide:FORMAT

[foveola.map_formats]
toy = foveola_toy.map:FORMAT
broken = foveola_toy.map:read
"""
ENCODER = """
import numpy as np
from viewer.relevance.encoders.card import EncoderCard
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.registry import EncoderEntry

CARD = EncoderCard(
    id="toy", title="Toy darkness", family="mean darkness", patch_px=16, mpp_um=8.0, margin_px=0,
    feature_count=1, normalisation="0 to 1", licence="CC0", commercial=True,
    query_kind="free text", needs_weights=False,
)


class ToyEncoder:
    card = CARD

    def use(self, device):
        pass

    def calibrate(self, source, tissue, mpp_um):
        return {}

    def encode(self, block, calibration):
        rows, columns = block.shape[0] // 16, block.shape[1] // 16
        patches = block.reshape(rows, 16, columns, 16, 3)
        return (1 - patches.mean(axis=(1, 3, 4), dtype=np.float32) / 255)[..., None]

    def score(self, term, features, calibration):
        return features[:, 0]

    def explain(self, term, features, index, calibration):
        return ()


ENTRY = EncoderEntry(lambda: (CARD,), lambda encoder_id: ToyEncoder())
TWIN = EncoderEntry(lambda: (MEASURED,), lambda encoder_id: ToyEncoder())
"""
SLIDE = """
import numpy as np
from viewer.slide.formats.array import ArraySource
from viewer.slide.formats.slide_format import SlideFormat
from viewer.slide.geometry import Rect
from viewer.slide.source import SlideInfo


def open_toy(file):
    width, height = map(int, file.path.read_text().split())
    info = SlideInfo(
        path=file.path, format="Toy slide", reader="toy", reader_reason="Its name ends in .toyslide.",
        bounds=Rect(0, 0, width, height), file_levels=((width, height),),
    )
    return ArraySource(info, np.zeros((height, width, 3), np.uint8))


FORMAT = SlideFormat("toy", "as toy slide", (".toyslide",), open_toy, only_by_suffix=True)
"""
MAP = """
import numpy as np
from viewer.relevance.exchange.read_map import MapFormat
from viewer.relevance.exchange.scores import ImportedScores


def read(path, request):
    width, height = request.extent_px
    score = float(path.read_text())
    return ImportedScores("Toy", "toy score", np.array([[0.0, 0.0, width, height]]), np.array([score]))


FORMAT = MapFormat((".toymap",), read)
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder of packages, as installers leave it."""
    site = tmp_path / "site"
    package, facts = site / "foveola_toy", site / "foveola_toy-1.dist-info"
    package.mkdir(parents=True)
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: foveola-toy\nVersion: 1\n")
    (facts / "entry_points.txt").write_text(ENTRY_POINTS)
    (package / "__init__.py").touch()
    (package / "encoder.py").write_text(dedent(ENCODER))
    (package / "slide.py").write_text(dedent(SLIDE))
    (package / "map.py").write_text(dedent(MAP))
    return site


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    """White glass, and tissue on the left that is darkest at the top."""
    pixels = np.full((1024, 2048, 3), 240, np.uint8)
    pixels[:, :1024] = (150, 80, 130)
    pixels[:256, :1024] = (110, 40, 100)
    path = tmp_path / "slide.tif"
    tifffile.imwrite(
        path,
        pixels,
        tile=(256, 256),
        photometric="rgb",
        resolution=(10_000 / 1.0, 10_000 / 1.0),
        resolutionunit="CENTIMETER",
    )
    return path


def foveola(site: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(site), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "viewer", *map(str, words)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def not_loaded(entry: str, error: str) -> str:
    message = pattern(strings.PLUGIN_NOT_LOADED, entry=entry, package="foveola-toy", error=error)
    return f"{message}: "


@pytest.mark.parametrize(
    ("entry", "code", "problem"),
    [
        ("nowhere:PART", "", not_loaded("part", "ModuleNotFoundError")),
        ("toy_part:PART", "", not_loaded("part", "AttributeError")),
        ("toy_part:PART", "1 / 0", not_loaded("part", "ZeroDivisionError")),
        (
            "toy_part:PART",
            "PART = 'text'",
            pattern(strings.PLUGIN_OF_WRONG_KIND, entry="part", package="foveola-toy", kind="int"),
        ),
    ],
)
def test_an_entry_that_is_unusable_is_reported_and_the_others_are_found(
    entry: str, code: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = tmp_path / "foveola_toy-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: foveola-toy\nVersion: 1\n")
    (facts / "entry_points.txt").write_text(f"[foveola.toys]\nother = sys:maxsize\npart = {entry}\n")
    (tmp_path / "toy_part.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "toy_part", raising=False)
    plugins.cache_clear()
    found, problems = plugins("foveola.toys", int)
    plugins.cache_clear()
    assert found == (sys.maxsize,)
    assert len(problems) == 1
    assert re.match(problem, problems[0])


def test_an_encoder_of_another_package_is_listed_and_wrong_ones_are_reported(installed: Path) -> None:
    ended = foveola(installed, "encoders", "--json")
    assert ended.returncode == 0, ended.stderr
    cards = {card["id"]: card for card in json.loads(ended.stdout)}
    assert list(cards)[-1] == "toy"
    assert cards["toy"]["title"] == "Toy darkness"
    assert re.search(not_loaded("broken", "ModuleNotFoundError"), ended.stderr)
    assert "another encoder has its id, measured" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_encoder_of_another_package_answers_a_query(installed: Path, slide: Path) -> None:
    ended = foveola(installed, "query", slide, "anything dark", "--encoder", "toy", "--json")
    assert ended.returncode == 0, ended.stderr
    assert "Toy darkness: CC0; commercial use allowed" in ended.stderr
    first = json.loads(ended.stdout)["places"][0]
    assert first["y"] < 256, "where the tissue is darkest"
    assert first["score"] == pytest.approx(1 - (110 + 40 + 100) / 3 / 255, abs=0.02)


def test_a_slide_of_another_packages_format_is_opened(installed: Path, tmp_path: Path) -> None:
    slide = tmp_path / "a.toyslide"
    slide.write_text("320 200")
    ended = foveola(installed, "info", slide, "--json")
    assert ended.returncode == 0, ended.stderr
    assert "Toy slide" in ended.stdout
    assert foveola(tmp_path, "info", slide).returncode == 1


def test_a_map_of_another_packages_format_becomes_a_heatmap(
    installed: Path, slide: Path, tmp_path: Path
) -> None:
    found = tmp_path / "found.toymap"
    found.write_text("0.25")
    output = tmp_path / "heatmap.ome.tif"
    ended = foveola(installed, "heatmap", slide, "--map", found, "-o", output)
    assert ended.returncode == 0, ended.stderr
    assert "found.toymap: toy score from Toy" in ended.stderr
    assert tifffile.imread(output).max() > 0
    other = found.rename(tmp_path / "found.other")
    ended = foveola(installed, "heatmap", slide, "--map", other, "-o", output)
    assert ended.returncode == 1
    wrong = strings.PLUGIN_OF_WRONG_KIND.format(entry="broken", package="foveola-toy", kind="MapFormat")
    assert f".npz, .toymap; {wrong}" in ended.stderr


def test_without_the_package_there_is_nothing_of_it(tmp_path: Path, slide: Path) -> None:
    ended = foveola(tmp_path, "query", slide, "anything dark", "--encoder", "toy")
    assert ended.returncode == 1
    assert UNKNOWN_ENCODER.format(encoder="toy", known="measured, tissue, saliency") in ended.stderr
