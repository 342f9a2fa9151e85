"""``foveola encoders``: what can look for things, with licences; takes a network out of a training's file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from viewer.cli import arguments, terminal
from viewer.cli.output import check_output, licence_terms
from viewer.common.text import escape_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    command = add("encoders", _encoders, "list what can look for things, with licences")
    command.add_argument("--json", action="store_true", help="print the list as JSON")
    command.add_argument(
        "--extract",
        metavar=("FILE", "OUT.safetensors"),
        nargs=2,
        type=arguments.file,
        help="write the HIPT or DINO network in a training's file, a tenth of its size, and list nothing",
    )


def _encoders(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from viewer.relevance.encoders.model_registry import registry_file
    from viewer.relevance.encoders.registry import cards, problems

    if options.extract is not None:
        from viewer.relevance.models.hipt import save_backbone

        trained, target = options.extract
        if target.suffix.lower() != ".safetensors":
            raise arguments.UsageError(f"{target}: its name must end in .safetensors")
        check_output(target, trained, what="the training's file")
        save_backbone(trained, target)
        return 0
    known = cards()
    for problem in problems():
        terminal.write_stderr(problem)
    if options.json:
        terminal.write_stdout(json.dumps([asdict(card) for card in known], indent=2))
        return 0
    lines = []
    for card in known:
        lines.append(f"{card.id:<16} {card.title}: {card.family}")
        lines.append(f"{'':<16} {licence_terms(card)}")
        lines += [f"{'':<16} {note}" for note in card.notes]
    lines.append(f"More are named in {registry_file()}; see the README.")
    terminal.write_stdout("\n".join(escape_control(line) for line in lines))
    return 0
