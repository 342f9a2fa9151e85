"""Which graphics cards of this machine several processes may share out among themselves."""

from __future__ import annotations

import ctypes
import os
import sys

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
