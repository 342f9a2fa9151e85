"""A relevance client without a worker: records requests, and lets the test send the worker's events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.relevance.attention.slide_attention import Attention
from viewer.relevance.patches.field import UNIT, Provenance, RelevanceField
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.patches.loads import Loads
from viewer.relevance.worker.messages import Attended, Published

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from viewer.slide.source import Source

PROVENANCE = Provenance("measured concepts", "fat", "ranks", (0.5, 0.5), False, "2026-01-01", "Foveola")


class FakeClient:
    """The part of a client that the session uses."""

    def __init__(self, on_event: Callable[[object], None]) -> None:
        self.send_event = on_event
        self.requests: list[tuple[Any, ...]] = []
        self.grid = PatchGrid(1, 1, 1, 1)
        self.answer: RelevanceField | None = None
        self.attention_result: Attention | None = None
        self.closed = False

    def open(self, source: Source, mpp_um: tuple[float, float], **facts: Any) -> None:
        self.grid = PatchGrid.over(source.pyramid.width, source.pyramid.height, mpp_um)
        self.requests.append(("open", mpp_um, facts["mpp_estimated"], facts["encoder_id"]))

    def set_query(self, query: object) -> int:
        self.requests.append(("query", query))
        return self._number

    def match_terms(self, words: Sequence[str]) -> int:
        self.requests.append(("match", tuple(words)))
        return self._number

    def set_viewport(self, *_where: Any, **_how: Any) -> None:
        self.requests.append(("viewport",))

    def set_relevance(self, scores: np.ndarray | None) -> None:
        self.requests.append(("relevance", None if scores is None else scores.shape))

    def overlap(self, merge: str | None) -> None:
        self.requests.append(("overlap", merge))

    def explain(self, leaf: int, row: int, col: int) -> None:
        self.requests.append(("explain", leaf, row, col))

    def set_paused(self, paused: bool) -> None:
        self.requests.append(("paused", paused))

    def field(self) -> RelevanceField | None:
        return self.answer

    def attention(self) -> Attention | None:
        return self.attention_result

    def loads(self) -> Loads:
        return Loads(np.full(self.grid.shape, 2.0, np.float32), np.zeros(self.grid.shape, np.uint8))

    def release(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True

    @property
    def running(self) -> bool:
        return not self.closed

    def publish(self, number: int, score: float = 0.9, unit: str = UNIT) -> None:
        """Publish a result: the first patch scores, the last is not analysed."""
        scores = np.zeros(self.grid.shape, np.float32)
        scores[0, 0] = score
        known = np.ones(self.grid.shape, bool)
        known[-1, -1] = False
        provenance = replace(PROVENANCE, unit=unit)
        self.answer = RelevanceField.of(self.grid, scores, known, provenance)
        self.send_event(Published(number, provenance))

    def attend(self, code: int = 200, levels: tuple[str, ...] = ("region", "patch", "token")) -> None:
        """Publish attention of two heads, the second head's patches at ``code`` + 10. All tokens are
        analysed, and all patches but the last. ``levels``: those that the encoder has."""
        rows, cols = self.grid.shape
        patches = np.full((2, rows, cols), code, np.uint8)
        patches[1] += 10
        patches_known = np.ones((rows, cols), bool)
        patches_known[-1, -1] = False
        self.attention_result = Attention(
            np.full((2, rows, cols, 256), code, np.uint8),
            patches,
            np.full((-(-rows // 16), -(-cols // 16)), 128, np.uint8),
            np.ones((rows, cols), bool),
            patches_known,
            np.ones((rows, cols), bool),
        )
        self.send_event(Attended(levels))

    @property
    def _number(self) -> int:
        return sum(words[0] in ("query", "match") for words in self.requests)

    @property
    def queries(self) -> list[object]:
        return [words[1] for words in self.requests if words[0] == "query"]
