"""SPAN against a plain dense implementation with masks; that it learns, is linear, and refuses what it cannot
place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from tests.messages import pattern
from tests.relevance.bags import bag, shaken
from viewer.relevance.models.heads import strings
from viewer.relevance.models.heads.slide_head import BagError
from viewer.relevance.models.heads.span import SpanHead, SpanShape, WindowAttention, span_shape
from viewer.relevance.models.heads.sparse_grid import SparseGrid
from viewer.relevance.models.heads.state_dict import NotThisHead

if TYPE_CHECKING:
    from viewer.relevance.models.heads.span import SpanLayer

SMALL = SpanShape(feature_width=24, classes=3, width=16, heads=2, carriers=2)


def head(shape: SpanShape = SMALL) -> SpanHead:
    made = shaken(SpanHead(shape))
    assert isinstance(made, SpanHead)
    return made


def heads_apart(x: Tensor, heads: int) -> Tensor:
    return x.reshape(len(x), heads, -1).transpose(0, 1)


def dense_local(attention: WindowAttention, x: Tensor, cells: Tensor) -> Tensor:
    """Every pair of tokens, those apart masked: window by window from the definition."""
    same_window = (cells[:, None] // 6 == cells[None] // 6).all(-1)
    same_shifted = ((cells[:, None] + 3) // 6 == (cells[None] + 3) // 6).all(-1)
    near = same_window | same_shifted
    step = (cells[None] - cells[:, None]).clamp(-5, 5) + 5
    q, k, v = (heads_apart(layer(x), attention.heads) for layer in (attention.q, attention.k, attention.v))
    logits = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5 + attention.bias[:, step[..., 0], step[..., 1]]
    weights = logits.masked_fill(~near, -torch.inf).softmax(-1)
    return (weights @ v).transpose(0, 1).flatten(1)


def dense_layer(
    layer: SpanLayer, x: Tensor, carriers: Tensor, cells: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """One table of all tokens: carriers to all, patches to carriers; and what the carriers look at."""
    count, heads = len(carriers), layer.carried.heads
    together = layer.norm1(torch.cat((carriers, x)))
    q, k, v = (
        heads_apart(part(together), heads) for part in (layer.carried.q, layer.carried.k, layer.carried.v)
    )
    allowed = torch.zeros(len(together), len(together), dtype=torch.bool)
    allowed[:count] = True
    allowed[:, :count] = True
    weights = (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5).masked_fill(~allowed, -torch.inf).softmax(-1)
    mixed = (weights @ v).transpose(0, 1).flatten(1)
    mixed[count:] += dense_local(layer.local, together[count:], cells)
    together = torch.cat((carriers, x)) + layer.proj(mixed)
    together = together + layer.mlp(layer.norm2(together))
    return together[count:], together[:count], weights[:, :count, count:].mean(1)


def dense(model: SpanHead, features: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and attention, with a dictionary of cells and loops instead of index tables."""
    cells = cells - cells.amin(0)
    x, carriers = model.embed(features), model.carriers
    members = [[number] for number in range(len(x))]
    attention, total = torch.zeros(model.shape.heads, len(x)), torch.zeros(model.shape.width)
    for stage, layer in enumerate(model.layers):
        if stage:
            halving = model.halvings[stage - 1]
            children: dict[tuple[int, int], list[int]] = {}
            for token, (row, column) in enumerate(cells.tolist()):
                children.setdefault((row // 2, column // 2), []).append(token)
            normed = halving.norm(x)
            x = torch.stack(
                [
                    sum(
                        (
                            normed[t] * halving.weight[int(cells[t, 0] % 2 * 2 + cells[t, 1] % 2)]
                            for t in tokens
                        ),
                        torch.zeros(model.shape.width),
                    )
                    / len(tokens)
                    for tokens in children.values()
                ]
            )
            members = [[patch for t in tokens for patch in members[t]] for tokens in children.values()]
            cells = torch.tensor(list(children))
        x, carriers, looks = dense_layer(layer, x, carriers, cells)
        for token, patches in enumerate(members):
            attention[:, patches] += (looks[:, token] / len(patches))[:, None]
        total = total + carriers.mean(0)
    return model.classifier(model.norm(total)), attention / attention.sum(1, keepdim=True)


@pytest.mark.parametrize("count", [1, 7, 300, 2000])
@torch.no_grad()
def test_it_equals_the_dense_implementation(count: int) -> None:
    model = head()
    features, cells = bag(count, 24)
    logits, attention = dense(model, features, cells)
    reading = model.read(features, cells)
    assert reading.probabilities is not None
    assert torch.allclose(model(features, cells), logits, atol=1e-4)
    assert torch.allclose(reading.attention, attention, atol=1e-4 / count)
    assert torch.allclose(reading.attention.sum(1), torch.ones(2), atol=1e-5)
    assert torch.allclose(reading.probabilities, logits.softmax(0), atol=1e-4)


@torch.no_grad()
def test_the_paper_s_shape_equals_it_too() -> None:
    model = head(SpanShape(384, 2, 192, 3))
    features, cells = bag(400, 384, seed=4)
    logits, _ = dense(model, features, cells)
    assert torch.allclose(model(features, cells), logits, atol=1e-4)


@pytest.mark.parametrize("side", [4, 6, 12, 13])
@torch.no_grad()
def test_full_grids_of_every_size_have_both_windows(side: int) -> None:
    """Published code forgets the shift at multiples of six; here a grid of 12 is like any other."""
    cells = torch.cartesian_prod(torch.arange(side), torch.arange(side))
    x = torch.randn(len(cells), 16, generator=torch.Generator().manual_seed(side))
    attention = head().layers[0].local
    grid, order = SparseGrid.of(cells)
    assert torch.equal(order, torch.arange(len(cells)))
    assert torch.allclose(attention(x, grid), dense_local(attention, x, cells), atol=1e-5)


@torch.no_grad()
def test_neither_the_order_of_the_patches_nor_their_origin_matters() -> None:
    model = head()
    features, cells = bag(150, 24)
    shuffled = torch.randperm(150, generator=torch.Generator().manual_seed(9))
    first = model.read(features, cells)
    second = model.read(features[shuffled], cells[shuffled] + torch.tensor([1000, -300]))
    assert torch.allclose(first.attention[:, shuffled], second.attention, atol=1e-6)


def test_gradients_are_those_of_the_dense_implementation() -> None:
    model = head()
    features, cells = bag(120, 24)

    def gradients(logits: Tensor) -> tuple[Tensor, ...]:
        parameters = list(model.parameters())
        return torch.autograd.grad(logits.square().sum(), parameters, materialize_grads=True)

    ours, theirs = gradients(model(features, cells)), gradients(dense(model, features, cells)[0])
    for (name, _), mine, plain in zip(model.named_parameters(), ours, theirs, strict=True):
        assert torch.allclose(mine, plain, atol=1e-4), name
    # Nothing follows what the last stage tells its patches: the carriers alone make the logits.
    silent = [name for (name, _), mine in zip(model.named_parameters(), ours, strict=True) if not mine.any()]
    assert silent == [f"layers.2.local.{part}" for part in ("bias", "q.weight", "k.weight", "v.weight")]


@torch.no_grad()
def test_no_whole_numbers_are_multiplied_as_matrices() -> None:
    """CUDA has no such product."""

    class Products(TorchFunctionMode):
        seen = 0

        def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if func.__name__ in ("matmul", "__matmul__", "__rmatmul__", "mm", "bmm"):
                self.seen += 1
                assert all(one.is_floating_point() for one in args)
            return func(*args, **(kwargs or {}))

    with Products() as products:
        head().read(*bag(60, 24))
    assert products.seen


@torch.no_grad()
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA graphics card")
def test_a_card_gives_the_same() -> None:
    model = head()
    features, cells = bag(300, 24)
    there = model.to("cuda").read(features.cuda(), cells.cuda())
    here = model.to("cpu").read(features, cells)
    assert there.probabilities is not None
    assert here.probabilities is not None
    assert torch.allclose(there.probabilities.cpu(), here.probabilities, atol=1e-3)
    assert torch.allclose(there.attention.cpu(), here.attention, atol=1e-3)


@torch.no_grad()
def test_half_precision_by_autocast_stays_close() -> None:
    model = head(SpanShape(128, 2, 64, 1))
    features, cells = bag(200, 128)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(features, cells)
    assert torch.allclose(half.float(), model(features, cells), atol=0.1)


def test_it_learns_where_the_difference_lies() -> None:
    """Ten bags, half of them with a few planted patches; the loss falls to nothing."""
    torch.manual_seed(0)
    model = SpanHead(SpanShape(8, 2, 16, 2, stages=2))
    bags = []
    for number in range(10):
        features, cells = bag(40, 8, seed=number)
        features[:4, 0] += 6.0 * (number % 2)
        bags.append((features, cells, torch.tensor(number % 2)))
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        loss = torch.stack([functional.cross_entropy(model(f, c), label) for f, c, label in bags]).mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 0.5
    assert losses[-1] < 0.05


def test_an_empty_slide_between_two_pieces_costs_nothing() -> None:
    cells = torch.tensor([[0, 0], [0, 1], [1 << 29, 1 << 29]])
    grid, _ = SparseGrid.of(cells)
    assert grid.places(torch.tensor([[0, 1], [1 << 29, 1 << 29], [7, 7], [0, -1]])).tolist() == [1, 2, -1, -1]
    assert head().read(torch.randn(3, 24), cells).attention.shape == (2, 3)


def test_patches_that_have_no_place_are_refused() -> None:
    features, cells = bag(6, 24)
    cells[5] = cells[2]
    with pytest.raises(BagError, match=pattern(strings.SHARED_CELLS, shared=1, count=6)):
        head().read(features, cells)
    for far in (1 << 40, -(1 << 63)):
        cells[5] = far
        with pytest.raises(BagError, match=strings.IMPOSSIBLE_PLACES):
            head().read(features, cells)


def test_one_class_is_a_probability_of_yes() -> None:
    model = head(SpanShape(24, 1, 16, 2))
    features, cells = bag(20, 24)
    reading = model.read(features, cells)
    assert reading.probabilities is not None
    assert torch.allclose(reading.probabilities, model(features, cells).sigmoid().detach())


def test_the_shape_is_read_from_the_weights() -> None:
    shape = SpanShape(24, 3, 16, 2, stages=2, carriers=4, mlp_ratio=3, dropout=0.0)
    assert span_shape(SpanHead(shape).state_dict()) == shape
    assert span_shape({"embed.weight": torch.zeros(2, 2)}) is None
    assert span_shape({**SpanHead(shape).state_dict(), "carriers": torch.zeros(3)}) is None
    assert span_shape({**SpanHead(shape).state_dict(), "embed.weight": torch.zeros(0, 3)}) is None
    assert span_shape({**SpanHead(shape).state_dict(), "embed.weight": torch.zeros(1, 1, 5)}) is None


@pytest.mark.parametrize(("carriers", "said"), [(0, "0"), (100_000, "100,000")])
def test_more_carriers_than_fit_the_memory_are_refused(carriers: int, said: str) -> None:
    tensors = {**SpanHead(SMALL).state_dict(), "carriers": torch.zeros(1).expand(carriers, SMALL.width)}
    with pytest.raises(NotThisHead, match=pattern(strings.CARRIERS, count=said, most=64)):
        span_shape(tensors)


def test_widths_that_make_no_heads_are_refused() -> None:
    with pytest.raises(ValueError, match="16 channels"):
        SpanHead(SpanShape(24, 2, 16, 3))
