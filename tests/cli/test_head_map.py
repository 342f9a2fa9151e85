"""``foveola heatmap --encoder head/NAME``: the same maps as in the window, and what does not fit a head."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import torch

from tests.messages import pattern
from viewer.cli import main as cli
from viewer.relevance.analysis.strings import IS_A_HEAD
from viewer.relevance.encoders.card import HEAD_PREFIX, MEASURED_ID, HeadEntry
from viewer.relevance.encoders.head_registry import register_head
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.models.heads.gated_attention import GatedAttentionHead, GatedShape
from viewer.relevance.models.heads.transmil import TransMilHead, TransMilShape

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WIDTH = MEASURED.feature_count


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


def words(slide: Path, output: Path, *more: str, head: str = "pool") -> list[str]:
    return ["heatmap", str(slide), "--encoder", f"{HEAD_PREFIX}{head}", "-o", str(output), *more]


def test_the_maps_of_a_head_lie_over_the_slide(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / f"{number}.ome.tiff" for number in range(4)]
    assert cli.main(words(slide, paths[0])) == 0
    assert "Our pool on these 16 patches: no " in capsys.readouterr().err
    assert cli.main(words(slide, paths[1], "--head", "1")) == 0
    assert cli.main(words(slide, paths[2], "--head", "2")) == 0
    assert cli.main(words(slide, paths[3], "--head", "3")) == 0
    plain, first, second, third = (tifffile.imread(path) for path in paths)
    assert plain.shape == (64, 64)
    assert (plain == first).all(), "where it looks is what is shown unless another map is asked for"
    patches = third[::16, ::16]
    assert (third == np.kron(patches, np.ones((16, 16), np.uint8))).all(), "patches, without tokens"
    assert max(np.abs(one.astype(int) - 128).max() for one in (second, third)) >= 126, "the largest of all"
    for path, said in ((paths[0], "Our pool, Attention"), (paths[3], "Our pool, Speaks for yes")):
        with tifffile.TiffFile(path) as tiff:
            assert said in (tiff.ome_metadata or "")
    with tifffile.TiffFile(paths[3]) as tiff:
        assert "from most against (0) to most for (1)" in (tiff.ome_metadata or "")


def test_a_map_that_the_head_does_not_have_is_refused(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(slide, tmp_path / "a.ome.tiff", "--head", "2", head="square")) == 2
    assert "Our square does not tell this: Speaks for no; choose another" in capsys.readouterr().err
    assert not (tmp_path / "a.ome.tiff").exists()
    assert cli.main(words(slide, tmp_path / "a.ome.tiff", head="square")) == 0


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--head", "6"], "--head is one of the maps of Our pool: 1 Attention, 2 Speaks for no, 3 Speaks"),
        (["--head", "max"], "--head is one of the maps of Our pool"),
        (["--query", "fat"], "--query does not fit it"),
        (["--mode", "blend"], "--mode does not fit it"),
        (["--level", "patch"], "--level does not fit it"),
        (["--weights", "."], "--weights does not fit it"),
        (["--overlap", "max"], "--overlap does not fit it"),
        (["--points", "a.geojson"], "--points does not fit it"),
    ],
)
def test_what_does_not_fit_a_head_is_said(
    more: list[str], why: str, slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(slide, tmp_path / "a.ome.tiff", *more)) == 2
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1


def test_a_head_that_is_not_there_and_commands_that_take_none(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(slide, tmp_path / "a.ome.tiff", head="theirs")) == 1
    assert "there is no slide head 'theirs'; there are pool, square" in capsys.readouterr().err
    for command in (["query", str(slide), "fat"], ["index", str(slide)]):
        assert cli.main([*command, "--encoder", f"{HEAD_PREFIX}pool"]) == 1
        message = pattern(IS_A_HEAD, encoder="head/pool")
        assert re.search(message, capsys.readouterr().err)
