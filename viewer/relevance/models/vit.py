"""Transformers in torch: one block, one vision transformer, for every model that Foveola loads.

Parameter names are those of DINO and timm (blocks.0.attn.qkv.weight); other layouts are renamed to them
before loading (``clip_layouts``). Sources: Dosovitskiy et al., ICLR 2021; Caron et al., ICCV 2021; Touvron et
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

    def of_first(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The output of the first of (batch, n, width) tokens, (batch, 1, width), and its attention to all of
        them, (batch, heads, n)."""
        batch, count, width = x.shape
        size = width // self.heads
        weight, bias = self.qkv.weight, self.qkv.bias
        q = functional.linear(x[:, :1], weight[:width], bias[:width]).view(batch, 1, self.heads, size)
        kv = functional.linear(x, weight[width:], bias[width:]).view(batch, count, 2, self.heads, size)
        k, v = kv.permute(2, 0, 3, 1, 4)
        attention = (q.transpose(1, 2) @ k.transpose(-2, -1) * size**-0.5).float().softmax(dim=-1)
        mixed = attention.to(v.dtype) @ v
        return self.proj(mixed.transpose(1, 2).reshape(batch, 1, width)), attention[:, :, 0]


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

    def of_first(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``Attention.of_first`` in the whole block: a fifteenth less work than the block for 257 tokens."""
        mixed, attention = self.attn.of_first(self.norm1(x))
        first = x[:, :1] + self.ls1(mixed)
        return first + self.ls2(self.mlp(self.norm2(first))), attention


class PatchEmbed(nn.Module):
    """Non-overlapping squares to vectors, row by row."""

    def __init__(self, width: int, patch_px: int, *, bias: bool) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch_px, stride=patch_px, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).flatten(2).transpose(1, 2)


class VisionTransformer(nn.Module):
    """Images to tokens. ``clip`` is OpenAI's variant: no bias in the stem, a norm before the first block.

    ``registers``: tokens without a place, after the class token (Darcet et al., ICLR 2024).
    """

    def __init__(
        self, shape: Shape, *, image_px: int, patch_px: int, clip: bool = False, registers: int = 0
    ) -> None:
        super().__init__()
        self._registers = registers
        if registers:
            self.register_tokens = nn.Parameter(torch.zeros(1, registers, shape.width))
        self.patch_embed = PatchEmbed(shape.width, patch_px, bias=not clip)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, (image_px // patch_px) ** 2 + 1, shape.width))
        self.norm_pre = nn.LayerNorm(shape.width, shape.eps) if clip else nn.Identity()
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(shape.width, shape.eps)

    def forward(self, images: Tensor) -> Tensor:
        """(batch, 3, h, w), normalised, to (batch, 1 + registers + patches, width): class token first.

        Sides are multiples of ``patch_px``; where they are not ``image_px`` positions are interpolated.
        """
        tokens = self._tokens(images)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)

    def attend(self, images: Tensor, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """The class tokens (batch, width) of ``forward``, and the attention in the last block of each to the
        others, (batch, heads, patches): without the class token's own share, and not renormalised. ``dtype``:
        of most of the work."""
        features, attention = attend(self.blocks, self.norm, self._tokens(images), dtype)
        return features, attention[:, :, self._registers :]

    def _tokens(self, images: Tensor) -> Tensor:
        patches = self.patch_embed(images)
        side = self.patch_embed.proj.kernel_size[0]
        positions = positions_for(self.pos_embed, images.shape[-2] // side, images.shape[-1] // side)
        count = len(patches)
        tokens = torch.cat([self.cls_token.expand(count, -1, -1), patches], dim=1) + positions
        if self._registers:
            registers = self.register_tokens.expand(count, -1, -1)
            tokens = torch.cat([tokens[:, :1], registers, tokens[:, 1:]], dim=1)
        return self.norm_pre(tokens)


def attend(
    blocks: nn.ModuleList, norm: nn.Module, tokens: Tensor, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Normed class tokens (batch, width) and their attention to the others, (batch, heads, n - 1), of tokens
    (batch, n, width). The last block is computed for the class token only.

    ``dtype`` is that of the multiplications in the other blocks; their sums, and the last block, stay
    float32: it is little work, and rounding matters most there.
    """
    *others, last = blocks
    with torch.autocast(tokens.device.type, dtype, enabled=dtype != torch.float32):
        for block in others:
            tokens = block(tokens)
    first, attention = last.of_first(tokens)
    return norm(first)[:, 0], attention[:, :, 1:]


def positions_for(pos_embed: Tensor, rows: int, columns: int) -> Tensor:
    """Position embeddings (1, 1 + rows · columns, width) from those of a square grid, class token first.

    As DINO interpolates them (Caron et al., ICCV 2021): bicubic, by factors of (n + 0.1) / side, which are
    part of the coordinates; resizing to the exact size gives other values than in training.
    """
    side = round((pos_embed.shape[1] - 1) ** 0.5)
    if rows == columns == side:
        return pos_embed
    grid = pos_embed[:, 1:].float().reshape(1, side, side, -1).permute(0, 3, 1, 2)
    factors = (rows + 0.1) / side, (columns + 0.1) / side
    resized = functional.interpolate(grid, scale_factor=factors, mode="bicubic")
    flat = resized.permute(0, 2, 3, 1).reshape(1, rows * columns, -1)
    return torch.cat([pos_embed[:, :1], flat.to(pos_embed.dtype)], dim=1)


def causal_mask(count: int) -> Tensor:
    """(count, count), added to logits: a token sees itself and those before it."""
    return torch.full((count, count), float("-inf")).triu(1)
