"""Bags of patches for the tests of slide heads: pieces of tissue on a grid, random features."""

from __future__ import annotations

import torch
from torch import Tensor


def bag(count: int, width: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """(count, width) features and (count, 2) distinct cells of two pieces of tissue, in no order."""
    generator = torch.Generator().manual_seed(seed)
    side = int((count * 1.4 / 2) ** 0.5) + 2
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    piece = torch.stack((rows.flatten(), columns.flatten()), 1)
    cells = torch.cat((piece + torch.tensor([5, 2]), piece + torch.tensor([side // 2, 40 + 2 * side])))
    cells = cells[torch.randperm(len(cells), generator=generator)[:count]]
    return torch.randn(count, width, generator=generator), cells


def shaken(module: torch.nn.Module, *, seed: int = 1) -> torch.nn.Module:
    """The module, ready to be read, every parameter moved by chance: none stays at its 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return module.eval()
