"""A region's published heatmap, timed: two passes over its patches as made here, and the published eight.

Run: python tests/bench/published_map.py. HIPT's shapes with random weights, float32, all cores,
both in turns. The published procedure is taken at its best: every pass through the same fused blocks.
"""

from __future__ import annotations

from time import perf_counter

import torch

from viewer.relevance.heatmap.hipt_region import flops_per_region, reference_flops_per_region
from viewer.relevance.models.hipt import RegionTransformer
from viewer.relevance.models.vit import Shape, VisionTransformer

PATCHES = 256
BATCH = 16
PASSES = 8
GRIDS = 2
SHIFTS = 4


@torch.inference_mode()
def main() -> None:
    """Print the seconds of both, and their ratio."""
    torch.manual_seed(1)
    patch = VisionTransformer(Shape(384, 12, 6, 1536), image_px=224, patch_px=16).eval()
    region = RegionTransformer(Shape(192, 6, 6, 768), 384, 197).eval()
    images, grid = torch.rand(BATCH, 3, 256, 256), torch.rand(1, 16, 16, 384)
    patch.attend(images)
    patch(images)  # both warm
    ours_s = theirs_s = 0.0
    for _ in range(GRIDS * PATCHES // BATCH):
        begun_s = perf_counter()
        patch.attend(images)
        turned_s = perf_counter()
        for _ in range(PASSES // GRIDS):
            patch(images)
        ours_s += turned_s - begun_s
        theirs_s += perf_counter() - turned_s
    begun_s = perf_counter()
    patch.attend(images[:1])  # what is white
    for _ in range(SHIFTS):
        region.attend(grid)
    turned_s = perf_counter()
    for _ in range(PASSES):
        region.attend(grid)  # a little less than their whole passes
    ours_s += turned_s - begun_s
    theirs_s += perf_counter() - turned_s
    flops = flops_per_region() / reference_flops_per_region()
    print(f"here {ours_s:.1f} s, eight passes {theirs_s:.1f} s: {ours_s / theirs_s:.3f}; counted {flops:.3f}")


if __name__ == "__main__":
    main()
