"""The figures of ``foveola bench encode``: which there are, and that the bare loop is the same network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from unittest.mock import Mock

import numpy as np
import pytest
import tifffile
import torch
from torch._dynamo.exc import TorchDynamoException

from tests.messages import pattern
from viewer.bench import encode as bench
from viewer.bench import strings
from viewer.bench.encode import random_hipt
from viewer.cli import main as cli
from viewer.common.errors import EncoderError
from viewer.relevance.encoders import hipt_encoder
from viewer.slide import strings as slide_strings
from viewer.slide.phantom.slide import write_phantom
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = {
    *("encoder", "weights", "device", "dtype", "patches_per_s", "bare_loop_patches_per_s", "ratio"),
    *("flops_per_region", "reference_flops_per_region", "batch", "compiled", "slide"),
}


def test_the_bare_loop_computes_what_the_encoder_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hipt_encoder, "fast_dtype", lambda _: torch.float32)
    encoder = random_hipt()
    block = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    bare = bench._bare_turn(encoder, block, "cpu")()  # noqa: SLF001 - the figures leave out what it computes
    assert isinstance(bare, torch.Tensor)
    assert bare.numpy() == pytest.approx(encoder.encode(block, {}).reshape(1, -1), abs=1e-4)


def test_figures_of_the_measured_encoder_have_no_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "encode", "--encoder", "measured", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == NAMES
    assert figures["weights"] == "none"
    assert figures["patches_per_s"] > 0
    assert figures["bare_loop_patches_per_s"] is figures["flops_per_region"] is None


def test_figures_of_hipt_state_that_weights_are_random() -> None:
    figures = bench.bench_encode(patches=1, repeats=1)
    assert set(figures) == NAMES
    assert figures["weights"] == "random"
    assert figures["ratio"] > 0
    assert figures["flops_per_region"] < figures["reference_flops_per_region"] / 4


def test_a_slide_is_measured_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slide = tmp_path / "phantom.tif"
    write_phantom(slide, size_px=512, seed=3, mpp_um=0.5)
    assert cli.main(["bench", "encode", "--encoder", "measured", "--slide", str(slide), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["slide"]
    assert figures["patches"] > 0
    alone = figures["decode_patches_per_s"], figures["model_patches_per_s"]
    assert figures["end_to_end_patches_per_s"] / min(alone) == pytest.approx(figures["ratio"], rel=0.01)


def test_a_slide_that_is_not_there_is_refused_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "random_hipt", Mock(side_effect=AssertionError("loaded")))
    with pytest.raises(SlideError, match=slide_strings.NO_SUCH_FILE):
        bench.bench_encode(slide=tmp_path / "nosuch.tif")


def test_a_slide_without_tissue_is_refused(tmp_path: Path) -> None:
    slide = tmp_path / "glass.tif"
    tifffile.imwrite(
        slide,
        np.full((512, 512, 3), 255, np.uint8),
        tile=(256, 256),
        resolution=(20000, 20000),
        resolutionunit=3,
    )
    with pytest.raises(EncoderError, match=pattern(strings.NO_TISSUE, path=slide)):
        bench.bench_encode("measured", patches=1, repeats=1, slide=slide)


def test_the_compiled_network_is_measured_beside_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "random_hipt", lambda: random_hipt(depth=1))
    monkeypatch.setattr(torch, "compile", lambda network, **_: network)  # the real one takes half a minute
    figures = bench.bench_encode(patches=1, repeats=1, compiled=True)
    assert figures["compiled"]["patches_per_s"] > 0
    assert figures["compiled"]["first_s"] >= 0

    def fail(*_: object, **__: object) -> Callable[..., None]:
        return Mock(side_effect=TorchDynamoException("No working C++ compiler found\nand much more"))

    monkeypatch.setattr(torch, "compile", fail)
    no_compiler = pattern(strings.CANNOT_COMPILE, error="No working C++ compiler found")
    with pytest.raises(EncoderError, match=f"^{no_compiler}$"):
        bench.bench_encode(patches=1, repeats=1, compiled=True)
    with pytest.raises(EncoderError, match=pattern(strings.NO_NETWORK)):
        bench.bench_encode("measured", patches=1, repeats=1, compiled=True)


def test_what_cannot_be_measured_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EncoderError, match=pattern(strings.NO_CUDA)):
        bench.bench_encode(device="cuda")
    with pytest.raises(EncoderError, match="there is no encoder"):
        bench.bench_encode("unheard")
