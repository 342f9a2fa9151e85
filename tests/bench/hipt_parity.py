"""Every array of HIPT's reference numbers against ours, from pixels on: largest error, and the limit for it.

Run: FOVEOLA_HIPT_PARITY=FOLDER PYTHONPATH=. python tests/bench/hipt_parity.py. Float32 on the CPU; the region
of 4096 px takes two passes over its 256 patches, minutes on two cores. Ends with 1 where a limit is passed
or an array was not compared.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.relevance import hipt_parity as fixture
from tests.relevance.hipt_parity import load_patch_level, load_region_level, region_heatmap
from tests.relevance.models.test_hipt_slide import tokens_of
from viewer.relevance.heatmap.hipt_region import flops_per_region, reference_flops_per_region
from viewer.relevance.models.heads.gated_attention import GatedAttentionHead
from viewer.relevance.models.heads.load import load_slide_head
from viewer.relevance.models.hipt import RegionTransformer, normalised
from viewer.relevance.models.vit import VisionTransformer, positions_for

BATCH = 8
POSITIONS, FEATURES, TOKENS, ATTENTION, SLIDE = 1e-5, 2e-5, 8e-6, 5e-5, 1e-5
RANK_ALIKE, RANK_SHARE, RANK_MOST = 1e-6, 0.005, 0.01


class Comparison:
    """Prints a line an array and remembers what was compared and what failed."""

    def __init__(self) -> None:
        self.expected = fixture.expected()
        inputs = ("check_", "r4096_heads256", "r4096_blend_pairs", "r4096_offsets")
        self.left = {name for name in self.expected if not name.startswith(inputs)}
        self.failed: list[str] = []

    def near(self, name: str, found: torch.Tensor, limit: float, *, relative: bool = False) -> None:
        wanted = self.expected[name]
        error = np.abs(found.numpy().reshape(wanted.shape) - wanted)
        if relative:
            error = error / np.maximum(np.abs(wanted), 1e-12)
        largest = float(error.max())
        self._say(name, largest < limit, f"{largest:.1e} of {limit:.0e}{' relative' if relative else ''}")

    def ranks(self, name: str, found: np.ndarray) -> None:
        """Ranks may swap between two right programs: few pixels may differ, and those a little."""
        error = np.abs(found - self.expected[name])
        share, largest = float((error > RANK_ALIKE).mean()), float(error.max())
        self._say(
            name, share <= RANK_SHARE and largest <= RANK_MOST, f"{share:.3%} differ, most {largest:.4f}"
        )

    def _say(self, name: str, right: bool, words: str) -> None:
        self.left.remove(name)
        if not right:
            self.failed.append(name)
        print(f"{'ok  ' if right else 'FAIL'} {name:24s} {words}", flush=True)


def attended(model: VisionTransformer, patches: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    parts = [model.attend(normalised(some)) for some in patches.split(BATCH)]
    return torch.cat([one for one, _ in parts]), torch.cat([seen for _, seen in parts])


def compare_small(compare: Comparison, patch: VisionTransformer, region: RegionTransformer) -> None:
    for name, size in (
        ("pos256", "16x16"),
        ("pos256", "12x20"),
        *(("pos4k", s) for s in ("16x16", "4x4", "4x6")),
    ):
        rows, cols = map(int, size.split("x"))
        stored = patch.pos_embed if name == "pos256" else region.pos_embed
        compare.near(f"{name}_{size}", positions_for(stored, rows, cols), POSITIONS)
    for name in ("r1024", "r1024x1536"):
        pixels = fixture.region(name)
        features, tokens = attended(patch, fixture.patches(pixels))
        compare.near(f"{name}_cls256", features, FEATURES)
        compare.near(f"{name}_mean256", features.mean(0), FEATURES)
        compare.near(f"{name}_attn256", tokens, ATTENTION, relative=True)
        one, seen = region.attend(features.view(1, pixels.shape[0] // 256, pixels.shape[1] // 256, -1))
        compare.near(f"{name}_cls4k", one, FEATURES)
        compare.near(f"{name}_attn4k", seen, ATTENTION, relative=True)
    for rows, cols in ((224, 224), (192, 320)):
        crop = torch.from_numpy(np.ascontiguousarray(fixture.region("r1024")[None, :rows, :cols]))
        features, tokens = attended(patch, crop)
        compare.near(f"crop{rows}x{cols}_cls256", features, FEATURES)
        compare.near(f"crop{rows}x{cols}_attn256", tokens, ATTENTION, relative=True)


def compare_region(compare: Comparison, patch: VisionTransformer, region: RegionTransformer) -> None:
    """The region of 4096 px from its pixels to the published maps."""
    expected, pixels = compare.expected, fixture.region("r4096")
    white, _ = attended(patch, torch.full((1, 256, 256, 3), 255, dtype=torch.uint8))
    compare.near("r4096_cls256_white", white, FEATURES)
    heads, grids, tokens = expected["r4096_heads256"], [], []
    for shift in (0, 128):
        moved = np.full_like(pixels, 255)
        moved[: 4096 - shift, : 4096 - shift] = pixels[shift:, shift:]
        features, seen = attended(patch, fixture.patches(moved))
        compare.near(f"r4096_cls256_off{shift}", features, FEATURES)
        compare.near(f"r4096_attn256_off{shift}", seen[:, heads], ATTENTION, relative=True)
        grids.append(features.view(16, 16, -1))
        tokens.append(seen[:, heads].unflatten(-1, (16, 16)).numpy())
    for shift in (0, 1):
        later = white.expand(16, 16, -1).clone()
        later[:15, :15] = grids[shift][1:, 1:]
        grids.append(later)
    regions, seen = region.attend(torch.stack(grids))
    compare.near("r4096_cls4k", regions, FEATURES)
    compare.near("r4096_attn4k", seen, ATTENTION, relative=True)
    patches, by_head = seen.unflatten(-1, (16, 16)).numpy(), np.stack(tokens)
    place = heads.tolist().index
    pairs = expected["r4096_blend_pairs"].tolist()
    maps = [region_heatmap(patches[:, head], by_head[:, :, 0], canvas_px=16) for head in range(6)]
    compare.ranks("r4096_score4k_s16", np.stack([one.patches for one in maps]))
    maps = [region_heatmap(patches[:, 0], by_head[:, :, at], canvas_px=16) for at in range(len(heads))]
    compare.ranks("r4096_score256_s16", np.stack([one.tokens for one in maps]))
    maps = [region_heatmap(patches[:, a], by_head[:, :, place(b)], canvas_px=16) for a, b in pairs]
    compare.ranks("r4096_blend_s16", np.stack([one.blend for one in maps]))
    one = region_heatmap(patches[:, 0], by_head[:, :, place(2)])
    for name, values in (("score4k", one.patches), ("score256", one.tokens), ("blend", one.blend)):
        compare.ranks(f"r4096_{name}_s4", values[None])


def compare_slide(compare: Comparison, folder: Path) -> None:
    weights = fixture.weights("hipt_lgp")
    local = {key[10:]: value for key, value in weights.items() if key.startswith("local_vit.")}
    torch.save(local, folder / "local.pth")
    torch.save(weights, folder / "lgp.pth")
    torch.save({key: value for key, value in weights.items() if key[10:] not in local}, folder / "gp.pth")
    bag = torch.from_numpy(fixture.rules().synthetic_bag("bag_lgp")).view(5, 16, 16, 384)
    regions, _ = load_region_level(folder / "local.pth", feature_width=384).attend(bag)
    compare.near("lgp_cls4k", regions, FEATURES)
    for name in ("lgp", "gp"):
        given = regions if name == "lgp" else torch.from_numpy(fixture.rules().synthetic_bag("bag_gp"))
        head = load_slide_head(folder / f"{name}.pth", feature_width=192)
        assert isinstance(head, GatedAttentionHead)
        cells = torch.zeros(len(given), 2, dtype=torch.long)
        reading = head.read(given, cells)
        assert reading.probabilities is not None
        tokens = torch.from_numpy(tokens_of(head, given))
        compare.near(f"{name}_tokens", tokens, TOKENS)
        compare.near(f"{name}_score", head.attention_logits(tokens)[:, 0], SLIDE)
        compare.near(f"{name}_attn", reading.attention[0], SLIDE)
        compare.near(f"{name}_logits", head(given, cells), SLIDE)
        compare.near(f"{name}_prob", reading.probabilities, SLIDE)


def print_operations(patch: VisionTransformer, region: RegionTransformer) -> None:
    """Our formula beside what torch counts while a patch and a region go through.

    Attention is written out for the count: torch does not count its fused kernel on the CPU.
    """
    counted = []
    for turn in (
        lambda: patch.attend(torch.zeros(1, 3, 256, 256)),
        lambda: region.attend(torch.zeros(1, 16, 16, 384)),
    ):
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            turn()
        counted.append(counter.get_total_flops())
    ours, theirs = flops_per_region(), reference_flops_per_region()
    print(f"a region: {ours / 1e12:.2f} of {theirs / 1e12:.2f} TFLOP, {ours / theirs:.3f}")
    print(f"torch counts {(513 * counted[0] + 4 * counted[1]) / 1e12:.2f} TFLOP for ours")


@torch.inference_mode()
def main() -> int:
    compare, start_s = Comparison(), perf_counter()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name in ("vit256", "vit4k"):
            torch.save({"teacher": fixture.weights(name)}, folder / f"{name}.pth")
        patch = load_patch_level(folder / "vit256.pth")
        region = load_region_level(folder / "vit4k.pth", feature_width=384)
        compare_slide(compare, folder)
        compare_small(compare, patch, region)
        print_operations(patch, region)
        compare_region(compare, patch, region)
    took_s = perf_counter() - start_s
    print(f"{len(compare.failed)} failed, not compared: {sorted(compare.left)}; {took_s:.0f} s")
    return int(bool(compare.failed or compare.left))


if __name__ == "__main__":
    sys.exit(main())
