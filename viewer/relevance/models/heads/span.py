"""SPAN: attention over a sparse pyramid of a slide's patches, trainable, in memory linear in the patches.

Source: arXiv 2406.09333v3 (SPAN-MIL: three stages, a sum over stages). A token's keys are the union of its 6
× 6 window and of the window shifted by 3, in one softmax; carrier tokens attend to all tokens, and all attend
to them. As published: count-normalised depthwise stride-2 convolution, pre-norm, relative-position table of
11 × 11. Not followed: two padding pseudo-patches at the corners, no shift where the grid is a multiple of 6,
the lost edges of each level's first and last token (accidents of padding); a grid below 6 × 6 is all to all
here as there. Nobody published weights: the parameter names are ours, and files are those that we saved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from viewer.relevance.models.heads import strings
from viewer.relevance.models.heads.slide_head import BagReading, check_bag, check_places, probabilities_of
from viewer.relevance.models.heads.sparse_grid import SparseGrid
from viewer.relevance.models.heads.state_dict import NotThisHead

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK = 3
"""Half a window: cells of one block share both of their windows, so they share all of their keys."""
WINDOW = 2 * BLOCK
_REACH = WINDOW - 1
"""How far a key may lie from its query, in cells."""
_MOST_CARRIERS = 64
"""Each attends to every patch: 100,000 of them and of patches would take 80 GB."""
_CHUNK_BLOCKS = 256
"""Blocks whose keys and values are held at once: 256 × 63 × 256 values of float32 are 16 MB."""


@dataclass(frozen=True, slots=True)
class SpanShape:
    """Defaults are the paper's, whose ``width`` is half that of the features, with 64 channels a head."""

    feature_width: int
    classes: int
    width: int
    heads: int
    stages: int = 3
    carriers: int = 1
    mlp_ratio: int = 2
    dropout: float = 0.05


