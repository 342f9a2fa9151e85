"""What a slide head is trained on: labels from a table, the feature files that belong to them, the splits.

No patient is in two splits: patients are divided, not slides. Inputs that do not fit together raise an error
that names the line or the file; slides without a label or features are left out, with a note.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from viewer.common.errors import FoveolaError
from viewer.common.text import escape_control
from viewer.relevance.encoders.card import FILE_PREFIX
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.training import strings
from viewer.relevance.training.bags import FILE_SUFFIXES, feature_files, file_facts, read_bag
from viewer.slide.formats.listing import slides_among
from viewer.slide.formats.registry import slide_suffixes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from viewer.relevance.training.bags import FeatureBag
    from viewer.slide.locator import Locator

_MAX_TABLE_BYTES = 64 << 20
_NAMES_SHOWN = 5
_HELD_OUT_PARTS = 5
"""Without folds, a fifth of the patients is for the test and a fifth for validation, where so many are."""
LEAST_PARTS = 3
"""One to train on, one to stop by, one to test on."""
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


class TrainingError(FoveolaError):
    """A training that cannot be done as requested: the reason and what to do, for the user."""


@dataclass(frozen=True, slots=True)
class Label:
    """A line of the table. ``patient``: without regard to case, "" where the table names none. ``split``:
    "train", "validation" or "test", "" where the table has none.
    """

    slide: str
    label: str
    patient: str
    split: str


@dataclass(frozen=True, slots=True)
class Case:
    """A slide to train on. ``patient`` is the slide itself where none is stated. ``mean`` and ``spread``
    (width,) float64: of its features, the latter the sum of squared distances from the mean. ``digest``:
    SHA-256 of features and cells.
    """

    slide: str
    label: int
    patient: str
    split: str
    path: Path
    patches: int
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    digest: str


@dataclass(frozen=True, slots=True)
class Cohort:
    """All cases, sorted by slide, and the encoder of their features. ``patients_stated``: the table has a
    patient for every slide.
    """

    classes: tuple[str, ...]
    cases: tuple[Case, ...]
    encoder: str
    encoder_version: str
    feature_width: int
    notes: tuple[str, ...]
    patients_stated: bool = True


@dataclass(frozen=True, slots=True)
class Split:
    """Which cases, by their index, a head is trained on, stopped and calibrated by, and tested on."""

    name: str
    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


# Labels


def slide_key(name: str) -> str:
    """The name that tables and files share for a slide: without its folder and a slide's suffix."""
    last = PurePath(name.replace("\\", "/")).name
    return PurePath(last).stem if PurePath(last).suffix.lower() in slide_suffixes() else last


def read_labels(path: Path) -> tuple[dict[str, Label], tuple[str, ...]]:
    """The table's slides by their key, and notes: columns slide, label, and optionally patient and split.

    Separated by commas or semicolons, UTF-8. A slide without label is left out, with a note. Raises
    TrainingError for a table that cannot be used, with its line.
    """
    rows = _rows(path)
    names = [cell.strip().casefold() for cell in rows[0][1]] if rows else []
    for needed in ("slide", "label"):
        if names.count(needed) != 1:
            raise TrainingError(strings.COLUMN.format(path=path, column=needed))
    labels: dict[str, Label] = {}
    unlabelled: list[str] = []
    for number, cells in rows[1:]:
        if not any(cell.strip() for cell in cells):
            continue
        where = {"path": path, "line": number}
        if len(cells) != len(names):
            raise TrainingError(strings.VALUE_COUNT.format(**where, found=len(cells), expected=len(names)))
        row = dict(zip(names, (cell.strip() for cell in cells), strict=True))
        slide = slide_key(row["slide"])
        if not slide:
            raise TrainingError(strings.NO_SLIDE.format(**where))
        if slide in labels or slide in unlabelled:
            raise TrainingError(strings.SLIDE_TWICE.format(**where, slide=escape_control(slide)))
        if not row["label"]:
            unlabelled.append(slide)
            continue
        if not row.get("patient", slide):
            raise TrainingError(strings.NO_PATIENT.format(**where, slide=escape_control(slide)))
        split = _SPLITS.get(row.get("split", "").casefold(), "")
        if not split and "split" in names:
            raise TrainingError(strings.UNKNOWN_SPLIT.format(**where, split=row["split"]))
        labels[slide] = Label(slide, row["label"], row.get("patient", "").casefold(), split)
    _check_spellings(path, {label.label for label in labels.values()})
    note = strings.UNLABELLED_IN_TABLE.format(path=path, slides=listed(unlabelled))
    return labels, (note,) if unlabelled else ()


