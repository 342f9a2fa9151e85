"""What was displayed of the slides of one sitting, kept while a reader goes from slide to slide and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from viewer.review.coverage import Coverage
from viewer.review.viewing_stream import ViewingStream

if TYPE_CHECKING:
    from viewer.slide.source import Source

_MOST = 200
"""Slides; a large one takes 0.8 MB, an hour of moving over it 2 MB."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Of one slide. ``opened_s``: when it was opened first, by ``time.monotonic``."""

    coverage: Coverage
    stream: ViewingStream = field(default_factory=ViewingStream)
    opened_s: float = field(default_factory=monotonic)


class Recordings:
    """One for each slide that was open, of at most 200 the ones that were open last."""

    def __init__(self) -> None:
        self._of: dict[tuple[object, ...], Recording] = {}

    def of(self, source: Source) -> Recording:
        """That of a slide; a new one for a slide that is new here, or whose file has changed."""
        key = _key(source)
        recording = self._of.pop(key, None)
        if recording is None:
            recording = Recording(Coverage((source.pyramid.width, source.pyramid.height)))
        self._of[key] = recording  # the last one now
        while len(self._of) > _MOST:
            self._of.pop(next(iter(self._of)))
        return recording


def _key(source: Source) -> tuple[object, ...]:
    info, pyramid = source.info, source.pyramid
    try:
        stat = info.path.stat()
    except OSError:
        changed: tuple[int, ...] = ()
    else:
        changed = stat.st_mtime_ns, stat.st_size
    return str(info.locator), pyramid.width, pyramid.height, *changed
