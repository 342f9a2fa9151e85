"""Training: a seed gives its head bit for bit, an interruption changes nothing, what is written says all."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import psutil
import pytest
import torch
from torch.nn import functional

from tests.messages import pattern
from tests.relevance.training_stores import written
from viewer.relevance.models.heads.load import load_slide_head
from viewer.relevance.training import strings
from viewer.relevance.training import train as training
from viewer.relevance.training.bags import read_bag
from viewer.relevance.training.cohort import Cohort, Label, TrainingError, gather
from viewer.relevance.training.model import HeadKind
from viewer.relevance.training.train import FACTS, PAGE, STATE, WEIGHTS, TrainingOptions, train_head

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

WIDE = 8
PLANTED = 6
QUICK = TrainingOptions(folds=3, epochs=6, patience=6, learning_rate=2e-3)


def made_slide(number: int) -> tuple[np.ndarray, np.ndarray]:
    """40 patches in a block; on every second slide a few neighbours differ in one feature."""
    chance = np.random.default_rng([number, 1])
    cells = np.stack([np.repeat(np.arange(5), 8), np.tile(np.arange(8), 5)], 1).astype(np.int32)
    features = chance.normal(size=(40, WIDE)) + 5
    if number % 2:
        features[:PLANTED, 2] += 5
    return features.astype(np.float32), cells


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On cores that others use, too, torch's threads wait for each other ten times longer than they work."""
    with threads(1):
        yield


def made_cohort(folder: Path, count: int) -> Cohort:
    """Slides of which every second is a "yes"; two slides a patient."""
    labels = {}
    for number in range(count):
        slide = f"s{number:02}"
        written(folder, slide, *made_slide(number))
        labels[slide] = Label(slide, ("no", "yes")[number % 2], f"p{number // 4 * 2 + number % 2}", "")
    return gather([folder], labels)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return made_cohort(tmp_path_factory.mktemp("stores"), 24)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """The fewest slides that folds can be made of."""
    return made_cohort(tmp_path_factory.mktemp("few"), 12)


