"""The finished store as one HDF5 file, in the layout of TRIDENT and CLAM, for programs that read theirs.

Datasets ``features`` and ``coords`` (level-0 px, top left) with TRIDENT's attributes; everything beyond those
formats is in further attributes and datasets. Source: TRIDENT's and CLAM's files, as their authors describe
them.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer import RESEARCH_USE, __version__
from viewer.relevance.features import strings
from viewer.relevance.features.safe_hdf5 import FeatureFileError, attribute, checked_dataset, opened_hdf5

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import h5py
    from numpy.typing import NDArray

    from viewer.relevance.features.store_key import StoreSubject
    from viewer.relevance.patches.grid import PatchGrid

MAX_FEATURES = 8192
MAX_CALIBRATION_BYTES = 4 << 20
_PART_CELLS, _PARTS = "part_cells", "part_features"


@dataclass(frozen=True, slots=True)
class StoredFeatures:
    """What a store holds: cells (n, 2) as row, column; features (n, width); ``calibration`` of the slide,
    None before there was one. ``complete``: nothing was left to analyse. ``parts`` (m, parts · width) of the
    patches ``part_cells`` (m, 2), which are a few of them. ``scores`` (n,) by the names of
    the encoder's concepts are for other programs: written, never read, as queries score the features.
    """

    cells: NDArray[np.int32]
    features: NDArray[np.float32]
    calibration: Mapping[str, Any] | None
    complete: bool
    scores: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    part_cells: NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 2), np.int32))
    parts: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))


def as_hdf5(subject: StoreSubject, stored: StoredFeatures) -> bytes:
    """The bytes of the file."""
    import h5py

    grid, cells = subject.grid, stored.cells.astype(np.int64)
    mpp_um = sum(subject.mpp_um) / 2
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        features = file.create_dataset("features", data=stored.features, dtype="<f4")
        features.attrs.update({"name": subject.name, "savetodir": "None", "encoder": subject.card.id})
        coords = file.create_dataset("coords", data=grid.coords()[cells[:, 0] * grid.columns + cells[:, 1]])
        coords.attrs.update(
            {
                "patch_size": subject.card.patch_px,
                "patch_size_level0": round((grid.patch_width_px + grid.patch_height_px) / 2),
                "level0_magnification": subject.objective_power or _magnification(mpp_um),
                "target_magnification": _magnification(subject.card.mpp_um),
                "overlap": 0,
                "name": subject.name,
                "savetodir": "None",
                "level0_width": subject.extent_px[0],
                "level0_height": subject.extent_px[1],
            }
        )
        if len(stored.parts):
            file.create_dataset(_PART_CELLS, data=stored.part_cells, dtype="<i4")
            file.create_dataset(_PARTS, data=stored.parts, dtype="<f4")
        for name, scores in stored.scores.items():
            file.create_dataset(f"scores/{name}", data=scores, dtype="<f2")
        calibration = json.dumps(stored.calibration).encode()
        file.create_dataset("calibration", data=np.frombuffer(calibration, np.uint8))
        file.attrs.update(
            {
                "foveola": json.dumps(subject.facts()),
                "complete": stored.complete,
                "mpp": mpp_um,
                "level0_mpp_x": subject.mpp_um[0],
                "level0_mpp_y": subject.mpp_um[1],
                "mpp_estimated": subject.mpp_estimated,
                "patch_width_level0": grid.patch_width_px,
                "patch_height_level0": grid.patch_height_px,
                "encoder": subject.card.id,
                "encoder_version": subject.card.version,
                "software": f"Foveola {__version__}",
                "note": RESEARCH_USE,
            }
        )
    return data.getvalue()


def read_stored(path: Path, subject: StoreSubject) -> StoredFeatures:
    """The content that ``as_hdf5`` wrote of this subject. Raises FeatureFileError for a file that is damaged,
    of another subject, or inconsistent.
    """
    grid = subject.grid
    with opened_hdf5(path) as file:
        facts = attribute(file, "foveola")
        subject.check(json_object(facts) if isinstance(facts, str) else {}, path)
        features = checked_dataset(path, file, "features", ndim=(2,), kinds="f")
        coords = checked_dataset(path, file, "coords", ndim=(2,), kinds="i")
        calibration = checked_dataset(path, file, "calibration", ndim=(1,), kinds="u")
        count, width = features.shape
        if width > MAX_FEATURES or count > grid.patch_count or coords.shape != (count, 2):
            raise FeatureFileError(
                path, strings.CORNER_COUNT.format(corners=coords.shape, features=features.shape)
            )
        if calibration.size > MAX_CALIBRATION_BYTES:
            raise FeatureFileError(path, strings.CALIBRATION_SIZE.format(size=calibration.size))
        corners = coords[()].astype(np.int64)
        size_px = np.array([grid.patch_width_px, grid.patch_height_px])
        cells = np.floor(corners / size_px + 0.5).astype(np.int64)[:, ::-1]
        inside = _are_inside(cells, grid)
        if not inside or (grid.coords()[cells[:, 0] * grid.columns + cells[:, 1]] != corners).any():
            raise FeatureFileError(path, strings.OFF_THE_GRID)
        text = calibration[()].astype(np.uint8).tobytes()
        part_cells, parts = _read_parts(path, file, subject)
        return StoredFeatures(
            cells.astype(np.int32),
            features[()].astype(np.float32),
            None if text == b"null" else json_object(text),
            bool(attribute(file, "complete")),
            part_cells=part_cells,
            parts=parts,
        )


def _read_parts(
    path: Path, file: h5py.File, subject: StoreSubject
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    if _PARTS not in file:
        return np.empty((0, 2), np.int32), np.empty((0, 0), np.float32)  # none were analysed, or not then
    cells = checked_dataset(path, file, _PART_CELLS, ndim=(2,), kinds="i")
    parts = checked_dataset(path, file, _PARTS, ndim=(2,), kinds="f")
    count, width = parts.shape
    if width > MAX_FEATURES or count > subject.grid.patch_count or cells.shape != (count, 2):
        raise FeatureFileError(path, strings.CORNER_COUNT.format(corners=cells.shape, features=parts.shape))
    found = cells[()]
    if not _are_inside(found, subject.grid):  # before the cast, which would cut a larger number to one inside
        raise FeatureFileError(path, strings.OFF_THE_GRID)
    return found.astype(np.int32), parts[()].astype(np.float32)


def _are_inside(cells: NDArray[np.integer[Any]], grid: PatchGrid) -> bool:
    return bool((cells >= 0).all() and (cells < grid.shape).all())


def json_object(text: bytes | str) -> dict[str, Any]:
    """A JSON object. Raises ValueError for anything else."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(strings.NESTED_TOO_DEEPLY) from None
    if not isinstance(value, dict):
        raise ValueError(strings.NOT_AN_OBJECT)
    return value


def _magnification(mpp_um: float) -> int:
    """The nominal objective power for this pixel size: 10 µm over it."""
    return max(1, round(10 / mpp_um))
