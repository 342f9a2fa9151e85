"""Slide heads from files: every kind loads as it was saved; everything else is named and refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.messages import pattern
from tests.relevance.bags import bag, shaken
from viewer.relevance.models import strings as model_strings
from viewer.relevance.models.checkpoint import CheckpointError
from viewer.relevance.models.heads import strings
from viewer.relevance.models.heads.gated_attention import GatedAttentionHead, GatedShape, MixerShape
from viewer.relevance.models.heads.load import load_slide_head
from viewer.relevance.models.heads.span import SpanHead, SpanShape
from viewer.relevance.models.heads.transmil import TransMilHead, TransMilShape

if TYPE_CHECKING:
    from pathlib import Path

WIDE = 20


def clam() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(5)
    shapes = {
        "attention_net.0": (12, WIDE),
        "attention_net.3.attention_a.0": (6, 12),
        "attention_net.3.attention_b.0": (6, 12),
        "attention_net.3.attention_c": (1, 6),
        "classifiers": (2, 12),
    }
    weights = {f"{n}.weight": torch.randn(shape, generator=generator) for n, shape in shapes.items()}
    return weights | {f"{n}.bias": torch.randn(shape[0], generator=generator) for n, shape in shapes.items()}


MODELS: list[nn.Module] = [
    SpanHead(SpanShape(WIDE, 2, 16, 2, stages=2, carriers=2)),
    TransMilHead(TransMilShape(WIDE, 2, 16, 2, residual_kernel=5)),
    GatedAttentionHead(GatedShape(WIDE, 2, (12, 10), 6)),
    GatedAttentionHead(GatedShape(WIDE, 2, (), 6, gated=False, pools=2, after=(7,))),
    GatedAttentionHead(GatedShape(WIDE, 2, (12,), 6, pools=2, pool_per_class=True)),
    GatedAttentionHead(GatedShape(WIDE, 2, (12,), 6, pools=2, mixer=MixerShape(1, 9))),
]


@pytest.mark.parametrize("model", MODELS, ids=["span", "transmil", "gated", "plain", "per class", "mixed"])
@pytest.mark.parametrize("ending", ["safetensors", "pt"])
def test_what_was_saved_reads_the_same(tmp_path: Path, model: nn.Module, ending: str) -> None:
    shaken(model)
    path = tmp_path / f"head.{ending}"
    if ending == "pt":
        wrapped = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        torch.save({"state_dict": wrapped, "epoch": 3}, path)
    else:
        save_file(model.state_dict(), path)
    head = load_slide_head(path, feature_width=WIDE)
    features, cells = bag(40, WIDE)
    assert (head.feature_width, head.classes) == (WIDE, 2)
    assert torch.allclose(head(features, cells), model(features, cells), atol=1e-5)
    assert not head(features, cells).requires_grad
    ours, theirs = head.read(features, cells), model.read(features, cells)
    assert torch.allclose(ours.attention, theirs.attention, atol=1e-6)


def test_half_precision_is_read_as_single(tmp_path: Path) -> None:
    path = tmp_path / "clam.pt"
    torch.save({name: tensor.half() for name, tensor in clam().items()}, path)
    head = load_slide_head(path)
    assert head.layout == "CLAM, one pool"
    assert head.read(*bag(9, WIDE)).attention.dtype == torch.float32


VIT = {
    "cls_token": torch.zeros(1, 1, 384),
    "blocks.0.norm1.weight": torch.ones(384),
    "blocks.11.norm1.weight": torch.ones(384),
}
VIT_4K = {"cls_token": torch.zeros(1, 1, 192), "phi.0.weight": torch.zeros(192, 384)} | {
    f"blocks.{n}.norm1.weight": torch.ones(192) for n in range(6)
}
ONE = torch.ones(2, 2)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (VIT, model_strings.PATCH_ENCODER.format(width=384, blocks=12)),
        (VIT_4K, model_strings.REGION_ENCODER.format(width=192, blocks=6)),
        ({"visual.conv1.weight": ONE}, model_strings.VISION_LANGUAGE),
        ({"embeddings.word_embeddings.weight": ONE}, model_strings.LANGUAGE_MODEL),
        ({"encoder.layers.0.self_attn.inner_attn_ln.weight": ONE}, model_strings.GIGAPATH_SLIDE),
        ({"layer1.0.conv1.weight": ONE, "fc.weight": ONE}, model_strings.RESNET),
        (
            {"what": ONE, "ever": ONE},
            strings.UNKNOWN_MODEL.format(count=2, names="ever, what"),
        ),
    ],
)
def test_what_is_no_slide_head_is_named(tmp_path: Path, weights: dict[str, Tensor], words: str) -> None:
    path = tmp_path / "model.pt"
    torch.save(weights, path)
    with pytest.raises(CheckpointError) as refusal:
        load_slide_head(path)
    assert words in str(refusal.value)
    assert strings.EXPECTED in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_features_of_another_encoder_are_named(tmp_path: Path) -> None:
    path = tmp_path / "clam.pt"
    torch.save(clam(), path)
    words = pattern(strings.OTHER_WIDTH, layout=strings.CLAM_ONE_POOL, expected=20, found=384)
    with pytest.raises(CheckpointError, match=words):
        load_slide_head(path, feature_width=384)


def broken(name: str, tensor: Tensor) -> dict[str, Tensor]:
    return clam() | {name: tensor}


SPAN = MODELS[0].state_dict()
TRANSMIL = MODELS[1].state_dict()


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (
            broken("classifiers.bias", torch.tensor([1.0, torch.nan])),
            pattern(model_strings.INVALID_VALUES, name="classifiers.bias"),
        ),
        (
            broken("instance_classifiers.0.weight", torch.zeros(0, 3)),
            pattern(strings.EMPTY_TENSOR, name="instance_classifiers.0.weight"),
        ),
        (broken("norm.weight", torch.ones(12)), pattern(strings.UNKNOWN_PARTS, names="norm.weight")),
        (SPAN | {"norm.weight": torch.ones(3)}, pattern(strings.LAYERS_DO_NOT_FIT)),
        (SPAN | {"layers.5.local.bias": torch.ones(2, 11, 11)}, pattern(strings.LAYERS_DO_NOT_FIT)),
        (TRANSMIL | {"norm.weight": torch.ones(3)}, pattern(strings.LAYERS_DO_NOT_FIT)),
    ],
)
def test_a_damaged_head_is_refused(tmp_path: Path, weights: dict[str, Tensor], words: str) -> None:
    path = tmp_path / "head.pt"
    torch.save(weights, path)
    with pytest.raises(CheckpointError, match=words):
        load_slide_head(path)
