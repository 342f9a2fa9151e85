"""Attention pools in every layout that files come in, against loops over the patches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.messages import pattern
from tests.relevance.bags import bag, shaken
from viewer.relevance.models.heads import strings
from viewer.relevance.models.heads.gated_attention import GatedAttentionHead, GatedShape
from viewer.relevance.models.heads.gated_layouts import gated_head
from viewer.relevance.models.heads.slide_head import BagError, BagReading
from viewer.relevance.models.heads.state_dict import NotThisHead, plain_names

if TYPE_CHECKING:
    from collections.abc import Callable

WIDE, HIDDEN, ATTENTION, CLASSES = 20, 12, 6, 3
Weights = dict[str, Tensor]


def layer(name: str, wide: int, out: int) -> Weights:
    generator = torch.Generator().manual_seed(sum(name.encode()))
    return {
        f"{name}.weight": torch.randn(out, wide, generator=generator) * 0.4,
        f"{name}.bias": torch.randn(out, generator=generator) * 0.4,
    }


def pool(v: str, u: str, w: str, *, width: int = HIDDEN, pools: int = 1) -> Weights:
    return layer(v, width, ATTENTION) | layer(u, width, ATTENTION) | layer(w, ATTENTION, pools)


def clam(index: int, *, branches: bool) -> Weights:
    stem = f"attention_net.{index}.attention_"
    weights = layer("attention_net.0", WIDE, HIDDEN)
    weights |= pool(stem + "a.0", stem + "b.0", stem + "c", pools=CLASSES if branches else 1)
    if branches:
        for number in range(CLASSES):
            weights |= layer(f"classifiers.{number}", HIDDEN, 1)
    else:
        weights |= layer("classifiers", HIDDEN, CLASSES)
    return weights | layer("instance_classifiers.0", HIDDEN, 2) | layer("instance_loss_fn.x", 2, 2)


def linear(weights: Weights, name: str, x: Tensor) -> Tensor:
    return torch.stack([row @ x for row in weights[f"{name}.weight"]]) + weights[f"{name}.bias"]


def gate(weights: Weights, names: tuple[str, str | None, str], h: Tensor) -> Tensor:
    v, u, w = names
    inner = linear(weights, v, h).tanh()
    return linear(weights, w, inner * linear(weights, u, h).sigmoid() if u else inner)


def softmax_over(values: list[float]) -> list[float]:
    powers = [math.exp(value) for value in values]
    return [power / sum(powers) for power in powers]


def reference(
    weights: Weights,
    names: tuple[str, str | None, str],
    features: Tensor,
    *,
    embed: list[str],
    classify: Callable[[list[Tensor]], Tensor],
) -> tuple[Tensor, Tensor, Tensor]:
    """Attention (pools, n), logits (classes,) and single probabilities (classes, n), patch by patch."""
    hidden = []
    for patch in features:
        h = patch
        for name in embed:
            h = linear(weights, name, h).relu()
        hidden.append(h)
    logits = [gate(weights, names, h) for h in hidden]
    pools = range(len(logits[0]))
    attention = [softmax_over([float(row[p]) for row in logits]) for p in pools]
    slide = [sum((a * h for a, h in zip(attention[p], hidden, strict=True)), 0 * hidden[0]) for p in pools]
    single = [chances(classify([h for _ in pools])) for h in hidden]
    return torch.tensor(attention), classify(slide), torch.stack(single, 1)


def chances(logits: Tensor) -> Tensor:
    return functional.softmax(logits, 0) if len(logits) > 1 else torch.sigmoid(logits)


def loaded(weights: Weights) -> GatedAttentionHead:
    head = gated_head(plain_names(weights))
    assert head is not None
    return head


def assert_reads(
    weights: Weights,
    expected: tuple[Tensor, Tensor, Tensor],
    features: Tensor,
    cells: Tensor,
    layout: str,
) -> BagReading:
    """The head in ``weights`` reads what the loops say, and its contributions add up to its logits."""
    head = loaded(weights)
    reading = head.read(features, cells)
    attention, logits, single = expected
    assert head.layout == layout
    assert head.feature_width == features.shape[1]
    assert torch.allclose(reading.attention, attention, atol=1e-6)
    assert torch.allclose(reading.attention.sum(1), torch.ones(len(attention)), atol=1e-5)
    assert torch.allclose(head(features, cells), logits, atol=1e-5)
    assert reading.probabilities is not None
    assert torch.allclose(reading.probabilities, chances(logits), atol=1e-5)
    assert reading.single is not None
    assert torch.allclose(reading.single, single, atol=1e-5)
    if reading.contributions is not None:
        assert head.classifier is not None
        total = reading.contributions.sum(1) + head.classifier.bias
        assert torch.allclose(total, logits, atol=1e-5)
    return reading


FEATURES, CELLS = bag(17, WIDE)


@pytest.mark.parametrize("index", [2, 3])
@pytest.mark.parametrize("infix", ["", ".module"])
def test_clam_with_one_pool(index: int, infix: str) -> None:
    weights = clam(index, branches=False)
    stem = f"attention_net.{index}.attention_"
    names = (stem + "a.0", stem + "b.0", stem + "c")
    expected = reference(
        weights,
        names,
        FEATURES,
        embed=["attention_net.0"],
        classify=lambda slide: linear(weights, "classifiers", slide[0]),
    )
    stored = {name.replace("attention_net", f"attention_net{infix}"): t for name, t in weights.items()}
    reading = assert_reads(stored, expected, FEATURES, CELLS, "CLAM, one pool")
    assert len(reading.attention) == 1
    assert reading.contributions is not None


@pytest.mark.parametrize("index", [2, 3])
def test_clam_with_one_pool_a_class(index: int) -> None:
    weights = clam(index, branches=True)
    stem = f"attention_net.{index}.attention_"
    names = (stem + "a.0", stem + "b.0", stem + "c")
    expected = reference(
        weights,
        names,
        FEATURES,
        embed=["attention_net.0"],
        classify=lambda slide: torch.cat(
            [linear(weights, f"classifiers.{c}", slide[c]) for c in range(CLASSES)]
        ),
    )
    reading = assert_reads(weights, expected, FEATURES, CELLS, strings.CLAM_POOL_PER_CLASS)
    assert len(reading.attention) == CLASSES
    assert reading.contributions is not None


@pytest.mark.parametrize("last", [2, 3])
def test_clam_without_gate(last: int) -> None:
    weights = layer("attention_net.0", WIDE, HIDDEN) | layer("classifiers", HIDDEN, CLASSES)
    weights |= layer("attention_net.3.module.0", HIDDEN, ATTENTION)
    weights |= layer(f"attention_net.3.module.{last}", ATTENTION, 1)
    expected = reference(
        weights,
        ("attention_net.3.module.0", None, f"attention_net.3.module.{last}"),
        FEATURES,
        embed=["attention_net.0"],
        classify=lambda slide: linear(weights, "classifiers", slide[0]),
    )
    assert_reads(weights, expected, FEATURES, CELLS, "CLAM, one pool")


@pytest.mark.parametrize("w", ["attention_w", "attention_weights"])
@pytest.mark.parametrize("branches", [1, 2])
def test_abmil_gated_with_branches(w: str, branches: int) -> None:
    """Since 2023 and before; its classifier reads the branches side by side."""
    weights = pool("attention_V.0", "attention_U.0", w, width=WIDE, pools=branches)
    weights |= layer("classifier.0", WIDE * branches, 1)
    expected = reference(
        weights,
        ("attention_V.0", "attention_U.0", w),
        FEATURES,
        embed=[],
        classify=lambda slide: linear(weights, "classifier.0", torch.cat(slide)),
    )
    reading = assert_reads(weights, expected, FEATURES, CELLS, "gated attention")
    assert len(reading.attention) == branches


def test_abmil_without_gate() -> None:
    weights = layer("attention.0", WIDE, ATTENTION) | layer("attention.2", ATTENTION, 1)
    weights |= layer("classifier.0", WIDE, 1)
    expected = reference(
        weights,
        ("attention.0", None, "attention.2"),
        FEATURES,
        embed=[],
        classify=lambda slide: linear(weights, "classifier.0", slide[0]),
    )
    assert_reads(weights, expected, FEATURES, CELLS, "plain attention")


@pytest.mark.parametrize("prefix", ["", "model."])
def test_mil_lab(prefix: str) -> None:
    names = tuple(f"global_attn.attention_{part}" for part in ("a.0", "b.0", "c"))
    weights = layer("patch_embed.0", WIDE, 14) | layer("patch_embed.10", 14, HIDDEN)
    weights |= pool(*names) | layer("classifier", HIDDEN, CLASSES)
    expected = reference(
        weights,
        names,
        FEATURES,
        embed=["patch_embed.0", "patch_embed.10"],
        classify=lambda slide: linear(weights, "classifier", slide[0]),
    )
    stored = {prefix + name: tensor for name, tensor in weights.items()}
    assert_reads(stored, expected, FEATURES, CELLS, "MIL-Lab ABMIL")


def test_an_encoder_of_slides_has_attention_and_no_classes() -> None:
    names = tuple(f"global_attn.attention_{part}" for part in ("a.0", "b.0", "c"))
    weights = layer("patch_embed.0", WIDE, HIDDEN) | pool(*names)
    head = loaded(weights)
    reading = head.read(FEATURES, CELLS)
    assert (reading.probabilities, reading.contributions, reading.single) == (None, None, None)
    assert head.classes == 0
    assert head(FEATURES, CELLS).shape == (HIDDEN,)
    assert torch.allclose(reading.attention.sum(1), torch.ones(1))


def test_slideflow_s_batch_norm_becomes_part_of_the_classifier() -> None:
    weights = layer("encoder.0", WIDE, HIDDEN) | layer("head.3", HIDDEN, CLASSES)
    weights |= layer("attention.0", HIDDEN, ATTENTION) | layer("attention.2", ATTENTION, 1)
    norm = shaken(nn.BatchNorm1d(HIDDEN))
    assert isinstance(norm, nn.BatchNorm1d)
    norm.running_mean, norm.running_var = torch.linspace(-1, 1, HIDDEN), torch.linspace(0.5, 2, HIDDEN)
    weights |= {f"head.1.{name}": tensor for name, tensor in norm.state_dict().items()}
    with torch.no_grad():
        expected = reference(
            weights,
            ("attention.0", None, "attention.2"),
            FEATURES,
            embed=["encoder.0"],
            classify=lambda slide: linear(weights, "head.3", norm(slide[0][None])[0]),
        )
        assert_reads(weights, expected, FEATURES, CELLS, strings.SLIDEFLOW)


@pytest.mark.parametrize("own_regions", [False, True])
@torch.no_grad()
def test_hipt_slide_stage(own_regions: bool) -> None:
    names = tuple(f"global_attn_pool.attention_{part}" for part in ("a.0", "b.0", "c"))
    weights = layer("global_phi.0", WIDE, HIDDEN) | pool(*names)
    weights |= layer("global_rho.0", HIDDEN, HIDDEN) | layer("classifier", HIDDEN, CLASSES)
    mixer = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(HIDDEN, 3, HIDDEN), 2, enable_nested_tensor=False
    )
    shaken(mixer)
    weights |= {f"global_transformer.{name}": tensor for name, tensor in mixer.state_dict().items()}
    if own_regions:
        weights |= layer("local_vit.module.phi.0", 9, 9)

    def mixed(features: Tensor) -> Tensor:
        hidden = torch.stack([linear(weights, "global_phi.0", patch).relu() for patch in features])
        return mixer(hidden[:, None])[:, 0]

    def classify(slide: list[Tensor]) -> Tensor:
        return linear(weights, "classifier", linear(weights, "global_rho.0", slide[0]).relu())

    attention, logits, _ = reference(weights, names, mixed(FEATURES), embed=[], classify=classify)
    single = torch.stack([chances(classify([mixed(patch[None])[0]])) for patch in FEATURES], 1)
    layout = strings.HIPT_SLIDES_OWN_REGIONS if own_regions else strings.HIPT_SLIDES
    reading = assert_reads(weights, (attention, logits, single), FEATURES, CELLS, layout)
    assert reading.contributions is None  # a ReLU stands between the pool and the classes


@pytest.mark.parametrize("read_width", [WIDE, HIDDEN])
def test_chief_shaped(read_width: int) -> None:
    """The patch scores need no organ; the slide's probabilities would, so there are none."""
    weights = clam(3, branches=False) | layer("classifiers", read_width, 2)
    weights |= layer("att_head.fc1", HIDDEN, 4) | layer("att_head.fc2", 4, 1)
    weights |= layer("text_to_vision.0", WIDE, read_width) | {"organ_embedding": torch.zeros(19, WIDE)}
    head = loaded(weights)
    assert head.layout == "CHIEF-shaped"
    reading = head.read(FEATURES, CELLS)
    assert reading.probabilities is None
    assert reading.single is not None
    names = tuple(f"attention_net.3.attention_{part}" for part in ("a.0", "b.0", "c"))
    for number, patch in enumerate(FEATURES):
        h = linear(weights, "attention_net.0", patch).relu()
        chance = linear(weights, "classifiers", patch if read_width == WIDE else h).softmax(0)
        assert torch.allclose(
            reading.single[:, number], gate(weights, names, h).sigmoid() * chance, atol=1e-6
        )


