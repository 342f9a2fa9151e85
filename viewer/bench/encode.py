"""``foveola bench encode``: patches per second of an encoder from memory, beside a bare loop of its network.

The bare loop is the same vision transformer written out in torch's own functions, whole last block and all,
on the same patches, in turns with the encoder in one run: the lower bound of the encoder's time.
"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from viewer.bench import strings
from viewer.bench.encode_slide import bench_slide
from viewer.common.errors import EncoderError
from viewer.relevance.encoders.hipt_encoder import HiptEncoder
from viewer.relevance.encoders.measured.card import SALIENCY
from viewer.relevance.encoders.model_registry import read_registry
from viewer.relevance.encoders.registry import load_encoder
from viewer.relevance.heatmap.hipt_region import flops_per_region, reference_flops_per_region
from viewer.relevance.models.hipt import MPP_UM, PATCH_PX, Hipt, normalised
from viewer.relevance.models.precision import dtype_name
from viewer.relevance.models.vit import Shape, VisionTransformer, positions_for
from viewer.slide.formats.registry import open_slide
from viewer.slide.tissue.stains import find_stains

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from viewer.relevance.encoders.protocols import Encoder

HIPT_ID = "hipt"
_VIT_256 = Shape(width=384, depth=12, heads=6, mlp_width=1536)
_SEED = 1
_PATCHES = {"cpu": 16, "cuda": 1024}


def bench_encode(
    encoder_id: str = HIPT_ID,
    *,
    device: str = "cpu",
    patches: int | None = None,
    repeats: int = 3,
    slide: Path | None = None,
    compiled: bool = False,
) -> dict[str, Any]:
    """Patches per second, the best of ``repeats`` turns each, on a square of about ``patches`` of noise: 16,
    on a card 1,024.

    Keys: ``encoder``; ``weights``, "file", "none", or "random" where no folder of HIPT is registered: speed
    does not depend on them; ``device``, ``dtype``, ``batch``, ``patches_per_s``,
    ``bare_loop_patches_per_s``, ``ratio``, ``flops_per_region`` and ``reference_flops_per_region``, the last
    four and ``batch`` None but for HIPT; ``compiled``, None unless requested: ``patches_per_s`` of the
    network as torch compiles it, and ``first_s`` of its first turn; ``slide``, None without one: see
    ``bench_slide``. Raises EncoderError, SlideError, PixelSizeError.
    """
    if slide is not None:  # a wrong name fails before anything is loaded
        open_slide(slide).close()
    if device == "cuda" and not torch.cuda.is_available():
        raise EncoderError(strings.NO_CUDA)
    encoder, weights = _encoder(encoder_id)
    encoder.use(device)
    card, rows = encoder.card, max(1, round((patches or _PATCHES[device]) ** 0.5))
    side = rows * card.patch_px + 2 * card.margin_px
    block = np.random.default_rng(_SEED).integers(0, 256, (side, side, 3), np.uint8)
    calibration = {
        "stains": find_stains(block.reshape(-1, 3)[:4096], np.full(3, 245.0), brightfield=True).as_facts()
    }
    turns: dict[str, Callable[[], object]] = {"encoder": lambda: encoder.encode(block, calibration)}
    hipt = encoder if isinstance(encoder, HiptEncoder) else None
    if hipt is not None:
        turns["bare"] = _bare_turn(hipt, block, device)
    first_s = None
    if compiled:
        from torch._dynamo.exc import TorchDynamoException  # seconds to import

        turns["compiled"] = _compiled_turn(encoder_id, block, device)
        try:
            first_s = round(_seconds(turns["compiled"], device), 1)
        except TorchDynamoException as error:
            raise EncoderError(strings.CANNOT_COMPILE.format(error=str(error).splitlines()[0])) from error
    best = dict.fromkeys(turns, float("inf"))
    for _ in range(repeats + 1):  # the first warms up
        for name, turn in turns.items():
            best[name] = min(best[name], _seconds(turn, device))
    speed = {name: rows * rows / seconds for name, seconds in best.items()}
    bare = speed.get("bare")
    return {
        "encoder": card.id,
        "weights": weights,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "dtype": dtype_name(hipt.dtype) if hipt else "float32",
        "batch": hipt and hipt.batch,
        "patches_per_s": round(speed["encoder"], 2),
        "bare_loop_patches_per_s": bare and round(bare, 2),
        "ratio": bare and round(speed["encoder"] / bare, 3),
        "flops_per_region": flops_per_region() if hipt else None,
        "reference_flops_per_region": reference_flops_per_region() if hipt else None,
        "compiled": {"patches_per_s": round(speed["compiled"], 2), "first_s": first_s} if compiled else None,
        "slide": slide and bench_slide(encoder, slide, device=device),
    }


def _encoder(encoder_id: str) -> tuple[Encoder, str]:
    if encoder_id != HIPT_ID or HIPT_ID in read_registry().models:
        encoder = load_encoder(encoder_id)
        return encoder, "file" if encoder.card.needs_weights else "none"
    return random_hipt(), "random"


def random_hipt(*, depth: int = _VIT_256.depth) -> HiptEncoder:
    """HIPT's patches with random weights, the same at every call."""
    torch.manual_seed(_SEED)
    shape = replace(_VIT_256, depth=depth)
    model = VisionTransformer(shape, image_px=224, patch_px=16).eval().requires_grad_(False)
    card = replace(
        SALIENCY,
        id=HIPT_ID,
        title="HIPT",
        patch_px=PATCH_PX,
        mpp_um=MPP_UM,
        margin_px=0,
        attention_heads=(6, 6),
    )
    return HiptEncoder(card, Hipt(model, None, None, ()))


