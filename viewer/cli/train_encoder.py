"""``foveola train-encoder``: trains the tissue encoder on a corpus of slides with labelled regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.cli import arguments, strings, strings_help, terminal
from viewer.common.text import escape_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    command = add("train-encoder", _train_encoder, strings_help.TRAIN_ENCODER)
    command.add_argument("corpus", metavar="CORPUS", type=arguments.file, help=strings_help.CORPUS)
    command.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        type=arguments.file,
        help=strings_help.ENCODER_FOLDER,
    )
    command.add_argument("--start", metavar="WEIGHTS", type=arguments.file, help=strings_help.START_WEIGHTS)
    command.add_argument("--steps", metavar="N", type=arguments.count, default=4000, help=strings_help.STEPS)
    command.add_argument("--until", metavar="N", type=arguments.count, help=strings_help.UNTIL)
    command.add_argument(
        "--seed", metavar="S", type=arguments.seed, default=0, help=strings_help.ENCODER_SEED
    )
    command.add_argument(
        "--learning-rate", metavar="X", type=arguments.positive, default=4e-4, help=strings_help.LEARNING_RATE
    )


def _train_encoder(options: argparse.Namespace) -> int:
    from viewer.common.progress import progress_bar
    from viewer.relevance.encoders.tissue.card import PAGE, WEIGHTS, trained_folder
    from viewer.relevance.training.tissue.corpus import read_corpus
    from viewer.relevance.training.tissue.page import as_markdown
    from viewer.relevance.training.tissue.train import TissueTrainingOptions, train_tissue

    folder: Path = options.output or trained_folder()
    if folder.exists() and not folder.is_dir():
        raise arguments.UsageError(strings.NOT_A_FOLDER.format(path=folder))
    corpus = read_corpus(options.corpus)
    for sentence in corpus.notes:
        terminal.write_stderr(sentence)
    chosen = TissueTrainingOptions(
        options.steps, options.seed, options.learning_rate, options.start, options.until
    )
    with progress_bar(strings.TRAINING) as progress:
        facts = train_tissue(corpus, chosen, folder, progress=progress, note=terminal.write_stderr)
    terminal.write_stdout(as_markdown(facts, pictured=False))
    template = strings.ENCODER_KEPT if options.output else strings.ENCODER_TRAINED
    written = template.format(weights=folder / WEIGHTS, page=folder / PAGE)
    terminal.write_stdout(escape_control(written))
    return 0
