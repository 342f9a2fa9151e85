"""Commands on the record itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from viewer.cli import strings_help, terminal
from viewer.cli.review import strings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def add_commands(add: Callable[..., Any], kinds: Any) -> None:
    """Add the commands below ``review``."""
    command = add("verify", _verify, strings.VERIFY, into=kinds)
    command.add_argument("--record", metavar="FILE|URL", help=strings.RECORD)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)


def _verify(options: argparse.Namespace) -> int:
    from viewer.review.database.record import open_unrepaired
    from viewer.review.database.verify import verify

    with open_unrepaired(options.record) as record:
        problems = verify(record)
        is_whole = all(problem.is_note for problem in problems)
        count, digest = record.head() if is_whole else (0, "")
    if options.json:
        found = [
            {
                "kind": problem.kind.value,
                "text": problem.text,
                "first": problem.first,
                "last": problem.last,
                "field": problem.field,
            }
            for problem in problems
        ]
        terminal.write_stdout(
            json.dumps({"whole": is_whole, "events": count, "digest": digest, "problems": found}, indent=2)
        )
        return 0 if is_whole else 1
    lines = [problem.text for problem in problems]
    damage = sum(not problem.is_note for problem in problems)
    lines.append(
        strings.WHOLE.format(where=record.where, count=count, digest=digest)
        if is_whole
        else strings.NOT_WHOLE[damage == 1].format(where=record.where, count=damage)
    )
    terminal.write_stdout("\n".join(lines))
    return 0 if is_whole else 1
