"""What a slide head is trained on: labels from a table, the feature files that belong to them, the splits.

Nobody is in two splits: patients are shared out, not slides. What does not fit together is refused with the
line or the file; slides that lack a label or features are left out, and said.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from viewer.common.errors import FoveolaError
from viewer.common.text import escape_control
from viewer.relevance.encoders.card import FILE_PREFIX
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.training.bags import feature_files, file_facts, read_bag
from viewer.slide.formats.registry import slide_suffixes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from viewer.relevance.training.bags import FeatureBag

_MAX_TABLE_BYTES = 64 << 20
_NAMES_SHOWN = 5
_HELD_OUT_PARTS = 5
"""Without folds, a fifth of the patients is for the test and a fifth for validation, where so many are."""
LEAST_PARTS = 3
"""One to train on, one to stop by, one to test on."""
_NO_PATIENTS = (
    "Patients are not stated (the table has no column patient): every slide counts as a patient of its own. "
    "Where several are of one patient, training and test may share them, and the figures are too good."
)
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


class TrainingError(FoveolaError):
    """A training that cannot be done as asked: why, and what to do, in words for the reader."""


@dataclass(frozen=True, slots=True)
class Label:
    """A line of the table. ``patient``: without regard to case, "" where the table names none. ``split``:
    "train", "validation" or "test", "" where the table does not say.
    """

    slide: str
    label: str
    patient: str
    split: str


@dataclass(frozen=True, slots=True)
class Case:
    """A slide to train on. ``patient`` is the slide itself where none is stated. ``mean`` and ``spread``
    (width,) float64: of its features, the latter the sum of squared distances from the mean. ``digest`` tells
    its features from any others.
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
    """All cases, by the names of their slides, and what their features are. ``patients_stated``: the table
    says whose slides they are.
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
    """The name of a slide as tables and files agree on it: without folder and without a slide's ending."""
    last = PurePath(name.replace("\\", "/")).name
    return PurePath(last).stem if PurePath(last).suffix.lower() in slide_suffixes() else last


def read_labels(path: Path) -> tuple[dict[str, Label], tuple[str, ...]]:
    """The table's slides by their key, and notes: columns slide, label, if it likes patient and split.

    Separated by commas or semicolons, UTF-8. A slide without label is left out, with a note. Raises
    TrainingError for a table that cannot be used, with its line.
    """
    rows = _rows(path)
    names = [cell.strip().casefold() for cell in rows[0][1]] if rows else []
    for needed in ("slide", "label"):
        if names.count(needed) != 1:
            raise TrainingError(f"{path}: its first line names no column {needed!r}, or several")
    labels: dict[str, Label] = {}
    unlabelled: list[str] = []
    for number, cells in rows[1:]:
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{path}: line {number}"
        if len(cells) != len(names):
            raise TrainingError(f"{where} has {len(cells)} values for {len(names)} columns")
        row = dict(zip(names, (cell.strip() for cell in cells), strict=True))
        slide = slide_key(row["slide"])
        if not slide:
            raise TrainingError(f"{where} names no slide")
        if slide in labels or slide in unlabelled:
            raise TrainingError(f"{where}: slide {escape_control(slide)} is there twice")
        if not row["label"]:
            unlabelled.append(slide)
            continue
        if not row.get("patient", slide):
            raise TrainingError(f"{where}: slide {escape_control(slide)} has no patient, and others have")
        split = _SPLITS.get(row.get("split", "").casefold(), "")
        if not split and "split" in names:
            raise TrainingError(f"{where}: split is train, validation or test, not {row['split']!r}")
        labels[slide] = Label(slide, row["label"], row.get("patient", "").casefold(), split)
    _check_spellings(path, {label.label for label in labels.values()})
    notes = (f"{path}: no label is given for {listed(unlabelled)}.",) if unlabelled else ()
    return labels, notes