def _check_spellings(path: Path, names: set[str]) -> None:
    """Raises TrainingError where two labels differ only in case and spaces: probably one class."""
    spelt: dict[str, str] = {}
    for name in sorted(names):
        other = spelt.setdefault("".join(name.casefold().split()), name)
        if other != name:
            raise TrainingError(
                strings.SPELLING.format(path=path, one=escape_control(other), other=escape_control(name))
            )


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    try:
        if path.exists() and not path.is_file():  # reading a pipe would block, a device never ends
            raise TrainingError(strings.NOT_REGULAR.format(path=path))
        with path.open("rb") as file:
            data = file.read(_MAX_TABLE_BYTES + 1)
        if len(data) > _MAX_TABLE_BYTES:
            raise TrainingError(strings.TABLE_TOO_LARGE.format(path=path))
        text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig").read()
        first = text.partition("\n")[0]
        reader = csv.reader(io.StringIO(text), delimiter=";" if "," not in first else ",", strict=True)
        return [(reader.line_num, cells) for cells in reader]
    except OSError as error:
        raise TrainingError(strings.TABLE_UNREADABLE.format(path=path, reason=error.strerror)) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise TrainingError(strings.NOT_A_TABLE.format(path=path, error=error)) from error


# Features


def gather(
    paths: Sequence[Path],
    labels: Mapping[str, Label],
    *,
    stores: Mapping[str, Path] | None = None,
    encoder: str | None = None,
    progress: Callable[[float, float], None] = lambda _done, _total: None,
) -> Cohort:
    """The labelled slides that have features in these files and folders. Every file is read once.

    ``stores``: further files by the key of their slide, whatever name they state: a slide may have been
    renamed. ``encoder``: the one to use where there are features of several.

    Raises TrainingError where files do not fit each other, FeatureFileError for a file that was named or
    belongs to a labelled slide and cannot be used. Other files in a folder are left out, with a note.
    """
    classes = tuple(sorted({label.label for label in labels.values()}))
    patients_stated = all(label.patient for label in labels.values())
    if len(classes) < 2:
        raise TrainingError(strings.TOO_FEW_CLASSES.format(labels=listed(classes)))
    cases: dict[str, Case] = {}
    notes: list[str] = []
    unlabelled: list[str] = []
    seen: FeatureBag | None = None
    named = {path.resolve() for path in paths}
    files = [(path, "") for path in feature_files(paths)]
    files += [(path, slide) for slide, path in (stores or {}).items()]
    for number, (path, slide) in enumerate(files):
        progress(number, len(files))
        try:
            facts = file_facts(path)
        except FeatureFileError as error:
            if path.resolve() in named:
                raise
            notes.append(strings.FILE_SKIPPED.format(error=error))
            continue
        label = labels.get(slide or slide_key(facts.slide))
        if label is None or not _is_chosen(facts.encoder, encoder):
            if label is None:
                unlabelled.append(facts.slide)
            continue
        bag = read_bag(path)
        if not _is_chosen(bag.encoder, encoder):
            continue
        notes += bag.notes
        _check_fits(bag, seen)
        seen = bag
        if label.slide in cases:
            raise TrainingError(
                strings.SLIDE_IN_TWO_FILES.format(
                    path=path, other_path=cases[label.slide].path, slide=escape_control(label.slide)
                )
            )
        cases[label.slide] = _case(bag, label, classes)
    if seen is None:
        raise TrainingError(strings.NO_FEATURES)
    if unlabelled:
        notes.append(strings.UNLABELLED.format(slides=listed(sorted(set(unlabelled)))))
    missing = sorted(set(labels) - set(cases))
    if missing:
        notes.append(strings.FEATURES_MISSING.format(slides=listed(missing)))
    if not patients_stated:
        notes.append(strings.PATIENTS_NOT_STATED)
    progress(1, 1)
    ordered = tuple(cases[slide] for slide in sorted(cases))
    width = seen.features.shape[1]
    return Cohort(classes, ordered, seen.encoder, seen.encoder_version, width, tuple(notes), patients_stated)