class WindowAttention(nn.Module):
    """Attention to the union of a 6 × 6 window and its shifted one, among occupied cells, with a bias for the
    step from query to key.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width, bias=False)
        self.k = nn.Linear(width, width, bias=False)
        self.v = nn.Linear(width, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(heads, 2 * _REACH + 1, 2 * _REACH + 1))
        nn.init.trunc_normal_(self.bias, std=0.02)

    def forward(self, x: Tensor, grid: SparseGrid) -> Tensor:
        """(n, width) tokens of the grid to the same."""
        starts, of_token = grid.blocks(BLOCK)
        within = grid.cells - starts[of_token]
        slot = of_token * BLOCK * BLOCK + within[:, 0] * BLOCK + within[:, 1]
        order = torch.argsort(slot)
        bounds = torch.searchsorted(
            of_token[order], torch.arange(0, len(starts) + _CHUNK_BLOCKS, _CHUNK_BLOCKS, device=x.device)
        ).tolist()
        q, k, v = self.q(x), self.k(x), self.v(x)
        near = key_steps(x.device)
        mixed = torch.empty_like(q)
        for number, first in enumerate(range(0, len(starts), _CHUNK_BLOCKS)):
            tokens = order[bounds[number] : bounds[number + 1]]
            given = (q, k, v, grid, near, starts[first : first + _CHUNK_BLOCKS])
            local = slot[tokens] - first * BLOCK * BLOCK
            if torch.is_grad_enabled() and q.requires_grad:  # gathered tensors are recomputed, not kept
                part = checkpoint(self._chunk, *given, tokens, local, use_reentrant=False)
            else:
                part = self._chunk(*given, tokens, local)
            mixed = mixed.index_copy_(0, tokens, part)
        return mixed

    def _chunk(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        grid: SparseGrid,
        near: tuple[Tensor, Tensor],
        starts: Tensor,
        tokens: Tensor,
        slot: Tensor,
    ) -> Tensor:
        """Some blocks: the outputs of their ``tokens``, which lie in the ``slot``-th cells of the blocks."""
        steps, bias_index = near
        lower, right = (starts // BLOCK % 2).unbind(1)
        corner = 2 * lower + right
        keys = grid.places(starts[:, None] + steps[corner])
        blocks, heads, size = len(starts), self.heads, BLOCK * BLOCK
        queries = q.new_zeros(blocks * size, q.shape[1]).index_copy(0, slot, q[tokens])
        queries = queries.view(blocks, size, heads, -1).transpose(1, 2)
        present = keys.clamp(min=0)
        keyed = k[present].view(blocks, keys.shape[1], heads, -1).permute(0, 2, 3, 1)
        valued = v[present].view(blocks, keys.shape[1], heads, -1).transpose(1, 2)
        logits = queries @ keyed * queries.shape[-1] ** -0.5
        logits = logits + self.bias.flatten(1)[:, bias_index].transpose(0, 1)[corner]
        logits = logits.masked_fill((keys < 0)[:, None, None], -torch.inf)
        mixed = (logits.softmax(-1) @ valued).transpose(1, 2).reshape(blocks * size, -1)
        return mixed[slot]


def key_steps(device: torch.device) -> tuple[Tensor, Tensor]:
    """The keys of a block by the corner of its window that it is (top left, top right, bottom left, bottom
    right): (4, 63, 2) steps from the block's top left, and (4, 9, 63) entries of the flat bias table.
    """
    steps = []
    for corner in range(4):
        top, left = (-BLOCK if corner & bit else 0 for bit in (2, 1))
        cells = {
            (row + y, column + x)
            for row, column in ((top, left), (-BLOCK - top, -BLOCK - left))  # the window, the shifted one
            for y in range(WINDOW)
            for x in range(WINDOW)
        }
        steps.append(sorted(cells))
    keys = torch.tensor(steps, device=device)
    own = torch.cartesian_prod(*2 * (torch.arange(BLOCK, device=device),))
    offsets = keys[:, None] - own[None, :, None] + _REACH
    return keys, offsets[..., 0] * (2 * _REACH + 1) + offsets[..., 1]


class CarrierAttention(nn.Module):
    """Carriers attend to everything, patches to the carriers."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width, bias=False)
        self.k = nn.Linear(width, width, bias=False)
        self.v = nn.Linear(width, width, bias=False)

    def _split(self, x: Tensor) -> Tensor:
        return x.view(len(x), self.heads, -1).transpose(0, 1)[None]

    def forward(self, x: Tensor, carriers: Tensor) -> tuple[Tensor, Tensor]:
        """(n, width) tokens and (c, width) carriers to the same two."""
        everything = torch.cat((carriers, x))
        k, v = self._split(self.k(everything)), self._split(self.v(everything))
        to_carriers = functional.scaled_dot_product_attention(self._split(self.q(carriers)), k, v)
        k, v = k[:, :, : len(carriers)], v[:, :, : len(carriers)]
        to_tokens = functional.scaled_dot_product_attention(self._split(self.q(x)), k, v)
        return to_tokens[0].transpose(0, 1).flatten(1), to_carriers[0].transpose(0, 1).flatten(1)

    def carrier_attention(self, x: Tensor, carriers: Tensor) -> Tensor:
        """How much the carriers attend to each token, their mean: (heads, n), rows sum to less than 1."""
        q = self._split(self.q(carriers))[0]
        k = self._split(self.k(torch.cat((carriers, x))))[0]
        weights = (q @ k.transpose(1, 2) * q.shape[-1] ** -0.5).softmax(-1)
        return weights.mean(1)[:, len(carriers) :]


class SpanLayer(nn.Module):
    """Pre-norm: both attentions into one projection, then the feed-forward, residuals around each."""

    def __init__(self, shape: SpanShape) -> None:
        super().__init__()
        width = shape.width
        self.norm1 = nn.LayerNorm(width)
        self.local = WindowAttention(width, shape.heads)
        self.carried = CarrierAttention(width, shape.heads)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, shape.mlp_ratio * width),
            nn.ReLU(),
            nn.Dropout(shape.dropout),
            nn.Linear(shape.mlp_ratio * width, width),
        )

    def forward(self, x: Tensor, carriers: Tensor, grid: SparseGrid) -> tuple[Tensor, Tensor]:
        normed, normed_carriers = self.norm1(x), self.norm1(carriers)
        to_tokens, to_carriers = self.carried(normed, normed_carriers)
        x = x + self.proj(self.local(normed, grid) + to_tokens)
        carriers = carriers + self.proj(to_carriers)
        return x + self.mlp(self.norm2(x)), carriers + self.mlp(self.norm2(carriers))

    def carrier_attention(self, x: Tensor, carriers: Tensor) -> Tensor:
        """``CarrierAttention.carrier_attention`` of the layer's input."""
        return self.carried.carrier_attention(self.norm1(x), self.norm1(carriers))


