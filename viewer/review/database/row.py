"""An event as the database keeps it, text for text, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from viewer.review.database.event import Event, digest_of_event

if TYPE_CHECKING:
    from collections.abc import Mapping


class Row(NamedTuple):
    """A row of ``events``, in the order of its columns. In a damaged database anything may stand anywhere."""

    number: int
    case: str
    kind: str
    reader: str
    utc: str
    monotonic_ns: int
    session: str
    program: str
    payload: str | None
    salt: str | None
    payload_digest: str
    origin: str | None
    previous: str
    digest: str

    def event(self) -> Event:
        """The event. Raises ValueError, TypeError and RecursionError where the row is damaged."""
        payload = {} if self.payload is None else json.loads(self.payload)
        origin = None if self.origin is None else json.loads(self.origin)
        # By position: a worklist reads a hundred thousand of them while the reader waits.
        return Event(
            *self[:8],
            payload,
            self.payload is None,
            self.salt or "",
            self.payload_digest,
            origin,
            self.previous,
            self.digest,
        )

    def chained_digest(self) -> str:
        """The digest that the fields give. Raises what ``event`` raises."""
        origin: Mapping[str, object] | None = None if self.origin is None else json.loads(self.origin)
        return digest_of_event(
            number=self.number,
            case=self.case,
            kind=self.kind,
            reader=self.reader,
            utc=self.utc,
            monotonic_ns=self.monotonic_ns,
            session=self.session,
            program=self.program,
            payload_digest=self.payload_digest,
            origin=origin,
            previous=self.previous,
        )