def split_paths(
    paths: Sequence[Path], labels: Mapping[str, Label], encoder: str | None
) -> tuple[list[Path], dict[str, Path | Locator]]:
    """Feature files and folders among ``paths``, and the labelled slides without features there, by their
    key. ``encoder``: see ``gather``.

    Raises OSError where a folder cannot be listed, TrainingError where two slides have one name.
    """
    files = [path for path in paths if path.is_dir() or path.suffix in FILE_SUFFIXES]
    covered: set[str] = set()
    for file in feature_files(files):
        with suppress(FeatureFileError):  # ``gather`` says so
            facts = file_facts(file)
            if _is_chosen(facts.encoder, encoder):
                covered.add(slide_key(facts.slide))
    slides: dict[str, Path | Locator] = {}
    for path in slides_among([path for path in paths if path.suffix not in FILE_SUFFIXES]):
        key = slide_key(path.name)
        if key not in labels or key in covered:
            continue
        if key in slides:
            named = {"path": path, "other_path": slides[key], "slide": escape_control(key)}
            raise TrainingError(strings.SLIDE_TWICE_AMONG_FILES.format(**named))
        slides[key] = path
    return files, slides


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = len(names) - _NAMES_SHOWN
    first = ", ".join(escape_control(name) for name in names[:_NAMES_SHOWN])
    return strings.AND_MORE.format(names=first, count=more) if more > 0 else first


def _is_chosen(encoder: str | None, chosen: str | None) -> bool:
    return encoder is None or chosen is None or encoder in (chosen, f"{FILE_PREFIX}{chosen}")


def _check_fits(bag: FeatureBag, seen: FeatureBag | None) -> None:
    """One head reads the features of one encoder. Raises TrainingError."""
    if seen is None:
        return
    ours = bag.encoder, bag.encoder_version, bag.features.shape[1]
    theirs = seen.encoder, seen.encoder_version, seen.features.shape[1]
    if ours == theirs:
        return
    one, other = (
        strings.ENCODER.format(encoder=encoder, version=version, width=width)
        for encoder, version, width in (ours, theirs)
    )
    raise TrainingError(
        strings.ENCODERS_DIFFER.format(path=bag.path, encoder=one, other_path=seen.path, other_encoder=other)
    )


def _case(bag: FeatureBag, label: Label, classes: tuple[str, ...]) -> Case:
    features = bag.features.astype(np.float64)
    mean = features.mean(axis=0)
    features -= mean
    digest = hashlib.sha256(np.ascontiguousarray(bag.features, "<f4").data)
    digest.update(np.ascontiguousarray(bag.cells, "<i8").data)
    return Case(
        label.slide,
        classes.index(label.label),
        label.patient or label.slide,
        label.split,
        bag.path,
        len(bag.features),
        mean,
        np.einsum("nd,nd->d", features, features),
        digest.hexdigest(),
    )


# Splits


def plan_splits(cohort: Cohort, *, folds: int, seed: int) -> tuple[Split, ...]:
    """The table's own split where it has one; else ``folds`` of them, or with 1 a single held-out one.

    Patients are divided so that every part has its share of every class. In fold i part i is the test, the
    next one validation. Raises TrainingError where the patients do not suffice, or one is in two splits.
    """
    cases = cohort.cases
    everyone = range(len(cases))
    if any(case.split for case in cases):
        return (_given_split(cohort, seed),)
    fewest, rarest = _fewest_patients(cohort, everyone)
    if folds == 2:
        raise TrainingError(strings.TWO_FOLDS)
    parts_count = folds if folds > 1 else min(_HELD_OUT_PARTS, fewest)
    if fewest < max(parts_count, LEAST_PARTS):
        message = strings.TOO_FEW_FOR_FOLDS if folds > LEAST_PARTS else strings.TOO_FEW_FOR_PARTS
        needed = max(folds, LEAST_PARTS)
        raise TrainingError(message.format(needed=needed, label=escape_control(rarest), found=fewest))
    parts = patient_parts(cohort, everyone, count=parts_count, seed=seed)
    return tuple(
        Split(
            f"fold {number + 1}" if folds > 1 else "held out",
            _joined(parts, {number, (number + 1) % parts_count}),
            parts[(number + 1) % parts_count],
            parts[number],
        )
        for number in range(folds if folds > 1 else 1)
    )


