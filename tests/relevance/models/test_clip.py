"""The native towers against transformers and plain torch, on small random models in every key layout."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from tests.messages import pattern
from tests.relevance import small_models as small
from viewer.common.errors import EncoderError
from viewer.relevance.models import strings
from viewer.relevance.models.bert import Bert
from viewer.relevance.models.clip import BuildFacts, build_model
from viewer.relevance.models.clip_layouts import depth

IDS = torch.tensor([[5, 9, 200, 513, 513, 513], [5, 9, 200, 17, 40, 513]])
EXACT = {"atol": 2e-6, "rtol": 1e-5}


def test_clip_equals_transformers_in_its_own_layout() -> None:
    theirs = small.clip_model()
    ours = build_model("clip", dict(theirs.state_dict()), BuildFacts.from_config(theirs.config.to_dict()))
    pixels = torch.randn(3, 3, 64, 64)
    ids = IDS.where(IDS != 513, small.clip_vocabulary()[small.END])
    with torch.no_grad():
        images = theirs.visual_projection(theirs.vision_model(pixels).pooler_output)
        texts = theirs.text_projection(theirs.text_model(ids).pooler_output)
        torch.testing.assert_close(ours.images(pixels), functional.normalize(images, dim=-1), **EXACT)
        present = torch.ones_like(ids, dtype=torch.bool)
        torch.testing.assert_close(ours.texts(ids, present), functional.normalize(texts, dim=-1), **EXACT)
    assert (ours.image_px, ours.positions) == (64, 24)
    assert ours.logit_scale.item() == pytest.approx(theirs.logit_scale.item())


@pytest.mark.parametrize("act", ["quick_gelu", "gelu"])
def test_both_key_layouts_are_the_same_model(act: str) -> None:
    theirs = small.clip_model(act=act)
    facts = BuildFacts(act == "quick_gelu", {"visual": 4, "text": 3})
    one = build_model("clip", dict(theirs.state_dict()), facts)
    other = build_model("clip", small.open_clip_names(theirs), facts)
    pixels = torch.randn(2, 3, 64, 64)
    present = torch.ones_like(IDS, dtype=torch.bool)
    assert torch.equal(one.images(pixels), other.images(pixels))
    assert torch.equal(one.texts(IDS, present), other.texts(IDS, present))


def test_the_activation_is_the_one_that_the_description_names() -> None:
    assert BuildFacts.from_config({}).quick_gelu
    assert not BuildFacts.from_config({"vision_config": {"hidden_act": "gelu"}}).quick_gelu
    assert not BuildFacts.from_config({"model_cfg": {"text_cfg": {"heads": 8}}}).quick_gelu
    facts = BuildFacts.from_config({"model_cfg": {"quick_gelu": True, "text_cfg": {"heads": 8}}})
    assert facts.quick_gelu
    assert facts.heads == {"text": 8}


def test_keep_is_a_vit_with_layer_scale_and_bert_with_its_pooler() -> None:
    bert = small.bert_model()
    tensors = small.random_like(small.vit_shapes("visual.", width=48, depth=2, layer_scale=True))
    tensors |= small.random_like(
        {
            "visual_head.0.weight": (24, 48),
            "visual_head.0.bias": (24,),
            "visual_head.2.weight": (32, 24),
            "visual_head.2.bias": (32,),
        }
    )
    tensors |= {f"text.{name}": value for name, value in bert.state_dict().items()}
    ours = build_model("keep", tensors, BuildFacts(heads={"visual": 4, "text": 4}))
    ids = torch.tensor([[2, 8, 9, 3, 0, 0], [2, 8, 9, 11, 12, 3]])
    with torch.no_grad():
        theirs = bert(input_ids=ids, attention_mask=(ids != 0).long()).pooler_output
        torch.testing.assert_close(ours.texts(ids, ids != 0), functional.normalize(theirs, dim=-1), **EXACT)
        images = ours.images(torch.randn(2, 3, 64, 64))
    assert images.shape == (2, 32)
    torch.testing.assert_close(images.norm(dim=-1), torch.ones(2))


def conch_tensors() -> dict[str, torch.Tensor]:
    """CONCH's names, small: caption parts included, which are not used."""
    shapes = small.vit_shapes("visual.trunk.", width=48, depth=2, layer_scale=False)
    for pooler in ("contrast", "caption"):
        shapes |= {
            f"visual.attn_pool_{pooler}.query": (1, 32),
            f"visual.attn_pool_{pooler}.attn.q_proj_weight": (32, 32),
            f"visual.attn_pool_{pooler}.attn.k_proj_weight": (32, 48),
            f"visual.attn_pool_{pooler}.attn.v_proj_weight": (32, 48),
            f"visual.attn_pool_{pooler}.attn.in_proj_bias": (96,),
            f"visual.attn_pool_{pooler}.attn.out_proj.weight": (32, 32),
            f"visual.attn_pool_{pooler}.attn.out_proj.bias": (32,),
            f"visual.attn_pool_{pooler}.ln_q.weight": (32,),
            f"visual.attn_pool_{pooler}.ln_q.bias": (32,),
            f"visual.attn_pool_{pooler}.ln_k.weight": (48,),
            f"visual.attn_pool_{pooler}.ln_k.bias": (48,),
            f"visual.ln_{pooler}.weight": (32,),
            f"visual.ln_{pooler}.bias": (32,),
        }
    shapes |= {
        "visual.proj_contrast": (32, 32),
        "text.text_projection": (24, 32),
        "text.cls_emb": (24,),
        "text.token_embedding.weight": (50, 24),
        "text.positional_embedding": (8, 24),
        "text.ln_final.weight": (24,),
        "text.ln_final.bias": (24,),
        "logit_scale": (),
    }
    for index in range(2):
        block = f"text.transformer.resblocks.{index}."
        shapes |= {
            f"{block}ln_1.weight": (24,),
            f"{block}ln_1.bias": (24,),
            f"{block}ln_2.weight": (24,),
            f"{block}ln_2.bias": (24,),
            f"{block}attn.in_proj_weight": (72, 24),
            f"{block}attn.in_proj_bias": (72,),
            f"{block}attn.out_proj.weight": (24, 24),
            f"{block}attn.out_proj.bias": (24,),
            f"{block}mlp.c_fc.weight": (48, 24),
            f"{block}mlp.c_fc.bias": (48,),
            f"{block}mlp.c_proj.weight": (24, 48),
            f"{block}mlp.c_proj.bias": (24,),
        }
    return small.random_like(shapes)


