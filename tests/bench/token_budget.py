"""What 40 % of a uniform token budget buys: how many patches of the queried class get full detail.

Run: FOVEOLA_SLIDES=... PYTHONPATH=. python tests/bench/token_budget.py
Uniform: 256 tokens a patch with tissue. Full detail: at least as many. Relevance is the worker's own: the
query's scores focused, surprise at 0.3, a floor. A class of a quarter of the tissue or more cannot have 80 %
of its patches in full: the rest needs 64 tokens each.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from ranking import NAMED, measure_slide

from gpu.compute.allocate import allocate_tokens, focused, joint_relevance
from viewer.relevance.analysis.allocation import TOKEN_SHARE, UNIFORM_TOKENS
from viewer.relevance.encoders.card import MEASURED_ID
from viewer.relevance.encoders.registry import load_encoder
from viewer.relevance.patches.novelty import surprise_of


def main() -> int:
    """Print each class's share, and the mean."""
    folder = Path(os.environ["FOVEOLA_SLIDES"])
    encoder = load_encoder(MEASURED_ID)
    shares = []
    for file in sorted(folder.glob("*.regions.geojson")):
        slide = measure_slide(folder / file.name.replace(".regions.geojson", ".svs"), encoder)
        surprise = surprise_of(slide.features)
        for name, members in slide.concepts.items():
            if name not in NAMED:
                continue
            scores = slide.scores(encoder, name)[slide.known]
            for label, relevance in (
                ("with surprise", joint_relevance(focused(scores), surprise)),
                ("query alone", joint_relevance(focused(scores))),
            ):
                budget = int(TOKEN_SHARE * UNIFORM_TOKENS * len(scores))
                tokens = allocate_tokens(relevance, budget, most_tokens=UNIFORM_TOKENS).tokens
                inside = members[slide.known]
                full = float((tokens[inside] >= UNIFORM_TOKENS).mean())
                print(
                    f"{slide.name[:12]:12} {name:18} {label:13} {full:6.1%} of {int(inside.sum()):4} patches "
                    f"in full; {float((scores > 0.5).mean()):.0%} of the tissue scores above one half"
                )
                if label == "with surprise":
                    shares.append(full)
    print(f"mean over classes, with surprise: {np.mean(shares):.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
