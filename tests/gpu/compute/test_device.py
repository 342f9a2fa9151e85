"""What computes: chosen once, said in words, and left once where a card fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from gpu.compute import device
from gpu.compute.cuda import CudaUnavailableError
from gpu.compute.device import CPU, ComputeDevice, Processor, compute_device
from gpu.errors import GpuError
from tests.gpu.compute.stand_in import StandInCard, inserted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInCard]:
    for card, _ in inserted(monkeypatch):
        yield card


def test_a_card_with_kernels_is_chosen_once(card: StandInCard) -> None:
    chosen = compute_device()
    assert (chosen.processor, chosen.name, chosen.notes) == (card, "Stand-in card", ())
    assert "kernels" in chosen.why
    assert compute_device() is chosen


def silent_driver() -> str:
    raise RuntimeError("CUDA unknown error")


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(
    ("function", "answer"), [("is_available", lambda: False), ("get_device_name", silent_driver)]
)
def test_without_a_card_the_cpu_computes(
    function: str, answer: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    compute_device.cache_clear()
    monkeypatch.setattr(torch.cuda, function, answer)
    chosen = compute_device()
    assert (chosen.processor, chosen.notes) == (CPU, ())
    assert chosen.why == "no NVIDIA graphics card that torch can use"


def refusing(error: Exception) -> type:
    class Refusing:
        def __init__(self) -> None:
            raise error

    return Refusing


@pytest.mark.usefixtures("card")
def test_without_the_compiler_torch_computes_on_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    compute_device.cache_clear()
    monkeypatch.setattr(device, "KernelProcessor", refusing(CudaUnavailableError("install the extra")))
    chosen = compute_device()
    assert type(chosen.processor) is Processor
    assert (chosen.name, chosen.processor.torch_device) == ("Stand-in card", "cuda")
    assert chosen.notes == ()
    assert "install the extra" in chosen.why


@pytest.mark.usefixtures("card")
def test_kernels_that_do_not_compile_leave_the_card_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    compute_device.cache_clear()
    monkeypatch.setattr(device, "KernelProcessor", refusing(GpuError("allocate.cu was not compiled\nline 3")))
    chosen = compute_device()
    assert chosen.processor is CPU
    assert chosen.notes == (
        "Stand-in card failed: allocate.cu was not compiled. The CPU goes on, more slowly.",
    )


@pytest.mark.parametrize(
    "error",
    [
        GpuError("driver: CUDA_ERROR_LAUNCH_FAILED"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("CUDA error: unspecified launch failure\nand more"),
    ],
)
def test_a_card_that_fails_is_left_once_and_the_work_done(error: RuntimeError) -> None:
    card, asked = StandInCard(), []
    chosen = ComputeDevice(card, "a test")

    def work(processor: Processor) -> str:
        asked.append(processor)
        if processor is card:
            raise error
        return processor.name

    assert [chosen.run(work), chosen.run(work)] == ["CPU", "CPU"]
    assert asked == [card, CPU, CPU]
    first_line = str(error).splitlines()[0]
    assert chosen.why == f"Stand-in card failed: {first_line}"
    assert chosen.notes == (f"{chosen.why}. The CPU goes on, more slowly.",)
    chosen.leave_card("another reason")
    assert len(chosen.notes) == 1


def test_what_is_wrong_with_the_work_itself_is_raised() -> None:
    def work(_processor: Processor) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        ComputeDevice(CPU, "").run(work)
    with pytest.raises(ValueError, match="no number"):
        ComputeDevice(StandInCard(), "").run(lambda _processor: int("no number", 36) or int("x y"))
