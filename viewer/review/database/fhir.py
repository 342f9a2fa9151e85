"""The trail of cases as FHIR R4 AuditEvents, in the shapes of IHE's Basic Audit Log Patterns (BALP 1.1).

https://hl7.org/fhir/R4/auditevent.html, https://profiles.ihe.net/ITI/BALP. Payloads stay out: an audit log
says who did what to which case, and when.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE_STATEMENT
from viewer.common.atomic_write import save_atomically
from viewer.review.database.chain import ERASED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from viewer.review.database.event import Event
    from viewer.review.database.record import Record

_BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit"
_SECURITY = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


def export_fhir(record: Record, cases: Iterable[str], file: Path) -> int:
    """Write a Bundle of the cases' events; returns how many. Raises RecordError, SaveError."""
    events = [event for case in cases for event in record.events(case=case)]
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "meta": {"tag": [{"system": "urn:foveola", "code": "research", "display": RESEARCH_USE_STATEMENT}]},
        "entry": [{"resource": _audit_event(event, record.id)} for event in events],
    }
    save_atomically(file, json.dumps(bundle, indent=1).encode("ascii"))
    return len(events)


def _audit_event(event: Event, record_id: str) -> dict[str, Any]:
    is_deletion = event.kind == ERASED
    who: dict[str, Any] = (
        {"identifier": {"system": "urn:foveola:reader", "value": event.reader}}
        if event.reader
        else {"display": event.program}
    )
    return {
        "resourceType": "AuditEvent",
        "meta": {"profile": [f"{_BALP}.{'Delete' if is_deletion else 'Create'}"]},
        "type": {
            "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
            "code": "rest",
            "display": "RESTful Operation",
        },
        "subtype": [
            {"system": "urn:foveola:event", "code": event.kind.replace(" ", "-"), "display": event.kind}
        ],
        "action": "D" if is_deletion else "C",
        "recorded": event.happened_utc,
        "outcome": "0",
        "purposeOfEvent": [{"coding": [{"system": _SECURITY, "code": "HRESCH"}]}],
        "agent": [{"who": who, "requestor": bool(event.reader)}],
        "source": {"observer": {"display": event.program}, "site": f"urn:uuid:{record_id}"},
        "entity": [
            {
                "what": {"identifier": {"system": "urn:foveola:case", "value": event.case}},
                "detail": [
                    {"type": "number", "valueString": str(event.number)},
                    {"type": "digest", "valueString": event.digest},
                    {"type": "session", "valueString": event.session},
                ],
            }
        ],
    }
