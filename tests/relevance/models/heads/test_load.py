"""Slide heads from files: every kind loads as it was saved; everything else is named and refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.relevance.bags import bag, shaken
from viewer.relevance.models.checkpoint import CheckpointError
from viewer.relevance.models.heads.gated_attention import GatedAttentionHead, GatedShape, MixerShape
from viewer.relevance.models.heads.load import EXPECTED, load_slide_head
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
        (VIT, "this is a vision transformer of width 384 with 12 blocks"),
        (VIT_4K, "this is a region encoder (HIPT's ViT-4K) of width 192 with 6 blocks"),
        ({"visual.conv1.weight": ONE}, "a vision–language model"),
        ({"embeddings.word_embeddings.weight": ONE}, "a language model (BERT)"),
        ({"encoder.layers.0.self_attn.inner_attn_ln.weight": ONE}, "GigaPath's slide encoder"),
        ({"layer1.0.conv1.weight": ONE, "fc.weight": ONE}, "a convolutional network (ResNet)"),
        (
            {"what": ONE, "ever": ONE},
            "none of the slide heads that are known; it holds 2 tensors (ever",
        ),
    ],
)
def test_what_is_no_slide_head_is_named(tmp_path: Path, weights: dict[str, Tensor], words: str) -> None:
    path = tmp_path / "model.pt"
    torch.save(weights, path)
    with pytest.raises(CheckpointError) as refusal:
        load_slide_head(path)
    assert words in str(refusal.value)
    assert EXPECTED in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_features_of_another_encoder_are_named(tmp_path: Path) -> None:
    path = tmp_path / "clam.pt"
    torch.save(clam(), path)
    words = r"head \(CLAM, one pool\) reads 20 values a patch and the features have 384"
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
            "classifiers.bias holds values that are",
        ),
        (
            broken("instance_classifiers.0.weight", torch.zeros(0, 3)),
            "instance_classifiers.0.weight is empty",
        ),
        (broken("norm.weight", torch.ones(12)), "cannot be used: it has norm.weight"),
        (SPAN | {"norm.weight": torch.ones(3)}, "cannot be used: its layers do not fit"),
        (SPAN | {"layers.5.local.bias": torch.ones(2, 11, 11)}, "cannot be used: its layers do not fit"),
        (TRANSMIL | {"norm.weight": torch.ones(3)}, "cannot be used: its layers do not fit"),
    ],
)
def test_a_damaged_head_is_refused(tmp_path: Path, weights: dict[str, Tensor], words: str) -> None:
    path = tmp_path / "head.pt"
    torch.save(weights, path)
    with pytest.raises(CheckpointError) as refusal:
        load_slide_head(path)
    assert words in str(refusal.value)
