"""What computes for an encoder on a graphics card, and what errors of the card mean for it."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from gpu.compute.device import CPU, compute_device
from gpu.errors import GpuError
from viewer.common.errors import EncoderDeviceError, EncoderMemoryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpu.compute.device import Processor

# torch has classes for some of them, and words for the others.
_FULL = "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED"
_LOST = "CUDA error", "CUDA driver error", "cuDNN error"


@contextmanager
def device_errors(title: str, device: str) -> Iterator[None]:
    """Of what is run inside on ``device`` by the encoder of this title.

    Raises EncoderMemoryError where the memory is full, EncoderDeviceError where the card does not answer any
    more: its process can never use it again.
    """
    try:
        yield
    except GpuError as error:
        raise EncoderDeviceError(f"{title}: the graphics card failed ({error})") from error
    except RuntimeError as error:
        words = str(error)
        if isinstance(error, torch.OutOfMemoryError) or any(sign in words for sign in _FULL):
            raise EncoderMemoryError(f"{title}: the memory of {device} is full") from error
        if any(sign in words for sign in _LOST):
            raise EncoderDeviceError(
                f"{title}: the graphics card is lost ({words.splitlines()[0]})"
            ) from error
        raise


def processor_on(device: str) -> Processor:
    """What computes for an encoder that works on ``device``. Raises EncoderDeviceError where this process has
    left its card."""
    if device == "cpu":
        return CPU
    chosen = compute_device()
    if chosen.processor is CPU:
        raise EncoderDeviceError(chosen.why)
    return chosen.processor


_VISIBLE = "CUDA_VISIBLE_DEVICES"


def graphics_cards() -> tuple[str, ...]:
    """Those that torch can use, as CUDA_VISIBLE_DEVICES names them; () without any."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return ()  # no driver; torch, which takes a second to import, need not be asked
    import torch

    count = torch.cuda.device_count()
    named = [name.strip() for name in os.environ.get(_VISIBLE, "").split(",") if name.strip()]
    return tuple(named[:count] or [str(number) for number in range(count)])


def take_card(card: str) -> None:
    """Have this process see no other. Must come before it uses one."""
    os.environ[_VISIBLE] = card
