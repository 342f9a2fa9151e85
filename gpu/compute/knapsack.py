"""The solver of every budget: how many steps each region gets when each step gains less than the last.

Where a step's gain per cost falls with every step, taking the steps by falling gain per cost is optimal
(Federgruen and Groenevelt, Oper. Res. 34, 1986). All numbers are integers, so that every device gives the
same result: relevance has 4,096 levels, regions of one level and one past are counted together, and the
price λ is bisected on those counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from torch import Tensor

LEVELS = 4096
FLOOR = 0.05
FLOOR_LEVEL = round(FLOOR * LEVELS)
FREE_ROW = 0
"""The row of regions at the floor, which may get nothing; rows 1 to 4,096 are
levels of relevance."""

KEPT_TENTHS, NEW_TENTHS, PLAIN_TENTHS = 11, 9, 10
"""Tenths of its gain that a step counts: held before, not held before, without a previous allocation."""


class Steps(NamedTuple):
    """The cost and the gain of the first, second … step of a region.

    ``slopes``: gain per cost of each step, strictly falling integers from 1; ``costs``: of each step,
    integers from 1.
    """

    slopes: tuple[int, ...]
    costs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Solution:
    """The steps that each bin gets.

    ``table`` uint8 (bins,): steps. ``ties`` uint8 (bins,): of the regions of all bins with n > 0, in their
    order, ``granted[n − 1]`` out of ``tied[n − 1]`` get one step more. ``price`` is λ; ``scarce``: the
    budget does not cover the least for all.
    """

    table: Tensor
    ties: Tensor
    tied: tuple[int, ...]
    granted: tuple[int, ...]
    price: int
    scarce: bool


def levels_of(relevance: Tensor) -> Tensor:
    """Levels int32 (n,) of relevance float32 (n,). NaN and less than the floor count as the floor."""
    return relevance.nan_to_num(nan=0.0).clamp_(FLOOR, 1.0).mul_(LEVELS).round_().to(torch.int32)


def solve(
    counts: Tensor, steps: Steps, *, least: int, most: int, budget: int, past: bool, warm: int | None
) -> Solution:
    """Allocate ``budget`` to regions; ``counts`` int64 (LEVELS + 1, steps + 1): by level and steps held.

    Every region gets ``least`` to ``most`` steps, those in FREE_ROW 0 to ``most``. Where the budget does
    not cover that, each gets one step or none, the most relevant first. ``warm``, the price of the time
    before, saves time and changes nothing.
    """
    problem = _Problem(counts, steps, least=least, most=most, past=past)
    scarce = problem.cost(problem.top) > budget
    if scarce:
        problem = _Problem(counts, steps, least=0, most=1, past=past)
    price = problem.price(budget, warm)
    taken, next_taken = problem.taken(price), problem.taken(price - 1)
    left = budget - problem.cost(price)
    ties = torch.zeros_like(taken)
    tied: list[int] = []
    granted: list[int] = []
    # Steps of one price have the same gain per cost: the cheap ones first, they fill the budget best.
    for step in sorted(range(len(steps.costs)), key=lambda step: (steps.costs[step], step)):
        here = (next_taken > taken) & (taken == step) & (ties == 0)
        number = int(counts[here].sum())
        given = min(number, left // steps.costs[step])
        left -= given * steps.costs[step]
        if 0 < given < number:
            tied.append(number)
            granted.append(given)
            ties[here] = len(tied)
        elif given:
            taken = taken + (here & (ties == 0))
            next_taken = torch.where(here, taken, next_taken)
    return Solution(
        taken.flatten().to(torch.uint8),
        ties.flatten().to(torch.uint8),
        tuple(tied),
        tuple(granted),
        price,
        scarce,
    )


def apply(solution: Solution, bins: Tensor) -> Tensor:
    """Steps uint8 (n,) of regions whose bins (n,) are given; ties are broken evenly along their order."""
    taken = solution.table.index_select(0, bins)
    if solution.tied:
        ties = solution.ties.index_select(0, bins)
        for number, (tied, granted) in enumerate(zip(solution.tied, solution.granted, strict=True), start=1):
            where = (ties == number).nonzero().flatten()
            share = torch.arange(tied + 1, device=bins.device) * granted // tied
            taken[where] += (share[1:] - share[:-1]).to(torch.uint8)
    return taken


class _Problem:
    def __init__(self, counts: Tensor, steps: Steps, *, least: int, most: int, past: bool) -> None:
        device = counts.device
        self._counts = counts
        self._slopes = torch.tensor(steps.slopes[::-1], device=device)  # rising, for searchsorted
        self._costs = torch.tensor((0, *steps.costs), device=device).cumsum(0)
        self._kept, self._new = (KEPT_TENTHS, NEW_TENTHS) if past else (PLAIN_TENTHS, PLAIN_TENTHS)
        self._levels = torch.arange(LEVELS + 1, device=device)
        self._levels[FREE_ROW] = FLOOR_LEVEL
        self._held = torch.arange(counts.shape[1], device=device)
        self._least = torch.full((LEVELS + 1, 1), least, device=device)
        self._least[FREE_ROW] = 0
        self._most = most
        self.top = LEVELS * steps.slopes[0] * KEPT_TENTHS + 1
        """A price above the gain of every step."""
        # Few of the bins hold regions as a rule: the bisection counts only those.
        self._rows, self._columns = counts.nonzero(as_tuple=True)
        self._numbers = counts[self._rows, self._columns]

    def _steps_at(self, price: int, tenths: int) -> Tensor:
        """Steps (LEVELS + 1,) with a gain of at least the price, at each level."""
        needed = (price + self._levels * tenths - 1) // (self._levels * tenths)
        return len(self._slopes) - torch.searchsorted(self._slopes, needed)

    def taken(self, price: int) -> Tensor:
        """Steps (LEVELS + 1, steps + 1) taken at this price. One held before is kept at up to 10 % more."""
        new, kept = self._steps_at(price, self._new)[:, None], self._steps_at(price, self._kept)[:, None]
        held = self._held[None, :].maximum(new).minimum(kept)
        return held.maximum(self._least).clamp_(max=self._most)

    def cost(self, price: int) -> int:
        new, kept = (
            self._steps_at(price, self._new)[self._rows],
            self._steps_at(price, self._kept)[self._rows],
        )
        taken = self._columns.maximum(new).minimum(kept)
        taken = taken.maximum(self._least[self._rows, 0]).clamp_(max=self._most)
        return int((self._numbers * self._costs[taken]).sum())

    def price(self, budget: int, warm: int | None) -> int:
        """The lowest price, from 1, at which what is taken fits into the budget."""
        low, high = 0, self.top  # too low (or not tried), high enough
        if warm is not None and 1 < warm < self.top:
            width = max(warm // 64, 1)
            if self.cost(warm) <= budget:
                high = warm
                while high - width > low:
                    if self.cost(high - width) > budget:
                        low = high - width
                        break
                    high -= width
                    width *= 4
            else:
                low = warm
                while low + width < high:
                    if self.cost(low + width) <= budget:
                        high = low + width
                        break
                    low += width
                    width *= 4
        while high - low > 1:
            middle = (low + high) // 2
            if self.cost(middle) <= budget:
                high = middle
            else:
                low = middle
        return high
