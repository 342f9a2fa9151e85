"""One stage of a pretraining: steps of self-distillation over a state on disk.

On the CPU a seed gives the same weights bit for bit, on the same machine with the same torch and number of
threads, whether or not it was interrupted: the random numbers of a step depend on seed and step alone.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import nn

from viewer.common.atomic_write import save_atomically
from viewer.relevance.models.checkpoint import CheckpointError, unpickled
from viewer.relevance.models.precision import fast_dtype
from viewer.relevance.training.cohort import TrainingError
from viewer.relevance.training.pretraining import strings
from viewer.relevance.training.pretraining.distillation import (
    Learner,
    distillation_loss,
    follow,
    mean_output,
    moved_centre,
    parameter_groups,
)
from viewer.relevance.training.pretraining.recipe import frozen_steps, rates_at
from viewer.relevance.training.pretraining.slides import items_at
from viewer.relevance.training.pretraining.views import patch_views, region_views
from viewer.relevance.training.state import as_bytes, invalid_state

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor

    from viewer.relevance.training.pretraining.distillation import Backbone
    from viewer.relevance.training.pretraining.recipe import StageRecipe
    from viewer.relevance.training.pretraining.slides import Cuts, Note, Progress

StageName = Literal["patches", "regions"]
_NUMBERS: dict[StageName, int] = {"patches": 1, "regions": 2}
LEAST_ITEMS = 2
"""Of one there is nothing to tell it from."""
_REPORTS = 10
"""How often a training says how it goes."""
_CLIP = 3.0


@dataclass(frozen=True, slots=True)
class StageOptions:
    """``learning_rate`` for a batch of 256. ``fingerprint``: equal for trainings that give the same
    weights."""

    name: StageName
    recipe: StageRecipe
    steps: int
    seed: int
    learning_rate: float
    device: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Report:
    """How a training goes after ``step`` steps: the mean loss since the last report, and the share that
    nearest neighbours name right, None where nothing is labelled."""

    step: int
    loss: float
    named_right: float | None


@dataclass(slots=True)
class _State:
    """What the next step depends on. ``losses``: of the steps since the last report."""

    fingerprint: str
    step: int
    student: dict[str, Tensor]
    teacher: dict[str, Tensor]
    optimiser: dict[str, Any]
    centre: Tensor
    losses: list[float]
    reports: list[dict[str, Any]]


def training_dtype(device: str) -> torch.dtype:
    """bfloat16 on cards that have it, for most multiplications; else float32."""
    fast = fast_dtype(device) if device != "cpu" else torch.float32
    return fast if fast == torch.bfloat16 else torch.float32


class StageTraining:
    """A student and its teacher over the patches, or regions, of slides."""

    def __init__(
        self, options: StageOptions, cuts: Sequence[Cuts], make: Callable[[], Backbone], file: Path
    ) -> None:
        """``make``: a network at any weights; ``file``: of the state. Call it, and ``run``, within
        ``repeatable``."""
        self._options = options
        self._cuts = cuts
        self._count = sum(len(one.items) for one in cuts)
        self._batch = min(options.recipe.batch, self._count)
        self._file = file
        torch.manual_seed(self._drawn(0))
        device = torch.device(options.device)
        self._student = Learner(make(), options.recipe, training_dtype(options.device)).to(device)
        self._teacher = deepcopy(self._student).requires_grad_(requires_grad=False).eval()
        self._centre = torch.zeros(options.recipe.outputs, device=device)
        self._optimiser = torch.optim.AdamW(parameter_groups(self._student))
        self._step = 0
        self._losses: list[float] = []
        self._reports: list[Report] = []

    def run(
        self, named_right: Callable[[Backbone], float | None], progress: Progress, report: Note
    ) -> tuple[Backbone, list[Report]]:
        """The teacher's network after all steps, on the CPU, and how the training went. Goes on from the
        state on disk. Raises TrainingError, SaveError."""
        self._resume()
        steps, recipe = self._options.steps, self._options.recipe
        between = max(1, steps // _REPORTS)
        while self._step < steps:
            self._losses.append(self._train_once())
            self._step += 1
            reported = self._step % between == 0 or self._step == steps
            if reported:
                self._report(named_right, report)
            if reported or self._step % recipe.save_every == 0:
                self._save()
            progress(self._step, steps)
        return self._teacher.backbone.cpu(), self._reports

    def _train_once(self) -> float:
        options = self._options
        rates = rates_at(self._step, options.steps, options.recipe, options.learning_rate)
        for group in self._optimiser.param_groups:
            group["lr"] = rates.learning_rate
        self._optimiser.param_groups[0]["weight_decay"] = rates.weight_decay
        views = self._views()
        with torch.no_grad():
            targets = self._teacher(views[:2])
        if self._step == 0:  # from 0 it would take steps in which all pictures are the same to the teacher
            self._centre = mean_output(targets)
        loss = distillation_loss(self._student(views), targets, self._centre, rates.temperature)
        if not bool(loss.isfinite()):
            raise TrainingError(
                strings.DIVERGED.format(path=self._file.parent, stage=options.name, step=self._step)
            )
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._student.parameters(), _CLIP)
        if self._step < frozen_steps(options.steps, self._steps_an_epoch):
            self._student.head.prototypes.grad = None
        self._optimiser.step()
        follow(self._teacher, self._student, rates.momentum)
        self._centre = moved_centre(self._centre, targets)
        return float(loss.detach())

    @property
    def _steps_an_epoch(self) -> int:
        return self._count // self._batch

    def _views(self) -> list[Tensor]:
        epoch, number = divmod(self._step, self._steps_an_epoch)
        order = np.random.default_rng([*self._seed, 1, epoch]).permutation(self._count)
        chosen = order[number * self._batch : (number + 1) * self._batch]
        given = torch.from_numpy(items_at(self._cuts, chosen)).to(self._options.device)
        random = torch.Generator().manual_seed(self._drawn(2, self._step))
        if self._options.name == "regions":
            return region_views(given, self._options.recipe, random)
        return patch_views(given.permute(0, 3, 1, 2), self._options.recipe, random)

    @property
    def _seed(self) -> tuple[int, int]:
        return self._options.seed, _NUMBERS[self._options.name]

    def _drawn(self, *what: int) -> int:
        return int(np.random.default_rng([*self._seed, *what]).integers(1 << 62))

    def _report(self, named_right: Callable[[Backbone], float | None], report: Note) -> None:
        one = Report(self._step, float(np.mean(self._losses)), named_right(self._teacher.backbone))
        self._losses = []
        self._reports.append(one)
        sentence = strings.STEP.format(
            stage=self._options.name, step=one.step, steps=self._options.steps, loss=one.loss
        )
        if one.named_right is not None:
            sentence = strings.STEP_NAMED.format(step=sentence, share=one.named_right)
        report(sentence)

    def _save(self) -> None:
        state = {
            "fingerprint": self._options.fingerprint,
            "step": self._step,
            "student": self._student.state_dict(),
            "teacher": self._teacher.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "centre": self._centre,
            "losses": self._losses,
            "reports": [asdict(one) for one in self._reports],
        }
        save_atomically(self._file, as_bytes(state))

    def _resume(self) -> None:
        if not self._file.exists():
            return
        try:
            state = _State(**unpickled(self._file))
        except (CheckpointError, TypeError) as error:
            raise invalid_state(self._file) from error
        if state.fingerprint != self._options.fingerprint:
            raise TrainingError(strings.OTHER_RUN.format(path=self._file))
        try:
            self._student.load_state_dict(state.student)
            self._teacher.load_state_dict(state.teacher)
            self._optimiser.load_state_dict(state.optimiser)
            self._centre.copy_(state.centre)
            self._step = int(state.step)
            self._losses = [float(loss) for loss in state.losses]
            self._reports = [Report(**one) for one in state.reports]
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise invalid_state(self._file) from error