def _check_spellings(path: Path, names: set[str]) -> None:
    """Raises TrainingError where two labels differ in nothing but case and spaces: one class, most likely."""
    spelt: dict[str, str] = {}
    for name in sorted(names):
        other = spelt.setdefault("".join(name.casefold().split()), name)
        if other != name:
            labels = f"{escape_control(other)!r} and {escape_control(name)!r}"
            raise TrainingError(
                f"{path}: the labels {labels} differ in case or spaces alone: "
                "spell them alike where they are one class, and name them otherwise where they are two"
            )


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    try:
        if path.exists() and not path.is_file():  # a pipe waits for ever, a device has no end
            raise TrainingError(f"{path}: this is not a regular file")
        with path.open("rb") as file:
            data = file.read(_MAX_TABLE_BYTES + 1)
        if len(data) > _MAX_TABLE_BYTES:
            raise TrainingError(f"{path}: it is too large for a table of labels")
        text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig").read()
        first = text.partition("\n")[0]
        reader = csv.reader(io.StringIO(text), delimiter=";" if "," not in first else ",", strict=True)
        return [(reader.line_num, cells) for cells in reader]
    except OSError as error:
        raise TrainingError(f"{path}: it cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise TrainingError(f"{path}: it is no table of text ({error})") from error


# Features


def gather(
    paths: Sequence[Path],
    labels: Mapping[str, Label],
    *,
    encoder: str | None = None,
    progress: Callable[[float, float], None] = lambda _done, _total: None,
) -> Cohort:
    """The labelled slides that have features in these files and folders. Every file is read once.

    ``encoder``: whose features to use where there are those of several. Raises TrainingError where files do
    not fit each other, FeatureFileError for a file that was named or belongs to a labelled slide and cannot
    be used. Other files in a folder are left out, with a note.
    """
    classes = tuple(sorted({label.label for label in labels.values()}))
    patients_stated = all(label.patient for label in labels.values())
    if len(classes) < 2:
        raise TrainingError(f"labels of two kinds are needed to tell apart; there is {listed(classes)}")
    cases: dict[str, Case] = {}
    notes: list[str] = []
    unlabelled: list[str] = []
    seen: FeatureBag | None = None
    named = {path.resolve() for path in paths}
    files = feature_files(paths)
    for number, path in enumerate(files):
        progress(number, len(files))
        try:
            facts = file_facts(path)
        except FeatureFileError as error:
            if path.resolve() in named:
                raise
            notes.append(f"Left out: {error}.")
            continue
        label = labels.get(slide_key(facts.slide))
        if label is None or not _wanted(facts.encoder, encoder):
            if label is None:
                unlabelled.append(facts.slide)
            continue
        bag = read_bag(path)
        if not _wanted(bag.encoder, encoder):
            continue
        notes += bag.notes
        _check_fits(bag, seen)
        seen = bag
        if label.slide in cases:
            name = escape_control(label.slide)
            raise TrainingError(
                f"{path} and {cases[label.slide].path} both hold features of slide {name}; "
                "name one of them, or their encoder with --encoder"
            )
        cases[label.slide] = _case(bag, label, classes)
    if seen is None:
        raise TrainingError("none of the labelled slides has features here")
    if unlabelled:
        notes.append(f"No label is given for {listed(sorted(set(unlabelled)))}.")
    missing = sorted(set(labels) - set(cases))
    if missing:
        notes.append(f"There are no features of {listed(missing)}, which the table labels.")
    if not patients_stated:
        notes.append(_NO_PATIENTS)
    progress(1, 1)
    ordered = tuple(cases[slide] for slide in sorted(cases))
    width = seen.features.shape[1]
    return Cohort(classes, ordered, seen.encoder, seen.encoder_version, width, tuple(notes), patients_stated)


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = len(names) - _NAMES_SHOWN
    first = ", ".join(escape_control(name) for name in names[:_NAMES_SHOWN])
    return f"{first} and {more:,} more" if more > 0 else first


def _wanted(given: str | None, wanted: str | None) -> bool:
    return given is None or wanted is None or given in (wanted, f"{FILE_PREFIX}{wanted}")


def _check_fits(bag: FeatureBag, seen: FeatureBag | None) -> None:
    """One head reads the features of one encoder. Raises TrainingError."""
    if seen is None:
        return
    ours = bag.encoder, bag.encoder_version, bag.features.shape[1]
    theirs = seen.encoder, seen.encoder_version, seen.features.shape[1]
    if ours == theirs:
        return
    words = (f"{name} (version {version}), {width} values a patch" for name, version, width in (ours, theirs))
    raise TrainingError(
        f"{bag.path}: its features are of {next(words)}, and those of {seen.path} of {next(words)}; a head "
        "is trained on one encoder's: choose it with --encoder"
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

    Patients are shared out so that every part has its share of every class. Of fold i part i is the test, the
    next one validation. Raises TrainingError where the patients do not suffice, or one is in two splits.
    """
    cases = cohort.cases
    everyone = range(len(cases))
    if any(case.split for case in cases):
        return (_given_split(cohort, seed),)
    fewest, rarest = _fewest_patients(cohort, everyone)
    if folds == 2:
        raise TrainingError(
            "two folds leave nothing to train on: with 1 a part is held out, 3 or more rotate"
        )
    parts_count = folds if folds > 1 else min(_HELD_OUT_PARTS, fewest)
    if fewest < max(parts_count, LEAST_PARTS):
        needed = (
            f"{folds} folds need {folds}" if folds > LEAST_PARTS else "training, validation and test need 3"
        )
        have = "one patient has" if fewest == 1 else f"{fewest} patients have"
        raise TrainingError(f"{have} the label {escape_control(rarest)}, and {needed}")
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
    """What the head that is kept is trained on: after folds all that no validation needs, and no test."""
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
    chance = np.random.default_rng([seed, 0x5917])
    patients = [patients[place] for place in chance.permutation(len(patients))]
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
        raise TrainingError(
            f"patients cannot be shared out so that {count} parts all have label {escape_control(label)}"
        )
    return tuple(tuple(sorted(part)) for part in parts)


def _given_split(cohort: Cohort, seed: int) -> Split:
    homes: dict[str, str] = {}
    for case in cohort.cases:
        home = homes.setdefault(case.patient, case.split)
        if home != case.split:
            raise TrainingError(
                f"patient {escape_control(case.patient)} has slides for {home} and for {case.split}"
            )
    chosen = {
        name: tuple(index for index, case in enumerate(cohort.cases) if case.split == name)
        for name in ("train", "validation", "test")
    }
    if not chosen["test"]:
        raise TrainingError("the table's split leaves no slide for the test")
    if not chosen["validation"]:
        fewest, rarest = _fewest_patients(cohort, chosen["train"])
        if fewest < 2:
            raise TrainingError(
                f"validation needs a patient of label {escape_control(rarest)} and so does training"
            )
        parts_count = min(_HELD_OUT_PARTS, fewest)
        parts = patient_parts(cohort, chosen["train"], count=parts_count, seed=seed)
        chosen |= {"train": _joined(parts, {0}), "validation": parts[0]}
    for name in ("train", "validation"):
        fewest, rarest = _fewest_patients(cohort, chosen[name])
        if not fewest:
            raise TrainingError(f"no slide for {name} has the label {escape_control(rarest)}")
    return Split("held out", chosen["train"], chosen["validation"], chosen["test"])


def _fewest_patients(cohort: Cohort, among: Sequence[int]) -> tuple[int, str]:
    """Of the class that fewest patients have: how many, and its name."""
    pairs = {(cohort.cases[index].patient, cohort.cases[index].label) for index in among}
    counts = Counter(label for _, label in pairs)
    return min((counts[label], name) for label, name in enumerate(cohort.classes))


def _joined(parts: Sequence[tuple[int, ...]], left_out: set[int]) -> tuple[int, ...]:
    return tuple(sorted(index for n, part in enumerate(parts) if n not in left_out for index in part))
