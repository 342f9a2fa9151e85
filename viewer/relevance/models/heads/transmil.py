"""TransMIL: two Nyström attention layers with a class token, convolutions over the patches laid in a square.

Sources: Shao et al., NeurIPS 2021; Xiong et al., AAAI 2021 (Nyströmformer). Its weights depend on these
facts: tokens are padded with zeros at the front to a multiple of the landmarks, so the class token is not the
first of what is attended; a landmark is the mean of consecutive tokens, padding included; the square is
filled up with the leading patches once more. No table of all pairs is ever made, and the last layer is
computed for the class token alone, which is all that the classifier reads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from viewer.relevance.models.heads.slide_head import BagReading, check_bag, probabilities_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_PINV_STEPS = 6


@dataclass(frozen=True, slots=True)
class TransMilShape:
    """Landmarks are half the width, a head has width / heads channels."""

    feature_width: int
    classes: int
    width: int = 512
    heads: int = 8
    residual_kernel: int = 33

    @property
    def landmarks(self) -> int:
        return self.width // 2


class NystromAttention(nn.Module):
    """softmax(q·k̃ᵀ) · pinv(softmax(q̃·k̃ᵀ)) · softmax(q̃·kᵀ) · v, plus a convolution of v along the
    tokens."""

    def __init__(self, shape: TransMilShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.landmarks = shape.landmarks
        self.to_qkv = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(shape.width, shape.width))
        kernel = shape.residual_kernel
        self.res_conv = nn.Conv2d(
            shape.heads, shape.heads, (kernel, 1), padding=(kernel // 2, 0), groups=shape.heads, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, width) tokens to the same."""
        q, k, v, q_marks, k_marks = self._parts(x)
        # With a batch of one in front, torch takes its kernels that make no table.
        from_marks = functional.scaled_dot_product_attention(q_marks[None], k[None], v[None])
        mixing = _pseudo_inverse(_softmax_table(q_marks, k_marks)) @ from_marks
        mixed = functional.scaled_dot_product_attention(q[None], k_marks[None], mixing)
        mixed = (mixed + self.res_conv(v[None]))[0]
        return self.to_out(mixed.transpose(0, 1).flatten(1)[-len(x) :])

    def first(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The first token's output, (width,), and its row of the attention to all tokens, (heads, n).

        The row is that of a product with a pseudo-inverse: it may be negative and need not sum to 1.
        """
        q, k, v, q_marks, k_marks = self._parts(x)
        place = q.shape[1] - len(x)
        row = _softmax_table(q[:, place : place + 1], k_marks)
        row = row @ _pseudo_inverse(_softmax_table(q_marks, k_marks))
        # Head by head: the table of landmarks × tokens is the largest thing here.
        rows = [row[h] @ _softmax_table(q_marks[h], k[h]) for h in range(self.heads)]
        attention = torch.cat(rows)
        half = self.res_conv.kernel_size[0] // 2
        around = functional.pad(v, (0, 0, half, half))[:, place : place + 2 * half + 1]
        mixed = torch.einsum("hn,hnd->hd", attention, v)
        mixed = mixed + torch.einsum("hk,hkd->hd", self.res_conv.weight[:, 0, :, 0], around)
        return self.to_out(mixed.flatten()), attention[:, place:]

    def _parts(self, x: Tensor) -> tuple[Tensor, ...]:
        """q, k, v (heads, padded, channels) and the landmarks of q and k (heads, landmarks, channels)."""
        group = math.ceil(len(x) / self.landmarks)
        padded = functional.pad(x, (0, 0, group * self.landmarks - len(x), 0))
        q, k, v = self.to_qkv(padded).view(len(padded), 3, self.heads, -1).permute(1, 2, 0, 3)
        marks = (tensor.unflatten(1, (self.landmarks, group)).mean(2) for tensor in (q, k))
        return q, k, v, *marks


def _softmax_table(q: Tensor, k: Tensor) -> Tensor:
    return (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1)


def _pseudo_inverse(table: Tensor) -> Tensor:
    """Six steps of the iteration in Nyströmformer, from a start that is one for all heads: (heads, m, m)."""
    one = torch.eye(table.shape[-1], dtype=table.dtype, device=table.device)
    inverse = table.transpose(-1, -2) / (table.sum(-1).max() * table.sum(-2).max())
    for _ in range(_PINV_STEPS):
        near_one = table @ inverse
        inner = 15 * one - near_one @ (7 * one - near_one)
        inverse = 0.25 * inverse @ (13 * one - near_one @ inner)
    return inverse


class TransLayer(nn.Module):
    """Pre-norm attention with a residual."""

    def __init__(self, shape: TransMilShape) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(shape.width)
        self.attn = NystromAttention(shape)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attn(self.norm(x))

    def first(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The first token alone, and its attention."""
        out, attention = self.attn.first(self.norm(x))
        return x[0] + out, attention


class PositionLayer(nn.Module):
    """Three depthwise convolutions over the patches laid row by row in a square; they see no coordinates."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.proj1 = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.proj2 = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        """(1 + side², width), the class token first and left as it is."""
        side = math.isqrt(len(x) - 1)
        plane = x[1:].T.unflatten(1, (side, side))[None]
        plane = plane + self.proj(plane) + self.proj1(plane) + self.proj2(plane)
        return torch.cat((x[:1], plane[0].flatten(1).T))


class TransMilHead(nn.Module):
    """A ``SlideHead``. Attention: the class token's row in the last layer, one row a head; that of the
    repeated patches is added to the patches that they repeat. No contributions, no single scores: nothing
    here is a sum over patches.
    """

    layout = "TransMIL"

    def __init__(self, shape: TransMilShape) -> None:
        super().__init__()
        if shape.width % (2 * shape.heads):
            raise ValueError(f"{shape.width} channels do not divide into {shape.heads} heads")
        self.feature_width = shape.feature_width
        self.classes = shape.classes
        self._fc1 = nn.Sequential(nn.Linear(shape.feature_width, shape.width), nn.ReLU())
        self.cls_token = nn.Parameter(torch.randn(1, 1, shape.width))
        self.layer1 = TransLayer(shape)
        self.layer2 = TransLayer(shape)
        self.pos_layer = PositionLayer(shape.width)
        self.norm = nn.LayerNorm(shape.width)
        self._fc2 = nn.Linear(shape.width, shape.classes)

    def forward(self, features: Tensor, cells: Tensor) -> Tensor:
        """(classes,) logits of (n, feature_width) features in the order of the slide; cells do not matter."""
        return self._run(features)[0]

    @torch.no_grad()
    def read(self, features: Tensor, cells: Tensor) -> BagReading:
        """See ``SlideHead.read``; the order of the patches matters, as it did in training."""
        check_bag(features, cells, feature_width=self.feature_width)
        logits, attention = self._run(features)
        probabilities = probabilities_of(logits).float()
        return BagReading(attention.float(), probabilities, None, None)

    def _run(self, features: Tensor) -> tuple[Tensor, Tensor]:
        x = self._fc1(features)
        count = len(x)
        repeated = (math.isqrt(count - 1) + 1) ** 2 - count
        x = torch.cat((self.cls_token[0], x, x[:repeated]))
        x = self.pos_layer(self.layer1(x))
        out, attention = self.layer2.first(x)
        own = attention[:, 1 : count + 1].clone()
        own[:, :repeated] += attention[:, count + 1 :]
        return self._fc2(self.norm(out)), own


def transmil_shape(tensors: Mapping[str, Tensor]) -> TransMilShape | None:
    """The shape of a TransMIL, from its tensors; None where they are something else."""
    names = ("_fc1.0.weight", "_fc2.weight", "layer1.attn.res_conv.weight", "layer2.attn.to_qkv.weight")
    if any(name not in tensors for name in (*names, "cls_token", "pos_layer.proj.weight")):
        return None
    first, last, kernel = (tensors[name] for name in names[:3])
    if first.ndim != 2 or last.ndim != 2 or kernel.ndim != 4:
        return None
    width, heads = first.shape[0], kernel.shape[0]
    if not heads or not width or width % (2 * heads) or not kernel.shape[2] % 2:
        return None
    return TransMilShape(first.shape[1], last.shape[0], width, heads, kernel.shape[2])
