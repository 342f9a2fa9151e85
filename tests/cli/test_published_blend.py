"""``foveola heatmap --mode blend``: HIPT's published map where a model makes it, else ranks, and named so."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import tifffile
import torch

from tests.messages import pattern
from tests.relevance.models.test_hipt import saved, small
from viewer.cli import main as cli
from viewer.cli import strings
from viewer.relevance.encoders.model_registry import registry_file
from viewer.relevance.heatmap.strings import NOTHING_ANALYSED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def slide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copy_phantom: Callable[[Path, int], Path]) -> Path:
    """4 × 4 patches, and small weights of HIPT that are registered: 6 heads at both levels."""
    monkeypatch.setenv("FOVEOLA_HOME", str(tmp_path / "home"))
    folder = tmp_path / "weights"
    folder.mkdir()
    saved(folder / "patches.pth", small(1, 384))
    region = {name: value for name, value in small(1, 96).items() if "patch_embed" not in name}
    region["phi.0.weight"] = torch.randn(96, 384, generator=torch.Generator().manual_seed(5))
    region["phi.0.bias"] = torch.zeros(96)
    saved(folder / "regions.pth", region)
    registry_file().parent.mkdir(parents=True)
    registry_file().write_text(f'[hipt]\nfolder = "{folder}"\nheads = [6, 6]\n', encoding="utf-8")
    return copy_phantom(tmp_path / "a slide.tif", 1024)


def name(mode: str, head: str, encoder: str = "") -> str:
    """What a file names its map, the encoder first."""
    return strings.ATTENTION_NAME.format(encoder=encoder, mode=mode, level="token", head=head)


def test_hipts_is_the_published_one(slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ranks, published = tmp_path / "a.ome.tiff", tmp_path / "b.ome.tiff"
    points = tmp_path / "p.geojson"
    words = ["heatmap", str(slide), "--encoder", "hipt", "--mode", "blend", "--head", "2"]
    assert cli.main([*words, "-o", str(published), "--points", str(points)]) == 0
    assert strings.AS_PUBLISHED in capsys.readouterr().err
    with tifffile.TiffFile(published) as tiff:
        assert name(strings.PUBLISHED_BLEND, "head 2") in (tiff.ome_metadata or "")
        assert tiff.series[0].asarray().min() >= 1, "all is known"
    query = json.loads(points.read_text(encoding="utf-8"))["foveola"]["query"]
    assert name("factorised", "head 2") in query
    assert cli.main([*words, "--level", "patch", "-o", str(ranks)]) == 0
    assert (tifffile.imread(ranks) != tifffile.imread(published)).any()
    capsys.readouterr()
    assert cli.main([*words, "--overlap", "mean", "-o", str(ranks)]) == 2
    assert strings.BLEND_WITH_OVERLAP in capsys.readouterr().err


def test_others_have_ranks_named_so(slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.ome.tiff"
    words = ["heatmap", str(slide), "--encoder", "saliency", "--mode", "blend", "-o", str(path)]
    assert cli.main(words) == 0
    assert strings.AS_PUBLISHED not in capsys.readouterr().err
    with tifffile.TiffFile(path) as tiff:
        assert name(strings.RANKS_BLENDED, "mean", "Measured saliency") in (tiff.ome_metadata or "")


def test_a_slide_of_which_nothing_can_be_analysed_gives_no_map(
    slide: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    copy_phantom: Callable[[Path, int], Path],
) -> None:
    copy_phantom(slide, 2048)  # tissue is found on its second level
    with tifffile.TiffFile(slide) as tiff:
        offsets = tiff.pages[0].tags["TileOffsets"]
    with slide.open("r+b") as file:  # of BigTIFF: 8 bytes each
        file.seek(offsets.valueoffset)
        file.write(slide.stat().st_size.to_bytes(8, "little") * len(offsets.value))
    path = tmp_path / "a.ome.tiff"
    for mode in ("factorised", "blend"):
        assert cli.main(["heatmap", str(slide), "--encoder", "hipt", "--mode", mode, "-o", str(path)]) == 1
        assert re.search(pattern(NOTHING_ANALYSED), capsys.readouterr().err)
    assert not path.exists()
