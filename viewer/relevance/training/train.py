"""Training of a slide head: on every split in turn, with early stopping, and then of the final head.

A slide is a step. On the CPU a seed gives the same head bit for bit, on the same machine with the same torch
and number of threads, whether or not it was interrupted: the random numbers of an epoch depend on seed, split
and epoch only.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import torch
from torch.nn import functional

from viewer import RESEARCH_USE, __version__
from viewer.common.atomic_write import save_atomically
from viewer.relevance.training import strings
from viewer.relevance.training.bags import one_a_cell, read_bag
from viewer.relevance.training.cohort import Split, TrainingError, final_split, plan_splits
from viewer.relevance.training.model import (
    HeadKind,
    Scaling,
    class_weights,
    finished_weights,
    new_head,
    scaling_of,
)
from viewer.relevance.training.report import (
    Prediction,
    as_markdown,
    figures,
    fit_temperature,
    predictions_as_facts,
)
from viewer.relevance.training.state import Running, TrainingState, as_bytes, invalid_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

    from viewer.relevance.models.heads.gated_attention import GatedAttentionHead
    from viewer.relevance.models.heads.span import SpanHead
    from viewer.relevance.training.cohort import Cohort

WEIGHTS, FACTS, PAGE, STATE = "head.pt", "head.json", "report.md", "training.state"
FORMAT = 1
_WEIGHT_DECAY = 1e-4
_MEMORY_SHARE = 0.35
"""Of the free memory, for cached features; the others are read again in every epoch."""


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """``folds`` 1: one held-out test. ``patience``: epochs without a better validation before it ends."""

    kind: HeadKind = "gated"
    folds: int = 5
    seed: int = 0
    epochs: int = 100
    patience: int = 15
    learning_rate: float = 2e-4
    device: str = "cpu"


def train_head(
    cohort: Cohort,
    options: TrainingOptions,
    folder: Path,
    *,
    name: str,
    progress: Callable[[float, float], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Train, test and write a head: ``head.pt`` (``load_slide_head`` reads it), ``head.json`` (what is
    returned: encoder, classes, options, splits, report) and ``report.md``.

    Resumes the same training in this folder; returns at once where it is finished. Raises
    TrainingError, FeatureFileError, SaveError.
    """
    splits = plan_splits(cohort, folds=options.folds, seed=options.seed)
    final = final_split(cohort, splits, seed=options.seed)
    runs = [*splits, final] if final is not splits[0] else [final]
    fingerprint = _fingerprint(cohort, options, name)
    done = _done_before(folder, fingerprint)
    if done is not None:
        return done
    state = TrainingState.load(folder / STATE, fingerprint)
    with repeatable(options.device):
        training = _Training(cohort, options, folder / STATE, state)
        for number in range(len(state.finished), len(runs)):
            report = partial(_report_epochs, progress, number * options.epochs, len(runs) * options.epochs)
            result = training.run(runs[number], number, report)
            # Of the heads of folds only the test predictions are needed later.
            state.finished.append(result if runs[number] is final else {**result, "weights": {}})
            state.running = Running()
            state.save(folder / STATE)
    weights = as_bytes(state.finished[-1]["weights"])
    facts = {
        "format": FORMAT,
        "name": name,
        "software": f"Foveola {__version__}, torch {torch.__version__}",
        "note": RESEARCH_USE,
        "fingerprint": fingerprint,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        **_facts(cohort, options, runs, state.finished),
    }
    save_atomically(folder / WEIGHTS, weights)
    save_atomically(folder / PAGE, as_markdown(facts).encode())
    save_atomically(folder / FACTS, json.dumps(facts, indent=1).encode())
    (folder / STATE).unlink(missing_ok=True)
    progress(1, 1)
    return facts


def _report_epochs(progress: Callable[[float, float], None], before: int, total: int, epochs: float) -> None:
    progress(before + epochs, total)


