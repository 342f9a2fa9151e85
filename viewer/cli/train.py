"""``foveola train-head``: trains a slide head, tests it, registers it and prints the result."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE
from viewer.cli import arguments, strings, strings_help, terminal
from viewer.cli.index import analyse_slides
from viewer.cli.output import card_with_terms
from viewer.common.text import escape_control
from viewer.relevance.encoders.card import MEASURED_ID

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from viewer.slide.locator import Locator

_MAX_NAME = 40


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    command = add("train-head", _train_head, strings_help.TRAIN_HEAD)
    command.add_argument(
        "paths", metavar="PATH", nargs="+", type=arguments.file,
        help=strings_help.TRAINING_PATHS,
    )  # fmt: skip
    command.add_argument(
        "--labels", metavar="CSV", required=True, type=arguments.file,
        help=strings_help.LABELS,
    )  # fmt: skip
    command.add_argument("--head", choices=("gated", "span"), default="gated", help=strings_help.HEAD_KIND)
    command.add_argument("--name", metavar="NAME", help=strings_help.HEAD_NAME)
    command.add_argument(
        "-o", "--output", metavar="FOLDER", type=arguments.file, help=strings_help.HEAD_FOLDER
    )
    command.add_argument(
        "--encoder", metavar="ID", help=strings_help.FEATURES_ENCODER.format(default=MEASURED_ID)
    )
    command.add_argument("--mpp", metavar="UM", type=arguments.pixel_size, help=strings_help.MPP)
    command.add_argument(
        "--folds", metavar="K", type=_folds, default=5,
        help=strings_help.FOLDS,
    )  # fmt: skip
    command.add_argument(
        "--seed", metavar="S", type=arguments.seed, default=0, help=strings_help.TRAINING_SEED
    )
    command.add_argument("--epochs", metavar="N", type=arguments.count, default=100, help=strings_help.EPOCHS)
    command.add_argument(
        "--patience", metavar="N", type=arguments.count, default=15,
        help=strings_help.PATIENCE,
    )  # fmt: skip
    command.add_argument(
        "--learning-rate", metavar="X", type=arguments.positive, default=2e-4, help=strings_help.LEARNING_RATE
    )
    command.add_argument("--device", choices=("cpu", "cuda"), help=strings_help.TRAINING_DEVICE)


def _folds(text: str) -> int:
    value = arguments.count(text)
    if value == 2:
        raise ArgumentTypeError(strings.TWO_FOLDS)
    return value


def _train_head(options: argparse.Namespace) -> int:
    from viewer.common.errors import EncoderError
    from viewer.common.paths import state_dir
    from viewer.common.progress import progress_bar
    from viewer.relevance.encoders.card import FILE_PREFIX, HeadEntry
    from viewer.relevance.encoders.head_registry import check_head_name, register_head
    from viewer.relevance.training.cohort import gather, read_labels, split_paths
    from viewer.relevance.training.report import no_better_than_chance
    from viewer.relevance.training.train import WEIGHTS, TrainingOptions, train_head

    name = options.name or _name_from(options.labels)
    try:
        check_head_name(name)
    except EncoderError as error:
        raise arguments.UsageError(str(error)) from error
    folder: Path = options.output or state_dir() / "heads" / name
    if folder.exists() and not folder.is_dir():
        raise arguments.UsageError(strings.NOT_A_FOLDER.format(path=folder))
    chosen = TrainingOptions(
        options.head,
        options.folds,
        options.seed,
        options.epochs,
        options.patience,
        options.learning_rate,
        training_device(options.device),
    )
    labels, notes = read_labels(options.labels)
    files, slides = split_paths(options.paths, labels, options.encoder)
    stores = _stores_of(slides, options) if slides else {}
    with progress_bar(strings.READING) as progress:
        cohort = gather(files, labels, stores=stores, encoder=options.encoder, progress=progress)
    for note in (*notes, *cohort.notes):
        terminal.write_stderr(note)
    with progress_bar(strings.TRAINING) as progress:
        facts = train_head(cohort, chosen, folder, name=name, progress=progress)
    if cohort.encoder.startswith(FILE_PREFIX):
        registered = strings.NOT_REGISTERED.format(encoder=cohort.encoder.removeprefix(FILE_PREFIX))
    else:
        entry = HeadEntry(
            name,
            strings.HEAD_TITLE.format(name=name, classes=strings.CLASSES_OR.join(cohort.classes)),
            folder / WEIGHTS,
            cohort.encoder,
            cohort.encoder_version,
            cohort.feature_width,
            cohort.classes,
            facts["weights_sha256"],
        )
        registered = strings.REGISTERED.format(name=name, path=register_head(entry))
    terminal.write_stdout(_text(facts, folder, registered))
    unproven = no_better_than_chance(facts["report"])
    if unproven:
        terminal.write_stderr(unproven)
    return 0


def _stores_of(slides: Mapping[str, Path | Locator], options: argparse.Namespace) -> dict[str, Path]:
    """The features of slides by their key, found or made; prints where they are."""
    card = card_with_terms(options.encoder or MEASURED_ID)
    keys = {str(path.absolute()): key for key, path in slides.items()}
    results = analyse_slides(list(slides.values()), card, mpp_um=options.mpp)
    stores = {keys[result.path]: Path(result.store) for result in results if not result.failure}
    if stores:
        folder = next(iter(stores.values())).parent
        sentence = strings.FEATURES_OF_SLIDES.format(count=len(stores), encoder=card.title, folder=folder)
        terminal.write_stdout(escape_control(sentence))
    return stores


def _name_from(table: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", table.stem).strip("-")[:_MAX_NAME] or "head"


def training_device(requested: str | None) -> str:
    """The device to train on. Raises UsageError where there is no CUDA card."""
    import torch

    available: bool = torch.cuda.is_available()
    if requested == "cuda" and not available:
        raise arguments.UsageError(strings.NO_CUDA)
    return requested or ("cuda" if available else "cpu")


def _text(facts: dict[str, Any], folder: Path, registered: str) -> str:
    from viewer.relevance.training.report import slides_in_words
    from viewer.relevance.training.train import FACTS, PAGE, WEIGHTS

    tested = facts["report"]
    before, after = tested["calibration"]["before"], tested["calibration"]["after"]
    lines = [strings.TESTED_LINE.format(slides=slides_in_words(tested), splits=len(tested["splits"]))]
    for name, area in tested["auc"].items():
        auc = strings.AUC_UNDEFINED if area["auc"] is None else strings.AUC.format(**area)
        lines.append(strings.AUC_LINE.format(name=name, auc=auc))
    lines += [
        strings.CALIBRATION_LINE.format(before=before, after=after),
        strings.HEAD_LINE.format(path=folder / WEIGHTS),
        strings.REPORT_LINE.format(page=folder / PAGE, facts=folder / FACTS),
        strings.REGISTERED_LINE.format(registered=registered),
        "",
        strings.ATTENTION_NOTE.format(research_use=RESEARCH_USE),
    ]
    return "\n".join(escape_control(line) for line in lines)
