"""How often the multi-reader analysis finds a difference where there is none: 1,000 simulated studies.

PYTHONPATH=. python tests/bench/roe_metz.py
"""

from __future__ import annotations

import numpy as np

from tests.review.statistics.roe_metz import simulated
from viewer.review.statistics.multi_reader import compare

STUDIES = 1000


def main() -> None:
    random = np.random.default_rng(1)
    found = [compare(*simulated(random)) for _ in range(STUDIES)]
    for name in ("readers_and_cases", "cases", "readers"):
        share = np.mean([getattr(one, name).p < 0.05 for one in found])
        print(f"{name.replace('_', ' ')}: p < 0.05 in {100 * share:.1f} % of {STUDIES} studies")


if __name__ == "__main__":
    main()