@pytest.fixture(scope="module")
def one_large(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Twelve patients' slides, of which the second has 1,248 patches and is trained on."""
    folder = tmp_path_factory.mktemp("large")
    labels = {}
    for number in range(12):
        features, cells = made_slide(number)
        if number == 1:
            cells = np.argwhere(np.ones((32, 39), bool)).astype(np.int32)
            features = np.random.default_rng(0).normal(size=(len(cells), WIDE)).astype(np.float32)
        written(folder, f"s{number:02}", features, cells)
        labels[f"s{number:02}"] = Label(f"s{number:02}", ("no", "yes")[number % 2], f"p{number}", "")
    return gather([folder], labels)


class Stop(Exception):
    """As if the process ended there."""


def stopping_after(calls: int) -> Any:
    left = calls

    def progress(_done: float, _total: float) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Stop

    return progress


@pytest.mark.parametrize("kind", get_args(HeadKind))
def test_an_interruption_changes_no_bit(few: Cohort, tmp_path: Path, kind: HeadKind) -> None:
    """It stops after every ninth step: within epochs, between them, and after a head's last one."""
    options = replace(QUICK, kind=kind, epochs=2, learning_rate=0.05)
    whole = train_head(few, options, tmp_path / "whole", name="ours")
    # A rate so high that heads of either epoch are kept: the best so far must outlive the stop, too.
    assert {split["best_epoch"] for split in whole["splits"]} == {1, 2}
    parts, gone_on_after = None, set()
    for stops in range(12):
        torch.rand(stops)  # chance elsewhere in the process must not matter
        state = tmp_path / "parts" / STATE
        if state.exists():
            content = torch.load(state, weights_only=True)
            gone_on_after.add((len(content["finished"]), content["running"]["epochs"]))
        try:
            parts = train_head(few, options, tmp_path / "parts", name="ours", progress=stopping_after(9))
        except Stop:
            continue
        break
    assert parts == whole
    assert {finished for finished, _ in gone_on_after} == {0, 1, 2, 3}
    assert {epochs for _, epochs in gone_on_after} == {0, 1, 2}
    for name in (WEIGHTS, FACTS, PAGE):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == [FACTS, WEIGHTS, PAGE]


def test_threads_that_share_the_work_give_the_same_head_again(one_large: Cohort, tmp_path: Path) -> None:
    with threads(2):
        one, two = (
            train_head(one_large, replace(QUICK, folds=1, epochs=1), tmp_path / again, name="ours")
            for again in ("one", "two")
        )
    assert one == two
    assert one["threads"] == 2
    assert one_large.cases[1].slide in one["splits"][0]["train"]


def test_another_seed_is_another_head(cohort: Cohort, tmp_path: Path) -> None:
    options = replace(QUICK, folds=1, epochs=1)
    one, two = (
        train_head(cohort, replace(options, seed=seed), tmp_path / f"{seed}", name="ours") for seed in (0, 1)
    )
    assert one["weights_sha256"] != two["weights_sha256"]


def given_by_the_file(folder: Path, cohort: Cohort, facts: dict[str, Any]) -> list[float]:
    """What the written head says of every tested slide: its probability of "yes"."""
    head = load_slide_head(folder / WEIGHTS, feature_width=WIDE)
    paths = {case.slide: case.path for case in cohort.cases}
    bags = [read_bag(paths[said["slide"]]) for said in facts["predictions"]]
    readings = [head.read(torch.from_numpy(bag.features), torch.from_numpy(bag.cells)) for bag in bags]
    return [float(reading.probabilities[1]) for reading in readings if reading.probabilities is not None]


@pytest.mark.parametrize("kind", get_args(HeadKind))
def test_the_head_is_read_from_its_file_and_separates_the_classes(
    cohort: Cohort, tmp_path: Path, kind: HeadKind
) -> None:
    rate, epochs = {"gated": (5e-3, 8), "span": (1e-3, 15)}[kind]
    options = replace(QUICK, kind=kind, folds=1, epochs=epochs, patience=epochs, learning_rate=rate)
    facts = train_head(cohort, options, tmp_path, name="ours")
    assert facts["report"]["auc"]["yes"]["auc"] == 1
    assert facts["splits"][0]["validation_loss"] < 0.2  # a head of chance may rank them, too
    for said, given in zip(facts["predictions"], given_by_the_file(tmp_path, cohort, facts), strict=True):
        assert given == pytest.approx(said["probabilities"]["yes"], abs=1e-4)
        assert (given > 0.5) == (said["label"] == "yes")


def test_what_is_written_says_it_all(cohort: Cohort, tmp_path: Path) -> None:
    facts = train_head(cohort, replace(QUICK, epochs=2), tmp_path, name="ours")
    assert json.loads((tmp_path / FACTS).read_text()) == facts
    assert facts["encoder"] == {"id": "fake", "version": "1", "feature_width": WIDE}
    assert facts["classes"] == ["no", "yes"]
    assert facts["options"]["seed"] == 0
    assert [split["split"] for split in facts["splits"]] == ["fold 1", "fold 2", "fold 3", "all"]
    assert sorted(said["slide"] for said in facts["predictions"]) == [case.slide for case in cohort.cases]
    assert facts["head"]["split"] == "all"
    assert facts["splits"][3]["test"] == []
    assert "3 folds" in (tmp_path / PAGE).read_text()


def test_what_is_done_is_not_done_again(cohort: Cohort, tmp_path: Path) -> None:
    options = replace(QUICK, folds=1, epochs=1)
    reported: list[float] = []
    first = train_head(
        cohort, options, tmp_path, name="ours", progress=lambda done, all_: reported.append(done / all_)
    )
    assert reported == sorted(reported)
    assert reported[-1] == 1
    before = (tmp_path / WEIGHTS).stat().st_mtime_ns
    assert train_head(cohort, options, tmp_path, name="ours") == first
    assert (tmp_path / WEIGHTS).stat().st_mtime_ns == before
    (tmp_path / WEIGHTS).unlink()
    assert train_head(cohort, options, tmp_path, name="ours") == first
    assert (tmp_path / WEIGHTS).exists()


def test_training_ends_when_validation_no_longer_gets_better(cohort: Cohort, tmp_path: Path) -> None:
    options = replace(QUICK, folds=1, epochs=400, patience=2, learning_rate=0.05)
    facts = train_head(cohort, options, tmp_path, name="ours")
    (split,) = facts["splits"]
    assert split["epochs"] == split["best_epoch"] + 2 < 400
    # The head that is tested is the best one, as is the one that is written.
    said = [one["probabilities"]["yes"] for one in facts["predictions"]]
    assert given_by_the_file(tmp_path, cohort, facts) == pytest.approx(said, abs=1e-4)


def test_other_slides_or_options_are_refused(cohort: Cohort, tmp_path: Path) -> None:
    options = replace(QUICK, folds=1, epochs=2)
    with pytest.raises(Stop):
        train_head(cohort, options, tmp_path, name="ours", progress=stopping_after(20))
    fewer = replace(cohort, cases=cohort.cases[:-4])
    for other, chosen in ((cohort, replace(options, seed=1)), (fewer, options)):
        with pytest.raises(TrainingError, match=pattern(strings.OTHER_STATE, path=tmp_path / STATE)):
            train_head(other, chosen, tmp_path, name="ours")
    train_head(cohort, options, tmp_path, name="ours")
    with pytest.raises(TrainingError, match=pattern(strings.OTHER_HEAD, path=tmp_path / FACTS)):
        train_head(cohort, replace(options, seed=1), tmp_path, name="ours")


def test_other_files_of_these_names_are_not_overwritten(cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / PAGE).write_text("mine")
    with pytest.raises(TrainingError, match=pattern(strings.WOULD_OVERWRITE, path=tmp_path / PAGE)):
        train_head(cohort, QUICK, tmp_path, name="ours")
    assert (tmp_path / PAGE).read_text() == "mine"


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("running", {"weights": {"w": torch.zeros(1)}}),
        ("running", {"weights": 3}),
        ("running", {"best": {"w": torch.zeros(1)}}),
        ("running", {"optimiser": {}}),
        ("running", {"epochs": "2"}),
        ("running", {"best_epoch": 9}),
        ("finished", [{}]),
        ("finished", [3]),
    ],
)
def test_a_state_of_another_head_is_named(
    cohort: Cohort, tmp_path: Path, part: str, change: dict[str, object] | list[object]
) -> None:
    options = replace(QUICK, folds=1, epochs=3)
    with pytest.raises(Stop):
        train_head(cohort, options, tmp_path, name="ours", progress=stopping_after(20))
    content = torch.load(tmp_path / STATE, weights_only=True)
    content[part] = {**content[part], **change} if isinstance(change, dict) else change
    torch.save(content, tmp_path / STATE)
    with pytest.raises(TrainingError, match=pattern(strings.NOT_A_STATE)):
        train_head(cohort, options, tmp_path, name="ours")


