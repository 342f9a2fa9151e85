"""The figures of ``foveola bench encode``: which there are, and that the bare loop is the same network."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from viewer import bench_encode as bench
from viewer import cli
from viewer.relevance import hipt_encoder
from viewer.relevance.encoders import EncoderError
from viewer.relevance.hipt_encoder import HiptEncoder

NAMES = {
    *("encoder", "weights", "device", "dtype", "patches_per_s", "bare_loop_patches_per_s", "ratio"),
    *("flops_per_region", "reference_flops_per_region"),
}


def test_the_bare_loop_computes_what_the_encoder_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hipt_encoder, "fast_dtype", lambda _: torch.float32)
    encoder, weights = bench._encoder("hipt")
    assert weights == "random"
    assert isinstance(encoder, HiptEncoder)
    block = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    bare = bench._bare_turn(encoder, block, "cpu")()
    assert isinstance(bare, torch.Tensor)
    assert bare.numpy() == pytest.approx(encoder.encode(block, {}).reshape(1, -1), abs=1e-4)


def test_figures_of_the_measured_encoder_have_no_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "encode", "--encoder", "measured", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == NAMES
    assert figures["weights"] == "none"
    assert figures["patches_per_s"] > 0
    assert figures["bare_loop_patches_per_s"] is figures["flops_per_region"] is None


def test_figures_of_hipt_say_that_weights_are_random() -> None:
    figures = bench.bench_encode(patches=1, repeats=1)
    assert set(figures) == NAMES
    assert figures["weights"] == "random"
    assert figures["ratio"] > 0
    assert figures["flops_per_region"] < figures["reference_flops_per_region"] / 4


def test_what_cannot_be_measured_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EncoderError, match="no NVIDIA graphics card"):
        bench.bench_encode(device="cuda")
    with pytest.raises(EncoderError, match="there is no encoder"):
        bench.bench_encode("unheard")
