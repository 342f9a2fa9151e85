"""Feature files of other programs: TRIDENT, CLAM, STAMP, slideflow, SPAN. Recognised by their datasets.

Every file becomes features and the squares of the slide that they are of, in level-0 px. The claims of a
file are checked against its content and the slide; assumptions become notes. Source: the files that these
programs write, as their authors describe them.
"""

from __future__ import annotations

import json
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from lzma import LZMAError
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.relevance.features import strings
from viewer.relevance.features.safe_hdf5 import (
    FeatureFileError,
    all_finite,
    attribute,
    check_regular,
    checked_dataset,
    number,
    opened_hdf5,
)
from viewer.relevance.models.checkpoint import CheckpointError, is_plain, unpickled

if TYPE_CHECKING:
    from pathlib import Path

    import h5py
    from numpy.typing import NDArray

MAX_FEATURES = 8192
MAX_PATCHES = 4_000_000
_MAX_VALUES = 1_000_000_000
_MAX_INDEX_BYTES = 128 << 20
_MAX_CONFIG_BYTES = 1 << 20
_PATCH_UM = (8.0, 8192.0)
_STAMP_PX, _STAMP_UM = 224, 256.0  # before STAMP wrote units


@dataclass(frozen=True, slots=True)
class SlideFacts:
    """What a feature file is checked against. ``mpp_um`` None: the pixel size is unknown."""

    extent_px: tuple[int, int]
    mpp_um: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class ExternalFeatures:
    """Features (n, width) float32 and their squares (n, 4) float64 as x0, y0, x1, y1 in level-0 px.

    ``encoder`` is the name the file or its folder gives, "" where neither does. ``notes``: sentences for
    the user on what was assumed because the file does not state it.
    """

    path: Path
    producer: str
    encoder: str
    features: NDArray[np.float32]
    rects: NDArray[np.float64]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Bag:
    """A file before it is checked against the slide: top left corners and side lengths in level-0 px."""

    producer: str
    features: NDArray[Any]
    corners: NDArray[np.float64]
    side_px: tuple[float, float]
    encoder: str = ""
    notes: tuple[str, ...] = ()


def read_external(path: Path, slide: SlideFacts) -> ExternalFeatures:
    """The features of a file of any known program. Raises FeatureFileError: damaged, of another slide,
    without positions, or of an unknown kind.
    """
    if path.suffix == ".pt":
        check_regular(path)
        bag = _slideflow(path, slide)
    else:
        with opened_hdf5(path) as file:
            bag = _recognised(path, file, slide)
    return _checked(path, bag, slide)


# Formats


def _recognised(path: Path, file: h5py.File, slide: SlideFacts) -> _Bag:
    names = set(file)
    if {"feats", "coords"} <= names:
        return _stamp(path, file, slide)
    if {"feats", "cords"} <= names:
        return _span(path, file)
    if {"features", "coords"} <= names:
        coords = checked_dataset(path, file, "coords", ndim=(2, 3), kinds="iuf")
        if "patch_size_level0" in coords.attrs:
            return _trident(path, file, coords, slide)
        return _clam(path, file, coords)
    found = ", ".join(sorted(names)[:8]) or strings.NOTHING
    raise FeatureFileError(path, strings.UNKNOWN_FORMAT.format(found=found))


def _trident(path: Path, file: h5py.File, coords: h5py.Dataset, slide: SlideFacts) -> _Bag:
    features, side = _rows(path, file, "features"), number(coords, "patch_size_level0")
    if not side:
        raise FeatureFileError(path, strings.PATCH_SIZE_LEVEL0)
    stated = number(coords, "level0_width"), number(coords, "level0_height")
    if None not in stated and stated != slide.extent_px:
        raise FeatureFileError(path, strings.SLIDE_SIZE.format(width=stated[0], height=stated[1]))
    exact = number(file, "patch_width_level0"), number(file, "patch_height_level0")
    sides = (exact[0], exact[1]) if exact[0] and exact[1] else (side, side)
    encoder = attribute(file, "encoder") or attribute(file["features"], "encoder") or _folder_encoder(path)
    return _Bag("TRIDENT", features, corners_of(path, file, "coords"), sides, str(encoder))


def _clam(path: Path, file: h5py.File, coords: h5py.Dataset) -> _Bag:
    """Its patch files state a size; its feature files do not: then it is the distance of neighbours."""
    features, corners = _rows(path, file, "features"), corners_of(path, file, "coords")
    size, downsample = number(coords, "patch_size"), first_number(coords, "downsample")
    if size and (downsample or number(coords, "patch_level") == 0):
        side = size * (downsample or 1.0) * (number(coords, "custom_downsample") or 1.0)
        return _Bag("CLAM", features, corners, (side, side), _folder_encoder(path))
    side = stride_of(path, corners)
    note = strings.SIZE_FROM_DISTANCE.format(side=side)
    return _Bag("CLAM", features, corners, (side, side), _folder_encoder(path), (note,))


