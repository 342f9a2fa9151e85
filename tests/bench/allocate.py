"""What it takes to share a token budget among a million regions, and how near the result is to the best one.

Run: PYTHONPATH=. python tests/bench/allocate.py [--regions N] [--device cuda]
One core; CPU milliseconds, the least of several runs (wall time with a card). The value is compared with
Lagrange's upper bound, reached by no allocation, on the relevance as it was before it was made whole numbers.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from gpu.compute.allocate import allocate_tokens, joint_relevance
from gpu.compute.device import CPU, KernelProcessor
from gpu.compute.knapsack import FLOOR, FLOOR_LEVEL, LEVELS
from gpu.compute.token_steps import TOKEN_STEPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RUNS = 7
_TOKENS_EACH = (80, 102, 160, 256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regions", type=int, default=1_000_000)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    arguments = parser.parse_args()
    processor = CPU if arguments.device == "cpu" else KernelProcessor()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    query = rng.beta(0.6, 3, arguments.regions).astype(np.float32)
    surprise = rng.random(arguments.regions, dtype=np.float32)
    relevance = joint_relevance(query, surprise)
    noisy = np.clip(relevance * rng.normal(1, 0.02, relevance.size), 0, 1)
    later = np.where(relevance > FLOOR, noisy, FLOOR).astype(np.float32)
    print(f"{arguments.regions:,} regions on {processor.name}")
    print("tokens a region   first ms   again ms   share of the bound   moved again (without a past)")
    for tokens_each in _TOKENS_EACH:
        budget = tokens_each * relevance.size
        first_ms, again_ms = [], []
        for _ in range(_RUNS):
            start = _now_s(processor.torch_device)
            first = allocate_tokens(relevance, budget, processor=processor)
            first_ms.append(1000 * (_now_s(processor.torch_device) - start))
            start = _now_s(processor.torch_device)
            again = allocate_tokens(
                later, budget, previous=first.tokens, warm=first.price, processor=processor
            )
            again_ms.append(1000 * (_now_s(processor.torch_device) - start))
        fresh = allocate_tokens(later, budget, processor=processor)
        moved = (again.tokens != first.tokens).mean(), (fresh.tokens != first.tokens).mean()
        share = share_of_the_bound(relevance, first.tokens, budget)
        print(
            f"{tokens_each:15}   {min(first_ms):8.1f}   {min(again_ms):8.1f}   {share:18.5f}   "
            f"{moved[0]:.1%} ({moved[1]:.1%})"
        )


def _now_s(device: str) -> float:
    return time.process_time() if device == "cpu" else time.perf_counter()


def share_of_the_bound(
    relevance: NDArray[np.float32], tokens: NDArray[np.uint16], budget_tokens: int
) -> float:
    """Value of an allocation over Lagrange's bound; both give 64 to whom the rules give them."""
    slopes, costs = np.array(TOKEN_STEPS.slopes), np.array(TOKEN_STEPS.costs)
    cost = np.concatenate([[0], costs.cumsum()])
    worth = np.concatenate([[0], (slopes * costs).cumsum()])
    steps = np.where(tokens == 0, 0, (tokens.astype(np.int64) - 64) // 16 + 1)
    least = ((relevance > (FLOOR_LEVEL + 0.5) / LEVELS) | (steps > 0)).astype(np.int64)
    budget = budget_tokens // 16

    def taken(price: float) -> NDArray[np.int64]:
        return np.maximum(np.searchsorted(-slopes, -price / relevance, side="right"), least)

    low, high = 0.0, float(slopes[0])
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if cost[taken(middle)].sum() > budget else (low, middle)
    best = taken(high)
    bound = (relevance * worth[best]).sum(dtype=np.float64) + high * (budget - cost[best].sum())
    return float((relevance * worth[steps]).sum(dtype=np.float64) / bound)


if __name__ == "__main__":
    main()
