"""How far a training is, on disk: whoever is killed goes on from the last finished epoch.

One file, replaced as a whole after every epoch. It belongs to these slides and options alone.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import torch

from viewer.common.atomic_write import save_atomically
from viewer.relevance.models.checkpoint import CheckpointError, unpickled
from viewer.relevance.training.cohort import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

_GIVEN = {"temperature", "best_epoch", "epochs", "validation_loss", "logits", "weights"}


@dataclass(slots=True)
class Running:
    """A head in training: after how many epochs, and the best it was so far. ``weights`` and ``optimiser``
    are what goes on, ``best`` what is kept.
    """

    epochs: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_epoch: int = 0
    best_loss: float = float("inf")


@dataclass(slots=True)
class TrainingState:
    """``fingerprint`` of slides and options. ``finished``: what each finished split gave, plain values and
    tensors by the names of ``_GIVEN``, in their order; then ``running``.
    """

    fingerprint: str
    finished: list[dict[str, Any]] = field(default_factory=list)
    running: Running = field(default_factory=Running)

    def save(self, path: Path) -> None:
        """Raises SaveError."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        plain["running"] = {one.name: getattr(self.running, one.name) for one in fields(self.running)}
        save_atomically(path, as_bytes(plain))

    @staticmethod
    def load(path: Path, fingerprint: str) -> TrainingState:
        """What is on disk, or a new one. Raises TrainingError where it is of other slides or options, or
        damaged.
        """
        if not path.exists():
            return TrainingState(fingerprint)
        try:
            content = unpickled(path)
        except CheckpointError as error:
            raise TrainingError(
                f"{path}: the training so far cannot be read ({error.reason}); remove the file to begin again"
            ) from error
        try:
            state = TrainingState(**content)
            state.running = Running(**content["running"])
        except (TypeError, KeyError) as error:
            raise no_state(path) from error
        if not (_like(state, TrainingState(fingerprint)) and _like(state.running, Running())):
            raise no_state(path)
        running, finished = state.running, state.finished
        if not 0 <= running.best_epoch <= running.epochs or any(
            not isinstance(gave, dict) or gave.keys() != _GIVEN for gave in finished
        ):
            raise no_state(path)
        if state.fingerprint != fingerprint:
            raise TrainingError(
                f"{path}: a training with other slides or options is unfinished there; end it with those, "
                "choose another folder, or remove the file"
            )
        return state


def _like(one: TrainingState | Running, other: TrainingState | Running) -> bool:
    """Whether what both hold is of the same kinds."""
    return all(isinstance(getattr(one, of.name), type(getattr(other, of.name))) for of in fields(other))


def no_state(path: Path) -> TrainingError:
    """What to say of a file that is something else, or damaged inside."""
    return TrainingError(f"{path}: this is no state of a training; remove it, or choose another folder")


def as_bytes(content: Any) -> bytes:
    """A file of torch: tensors and plain values."""
    data = io.BytesIO()
    torch.save(content, data)
    return data.getvalue()