def _stamp(path: Path, file: h5py.File, slide: SlideFacts) -> _Bag:
    """Corners in µm; in files from before there were units, in pixels of 256 µm patches of 224 px."""
    features, coords = _rows(path, file, "feats"), corners_of(path, file, "coords")
    if slide.mpp_um is None:
        raise FeatureFileError(path, strings.PIXEL_SIZE_NEEDED)
    encoder = str(attribute(file, "extractor") or _folder_encoder(path))
    tile_um = number(file, "tile_size_um") or number(file, "tile_size")
    um_per_unit, notes = 1.0, tuple[str, ...]()
    if attribute(file, "unit") != "um" or not tile_um:
        stride = stride_of(path, coords)
        if round(stride) == _STAMP_PX:
            um_per_unit = _STAMP_UM / _STAMP_PX
        elif round(stride) != _STAMP_UM:
            raise FeatureFileError(path, strings.UNKNOWN_UNIT.format(stride=stride))
        tile_um = _STAMP_UM
        notes = (strings.STAMP_WITHOUT_UNIT,)
    corners = coords * um_per_unit / slide.mpp_um
    side_px = (tile_um / slide.mpp_um[0], tile_um / slide.mpp_um[1])
    return _Bag("STAMP", features, corners, side_px, encoder, notes)


def _span(path: Path, file: h5py.File) -> _Bag:
    features, coords = _rows(path, file, "feats"), corners_of(path, file, "cords")
    side = stride_of(path, coords)
    note = strings.SPAN_WITHOUT_UNIT.format(side=side)
    return _Bag("SPAN", features, coords, (side, side), _folder_encoder(path), (note,))


def _slideflow(path: Path, slide: SlideFacts) -> _Bag:
    """Features in NAME.pt, centres in NAME.index.npz, sizes in bags_config.json beside them."""
    index, config = path.with_suffix(".index.npz"), path.with_name("bags_config.json")
    if not index.is_file():
        raise FeatureFileError(path, strings.NO_INDEX.format(index=index.name))
    if slide.mpp_um is None:
        raise FeatureFileError(path, strings.PIXEL_SIZE_NEEDED)
    facts = _config(config)
    tile_um, extractor = facts.get("tile_um"), facts.get("extractor")
    if not isinstance(tile_um, int | float) or not _PATCH_UM[0] <= tile_um <= _PATCH_UM[1]:
        raise FeatureFileError(config, strings.NO_TILE_UM)
    name = extractor.get("class", "") if isinstance(extractor, dict) else ""
    encoder = str(name).rpartition(".")[2]
    side_px = (tile_um / slide.mpp_um[0], tile_um / slide.mpp_um[1])
    corners = _npz_array(index) - np.array(side_px) / 2
    return _Bag("slideflow", _pt_rows(path), corners, side_px, encoder)


# Content


def _rows(path: Path, file: h5py.File, name: str) -> NDArray[Any]:
    """Features (n, width); some writers put an axis of length 1 before."""
    data = checked_dataset(path, file, name, ndim=(2, 3), kinds="f")
    shape = data.shape[1:] if len(data.shape) == 3 and data.shape[0] == 1 else data.shape
    _check_shape(path, shape)
    rows: NDArray[Any] = data[()].reshape(shape)
    return rows


def _check_shape(path: Path, shape: tuple[int, ...]) -> None:
    plausible = len(shape) == 2 and 0 < shape[0] <= MAX_PATCHES and 0 < shape[1] <= MAX_FEATURES
    if not plausible or prod(shape) > _MAX_VALUES:
        raise FeatureFileError(path, strings.FEATURES_SHAPE.format(shape=shape))


def corners_of(path: Path, file: h5py.File, name: str) -> NDArray[np.float64]:
    data = checked_dataset(path, file, name, ndim=(2, 3), kinds="iuf")
    shape = data.shape[1:] if len(data.shape) == 3 and data.shape[0] == 1 else data.shape
    if len(shape) != 2 or shape[1] != 2 or shape[0] > MAX_PATCHES:
        raise FeatureFileError(path, strings.POSITIONS_SHAPE.format(shape=shape))
    return np.asarray(data[()], np.float64).reshape(shape)


def stride_of(path: Path, coords: NDArray[np.float64]) -> float:
    """The smallest distance between two columns or rows of patches."""
    steps = [np.diff(np.unique(coords[:, axis])) for axis in (0, 1)]
    gaps = np.concatenate([step[step > 0.5] for step in steps])
    if not len(gaps):
        raise FeatureFileError(path, strings.NO_PATCH_SIZE)
    return float(gaps.min())


