"""Where allocation, level choice and stain separation are computed: chosen once a process, said in words.

Kernels on an NVIDIA card where there are both, else torch. What fails on a card goes on in torch on the CPU
for the rest of the process.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

import torch

from gpu.compute.allocate import solve_tokens
from gpu.compute.cuda import CudaUnavailableError, kernels
from gpu.compute.cuda_allocate import solve_tokens_on_cuda
from gpu.compute.cuda_stain import separate_stains_on_cuda
from gpu.compute.stain import separate_stains

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from gpu.compute.token_steps import TokenProblem

T = TypeVar("T")


class Processor:
    """The torch twins, on the CPU or on a card. Raises RuntimeError where a card refuses, as GpuError is.

    ``name``: "CPU", or what the card is called; ``torch_device``: where torch has its tensors there.
    """

    def __init__(self, name: str, torch_device: str) -> None:
        self.name = name
        self.torch_device = torch_device

    def solve_tokens(
        self, relevance: Tensor, past: Tensor | None, problem: TokenProblem
    ) -> tuple[Tensor, int, bool]:
        """As gpu.compute.allocate.solve_tokens; tensors in and out on the CPU."""
        held = None if past is None else past.to(self.torch_device)
        tokens, price, scarce = solve_tokens(relevance.to(self.torch_device), held, problem)
        return tokens.cpu(), price, scarce

    def separate_stains(
        self, rgb: Tensor, glass_rgb: Tensor, density_from_stains: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As gpu.compute.stain.separate_stains, for pixels on ``torch_device``."""
        return separate_stains(rgb, glass_rgb, density_from_stains)


class KernelProcessor(Processor):
    """The kernels, compiled for torch's present card when this is made.

    Raises CudaUnavailableError where no kernels can be had, GpuError where they are refused.
    """

    def __init__(self) -> None:
        kernels("allocate")
        kernels("stain")
        super().__init__(torch.cuda.get_device_name(), "cuda")

    def solve_tokens(
        self, relevance: Tensor, past: Tensor | None, problem: TokenProblem
    ) -> tuple[Tensor, int, bool]:
        return solve_tokens_on_cuda(relevance, past, problem)

    def separate_stains(
        self, rgb: Tensor, glass_rgb: Tensor, density_from_stains: Tensor
    ) -> tuple[Tensor, Tensor]:
        return separate_stains_on_cuda(rgb, glass_rgb, density_from_stains)


CPU = Processor("CPU", "cpu")


class ComputeDevice:
    """The processor in use, ``why`` it is that one, and ``notes``: what the reader must be told of it."""

    def __init__(self, processor: Processor, why: str) -> None:
        self.processor = processor
        self.why = why
        self.notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.processor.name

    def run(self, work: Callable[[Processor], T]) -> T:
        """What ``work`` returns on the processor. Where a card fails the CPU does the work, now and from now
        on. Errors of the work itself come from the CPU."""
        processor = self.processor
        if processor is not CPU:
            try:
                return work(processor)
            except RuntimeError as error:
                self.leave_card(f"{processor.name} failed: {_first_line(error)}")
        return work(CPU)

    def leave_card(self, reason: str) -> None:
        """Compute on the CPU from now on, and tell the reader why; without effect where that is so."""
        if self.processor is not CPU:
            self.processor, self.why = CPU, reason
            self.notes = (f"{reason}. The CPU goes on, more slowly.",)


def _first_line(error: Exception) -> str:
    """The first line of an error's text, which may be empty; drivers add pages."""
    return str(error).partition("\n")[0]


@cache
def compute_device() -> ComputeDevice:
    """The device of this process, chosen at the first call: up to a second where kernels are compiled."""
    try:
        name = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    except (AssertionError, RuntimeError):  # a torch without CUDA, a driver that does not answer
        name = ""
    if not name:
        return ComputeDevice(CPU, "no NVIDIA graphics card that torch can use")
    on_card = Processor(name, "cuda")
    try:
        return ComputeDevice(KernelProcessor(), "an NVIDIA graphics card, with kernels compiled for it")
    except CudaUnavailableError as error:
        return ComputeDevice(on_card, f"an NVIDIA graphics card, without kernels: {error}")
    except RuntimeError as error:
        device = ComputeDevice(on_card, "")
        device.leave_card(f"{on_card.name} failed: {_first_line(error)}")
        return device
