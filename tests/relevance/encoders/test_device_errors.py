"""Errors of a graphics card: a full memory, a lost card, and what is neither."""

from __future__ import annotations

import pytest
import torch

from tests.messages import pattern
from viewer.common.errors import EncoderDeviceError, EncoderMemoryError
from viewer.relevance.encoders import strings
from viewer.relevance.encoders.device_errors import device_errors


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_a_full_memory_is_said(error: RuntimeError) -> None:
    full = pytest.raises(
        EncoderMemoryError, match=f"^{pattern(strings.MEMORY_FULL, title='HIPT', device='cuda')}$"
    )
    with full, device_errors("HIPT", "cuda"):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError(
            "CUDA error: unspecified launch failure\nCUDA kernel errors might be reported"
        ),
        RuntimeError("CUDA error: unspecified launch failure\nand more"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    ],
)
def test_a_lost_card_is_said_in_one_line(error: RuntimeError) -> None:
    lost = pytest.raises(EncoderDeviceError, match=pattern(strings.CARD_LOST, title="HIPT"))
    with lost as raised, device_errors("HIPT", "cuda"):
        raise error
    assert "\n" not in str(raised.value)
    assert not isinstance(raised.value, EncoderMemoryError)


def test_other_errors_are_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes") as raised, device_errors("HIPT", "cuda"):
        raise RuntimeError("shapes do not match")
    assert raised.type is RuntimeError
