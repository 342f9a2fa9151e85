"""Images through a network in batches: every one, in order, on the CPU and on a card."""

from __future__ import annotations

import pytest
import torch

from viewer.relevance.models.batching import batch_for, in_batches

needs_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA graphics card")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_card)])
@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_all_images_go_through_in_order(device: str, batch: int) -> None:
    images = [torch.full((4, 4, 3), number, dtype=torch.uint8) for number in range(7)]
    seen = []

    def run(stacked: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append(len(stacked))
        means = stacked.double().mean(dim=(1, 2, 3))
        return means, -means

    means, negative = in_batches(run, images, device=device, batch=batch)
    assert means.tolist() == list(range(7))
    assert (negative == -means).all()
    assert means.dtype == torch.float32
    assert means.device.type == "cpu"
    assert max(seen) == min(batch, 7)


def test_a_card_takes_as_many_as_half_of_its_free_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1000, 8000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 500)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 300)
    assert batch_for("cuda", 100) == 6
    assert batch_for("cuda", 1) == 256, "more would not be faster"
    assert batch_for("cuda", 10**6) == 1, "the card says itself when that is too much"
    assert batch_for("cpu", 10**6) == 4
