"""Encoders and phrase finders for tests of the worker's process: functions that it imports by name."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NoReturn

from tests.relevance.colours import ColourEncoder
from viewer.common.errors import EncoderMemoryError
from viewer.relevance.encoders.card import SALIENCY_ID
from viewer.relevance.encoders.registry import load_encoder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from viewer.relevance.encoders.protocols import Encoder
    from viewer.relevance.query.parsed import PhraseFinder

HANGING_S = 30.0


def colours(_encoder_id: str) -> ColourEncoder:
    """An encoder that works."""
    return ColourEncoder()


def saliency(_encoder_id: str) -> Encoder:
    """An encoder that says where it looks, whatever the list says."""
    return load_encoder(SALIENCY_ID)


def hanging(_encoder_id: str) -> ColourEncoder:
    """An encoder that does not come back in time."""
    return _Hanging()


def deadly(_encoder_id: str) -> NoReturn:
    """No encoder: the process ends, as when a library crashes."""
    os._exit(3)


def cramped(_encoder_id: str) -> ColourEncoder:
    """An encoder that is too large for the graphics processor of the process, which is made up."""
    import torch

    torch.cuda.is_available = lambda: True
    return _Cramped()


def greasy() -> PhraseFinder:
    """A sentence model that knows one thing."""
    return {"greasy stuff": "fat"}.get


def deadly_finder() -> NoReturn:
    """No sentence model: the process ends, as when memory is short."""
    os._exit(3)


class _Cramped(ColourEncoder):
    def use(self, device: str) -> None:
        if device == "cuda":
            raise EncoderMemoryError("Colours do not fit the memory of cuda")
        super().use(device)


class _Hanging(ColourEncoder):
    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        time.sleep(HANGING_S)
        return super().encode(block, calibration)
