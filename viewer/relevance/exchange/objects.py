"""Files that are lists of shapes: those with named numbers become scores, of which one number is chosen;
annotations become outlines, and so do all where none has a number.

What is wrong with a shape costs that shape: it is left out and counted.
"""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import psutil

from viewer.common.text import escape_control
from viewer.overlay.outlines import MAX_OUTLINE_CORNERS, OutlineLabel, Outlines
from viewer.relevance.exchange import strings
from viewer.relevance.exchange.geometry import ShapeError
from viewer.relevance.exchange.scores import ImportedScores, chosen_column
from viewer.relevance.exchange.shape_arrays import CornerStore, ShapeArrays
from viewer.relevance.features.safe_hdf5 import FeatureFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from viewer.relevance.exchange.geometry import Geometry
    from viewer.relevance.exchange.scores import MapRequest

MAX_OBJECTS = 4_000_000
MAX_COLUMNS = 1024
MAX_NAME = 200
_NUMBER_BYTES = 40
"""A number and its place, and as much again while their tables grow."""
_LABEL_NUMBERS = 15
"""A name, a class and their place take as much as so many numbers."""
_LARGEST_SHARE = 0.35
_OBJECT_PATCHES = 0.25
"""Shapes narrower than this part of a patch are cells, or points: they do not cover their patch."""
_MOST_BESIDE = 0.1
"""A map of which more lies beside the slide is of another one."""
_CORNERS_AT_ONCE = 1 << 18
_WORDS = {"nan": np.nan, "inf": np.inf, "infinity": np.inf, "-inf": -np.inf, "-infinity": -np.inf}
_OUTLINE = -1