class _Training:
    """What all splits share: features, options with the device, and the state on disk."""

    def __init__(self, cohort: Cohort, options: TrainingOptions, file: Path, state: TrainingState) -> None:
        self._cohort = cohort
        self._options = options
        self._file = file
        self._state = state
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}
        self._free_bytes = psutil.virtual_memory().available * _MEMORY_SHARE

    def run(self, split: Split, number: int, report: Callable[[float], None]) -> dict[str, Any]:
        """Train on one split from where it stopped; its result as ``TrainingState.finished`` has it.

        ``report`` is called with the number of epochs done.
        """
        cohort, options, running = self._cohort, self._options, self._state.running
        cases = [cohort.cases[index] for index in split.train]
        scaling = scaling_of(options.kind, cases).to(options.device)
        balance = class_weights([case.label for case in cases], len(cohort.classes)).to(options.device)
        torch.manual_seed(_seed_of(options.seed, number, 0))
        head = new_head(options.kind, cohort.feature_width, len(cohort.classes)).to(options.device)
        optimiser = torch.optim.AdamW(head.parameters(), lr=options.learning_rate, weight_decay=_WEIGHT_DECAY)
        if running.epochs:
            try:
                if running.best_epoch:
                    head.load_state_dict(running.best)
                head.load_state_dict(running.weights)
                optimiser.load_state_dict(running.optimiser)
            except torch.OutOfMemoryError:
                raise
            except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
                raise invalid_state(self._file) from error
        while running.epochs < min(options.epochs, running.best_epoch + options.patience):
            seed = _seed_of(options.seed, number, running.epochs + 1)
            self._epoch(head, optimiser, split, scaling, balance, seed, report)
            loss = self._loss(head, split.validation, scaling, balance)
            if not np.isfinite(loss):
                raise TrainingError(strings.DIVERGED_IN_VALIDATION.format(path=self._file.parent))
            running.epochs += 1
            running.weights = _copied(head)
            running.optimiser = optimiser.state_dict()
            if loss < running.best_loss:
                running.best_loss, running.best_epoch, running.best = loss, running.epochs, running.weights
            self._state.save(self._file)
            report(running.epochs)
        head.load_state_dict(running.best)
        shift = balance.log().cpu().double().numpy()
        labels = np.array([cohort.cases[index].label for index in split.validation])
        temperature = fit_temperature(self._logits(head, split.validation, scaling) - shift, labels)
        tested = self._logits(head, split.test, scaling) - shift
        finished = finished_weights(running.best, scaling.to("cpu"), balance.cpu(), temperature=temperature)
        return {
            "temperature": temperature,
            "best_epoch": running.best_epoch,
            "epochs": running.epochs,
            "validation_loss": running.best_loss,
            "logits": tested.tolist(),
            "weights": finished,
        }

    def _epoch(
        self,
        head: GatedAttentionHead | SpanHead,
        optimiser: torch.optim.Optimizer,
        split: Split,
        scaling: Scaling,
        balance: Tensor,
        seed: int,
        report: Callable[[float], None],
    ) -> None:
        """Every training slide once, in random order."""
        torch.manual_seed(seed)
        head.train()
        order = np.random.default_rng(seed).permutation(len(split.train))
        for step, place in enumerate(order.tolist()):
            case = self._cohort.cases[split.train[place]]
            loss = balance[case.label] * self._cross_entropy(head, split.train[place], scaling)
            if not bool(loss.isfinite()):
                raise TrainingError(strings.DIVERGED.format(path=case.path))
            optimiser.zero_grad()
            with self._fitting(split.train[place]):
                loss.backward()
                optimiser.step()
            report(self._state.running.epochs + (step + 1) / len(order))

    @torch.no_grad()
    def _loss(
        self, head: GatedAttentionHead | SpanHead, among: Sequence[int], scaling: Scaling, balance: Tensor
    ) -> float:
        """The mean cross entropy, every class counting as it does in training."""
        head.eval()
        weights = [float(balance[self._cohort.cases[index].label]) for index in among]
        losses = [float(self._cross_entropy(head, index, scaling)) for index in among]
        return float(np.average(losses, weights=weights))

    def _cross_entropy(self, head: GatedAttentionHead | SpanHead, index: int, scaling: Scaling) -> Tensor:
        label = torch.tensor(self._cohort.cases[index].label, device=self._options.device)
        return functional.cross_entropy(self._forward(head, index, scaling), label)

    @torch.no_grad()
    def _logits(
        self, head: GatedAttentionHead | SpanHead, among: Sequence[int], scaling: Scaling
    ) -> np.ndarray[Any, np.dtype[np.float64]]:
        head.eval()
        rows = [self._forward(head, index, scaling).double().cpu().numpy() for index in among]
        return np.array(rows, np.float64).reshape(len(among), len(self._cohort.classes))

    def _forward(self, head: GatedAttentionHead | SpanHead, index: int, scaling: Scaling) -> Tensor:
        with self._fitting(index):
            features, cells = (part.to(self._options.device) for part in self._bag(index))
            return head(scaling(features), cells)

    @contextmanager
    def _fitting(self, index: int) -> Iterator[None]:
        """Raises TrainingError where the work on a slide does not fit in the device's memory."""
        try:
            yield
        except torch.OutOfMemoryError as error:
            case = self._cohort.cases[index]
            raise TrainingError(
                strings.OUT_OF_MEMORY.format(
                    path=case.path, patches=case.patches, device=self._options.device
                )
            ) from error

    def _bag(self, index: int) -> tuple[Tensor, Tensor]:
        """A slide's features and cells, cached while memory suffices."""
        kept = self._kept.get(index)
        if kept is not None:
            return kept
        case = self._cohort.cases[index]
        bag = read_bag(case.path)
        if len(bag.features) != case.patches or bag.features.shape[1] != self._cohort.feature_width:
            raise TrainingError(strings.FEATURES_CHANGED.format(path=case.path))
        if self._options.kind == "span":  # the others do not use positions
            bag = one_a_cell(bag)
        made = torch.from_numpy(bag.features), torch.from_numpy(bag.cells)
        size = bag.features.nbytes + bag.cells.nbytes
        if size <= self._free_bytes:
            self._free_bytes -= size
            self._kept[index] = made
        return made