class Halving(nn.Module):
    """2 × 2 cells to one: each channel its own four weights, the sum over the count of cells that exist."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.weight = nn.Parameter(torch.randn(4, width) * 0.5)

    def forward(self, x: Tensor, children: Tensor) -> Tensor:
        """(n, width) tokens and the (m, 4) places of children to (m, width)."""
        there = children >= 0
        normed = self.norm(x)
        total = x.new_zeros(len(children), x.shape[1])
        for corner in range(4):
            own = there[:, corner].unsqueeze(1)
            total = total + normed[children[:, corner].clamp(min=0)] * own * self.weight[corner]
        return total / there.sum(1, keepdim=True)


class SpanHead(nn.Module):
    """A ``SlideHead``. The mean of the carriers, summed over the stages, makes the logits.

    Its attention: that of the carriers, one row a head, the mean over the stages; the attention to a cell of
    a coarser stage is divided evenly among its patches. Nothing here is a sum over patches, so there are no
    contributions, and no single scores.
    """

    layout = "SPAN"

    def __init__(self, shape: SpanShape) -> None:
        super().__init__()
        if shape.width % shape.heads:
            raise ValueError(f"{shape.width} channels do not divide into {shape.heads} heads")
        self.shape = shape
        self.feature_width = shape.feature_width
        self.classes = shape.classes
        self.embed = nn.Linear(shape.feature_width, shape.width, bias=False)
        self.carriers = nn.Parameter(torch.randn(shape.carriers, shape.width) * 1e-4)
        self.layers = nn.ModuleList(SpanLayer(shape) for _ in range(shape.stages))
        self.halvings = nn.ModuleList(Halving(shape.width) for _ in range(shape.stages - 1))
        self.norm = nn.LayerNorm(shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.classifier = nn.Linear(shape.width, shape.classes)

    def forward(self, features: Tensor, cells: Tensor) -> Tensor:
        """(classes,) logits of (n, feature_width) features at (n, 2) cells, all different."""
        return self._run(features, cells, None)

    @torch.no_grad()
    def read(self, features: Tensor, cells: Tensor) -> BagReading:
        """See ``SlideHead.read``; raises BagError also where two patches share a cell."""
        check_bag(features, cells, feature_width=self.feature_width)
        check_places(cells)
        weights: list[Tensor] = []
        logits = self._run(features, cells, weights)
        attention = torch.stack(weights).mean(0)
        attention = attention / attention.sum(1, keepdim=True)
        probabilities = probabilities_of(logits)
        return BagReading(attention.float(), probabilities.float(), None, None)

    def _run(self, features: Tensor, cells: Tensor, weights: list[Tensor] | None) -> Tensor:
        grid, order = SparseGrid.of(cells)
        x = functional.dropout(self.embed(features)[order], self.shape.dropout, self.training)
        carriers = self.carriers
        above = torch.argsort(order)  # for each patch as given, its token at this stage
        total = x.new_zeros(self.shape.width)
        for stage, layer in enumerate(self.layers):
            if stage:
                coarse, children = grid.halved()
                x = self.halvings[stage - 1](x, children)
                parent = torch.empty(len(grid.keys), dtype=torch.long, device=x.device)
                there = children >= 0
                parent[children[there]] = torch.arange(len(x), device=x.device)[:, None].expand(-1, 4)[there]
                above, grid = parent[above], coarse
            if weights is not None:
                patches = torch.bincount(above, minlength=len(x))
                weights.append((layer.carrier_attention(x, carriers) / patches)[:, above])
            x, carriers = layer(x, carriers, grid)
            total = total + carriers.mean(0)
        return self.classifier(self.dropout(self.norm(total)))


def span_shape(tensors: Mapping[str, Tensor]) -> SpanShape | None:
    """The shape of a SPAN that we saved, from its tensors; None where they are something else.

    Raises NotThisHead for more carriers than any of ours has.
    """
    stages = [re.match(r"layers\.(\d{1,2})\.local\.bias$", name) for name in tensors]
    depth = max((int(match[1]) + 1 for match in stages if match), default=0)
    needed = ("embed.weight", "carriers", "classifier.weight", "layers.0.mlp.0.weight", "layers.0.local.bias")
    if not depth or any(name not in tensors for name in needed):
        return None
    embed, carriers, classifier, mlp, bias = (tensors[name] for name in needed)
    if [tensor.ndim for tensor in (embed, carriers, classifier, mlp, bias)] != [2, 2, 2, 2, 3]:
        return None
    if not 0 < len(carriers) <= _MOST_CARRIERS:
        raise NotThisHead(strings.CARRIERS.format(count=len(carriers), most=_MOST_CARRIERS))
    width, feature_width = embed.shape
    heads, ratio = bias.shape[0], mlp.shape[0] // max(width, 1)
    if not all((width, feature_width, heads, ratio)) or width % heads:
        return None
    return SpanShape(
        feature_width, classifier.shape[0], width, heads, depth, carriers.shape[0], ratio, dropout=0.0
    )
