"""How soon there is an overlay, on a slide never seen before and on one that is indexed.

Run: PYTHONPATH=. python tests/bench/first_overlay.py SLIDE [--query TEXT] [--mpp UM]. All that a reader waits
for counts: the worker's start, its imports, finding the tissue, shared memory.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from viewer.relevance.analysis.open import pixel_size_of
from viewer.relevance.encoders.card import MEASURED_ID
from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.parser import parse
from viewer.relevance.worker.client import RelevanceClient
from viewer.relevance.worker.messages import Failed, Note, Progress, Published, Refused, WorkerDied
from viewer.slide.formats.registry import open_slide

if TYPE_CHECKING:
    from viewer.relevance.query.tree import Query
    from viewer.relevance.worker.messages import Event
    from viewer.slide.source import Source

STORE_BYTES = 1 << 30
ASKED_AGAIN = 5
TIMEOUT_S = 900


class Listener:
    """A client and what it tells, with the time of each."""

    def __init__(self, source: Source, mpp_um: tuple[float, float]) -> None:
        self.events: queue.Queue[tuple[float, Event]] = queue.Queue()
        self.client = RelevanceClient(lambda event: self.events.put((time.perf_counter(), event)))
        self.client.open(source, mpp_um, mpp_estimated=False, encoder_id=MEASURED_ID, store_bytes=STORE_BYTES)

    def close(self) -> None:
        self.client.close()

    def next(self) -> tuple[float, Event]:
        """The next event; ends the program where there will be no answer."""
        at_s, event = self.events.get(timeout=TIMEOUT_S)
        if isinstance(event, Failed | Refused | WorkerDied):
            raise SystemExit(event.reason)
        if isinstance(event, Note):
            print("  note:", event.text)
        return at_s, event

    def answer_to(self, query: Query) -> float:
        """Seconds from asking to the answer."""
        start_s = time.perf_counter()
        number = self.client.set_query(query)
        while True:
            at_s, event = self.next()
            if isinstance(event, Published) and event.number == number:
                return at_s - start_s

    def shares(self) -> tuple[float, float]:
        """The parts of the grid that are known, and that are known or estimated."""
        field = self.client.field()
        assert field is not None
        return float(field.known.mean()), float((field.known | field.estimated).mean())


def never_seen(source: Source, mpp_um: tuple[float, float], query: Query) -> None:
    """Every answer on the way, and when all patches are analysed."""
    start_s = time.perf_counter()
    with closing(Listener(source, mpp_um)) as listener:
        listener.client.set_query(query)
        told = 0
        while True:
            at_s, event = listener.next()
            if isinstance(event, Published) and told < 6:
                told += 1
                known, reached = listener.shares()
                print(f"  {at_s - start_s:6.2f} s  answer: {known:.0%} known, {reached:.0%} with estimates")
            if isinstance(event, Progress) and event.done == event.total:
                seconds = at_s - start_s
                print(f"  {seconds:6.2f} s  all {event.total:,} patches with tissue, {event.failed} failed")
                return


def indexed(source: Source, mpp_um: tuple[float, float], query: Query) -> None:
    """The first answer of a worker that starts on an indexed slide, and those to later questions."""
    start_s = time.perf_counter()
    with closing(Listener(source, mpp_um)) as listener:
        listener.answer_to(query)
        print(f"  {time.perf_counter() - start_s:6.2f} s  first answer, the worker's start included")
        taken = [listener.answer_to(query) * 1000 for _ in range(ASKED_AGAIN)]
        least, most = min(taken), max(taken)
        print(
            f"  {least:6.0f} ms  from question to answer, the least of {ASKED_AGAIN}; the most {most:.0f} ms"
        )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How soon there is an overlay.")
    parser.add_argument("slide", type=Path)
    parser.add_argument("--query", default="lymphocytes near adipose tissue")
    parser.add_argument("--mpp", type=float)
    options = parser.parse_args()
    query = parse(options.query, load_lexicon()).query
    if query is None:
        parser.error(f"{options.query!r} names nothing that can be measured")
    with tempfile.TemporaryDirectory() as home, closing(open_slide(options.slide)) as source:
        os.environ["FOVEOLA_HOME"] = home  # nothing is known of any slide there
        mpp_um = pixel_size_of(source, options.mpp).mpp_um
        print("never seen:")
        never_seen(source, mpp_um, query)
        print("indexed:")
        indexed(source, mpp_um, query)
    return 0


if __name__ == "__main__":
    sys.exit(main())
