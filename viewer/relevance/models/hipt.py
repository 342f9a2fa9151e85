"""HIPT, the hierarchical image pyramid transformer, from its paper and its published shapes.

Patches of 256 px in 16-px tokens (ViT-256), regions of patches (ViT-4K), at 0.5 µm per pixel. Chen et al.,
"Scaling Vision Transformers to Gigapixel Images via Hierarchical Self-Supervised Learning", CVPR 2022; the
networks are DINO's (Caron et al., ICCV 2021); widths and depths are read from the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from viewer.relevance.models import strings
from viewer.relevance.models.checkpoint import (
    CheckpointError,
    kind_of_model,
    read_tensors,
    sha256_of,
    weights_files,
)
from viewer.relevance.models.heads.load import load_slide_head
from viewer.relevance.models.heads.state_dict import NotThisHead, filled
from viewer.relevance.models.normalisation import STATISTICS
from viewer.relevance.models.precision import probe_patches
from viewer.relevance.models.vit import Block, Shape, VisionTransformer, attend, positions_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from viewer.relevance.models.heads.slide_head import SlideHead

Net = TypeVar("Net", bound=nn.Module)

PATCH_PX = 256
TOKEN_PX = 16
MPP_UM = 0.5
PATCH_WIDTH = 384
"""Of ViT-256's features: what ViT-4K's weights were made for."""
_HEAD_WIDTH = 64
_REGION_HEADS = 6
_PUBLISHED = {704_238_867: "6960cd5a", 395_710_078: "2b0bd9e9"}
"""Bytes of the published files, and how the SHA-256 of each begins."""
_MOST_BLOCKS = 64
_PROBE_PX = 64
"""A few tokens suffice: weights that are too large overflow in each."""
_REGISTERS = "register_tokens"


class RegionTransformer(nn.Module):
    """ViT-4K: grids of patch features to the feature of their region."""

    def __init__(self, shape: Shape, feature_width: int, positions: int) -> None:
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(feature_width, shape.width), nn.GELU())
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, positions, shape.width))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(shape.width, shape.eps)

    def attend(self, features: Tensor, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Of patch features (batch, rows, columns, width): regions (batch, width) and their attention to
        patches (batch, heads, rows · columns), without the region's own share, and not renormalised.
        ``dtype``: of most of the work."""
        batch, rows, columns, _ = features.shape
        patches = self.phi(features.flatten(1, 2))
        tokens = torch.cat([self.cls_token.expand(batch, -1, -1), patches], dim=1)
        return attend(self.blocks, self.norm, tokens + positions_for(self.pos_embed, rows, columns), dtype)


def normalised(images: Tensor, statistics: str = "half") -> Tensor:
    """uint8 (..., h, w, 3) as networks take it: float32 (..., 3, h, w), HIPT's ("half") from -1 to 1."""
    mean, deviation = (torch.tensor(one, device=images.device) * 255 for one in STATISTICS[statistics])
    return ((images.float() - mean) / deviation).movedim(-1, -3)


@dataclass(frozen=True, slots=True)
class Hipt:
    """The levels in a folder. Without ``region`` patches are not compared within their region, without
    ``slide`` not the regions of a slide; ``notes`` are sentences for the user on what is missing."""

    patch: VisionTransformer
    region: RegionTransformer | None
    slide: SlideHead | None
    notes: tuple[str, ...]

    def heads(self, without: tuple[int, int]) -> tuple[int, int]:
        """How many for tokens and for patches; ``without`` a level of regions the second of these."""
        regions = without[1] if self.region is None else _heads_of(self.region)
        return _heads_of(self.patch), regions


