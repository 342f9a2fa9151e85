"""A corpus: a folder with slides and, of the same names, ``regions/*.geojson`` that name what a rectangle
shows.

A file of regions is GeoJSON as QuPath writes it (classification name; level-0 px), and may state beside its
features ``mpp_um``, ``case`` (slides of one case are never split), ``organ``, ``diagnosis``, ``source``,
``part`` (train, calibration or test) and ``tumour_free`` (no tumour outside its regions either). What is
wrong with a region costs that region.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from viewer.common.text import escape_control
from viewer.relevance.encoders.tissue.classes import class_indices
from viewer.relevance.training.cohort import TrainingError
from viewer.relevance.training.tissue import strings
from viewer.slide.file_names import natural_key
from viewer.slide.formats.registry import is_listed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Part = Literal["train", "calibration", "test"]
_MAX_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in level-0 px that shows one tissue class."""

    x0: float
    y0: float
    x1: float
    y1: float
    tissue_class: int


@dataclass(frozen=True, slots=True)
class CorpusSlide:
    """A slide with its regions. ``mpp_um`` None: as the slide states it, or estimated."""

    name: str
    path: Path
    regions_path: Path
    regions: tuple[Region, ...]
    case: str
    part: Part
    tumour_free: bool
    mpp_um: float | None
    organ: str
    diagnosis: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """``notes``: sentences on what was left out."""

    slides: tuple[CorpusSlide, ...]
    notes: tuple[str, ...]


def read_corpus(folder: Path) -> Corpus:
    """Raises TrainingError for a folder without regions, and for a file of them that is not one."""
    files = sorted((folder / "regions").glob("*.geojson"), key=natural_key)
    if not files:
        raise TrainingError(strings.NO_REGIONS.format(path=folder))
    paths = {path.stem: path for path in sorted((folder / "slides").glob("*")) if is_listed(path)}
    slides: list[CorpusSlide] = []
    notes: list[str] = []
    for file in files:
        path = paths.get(file.stem)
        if path is None:
            notes.append(strings.NO_SLIDE.format(path=file, folder=folder / "slides"))
            continue
        content = _content(file)
        regions, wrong = _regions(content, file)
        notes += wrong
        if not regions:
            notes.append(strings.NOTHING_LEFT.format(path=file))
            continue
        slides.append(_slide(file, path, content, regions))
    return Corpus(tuple(slides), tuple(notes))


def _content(file: Path) -> Mapping[str, Any]:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise ValueError(f"larger than {_MAX_BYTES:,} bytes")
        content = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or not isinstance(content.get("features"), list):
            raise ValueError("no list of features")
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(strings.REGIONS_UNREADABLE.format(path=file, error=error)) from error
    return content


def _slide(file: Path, path: Path, content: Mapping[str, Any], regions: tuple[Region, ...]) -> CorpusSlide:
    part = content.get("part", "train")
    if part not in get_args(Part):
        raise TrainingError(strings.BAD_PART.format(path=file, part=part))
    mpp_um = content.get("mpp_um")
    return CorpusSlide(
        name=file.stem,
        path=path,
        regions_path=file,
        regions=regions,
        case=str(content.get("case") or file.stem),
        part=part,
        tumour_free=content.get("tumour_free") is True,
        mpp_um=float(mpp_um) if isinstance(mpp_um, int | float) and 0 < mpp_um < 100 else None,
        organ=str(content.get("organ", "")),
        diagnosis=str(content.get("diagnosis", "")),
    )


def _regions(content: Mapping[str, Any], file: Path) -> tuple[tuple[Region, ...], list[str]]:
    """The regions that are sound, and sentences on the others."""
    found: list[Region] = []
    unknown: Counter[str] = Counter()
    shapeless = 0
    for feature in content["features"]:
        try:
            name = str(feature["properties"]["classification"]["name"])
            corners = np.array(feature["geometry"]["coordinates"][0], np.float64)
            (x0, y0), (x1, y1) = corners.min(axis=0)[:2].tolist(), corners.max(axis=0)[:2].tolist()
        except (KeyError, TypeError, ValueError, IndexError):
            shapeless += 1
            continue
        if name not in class_indices():
            unknown[name] += 1
        elif not (x1 > x0 >= 0 and y1 > y0 >= 0 and np.isfinite((x1, y1)).all()):
            shapeless += 1
        else:
            found.append(Region(x0, y0, x1, y1, class_indices()[name]))
    notes = []
    if unknown:
        names = ", ".join(escape_control(name[:40]) for name in sorted(unknown)[:5])
        notes.append(strings.UNKNOWN_CLASS.format(path=file, count=unknown.total(), names=names))
    if shapeless:
        notes.append(strings.SHAPELESS.format(path=file, count=shapeless))
    return tuple(found), notes
