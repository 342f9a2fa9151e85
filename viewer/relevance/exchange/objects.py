"""Maps that are lists of shapes with named numbers: all are collected, then one number is chosen."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from viewer.relevance.exchange import strings
from viewer.relevance.exchange.scores import ImportedScores, chosen_column
from viewer.relevance.features.safe_hdf5 import FeatureFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from viewer.relevance.patches.grid import PatchGrid

MAX_OBJECTS = 4_000_000
MAX_COLUMNS = 1024
MAX_NAME = 200
_NUMBER_BYTES = 40
"""A number and its place, and as much again while their tables grow."""
_LARGEST_SHARE = 0.35
_OBJECT_PATCHES = 0.25
"""Shapes narrower than this part of a patch are cells, or points: they do not cover their patch."""
_WORDS = {"nan": np.nan, "inf": np.inf, "infinity": np.inf, "-inf": -np.inf, "-infinity": -np.inf}

Box = tuple[float, float, float, float]


class Shapes:
    """Boxes (x0, y0, x1, y1) in level-0 px and the numbers of each, by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._boxes = array("d")
        self._places: dict[str, array[int]] = {}
        self._values: dict[str, array[float]] = {}
        self._room = int(psutil.virtual_memory().available * _LARGEST_SHARE / _NUMBER_BYTES)

    @property
    def count(self) -> int:
        return len(self._boxes) // 4

    def add(self, box: Box, numbers: Mapping[str, float]) -> None:
        """Raises FeatureFileError where there are more shapes, or more names, than a map has, or more numbers
        than the memory that is free has room for."""
        self._room -= 4 + len(numbers)
        if self._room < 0:
            raise FeatureFileError(self.path, strings.SHAPES_EXCEED_MEMORY)
        if self.count == MAX_OBJECTS:
            raise FeatureFileError(self.path, strings.TOO_MANY_SHAPES.format(most=MAX_OBJECTS))
        for name, value in numbers.items():
            if name not in self._values and len(self._values) == MAX_COLUMNS:
                raise FeatureFileError(self.path, strings.TOO_MANY_MEASUREMENTS.format(most=MAX_COLUMNS))
            self._places.setdefault(name, array("q")).append(self.count)
            self._values.setdefault(name, array("d")).append(value)
        self._boxes.extend(box)

    def scores(self, producer: str, grid: PatchGrid, chosen: str | None) -> ImportedScores:
        """The shapes that have the chosen number. Raises FeatureFileError as ``chosen_column`` does."""
        column = chosen_column(self.path, list(self._values), chosen)
        rects = np.array(self._boxes).reshape(-1, 4)[np.array(self._places[column])]
        with np.errstate(invalid="ignore"):
            sides = np.median(rects[:, 2:] - rects[:, :2], axis=0)
        patch = np.array([grid.patch_width_px, grid.patch_height_px])
        objects = bool((sides < _OBJECT_PATCHES * patch).all())
        notes = []
        if objects:
            notes.append(strings.SHAPES_ARE_OBJECTS)
        if missing := self.count - len(rects):
            notes.append(strings.SHAPES_WITHOUT_NUMBER.format(count=missing))
        scores = np.array(self._values[column])
        return ImportedScores(producer, column, rects, scores, objects=objects, notes=tuple(notes))


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