def _compiled_turn(encoder_id: str, block: NDArray[np.uint8], device: str) -> Callable[[], object]:
    encoder, _ = _encoder(encoder_id)
    if not isinstance(encoder, HiptEncoder):
        raise EncoderError(strings.NO_NETWORK.format(encoder=encoder.card.title))
    encoder.use(device)
    encoder.compile()
    return lambda: encoder.encode(block, {})


def _bare_turn(encoder: HiptEncoder, block: NDArray[np.uint8], device: str) -> Callable[[], object]:
    rows = block.shape[0] // PATCH_PX
    split = block.reshape(rows, PATCH_PX, rows, PATCH_PX, 3).swapaxes(1, 2).reshape(-1, PATCH_PX, PATCH_PX, 3)
    images = torch.from_numpy(np.ascontiguousarray(split))
    return lambda: _bare_loop(encoder, images, device)


def _bare_loop(encoder: HiptEncoder, images: Tensor, device: str) -> Tensor:
    """Class tokens (n, width) of uint8 images (n, 256, 256, 3)."""
    model, features = encoder.patch_level, []
    weights = dict(model.named_parameters())
    heads, depth = encoder.heads[0], len(model.blocks)
    for some in images.split(encoder.batch):
        half = torch.autocast(device, encoder.dtype, enabled=encoder.dtype != torch.float32)
        with torch.inference_mode(), half:
            x = functional.conv2d(
                normalised(some.to(device)),
                weights["patch_embed.proj.weight"],
                weights["patch_embed.proj.bias"],
                stride=16,
            )
            x = x.flatten(2).transpose(1, 2)
            x = torch.cat([weights["cls_token"].expand(len(x), -1, -1), x], 1) + positions_for(
                weights["pos_embed"], 16, 16
            )
            count, tokens, width = x.shape
            for number in range(depth):
                block = {name: weights[f"blocks.{number}.{name}"] for name in _BLOCK}
                y = functional.layer_norm(x, (width,), block["norm1.weight"], block["norm1.bias"], 1e-6)
                y = functional.linear(y, block["attn.qkv.weight"], block["attn.qkv.bias"])
                q, k, v = y.view(count, tokens, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
                y = (
                    functional.scaled_dot_product_attention(q, k, v)
                    .transpose(1, 2)
                    .reshape(count, tokens, width)
                )
                x = x + functional.linear(y, block["attn.proj.weight"], block["attn.proj.bias"])
                y = functional.layer_norm(x, (width,), block["norm2.weight"], block["norm2.bias"], 1e-6)
                y = functional.gelu(functional.linear(y, block["mlp.fc1.weight"], block["mlp.fc1.bias"]))
                x = x + functional.linear(y, block["mlp.fc2.weight"], block["mlp.fc2.bias"])
            x = functional.layer_norm(x[:, 0], (width,), weights["norm.weight"], weights["norm.bias"], 1e-6)
        features.append(x.float().cpu())
    return torch.cat(features)


_BLOCK = tuple(
    f"{layer}.{kind}"
    for layer in ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
    for kind in ("weight", "bias")
)


def _seconds(turn: Callable[[], object], device: str) -> float:
    start_s = perf_counter()
    turn()
    if device == "cuda":
        torch.cuda.synchronize()
    return perf_counter() - start_s