def test_what_is_no_pool_is_not_taken_for_one() -> None:
    assert gated_head(layer("attention_net.0", WIDE, HIDDEN)) is None
    assert gated_head(layer("attention.0", WIDE, ATTENTION) | layer("attention.2", 7, 1)) is None


def without(weights: Weights, name: str) -> Weights:
    return {key: tensor for key, tensor in weights.items() if key != name}


TWO_POOLS = pool("local.attention_a.0", "local.attention_b.0", "local.attention_c") | pool(
    "global.attention_a.0", "global.attention_b.0", "global.attention_c"
)
CLAM = clam(3, branches=False)
SLIDEFLOW = layer("attention.0", HIDDEN, ATTENTION) | layer("attention.2", ATTENTION, 1)
SLIDEFLOW |= layer("head.3", HIDDEN, 2)
MIXER_GAP = {"global_transformer.layers.7.linear1.weight": torch.zeros(HIDDEN, HIDDEN)}


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (TWO_POOLS, pattern(strings.SEVERAL_POOLS, count=2, names="global.attention, local.attention")),
        (CLAM | {"norm.gamma": torch.ones(3)}, pattern(strings.UNKNOWN_PARTS, names="norm.gamma")),
        (
            CLAM | {f"x{n}.g": torch.ones(3) for n in range(5)},
            pattern(strings.AND_MORE, names="x0.g, x1.g, x2.g", count=2),
        ),
        (
            CLAM | {"part1.0.weight": torch.ones(3, 1, 5, 5)},
            pattern(strings.READS_IMAGES, names="part1.0.weight"),
        ),
        (without(CLAM, "attention_net.0.bias"), pattern(strings.MISSING, name="attention_net.0.bias")),
        (without(CLAM, "classifiers.bias"), pattern(strings.MISSING, name="classifiers.bias")),
        (CLAM | layer("classifiers", HIDDEN + 1, 2), pattern(strings.LAYERS_DO_NOT_FIT)),
        (CLAM | layer("classifier.1", HIDDEN + 1, 2), pattern(strings.SEVERAL_CLASSIFIERS)),
        (CLAM | layer("classifier.1", HIDDEN, 1), pattern(strings.SEVERAL_CLASSIFIERS)),
        (
            SLIDEFLOW | {"head.1.running_mean": torch.zeros(HIDDEN)},
            pattern(strings.WRONG_NORM, name="head.1."),
        ),
        (
            SLIDEFLOW | {"encoder.2.running_mean": torch.zeros(HIDDEN)},
            pattern(strings.UNKNOWN_PARTS, names="encoder.2.running_mean"),
        ),
        (CLAM | MIXER_GAP, strings.LAYERS_MISSING),
        (CLAM | {"mixer.layers.0.linear1.weight": torch.zeros(HIDDEN)}, strings.LAYERS_MISSING),
    ],
)
def test_a_pool_that_cannot_be_computed_is_refused(weights: Weights, words: str) -> None:
    with pytest.raises(NotThisHead, match=words):
        gated_head(weights)


