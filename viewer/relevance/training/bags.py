"""Feature files as bags to train on: our own stores, and those of TRIDENT, CLAM, STAMP and slideflow.

No slide is opened: a file states its slide and where its patches lie. Cells count patches,
not pixels, so the size of a pixel does not matter here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from viewer.relevance.encoders.card import FILE_PREFIX
from viewer.relevance.features import strings as feature_strings
from viewer.relevance.features.external_files import MAX_FEATURES, SlideFacts, read_external
from viewer.relevance.features.safe_hdf5 import (
    FeatureFileError,
    attribute,
    check_regular,
    checked_dataset,
    number,
    opened_hdf5,
)
from viewer.relevance.training import strings
from viewer.slide.file_names import natural_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import h5py
    from numpy.typing import NDArray

FILE_SUFFIXES = (".h5", ".hdf5", ".pt")
_ANY_EXTENT_PX = (1 << 30, 1 << 30)
_OWN = "foveola"
_FURTHEST_CELL = 1e6


@dataclass(frozen=True, slots=True)
class FeatureBag:
    """A slide's features (n, width) float32, all finite, and cells (n, 2) int64 as row, column.

    ``encoder`` and ``encoder_version`` are the id and version of the card that such features have in the
    program. ``notes``: sentences for the user on the state of the file.
    """

    path: Path
    encoder: str
    encoder_version: str
    features: NDArray[np.float32]
    cells: NDArray[np.int64]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of a file without reading its features. ``encoder`` None: known only after that."""

    slide: str
    encoder: str | None


def feature_files(paths: Sequence[Path]) -> list[Path]:
    """The files named, and those of features in the folders named and below them, each once.

    A ``.pt`` counts in a folder where slideflow's places lie beside it: CLAM's hold none. Raises OSError.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for file in _files_below(path) if path.is_dir() else (path,):
            found.setdefault(file.resolve(), file)
    return list(found.values())


def file_facts(path: Path) -> FileFacts:
    """The slide and encoder of a file. Raises FeatureFileError."""
    if path.suffix == ".pt":
        check_regular(path)
        return FileFacts(path.stem, None)
    with opened_hdf5(path) as file:
        if _OWN not in file.attrs:
            return FileFacts(path.stem, None)
        name = attribute(checked_dataset(path, file, "features", ndim=(2,), kinds="f"), "name")
        return FileFacts(str(name or path.stem), str(attribute(file, "encoder")))


def read_bag(path: Path) -> FeatureBag:
    """A file's features. Raises FeatureFileError for what ``read_external`` refuses and for values that are
    not finite.
    """
    if path.suffix == ".pt":
        return _external(path)
    with opened_hdf5(path) as file:
        if _OWN in file.attrs:
            return _stored(path, file)
    return _external(path)


def one_a_cell(bag: FeatureBag) -> FeatureBag:
    """The bag with the first patch of every cell: for heads that use positions, where patches overlap."""
    _, first = np.unique(bag.cells, axis=0, return_index=True)
    if len(first) == len(bag.cells):
        return bag
    kept = np.sort(first)
    return replace(bag, features=bag.features[kept], cells=bag.cells[kept])


def _files_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir(), key=natural_key):
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():  # links may lead back to where they are
            yield from _files_below(path)
            continue
        has_places = path.suffix != ".pt" or path.with_suffix(".index.npz").is_file()
        if path.suffix in FILE_SUFFIXES and path.is_file() and has_places:
            yield path


def _stored(path: Path, file: h5py.File) -> FeatureBag:
    features = checked_dataset(path, file, "features", ndim=(2,), kinds="f")
    coords = checked_dataset(path, file, "coords", ndim=(2,), kinds="i")
    count, width = features.shape
    if not 0 < width <= MAX_FEATURES or coords.shape != (count, 2):
        raise FeatureFileError(
            path, feature_strings.CORNER_COUNT.format(corners=coords.shape, features=features.shape)
        )
    if not count:
        raise FeatureFileError(path, strings.NO_PATCHES)
    sides = number(file, "patch_width_level0"), number(file, "patch_height_level0")
    if not sides[0] or not sides[1] or min(sides[0], sides[1]) <= 0:
        raise FeatureFileError(path, strings.NO_PATCH_SIZE)
    cells = _cells(path, coords[()].astype(np.float64) / (sides[0], sides[1]) + 0.5)
    complete = bool(attribute(file, "complete"))
    return FeatureBag(
        path,
        str(attribute(file, "encoder")),
        str(attribute(file, "encoder_version")),
        _finite(path, features[()].astype(np.float32)),
        cells,
        () if complete else (strings.INCOMPLETE.format(path=path),),
    )


def _external(path: Path) -> FeatureBag:
    external = read_external(path, SlideFacts(_stated_extent(path), (1.0, 1.0)))
    sides = external.rects[0, 2:] - external.rects[0, :2]
    centres = (external.rects[:, :2] + external.rects[:, 2:]) / 2
    encoder = f"{FILE_PREFIX}{external.encoder or 'unnamed'}"
    return FeatureBag(path, encoder, "1", external.features, _cells(path, centres / sides))


def _stated_extent(path: Path) -> tuple[int, int]:
    """(width, height) in level-0 px as the file states it, else a limit that every slide meets."""
    if path.suffix == ".pt":
        return _ANY_EXTENT_PX
    with opened_hdf5(path) as file:
        if "coords" not in list(file):  # testing a name directly would follow its link
            return _ANY_EXTENT_PX
        coords = checked_dataset(path, file, "coords", ndim=(2, 3), kinds="iuf")
        width, height = (number(coords, f"level0_{side}") for side in ("width", "height"))
    return (int(width), int(height)) if width and height else _ANY_EXTENT_PX


def _cells(path: Path, places: NDArray[np.float64]) -> NDArray[np.int64]:
    """Of (n, 2) places as x, y in patches."""
    if not np.isfinite(places).all() or np.abs(places).max() > _FURTHEST_CELL:
        raise FeatureFileError(path, strings.IMPOSSIBLE_PLACES)
    return np.ascontiguousarray(np.floor(places).astype(np.int64)[:, ::-1])


def _finite(path: Path, features: NDArray[np.float32]) -> NDArray[np.float32]:
    invalid = len(features) - int(np.isfinite(features).all(axis=1).sum())
    if invalid:
        raise FeatureFileError(path, strings.INVALID_VALUES.format(invalid=invalid, total=len(features)))
    return features