@contextmanager
def repeatable(device: str) -> Iterator[None]:
    """Restores torch's random state; on the CPU refuses operations that are not deterministic."""
    was = torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if device != "cpu" else []):
        torch.use_deterministic_algorithms(was or device == "cpu")
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(was)


def _seed_of(seed: int, split: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, split, epoch]).generate_state(1)[0])


def _copied(head: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in head.state_dict().items()}


def _fingerprint(cohort: Cohort, options: TrainingOptions, name: str) -> str:
    """Equal for trainings that give the same head."""
    slides = [[case.slide, case.label, case.patient, case.split, case.digest] for case in cohort.cases]
    facts = [FORMAT, name, asdict(options), cohort.classes, cohort.encoder, cohort.encoder_version, slides]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _done_before(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    """The facts of the same training where all of it is there. Raises TrainingError where the folder has
    those of another training, or files of these names from elsewhere.
    """
    path = folder / FACTS
    if not path.exists():
        existing = [folder / name for name in (WEIGHTS, PAGE) if (folder / name).exists()]
        if existing and not (folder / STATE).exists():
            raise TrainingError(strings.WOULD_OVERWRITE.format(path=existing[0]))
        return None
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        same = facts["fingerprint"] == fingerprint
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise TrainingError(strings.NOT_A_RECORD.format(path=path, error=error)) from error
    if not same:
        raise TrainingError(strings.OTHER_HEAD.format(path=path))
    return facts if (folder / WEIGHTS).exists() and not (folder / STATE).exists() else None


def _facts(
    cohort: Cohort,
    options: TrainingOptions,
    runs: Sequence[Split],
    finished: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """The record of a training, for JSON. Slides are named, patients are not."""
    predictions = [
        Prediction(
            split.name,
            cohort.cases[index].slide,
            cohort.cases[index].patient,
            cohort.cases[index].label,
            tuple(logits),
            result["temperature"],
        )
        for split, result in zip(runs, finished, strict=True)  # a head of all slides has no test
        for index, logits in zip(split.test, result["logits"], strict=True)
    ]
    tested = figures(predictions, cohort.classes, seed=options.seed, patients_stated=cohort.patients_stated)
    return {
        "head": {"kind": options.kind, "split": runs[-1].name, "temperature": finished[-1]["temperature"]},
        "encoder": {
            "id": cohort.encoder,
            "version": cohort.encoder_version,
            "feature_width": cohort.feature_width,
        },
        "classes": list(cohort.classes),
        "options": asdict(options),
        "threads": torch.get_num_threads(),
        "report": tested,
        "splits": [
            {
                "split": split.name,
                **{key: result[key] for key in ("epochs", "best_epoch", "validation_loss", "temperature")},
                **{
                    part: [cohort.cases[index].slide for index in getattr(split, part)]
                    for part in ("train", "validation", "test")
                },
            }
            for split, result in zip(runs, finished, strict=True)
        ],
        "predictions": predictions_as_facts(predictions, cohort.classes),
        "notes": list(cohort.notes),
    }
