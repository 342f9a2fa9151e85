"""Whether a network may be run in less than float32: where that is faster and the features stay the same.
Tested on a few patches when the network is loaded, as weights differ in their tolerance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

LEAST_COSINE = 0.9999
"""Between the features of a patch in both precisions; then features of both may share a store."""
_BFLOAT16_CPU = "avx512_bf16", "amx_bf16"
_TENSOR_CORES = (7, 0)
_GRAINS_PX = 4, 64
_PALE, _DARK = (243, 220, 234), (88, 52, 120)
"""Of the probe: fine and coarse tissue in the colours of H&E; networks tolerate the coarse less. Only two
patches, as the user waits for them."""


def fast_dtype(device: str) -> torch.dtype:
    """The fastest type for multiplications on "cpu" or "cuda"; float32 where no faster one is known."""
    if device == "cpu":
        # Older versions of torch have no such function: float32.
        capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
        return torch.bfloat16 if any(capabilities.get(one) for one in _BFLOAT16_CPU) else torch.float32
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float16 if torch.cuda.get_device_capability() >= _TENSOR_CORES else torch.float32


def dtype_name(dtype: torch.dtype) -> str:
    """ "float32"."""
    return str(dtype).removeprefix("torch.")


def probe_patches(side_px: int) -> NDArray[np.uint8]:
    """(2, side_px, side_px, 3): the same at every call."""
    rng = np.random.default_rng(1)
    pale, dark = np.array(_PALE), np.array(_DARK)
    patches = []
    for grain_px in _GRAINS_PX:
        share = (
            rng.random((side_px // grain_px, side_px // grain_px, 1)).repeat(grain_px, 0).repeat(grain_px, 1)
        )
        patches.append(np.rint(pale + (dark - pale) * share).astype(np.uint8))
    return np.stack(patches)


@torch.inference_mode()
def agreement(run: Callable[[torch.dtype], tuple[Tensor, ...]], dtype: torch.dtype) -> float:
    """The least cosine between any vector that ``run`` gives in float32 and in ``dtype``, along the last axes
    of its results; NaN where one is NaN."""
    pairs = zip(run(torch.float32), run(dtype), strict=True)
    return float(
        torch.stack(
            [functional.cosine_similarity(a.double(), b.double(), dim=-1).min() for a, b in pairs]
        ).min()
    )