def plain_conch_text(tensors: dict[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
    """CoCa's text tower, one sequence at a time and with loops: what its published mask lets a token see."""
    rows = []
    for line in ids:
        hidden = torch.cat([tensors["text.token_embedding.weight"][line], tensors["text.cls_emb"][None]])
        hidden = hidden + tensors["text.positional_embedding"][: len(hidden)]
        count = len(hidden)
        allowed = torch.ones(count, count).tril().bool()
        for place in range(1, count):
            allowed[-1, place] &= bool(line[place - 1] != 0)
        for index in range(2):
            block = {
                name.removeprefix(f"text.transformer.resblocks.{index}."): value
                for name, value in tensors.items()
                if name.startswith(f"text.transformer.resblocks.{index}.")
            }
            normed = functional.layer_norm(hidden, (24,), block["ln_1.weight"], block["ln_1.bias"])
            q, k, v = functional.linear(
                normed, block["attn.in_proj_weight"], block["attn.in_proj_bias"]
            ).chunk(3, 1)
            heads = []
            for head in range(3):
                part = slice(head * 8, head * 8 + 8)
                logits = q[:, part] @ k[:, part].T / 8**0.5
                heads.append(logits.masked_fill(~allowed, float("-inf")).softmax(dim=1) @ v[:, part])
            mixed = functional.linear(
                torch.cat(heads, 1), block["attn.out_proj.weight"], block["attn.out_proj.bias"]
            )
            hidden = hidden + mixed
            normed = functional.layer_norm(hidden, (24,), block["ln_2.weight"], block["ln_2.bias"])
            inner = functional.gelu(
                functional.linear(normed, block["mlp.c_fc.weight"], block["mlp.c_fc.bias"])
            )
            hidden = hidden + functional.linear(inner, block["mlp.c_proj.weight"], block["mlp.c_proj.bias"])
        last = functional.layer_norm(
            hidden[-1], (24,), tensors["text.ln_final.weight"], tensors["text.ln_final.bias"]
        )
        rows.append(last @ tensors["text.text_projection"])
    return functional.normalize(torch.stack(rows), dim=-1)


def test_conch_reads_its_class_token_under_cocas_mask() -> None:
    tensors = conch_tensors()
    model = build_model("conch", tensors, BuildFacts(heads={"visual": 4, "text": 3, "pool": 4}))
    assert (model.image_px, model.positions) == (64, 8)
    ids = torch.tensor([[7, 3, 9, 4, 0, 0, 0], [7, 3, 9, 11, 12, 13, 4]])
    torch.testing.assert_close(model.texts(ids, ids != 0), plain_conch_text(tensors, ids), **EXACT)
    images = model.images(torch.randn(2, 3, 64, 64))
    assert images.shape == (2, 32)
    torch.testing.assert_close(images.norm(dim=-1), torch.ones(2))


def test_wrong_weights_are_named() -> None:
    theirs = small.clip_model()
    facts = BuildFacts.from_config(theirs.config.to_dict())
    tensors = dict(theirs.state_dict())
    without = {name: value for name, value in tensors.items() if "layers.1.mlp.fc2.bias" not in name}
    with pytest.raises(EncoderError, match=pattern(strings.MISSING, name="visual.blocks.1.mlp.fc2.bias")):
        build_model("clip", without, facts)
    with pytest.raises(EncoderError, match=pattern(strings.UNKNOWN, name="surprise")):
        build_model("clip", tensors | {"surprise": torch.zeros(1)}, facts)
    cut = tensors | {"text_model.final_layer_norm.weight": torch.zeros(4)}
    shape = pattern(strings.WRONG_SHAPE, name="text.norm.weight", found=(4,), expected=(36,))
    with pytest.raises(EncoderError, match=shape):
        build_model("clip", cut, facts)
    with pytest.raises(EncoderError, match=pattern(strings.WRONG_WEIGHTS, architecture="keep")):
        build_model("keep", tensors, facts)
    with pytest.raises(EncoderError, match=pattern(strings.WRONG_WEIGHTS, architecture="clip")):
        build_model("clip", {"weight": torch.zeros(2)}, facts)
    with pytest.raises(EncoderError, match="48 channels in 7 heads"):
        build_model("clip", tensors, BuildFacts(heads={"visual": 7}))
    far = tensors | {"vision_model.encoder.layers.999999999.mlp.fc2.bias": torch.zeros(48)}
    with pytest.raises(EncoderError, match=pattern(strings.WRONG_WEIGHTS, architecture="clip")):
        build_model("clip", far, facts)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("logit_scale", (5,)),
        ("visual_projection.weight", (2, 3, 4)),
        ("text_model.embeddings.position_embedding.weight", ()),
        ("vision_model.embeddings.position_embedding.weight", (2, 17, 48)),
        ("vision_model.encoder.layers.0.self_attn.q_proj.weight", (2, 3, 4)),
        ("vision_model.encoder.layers.0.mlp.fc1.bias", ()),
    ],
)
def test_tensors_of_other_shapes_than_any_models_are_refused(name: str, shape: tuple[int, ...]) -> None:
    theirs = small.clip_model()
    tensors = dict(theirs.state_dict())
    assert name in tensors
    with pytest.raises(EncoderError, match=pattern(strings.WRONG_WEIGHTS, architecture="clip")):
        build_model("clip", tensors | {name: torch.zeros(shape)}, BuildFacts())


def test_a_number_of_blocks_is_not_believed_from_one_name() -> None:
    names = ["encoder.layer.0.a", "encoder.layer.999999999.a", "visual.blocks.999999999.b"]
    tensors = dict.fromkeys(names, torch.zeros(1))
    assert depth(tensors, "visual") == 1
    shapes = {
        "embeddings.word_embeddings.weight": torch.zeros(4, 8),
        "embeddings.position_embeddings.weight": torch.zeros(4, 8),
        "embeddings.token_type_embeddings.weight": torch.zeros(2, 8),
        "encoder.layer.0.intermediate.dense.bias": torch.zeros(8),
    }
    assert len(Bert.shaped_like(tensors | shapes, heads=2).encoder["layer"]) == 2


@pytest.mark.parametrize(
    "config",
    [{"vision_config": "x"}, {"model_cfg": [1]}, {"model_cfg": {"text_cfg": 3}}, {"model_cfg": None}],
)
def test_a_description_of_something_else_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(EncoderError, match=strings.BAD_CONFIG):
        BuildFacts.from_config(config)
