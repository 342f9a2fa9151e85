"""``foveola pretrain``: trains the two levels of a HIPT on slides without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.cli import arguments, strings, strings_help, terminal
from viewer.cli.train import training_device
from viewer.common.text import escape_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from viewer.relevance.training.pretraining.stage import StageName
    from viewer.slide.source import Source

_STAGES: dict[str, tuple[StageName, ...]] = {
    "patches": ("patches",),
    "regions": ("regions",),
    "both": ("patches", "regions"),
}


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    command = add("pretrain", _pretrain, strings_help.PRETRAIN)
    command.add_argument(
        "paths", metavar="SLIDE", nargs="+", type=arguments.slides, help=strings_help.PRETRAINING_SLIDES
    )
    command.add_argument(
        "-o", "--output", metavar="FOLDER", required=True, type=arguments.file,
        help=strings_help.PRETRAINING_FOLDER,
    )  # fmt: skip
    command.add_argument(
        "--shape", choices=("small", "full"), default="small", help=strings_help.PRETRAINING_SHAPE
    )
    command.add_argument("--stage", choices=tuple(_STAGES), default="both", help=strings_help.STAGE)
    command.add_argument("--steps", metavar="N", type=arguments.count, help=strings_help.STAGE_STEPS)
    command.add_argument(
        "--seed", metavar="S", type=arguments.seed, default=0, help=strings_help.PRETRAINING_SEED
    )
    command.add_argument(
        "--learning-rate", metavar="X", type=arguments.positive, default=5e-4,
        help=strings_help.PRETRAINING_RATE,
    )  # fmt: skip
    command.add_argument("--mpp", metavar="UM", type=arguments.pixel_size, help=strings_help.MPP)
    command.add_argument("--regions", metavar="CORPUS", type=arguments.file, help=strings_help.KNN_REGIONS)
    command.add_argument("--device", choices=("cpu", "cuda"), help=strings_help.TRAINING_DEVICE)


def _pretrain(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from viewer.common.progress import progress_bar
    from viewer.relevance.analysis.open import pixel_size_of
    from viewer.relevance.training.pretraining.page import as_markdown
    from viewer.relevance.training.pretraining.pretrain import PAGE, PretrainingOptions, pretrain
    from viewer.relevance.training.tissue.corpus import read_corpus
    from viewer.slide.formats.listing import slides_among

    folder: Path = options.output
    if folder.exists() and not folder.is_dir():
        raise arguments.UsageError(strings.NOT_A_FOLDER.format(path=folder))
    device = training_device(options.device)

    def say_unreadable(path: Path, error: OSError) -> None:
        terminal.write_stderr(strings.FOLDER_UNREADABLE.format(folder=path, error=error.strerror or error))

    slides = slides_among(options.paths, say_unreadable)
    if not slides:
        raise arguments.UsageError(strings.NO_SLIDES)
    corpus = read_corpus(options.regions) if options.regions else None
    for sentence in corpus.notes if corpus else ():
        terminal.write_stderr(sentence)

    def mpp_um_of(source: Source) -> tuple[float, float]:
        size = pixel_size_of(source, options.mpp)
        for sentence in size.notes:
            note(sentence)
        return size.mpp_um

    def note(sentence: str) -> None:
        with tqdm.external_write_mode():  # the bar makes room for a line
            terminal.write_stderr(sentence)

    def report(sentence: str) -> None:
        with tqdm.external_write_mode():
            terminal.write_stdout(sentence)

    chosen = PretrainingOptions(
        options.shape, _STAGES[options.stage], options.steps, options.seed, options.learning_rate, device
    )
    with progress_bar(strings.TRAINING) as progress:
        record = pretrain(
            slides, chosen, folder,
            pixel_size_of=mpp_um_of, corpus=corpus, progress=progress, note=note, report=report,
        )  # fmt: skip
    terminal.write_stdout(as_markdown(record, folder))
    terminal.write_stdout(escape_control(strings.PRETRAINED.format(folder=folder, page=folder / PAGE)))
    return 0
