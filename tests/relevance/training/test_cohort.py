"""Labels, the files that belong to them, and splits in which nobody is twice."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.messages import pattern
from tests.relevance.training_stores import written
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.training import strings
from viewer.relevance.training.cohort import (
    Case,
    Cohort,
    Label,
    TrainingError,
    final_split,
    gather,
    listed,
    patient_parts,
    plan_splits,
    read_labels,
    slide_key,
)

CELLS = np.array([[0, 0], [0, 1]], np.int32)
NOTHING = np.zeros(3)


def table(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode(encoding))
    return path


def labels(**given: str) -> dict[str, Label]:
    return {slide: Label(slide, label, slide, "") for slide, label in given.items()}


def store(folder: Path, slide: str, *, width: int = 3, encoder: str = "fake") -> Path:
    return written(folder, slide, np.full((2, width), len(slide), np.float32), CELLS, encoder=encoder)


def cohort(*members: tuple[str, int, str], splits: str = "", classes: int = 2) -> Cohort:
    """Slides as (name, label, patient)."""
    cases = tuple(
        Case(slide, label, patient, splits, Path(slide), 1, NOTHING, NOTHING, "")
        for slide, label, patient in members
    )
    return Cohort(tuple("abcd"[:classes]), cases, "fake", "1", 3, ())


@pytest.mark.parametrize(
    ("name", "key"),
    [("a.svs", "a"), ("in/b.v2.TIF", "b.v2"), ("c\\d.ndpi", "d"), ("TCGA-1.F00", "TCGA-1.F00"), ("", "")],
)
def test_slides_are_named_without_their_endings(name: str, key: str) -> None:
    assert slide_key(name) == key


def test_a_table(tmp_path: Path) -> None:
    text = (
        "\ufeffLabel, Slide ,patient,split,age\nyes,a.svs,P1,Train,40\n\n,b,P2,val,\nno,c,P3,validation,3\n"
    )
    found, notes = read_labels(table(tmp_path, text))
    assert found == {"a": Label("a", "yes", "p1", "train"), "c": Label("c", "no", "p3", "validation")}
    assert re.fullmatch(pattern(strings.UNLABELLED_IN_TABLE, slides="b"), notes[0])


def test_a_table_with_semicolons_and_no_patients(tmp_path: Path) -> None:
    found, notes = read_labels(table(tmp_path, 'slide;label\n"a; b";1,5\n'))
    assert found == {"a; b": Label("a; b", "1,5", "", "")}
    assert notes == ()


def test_patients_are_the_same_however_they_are_written(tmp_path: Path) -> None:
    found, _ = read_labels(table(tmp_path, "slide,label,patient\na,1,P01\nb,2, p01\n"))
    assert found["a"].patient == found["b"].patient == "p01"


def test_patients_that_nobody_states_are_said(tmp_path: Path) -> None:
    for slide in ("TCGA-AA-1-DX1", "TCGA-AA-1-DX2"):
        store(tmp_path, slide)
    given, _ = read_labels(table(tmp_path, "slide,label\nTCGA-AA-1-DX1,a\nTCGA-AA-1-DX2,b\n"))
    found = gather([tmp_path], given)
    assert not found.patients_stated
    assert [case.patient for case in found.cases] == ["TCGA-AA-1-DX1", "TCGA-AA-1-DX2"]
    assert found.notes[-1] == strings.PATIENTS_NOT_STATED
    stated = {slide: Label(slide, label, "p", "") for slide, label in zip(given, "ab", strict=True)}
    assert gather([tmp_path], stated).patients_stated


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", pattern(strings.COLUMN, column="'slide'")),
        ("slide,class\na,1\n", pattern(strings.COLUMN, column="'label'")),
        ("slide,label,label\na,1,1\n", pattern(strings.COLUMN, column="'label'")),
        ("slide,label\na,1\na.svs,1\n", pattern(strings.SLIDE_TWICE, line=3, slide="a")),
        ("slide,label\na\n", pattern(strings.VALUE_COUNT, line=2, found=1, expected=2)),
        ("slide,label\n,1\n", pattern(strings.NO_SLIDE, line=2)),
        ("slide,label,patient\na,1,\n", pattern(strings.NO_PATIENT, line=2, slide="a")),
        ("slide,label,split\na,1,later\n", pattern(strings.UNKNOWN_SPLIT, line=2, split="'later'")),
        ('slide,label\n"a,1\n', pattern(strings.NOT_A_TABLE)),
    ],
)
def test_a_bad_table_is_refused_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        read_labels(table(tmp_path, text))


def test_a_table_that_is_no_text_or_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=pattern(strings.NOT_A_TABLE)):
        read_labels(table(tmp_path, "slide,label\nä,1\n", "latin-1"))
    with pytest.raises(TrainingError, match=pattern(strings.TABLE_UNREADABLE)):
        read_labels(tmp_path / "missing.csv")
    with (tmp_path / "labels.csv").open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(TrainingError, match=pattern(strings.TABLE_TOO_LARGE)):
        read_labels(tmp_path / "labels.csv")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_table_that_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = {"device": Path("/dev/zero"), "folder": tmp_path}.get(kind, tmp_path / "pipe")
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(TrainingError, match=pattern(strings.NOT_REGULAR)):
        read_labels(path)


def test_labels_that_differ_in_case_or_spaces_alone_are_refused(tmp_path: Path) -> None:
    for one, other in (("tumor", "TUMOR"), ("grade 1", "grade  1"), ("Grade 1", "grade1")):
        with pytest.raises(TrainingError, match=pattern(strings.SPELLING)) as raised:
            read_labels(table(tmp_path, f"slide,label\na,{one}\nb,{other}\nc,{one}\n"))
        assert repr(one) in str(raised.value)
        assert repr(other) in str(raised.value)


def test_files_are_found_by_their_slides(tmp_path: Path) -> None:
    for slide in ("a", "b", "c"):
        store(tmp_path, slide)
    (tmp_path / "other.h5").write_bytes(b"no")
    found = gather([tmp_path], labels(b="yes", a="no", lost="yes"))
    assert [(case.slide, case.label) for case in found.cases] == [("a", 0), ("b", 1)]
    assert (found.classes, found.encoder, found.feature_width) == (("no", "yes"), "fake", 3)
    skipped, *others = found.notes
    assert re.fullmatch(pattern(strings.FILE_SKIPPED), skipped)
    assert others == [strings.UNLABELLED.format(slides="c"), strings.FEATURES_MISSING.format(slides="lost")]


def test_features_are_summed_up(tmp_path: Path) -> None:
    features = np.array([[1, 2, 3], [3, 2, 1]], np.float32)
    written(tmp_path, "a", features, CELLS)
    store(tmp_path, "b")
    first, second = gather([tmp_path], labels(a="yes", b="no")).cases
    assert first.mean.tolist() == [2, 2, 2]
    assert first.spread.tolist() == [2, 0, 2]
    assert first.digest != second.digest


def test_one_encoder_is_chosen_among_several(tmp_path: Path) -> None:
    for slide in ("a", "b"):
        store(tmp_path, slide)
        store(tmp_path, slide, width=4, encoder="more")
    wanted = labels(a="yes", b="no")
    assert gather([tmp_path], wanted, encoder="more").feature_width == 4
    with pytest.raises(TrainingError, match=pattern(strings.ENCODERS_DIFFER)):
        gather([tmp_path], wanted)


def test_another_programs_encoder_is_known_after_reading(tmp_path: Path) -> None:
    for slide in ("a", "b"):
        store(tmp_path, slide)
        with h5py.File(tmp_path / f"{slide}.h5", "w") as file:
            file["features"], file["coords"] = np.ones((2, 3), np.float32), np.array([[0, 0], [256, 0]])
            file["features"].attrs["encoder"] = "uni_v1"
            file["coords"].attrs["patch_size_level0"] = 256
    wanted = labels(a="yes", b="no")
    assert gather([tmp_path], wanted, encoder="uni_v1").encoder == "file:uni_v1"
    assert gather([tmp_path], wanted, encoder="fake").encoder == "fake"


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    wanted = labels(a="yes", b="no")
    one, two = store(tmp_path, "a"), store(tmp_path / "more", "a")
    with pytest.raises(TrainingError, match=pattern(strings.SLIDE_IN_TWO_FILES, slide="a")) as refusal:
        gather([one, two], wanted)
    assert str(one) in str(refusal.value)
    other = strings.ENCODER.format(encoder="fake", version=1, width=4)
    with pytest.raises(TrainingError, match=pattern(strings.ENCODERS_DIFFER, encoder=other)):
        gather([one, store(tmp_path, "b", width=4)], wanted)
    with pytest.raises(TrainingError, match=pattern(strings.TOO_FEW_CLASSES, labels="yes")):
        gather([one], labels(a="yes", b="yes"))
    with pytest.raises(TrainingError, match=strings.NO_FEATURES):
        gather([one], labels(c="yes", d="no"))
    (tmp_path / "bad.h5").write_bytes(b"no")
    with pytest.raises(FeatureFileError, match=r"bad\.h5"):
        gather([tmp_path / "bad.h5"], wanted)


def test_many_names_are_cut_short() -> None:
    assert listed("abcdefg") == "a, b, c, d, e and 2 more"


def many(patients: int, slides_each: int = 2) -> Cohort:
    """Patients of whom a third has label 1."""
    return cohort(
        *((f"s{p}-{n}", int(p % 3 == 0), f"p{p}") for p in range(patients) for n in range(slides_each))
    )


def patients_of(given: Cohort, indices: tuple[int, ...]) -> set[str]:
    return {given.cases[index].patient for index in indices}


@pytest.mark.parametrize("folds", [1, 3, 5])
def test_nobody_is_in_two_splits_and_all_classes_are_in_each(folds: int) -> None:
    given = many(31)
    splits = plan_splits(given, folds=folds, seed=4)
    assert len(splits) == folds
    for split in splits:
        parts = [patients_of(given, part) for part in (split.train, split.validation, split.test)]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 31
        for part in (split.validation, split.test):
            share = np.mean([given.cases[index].label for index in part])
            assert abs(share - 11 / 31) < 0.12
    if folds > 1:
        tested = Counter(index for split in splits for index in split.test)
        assert set(tested.values()) == {1}
        assert len(tested) == len(given.cases)


def test_a_seed_gives_its_split() -> None:
    assert plan_splits(many(31), folds=3, seed=1) == plan_splits(many(31), folds=3, seed=1)
    assert plan_splits(many(31), folds=3, seed=1) != plan_splits(many(31), folds=3, seed=2)


def test_after_folds_the_last_head_sees_all_but_its_validation() -> None:
    given = many(12)
    splits = plan_splits(given, folds=3, seed=0)
    final = final_split(given, splits, seed=0)
    assert final.test == ()
    assert sorted(final.train + final.validation) == list(range(24))
    assert not patients_of(given, final.train) & patients_of(given, final.validation)
    alone = plan_splits(given, folds=1, seed=0)
    assert final_split(given, alone, seed=0) is alone[0]


def test_large_patients_do_not_upset_the_parts() -> None:
    given = cohort(*((f"s{n}", 0, f"p{n // 10 if n < 30 else n}") for n in range(60)), classes=1)
    sizes = [len(part) for part in patient_parts(given, range(60), count=3, seed=0)]
    assert sizes == [20, 20, 20]


@pytest.mark.parametrize(
    ("members", "folds", "words"),
    [
        (
            (("a", 0, "p"), ("b", 1, "q")),
            1,
            pattern(strings.TOO_FEW_FOR_PARTS, needed=3, label="a", found=1),
        ),
        (
            tuple((str(n), n % 2, str(n)) for n in range(8)),
            5,
            pattern(strings.TOO_FEW_FOR_FOLDS, needed=5, label="a", found=4),
        ),
        (tuple((str(n), n % 2, str(n)) for n in range(8)), 2, strings.TWO_FOLDS),
    ],
)
def test_too_few_patients_are_refused(
    members: tuple[tuple[str, int, str], ...], folds: int, words: str
) -> None:
    with pytest.raises(TrainingError, match=words):
        plan_splits(cohort(*members), folds=folds, seed=0)


def test_patients_that_cannot_be_shared_out_are_refused() -> None:
    with pytest.raises(TrainingError, match=pattern(strings.UNEVEN_PARTS, parts=3, label="b")):
        patient_parts(many(5), range(10), count=3, seed=0)


def own_split(*members: tuple[str, int, str]) -> Cohort:
    """Slides as (patient, label, split)."""
    cases = tuple(
        Case(f"{n}", label, patient, split, Path("x"), 1, NOTHING, NOTHING, "")
        for n, (patient, label, split) in enumerate(members)
    )
    return Cohort(("a", "b"), cases, "fake", "1", 3, ())


TRAIN = tuple((f"{label}{n}", label, "train") for label in (0, 1) for n in range(3))
VALIDATION = (("v", 0, "validation"), ("w", 1, "validation"))


def test_the_tables_own_split_is_kept() -> None:
    (split,) = plan_splits(own_split(*TRAIN, *VALIDATION, ("t", 0, "test")), folds=5, seed=0)
    assert (split.train, split.validation, split.test) == ((0, 1, 2, 3, 4, 5), (6, 7), (8,))


def test_validation_is_taken_from_training_where_the_table_has_none() -> None:
    (split,) = plan_splits(own_split(*TRAIN, ("t", 0, "test")), folds=5, seed=0)
    assert (len(split.train), len(split.validation), split.test) == (4, 2, (6,))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ((*TRAIN, ("00", 0, "test")), pattern(strings.PATIENT_IN_TWO_SPLITS, patient="00")),
        (TRAIN, strings.NO_TEST),
        ((*TRAIN[2:4], ("t", 0, "test")), pattern(strings.TOO_FEW_FOR_VALIDATION, label="a")),
        (
            (*TRAIN, VALIDATION[0], ("t", 0, "test")),
            pattern(strings.CLASS_MISSING, part="validation", label="b"),
        ),
    ],
)
def test_a_bad_split_is_refused(members: tuple[tuple[str, int, str], ...], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        plan_splits(own_split(*members), folds=5, seed=0)
