"""Vision–language models: images and text in one space. CLIP and its descendants, KEEP, CONCH v1.

Built from the shapes of the weights, loaded strictly: a missing, surplus or misshapen tensor is an error that
names it. Sources: Radford et al., ICML 2021 (CLIP); Yu et al., TMLR 2022 (CoCa); Lu et al., Nature Medicine
2024 (CONCH); Zhou et al., 2024 (KEEP).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isqrt
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from viewer.common.errors import EncoderError
from viewer.relevance.models import strings
from viewer.relevance.models.bert import Bert
from viewer.relevance.models.clip_layouts import clip_layout, conch_layout, depth
from viewer.relevance.models.vit import Block, Shape, VisionTransformer, causal_mask

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD_WIDTH = 64
"""Of every published model of these families; a folder's config.json may state another."""
_CLIP_EPS = 1e-5
_MAX_NAMES = 3


class TileTextModel(Protocol):
    """Images and tokens to vectors of length 1 in the same space."""

    image_px: int
    positions: int
    """The most tokens that a text may have, the class token included."""
    logit_scale: nn.Parameter

    def to(self, device: str) -> object:
        """Move the weights, in place."""

    def images(self, pixels: Tensor) -> Tensor:
        """(batch, 3, image_px, image_px), normalised, to (batch, width)."""

    def texts(self, ids: Tensor, present: Tensor) -> Tensor:
        """Token ids (batch, n) and which are no padding (batch, n) bool, to (batch, width)."""


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """Facts that do not follow from shapes. ``heads``: of the towers "visual" and "text" where not width /
    64."""

    quick_gelu: bool = True
    heads: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def from_config(config: Mapping[str, Any]) -> BuildFacts:
        """From config.json of transformers or open_clip_config.json; {} gives the usual facts.

        Raises EncoderError where it is not laid out as those are.
        """
        try:
            return BuildFacts._read(config)
        except AttributeError as error:
            raise EncoderError(strings.BAD_CONFIG) from error

    @staticmethod
    def _read(config: Mapping[str, Any]) -> BuildFacts:
        open_clip = config.get("model_cfg", {})
        vision, text = config.get("vision_config") or {}, config.get("text_config") or {}
        heads = {"visual": vision.get("num_attention_heads"), "text": text.get("num_attention_heads")}
        heads["text"] = heads["text"] or open_clip.get("text_cfg", {}).get("heads")
        if open_clip:
            quick = bool(open_clip.get("quick_gelu", False))
        else:
            quick = vision.get("hidden_act", "quick_gelu") == "quick_gelu"
        known = {tower: count for tower, count in heads.items() if type(count) is int and count > 0}
        return BuildFacts(quick, known)


class TextTower(nn.Module):
    """Tokens to one vector: causal attention, read at the end of the text or at a class token behind it."""

    def __init__(self, shape: Shape, *, vocabulary: int, positions: int, with_class_token: bool) -> None:
        super().__init__()
        self.heads = shape.heads
        self.token_embed = nn.Parameter(torch.zeros(vocabulary, shape.width))
        self.pos_embed = nn.Parameter(torch.zeros(positions, shape.width))
        self.cls_token = nn.Parameter(torch.zeros(shape.width)) if with_class_token else None
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(shape.width, shape.eps)

    def forward(self, ids: Tensor, present: Tensor) -> Tensor:
        """(batch, n) to (batch, width), normalised."""
        hidden = self.token_embed[ids]
        count = ids.shape[1]
        mask = causal_mask(count)
        if self.cls_token is not None:
            hidden = torch.cat([hidden, self.cls_token.expand(len(ids), 1, -1)], dim=1)
            # CoCa's mask, as its models were trained: the class token sees the first place always, and each
            # further place where the token before it is no padding.
            mask = causal_mask(count + 1).repeat(len(ids), 1, 1, 1)
            seen = functional.pad(present, (1, 0), value=True)
            mask[:, 0, -1] = torch.where(seen.cpu(), 0.0, float("-inf"))
        hidden = hidden + self.pos_embed[: hidden.shape[1]]
        mask = mask.to(hidden)
        for block in self.blocks:
            hidden = block(hidden, mask)
        if self.cls_token is not None:
            return self.norm(hidden[:, -1])
        ends = ids.argmax(dim=1)  # the end of text has the highest id of all tokens
        return self.norm(hidden[torch.arange(len(ids), device=ids.device), ends])


class Clip(nn.Module):
    """CLIP: class token of the images, end of the text, one projection each."""

    def __init__(self, tensors: Mapping[str, Tensor], facts: BuildFacts, *, clip: bool = True) -> None:
        super().__init__()
        self.visual, self.image_px = _vision(tensors, facts, clip=clip)
        self.text = _text(tensors, facts, with_class_token=not clip)
        self.positions = len(self.text.pos_embed)
        self.visual_projection = _projection(tensors, "visual_projection")
        self.text_projection = _projection(tensors, "text_projection")
        self.logit_scale = nn.Parameter(torch.zeros(()))

    def images(self, pixels: Tensor) -> Tensor:
        return functional.normalize(self.visual(pixels)[:, 0] @ self.visual_projection, dim=-1)

    def texts(self, ids: Tensor, present: Tensor) -> Tensor:
        return functional.normalize(self.text(ids, present) @ self.text_projection, dim=-1)


class AttentionPool(nn.Module):
    """One learned query attends to all tokens (CoCa's contrastive pooler)."""

    def __init__(self, width: int, context: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.zeros(1, width))
        self.attn = nn.MultiheadAttention(width, heads, kdim=context, vdim=context, batch_first=True)
        self.ln_q = nn.LayerNorm(width)
        self.ln_k = nn.LayerNorm(context)
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        context = self.ln_k(tokens)
        query = self.ln_q(self.query).expand(len(tokens), 1, -1)
        return self.norm(self.attn(query, context, context, need_weights=False)[0][:, 0])


