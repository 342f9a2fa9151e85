"""``foveola encoders``: lists encoders with their licences; extracts the network of a training checkpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from viewer.cli import arguments, strings, strings_help, terminal
from viewer.cli.output import check_output, licence_terms
from viewer.common.text import escape_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    command = add("encoders", _encoders, strings_help.ENCODERS)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)
    command.add_argument(
        "--extract",
        metavar=("FILE", "OUT.safetensors"),
        nargs=2,
        type=arguments.file,
        help=strings_help.EXTRACT,
    )


def _encoders(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from viewer.relevance.encoders.model_registry import registry_file
    from viewer.relevance.encoders.registry import listing

    if options.extract is not None:
        from viewer.relevance.models.hipt import save_backbone

        trained, target = options.extract
        if target.suffix.lower() != ".safetensors":
            raise arguments.UsageError(strings.NOT_SAFETENSORS.format(path=target))
        check_output(target, trained, what=strings.THE_CHECKPOINT)
        save_backbone(trained, target)
        return 0
    listed, problems = listing()
    for problem in problems:
        terminal.write_stderr(problem)
    if options.json:
        terminal.write_stdout(json.dumps([asdict(card) for card in listed], indent=2))
        return 0
    lines = []
    for card in listed:
        lines.append(f"{card.id:<16} {card.title}: {card.family}")
        lines.append(f"{'':<16} {licence_terms(card)}")
        lines += [f"{'':<16} {note}" for note in card.notes]
        if card.page:
            lines.append(f"{'':<16} {strings.MODEL_CARD.format(path=card.page)}")
    lines.append(strings.ADD_MODELS.format(path=registry_file()))
    terminal.write_stdout("\n".join(escape_control(line) for line in lines))
    return 0
