"""Allocation per region: encoder tokens, and the level and weight with which its tiles are loaded.

Two budgets, one solver (``knapsack``). The gain of detail is one curve for all regions, scaled by each one's
relevance. On an NVIDIA card (``device``) the tokens are allocated by kernels/allocate.cu, and levels by this
solver in torch there: the same numbers as on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from gpu.compute.knapsack import FLOOR, FLOOR_LEVEL, FREE_ROW, LEVELS, Steps, apply, levels_of, solve
from gpu.compute.token_steps import LEAST_TOKENS, MOST_TOKENS, STEP_TOKENS, TOKEN_STEPS, TokenProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from gpu.compute.device import Processor

SURPRISE_WEIGHT = 0.3
EVEN_PERCENT = 15
MAX_REGIONS = 2**26
MAX_WEIGHT = 4.0

_FULL_SHARE = 0.2
_LEAST_FULL_SCORE = 0.2
_FOCUS_EXPONENT = 6
"""At two thirds of the score a region counts an eleventh: its first step then gains less than the last
one to full detail."""
_BYTES_SCALE = 2**30
_GOLDEN = 2654435769
"""2³² divided by the golden ratio: its multiples fill the circle evenly however many are taken."""


@dataclass(frozen=True, slots=True)
class TokenAllocation:
    """``tokens``: uint16 in the shape of the relevance, 0 (not encoded) or 64 to 400 in steps of 16.

    ``price`` is λ, to be passed as ``warm`` the next time; ``scarce``: the budget does not cover 64
    tokens for each region with relevance above the floor.
    """

    tokens: NDArray[np.uint16]
    price: int
    scarce: bool


@dataclass(frozen=True, slots=True)
class LoadAllocation:
    """``levels`` uint8: pyramid level to load of each region, never coarser than its screen needs.

    ``weights`` float32, 1 to 4, for the order of loading; both in the shape of the relevance. ``price`` as
    for tokens.
    """

    levels: NDArray[np.uint8]
    weights: NDArray[np.float32]
    price: int


def joint_relevance(
    query: NDArray[np.float32], surprise: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """max(query, 0.3 · surprise, floor), float32 from 0.05 to 1; NaN (not known) counts as the floor."""
    joint = np.fmax(np.asarray(query, np.float32), np.float32(FLOOR))
    if surprise is not None:
        joint = np.fmax(joint, np.asarray(surprise, np.float32) * np.float32(SURPRISE_WEIGHT))
    return np.minimum(joint, np.float32(1))


def focused(query: NDArray[np.float32]) -> NDArray[np.float32]:
    """A query's scores as the token budget takes them: 1 from the score that a fifth of the regions reach
    upwards, falling steeply below it; float32 from 0 to 1.

    At 40 % of 256 tokens a region, the budget is full detail for a fifth and 64 tokens for the rest. Unscaled
    scores would spread it over everything likely and give full detail to none. Where no fifth
    reaches a score of 0.2, the best scores are not scaled up to 1.
    """
    values = np.nan_to_num(np.asarray(query, np.float32))
    if values.size == 0:
        return values
    full_from = max(float(np.quantile(values, 1 - _FULL_SHARE)), _LEAST_FULL_SCORE)
    return np.minimum((values / np.float32(full_from)) ** _FOCUS_EXPONENT, np.float32(1))


def allocate_tokens(
    relevance: NDArray[np.float32],
    budget_tokens: int,
    *,
    previous: NDArray[np.uint16] | None = None,
    warm: int | None = None,
    most_tokens: int = MOST_TOKENS,
    processor: Processor | None = None,
) -> TokenAllocation:
    """Allocate ``budget_tokens`` to regions by relevance (``joint_relevance``), 64 to ``most_tokens`` each.

    Regions at the floor may get 0. 15 % of the budget is spread evenly first: it is never 64 for each, so it
    is 64 for every n-th region. Where the budget does not cover that and 64 for each region above the floor,
    the most relevant get 64 and the rest nothing. The total never
    exceeds the budget.

    Args:
        relevance: any shape. NaN and negative count as the floor, 0.05, what is above 1 as 1.
        previous: tokens of the time before, same shape: a step is kept until its gain is 10 % below
            the price and a new one is taken at 10 % above, so that slight changes move nothing.
        warm: the price of the time before; saves time and changes nothing.
        most_tokens: 256 where the slide is no finer than 0.5 µm/px.
        processor: what computes it; torch on the CPU where there is none.

    Raises:
        ValueError: a negative budget, a shape that differs, too many regions, or most_tokens that is no
            multiple of 16 from 64 to 400.
        RuntimeError: a card that refuses.
    """
    if budget_tokens < 0:
        raise ValueError(f"a budget of {budget_tokens} tokens; it must be 0 or more")
    if not LEAST_TOKENS <= most_tokens <= MOST_TOKENS or most_tokens % STEP_TOKENS:
        raise ValueError(f"at most {most_tokens} tokens a region; must be a multiple of 16 from 64 to 400")
    _check(relevance, previous)
    if relevance.size == 0:
        return TokenAllocation(np.zeros(relevance.shape, np.uint16), 1, scarce=False)
    regions = relevance.size
    budget = min(budget_tokens, regions * MOST_TOKENS) // STEP_TOKENS
    even = budget * EVEN_PERCENT // 100
    most = _steps_of_tokens(most_tokens)
    problem = TokenProblem(budget, most, even * 2**32 // (TOKEN_STEPS.costs[0] * regions), warm)
    # Copies: what other threads publish is read-only, which torch does not accept.
    flat = torch.from_numpy(np.array(relevance, np.float32).reshape(-1))
    past = None
    if previous is not None:
        # At most 400, as int16, which torch can compute with.
        past = torch.from_numpy(np.minimum(previous, MOST_TOKENS).astype(np.int16).reshape(-1))
    solve_on = solve_tokens if processor is None else processor.solve_tokens
    tokens, price, scarce = solve_on(flat, past, problem)
    return TokenAllocation(tokens.numpy().reshape(relevance.shape), price, scarce)


def solve_tokens(relevance: Tensor, past: Tensor | None, problem: TokenProblem) -> tuple[Tensor, int, bool]:
    """Tokens uint16 (n,), the price, and whether the budget was scarce: the twin of kernels/allocate.cu."""
    bins = levels_of(relevance)
    if problem.seats < 2**32:
        # 32 bits that wrap, shifted to signed ones.
        order = torch.arange(len(bins), device=bins.device, dtype=torch.int32).mul_(_GOLDEN - 2**32)
        bins.masked_fill_(
            (bins <= FLOOR_LEVEL).logical_and_(order.add_(-(2**31)) >= problem.seats - 2**31), FREE_ROW
        )
    columns = len(TOKEN_STEPS.costs) + 1
    bins.mul_(columns)
    if past is not None:
        held = (past // STEP_TOKENS - (LEAST_TOKENS // STEP_TOKENS - 1)).clamp_(0, columns - 1)
        bins.add_(held)
    counts = torch.bincount(bins, minlength=(LEVELS + 1) * columns).view(LEVELS + 1, columns)
    solution = solve(
        counts,
        TOKEN_STEPS,
        least=1,
        most=problem.most,
        budget=problem.budget,
        past=past is not None,
        warm=problem.warm,
    )
    steps = apply(solution, bins)
    tokens = steps.to(torch.int16).mul_(STEP_TOKENS).add_(LEAST_TOKENS - STEP_TOKENS)
    tokens.masked_fill_(steps == 0, 0)
    return tokens.view(torch.uint16), solution.price, solution.scarce


def allocate_loads(
    relevance: NDArray[np.float32],
    budget_bytes: int,
    *,
    acuity: NDArray[np.float32],
    on_screen: NDArray[np.bool_],
    required_level: int,
    bytes_per_level: Sequence[int],
    previous: NDArray[np.uint8] | None = None,
    warm: int | None = None,
    torch_device: str = "cpu",
) -> LoadAllocation:
    """The level and the weight with which each region's tiles are loaded.

    Regions on the screen get the level that the screen needs, whatever the budget and the relevance. The
    rest of the budget goes to finer levels of the other regions, from the coarsest to the required one, by
    relevance times acuity per byte. Weights, 1 + 3 · relevance · acuity, reorder only.

    Args:
        relevance: any shape; not a number and negative count as 0, what is above 1 as 1.
        acuity: same shape, 0 to 1: the reader's acuity at this region, now or soon.
        on_screen: same shape.
        required_level: the coarsest level with no fewer pixels than the screen shows; 0 is the finest.
        bytes_per_level: what a region's tiles of each level take, finest first, strictly falling, from 1.
        previous, warm: levels and price of the time before, as for tokens.
        torch_device: where the levels are chosen, "cpu" or "cuda".

    Raises:
        ValueError: a negative budget, shapes that differ, a level that is not there, bytes that do not fall.
        RuntimeError: a card that refuses.
    """
    if budget_bytes < 0:
        raise ValueError(f"a budget of {budget_bytes} bytes; it must be 0 or more")
    _check(relevance, acuity, on_screen, previous)
    coarsest = len(bytes_per_level) - 1
    if not 0 <= required_level <= coarsest <= np.iinfo(np.uint8).max:
        raise ValueError(f"level {required_level} of a slide with {coarsest + 1} levels")
    steps = _load_steps(bytes_per_level, required_level)
    joint = np.nan_to_num(np.clip(relevance, 0, 1), nan=0.0) * np.nan_to_num(np.clip(acuity, 0, 1), nan=0.0)
    joint = joint.astype(np.float32)
    weights = 1 + np.float32(MAX_WEIGHT - 1) * joint
    levels = np.full(relevance.shape, required_level, np.uint8)
    elsewhere = ~on_screen
    spent = int(on_screen.sum()) * sum(bytes_per_level[required_level:])
    left = max(budget_bytes - spent - int(elsewhere.sum()) * bytes_per_level[coarsest], 0)
    if not steps.costs or not elsewhere.any():
        return LoadAllocation(levels, weights, 1)
    rows = levels_of(torch.from_numpy(joint[elsewhere]).to(torch_device))
    columns = len(steps.costs) + 1
    bins = rows * columns
    if previous is not None:
        held = (coarsest - previous[elsewhere].astype(np.int64)).clip(0, columns - 1)
        bins += torch.from_numpy(held).to(torch_device)
    counts = torch.bincount(bins, minlength=(LEVELS + 1) * columns).view(LEVELS + 1, columns)
    solution = solve(
        counts, steps, least=0, most=columns - 1, budget=left, past=previous is not None, warm=warm
    )
    levels[elsewhere] = coarsest - apply(solution, bins).cpu().numpy()
    return LoadAllocation(levels, weights, solution.price)


def _load_steps(bytes_per_level: Sequence[int], required_level: int) -> Steps:
    """From the coarsest level, which is there anyway, to the required one; each halves the blur."""
    if min(bytes_per_level) < 1 or any(a <= b for a, b in pairwise(bytes_per_level)):
        raise ValueError(f"bytes of levels must fall from fine to coarse and be positive: {bytes_per_level}")
    costs = tuple(bytes_per_level[required_level:-1][::-1])
    slopes: list[int] = []
    for cost in reversed(costs):  # rounding must not make two steps equal: the finest gains the least
        slopes.append(max(costs[0] * _BYTES_SCALE // cost, slopes[-1] + 1 if slopes else 1))
    return Steps(tuple(reversed(slopes)), costs)


def _steps_of_tokens(tokens: int) -> int:
    return (tokens - LEAST_TOKENS) // STEP_TOKENS + 1


def _check(relevance: NDArray[np.float32], *others: NDArray[np.generic] | None) -> None:
    if relevance.size > MAX_REGIONS:
        raise ValueError(f"{relevance.size:,} regions; at most {MAX_REGIONS:,} can share a budget")
    for other in others:
        if other is not None and other.shape != relevance.shape:
            raise ValueError(f"relevance has the shape {relevance.shape}, what goes with it {other.shape}")