def test_bags_that_do_not_fit_are_refused() -> None:
    head = loaded(CLAM)
    broken = FEATURES.clone()
    broken[3, 1] = torch.nan
    for features, cells, words in (
        (torch.zeros(4, 7), CELLS[:4], pattern(strings.FEATURE_WIDTH, expected=20, found=7)),
        (FEATURES, CELLS[:4], pattern(strings.CELL_COUNT, count=17)),
        (FEATURES, CELLS.float(), pattern(strings.CELL_COUNT, count=17)),
        (FEATURES[:0], CELLS[:0], strings.NO_PATCHES),
        (FEATURES[0], CELLS, pattern(strings.NOT_A_TABLE)),
        (FEATURES.long(), CELLS, pattern(strings.NOT_A_TABLE)),
        (broken, CELLS, pattern(strings.INVALID_VALUES, invalid=1, count=17)),
    ):
        with pytest.raises(BagError, match=words):
            head.read(features, cells)


def test_a_new_head_learns() -> None:
    torch.manual_seed(0)
    head = GatedAttentionHead(GatedShape(8, 2, (16,), 8, dropout=0.1))
    bags = []
    for number in range(10):
        features, cells = bag(30, 8, seed=number)
        features[:3, 0] += 6.0 * (number % 2)
        bags.append((features, cells, torch.tensor(number % 2)))
    optimiser = torch.optim.AdamW(head.parameters(), lr=1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        loss = torch.stack([functional.cross_entropy(head(f, c), label) for f, c, label in bags]).mean()
        loss.backward()
        optimiser.step()
    reading = head.eval().read(bags[1][0], bags[1][1])
    assert loss < 0.1
    assert reading.attention[0, :3].sum() > 0.5


def test_a_pool_a_class_needs_as_many_pools() -> None:
    with pytest.raises(ValueError, match="2 pools for 3 classes"):
        GatedAttentionHead(GatedShape(8, 3, pools=2, pool_per_class=True))
