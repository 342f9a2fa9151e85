"""The parts of self-distillation: outputs, loss, centre, rates."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tests.relevance.pretraining_run import TINY
from viewer.relevance.training.pretraining import stage
from viewer.relevance.training.pretraining.distillation import (
    Learner,
    distillation_loss,
    follow,
    mean_output,
    moved_centre,
    parameter_groups,
    patch_network,
    region_network,
)
from viewer.relevance.training.pretraining.recipe import RECIPES, frozen_steps, rates_at


def learner(dtype: torch.dtype = torch.float32) -> Learner:
    torch.manual_seed(1)
    return Learner(patch_network(TINY.patches), TINY.patches, dtype)


def test_views_of_a_size_go_through_together_and_in_their_order() -> None:
    one = learner()
    large, small = torch.randn(3, 2, 3, 64, 64), torch.randn(2, 2, 3, 32, 32)

    outputs = one([*large[:2], *small])

    assert outputs.shape == (4, 2, TINY.patches.outputs)
    assert torch.allclose(outputs[1], one([large[1]])[0], atol=1e-6)
    assert torch.allclose(outputs[3], one([small[1]])[0], atol=1e-6)
    assert outputs.abs().max() <= 1 + 1e-5  # cosines


def test_in_bfloat16_outputs_stay_near_and_have_gradients() -> None:
    views = [torch.randn(2, 3, 64, 64)]

    exact, rough = learner()(views), learner(torch.bfloat16)(views)
    rough.square().sum().backward()

    assert rough.dtype == torch.float32
    assert (exact - rough).abs().max() < 0.05


def test_regions_are_read_in_bfloat16_too() -> None:
    torch.manual_seed(2)
    one = Learner(region_network(TINY.regions, 64), TINY.regions, torch.bfloat16)

    assert one([torch.randn(2, 14, 14, 64)]).shape == (1, 2, TINY.regions.outputs)


def test_the_loss_is_least_where_student_and_teacher_agree() -> None:
    teacher = torch.eye(4)[None].repeat(2, 1, 1)
    centre = torch.zeros(4)
    agreeing = distillation_loss(teacher.repeat(2, 1, 1), teacher, centre, 0.04)
    others = distillation_loss(teacher.roll(1, dims=1).repeat(2, 1, 1), teacher, centre, 0.04)
    undecided = distillation_loss(torch.zeros(4, 4, 4), teacher, centre, 0.04)

    assert agreeing < undecided < others
    assert float(undecided) == pytest.approx(math.log(4))


def test_a_view_is_not_compared_with_itself() -> None:
    teacher = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    swapped = teacher.flip(0)

    assert distillation_loss(swapped, teacher, torch.zeros(2), 0.04) < distillation_loss(
        teacher, teacher, torch.zeros(2), 0.04
    )


def test_the_centre_is_the_running_mean_of_the_teacher() -> None:
    teacher = torch.randn(2, 3, 5)

    assert torch.allclose(moved_centre(torch.zeros(5), teacher), 0.1 * mean_output(teacher))


def test_the_teacher_follows_and_biases_do_not_decay() -> None:
    student, teacher = learner(), learner()
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(1.0)

    follow(teacher, student, 0.9)

    moved = next(teacher.parameters()) - (next(student.parameters()) - 1.0)
    assert torch.allclose(moved, torch.full_like(moved, 0.1), atol=1e-6)
    decayed, others = parameter_groups(student)
    assert len(decayed["params"]) + len(others["params"]) == len(list(student.parameters()))
    assert all(one.ndim > 1 for one in decayed["params"])
    assert others["weight_decay"] == 0.0


def test_rates_rise_and_fall_with_the_steps() -> None:
    recipe = replace(TINY.patches, batch=256, momentum=0.996)
    first, warm, last = (rates_at(step, 100, recipe, 5e-4) for step in (0, 10, 99))

    assert first.learning_rate < warm.learning_rate > last.learning_rate
    assert warm.learning_rate == pytest.approx(5e-4, rel=0.05)
    assert (first.temperature, last.temperature) == (0.04, 0.07)
    assert first.weight_decay == pytest.approx(0.04)
    assert last.weight_decay == pytest.approx(0.4, rel=0.01)
    assert first.momentum == pytest.approx(0.996)
    assert last.momentum == pytest.approx(1.0, abs=1e-5)
    assert [frozen_steps(100, epoch) for epoch in (3, 50)] == [3, 10]


@pytest.mark.parametrize("shape", ["small", "full"])
def test_shapes_are_those_that_the_loader_reads_from_weights(shape: str) -> None:
    recipe = RECIPES[shape]  # type: ignore[index]

    assert recipe.patches.shape.heads == recipe.patches.shape.width // 64
    assert recipe.regions.shape.heads == 6
    with torch.device("meta"):
        count = sum(one.numel() for one in patch_network(recipe.patches).parameters())
        regions = sum(one.numel() for one in region_network(recipe.regions, 384).parameters())
    if shape == "full":  # as published
        assert (count, regions) == (21_665_664, 2_781_504)


@pytest.mark.parametrize("fast", [torch.bfloat16, torch.float16, torch.float32])
def test_cards_without_bfloat16_compute_in_float32(
    monkeypatch: pytest.MonkeyPatch, fast: torch.dtype
) -> None:
    monkeypatch.setattr(stage, "fast_dtype", lambda _device: fast)

    assert stage.training_dtype("cuda") == (fast if fast == torch.bfloat16 else torch.float32)
    assert stage.training_dtype("cpu") == torch.float32
