"""Which cards processes share out: those that torch can use, by the names that the system gives them."""

from __future__ import annotations

import os

import pytest
import torch

from viewer.relevance.encoders.device_errors import graphics_cards, take_card


@pytest.fixture
def two_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.usefixtures("two_cards")
@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, ("0", "1")),
        ("3,5", ("3", "5")),
        ("GPU-ab, GPU-cd", ("GPU-ab", "GPU-cd")),
        ("3,5,99", ("3", "5")),
    ],
)
def test_cards_have_the_names_that_the_environment_gives_them(
    visible: str | None, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert graphics_cards() == expected


@pytest.mark.usefixtures("two_cards")
def test_a_torch_that_can_use_none_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert graphics_cards() == ()


def test_a_process_sees_the_card_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    take_card("1")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
