"""What a worklist of 10,000 cases costs: folding and listing it, sorting, filtering and searching it.

PYTHONPATH=. python tests/bench/worklist.py
"""

from __future__ import annotations

import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from viewer.review.database.record import Entry, Record, open_record
from viewer.review.worklist.case import CaseSlide
from viewer.review.worklist.new_case import NewCase
from viewer.review.worklist.priority import Order, in_words
from viewer.review.worklist.state import LEFT, OPENED, SIGNED, STATE, State
from viewer.review.worklist.worklist import Worklist

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = 10_000
ROUNDS = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, open_record(Path(folder) / "record.db") as record:
        _fill(record)
        worklist = Worklist(record)
        now = datetime.now(UTC)

        def open_list() -> None:
            listed = Worklist(record).cases()
            assert len([in_words(case, now) for case in listed]) == CASES

        ways = {
            "opened: folded, sorted by priority, each with its reason": open_list,
            "refreshed with nothing new": worklist.refresh,
            "sorted by priority": worklist.cases,
            "sorted by title": lambda: worklist.cases(order=Order.TITLE),
            "filtered by state": lambda: worklist.cases(states={State.NEW}),
            "searched for two words": lambda: worklist.cases(text="colon 99"),
        }
        print(f"{len(record.events()):,} events of {CASES:,} cases")
        for name, run in ways.items():
            print(f"{name:<58} {_median_ms(run):8.1f} ms")


def _fill(record: Record) -> None:
    """A tenth of the cases is new, a tenth ready, the others were read and signed."""
    worklist = Worklist(record)
    new = [
        NewCase(f"case {number}", (CaseSlide(f"/slides/{number}.svs", site="colon", stain="H&E"),), "polyp?")
        for number in range(CASES)
    ]
    ids = worklist.add(new, "reader").ids
    place = {"slide": 0, "centre_x": 1.0, "centre_y": 2.0, "downsample": 4.0, "rotation_rad": 0.0}
    entries = []
    for number, case_id in enumerate(ids):
        found = {"state": State.READY.value, "findings": number % 4, "highest": number / CASES}
        history = [
            Entry(case_id, STATE, "", {"state": State.INDEXING.value}),
            Entry(case_id, STATE, "", found),
            Entry(case_id, OPENED, "reader", {"mode": "blinded first"}),
            Entry(case_id, LEFT, "reader", place),
            Entry(case_id, SIGNED, "reader", {"name": "A Reader", "meaning": "author"}),
        ]
        entries += history[: (0, 2)[number % 10]] if number % 10 < 2 else history
    record.append_all(entries)


def _median_ms(run: Callable[[], object]) -> float:
    cost_ms = []
    for _ in range(ROUNDS):
        started_s = perf_counter()
        run()
        cost_ms.append((perf_counter() - started_s) * 1e3)
    return statistics.median(cost_ms)


if __name__ == "__main__":
    main()
