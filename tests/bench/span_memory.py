"""What SPAN costs in memory and time against dense attention of the same width on the same bag, on the CPU.

Run: PYTHONPATH=. python tests/bench/span_memory.py [PATCHES …]. Each figure is a process of its own: the peak
of its memory beyond the bag and the weights, and the CPU time of one pass (training: there and back). Dense
is one layer that holds its table of weights, which reading attention or a bias for each pair asks for; where
the tables alone do not fit the memory it is not run. Float32, one thread.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import psutil
import torch
from torch import Tensor, nn

from tests.relevance.bags import bag
from viewer.relevance.models.heads.span import SpanHead, SpanShape

SIZES = (2_500, 10_000, 25_000, 50_000)
WIDTH = 512
WARM_PATCHES = 200


class Dense(nn.Module):
    """One layer of attention over all pairs, of SPAN's width and heads, with the sum over the patches."""

    def __init__(self, shape: SpanShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.embed = nn.Linear(shape.feature_width, shape.width, bias=False)
        self.qkv = nn.Linear(shape.width, 3 * shape.width, bias=False)

    def forward(self, features: Tensor, _cells: Tensor) -> Tensor:
        x = self.qkv(self.embed(features)).view(len(features), 3, self.heads, -1)
        q, k, v = x.permute(1, 2, 0, 3)
        return ((q @ k.transpose(1, 2)).softmax(-1) @ v).sum()


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(kind: str, count: int) -> None:
    """Print the bytes and seconds of one run."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    shape = SpanShape(WIDTH, 2, WIDTH // 2, WIDTH // 128)
    head = (Dense(shape) if kind == "dense" else SpanHead(shape)).eval()
    features, cells = bag(count, WIDTH)
    with torch.set_grad_enabled(kind == "training"):
        head(*bag(WARM_PATCHES, WIDTH))
        before_bytes, start_s = peak_bytes(), time.process_time()
        result = head(features, cells).sum()
        if kind == "training":
            result.backward()
    print(peak_bytes() - before_bytes, time.process_time() - start_s)


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        measure(sys.argv[2], int(sys.argv[3]))
        return
    for count in [int(text) for text in sys.argv[1:]] or SIZES:
        for kind in ("span", "training", "dense"):
            # The table of logits, and that of weights beside it.
            table_bytes = 2 * 4 * (WIDTH // 128) * count**2
            if kind == "dense" and table_bytes > 0.8 * psutil.virtual_memory().available:
                print(f"{count:>7,} patches  {kind:<9} not run: its tables are {table_bytes / 1e9:.0f} GB")
                continue
            command = [sys.executable, __file__, "--one", kind, str(count)]
            found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            print(
                f"{count:>7,} patches  {kind:<9} {int(found[0]) / 1e6:>8.0f} MB {float(found[1]):>7.2f} s CPU"
            )


if __name__ == "__main__":
    main()
