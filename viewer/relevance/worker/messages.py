"""What the window and the relevance worker say to each other: immutable, picklable, nothing else.

Arrays do not travel here; they lie in shared memory (``shared_grid``) and are announced by ``Published``,
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
    from viewer.relevance.query.parser import NearestPhrase
    from viewer.relevance.query.tree import Query


# To the worker


@dataclass(frozen=True, slots=True)
class Analyse:
    """What a worker is started for. ``threads`` read and encode; ``store_bytes`` bounds what is kept."""

    path: str
    mpp_um: tuple[float, float]
    mpp_estimated: bool
    encoder_id: str
    store_bytes: int
    threads: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Score a query from now on, with every new patch again. ``number`` comes back with its answers."""

    number: int
    query: Query


@dataclass(frozen=True, slots=True)
class GuessWords:
    """Say what words that the lexicon lacks are nearest to in meaning. ``number`` as for ``Ask``."""

    number: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetRelevance:
    """What is asked elsewhere lies in shared memory: patches that speak for it come first, and get more
    tokens. ``asked`` False: nothing is asked any more."""

    asked: bool


@dataclass(frozen=True, slots=True)
class Overlap:
    """Look at patches half-way between others where attention is high, and merge what they say by the "mean"
    or the "max"; None: only what the patches of the grid say. What was looked at is kept."""

    merge: str | None


@dataclass(frozen=True, slots=True)
class Explain:
    """Say what made the score of one patch, for the leaf ``leaf`` of query ``number``."""

    number: int
    leaf: int
    row: int
    col: int


@dataclass(frozen=True, slots=True)
class SetPaused:
    """Stop between two batches, or go on. What was analysed is kept."""

    paused: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """End the process within half a second. Everything analysed is on disk by then."""


# From the worker


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the analysis is: ``done`` patches, those that ``failed`` among them. ``seconds_left`` is None
    until it can be told.

    Of an encoder that says where it looks, else None: ``regions``, a slide that is looked at as a whole being
    one; ``tokens`` of patches whose features are known, where they are wanted, and whether others have
    ``more_tokens``, which are looked at when the reader looks there closely; patches half-way ``between``
    others, None where there are none.
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

    @property
    def parts(self) -> tuple[StageProgress, ...]:
        """All that there is to do."""
        parts = StageProgress(self.done, self.total, self.failed), self.regions, self.tokens, self.between
        return tuple(part for part in parts if part is not None)

    @property
    def finished(self) -> bool:
        """Whether nothing that is wanted is left to do."""
        return all(part.done >= part.total for part in self.parts)


@dataclass(frozen=True, slots=True)
class ComputingOn:
    """What allocates and separates stains: "CPU" or a graphics card's name, and why it is that one. Said at
    the start, and again where a card failed."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Published:
    """New scores of query ``number`` lie in shared memory."""

    number: int
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Guessed:
    """The answer to ``GuessWords``: those of its words that are near enough to a phrase, each with it.

    () where there are none, or no sentence model.
    """

    number: int
    nearest: tuple[tuple[str, NearestPhrase], ...]


@dataclass(frozen=True, slots=True)
class Allocated:
    """New weights and levels lie in shared memory."""


@dataclass(frozen=True, slots=True)
class Attended:
    """More of the attention lies in shared memory. ``levels``: those of "region", "patch" and "token" that
    the encoder tells apart."""

    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """The measurements behind a score, strongest first; () where the encoder has none to name."""

    number: int
    leaf: int
    row: int
    col: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for the reader that is no failure: a concept that is off on this stain, smaller batches."""

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
    """The worker's process ended unasked. ``restarting``: another one goes on from what is on disk; else it
    stays off until something is asked again.
    """

    reason: str
    restarting: bool


ToWorker = Ask | GuessWords | Viewport | SetRelevance | Overlap | Explain | SetPaused | Stop
FromWorker = (
    Progress | ComputingOn | Published | Guessed | Allocated | Attended | Explained | Note | Refused | Failed
)
Event = FromWorker | WorkerDied
