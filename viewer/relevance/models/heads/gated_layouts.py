"""Which attention-pooling head a file of weights holds, found by its keys and shapes alone.

Known: CLAM (one pool or one a class, with and without dropout, plain or gated), ABMIL (before and since
2023), MIL-Lab and FEATHER, HIPT's slide stage, CHIEF-shaped, slideflow, and most private forks: an
attention pool is a pair of linear layers a and b of the same shape that feed a third, c. Every other tensor
must have a known role too: a file with weights of unknown use is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from viewer.relevance.models.heads import strings
from viewer.relevance.models.heads.gated_attention import GatedAttentionHead, GatedShape, MixerShape
from viewer.relevance.models.heads.state_dict import NotThisHead, filled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

_WEIGHT = ".weight"
_PAIRS = (
    ("attention_V.0", "attention_U.0", ("attention_w", "attention_weights")),
    ("attention_v", "attention_u", ("attention_w",)),
    ("a.0", "b.0", ("c",)),
)
"""Ends of the names of the tanh layer, the gate, and the layer that they feed. The second is our own."""
_OWN = "attention_v"
_PLAIN = re.compile(r"^(?P<stem>(?:.*\.)?\w*att\w*(?:\.\d+)?)\.0$")
_CLASSIFIER = re.compile(r"^(?:.*\.)?(?:classifiers?|head|bag_classifier|_?fc2|fc_out)(?:\.\d+)*$")
_AFTER = re.compile(r"^(?:(?:\w*_)?rho|after)\.\d+$")
_MIXER = re.compile(r"^(?:(?:\w*_)?transformer|mixer)\.layers\.(?P<layer>\d{1,3})\.(?P<part>.+)$")
_TRAINING_ONLY = re.compile(r"^(?:instance_classifiers|instance_loss_fn)\.|(?:^|\.)num_batches_tracked$")
_OTHER_STAGES = re.compile(r"^local_vit\.")
_ORGAN = re.compile(r"^(?:organ_embedding$|text_to_vision\.|att_head\.)")
_NORM_EPS = 1e-5


@dataclass(slots=True)
class _Pool:
    stem: str
    v: str
    u: str | None
    w: str


def gated_head(tensors: dict[str, Tensor]) -> GatedAttentionHead | None:
    """The head in a file's tensors (``plain_names``), loaded; None where they hold no attention pool.

    Raises NotThisHead where its other parts are unknown, missing or do not fit each other.
    """
    pools = _find_pools(tensors)
    if not pools:
        return None
    if len(pools) > 1:
        names = ", ".join(pool.stem.rstrip("._") for pool in pools)
        raise NotThisHead(strings.SEVERAL_POOLS.format(count=len(pools), names=names))
    return _assembled(tensors, pools[0])


def _linears(given: dict[str, Tensor]) -> set[str]:
    return {
        name.removesuffix(_WEIGHT)
        for name, tensor in given.items()
        if name.endswith(_WEIGHT) and tensor.ndim == 2
    }


def _find_pools(given: dict[str, Tensor]) -> list[_Pool]:
    linears = _linears(given)
    shape = {name: tuple(given[name + _WEIGHT].shape) for name in linears}
    pools = []
    for v_end, u_end, w_ends in _PAIRS:
        for v in sorted(name for name in linears if name.endswith(v_end)):
            stem = v.removesuffix(v_end)
            u = stem + u_end
            w = next((stem + end for end in w_ends if stem + end in linears), None)
            if u in linears and w is not None and shape[v] == shape[u] and shape[w][1] == shape[v][0]:
                pools.append(_Pool(stem, v, u, w))
    if pools:
        return pools
    for v in sorted(linears):
        plain = _PLAIN.match(v)
        if v == _OWN:
            stem, ends = v, ["attention_w"]
        elif plain is not None:
            stem = plain["stem"]
            ends = [stem + ".2", stem + ".3"]  # without dropout between, and with it
        else:
            continue
        w = next((end for end in ends if end in linears and shape[end][1] == shape[v][0]), None)
        if w is not None:
            pools.append(_Pool(stem, v, None, w))
    return pools


def _assembled(given: dict[str, Tensor], pool: _Pool) -> GatedAttentionHead:
    ours: dict[str, Tensor] = {}
    left = {name for name in given if not _TRAINING_ONLY.search(name) and not _OTHER_STAGES.match(name)}
    organ = {name for name in left if _ORGAN.match(name)}
    left -= organ

    def take(theirs: str, mine: str) -> None:
        for kind in ("weight", "bias"):
            if f"{theirs}.{kind}" not in left:
                raise NotThisHead(strings.MISSING.format(name=f"{theirs}.{kind}"))
            left.remove(f"{theirs}.{kind}")
            ours[f"{mine}.{kind}"] = given[f"{theirs}.{kind}"]

    take(pool.v, "attention_v")
    if pool.u is not None:
        take(pool.u, "attention_u")
    take(pool.w, "attention_w")
    attention_width, width = ours["attention_v.weight"].shape
    pools = ours["attention_w.weight"].shape[0]

    mixer = _mixer(given, left, ours)
    linears = _linears({name: given[name] for name in left})
    after = _in_order(name for name in linears if _AFTER.match(name))
    classifiers = _in_order(name for name in linears if _CLASSIFIER.match(name))
    embedding = _in_order(linears - set(after) - set(classifiers))
    for number, name in enumerate(embedding):
        take(name, f"embedding.{3 * number}")
    for number, name in enumerate(after):
        take(name, f"after.{3 * number}")
    _join_classifiers(given, left, ours, classifiers)
    if any(given[name].ndim > 2 for name in left):
        raise NotThisHead(strings.READS_IMAGES.format(names=_some(left)))
    if left:
        raise NotThisHead(strings.UNKNOWN_PARTS.format(names=_some(left)))
    feature_width = ours["embedding.0.weight"].shape[1] if embedding else width
    classes = ours["classifier.weight"].shape[0] if classifiers else 0
    read_width = ours["after.0.weight" if after else "classifier.weight"].shape[1] if classifiers else 0
    own_rows = read_width == width if pool.v == _OWN else len(classifiers) == classes
    pool_per_class = pools > 1 and pools == classes and own_rows
    joined = 1 if pool_per_class else pools
    pool_features = bool(organ) and classes > 0 and read_width == feature_width * joined
    shape = GatedShape(
        feature_width,
        classes,
        tuple(ours[f"embedding.{3 * number}.weight"].shape[0] for number in range(len(embedding))),
        attention_width,
        pool.u is not None,
        pools,
        pool_per_class,
        pool_features,
        mixer,
        tuple(ours[f"after.{3 * number}.weight"].shape[0] for number in range(len(after))),
    )
    layout = _layout(given, pool, shape)
    return filled(lambda: GatedAttentionHead(shape, layout=layout, patch_gate=bool(organ)), ours)


def _mixer(given: dict[str, Tensor], left: set[str], ours: dict[str, Tensor]) -> MixerShape | None:
    layers: set[int] = set()
    mlp_width = 0
    for name in sorted(left):
        layer = _MIXER.match(name)
        if layer is None:
            continue
        left.remove(name)
        ours[f"mixer.layers.{layer['layer']}.{layer['part']}"] = given[name]
        if layer["part"] == "linear1.weight" and given[name].ndim == 2:
            mlp_width = given[name].shape[0]
        layers.add(int(layer["layer"]))
    if layers != set(range(len(layers))) or (layers and not mlp_width):
        raise NotThisHead(strings.LAYERS_MISSING)
    return MixerShape(len(layers), mlp_width) if layers else None


def _join_classifiers(
    given: dict[str, Tensor], left: set[str], ours: dict[str, Tensor], classifiers: list[str]
) -> None:
    """One matrix out of one layer, or out of one row a class; a batch norm before it becomes part of it."""
    if not classifiers:
        return
    weights = [given[name + _WEIGHT] for name in classifiers]
    shapes = {tuple(weight.shape) for weight in weights}
    if len(weights) > 1 and (len(shapes) > 1 or len(weights[0]) != 1):
        raise NotThisHead(strings.SEVERAL_CLASSIFIERS.format(names=", ".join(classifiers)))
    missing = [f"{name}.bias" for name in classifiers if f"{name}.bias" not in given]
    if missing:
        raise NotThisHead(strings.MISSING.format(name=missing[0]))
    weight = torch.cat(weights).float()
    bias = torch.cat([given[f"{name}.bias"].flatten() for name in classifiers]).float()
    left.difference_update(f"{name}.{kind}" for name in classifiers for kind in ("weight", "bias"))
    beside = classifiers[0].rpartition(".")[0] + "."
    norms = [name.removesuffix("running_mean") for name in left if name.endswith(".running_mean")]
    for norm in (name for name in norms if name.rpartition(".")[0].rpartition(".")[0] + "." == beside):
        parts = [norm + part for part in ("running_mean", "running_var", "weight", "bias")]
        if any(part not in left or given[part].shape != weight.shape[1:] for part in parts):
            raise NotThisHead(strings.WRONG_NORM.format(name=norm, classifier=classifiers[0]))
        mean, variance, scale, shift = (given[part].float() for part in parts)
        scale = scale * (variance + _NORM_EPS).rsqrt()
        bias = bias + weight @ (shift - mean * scale)
        weight = weight * scale
        left.difference_update(parts)
    ours["classifier.weight"], ours["classifier.bias"] = weight, bias


def _layout(given: dict[str, Tensor], pool: _Pool, shape: GatedShape) -> str:
    if any(_ORGAN.match(name) for name in given):
        return strings.CHIEF
    if pool.stem.startswith("attention_net"):
        return strings.CLAM_POOL_PER_CLASS if shape.pool_per_class else strings.CLAM_ONE_POOL
    if shape.mixer is not None:
        own_regions = any(_OTHER_STAGES.match(name) for name in given)
        return strings.HIPT_SLIDES_OWN_REGIONS if own_regions else strings.HIPT_SLIDES
    if any(name.startswith("patch_embed.") for name in given):
        return strings.MIL_LAB
    if any(name.startswith("head.1.") for name in given):
        return strings.SLIDEFLOW
    return strings.GATED if shape.gated else strings.PLAIN


def _in_order(names: Iterable[str]) -> list[str]:
    """As they follow each other in a model: patch_embed.3 before patch_embed.10."""
    return sorted(names, key=lambda name: [part.zfill(4) for part in name.split(".")])


def _some(names: set[str]) -> str:
    first = sorted(names)[:3]
    more = len(names) - len(first)
    text = ", ".join(first)
    return strings.AND_MORE.format(names=text, count=more) if more else text
