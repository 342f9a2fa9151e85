"""SharedGrid: scores and loads of a worker, and relevance by another one, in memory of both processes.

Two buffers for each: one is written while the other is read; a header, under a lock that is held only for it,
has which is the newest. A writer that is killed leaves what was published before. The memory has no name, and
ends with the processes.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.relevance.attention.shared_memory import SharedAttention, held
from viewer.relevance.patches.loads import Loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from viewer.relevance.patches.field import RelevanceField

UNKNOWN, ESTIMATED, KNOWN, GLASS = 0, 1, 2, 3
_BUFFERS = 2
_HEADER_BYTES = 64
_ALIGNMENT = 8
_MOST_TRIES = 8


@dataclass(frozen=True, slots=True)
class Scores:
    """The answer to query ``number``: scores float32 and states uint8 (UNKNOWN, ESTIMATED, KNOWN or,
    where nothing had to be analysed, GLASS), (rows, columns) each.
    """

    number: int
    scores: NDArray[np.float32]
    states: NDArray[np.uint8]


class SharedGrid:
    """Over one grid of patches. The worker writes scores and loads, the window relevance, any reads; goes to
    the worker as an argument of its process.
    """

    def __init__(self, shape: tuple[int, int], attention_heads: tuple[int, int] | None = None) -> None:
        """``shape``: (rows, columns). ``attention_heads``: of an encoder with attention.

        Raises OSError where there is no memory for it, ValueError for more attention than is kept.
        """
        self.shape = shape
        self.attention = None if attention_heads is None else SharedAttention(shape, attention_heads)
        self._scores = _Section(shape, {"scores": "<f4", "states": "|u1"})
        self._loads = _Section(shape, {"weights": "<f4", "levels": "|u1"})
        self._relevance = _Section(shape, {"scores": "<f4"})

    def write_scores(self, number: int, field: RelevanceField) -> None:
        """Publish the answer to query ``number``."""
        states = np.where(field.known, KNOWN, np.where(field.estimated, ESTIMATED, UNKNOWN))
        if field.glass is not None:
            states[field.glass & field.known] = GLASS
        arrays: dict[str, NDArray[Any]] = {"scores": field.scores, "states": states}
        self._scores.write(number, arrays)

    def read_scores(self) -> Scores | None:
        """A copy of what was published last; None before the first."""
        found = self._scores.read()
        return None if found is None else Scores(found[0], **found[1])

    def write_loads(self, loads: Loads) -> None:
        """Publish an allocation."""
        self._loads.write(0, {"weights": loads.weights, "levels": loads.levels})

    def write_relevance(self, scores: NDArray[np.float32]) -> None:
        """Publish another worker's scores: (rows, columns)."""
        self._relevance.write(0, {"scores": scores})

    def read_relevance(self) -> NDArray[np.float32] | None:
        """A copy of what was published last; None before the first."""
        found = self._relevance.read()
        return None if found is None else found[1]["scores"]

    def read_loads(self) -> Loads | None:
        """A copy of what was published last; None before the first."""
        found = self._loads.read()
        return None if found is None else Loads(**found[1])


class _Section:
    """Arrays over the grid that are published together, twice in memory.

    A header of int64: how many times something was published, then for each buffer the number that goes
    with it. Publication n lies in buffer n mod 2, and is whole as long as it is the newest: n + 2 is written
    over it only after n + 1 was published under the lock, under which a reader that copied n checks again.
    """

    def __init__(self, shape: tuple[int, int], types: Mapping[str, str]) -> None:
        self._shape = shape
        self._types = dict(types)
        patches = shape[0] * shape[1]
        self._offsets: dict[str, int] = {}
        size = 0
        for name, dtype in self._types.items():
            self._offsets[name] = size
            size += -(-patches * np.dtype(dtype).itemsize // _ALIGNMENT) * _ALIGNMENT
        self._buffer_bytes = size
        total = _HEADER_BYTES + _BUFFERS * size
        self._memory: Any = get_context("spawn").RawArray(ctypes.c_uint8, total)
        self._lock = get_context("spawn").Lock()

    def write(self, number: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        header = self._header()
        following = int(header[0]) + 1
        for name, view in self._views(following % _BUFFERS).items():
            if arrays[name].shape != self._shape:
                raise ValueError(f"{name} of shape {arrays[name].shape} on a grid of {self._shape}")
            view[...] = arrays[name]
        with held(self._lock):
            header[1 + following % _BUFFERS] = number
            header[0] = following

    def read(self) -> tuple[int, dict[str, NDArray[Any]]] | None:
        """None before the first publication, and where the writer overtakes every copy."""
        newest, number = self._newest()
        for _ in range(_MOST_TRIES):
            if newest == 0:
                return None
            copies = {name: view.copy() for name, view in self._views(newest % _BUFFERS).items()}
            before, copied = newest, number
            newest, number = self._newest()
            if newest == before:  # else the writer may have begun to write over it
                return copied, copies
        return None

    def _newest(self) -> tuple[int, int]:
        """How many times something was published, and the number of the last."""
        header = self._header()
        with held(self._lock):
            newest = int(header[0])
            return newest, int(header[1 + newest % _BUFFERS])

    def _header(self) -> NDArray[np.int64]:
        return np.frombuffer(self._memory, np.int64, 1 + _BUFFERS)

    def _views(self, buffer: int) -> dict[str, NDArray[Any]]:
        start = _HEADER_BYTES + buffer * self._buffer_bytes
        count = self._shape[0] * self._shape[1]
        return {
            name: np.frombuffer(self._memory, dtype, count, start + self._offsets[name]).reshape(self._shape)
            for name, dtype in self._types.items()
        }
