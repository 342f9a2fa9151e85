"""Maps in HDF5: CLAM's ``attention_scores`` and our own ``scores``, each with ``coords``.

Places are top left corners in level-0 px. Source: the files that CLAM writes for its heatmaps, and
``export.write_scores``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.relevance.exchange import strings
from viewer.relevance.exchange.scores import ImportedScores, as_float64, check_own_size, chosen_column
from viewer.relevance.features.external_files import MAX_PATCHES, corners_of, first_number, stride_of
from viewer.relevance.features.safe_hdf5 import (
    FeatureFileError,
    attribute,
    checked_dataset,
    number,
    opened_hdf5,
)
from viewer.relevance.patches.grid import PATCH_UM

if TYPE_CHECKING:
    from pathlib import Path

    import h5py
    from numpy.typing import NDArray

    from viewer.relevance.exchange.scores import MapRequest

_SCORES = ("attention_scores", "scores")
_MAX_COLUMNS = 256


def read_hdf5_map(path: Path, request: MapRequest) -> ImportedScores:
    """The map of a file. ``column``: ``scores``, or ``scores 2`` for the second of several classes.
    ``patch_px`` replaces the side of patches that the file states. Raises FeatureFileError.
    """
    with opened_hdf5(path) as file:
        names = list(file)  # a membership test would follow links
        found = [name for name in _SCORES if name in names]
        if "coords" not in names or not found:
            listed = ", ".join(repr(name) for name in names[:8]) or "nothing"
            raise FeatureFileError(path, strings.NOT_A_MAP.format(names=listed))
        coords = checked_dataset(path, file, "coords", ndim=(2, 3), kinds="iuf")
        stated = number(coords, "level0_width"), number(coords, "level0_height")
        if None not in stated and stated != request.extent_px:
            raise FeatureFileError(path, strings.OF_OTHER_EXTENT.format(width=stated[0], height=stated[1]))
        width, height = number(file, "patch_width_level0"), number(file, "patch_height_level0")
        if width and height:
            mpp_um = PATCH_UM / width, PATCH_UM / height
            check_own_size(path, number(file, "patches_on_slide"), mpp_um, request.extent_px)
        columns = {name: table for dataset in found for name, table in _columns(path, file, dataset).items()}
        chosen = chosen_column(path, list(columns), request.column)
        dataset, place = columns[chosen]
        table = checked_dataset(path, file, dataset, ndim=(1, 2), kinds="fiu")
        scores = as_float64(table[()] if table.ndim == 1 else table[:, place])
        corners = corners_of(path, file, "coords")
        side, note = _side(path, file, corners, request.patch_px)
        query = str(attribute(file, "query") or "")
    is_clam = dataset == "attention_scores"
    rects = np.concatenate([corners, corners + side], axis=1)
    producer = "CLAM" if is_clam else "Foveola" if query else "HDF5"
    return ImportedScores(
        producer, query[:200] or chosen, rects, scores, scale="rank" if is_clam else "range", notes=note
    )


def _columns(path: Path, file: h5py.File, dataset: str) -> dict[str, tuple[str, int]]:
    table = checked_dataset(path, file, dataset, ndim=(1, 2), kinds="fiu")
    width = 1 if table.ndim == 1 else table.shape[1]
    if not 0 < len(table) <= MAX_PATCHES or not 0 < width <= _MAX_COLUMNS:
        raise FeatureFileError(path, strings.WRONG_SHAPE.format(name=dataset, shape=table.shape))
    if width == 1:
        return {dataset: (dataset, 0)}
    return {f"{dataset} {place + 1}": (dataset, place) for place in range(width)}


def _side(
    path: Path, file: h5py.File, corners: NDArray[np.float64], patch_px: float | None
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """The sides of a patch (x, y) in level-0 px, and a note where the file does not state them."""
    if patch_px is not None:
        return np.array([patch_px, patch_px]), ()
    exact = number(file, "patch_width_level0"), number(file, "patch_height_level0")
    stated = exact if exact[0] and exact[1] else (_stated(file),) * 2
    if stated[0] and stated[1]:
        side, note = np.array(stated, np.float64), tuple[str, ...]()
    else:
        stride = stride_of(path, corners)
        side = np.array([stride, stride])
        note = (strings.PATCH_SIZE_FROM_DISTANCE.format(side=stride),)
    if not ((side > 0) & (side < 1e6)).all():
        raise FeatureFileError(path, strings.WRONG_PATCH.format(width=side[0], height=side[1]))
    return side, note


def _stated(file: h5py.File) -> float | None:
    owners: tuple[Any, ...] = (file["coords"], file)
    for owner in owners:
        if size := number(owner, "patch_size_level0"):
            return size
        size, downsample = number(owner, "patch_size"), first_number(owner, "downsample")
        if size and (downsample or not number(owner, "patch_level")):
            return size * (downsample or 1.0) * (number(owner, "custom_downsample") or 1.0)
    return None
