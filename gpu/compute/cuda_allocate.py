"""Launches kernels/allocate.cu: the token allocation on an NVIDIA card."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import torch

from gpu.compute.cuda import kernels
from gpu.compute.knapsack import FLOOR, FLOOR_LEVEL, KEPT_TENTHS, LEVELS, NEW_TENTHS, PLAIN_TENTHS
from gpu.compute.token_steps import TOKEN_STEPS, TokenProblem

if TYPE_CHECKING:
    from torch import Tensor

_BLOCK = 256
_SOLVE_BLOCK = 1024
_COUNT_BLOCKS = 512
_INT = ctypes.c_int


def solve_tokens_on_cuda(
    relevance: Tensor, past: Tensor | None, problem: TokenProblem
) -> tuple[Tensor, int, bool]:
    """As gpu.compute.allocate.solve_tokens, computed on the present card; tensors in and out on the CPU.

    The price of the time before is not needed here. Raises gpu.compute.cuda.CudaUnavailableError and
    gpu.errors.GpuError.
    """
    ready = kernels("allocate")
    regions = len(relevance)
    blocks = -(-regions // _BLOCK)
    columns = len(TOKEN_STEPS.costs) + 1
    card = torch.device("cuda", torch.cuda.current_device())
    given = relevance.to(card)
    held = None if past is None else past.to(card)
    slopes = torch.tensor(TOKEN_STEPS.slopes, dtype=torch.int32, device=card)
    bins = torch.empty(regions, dtype=torch.int32, device=card)
    counts = torch.zeros((LEVELS + 1) * columns, dtype=torch.int32, device=card)
    table, ties = torch.zeros((2, (LEVELS + 1) * columns), dtype=torch.uint8, device=card)
    answer = torch.zeros(4, dtype=torch.int64, device=card)
    before = torch.empty(blocks, dtype=torch.int32, device=card)
    tokens = torch.empty(regions, dtype=torch.uint16, device=card)
    kept, new = (PLAIN_TENTHS, PLAIN_TENTHS) if held is None else (KEPT_TENTHS, NEW_TENTHS)

    number = (regions, _INT)
    past_or_null = (0, ctypes.c_void_p) if held is None else held
    floor = ((FLOOR, ctypes.c_float), (FLOOR_LEVEL, _INT), (problem.seats, ctypes.c_ulonglong))
    ready.launch(
        "allocate_count",
        blocks=min(blocks, _COUNT_BLOCKS),
        threads=_BLOCK,
        arguments=(given, past_or_null, number, *floor, bins, counts),
    )
    rules = (FLOOR_LEVEL, kept, new, 1 if held is None else columns, problem.most)
    ready.launch(
        "allocate_solve",
        blocks=1,
        threads=_SOLVE_BLOCK,
        arguments=(
            counts,
            slopes,
            *((rule, _INT) for rule in rules),
            (problem.budget, ctypes.c_longlong),
            table,
            ties,
            answer,
        ),
    )
    ready.launch("allocate_tied", blocks=blocks, threads=_BLOCK, arguments=(bins, ties, number, before))
    ready.launch("allocate_offsets", blocks=1, threads=_SOLVE_BLOCK, arguments=(before, (blocks, _INT)))
    ready.launch(
        "allocate_share",
        blocks=blocks,
        threads=_BLOCK,
        arguments=(bins, table, ties, before, answer, number, tokens),
    )
    price, scarce, *_ = answer.tolist()
    return tokens.cpu(), price, bool(scarce)