def load_hipt(folder: Path) -> Hipt:
    """All levels in a folder's files of weights, recognised by their tensors.

    Raises CheckpointError: no file of patches, two of the same level, or a file of another model.
    """
    found: dict[str, tuple[Path, dict[str, Tensor]]] = {}
    for path in weights_files(folder):
        tensors = read_weights(path)
        level = "patches" if "patch_embed.proj.weight" in tensors else "slides"
        level = "regions" if "phi.0.weight" in tensors and "pos_embed" in tensors else level
        if level in found:
            one = found[level][0].name
            raise CheckpointError(folder, strings.SAME_LEVEL.format(one=one, other=path.name, level=level))
        found[level] = path, tensors
    if "patches" not in found:
        others = strings.AND.join(
            strings.FILE_OF_KIND.format(file=file.name, kind=kind)
            if (kind := kind_of_model(tensors))
            else file.name
            for file, tensors in found.values()
        )
        expected = strings.A_PATCH_LEVEL
        raise CheckpointError(folder, strings.NO_PATCH_LEVEL.format(files=others, expected=expected))
    patch = patch_level(*found["patches"])
    width = patch.cls_token.shape[-1]
    region = region_level(*found["regions"], width) if "regions" in found else None
    notes = []
    slide = None
    if "slides" in found:
        file, tensors = found["slides"]
        slide = load_slide_head(file)
        own = _own_regions(tensors)
        if own:
            if region is not None:
                notes.append(strings.OWN_REGIONS.format(file=file.name))
            region = region_level(file, own, width)
        region_width = None if region is None else region.cls_token.shape[-1]
        if region_width is None:
            notes.append(strings.SLIDES_WITHOUT_REGIONS.format(file=file.name))
            slide = None
        elif slide.feature_width != region_width:
            raise CheckpointError(
                file, strings.WRONG_REGION_WIDTH.format(expected=slide.feature_width, found=region_width)
            )
        else:
            _check_slide_level(file, slide)
    if region is None:
        notes.append(strings.NO_REGIONS)
    if slide is None:
        notes.append(strings.NO_SLIDES)
    return Hipt(patch, region, slide, tuple(notes))


