"""One event of the record, and the digests that chain it to the one before.

The digest of an event covers every field of it and the digest of its predecessor, so that an edit, a deletion
or another order breaks the chain at its place. In place of the payload it covers the payload's own digest: a
payload can be erased, and the chain still holds. That digest is salted, and the salt is erased with the
payload: otherwise a short answer could be guessed from it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a reader or the program did. Digests are 64 hexadecimal digits of SHA-256."""

    number: int
    """Its place in the record, from 1, without gaps."""
    case: str
    """The case's id; "" for what concerns the record itself."""
    kind: str
    reader: str
    utc: str
    """When it was recorded by the computer's clock: ISO 8601, UTC, microseconds."""
    monotonic_ns: int
    """A clock that nobody sets: differences within one session count, in nanoseconds."""
    session: str
    """The sitting: one opening of the record by one process."""
    program: str
    """The program and its version."""
    payload: Mapping[str, Any]
    """What was said or done; empty where it was erased."""
    erased: bool
    """Whether the payload was erased."""
    salt: str
    payload_digest: str
    origin: Mapping[str, Any] | None
    """Of an imported event, what it was where it was first recorded: ``record`` (that record's id) and the
    fields of ``ORIGIN_FIELDS``. None for an event of this record."""
    previous: str
    """The digest of the event before; of the record's id for the first one."""
    digest: str

    @property
    def happened_utc(self) -> str:
        """When it was first recorded: of an imported event not here."""
        return self.utc if self.origin is None else str(self.origin["utc"])


ORIGIN_FIELDS = {
    "number": int,
    "case": str,
    "utc": str,
    "monotonic_ns": int,
    "session": str,
    "program": str,
    "previous": str,
    "digest": str,
}
"""What differs between an event and its copy in another record; ``origin`` does as well."""


def canonical(value: Any) -> str:
    """JSON text that is the same for the same value, in ASCII.

    Raises TypeError, ValueError and RecursionError for what JSON cannot hold.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def new_salt() -> str:
    """A salt that nobody can guess."""
    return secrets.token_hex(_SALT_BYTES)


def first_previous(record_id: str) -> str:
    """What the first event of a record is chained to."""
    return _sha256(record_id)


def digest_of_payload(salt: str, text: str) -> str:
    """The digest of a payload as canonical text."""
    return _sha256(f"{salt}\n{text}")


def digest_of_event(
    *,
    number: int,
    case: str,
    kind: str,
    reader: str,
    utc: str,
    monotonic_ns: int,
    session: str,
    program: str,
    payload_digest: str,
    origin: Mapping[str, Any] | None,
    previous: str,
) -> str:
    """The digest that chains an event to the one before. Raises what ``canonical`` raises."""
    fields = [
        number,
        case,
        kind,
        reader,
        utc,
        monotonic_ns,
        session,
        program,
        payload_digest,
        origin,
        previous,
    ]
    return _sha256(canonical(fields))


def digest_at_origin(origin: Mapping[str, Any], *, kind: str, reader: str, payload_digest: str) -> str:
    """The digest that an imported event had where it was first recorded, from what it is now. Raises KeyError
    and what ``canonical`` raises."""
    there = {name: origin[name] for name in ORIGIN_FIELDS if name != "digest"}
    return digest_of_event(
        kind=kind, reader=reader, payload_digest=payload_digest, origin=origin.get("origin"), **there
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
