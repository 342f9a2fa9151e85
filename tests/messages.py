"""Messages in tests: a template of a room's ``strings`` as a pattern, so that a rewording breaks no test."""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(r"\{(?P<name>[a-z0-9_]+)(?:[!:][^{}]*)?\}")


def pattern(template: str, **values: object) -> str:
    """A regular expression for a message of ``template``: given ``values`` as they are, others anything."""
    parts: list[str] = []
    end = 0
    for place in _PLACEHOLDER.finditer(template):
        parts.append(re.escape(template[end : place.start()]))
        parts.append(re.escape(str(values[place["name"]])) if place["name"] in values else ".*")
        end = place.end()
    return "".join(parts) + re.escape(template[end:])