def _own_regions(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The region encoder within a slide level (HIPT_LGP); {} in one without."""
    prefix = "local_vit."
    return {
        name.removeprefix(prefix).removeprefix("module."): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def save_backbone(path: Path, target: Path) -> None:
    """Write the network in a file of weights, without its training state, as safetensors: 84 MB instead of
    704 for ViT-256. Raises CheckpointError, SaveError.
    """
    from safetensors.torch import save

    from viewer.common.atomic_write import save_atomically

    tensors = read_weights(path)
    if "pos_embed" not in tensors:
        raise CheckpointError(path, _wrong_model(strings.A_TRANSFORMER, tensors))
    kept = {
        name: tensor.float().contiguous() for name, tensor in tensors.items() if not name.startswith("head.")
    }
    save_atomically(target, save(kept))


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file. Raises CheckpointError, also for a changed copy of a published one."""
    tensors = read_tensors(path)
    begins = _PUBLISHED.get(path.stat().st_size)
    if begins is not None and not sha256_of(path).startswith(begins):
        raise CheckpointError(path, strings.DIFFERS_FROM_PUBLISHED)
    return tensors


def _heads_of(model: VisionTransformer | RegionTransformer) -> int:
    last = model.blocks[-1]
    assert isinstance(last, Block)
    return last.attn.heads


def patch_level(path: Path, tensors: Mapping[str, Tensor]) -> VisionTransformer:
    """ViT-256, or any DINO ViT with 16-px tokens. Raises CheckpointError for another model."""
    embed = tensors.get("patch_embed.proj.weight")
    if embed is None or "pos_embed" not in tensors:
        raise CheckpointError(path, _wrong_model(strings.A_PATCH_LEVEL, tensors))
    if embed.ndim != 4 or embed.shape[1:] != (3, TOKEN_PX, TOKEN_PX):
        raise CheckpointError(path, strings.WRONG_TOKENS.format(shape=tuple(embed.shape)))
    shape, side = _shape(path, tensors, heads=None), _side(path, tensors)

    tensors = {_REGISTERS if name == "reg_token" else name: tensor for name, tensor in tensors.items()}
    registers = tensors[_REGISTERS].shape[1] if _REGISTERS in tensors and tensors[_REGISTERS].ndim == 3 else 0

    def made() -> VisionTransformer:
        return VisionTransformer(
            shape, image_px=side * TOKEN_PX, patch_px=TOKEN_PX, registers=min(registers, _MOST_BLOCKS)
        )

    network = _loaded(path, tensors, made, spare=("head.", "mask_token"))
    images = normalised(torch.from_numpy(probe_patches(_PROBE_PX)))
    return _checked(path, network, lambda: network.attend(images))


def region_level(path: Path, tensors: Mapping[str, Tensor], feature_width: int) -> RegionTransformer:
    """ViT-4K, for patch features of this width. Raises CheckpointError for others."""
    phi = tensors.get("phi.0.weight")
    if phi is None or phi.ndim != 2 or "pos_embed" not in tensors:
        raise CheckpointError(path, _wrong_model(strings.A_REGION_LEVEL, tensors))
    if phi.shape[1] != feature_width:
        raise CheckpointError(
            path, strings.WRONG_PATCH_WIDTH.format(expected=phi.shape[1], found=feature_width)
        )
    shape, positions = _shape(path, tensors, heads=_REGION_HEADS), _side(path, tensors) ** 2 + 1
    network = _loaded(
        path, tensors, lambda: RegionTransformer(shape, feature_width, positions), spare=("head.",)
    )
    features = torch.linspace(-1, 1, 4 * feature_width).view(1, 2, 2, feature_width)
    return _checked(path, network, lambda: network.attend(features))


def _shape(path: Path, tensors: Mapping[str, Tensor], *, heads: int | None) -> Shape:
    """The shape of the blocks, from the weights."""
    numbers = [name.split(".")[1] for name in tensors if name.startswith("blocks.")]
    depth = max((int(number) for number in numbers if number.isdecimal() and len(number) < 4), default=-1) + 1
    mlp = tensors.get("blocks.0.mlp.fc1.weight")
    width = tensors["pos_embed"].shape[-1] if tensors["pos_embed"].ndim == 3 else 0
    if not 0 < depth <= _MOST_BLOCKS or mlp is None or mlp.ndim != 2 or width < 1:
        raise CheckpointError(path, strings.NOT_A_TRANSFORMER.format(depth=depth, width=width))
    heads = heads or width // _HEAD_WIDTH
    if heads < 1 or width % heads:
        raise CheckpointError(path, strings.WRONG_HEADS.format(width=width, heads=heads))
    return Shape(width, depth, heads, mlp.shape[0], layer_scale="blocks.0.ls1.gamma" in tensors)


def _side(path: Path, tensors: Mapping[str, Tensor]) -> int:
    count = tensors["pos_embed"].shape[1] - 1
    side = round(max(count, 0) ** 0.5)
    if side < 1 or side**2 != count:
        raise CheckpointError(path, strings.NOT_SQUARE.format(count=count))
    return side


def _loaded(
    path: Path, tensors: Mapping[str, Tensor], make: Callable[[], Net], *, spare: tuple[str, ...]
) -> Net:
    needed = {name: tensor for name, tensor in tensors.items() if not name.startswith(spare)}
    try:
        return filled(make, needed)
    except NotThisHead as error:
        raise CheckpointError(path, str(error)) from error


@torch.inference_mode()
def _checked(path: Path, network: Net, run: Callable[[], tuple[Tensor, ...]]) -> Net:
    """The network, after a test run: finite weights may be so large that all outputs are NaN or infinite."""
    if not all(bool(one.isfinite().all()) for one in run()):
        raise CheckpointError(path, strings.INVALID_OUTPUT)
    return network


def _check_slide_level(path: Path, head: SlideHead) -> None:
    features = torch.linspace(-1, 1, 2 * head.feature_width).view(2, head.feature_width)
    if not bool(head.read(features, torch.tensor([[0, 0], [0, 1]])).attention.isfinite().all()):
        raise CheckpointError(path, strings.INVALID_OUTPUT)


def _wrong_model(expected: str, tensors: Mapping[str, Tensor]) -> str:
    found = kind_of_model(tensors)
    template = strings.EXPECTED_INSTEAD if found else strings.NOT_THIS
    return template.format(found=found, expected=expected)
