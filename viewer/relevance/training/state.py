"""The state of a training on disk: an interrupted training resumes after the last finished epoch.

One file, replaced as a whole after every epoch. It belongs to these slides and options alone.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import torch

from viewer.common.atomic_write import save_atomically
from viewer.relevance.models.checkpoint import CheckpointError, unpickled
from viewer.relevance.training import strings
from viewer.relevance.training.cohort import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

_RESULT_KEYS = {"temperature", "best_epoch", "epochs", "validation_loss", "logits", "weights"}


@dataclass(slots=True)
class Running:
    """A head in training: epochs done, and its best epoch so far. Training continues from ``weights`` and
    ``optimiser``; ``best`` are the weights of the best epoch.
    """

    epochs: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_epoch: int = 0
    best_loss: float = float("inf")


@dataclass(slots=True)
class TrainingState:
    """``fingerprint`` of slides and options. ``finished``: the result of each finished split, in order, as
    plain values and tensors under ``_RESULT_KEYS``; then ``running``.
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
        """The state on disk, or a new one. Raises TrainingError where it is of other slides or options, or
        damaged.
        """
        if not path.exists():
            return TrainingState(fingerprint)
        try:
            content = unpickled(path)
        except CheckpointError as error:
            raise TrainingError(strings.STATE_DAMAGED.format(path=path, reason=error.reason)) from error
        try:
            state = TrainingState(**content)
            state.running = Running(**content["running"])
        except (TypeError, KeyError) as error:
            raise invalid_state(path) from error
        if not (_like(state, TrainingState(fingerprint)) and _like(state.running, Running())):
            raise invalid_state(path)
        running, finished = state.running, state.finished
        if not 0 <= running.best_epoch <= running.epochs or any(
            not isinstance(result, dict) or result.keys() != _RESULT_KEYS for result in finished
        ):
            raise invalid_state(path)
        if state.fingerprint != fingerprint:
            raise TrainingError(strings.OTHER_STATE.format(path=path))
        return state


def _like(one: TrainingState | Running, other: TrainingState | Running) -> bool:
    """Whether the fields of both have the same types."""
    return all(isinstance(getattr(one, of.name), type(getattr(other, of.name))) for of in fields(other))


def invalid_state(path: Path) -> TrainingError:
    """The error for a file that is not a training state, or whose content is damaged."""
    return TrainingError(strings.NOT_A_STATE.format(path=path))


def as_bytes(content: Any) -> bytes:
    """Tensors and plain values as ``torch.save`` writes them."""
    data = io.BytesIO()
    torch.save(content, data)
    return data.getvalue()
