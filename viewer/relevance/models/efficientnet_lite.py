"""EfficientNet-Lite0, a small convolutional network for pictures: 3.4 M parameters without its classifier.

Tan and Le, "EfficientNet", ICML 2019; the Lite variant (TensorFlow, 2020) has ReLU6 and no
squeeze-and-excitation.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

M = TypeVar("M", bound=nn.Module)

WIDTH = 1280
"""Of its features."""
EARLY_BLOCKS, EARLY_WIDTH = 6, 80
"""The first blocks, which respond to colour, edges and texture, and the channels behind them."""
_STEM, _LAST = 32, 320


class _Stage(NamedTuple):
    """``blocks`` inverted residuals, the first of them with ``stride``; ``expansion`` of the channels
    inside."""

    expansion: int
    kernel: int
    stride: int
    channels: int
    blocks: int


_STAGES = (
    _Stage(1, 3, 1, 16, 1),
    _Stage(6, 3, 2, 24, 2),
    _Stage(6, 5, 2, 40, 2),
    _Stage(6, 3, 2, 80, 3),
    _Stage(6, 5, 1, 112, 3),
    _Stage(6, 5, 2, 192, 4),
    _Stage(6, 3, 1, _LAST, 1),
)
_PUBLISHED_PARTS = {"_conv_stem": "stem.0", "_bn0": "stem.1", "_conv_head": "head.0", "_bn1": "head.1"}
_PUBLISHED_LAYERS = {
    "_expand_conv": "expand.0",
    "_bn0": "expand.1",
    "_depthwise_conv": "depthwise.0",
    "_bn1": "depthwise.1",
    "_project_conv": "project.0",
    "_bn2": "project.1",
}


def _layer(
    channels: int, made: int, kernel: int = 1, stride: int = 1, *, groups: int = 1, activation: bool = True
) -> nn.Sequential:
    convolution = nn.Conv2d(channels, made, kernel, stride, kernel // 2, groups=groups, bias=False)
    parts: list[nn.Module] = [convolution, nn.BatchNorm2d(made, eps=1e-3, momentum=0.01)]
    return nn.Sequential(*parts, *([nn.ReLU6()] if activation else []))


class _InvertedResidual(nn.Module):
    """Wider inside than outside; the input is added where its shape is the output's."""

    def __init__(self, channels: int, stage: _Stage, stride: int) -> None:
        super().__init__()
        inside = channels * stage.expansion
        self.expand = _layer(channels, inside) if stage.expansion > 1 else nn.Identity()
        self.depthwise = _layer(inside, inside, stage.kernel, stride, groups=inside)
        self.project = _layer(inside, stage.channels, activation=False)
        self._adds = stride == 1 and channels == stage.channels

    def forward(self, pixels: Tensor) -> Tensor:
        made: Tensor = self.project(self.depthwise(self.expand(pixels)))
        return pixels + made if self._adds else made


class EfficientNetLite(nn.Module):
    """Features (n, 1280) of pictures (n, 3, height, width), normalised as ImageNet's."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _layer(3, _STEM, 3, 2)
        blocks, channels = [], _STEM
        for stage in _STAGES:
            for number in range(stage.blocks):
                blocks.append(_InvertedResidual(channels, stage, stage.stride if number == 0 else 1))
                channels = stage.channels
        self.blocks = nn.Sequential(*blocks)
        self.head = _layer(_LAST, WIDTH)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.late(self.early(pixels))

    def early(self, pixels: Tensor) -> Tensor:
        """Activations (n, 80, height / 16, width / 16) behind the first blocks."""
        made: Tensor = self.blocks[:EARLY_BLOCKS](self.stem(pixels))
        return made

    def late(self, early: Tensor) -> Tensor:
        """The features, from those activations."""
        made: Tensor = self.head(self.blocks[EARLY_BLOCKS:](early))
        return made.mean((2, 3))


def from_published(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published tensors of EfficientNet-Lite0 under this module's names, without the classifier's."""
    renamed = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        if part == "_blocks":
            number, layer, kind = rest.split(".", 2)
            renamed[f"blocks.{number}.{_PUBLISHED_LAYERS[layer]}.{kind}"] = tensor
        elif part in _PUBLISHED_PARTS:
            renamed[f"{_PUBLISHED_PARTS[part]}.{rest}"] = tensor
    return renamed


def fused(model: M) -> M:
    """A copy for inference with every normalisation folded into the convolution before it."""
    copy = deepcopy(model).eval()
    for module in copy.modules():
        if isinstance(module, nn.Sequential) and len(module) > 1 and isinstance(module[1], nn.BatchNorm2d):
            convolution = module[0]
            assert isinstance(convolution, nn.Conv2d)
            module[0] = fuse_conv_bn_eval(convolution, module[1])
            module[1] = nn.Identity()
    return copy
