"""TransMIL against its tables written out in full; where its class token lies; no square table is made."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.messages import pattern
from tests.relevance.bags import bag, shaken
from viewer.relevance.models.heads import strings
from viewer.relevance.models.heads.slide_head import BagError
from viewer.relevance.models.heads.transmil import (
    NystromAttention,
    TransMilHead,
    TransMilShape,
    transmil_shape,
)

SHAPE = TransMilShape(feature_width=10, classes=3, width=16, heads=2, residual_kernel=5)


def head(shape: TransMilShape = SHAPE) -> TransMilHead:
    made = shaken(TransMilHead(shape))
    assert isinstance(made, TransMilHead)
    return made


def plain_attention(attention: NystromAttention, x: Tensor) -> tuple[Tensor, Tensor]:
    """All tokens' outputs and, head by head, the table of all pairs: (n, width), (heads, n, n)."""
    count, width = x.shape
    marks = width // 2
    padded = x
    while len(padded) % marks:
        padded = torch.cat((torch.zeros(1, width), padded))
    together = len(padded) // marks
    size = width // attention.heads
    tables, outs = [], []
    everything = padded @ attention.to_qkv.weight.T
    parts = [
        tuple(everything[:, part * width + h * size : part * width + (h + 1) * size] for part in range(3))
        for h in range(attention.heads)
    ]
    middles = []
    for q, k, _ in parts:
        q_marks = torch.stack([q[m * together : (m + 1) * together].mean(0) for m in range(marks)])
        k_marks = torch.stack([k[m * together : (m + 1) * together].mean(0) for m in range(marks)])
        middles.append((q_marks, k_marks, (q_marks @ k_marks.T / math.sqrt(size)).softmax(1)))
    largest = max(float(m.sum(1).max()) for *_, m in middles) * max(
        float(m.sum(0).max()) for *_, m in middles
    )
    for h, ((q, k, v), (q_marks, k_marks, middle)) in enumerate(zip(parts, middles, strict=True)):
        one, inverse = torch.eye(marks), middle.T / largest
        for _ in range(6):
            near = middle @ inverse
            inverse = inverse @ (13 * one - near @ (15 * one - near @ (7 * one - near))) / 4
        left = (q @ k_marks.T / math.sqrt(size)).softmax(1)
        right = (q_marks @ k.T / math.sqrt(size)).softmax(1)
        table = left @ inverse @ right
        kernel = attention.res_conv.weight[h, 0, :, 0]
        half = len(kernel) // 2
        out = table @ v
        for token in range(len(padded)):
            for step, factor in enumerate(kernel, start=-half):
                if 0 <= token + step < len(padded):
                    out[token] += factor * v[token + step]
        tables.append(table[-count:, -count:])
        outs.append(out[-count:])
    projection = attention.to_out[0]
    return torch.cat(outs, 1) @ projection.weight.T + projection.bias, torch.stack(tables)


def plain(model: TransMilHead, features: Tensor) -> tuple[Tensor, Tensor]:
    """Logits, and the class token's attention to each patch."""
    count = len(features)
    side = math.ceil(math.sqrt(count))
    order = [*range(count), *range(side * side - count)]
    first, last = (model.get_submodule(name) for name in ("_fc1.0", "_fc2"))  # the published names
    x = functional.relu(features @ first.weight.T + first.bias)[order]
    x = torch.cat((model.cls_token[0], x))
    x = x + plain_attention(model.layer1.attn, model.layer1.norm(x))[0]
    plane = x[1:].reshape(side, side, -1).permute(2, 0, 1)[None]
    layers = (model.pos_layer.proj, model.pos_layer.proj1, model.pos_layer.proj2)
    plane = plane + sum((layer(plane) for layer in layers), torch.zeros(()))
    x = torch.cat((x[:1], plane[0].permute(1, 2, 0).reshape(side * side, -1)))
    out, table = plain_attention(model.layer2.attn, model.layer2.norm(x))
    attention = torch.zeros(len(table), count)
    for place, patch in enumerate(order, start=1):
        attention[:, patch] += table[:, 0, place]
    return last(model.norm((x + out)[0])), attention


@pytest.mark.parametrize("count", [1, 2, 5, 15, 16, 40, 63, 64])
@torch.no_grad()
def test_it_equals_the_tables_written_out(count: int) -> None:
    """Counts with and without padding at the front, with and without repeats at the end."""
    model = head()
    features, cells = bag(count, 10)
    logits, attention = plain(model, features)
    reading = model.read(features, cells)
    assert torch.allclose(model(features, cells), logits, atol=1e-4)
    assert reading.probabilities is not None
    assert torch.allclose(reading.probabilities, logits.softmax(0), atol=1e-4)
    assert torch.allclose(reading.attention, attention, atol=1e-4)
    assert (reading.contributions, reading.single) == (None, None)


@torch.no_grad()
def test_attention_is_that_of_the_class_token_behind_the_padding() -> None:
    """The row of the class token, not of a zero in front of it: it makes that token's output."""
    attention = head().layer2.attn
    attention.res_conv.weight.zero_()
    x = torch.randn(19, 16, generator=torch.Generator().manual_seed(2))
    out, row = attention.first(x)
    assert row.shape == (2, 19)
    v = (x @ attention.to_qkv.weight[32:].T).view(19, 2, 8)
    assert torch.allclose(attention.to_out(torch.einsum("hn,nhd->hd", row, v).flatten()), out, atol=1e-5)
    assert torch.allclose(attention(x)[0], out, atol=1e-5)


def test_no_tensor_has_a_row_and_a_column_for_each_patch() -> None:
    """The largest tensor of a forward pass grows with the patches, not with their square."""

    class Largest(torch.overrides.TorchFunctionMode):
        largest = 0

        def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            result = func(*args, **(kwargs or {}))
            if isinstance(result, Tensor):
                self.largest = max(self.largest, result.numel())
            return result

    model = head()
    sizes = []
    for count in (400, 1600):
        with Largest() as seen:
            model.read(*bag(count, 10))
        sizes.append(seen.largest)
    assert sizes[1] < 4.5 * sizes[0]
    assert sizes[1] < 1600 * 50


def test_gradients_flow_into_every_weight() -> None:
    model = head()
    gradients = torch.autograd.grad(model(*bag(30, 10)).square().sum(), list(model.parameters()))
    assert all(gradient.any() for gradient in gradients)


def test_the_published_shape_is_read_from_the_weights() -> None:
    with torch.device("meta"):
        published = TransMilHead(TransMilShape(1024, 2)).state_dict()
    assert transmil_shape(published) == TransMilShape(1024, 2, 512, 8, 33)
    assert published["layer1.attn.res_conv.weight"].shape == (8, 1, 33, 1)
    assert published["layer2.attn.to_out.0.weight"].shape == (512, 512)
    assert transmil_shape({name: t for name, t in published.items() if name != "cls_token"}) is None
    assert transmil_shape(published | {"_fc2.weight": torch.zeros(3)}) is None
    assert transmil_shape(published | {"_fc1.0.weight": torch.zeros(7, 1024)}) is None


def test_bags_and_shapes_that_do_not_fit_are_refused() -> None:
    features, cells = bag(5, 11)
    with pytest.raises(BagError, match=pattern(strings.FEATURE_WIDTH, expected=10, found=11)):
        head().read(features, cells)
    with pytest.raises(ValueError, match="14 channels"):
        TransMilHead(TransMilShape(10, 2, width=14, heads=4))