def final_split(cohort: Cohort, splits: Sequence[Split], *, seed: int) -> Split:
    """The split of the final head: after folds all slides except its validation's, without a test."""
    if len(splits) == 1:
        return splits[0]
    parts = patient_parts(cohort, range(len(cohort.cases)), count=len(splits), seed=seed)
    return Split("all", _joined(parts, {0}), parts[0], ())


def patient_parts(
    cohort: Cohort, among: Sequence[int], *, count: int, seed: int
) -> tuple[tuple[int, ...], ...]:
    """Cases in ``count`` parts, no patient in two of them, each with about its share of every class.

    The patients with most slides first, each to the part that has least of their labels. Raises
    TrainingError where a class is missing from a part.
    """
    classes = len(cohort.classes)
    slides: dict[str, list[int]] = {}
    for index in among:
        slides.setdefault(cohort.cases[index].patient, []).append(index)
    patients = sorted(slides)
    rng = np.random.default_rng([seed, 0x5917])
    patients = [patients[place] for place in rng.permutation(len(patients))]
    load = np.zeros((count, classes))
    parts: list[list[int]] = [[] for _ in range(count)]
    for patient in sorted(patients, key=lambda one: -len(slides[one])):
        own = np.bincount([cohort.cases[index].label for index in slides[patient]], minlength=classes)
        part = min(range(count), key=lambda one: (float(load[one] @ own), float(load[one].sum()), one))
        load[part] += own
        parts[part] += slides[patient]
    empty = np.argwhere(load == 0)
    if len(empty):
        label = cohort.classes[int(empty[0, 1])]
        raise TrainingError(strings.UNEVEN_PARTS.format(parts=count, label=escape_control(label)))
    return tuple(tuple(sorted(part)) for part in parts)


def _given_split(cohort: Cohort, seed: int) -> Split:
    homes: dict[str, str] = {}
    for case in cohort.cases:
        home = homes.setdefault(case.patient, case.split)
        if home != case.split:
            raise TrainingError(
                strings.PATIENT_IN_TWO_SPLITS.format(
                    patient=escape_control(case.patient), one=home, other=case.split
                )
            )
    chosen = {
        name: tuple(index for index, case in enumerate(cohort.cases) if case.split == name)
        for name in ("train", "validation", "test")
    }
    if not chosen["test"]:
        raise TrainingError(strings.NO_TEST)
    if not chosen["validation"]:
        fewest, rarest = _fewest_patients(cohort, chosen["train"])
        if fewest < 2:
            raise TrainingError(
                strings.TOO_FEW_FOR_VALIDATION.format(label=escape_control(rarest), found=fewest)
            )
        parts_count = min(_HELD_OUT_PARTS, fewest)
        parts = patient_parts(cohort, chosen["train"], count=parts_count, seed=seed)
        chosen |= {"train": _joined(parts, {0}), "validation": parts[0]}
    for name in ("train", "validation"):
        fewest, rarest = _fewest_patients(cohort, chosen[name])
        if not fewest:
            raise TrainingError(strings.CLASS_MISSING.format(part=name, label=escape_control(rarest)))
    return Split("held out", chosen["train"], chosen["validation"], chosen["test"])


def _fewest_patients(cohort: Cohort, among: Sequence[int]) -> tuple[int, str]:
    """Of the class that fewest patients have: how many, and its name."""
    pairs = {(cohort.cases[index].patient, cohort.cases[index].label) for index in among}
    counts = Counter(label for _, label in pairs)
    return min((counts[label], name) for label, name in enumerate(cohort.classes))


def _joined(parts: Sequence[tuple[int, ...]], left_out: set[int]) -> tuple[int, ...]:
    return tuple(sorted(index for n, part in enumerate(parts) if n not in left_out for index in part))
