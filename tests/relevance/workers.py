"""Encoders and guesses for tests of the worker's process, made there by name: functions to be sent to it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NoReturn

from tests.relevance.colours import ColourEncoder
from viewer.relevance.text import NearestPhrase

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from viewer.relevance.text import Guess

HANGING_S = 30.0


def colours(_encoder_id: str) -> ColourEncoder:
    """An encoder that works."""
    return ColourEncoder()


def hanging(_encoder_id: str) -> ColourEncoder:
    """An encoder that does not come back in time."""
    return _Hanging()


def deadly(_encoder_id: str) -> NoReturn:
    """No encoder: the process ends, as when a library crashes."""
    os._exit(3)


def greasy() -> Guess:
    """A sentence model that knows one thing."""
    return {"greasy stuff": NearestPhrase("fat", 0.61)}.get


def deadly_guess() -> NoReturn:
    """No sentence model: the process ends, as when memory is short."""
    os._exit(3)


class _Hanging(ColourEncoder):
    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        time.sleep(HANGING_S)
        return super().encode(block, calibration)
