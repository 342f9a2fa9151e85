"""Attention-pooling heads: a small network gives each patch a weight, the slide is the weighted mean.

Sources: Ilse et al., ICML 2018 (plain and gated); Lu et al., Nature Biomedical Engineering 2021 (one pool a
class); Chen et al., CVPR 2022 (a transformer before the pool); Wang et al., Nature 2024 (pooling the features
themselves). One module for all of them; ``gated_layouts`` recognises the one in a file.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from viewer.relevance.models.heads import strings
from viewer.relevance.models.heads.slide_head import BagReading, check_bag, probabilities_of

_MIXER_HEADS = 3


@dataclass(frozen=True, slots=True)
class MixerShape:
    """The transformer between embedding and pool that HIPT has: post-norm, no places, always three heads
    (files do not state the number).
    """

    depth: int
    mlp_width: int


@dataclass(frozen=True, slots=True)
class GatedShape:
    """A head for features of ``feature_width``; the default of a new one is gated, with one pool."""

    feature_width: int
    classes: int
    """0: no classifier."""
    embedding: tuple[int, ...] = (512,)
    """Widths of the linear layers before the pool, each followed by a ReLU; none where empty."""
    attention_width: int = 256
    gated: bool = True
    pools: int = 1
    pool_per_class: bool = False
    """Each class reads its own pool alone, with ``pools`` equal to ``classes``. Otherwise all are joined."""
    pool_features: bool = False
    """The weights come from the embedding, what is pooled are the features as given (CHIEF)."""
    mixer: MixerShape | None = None
    after: tuple[int, ...] = ()
    """Widths of linear layers, each with a ReLU, between pool and classifier."""
    dropout: float = 0.0

    @property
    def width(self) -> int:
        """Values per patch at the input of the attention."""
        return self.embedding[-1] if self.embedding else self.feature_width

    @property
    def pooled_width(self) -> int:
        """Values of one pool."""
        return self.feature_width if self.pool_features else self.width


class GatedAttentionHead(nn.Module):
    """A ``SlideHead`` that pools by attention.

    Attention rows: one for the slide, or one a class (``pool_per_class``), or one a branch; each sums to 1.
    Contributions ``a_k·(w_c·h_k)`` exist where the classifier follows the pool at once; single scores always,
    but for a head without classifier. ``patch_gate``: single scores are CHIEF's patch scores, sigmoid of the
    attention's logit × probability of the class, and the slide has no probabilities, because the text
    embedding of its organ, which is added to the pool, is no part of a bag.
    """

    def __init__(self, shape: GatedShape, *, layout: str = strings.GATED, patch_gate: bool = False) -> None:
        super().__init__()
        if shape.pool_per_class and shape.pools != shape.classes:
            raise ValueError(f"{shape.pools} pools for {shape.classes} classes")
        self.shape = shape
        self.layout = layout
        self.patch_gate = patch_gate
        self.feature_width = shape.feature_width
        self.classes = shape.classes
        self.embedding = _relu_layers(shape.feature_width, shape.embedding, shape.dropout)
        self.mixer = None if shape.mixer is None else _mixer(shape.width, shape.mixer, shape.dropout)
        self.attention_v = nn.Linear(shape.width, shape.attention_width)
        self.attention_u = nn.Linear(shape.width, shape.attention_width) if shape.gated else None
        self.attention_w = nn.Linear(shape.attention_width, shape.pools)
        joined = shape.pooled_width * (1 if shape.pool_per_class else shape.pools)
        self.after = _relu_layers(joined, shape.after, shape.dropout)
        last = shape.after[-1] if shape.after else joined
        self.classifier = nn.Linear(last, shape.classes) if shape.classes else None

    def forward(self, features: Tensor, cells: Tensor) -> Tensor:
        """(classes,) logits, or where there is no classifier the pool, of (n, feature_width) features."""
        pooled, logits = self._patches(features)
        return self._slide(logits.softmax(0).T @ pooled)

    @torch.no_grad()
    def read(self, features: Tensor, cells: Tensor) -> BagReading:
        """See ``SlideHead.read``; the cells do not matter to these heads."""
        check_bag(features, cells, feature_width=self.feature_width)
        pooled, logits = self._patches(features)
        attention = logits.softmax(0)
        probabilities = contributions = None
        if self.classifier is not None and not self.patch_gate:
            probabilities = probabilities_of(self._slide(attention.T @ pooled)).float()
        if self.classifier is not None and not self.shape.after:
            contributions = self._contributions(pooled, attention, self.classifier.weight).T.float()
        return BagReading(
            attention.T.float(),
            probabilities,
            contributions,
            self._single(features, pooled, logits),
        )

    def _patches(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The pooled values, (n, pooled_width), and the logits of attention, (n, pools)."""
        embedded = self.embedding(features)
        if self.mixer is not None:
            embedded = self.mixer(embedded[None])[0]
        return features if self.shape.pool_features else embedded, self.attention_logits(embedded)

    def attention_logits(self, embedded: Tensor) -> Tensor:
        """(n, pools) before the softmax over the patches, of (n, width) embedded and mixed ones."""
        gate = torch.tanh(self.attention_v(embedded))
        if self.attention_u is not None:
            gate = gate * torch.sigmoid(self.attention_u(embedded))
        return self.attention_w(functional.dropout(gate, self.shape.dropout, self.training))

    def _slide(self, pools: Tensor) -> Tensor:
        """(…, pools, pooled_width) to (…, classes) logits."""
        if self.classifier is None:
            return pools.flatten(-2)
        if not self.shape.pool_per_class:
            return self.classifier(self.after(pools.flatten(-2)))
        return (self.after(pools) * self.classifier.weight).sum(-1) + self.classifier.bias

    def _contributions(self, pooled: Tensor, attention: Tensor, weight: Tensor) -> Tensor:
        if self.shape.pool_per_class:
            return attention * (pooled @ weight.T)
        parts = weight.view(len(weight), self.shape.pools, -1)
        return torch.einsum("nb,nd,cbd->nc", attention, pooled, parts)

    def _single(self, features: Tensor, pooled: Tensor, logits: Tensor) -> Tensor | None:
        if self.classifier is None:
            return None
        if self.mixer is not None:  # a patch alone has no others to be mixed with
            pooled = self.mixer(self.embedding(features)[:, None])[:, 0]
        alone = probabilities_of(self._slide(pooled[:, None].expand(-1, self.shape.pools, -1)))
        if self.patch_gate:
            alone = alone * logits.sigmoid()
        return alone.T.float()


def _relu_layers(width: int, widths: tuple[int, ...], dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for wide in widths:
        layers += [nn.Linear(width, wide), nn.ReLU(), nn.Dropout(dropout)]
        width = wide
    return nn.Sequential(*layers)


def _mixer(width: int, shape: MixerShape, dropout: float) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(width, _MIXER_HEADS, shape.mlp_width, dropout, batch_first=True)
    return nn.TransformerEncoder(layer, shape.depth, enable_nested_tensor=False)
