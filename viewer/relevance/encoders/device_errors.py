"""Errors of a graphics card as errors of an encoder, and the cards that a process may use."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from gpu.compute.device import CPU, compute_device
from gpu.errors import GpuError
from viewer.common.errors import EncoderDeviceError, EncoderMemoryError
from viewer.relevance.encoders import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpu.compute.device import Processor

# torch has classes for some of them, and messages for the others.
_FULL = "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED"
_LOST = "CUDA error", "CUDA driver error", "cuDNN error"


@contextmanager
def device_errors(title: str, device: str) -> Iterator[None]:
    """Translates errors of an encoder with this ``title`` on ``device``.

    Raises EncoderMemoryError where the memory is full, EncoderDeviceError where the card is lost: its process
    can never use it again.
    """
    try:
        yield
    except GpuError as error:
        raise EncoderDeviceError(strings.CARD_FAILED.format(title=title, error=error)) from error
    except RuntimeError as error:
        words = str(error)
        if isinstance(error, torch.OutOfMemoryError) or any(sign in words for sign in _FULL):
            raise EncoderMemoryError(strings.MEMORY_FULL.format(title=title, device=device)) from error
        if any(sign in words for sign in _LOST):
            raise EncoderDeviceError(
                strings.CARD_LOST.format(title=title, error=words.splitlines()[0])
            ) from error
        raise


def processor_on(device: str) -> Processor:
    """The processor for ``device``. Raises EncoderDeviceError where this process has left its card."""
    if device == "cpu":
        return CPU
    chosen = compute_device()
    if chosen.processor is CPU:
        raise EncoderDeviceError(chosen.why)
    return chosen.processor


_VISIBLE = "CUDA_VISIBLE_DEVICES"


def graphics_cards() -> tuple[str, ...]:
    """Those that torch can use, as CUDA_VISIBLE_DEVICES names them; () without any."""
    count = torch.cuda.device_count()
    named = [name.strip() for name in os.environ.get(_VISIBLE, "").split(",") if name.strip()]
    return tuple(named[:count] or [str(number) for number in range(count)])


def take_card(card: str) -> None:
    """Make this the only card that the process sees. Call it before the first use of a card."""
    os.environ[_VISIBLE] = card