class Conch(Clip):
    """CONCH v1: CoCa without its decoder. 448 px images, 8 pooling heads."""

    def __init__(self, tensors: Mapping[str, Tensor], facts: BuildFacts) -> None:
        super().__init__(tensors, facts, clip=False)
        self.pool = AttentionPool(
            tensors["pool.query"].shape[1], tensors["visual.norm.weight"].shape[0], facts.heads.get("pool", 8)
        )

    def images(self, pixels: Tensor) -> Tensor:
        return functional.normalize(self.pool(self.visual(pixels)) @ self.visual_projection, dim=-1)


class Keep(nn.Module):
    """KEEP: a ViT-L with LayerScale and a two-layer head; BERT and its pooler."""

    def __init__(self, tensors: Mapping[str, Tensor], facts: BuildFacts) -> None:
        super().__init__()
        self.visual, self.image_px = _vision(tensors, facts, clip=False)
        inner, width = tensors["visual_head.0.weight"].shape
        self.visual_head = nn.Sequential(
            nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, tensors["visual_head.2.weight"].shape[0])
        )
        words = {
            name.removeprefix("text."): value for name, value in tensors.items() if name.startswith("text.")
        }
        text_width = tensors["text.embeddings.word_embeddings.weight"].shape[1]
        self.text = Bert.shaped_like(words, heads=facts.heads.get("text", text_width // HEAD_WIDTH))
        self.positions = len(words["embeddings.position_embeddings.weight"])
        self.logit_scale = nn.Parameter(torch.zeros(()))

    def images(self, pixels: Tensor) -> Tensor:
        return functional.normalize(self.visual_head(self.visual(pixels)[:, 0]), dim=-1)

    def texts(self, ids: Tensor, present: Tensor) -> Tensor:
        return functional.normalize(self.text.pooled(ids, present), dim=-1)


def build_model(architecture: str, tensors: dict[str, Tensor], facts: BuildFacts) -> TileTextModel:
    """A model of ``architecture`` ("clip", "conch" or "keep") with these weights, in float32, for inference.

    Raises EncoderError where the weights are not those of such a model, naming what differs.
    """
    layout = {"clip": clip_layout, "conch": conch_layout, "keep": _keep_layout}[architecture]
    kinds: dict[str, type[nn.Module]] = {"clip": Clip, "conch": Conch, "keep": Keep}
    try:
        renamed = layout(tensors)
        with torch.device("meta"):
            model = kinds[architecture](renamed, facts)
        renamed["logit_scale"] = renamed.get("logit_scale", torch.zeros(())).reshape(())
    # Each is raised by torch or Python for a tensor of an unexpected shape.
    except (LookupError, ValueError, TypeError, RuntimeError, ArithmeticError, AssertionError) as error:
        fault = strings.MISSING_OR_UNEXPECTED.format(error=error)
        raise EncoderError(strings.WRONG_WEIGHTS.format(architecture=architecture, faults=fault)) from error
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    _check(architecture, expected, renamed)
    model.load_state_dict({name: renamed[name].float() for name in expected}, assign=True)
    return model.eval().requires_grad_(False)


def _check(architecture: str, expected: Mapping[str, torch.Size], given: Mapping[str, Tensor]) -> None:
    faults = [strings.MISSING.format(name=name) for name in expected if name not in given]
    faults += [
        strings.WRONG_SHAPE.format(name=name, found=tuple(given[name].shape), expected=tuple(shape))
        for name, shape in expected.items()
        if name in given and given[name].shape != shape
    ]
    faults += [strings.UNKNOWN.format(name=name) for name in given if name not in expected]
    if faults:
        first, more = ", ".join(faults[:_MAX_NAMES]), len(faults) - _MAX_NAMES
        text = strings.AND_MORE.format(faults=first, count=more) if more > 0 else first
        raise EncoderError(strings.WRONG_WEIGHTS.format(architecture=architecture, faults=text))


def _projection(tensors: Mapping[str, Tensor], name: str) -> nn.Parameter:
    width, projected = tensors[name].shape
    return nn.Parameter(torch.zeros(width, projected))


def _keep_layout(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if not name.endswith("position_ids")}


def _vision(tensors: Mapping[str, Tensor], facts: BuildFacts, *, clip: bool) -> tuple[VisionTransformer, int]:
    width, _, _, patch_px = tensors["visual.patch_embed.proj.weight"].shape
    shape = Shape(
        width,
        depth(dict(tensors), "visual"),
        facts.heads.get("visual", width // HEAD_WIDTH),
        len(tensors["visual.blocks.0.mlp.fc1.bias"]),
        eps=_CLIP_EPS if clip else 1e-6,
        quick_gelu=clip and facts.quick_gelu,
        layer_scale="visual.blocks.0.ls1.gamma" in tensors,
    )
    image_px = isqrt(tensors["visual.pos_embed"].shape[1] - 1) * patch_px
    return VisionTransformer(shape, image_px=image_px, patch_px=patch_px, clip=clip), image_px


def _text(tensors: Mapping[str, Tensor], facts: BuildFacts, *, with_class_token: bool) -> TextTower:
    vocabulary, width = tensors["text.token_embed"].shape
    shape = Shape(
        width,
        depth(dict(tensors), "text"),
        facts.heads.get("text", width // HEAD_WIDTH),
        len(tensors["text.blocks.0.mlp.fc1.bias"]),
        eps=_CLIP_EPS,
        quick_gelu=not with_class_token and facts.quick_gelu,
    )
    positions = len(tensors["text.pos_embed"])
    return TextTower(shape, vocabulary=vocabulary, positions=positions, with_class_token=with_class_token)
