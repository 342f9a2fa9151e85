"""BERT in torch, under the parameter names of its published weights: the text tower of KEEP and of MiniLM.

Source: Devlin et al., NAACL 2019. Inference only: tokens to vectors; no training, no decoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping

_EPS = 1e-12


class _Embeddings(nn.Module):
    def __init__(self, vocabulary: int, positions: int, width: int, types: int) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(vocabulary, width)
        self.position_embeddings = nn.Embedding(positions, width)
        self.token_type_embeddings = nn.Embedding(types, width)
        self.LayerNorm = nn.LayerNorm(width, _EPS)

    def forward(self, ids: Tensor) -> Tensor:
        places = self.position_embeddings.weight[: ids.shape[1]]
        return self.LayerNorm(self.word_embeddings(ids) + places + self.token_type_embeddings.weight[0])


class _Output(nn.Module):
    """A linear layer, a residual, and a layer norm."""

    def __init__(self, inner: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inner, width)
        self.LayerNorm = nn.LayerNorm(width, _EPS)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(x) + residual)


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, mlp_width: int) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"{width} channels in {heads} heads")
        self.heads = heads
        self.attention = nn.ModuleDict(
            {
                "self": nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")}),
                "output": _Output(width, width),
            }
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, mlp_width)})
        self.output = _Output(mlp_width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, count, width = x.shape
        q, k, v = (
            self.attention["self"][name](x).view(batch, count, self.heads, -1).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = self.attention["output"](mixed.transpose(1, 2).reshape(batch, count, width), x)
        return self.output(functional.gelu(self.intermediate["dense"](x)), x)


class Bert(nn.Module):
    """Tokens to vectors."""

    def __init__(
        self,
        *,
        vocabulary: int,
        positions: int,
        width: int,
        types: int,
        depth: int,
        heads: int,
        mlp_width: int,
    ) -> None:
        super().__init__()
        self.embeddings = _Embeddings(vocabulary, positions, width, types)
        self.encoder = nn.ModuleDict(
            {"layer": nn.ModuleList(_Layer(width, heads, mlp_width) for _ in range(depth))}
        )
        self.pooler = nn.ModuleDict({"dense": nn.Linear(width, width)})

    @staticmethod
    def shaped_like(tensors: Mapping[str, Tensor], *, heads: int) -> Bert:
        """A BERT of the shape of these weights, still without them. Raises KeyError where one is missing."""
        vocabulary, width = tensors["embeddings.word_embeddings.weight"].shape
        return Bert(
            vocabulary=vocabulary,
            positions=len(tensors["embeddings.position_embeddings.weight"]),
            width=width,
            types=len(tensors["embeddings.token_type_embeddings.weight"]),
            depth=len({name.split(".")[2] for name in tensors if name.startswith("encoder.layer.")}),
            heads=heads,
            mlp_width=len(tensors["encoder.layer.0.intermediate.dense.bias"]),
        )

    def forward(self, ids: Tensor, present: Tensor) -> Tensor:
        """Token ids (batch, n) int64, and the mask (batch, n) bool, False for padding, to (batch, n,
        width)."""
        hidden = self.embeddings(ids)
        mask = torch.where(present, 0.0, float("-inf"))[:, None, None, :]
        for layer in self.encoder["layer"]:
            hidden = layer(hidden, mask)
        return hidden

    def pooled(self, ids: Tensor, present: Tensor) -> Tensor:
        """The first token's vector through the pooler: (batch, width)."""
        return torch.tanh(self.pooler["dense"](self.forward(ids, present)[:, 0]))
