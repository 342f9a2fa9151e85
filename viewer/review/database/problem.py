"""What an examination of a record finds: which kind of problem, at which events, said in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProblemKind(StrEnum):
    """``CHANGED``: a field of an event is not what was recorded. ``MISSING``: events were there and are not.
    ``ADDED``: events were not appended by the record. ``MOVED``: an event stands where another one stood.
    ``REPLACED``: two events are whole but do not follow each other. ``END``: the end of the chain is not the
    one recorded. ``ERASED``: a payload is gone that nobody erased, or is there though it was erased.
    ``GUARD``: the database no longer refuses changes. ``FILE``: the file is damaged. ``CLOCK``: a note, the
    computer's clock was set back.
    """

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    MOVED = "moved"
    REPLACED = "replaced"
    END = "end"
    ERASED = "erased"
    GUARD = "guard"
    FILE = "file"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. ``first`` and ``last`` are numbers of events, None where it concerns the whole record;
    ``field`` names the column where that is certain, else it is ""."""

    kind: ProblemKind
    text: str
    first: int | None = None
    last: int | None = None
    field: str = ""

    @property
    def is_note(self) -> bool:
        """Whether this is worth a word but no damage."""
        return self.kind is ProblemKind.CLOCK