class Shapes:
    """Collects the shapes of a file, in little memory: of shapes with numbers much smaller than a patch only
    the place and the area are kept."""

    def __init__(self, path: Path, request: MapRequest) -> None:
        self.path, self._request = path, request
        self._total = 0
        self._left_out: Counter[str] = Counter()
        self._room = int(psutil.virtual_memory().available * _LARGEST_SHARE / _NUMBER_BYTES)
        self._waiting, self._waiting_rows, self._waiting_labels = ShapeArrays(), array("q"), array("q")
        # Those with numbers: a row each, NaN where it is left out.
        self._rows = 0
        self._boxes = array("d")
        self._places: dict[str, array[int]] = {}
        self._values: dict[str, array[float]] = {}
        self._polygons = CornerStore()
        self._rows_beside, self._reach = 0, np.zeros(4)
        # Outlines.
        self._labels: dict[OutlineLabel, int] = {}
        self._label_of, self._is_annotation = array("q"), bytearray()
        self._waiting_annotations = bytearray()
        self._lines = CornerStore()

    def add(
        self,
        read_geometry: Callable[[], Geometry],
        numbers: Mapping[str, float],
        read_label: Callable[[], OutlineLabel],
        *,
        annotation: bool,
    ) -> None:
        """Add a shape; one whose geometry raises ShapeError is left out. Labels are read of outlines only.

        Raises FeatureFileError where there are more shapes, or more names of numbers, than a map has, or more
        than the memory that is free has room for.
        """
        self._count()
        try:
            geometry = read_geometry()
        except ShapeError as error:
            self._left_out[error.reason] += 1
            return
        row, label = _OUTLINE, 0
        if numbers and not annotation:
            row = self._rows
            self._rows += 1
            self._keep_numbers(row, numbers)
        else:
            known = len(self._labels)
            label = self._labels.setdefault(read_label(), known)
            self._take_room(_LABEL_NUMBERS * (len(self._labels) - known))
        self._take_room(4)
        self._waiting.add(geometry)
        self._waiting_rows.append(row)
        self._waiting_labels.append(label)
        self._waiting_annotations.append(annotation)
        if self._waiting.corner_count >= _CORNERS_AT_ONCE:
            self._judge()

    def leave_out(self, reason: str) -> None:
        """Count something in the list that is no shape. Raises FeatureFileError as ``add``."""
        self._count()
        self._left_out[reason] += 1

    def imported(self, producer: str) -> ImportedScores:
        """The shapes that have the chosen number, and the outlines. Raises FeatureFileError where nothing can
        be shown, where too much of a map lies beside the slide, and as ``chosen_column`` does."""
        self._judge()
        boxes = np.array(self._boxes).reshape(-1, 4)
        good = np.isfinite(boxes[:, 0])
        if self._rows_beside > _MOST_BESIDE * self._rows:
            self._refuse()
        outlines = self._outlines(annotations_only=bool(good.any()))
        if not good.any():
            if self._request.column is not None:
                chosen_column(self.path, [], self._request.column)
            if outlines is None:
                self._refuse()
            nothing = np.empty((0, 4))
            return ImportedScores(
                producer, "", nothing, nothing[:, 0], notes=tuple(self._notes()), outlines=outlines
            )
        column = chosen_column(self.path, list(self._values), self._request.column)
        rows, scores = np.array(self._places[column]), np.array(self._values[column])
        rows, scores = rows[good[rows]], scores[good[rows]]
        rects = np.maximum(boxes[rows], 0)
        sides, grid = np.median(rects[:, 2:] - rects[:, :2], axis=0), self._request.grid
        objects = bool(
            (sides < _OBJECT_PATCHES * np.array([grid.patch_width_px, grid.patch_height_px])).all()
        )
        notes = [strings.SHAPES_ARE_OBJECTS] if objects else []
        without = int(good.sum()) - len(rows) + self._is_annotation.count(0)
        if without:
            notes.append(strings.SHAPES_WITHOUT_NUMBER.format(count=without))
        row_of = np.full(self._rows, _OUTLINE)
        row_of[rows] = np.arange(len(rows))
        return ImportedScores(
            producer,
            column,
            rects,
            scores,
            objects=objects,
            notes=(*notes, *self._notes()),
            polygons=None if objects else self._polygons.polygons().taken(row_of),
            outlines=outlines,
        )

    def _count(self) -> None:
        self._total += 1
        if self._total > MAX_OBJECTS:
            raise FeatureFileError(self.path, strings.TOO_MANY_SHAPES.format(most=MAX_OBJECTS))

    def _keep_numbers(self, row: int, numbers: Mapping[str, float]) -> None:
        self._take_room(len(numbers))
        for name, value in numbers.items():
            if name not in self._values and len(self._values) == MAX_COLUMNS:
                raise FeatureFileError(self.path, strings.TOO_MANY_MEASUREMENTS.format(most=MAX_COLUMNS))
            self._places.setdefault(name, array("q")).append(row)
            self._values.setdefault(name, array("d")).append(value)

    def _take_room(self, numbers: int) -> None:
        self._room -= numbers
        if self._room < 0:
            raise FeatureFileError(self.path, strings.SHAPES_EXCEED_MEMORY)

    def _judge(self) -> None:
        """Sort the shapes that wait: on the slide or beside it, scored or an outline."""
        if not len(self._waiting_rows):
            return
        shapes = self._waiting.judged(self._request.extent_px)
        rows, labels = np.array(self._waiting_rows), np.array(self._waiting_labels)
        annotation = np.frombuffer(bytes(self._waiting_annotations), np.uint8)
        grid = self._request.grid
        scored = rows != _OUTLINE
        self._left_out[strings.NOT_FINITE] += int((~shapes.finite).sum())
        self._left_out[strings.BESIDE_THE_SLIDE] += int(shapes.beside.sum())
        self._rows_beside += int((shapes.beside & scored).sum())
        beside = np.vstack([self._reach, shapes.boxes[shapes.beside]])
        self._reach = np.concatenate([beside[:, :2].min(axis=0), beside[:, 2:].max(axis=0)])
        good = shapes.finite & ~shapes.beside
        small = shapes.sides < _OBJECT_PATCHES * np.array([grid.patch_width_px, grid.patch_height_px])
        outlined = shapes.has_area & ~shapes.is_box & ~small.all(axis=1)
        boxes = np.where((shapes.is_box | outlined)[:, None], shapes.boxes, shapes.boxes_of_area)
        boxes[~good] = np.nan
        self._boxes.frombytes(np.ascontiguousarray(boxes[scored]).tobytes())
        self._take_room(
            self._polygons.add(shapes, np.flatnonzero(good & scored & outlined), rows, rings_only=True)
        )
        chosen = np.flatnonzero(good & ~scored)
        within = np.cumsum(shapes.corner_counts[chosen]) <= MAX_OUTLINE_CORNERS - self._lines.corner_count
        self._left_out[strings.TOO_MANY_CORNERS.format(most=MAX_OUTLINE_CORNERS)] += int((~within).sum())
        chosen = chosen[within]
        number = np.full(len(rows), _OUTLINE)
        number[chosen] = len(self._label_of) + np.arange(len(chosen))
        self._take_room(4 * self._lines.add(shapes, chosen, number))
        self._label_of.extend(labels[chosen].tolist())
        self._is_annotation += annotation[chosen].tobytes()
        self._waiting, self._waiting_rows, self._waiting_labels = ShapeArrays(), array("q"), array("q")
        self._waiting_annotations = bytearray()

    def _outlines(self, *, annotations_only: bool) -> Outlines | None:
        lines, owner = self._lines.lines()
        label_of = np.array(self._label_of, np.intp)
        kept = np.frombuffer(bytes(self._is_annotation), np.uint8) > 0
        kept |= not annotations_only
        if not kept.any():
            return None
        chosen = np.flatnonzero(kept[owner])
        number = np.cumsum(kept) - 1
        return Outlines(lines.taken(chosen), number[owner[chosen]], list(self._labels), label_of[kept])

    def _notes(self) -> list[str]:
        reasons = {reason: count for reason, count in self._left_out.items() if count}
        if not reasons:
            return []
        listed = ", ".join(
            strings.LEFT_OUT_REASON.format(count=n, reason=each) for each, n in reasons.items()
        )
        return [strings.LEFT_OUT.format(total=self._total, reasons=listed)]

    def _refuse(self) -> NoReturn:
        """Raises FeatureFileError, which says why nothing of the file is shown."""
        x0, y0, x1, y1 = self._reach
        if min(x0, y0) < 0:
            raise FeatureFileError(self.path, strings.NEGATIVE_COORDINATES)
        if max(x1, y1) > 0:
            width, height = self._request.extent_px
            raise FeatureFileError(
                self.path, strings.BEYOND_THE_SLIDE.format(x=x1, y=y1, width=width, height=height)
            )
        raise FeatureFileError(self.path, " ".join([strings.NO_SHAPES, *self._notes()]))


def number_from(value: Any) -> float | None:
    """A JSON value as a number; QuPath writes those that JSON has not as words. None for anything else."""
    if isinstance(value, str):
        return _WORDS.get(value.lower())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def text_from(value: Any) -> str:
    """A JSON value as a name; "" for anything but text."""
    return escape_control(value[:MAX_NAME]).strip() if isinstance(value, str) else ""
