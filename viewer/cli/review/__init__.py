"""``foveola review``: cases, readings and their record, and the figures of reader studies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viewer.cli.review import calibrate, findings, read, record, report, strings, study, worklist

if TYPE_CHECKING:
    from collections.abc import Callable


def add_command(add: Callable[..., Any]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    kinds = add("review", None, strings.REVIEW).add_subparsers(
        dest="review_command", metavar="WHAT", required=True
    )
    for group in (worklist, read, findings, report, calibrate, study, record):
        group.add_commands(add, kinds)
