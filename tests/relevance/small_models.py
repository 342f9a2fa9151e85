"""Small random models in folders, in every layout that Foveola loads, made with transformers if it can."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel, CLIPConfig, CLIPModel

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ["fat", "glands", "of", "tissue", "lymphocytes", "a", "in", "section"]
START, END = "<|startoftext|>", "<|endoftext|>"


def clip_vocabulary() -> dict[str, int]:
    """Every byte, as a letter within a word and at its end, then the two marks."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(letter + "</w>" for letter in letters), "fa", "fat</w>", START, END]
    return {token: number for number, token in enumerate(tokens)}


def write_clip_tokenizer(folder: Path) -> None:
    folder.joinpath("vocab.json").write_text(json.dumps(clip_vocabulary()), encoding="utf-8")
    folder.joinpath("merges.txt").write_text("#version: 0.2\nf a\nfa t</w>\n", encoding="utf-8")


def clip_model(*, act: str = "quick_gelu") -> CLIPModel:
    """A CLIP of transformers, three blocks for images and two for words, with random weights everywhere."""
    torch.manual_seed(3)
    vocabulary = clip_vocabulary()
    config = CLIPConfig(
        vision_config={
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "image_size": 64,
            "patch_size": 16,
            "hidden_act": act,
        },
        text_config={
            "hidden_size": 36,
            "intermediate_size": 72,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "vocab_size": len(vocabulary),
            "max_position_embeddings": 24,
            "bos_token_id": vocabulary[START],
            "eos_token_id": vocabulary[END],
            "hidden_act": act,
        },
        projection_dim=32,
    )
    model = CLIPModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def write_clip(folder: Path, *, act: str = "quick_gelu") -> CLIPModel:
    """A folder as transformers lays it out: safetensors, config.json, tokenizer files."""
    folder.mkdir(parents=True, exist_ok=True)
    model = clip_model(act=act)
    save_file(model.state_dict(), folder / "model.safetensors")
    model.config.to_json_file(folder / "config.json")
    write_clip_tokenizer(folder)
    return model


def open_clip_names(model: CLIPModel) -> dict[str, Any]:
    """The same weights under the names that OpenAI and open_clip use."""
    given = model.state_dict()
    renamed: dict[str, Any] = {
        "visual.conv1.weight": given["vision_model.embeddings.patch_embedding.weight"],
        "visual.class_embedding": given["vision_model.embeddings.class_embedding"],
        "visual.positional_embedding": given["vision_model.embeddings.position_embedding.weight"],
        "visual.proj": given["visual_projection.weight"].T.contiguous(),
        "token_embedding.weight": given["text_model.embeddings.token_embedding.weight"],
        "positional_embedding": given["text_model.embeddings.position_embedding.weight"],
        "text_projection": given["text_projection.weight"].T.contiguous(),
        "logit_scale": given["logit_scale"],
    }
    for kind in ("weight", "bias"):
        renamed[f"visual.ln_pre.{kind}"] = given[f"vision_model.pre_layrnorm.{kind}"]
        renamed[f"visual.ln_post.{kind}"] = given[f"vision_model.post_layernorm.{kind}"]
        renamed[f"ln_final.{kind}"] = given[f"text_model.final_layer_norm.{kind}"]
        for ours, theirs, depth in (("visual.", "vision_model", 3), ("", "text_model", 2)):
            for index in range(depth):
                to, source = f"{ours}transformer.resblocks.{index}", f"{theirs}.encoder.layers.{index}"
                renamed[f"{to}.ln_1.{kind}"] = given[f"{source}.layer_norm1.{kind}"]
                renamed[f"{to}.ln_2.{kind}"] = given[f"{source}.layer_norm2.{kind}"]
                renamed[f"{to}.attn.out_proj.{kind}"] = given[f"{source}.self_attn.out_proj.{kind}"]
                renamed[f"{to}.mlp.c_fc.{kind}"] = given[f"{source}.mlp.fc1.{kind}"]
                renamed[f"{to}.mlp.c_proj.{kind}"] = given[f"{source}.mlp.fc2.{kind}"]
                renamed[f"{to}.attn.in_proj_{kind}"] = torch.cat(
                    [given[f"{source}.self_attn.{letter}_proj.{kind}"] for letter in "qkv"]
                )
    return renamed


def bert_model() -> BertModel:
    """A BERT of transformers with random weights."""
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=40,
        hidden_dropout_prob=0,
        attention_probs_dropout_prob=0,
    )
    return BertModel(config).eval()


def random_like(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Random tensors of these shapes."""
    torch.manual_seed(7)
    return {name: torch.randn(shape) * 0.1 for name, shape in shapes.items()}


def vit_shapes(prefix: str, *, width: int, depth: int, layer_scale: bool) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a ViT as timm names them, for images of 64 px in patches of 16."""
    shapes: dict[str, tuple[int, ...]] = {
        f"{prefix}cls_token": (1, 1, width),
        f"{prefix}pos_embed": (1, 17, width),
        f"{prefix}patch_embed.proj.weight": (width, 3, 16, 16),
        f"{prefix}patch_embed.proj.bias": (width,),
        f"{prefix}norm.weight": (width,),
        f"{prefix}norm.bias": (width,),
    }
    for index in range(depth):
        block = f"{prefix}blocks.{index}."
        for name, rows, columns in (
            ("attn.qkv", 3 * width, width),
            ("attn.proj", width, width),
            ("mlp.fc1", 2 * width, width),
            ("mlp.fc2", width, 2 * width),
        ):
            shapes[f"{block}{name}.weight"] = (rows, columns)
            shapes[f"{block}{name}.bias"] = (rows,)
        for norm in ("norm1", "norm2"):
            shapes[f"{block}{norm}.weight"] = shapes[f"{block}{norm}.bias"] = (width,)
        if layer_scale:
            shapes[f"{block}ls1.gamma"] = shapes[f"{block}ls2.gamma"] = (width,)
    return shapes