def first_number(owner: Any, name: str) -> float | None:
    """A number, or the first of a pair as CLAM writes its downsample in x and y."""
    if name in owner.attrs and owner.attrs.get_id(name).shape == (2,):
        value = float(owner.attrs[name][0])
        return value if 0 < value < 1e6 else None
    return number(owner, name)


def _folder_encoder(path: Path) -> str:
    """TRIDENT and others name the encoder in the folder: features_uni_v1."""
    name = path.parent.name
    return name.removeprefix("features_") if name.startswith("features_") else ""


def _config(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise FeatureFileError(path, strings.CONFIG_TOO_LARGE)
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FeatureFileError(path, strings.CONFIG_MISSING) from None
    except OSError as error:
        raise FeatureFileError(path, strings.UNREADABLE.format(reason=error.strerror)) from error
    except (ValueError, RecursionError) as error:
        raise FeatureFileError(path, strings.NOT_JSON.format(error=error)) from error
    return facts if isinstance(facts, dict) else {}


def _npz_array(path: Path) -> NDArray[np.float64]:
    """``arr_0`` of an .npz, without pickles, and without trusting the sizes it claims."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("arr_0.npy") as member:
            data = member.read(_MAX_INDEX_BYTES + 1)
    except (
        OSError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, LZMAError
    ) as error:  # fmt: skip
        raise FeatureFileError(path, strings.NOT_NPZ.format(error=error)) from error
    try:
        shape, column_major, kind, start = npy_header(data)
    # What the Python parser inside numpy raises.
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError) as error:
        raise FeatureFileError(path, strings.ARRAY_DAMAGED.format(error=error)) from error
    if kind.kind not in "iuf" or len(shape) != 2 or shape[1] != 2:
        raise FeatureFileError(path, strings.NOT_POSITIONS.format(kind=kind, shape=shape))
    if prod(shape) * kind.itemsize != len(data) - start:
        raise FeatureFileError(path, strings.POSITIONS_MISSING.format(count=shape[0]))
    values = np.frombuffer(data, kind, offset=start).astype(np.float64)
    return values.reshape(shape, order="F" if column_major else "C")


def npy_header(data: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    import io

    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, column_major, kind = read(stream)
    return shape, column_major, kind, stream.tell()


def _pt_rows(path: Path) -> NDArray[Any]:
    """One tensor; anything else in the pickle is refused."""
    import torch

    try:
        content = unpickled(path)
    except CheckpointError as error:
        raise FeatureFileError(path, error.reason) from error
    if not (isinstance(content, torch.Tensor) and is_plain(content) and content.is_floating_point()):
        raise FeatureFileError(path, strings.NO_TABLE)
    _check_shape(path, tuple(content.shape))
    if content.numel() * content.element_size() > 2 * path.stat().st_size:
        raise FeatureFileError(path, strings.FEWER_FEATURES)
    rows: NDArray[Any] = content.detach().float().numpy()
    return rows


# Checks


def _checked(path: Path, bag: _Bag, slide: SlideFacts) -> ExternalFeatures:
    """Raises FeatureFileError where features and positions do not fit each other, or the slide."""
    width, height = slide.extent_px
    side_x, side_y = bag.side_px
    if len(bag.corners) != len(bag.features):
        raise FeatureFileError(
            path, strings.POSITION_COUNT.format(features=len(bag.features), positions=len(bag.corners))
        )
    if not (0 < side_x < 1e6 and 0 < side_y < 1e6) or not np.isfinite(bag.corners).all():
        raise FeatureFileError(path, strings.IMPOSSIBLE_SIZE.format(width=side_x, height=side_y))
    if slide.mpp_um is not None and not _PATCH_UM[0] <= side_x * slide.mpp_um[0] <= _PATCH_UM[1]:
        raise FeatureFileError(path, strings.WIDTH_ON_SLIDE.format(width_um=side_x * slide.mpp_um[0]))
    rects = np.concatenate([bag.corners, bag.corners + bag.side_px], axis=1)
    centres = bag.corners + np.array(bag.side_px) / 2
    if (centres < 0).any() or (rects[:, :2] >= (width, height)).any():
        raise FeatureFileError(path, strings.OTHER_SLIDE.format(width=width, height=height))
    with np.errstate(over="ignore"):
        features = np.ascontiguousarray(bag.features, np.float32)
    if not all_finite(features):
        raise FeatureFileError(path, strings.INVALID_FEATURES)
    return ExternalFeatures(path, bag.producer, bag.encoder[:200], features, rects, bag.notes)
