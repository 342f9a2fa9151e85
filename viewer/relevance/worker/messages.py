"""The messages between the window and the relevance worker: immutable, picklable, nothing else.

Arrays are not sent; they lie in shared memory (``shared_memory``) and are announced by ``Published``,
``Allocated`` and ``SetRelevance``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.relevance.patches.progress import StageProgress
from viewer.view.viewport import Viewport

if TYPE_CHECKING:
    from viewer.relevance.encoders.card import Reason
    from viewer.relevance.patches.field import Provenance
    from viewer.relevance.query.tree import Query
    from viewer.slide.locator import Locator


# To the worker


@dataclass(frozen=True, slots=True)
class Analyse:
    """What a worker is started for. ``threads`` read and encode; ``store_bytes`` bounds what is kept."""

    slide: Locator
    mpp_um: tuple[float, float]
    mpp_estimated: bool
    encoder_id: str
    store_bytes: int
    threads: int


@dataclass(frozen=True, slots=True)
class SetQuery:
    """Score a query from now on, again with every new patch. Its answers repeat ``number``."""

    number: int
    query: Query


@dataclass(frozen=True, slots=True)
class MatchTerms:
    """Find the phrases nearest in meaning to words that the lexicon lacks. ``number`` as for ``SetQuery``."""

    number: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetRelevance:
    """Another worker's scores lie in shared memory: patches with high ones come first, and get more tokens.
    ``given`` False: there are none any more."""

    given: bool


@dataclass(frozen=True, slots=True)
class Overlap:
    """Analyse patches half-way between others where attention is high, and merge their attention by the
    "mean" or the "max"; None: only that of the patches of the grid. What was analysed is kept."""

    merge: str | None


@dataclass(frozen=True, slots=True)
class Explain:
    """Send the measurements behind the score of one patch, for the leaf ``leaf`` of query ``number``."""

    number: int
    leaf: int
    row: int
    col: int


@dataclass(frozen=True, slots=True)
class SetPaused:
    """Pause between two blocks, or resume. What was analysed is kept."""

    paused: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """End the process within half a second. Everything analysed is on disk by then."""


# From the worker


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the analysis is: ``done`` patches, those that ``failed`` among them. ``seconds_left`` is None
    until it can be estimated.

    For encoders with attention, else None: ``regions``, a slide analysed as a whole being one; ``tokens`` of
    patches whose features are known, where they are requested, and whether others have ``more_tokens``, which
    are computed when the field of view is magnified there; patches half-way ``between`` others, None where
    there are none. ``in_parts``: patches that are analysed in parts, too, None where there are none.
    """

    done: int
    total: int
    failed: int
    seconds_left: float | None
    paused: bool
    between: StageProgress | None = None
    regions: StageProgress | None = None
    tokens: StageProgress | None = None
    more_tokens: bool = False
    in_parts: StageProgress | None = None

    @property
    def parts(self) -> tuple[StageProgress, ...]:
        """All parts of the work."""
        patches = StageProgress(self.done, self.total, self.failed)
        parts = patches, self.regions, self.tokens, self.between, self.in_parts
        return tuple(part for part in parts if part is not None)

    @property
    def finished(self) -> bool:
        """Whether all requested work is done."""
        return all(part.done >= part.total for part in self.parts)


@dataclass(frozen=True, slots=True)
class ComputingOn:
    """What allocates and separates stains: "CPU" or a graphics card's name, and why it is that one. Sent at
    the start, and again when a card failed."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Published:
    """New scores of query ``number`` lie in shared memory."""

    number: int
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class TermsMatched:
    """The answer to ``MatchTerms``: those of its words that are near enough to a phrase, with the phrase.

    () where there are none, or no sentence model.
    """

    number: int
    nearest: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Allocated:
    """New weights and levels lie in shared memory."""


@dataclass(frozen=True, slots=True)
class Attended:
    """More of the attention lies in shared memory. ``levels``: those of "region", "patch" and "token" that
    the encoder compares."""

    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """The measurements behind a score, strongest first; () where the encoder names none."""

    number: int
    leaf: int
    row: int
    col: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for the reader that is no failure, such as a stain that misleads a concept."""

    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A query that this encoder cannot answer on this slide, and why. The field stays not analysed."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker cannot go on with this slide, and why. It has ended."""

    reason: str


# From the client


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """The worker's process ended unexpectedly. ``restarting``: another one continues from what is on disk;
    else it stays off until the next query.
    """

    reason: str
    restarting: bool


ToWorker = SetQuery | MatchTerms | Viewport | SetRelevance | Overlap | Explain | SetPaused | Stop
FromWorker = (
    Progress
    | ComputingOn
    | Published
    | TermsMatched
    | Allocated
    | Attended
    | Explained
    | Note
    | Refused
    | Failed
)
Event = FromWorker | WorkerDied
