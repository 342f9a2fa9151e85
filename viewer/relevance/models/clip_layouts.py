"""The key layouts that CLIP-family weights come in, renamed to ours: OpenAI / open_clip, transformers, KEEP,
CONCH.

Ours: ``visual.*`` is a ``vit.VisionTransformer``, ``text.*`` a text tower of ``clip``, the rest as
``clip.ClipModel`` names it. Tensors that a model does not need are dropped; missing or misshapen ones are
found when the weights are loaded into the model.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

_BLOCK = re.compile(
    r"^(?P<tower>.*?)(?:transformer\.resblocks|encoder\.layers)\.(?P<index>\d+)\.(?P<rest>.+)$"
)
_IN_BLOCK = {
    "ln_1": "norm1",
    "layer_norm1": "norm1",
    "ln_2": "norm2",
    "layer_norm2": "norm2",
    "attn.in_proj_": "attn.qkv.",
    "attn.out_proj": "attn.proj",
    "self_attn.out_proj": "attn.proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_OUTSIDE_BLOCKS = {
    "visual.conv1.weight": "visual.patch_embed.proj.weight",
    "visual.class_embedding": "visual.cls_token",
    "visual.positional_embedding": "visual.pos_embed",
    "visual.ln_pre": "visual.norm_pre",
    "visual.ln_post": "visual.norm",
    "visual.proj": "visual_projection",
    "vision_model.embeddings.class_embedding": "visual.cls_token",
    "vision_model.embeddings.patch_embedding.weight": "visual.patch_embed.proj.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.pos_embed",
    "vision_model.pre_layrnorm": "visual.norm_pre",
    "vision_model.post_layernorm": "visual.norm",
    "token_embedding.weight": "text.token_embed",
    "positional_embedding": "text.pos_embed",
    "ln_final": "text.norm",
    "text_model.embeddings.token_embedding.weight": "text.token_embed",
    "text_model.embeddings.position_embedding.weight": "text.pos_embed",
    "text_model.final_layer_norm": "text.norm",
}
_TOWERS = {"visual.": "visual", "vision_model.": "visual", "": "text", "text_model.": "text", "text.": "text"}
_LEFT_OUT = ("attn_mask", "position_ids", "input_resolution", "context_length", "vocab_size", "logit_bias")


def clip_layout(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A CLIP checkpoint in either key layout, in ours. Unknown names stay, so that loading can name them."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in _with_joined_projections(tensors).items():
        if name.split(".")[-1] in _LEFT_OUT:
            continue
        new = _renamed(name)
        if new == "visual.cls_token":
            renamed[new] = tensor.reshape(1, 1, -1)
        elif new == "visual.pos_embed":
            renamed[new] = tensor.reshape(1, *tensor.shape[-2:])
        elif new in ("visual_projection.weight", "text_projection.weight"):  # linear layers in transformers
            renamed[new.removesuffix(".weight")] = tensor.mT.contiguous()
        else:
            renamed[new] = tensor
    return renamed


def conch_layout(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A CONCH v1 checkpoint in our names, without its caption decoder."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.startswith(("text_decoder.", "visual.attn_pool_caption.", "visual.ln_caption.")):
            continue
        if name.split(".")[-1] in _LEFT_OUT:
            continue
        if name.startswith("visual.trunk."):
            new = "visual." + name.removeprefix("visual.trunk.")
        elif name == "visual.proj_contrast":
            new = "visual_projection"
        elif name.startswith("visual.attn_pool_contrast."):
            new = "pool." + name.removeprefix("visual.attn_pool_contrast.")
        elif name.startswith("visual.ln_contrast."):
            new = "pool.norm." + name.removeprefix("visual.ln_contrast.")
        elif name == "text.text_projection":
            new = "text_projection"
        elif name == "text.cls_emb":
            new = "text.cls_token"
        elif name.startswith("text."):
            new = _renamed(name.removeprefix("text."))
        else:
            new = name
        renamed[new] = tensor
    return renamed


def depth(tensors: dict[str, Tensor], tower: str) -> int:
    """How many blocks a tower has by its names; 0 where it has none."""
    found = [re.match(rf"{re.escape(tower)}\.blocks\.(\d+)\.", name) for name in tensors]
    return len({match.group(1) for match in found if match})


def _renamed(name: str) -> str:
    block = _BLOCK.match(name)
    if block and block["tower"] in _TOWERS:
        rest = block["rest"]
        for theirs, ours in _IN_BLOCK.items():
            if rest.startswith(theirs):
                rest = ours + rest.removeprefix(theirs)
                break
        return f"{_TOWERS[block['tower']]}.blocks.{block['index']}.{rest}"
    for theirs, ours in _OUTSIDE_BLOCKS.items():
        if name == theirs or name.startswith(theirs + "."):
            return ours + name.removeprefix(theirs)
    return name


def _with_joined_projections(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """transformers keeps queries, keys and values apart; we keep them in one matrix, in this order."""
    joined: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        parts = re.match(r"^(.*self_attn\.)([qkv])_proj\.(weight|bias)$", name)
        if parts is None:
            joined[name] = tensor
        elif parts[2] == "q":
            three = [tensors.get(f"{parts[1]}{letter}_proj.{parts[3]}") for letter in "qkv"]
            if all(part is not None for part in three):
                joined[f"{parts[1].replace('self_attn.', 'attn.')}qkv.{parts[3]}"] = torch.cat(
                    [part for part in three if part is not None]
                )
    return joined
