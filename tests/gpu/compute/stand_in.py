"""A card that is none: runs the torch twins on the CPU, counts what it is asked, and fails when told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gpu.compute import device
from gpu.compute.device import CPU, ComputeDevice, compute_device

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    from torch import Tensor

    from gpu.compute.token_steps import TokenProblem


class StandInCard:
    """``asked``: how often for each part. ``fails``: part and what it raises from now on."""

    name = "Stand-in card"

    def __init__(self) -> None:
        self.asked = {"tokens": 0, "stains": 0, "tensors": 0}
        self.fails: dict[str, RuntimeError] = {}

    def _ask(self, part: str) -> None:
        self.asked[part] += 1
        if part in self.fails:
            raise self.fails[part]

    @property
    def torch_device(self) -> str:
        self._ask("tensors")
        return "cpu"

    def solve_tokens(
        self, relevance: Tensor, past: Tensor | None, problem: TokenProblem
    ) -> tuple[Tensor, int, bool]:
        self._ask("tokens")
        return CPU.solve_tokens(relevance, past, problem)

    def separate_stains(
        self, rgb: Tensor, glass_rgb: Tensor, density_from_stains: Tensor
    ) -> tuple[Tensor, Tensor]:
        self._ask("stains")
        return CPU.separate_stains(rgb, glass_rgb, density_from_stains)


def inserted(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[StandInCard, ComputeDevice]]:
    """Have this process choose a stand-in card, and choose again afterwards. A fixture's body."""
    card = StandInCard()
    compute_device.cache_clear()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: card.name)
    monkeypatch.setattr(device, "KernelProcessor", lambda: card)
    yield card, compute_device()
    compute_device.cache_clear()
