"""Untrusted HDF5 files: the claims of a file are checked before anything is allocated or followed.

No links to other files, no external or virtual storage, no filters from elsewhere, no sizes beyond a limit.
"""

from __future__ import annotations

from contextlib import contextmanager
from math import prod
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

import psutil

from viewer.common.errors import FoveolaError
from viewer.common.text import first_line
from viewer.relevance.features import strings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import h5py
    import numpy as np
    from numpy.typing import NDArray

MAX_VALUES = 2_000_000_000
_LARGEST_SHARE = 0.35
"""Of the free memory: values are copied once while they are checked."""
_MAX_CHUNK_BYTES = 256 << 20
_MAX_ATTRIBUTE_BYTES = 1 << 16
_MOST_DEFLATED = 1100
"""Deflate makes nothing more than 1,032 times smaller."""
_FILTERS = {1: "deflate", 2: "shuffle", 3: "checksum", 32000: "LZF"}


class FeatureFileError(FoveolaError):
    """A feature file that cannot be used: its path, and the reason for the user."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def check_regular(path: Path) -> None:
    """Call before opening: reading a pipe would block, a device never ends. Raises FeatureFileError."""
    try:
        if not S_ISREG(path.stat().st_mode):
            raise FeatureFileError(path, strings.NOT_REGULAR)
    except FileNotFoundError:
        raise FeatureFileError(path, strings.NO_FILE) from None
    except OSError as error:
        raise FeatureFileError(path, strings.UNREADABLE.format(reason=error.strerror)) from error


@contextmanager
def opened_hdf5(path: Path) -> Iterator[h5py.File]:
    """The file, open for reading. Errors within become FeatureFileError."""
    import h5py

    check_regular(path)
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise FeatureFileError(path, strings.NOT_HDF5.format(error=first_line(error))) from error


def checked_dataset(path: Path, file: h5py.File, name: str, *, ndim: tuple[int, ...], kinds: str) -> Any:
    """A dataset with checked claims: it lies in this file, has one of ``ndim`` axes, numbers of
    ``kinds`` (numpy's letters), and a size within bounds. Raises FeatureFileError.
    """
    import h5py

    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise FeatureFileError(path, strings.NO_DATASET.format(name=name))
    data = file[name]
    if not isinstance(data, h5py.Dataset):
        raise FeatureFileError(path, strings.NOT_A_DATASET.format(name=name))
    plan = data.id.get_create_plist()
    if data.is_virtual or plan.get_external_count():
        raise FeatureFileError(path, strings.IN_OTHER_FILES.format(name=name))
    filters = [plan.get_filter(index)[0] for index in range(plan.get_nfilters())]
    if any(number not in _FILTERS for number in filters):
        raise FeatureFileError(path, strings.COMPRESSION.format(name=name))
    if data.dtype.kind not in kinds or data.dtype.itemsize > 8:
        raise FeatureFileError(path, strings.VALUE_TYPE.format(name=name, dtype=data.dtype))
    if data.shape is None or len(data.shape) not in ndim:
        raise FeatureFileError(path, strings.DATASET_SHAPE.format(name=name, shape=data.shape))
    chunk_bytes = prod(data.chunks) * data.dtype.itemsize if data.chunks else 0
    if prod(data.shape) > MAX_VALUES or chunk_bytes > _MAX_CHUNK_BYTES:
        raise FeatureFileError(path, strings.TOO_MANY_VALUES.format(name=name, shape=data.shape))
    if prod(data.shape) * data.dtype.itemsize > _MOST_DEFLATED * data.id.get_storage_size():
        raise FeatureFileError(path, strings.FEWER_VALUES.format(name=name, shape=data.shape))
    if prod(data.shape) * data.dtype.itemsize > psutil.virtual_memory().available * _LARGEST_SHARE:
        raise FeatureFileError(path, strings.NO_MEMORY.format(name=name, shape=data.shape))
    return data


def attribute(owner: Any, name: str) -> str | int | float | None:
    """One text or number, else None: where there is none, and where it is an array or beyond 64 KiB."""
    import numpy as np

    if name not in owner.attrs:
        return None
    claim = owner.attrs.get_id(name)
    if prod(claim.shape or ()) != 1 or claim.get_storage_size() > _MAX_ATTRIBUTE_BYTES:
        return None
    value = owner.attrs[name]
    if isinstance(value, np.ndarray):
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value[:_MAX_ATTRIBUTE_BYTES]
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, int | float) else None


def number(owner: Any, name: str) -> float | None:
    """An attribute as a finite number, also where it was written as text; else None."""
    value = attribute(owner, name)
    try:
        result = float(value) if value is not None else None
    except ValueError:
        return None
    return result if result is not None and abs(result) < 1e15 else None


def all_finite(values: NDArray[np.floating[Any]]) -> bool:
    """Whether no value is NaN or infinite, a block at a time: no mask as large as the values."""
    import numpy as np

    return all(bool(np.isfinite(values[i : i + 65536]).all()) for i in range(0, len(values), 65536))
