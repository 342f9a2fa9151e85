"""What a file of weights is, in words, by its tensors' names and shapes, to say what was given instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

_BLOCK = re.compile(r"^(?:model\.)?blocks\.(\d{1,4})\.")
_SIGNS = (
    (
        r"^(?:visual\.(?:trunk|transformer|conv1|blocks)\b|vision_model\.)",
        "a vision–language model (CLIP, CONCH or KEEP), which encodes patches and words",
    ),
    (r"^(?:bert\.)?embeddings\.word_embeddings\.", "a language model (BERT), which encodes words"),
    (r"^encoder\.layers\.\d+\.self_attn\.inner_attn_ln\.", "GigaPath's slide encoder (LongNet)"),
    (r"^(?:conv1\.weight$|layer1\.0\.conv1\.)", "a convolutional network (ResNet), which encodes patches"),
    (r"^features\.0\.\d+\.", "a convolutional network, which encodes patches"),
)


def what_it_is(tensors: Mapping[str, Tensor]) -> str | None:
    """The kind of model that ``tensors`` belong to, if it is one of patches, regions or words; else None."""
    blocks = [int(match[1]) for match in map(_BLOCK.match, tensors) if match]
    width = next((t.shape[-1] for n, t in tensors.items() if n.endswith("cls_token") and t.ndim), None)
    if blocks and width is not None:
        size = f"of width {width} with {max(blocks) + 1} blocks"
        if any(name.removeprefix("model.") == "phi.0.weight" for name in tensors):
            return f"a region encoder (HIPT's ViT-4K) {size}"
        return f"a vision transformer {size}, which encodes patches"
    return next((words for sign, words in _SIGNS if any(re.match(sign, name) for name in tensors)), None)
