"""The device reaches allocation, the measured encoders and the worker; a card that fails is left once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("torch")

from gpu.compute.device import CPU
from gpu.errors import GpuError
from tests.gpu.compute.stand_in import inserted
from tests.relevance.colours import ColourEncoder, MadeSlide, open_store, picture
from tests.relevance.engine_window import Window
from viewer.common.errors import EncoderDeviceError
from viewer.relevance.analysis.allocation import Allocator
from viewer.relevance.analysis.slide_analysis import Analysis
from viewer.relevance.encoders.card import MEASURED_ID, SALIENCY_ID
from viewer.relevance.encoders.registry import load_encoder
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.query.tree import Term
from viewer.relevance.worker.messages import Allocated, Ask, ComputingOn, Note
from viewer.slide.geometry import Pyramid, Rect
from viewer.slide.tissue.stains import find_stains
from viewer.view.viewport import Viewport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gpu.compute.device import ComputeDevice
    from tests.gpu.compute.stand_in import StandInCard

    Inserted = tuple[StandInCard, ComputeDevice]

LAUNCH_FAILED = GpuError("driver: CUDA_ERROR_LAUNCH_FAILED")
LOOK = Viewport(Rect(0, 0, 2560, 2560), None, 4.0, moving=False)
PYRAMID = Pyramid.from_sizes([(10240, 7680), (2560, 1920), (640, 480)], [(256, 256)] * 3)
GRID = PatchGrid.over(10240, 7680, (0.5, 0.5))
SCORES = np.linspace(0, 1, GRID.patch_count, dtype=np.float32).reshape(GRID.shape)
UNKNOWN = np.full(GRID.shape, np.nan, np.float32)


@pytest.fixture
def card_and_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inserted]:
    yield from inserted(monkeypatch)


def allocated() -> tuple[np.ndarray, ...]:
    allocator = Allocator(GRID, PYRAMID, np.ones(GRID.shape, bool), (0.5, 0.5))
    for _ in range(2):  # the second has a past
        found = allocator.allocate(SCORES, UNKNOWN, np.ones(GRID.shape, np.float32), LOOK)
    return found.weights, found.levels, found.tokens


def test_tokens_and_levels_are_allocated_on_the_card(card_and_device: Inserted) -> None:
    card, device = card_and_device
    on_card = allocated()
    assert card.asked["tokens"] == card.asked["tensors"] == 2
    device.leave_card("a test")
    for found, expected in zip(on_card, allocated(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert card.asked["tokens"] == 2


@pytest.mark.parametrize("part", ["tokens", "tensors"])
def test_an_allocation_that_fails_on_the_card_is_made_on_the_cpu(
    part: str, card_and_device: Inserted
) -> None:
    card, device = card_and_device
    expected = allocated()
    asked = card.asked[part]
    card.fails[part] = LAUNCH_FAILED
    for found, wanted in zip(allocated(), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert card.asked[part] == asked + 1, "once, and never again"
    assert device.processor is CPU
    assert len(device.notes) == 1


@pytest.mark.parametrize("encoder_id", [MEASURED_ID, SALIENCY_ID])
def test_stains_are_separated_on_the_card_where_the_encoder_works_there(
    encoder_id: str, card_and_device: Inserted
) -> None:
    card, device = card_and_device
    block = np.random.default_rng(1).integers(90, 240, (288, 160, 3), np.uint8)
    stains = find_stains(block.reshape(-1, 3), np.array([243.0] * 3), brightfield=True)
    encoder = load_encoder(encoder_id)
    on_cpu = encoder.encode(block, {"stains": stains.as_facts()})
    assert card.asked["stains"] == 0
    encoder.use("cuda")
    np.testing.assert_array_equal(encoder.encode(block, {"stains": stains.as_facts()}), on_cpu)
    assert card.asked["stains"] == 1
    device.leave_card("Stand-in card failed")
    with pytest.raises(EncoderDeviceError, match="Stand-in card failed"):
        encoder.encode(block, {"stains": stains.as_facts()})


def features_of(folder: Path, *, fastest: bool = True) -> tuple[np.ndarray, Analysis]:
    source = MadeSlide(picture())
    encoder = load_encoder(MEASURED_ID)
    with open_store(folder, source, card=encoder.card) as store:
        analysis = Analysis(source, encoder, store)
        if fastest:
            analysis.use_fastest()
        analysis.run_to_end(threads=2)
        cells, features = store.load()
    return features[np.lexsort(cells.T)], analysis


def test_an_analysis_whose_card_fails_goes_on_with_the_same_result_and_one_message(
    tmp_path: Path, card_and_device: Inserted
) -> None:
    card, device = card_and_device
    expected, _ = features_of(tmp_path / "cpu", fastest=False)
    _, analysis = features_of(tmp_path / "card")
    assert analysis.device == "cuda"
    asked = card.asked["stains"]
    assert asked
    card.fails["stains"] = LAUNCH_FAILED
    found, analysis = features_of(tmp_path / "failing")
    assert found.shape == expected.shape
    alike = np.isclose(found, expected, rtol=1e-3, atol=1e-4)
    assert alike.mean() > 0.97, "a few measurements depend a little on where blocks begin"
    assert card.asked["stains"] <= asked + 3, "blocks that were under way, and none after them"
    assert (analysis.device, device.processor) == ("cpu", CPU)
    failed = {note for note in (*analysis.notes, *device.notes) if "The CPU goes on" in note}
    assert len(failed) == 1
    assert "CUDA_ERROR_LAUNCH_FAILED" in failed.pop()


def test_the_worker_says_what_it_computes_on_and_what_failed(
    tmp_path: Path, card_and_device: Inserted
) -> None:
    card, _ = card_and_device
    source = MadeSlide(picture())
    with open_store(tmp_path, source) as store:
        window = Window(Analysis(source, ColourEncoder(), store))
        try:
            window.start()
            told = window.hear(ComputingOn)
            assert (told.name, "kernels" in told.why) == ("Stand-in card", True)
            window.tell(Ask(1, Term("darkness")), LOOK)
            window.hear(Allocated)
            assert card.asked["tokens"]
            card.fails["tokens"] = LAUNCH_FAILED
            window.tell(LOOK)
            window.hear(Allocated)
            assert window.hear(ComputingOn).name == "CPU"
            failed = window.hear_until(lambda event: isinstance(event, Note) and "failed" in event.text)
            assert failed.text == f"Stand-in card failed: {LAUNCH_FAILED}. The CPU goes on, more slowly."
            window.tell(LOOK)
            window.hear(Allocated)
        finally:
            window.stop()
    assert sum(isinstance(event, Note) and "The CPU" in event.text for event in window.events) == 1
