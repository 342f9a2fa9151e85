"""Less than float32 is used where the processor has it and the network stands it, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from tests.relevance import hipt_parity as fixture
from tests.relevance.hipt_parity import load_patch_level
from tests.relevance.models.test_hipt import saved, small
from viewer.bench.encode import random_hipt
from viewer.relevance.encoders import hipt_encoder
from viewer.relevance.models.hipt import normalised
from viewer.relevance.models.precision import LEAST_COSINE, agreement, dtype_name, fast_dtype, probe_patches

if TYPE_CHECKING:
    from pathlib import Path


def test_the_probe_is_the_same_at_every_call_and_has_fine_and_coarse_grain() -> None:
    patches = probe_patches(256)
    assert patches.shape == (2, 256, 256, 3)
    assert (patches == probe_patches(256)).all()
    jumps = np.abs(np.diff(patches.astype(int), axis=2)).mean(axis=(1, 2, 3))
    assert (np.diff(jumps) < 0).all()


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({}, torch.float32)],
)
def test_a_cpu_says_whether_it_multiplies_bfloat16(
    capabilities: dict[str, bool], expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert fast_dtype("cpu") == expected
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert fast_dtype("cpu") == torch.float32, "an older torch"


@pytest.mark.parametrize(
    ("bfloat16", "capability", "expected"),
    [(True, (9, 0), torch.bfloat16), (False, (7, 5), torch.float16), (False, (6, 1), torch.float32)],
)
def test_a_card_says_what_it_multiplies(
    bfloat16: bool, capability: tuple[int, int], expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", Mock(return_value=bfloat16))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert fast_dtype("cuda") == expected


def test_agreement_is_that_of_the_worst_vector() -> None:
    exact = torch.tensor([[1.0, 0], [0, 2]]), torch.ones(2, 3, 4)
    turned = torch.tensor([[1.0, 0], [1, 1]]), torch.ones(2, 3, 4)
    assert agreement(lambda _: exact, torch.bfloat16) == pytest.approx(1)
    assert agreement(
        lambda dtype: exact if dtype == torch.float32 else turned, torch.bfloat16
    ) == pytest.approx(0.5**0.5)
    nothing = torch.full((1, 2), float("nan"))
    assert np.isnan(agreement(lambda _: (exact[0], nothing), torch.bfloat16))


@pytest.mark.parametrize(
    ("found", "expected"), [(0.99995, "bfloat16"), (0.5, "float32"), (np.nan, "float32")]
)
def test_a_network_that_does_not_stand_it_stays_at_float32(
    found: float, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hipt_encoder, "fast_dtype", lambda _: torch.bfloat16)
    monkeypatch.setattr(hipt_encoder, "agreement", lambda *_: found)
    encoder = random_hipt(depth=1)
    assert dtype_name(encoder.dtype) == expected
    notes = encoder.calibrate(None, None, (0.5, 0.5))["notes"]  # type: ignore[arg-type]
    assert any("bfloat16" in note for note in notes) == (expected == "bfloat16")


def test_the_dtype_is_that_of_the_blocks_but_not_of_what_comes_out(tmp_path: Path) -> None:
    saved(tmp_path / "small.pth", small(3, 128))
    model = load_patch_level(tmp_path / "small.pth")
    images = normalised(torch.from_numpy(probe_patches(64)))
    with torch.inference_mode():
        exact, fast = model.attend(images), model.attend(images, torch.bfloat16)
    assert {one.dtype for one in fast} == {torch.float32}
    assert not torch.equal(exact[0], fast[0])
    assert agreement(lambda dtype: model.attend(images, dtype), torch.bfloat16) > LEAST_COSINE


def test_parity_in_bfloat16(tmp_path: Path) -> None:
    saved(tmp_path / "vit256.pth", fixture.weights("vit256"))
    model = load_patch_level(tmp_path / "vit256.pth")
    images = normalised(fixture.patches(fixture.region("r1024"))[:4])
    assert agreement(lambda dtype: model.attend(images, dtype), torch.bfloat16) >= LEAST_COSINE
