"""``foveola heatmap --encoder head/NAME``: the maps of the window, and options that a head does not take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import torch

from tests.messages import pattern
from viewer.cli import main as cli
from viewer.cli import strings
from viewer.relevance.analysis.strings import IS_A_HEAD
from viewer.relevance.encoders.card import HEAD_PREFIX, MEASURED_ID, HeadEntry
from viewer.relevance.encoders.head_registry import register_head
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.strings import NO_HEAD
from viewer.relevance.heatmap.strings import SIGNED_UNIT
from viewer.relevance.models.heads.gated_attention import GatedAttentionHead, GatedShape
from viewer.relevance.models.heads.transmil import TransMilHead, TransMilShape

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WIDTH = MEASURED.feature_count
MAPS_OF_POOL = pattern(strings.HEAD_MAP, encoder="Our pool", maps="1 Attention, 2 Speaks for no, 3 Speaks")


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory, copy_phantom: Callable[[Path, int], Path]) -> Path:
    """4 × 4 patches."""
    return copy_phantom(tmp_path_factory.mktemp("slides") / "a slide.tif", 1024)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests: the slide is analysed once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEOLA_HOME", str(home))
    torch.manual_seed(0)
    pool = GatedAttentionHead(GatedShape(WIDTH, 2, embedding=(8,), attention_width=4))
    square = TransMilHead(TransMilShape(WIDTH, 2, 16, 2))
    for name, head in (("pool", pool), ("square", square)):
        file = home / f"{name}.pt"
        torch.save(head.state_dict(), file)
        register_head(
            HeadEntry(name, f"Our {name}", file, MEASURED_ID, MEASURED.version, WIDTH, ("no", "yes"))
        )


def not_of_pool(option: str) -> str:
    return pattern(strings.HEAD_TAKES_NO, encoder=f"{HEAD_PREFIX}pool", option=option)


def words(slide: Path, output: Path, *more: str, head: str = "pool") -> list[str]:
    return ["heatmap", str(slide), "--encoder", f"{HEAD_PREFIX}{head}", "-o", str(output), *more]


def test_the_maps_of_a_head_lie_over_the_slide(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / f"{number}.ome.tiff" for number in range(4)]
    assert cli.main(words(slide, paths[0])) == 0
    assert "Our pool, patches used: 16. no " in capsys.readouterr().err
    assert cli.main(words(slide, paths[1], "--head", "1")) == 0
    assert cli.main(words(slide, paths[2], "--head", "2")) == 0
    assert cli.main(words(slide, paths[3], "--head", "3")) == 0
    plain, first, second, third = (tifffile.imread(path) for path in paths)
    assert plain.shape == (64, 64)
    assert (plain == first).all(), "attention is the default"
    patches = third[::16, ::16]
    assert (third == np.kron(patches, np.ones((16, 16), np.uint8))).all(), "patches, without tokens"
    assert max(np.abs(one.astype(int) - 128).max() for one in (second, third)) >= 126, "the largest of all"
    for path, name in ((paths[0], "Attention"), (paths[3], "Speaks for yes")):
        with tifffile.TiffFile(path) as tiff:
            assert strings.MAP_NAME.format(encoder="Our pool", map=name) in (tiff.ome_metadata or "")
    with tifffile.TiffFile(paths[3]) as tiff:
        assert SIGNED_UNIT in (tiff.ome_metadata or "")


def test_a_map_that_the_head_does_not_have_is_refused(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(slide, tmp_path / "a.ome.tiff", "--head", "2", head="square")) == 2
    refused = strings.NO_SUCH_MAP.format(encoder="Our square", map="Speaks for no")
    assert refused in capsys.readouterr().err
    assert not (tmp_path / "a.ome.tiff").exists()
    assert cli.main(words(slide, tmp_path / "a.ome.tiff", head="square")) == 0


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--head", "6"], MAPS_OF_POOL),
        (["--head", "max"], MAPS_OF_POOL),
        (["--query", "fat"], not_of_pool("--query")),
        (["--mode", "blend"], not_of_pool("--mode")),
        (["--level", "patch"], not_of_pool("--level")),
        (["--weights", "."], not_of_pool("--weights")),
        (["--overlap", "max"], not_of_pool("--overlap")),
        (["--points", "a.geojson"], not_of_pool("--points")),
    ],
)
def test_options_that_a_head_does_not_take_are_refused(
    more: list[str], why: str, slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(slide, tmp_path / "a.ome.tiff", *more)) == 2
    error = capsys.readouterr().err
    assert re.search(why, error)
    assert error.count("\n") == 1


def test_a_head_that_is_not_there_and_commands_that_take_none(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(slide, tmp_path / "a.ome.tiff", head="theirs")) == 1
    no_head = pattern(NO_HEAD, name="'theirs'", known="pool, square")
    assert re.search(no_head, capsys.readouterr().err)
    for command in (["query", str(slide), "fat"], ["index", str(slide)]):
        assert cli.main([*command, "--encoder", f"{HEAD_PREFIX}pool"]) == 1
        message = pattern(IS_A_HEAD, encoder="head/pool")
        assert re.search(message, capsys.readouterr().err)
