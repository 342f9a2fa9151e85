"""Maps in numpy's files: a grid over the whole slide (.npy, .npz), or places with scores (.npz). No pickles.

An .npz with ``coords`` (n, 2), top left corners in level-0 px, holds scores (n,) beside them, and may state
``patch_size``. Everything else is a grid (rows, columns). Source: NEP 1, numpy's file format.
"""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from lzma import LZMAError
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from viewer.relevance.exchange import strings
from viewer.relevance.exchange.raster import MAX_PIXELS, raster_scores, stretched_pixel
from viewer.relevance.exchange.scores import ImportedScores, as_float64, chosen_column
from viewer.relevance.features.external_files import MAX_PATCHES, npy_header, stride_of
from viewer.relevance.features.safe_hdf5 import FeatureFileError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from numpy.typing import NDArray

    from viewer.relevance.exchange.scores import MapRequest

_MAX_MEMBERS = 256
_MAX_BYTES = 8 * MAX_PIXELS + 65536
_LARGEST_SHARE = 0.2
_PLACES, _SIDES = "coords", ("patch_size_level0", "patch_size")


def read_numpy_map(path: Path, request: MapRequest) -> ImportedScores:
    """The map of a file. Raises FeatureFileError."""
    try:
        if path.suffix.lower() == ".npy":
            with path.open("rb") as stream:
                return _raster(path, _array(path, stream, "its array"), "map", request)
        with zipfile.ZipFile(path) as archive:
            return _from_archive(path, archive, request)
    except (
        OSError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, LZMAError
    ) as error:  # fmt: skip
        raise FeatureFileError(path, strings.NOT_NUMPY.format(error=error)) from error


def _from_archive(path: Path, archive: zipfile.ZipFile, request: MapRequest) -> ImportedScores:
    patch_px = request.patch_px
    names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    if len(names) > _MAX_MEMBERS:
        raise FeatureFileError(path, strings.TOO_MANY_ARRAYS.format(count=len(names)))

    def member(name: str) -> NDArray[Any]:
        with archive.open(f"{name}.npy") as stream:
            return _array(path, stream, repr(name))

    chosen = chosen_column(path, [name for name in names if name not in (_PLACES, *_SIDES)], request.column)
    values = member(chosen)
    if _PLACES not in names:
        return _raster(path, values, chosen, request)
    corners = as_float64(member(_PLACES))
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) > MAX_PATCHES:
        raise FeatureFileError(path, strings.WRONG_PLACES.format(shape=corners.shape))
    scores = as_float64(values).reshape(-1)
    stated = [member(name) for name in _SIDES if name in names]
    note = tuple[str, ...]()
    if patch_px is None and stated and stated[0].size == 1:
        patch_px = float(stated[0].reshape(-1)[0])
    elif patch_px is None:
        patch_px = stride_of(path, corners)
        note = (strings.PATCH_SIZE_FROM_DISTANCE.format(side=patch_px),)
    if not 0 < patch_px < 1e6:
        raise FeatureFileError(path, strings.WRONG_PATCH_SIDE.format(side=patch_px))
    rects = np.concatenate([corners, corners + patch_px], axis=1)
    return ImportedScores("numpy", chosen, rects, scores, notes=note)


def _raster(path: Path, values: NDArray[Any], name: str, to: MapRequest) -> ImportedScores:
    if values.ndim != 2 or not values.size:
        raise FeatureFileError(path, strings.NOT_A_GRID.format(name=name, shape=values.shape))
    shape = values.shape[0], values.shape[1]
    pixel_px = stretched_pixel(path, shape, to.extent_px, to.grid)
    return raster_scores(
        path,
        values,
        pixel_px,
        to.extent_px,
        to.grid,
        producer="numpy",
        column=name,
        notes=(strings.STRETCHED,),
    )


def _array(path: Path, stream: IO[bytes], name: str) -> NDArray[Any]:
    """An array whose header was checked before its values were read; never more than it claims."""
    head = stream.read(65536)
    try:
        shape, column_major, kind, start = npy_header(head)
    # numpy lets errors of Python's parser through.
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError) as error:
        raise FeatureFileError(path, strings.ARRAY_DAMAGED.format(name=name, error=error)) from error
    if kind.kind not in "iufb" or kind.itemsize > 8:
        raise FeatureFileError(path, strings.ARRAY_NOT_NUMBERS.format(name=name, kind=kind))
    size = prod(shape) * kind.itemsize
    most = min(_MAX_BYTES, int(psutil.virtual_memory().available * _LARGEST_SHARE))
    if min(shape, default=1) < 0 or size > most:
        raise FeatureFileError(path, strings.ARRAY_TOO_LARGE.format(name=name, shape=shape))
    data = head[start:] + stream.read(max(0, size - (len(head) - start)))
    if len(data) < size:
        raise FeatureFileError(path, strings.ARRAY_INCOMPLETE.format(name=name, shape=shape))
    values = np.frombuffer(data, kind, prod(shape))
    return values.reshape(shape, order="F" if column_major else "C")