def test_damaged_files_in_the_folder_are_named(cohort: Cohort, tmp_path: Path) -> None:
    for content in ([1], {"fingerprint": "other"}):
        torch.save(content, tmp_path / STATE)
        with pytest.raises(TrainingError, match=pattern(strings.NOT_A_STATE)):
            train_head(cohort, QUICK, tmp_path, name="ours")
    whole = (tmp_path / STATE).read_bytes()
    (tmp_path / STATE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match=pattern(strings.STATE_DAMAGED, path=tmp_path / STATE)):
        train_head(cohort, QUICK, tmp_path, name="ours")
    (tmp_path / FACTS).write_text("{")
    with pytest.raises(TrainingError, match=pattern(strings.NOT_A_RECORD, path=tmp_path / FACTS)):
        train_head(cohort, QUICK, tmp_path, name="ours")


def test_a_loss_that_is_no_number_ends_it(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=pattern(strings.DIVERGED)):
        train_head(cohort, replace(QUICK, learning_rate=1e30), tmp_path, name="ours")


def test_a_validation_that_is_no_number_ends_it(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = functional.cross_entropy

    def loss_in_training_only(*args: Any) -> Tensor:
        return loss(*args) if torch.is_grad_enabled() else torch.tensor(torch.nan)

    monkeypatch.setattr(functional, "cross_entropy", loss_in_training_only)
    with pytest.raises(TrainingError, match=pattern(strings.DIVERGED_IN_VALIDATION)):
        train_head(cohort, QUICK, tmp_path, name="ours")


@pytest.mark.parametrize(
    "what",
    ["viewer.relevance.models.heads.gated_attention.GatedAttentionHead.forward", "torch.Tensor.backward"],
)
def test_a_slide_that_does_not_fit_the_memory_is_named(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(what, full)
    with pytest.raises(TrainingError, match=pattern(strings.OUT_OF_MEMORY, patches=40, device="cpu")):
        train_head(cohort, QUICK, tmp_path, name="ours")


def test_features_that_change_meanwhile_are_named(cohort: Cohort, tmp_path: Path) -> None:
    changed = replace(cohort.cases[0], patches=7)
    with pytest.raises(TrainingError, match=pattern(strings.FEATURES_CHANGED)):
        train_head(replace(cohort, cases=(changed, *cohort.cases[1:])), QUICK, tmp_path, name="ours")


def test_features_that_do_not_fit_are_read_again(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = replace(QUICK, folds=1, epochs=2)
    kept = train_head(cohort, options, tmp_path / "kept", name="ours")
    reads = []

    def counted(path: Path) -> Any:
        reads.append(path)
        return read_bag(path)

    monkeypatch.setattr(training, "read_bag", counted)
    monkeypatch.setattr(training, "_MEMORY_SHARE", 0.0)
    assert train_head(cohort, options, tmp_path / "again", name="ours") == kept
    assert len(reads) > len(set(reads)) == len(cohort.cases)


def test_one_large_slide_does_not_keep_the_others_out_of_the_memory(
    one_large: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Counter[Path] = Counter()

    def counted(path: Path) -> Any:
        reads[path] += 1
        return read_bag(path)

    monkeypatch.setattr(training, "read_bag", counted)
    monkeypatch.setattr(training, "_MEMORY_SHARE", 30_000 / psutil.virtual_memory().total)
    memory = psutil.virtual_memory()._replace(available=psutil.virtual_memory().total)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    train_head(one_large, replace(QUICK, folds=1, epochs=3), tmp_path, name="ours")
    large = one_large.cases[1].path
    assert reads[large] >= 3
    assert {path: count for path, count in reads.items() if count > 1} == {large: reads[large]}


def test_torch_is_left_as_it_was(cohort: Cohort, tmp_path: Path) -> None:
    state = torch.get_rng_state()
    train_head(cohort, replace(QUICK, folds=1, epochs=1), tmp_path, name="ours")
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.are_deterministic_algorithms_enabled()
