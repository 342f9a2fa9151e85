"""Transformers in torch: one block, one vision transformer, for every model that Foveola loads.

Parameter names are those of DINO and timm (blocks.0.attn.qkv.weight); other layouts are renamed to them
before loading (``clip_weights``). Sources: Dosovitskiy et al., ICLR 2021; Caron et al., ICCV 2021; Touvron et
al. (LayerScale), ICCV 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Shape:
    """A stack of blocks. ``eps`` is that of its layer norms; ``layer_scale``: each branch is scaled."""

    width: int
    depth: int
    heads: int
    mlp_width: int
    eps: float = 1e-6
    quick_gelu: bool = False
    layer_scale: bool = False


class QuickGelu(nn.Module):
    """x · σ(1.702 x): OpenAI's approximation, which its descendants were trained with."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class Attention(nn.Module):
    """Self-attention with one matrix for queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"{width} channels in {heads} heads")
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(batch, n, width) to the same; ``mask`` is added to the logits, (n, n) or (batch, 1, n, n)."""
        batch, count, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(mixed.transpose(1, 2).reshape(batch, count, width))


class Scale(nn.Module):
    """LayerScale: one factor a channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


class Mlp(nn.Module):
    """Two layers with an activation between."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.fc1 = nn.Linear(shape.width, shape.mlp_width)
        self.act = QuickGelu() if shape.quick_gelu else nn.GELU()
        self.fc2 = nn.Linear(shape.mlp_width, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    """Pre-norm: x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(shape.width, shape.eps)
        self.attn = Attention(shape.width, shape.heads)
        self.ls1 = Scale(shape.width) if shape.layer_scale else nn.Identity()
        self.norm2 = nn.LayerNorm(shape.width, shape.eps)
        self.mlp = Mlp(shape)
        self.ls2 = Scale(shape.width) if shape.layer_scale else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = x + self.ls1(self.attn(self.norm1(x), mask))
        return x + self.ls2(self.mlp(self.norm2(x)))


class PatchEmbed(nn.Module):
    """Non-overlapping squares to vectors, row by row."""

    def __init__(self, width: int, patch_px: int, *, bias: bool) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch_px, stride=patch_px, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).flatten(2).transpose(1, 2)


class VisionTransformer(nn.Module):
    """Images to tokens. ``clip`` is OpenAI's variant: no bias in the stem, a norm before the first block."""

    def __init__(self, shape: Shape, *, image_px: int, patch_px: int, clip: bool = False) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(shape.width, patch_px, bias=not clip)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, (image_px // patch_px) ** 2 + 1, shape.width))
        self.norm_pre = nn.LayerNorm(shape.width, shape.eps) if clip else nn.Identity()
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(shape.width, shape.eps)

    def forward(self, images: Tensor) -> Tensor:
        """(batch, 3, image_px, image_px), normalised, to (batch, 1 + patches, width): class token first."""
        patches = self.patch_embed(images)
        tokens = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], dim=1)
        tokens = self.norm_pre(tokens + self.pos_embed)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)


def causal_mask(count: int) -> Tensor:
    """(count, count), added to logits: a token sees itself and those before it."""
    return torch.full((count, count), float("-inf")).triu(1)
