"""Outlines of a file as a kept layer stores them: their lines, and what the file says of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.common.text import escape_control
from viewer.overlay import strings
from viewer.overlay.outlines import MAX_OUTLINE_CORNERS, OutlineLabel, Outlines
from viewer.overlay.shapes import FARTHEST_PX, Lines
from viewer.relevance.features.safe_hdf5 import FeatureFileError, checked_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAX_LABELS_BYTES = 32 << 20
_MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class KeptOutlines:
    """The outlines of the file ``file_name``, written by the program ``producer``."""

    outlines: Outlines
    file_name: str
    producer: str
    visible: bool = True

    def facts(self) -> dict[str, Any]:
        """What is stored beside the arrays."""
        return {"file_name": self.file_name, "producer": self.producer, "visible": self.visible}

    def has_same_content(self, other: KeptOutlines) -> bool:
        """Whether the other is of the same file as it was then, shown or not."""
        if (self.file_name, self.producer) != (other.file_name, other.producer):
            return False
        theirs = other.arrays()
        return all(np.array_equal(array, theirs[name]) for name, array in self.arrays().items())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What ``outlines_from`` reads, by its name."""
        outlines = self.outlines
        labels = json.dumps([(label.name, label.kind, label.rgb) for label in outlines.labels])
        return {
            "points": outlines.lines.points,
            "first": outlines.lines.first.astype(np.int64),
            "closed": outlines.lines.closed.astype(np.uint8),
            "owner": outlines.owner.astype(np.int64),
            "label_of": outlines.label_of.astype(np.int64),
            "labels": np.frombuffer(labels.encode(), np.uint8),
        }


def outlines_from(path: Path, file: Any) -> Outlines:
    """The outlines in an open HDF5 file of a stranger. Raises FeatureFileError, or ValueError, TypeError,
    RecursionError for labels that are none."""
    points = _array(path, file, "points", "f", MAX_OUTLINE_CORNERS, ndim=2).astype(np.float64, copy=False)
    first = _array(path, file, "first", "i", MAX_OUTLINE_CORNERS + 1).astype(np.intp, copy=False)
    closed = _array(path, file, "closed", "u", MAX_OUTLINE_CORNERS) != 0
    owner = _array(path, file, "owner", "i", MAX_OUTLINE_CORNERS).astype(np.intp, copy=False)
    label_of = _array(path, file, "label_of", "i", MAX_OUTLINE_CORNERS).astype(np.intp, copy=False)
    text = _array(path, file, "labels", "u", MAX_LABELS_BYTES)
    if text.dtype != np.uint8:
        raise ValueError("its labels are no bytes")
    labels = [_label(each) for each in json.loads(text.tobytes())]
    sound = (
        points.shape[1:] == (2,)
        and bool((np.abs(points) <= FARTHEST_PX).all())  # not where one is no number either
        and len(first) == len(closed) + 1 == len(owner) + 1
        and first[0] == 0
        and first[-1] == len(points)
        and bool((np.diff(first) > 0).all())
        and _all_below(owner, len(label_of))
        and _all_below(label_of, len(labels))
    )
    if not sound:
        raise FeatureFileError(path, strings.NOT_A_KEPT_LAYER)
    return Outlines(Lines(points, first, closed), owner, labels, label_of)


def _array(path: Path, file: Any, name: str, kinds: str, most: int, *, ndim: int = 1) -> NDArray[Any]:
    data = checked_dataset(path, file, name, ndim=(ndim,), kinds=kinds)
    if data.shape[0] > most or data.shape[-1] == 0 or (ndim == 2 and data.shape[1] != 2):
        raise FeatureFileError(path, strings.NOT_A_KEPT_LAYER)
    values: NDArray[Any] = data[()]
    return values


def _all_below(indices: NDArray[np.intp], count: int) -> bool:
    return bool(((indices >= 0) & (indices < count)).all())


def _label(plain: Any) -> OutlineLabel:
    name, kind, rgb = plain
    if not (isinstance(name, str) and isinstance(kind, str)):
        raise TypeError(f"{plain!r:.80} names no outline")
    name, kind = escape_control(name[:_MAX_TEXT]), escape_control(kind[:_MAX_TEXT])
    if rgb is None:
        return OutlineLabel(name, kind)
    red, green, blue = rgb
    if not all(type(part) is int and 0 <= part <= 255 for part in (red, green, blue)):
        raise ValueError(f"{rgb!r:.80} is no colour")
    return OutlineLabel(name, kind, (red, green, blue))
