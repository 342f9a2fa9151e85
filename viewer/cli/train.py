"""The command that trains: ``train-head``. Like those of ``cli`` it imports what it needs when it runs."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE
from viewer.cli import arguments, terminal
from viewer.common.text import escape_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

_MAX_NAME = 40


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    command = add(
        "train-head",
        _train_head,
        "train a slide head on features of labelled slides, test it and register it",
    )
    command.add_argument(
        "features", metavar="FEATURES", nargs="+", type=arguments.file,
        help="feature files and folders of them: Foveola's, TRIDENT's, CLAM's, STAMP's, slideflow's",
    )  # fmt: skip
    command.add_argument(
        "--labels", metavar="CSV", required=True, type=arguments.file,
        help="columns slide and label; patient and split (train, validation, test) if it likes",
    )  # fmt: skip
    command.add_argument(
        "--head", choices=("gated", "span"), default="gated", help="gated attention, or SPAN (gated)"
    )
    command.add_argument("--name", metavar="NAME", help="of the head (that of the table)")
    command.add_argument(
        "-o", "--output", metavar="FOLDER", type=arguments.file, help="for the head and its report"
    )
    command.add_argument("--encoder", metavar="ID", help="whose features, where there are those of several")
    command.add_argument(
        "--folds", metavar="K", type=_folds, default=5,
        help="of cross-validation by patients; 1: one held-out test (5)",
    )  # fmt: skip
    command.add_argument("--seed", metavar="S", type=arguments.seed, default=0, help="repeats a training (0)")
    command.add_argument("--epochs", metavar="N", type=arguments.count, default=100, help="at most (100)")
    command.add_argument(
        "--patience", metavar="N", type=arguments.count, default=15,
        help="epochs without a better validation before it ends (15)",
    )  # fmt: skip
    command.add_argument(
        "--learning-rate", metavar="X", type=arguments.positive, default=2e-4, help="(0.0002)"
    )
    command.add_argument(
        "--device", choices=("cpu", "cuda"), help="where to compute (cuda where there is a card, else cpu)"
    )


def _folds(text: str) -> int:
    value = arguments.count(text)
    if value == 2:
        raise ArgumentTypeError("two folds leave nothing to train on: 1, or 3 and more")
    return value


def _train_head(options: argparse.Namespace) -> int:
    from viewer.common.errors import EncoderError
    from viewer.common.paths import state_dir
    from viewer.common.progress import progress_bar
    from viewer.relevance.encoders.card import FILE_PREFIX, HeadEntry
    from viewer.relevance.encoders.head_registry import check_head_name, register_head
    from viewer.relevance.training.cohort import gather, read_labels
    from viewer.relevance.training.report import no_better_than_chance
    from viewer.relevance.training.train import WEIGHTS, TrainingOptions, train_head

    name = options.name or _name_from(options.labels)
    try:
        check_head_name(name)
    except EncoderError as error:
        raise arguments.UsageError(str(error)) from error
    folder: Path = options.output or state_dir() / "heads" / name
    if folder.exists() and not folder.is_dir():
        raise arguments.UsageError(f"{folder}: this is no folder; choose another name")
    chosen = TrainingOptions(
        options.head,
        options.folds,
        options.seed,
        options.epochs,
        options.patience,
        options.learning_rate,
        _device(options.device),
    )
    labels, notes = read_labels(options.labels)
    with progress_bar("reading") as progress:
        cohort = gather(options.features, labels, encoder=options.encoder, progress=progress)
    for note in (*notes, *cohort.notes):
        terminal.write_stderr(note)
    with progress_bar("training") as progress:
        facts = train_head(cohort, chosen, folder, name=name, progress=progress)
    if cohort.encoder.startswith(FILE_PREFIX):
        registered = (
            f"nowhere: the features are another program's ({cohort.encoder.removeprefix(FILE_PREFIX)}) and "
            "cannot be computed here, so the head is not offered"
        )
    else:
        entry = HeadEntry(
            name,
            f"{name}: {' or '.join(cohort.classes)}",
            folder / WEIGHTS,
            cohort.encoder,
            cohort.encoder_version,
            cohort.feature_width,
            cohort.classes,
            facts["weights_sha256"],
        )
        registered = f"as {name} in {register_head(entry)}"
    terminal.write_stdout(_text(facts, folder, registered))
    unproven = no_better_than_chance(facts["report"])
    if unproven:
        terminal.write_stderr(unproven)
    return 0


def _name_from(table: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", table.stem).strip("-")[:_MAX_NAME] or "head"


def _device(wanted: str | None) -> str:
    """Raises UsageError for a card that is not there."""
    import torch

    there: bool = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise arguments.UsageError("there is no CUDA card that torch can use here; --device cpu always works")
    return wanted or ("cuda" if there else "cpu")


def _text(facts: dict[str, Any], folder: Path, registered: str) -> str:
    from viewer.relevance.training.report import slides_in_words
    from viewer.relevance.training.train import FACTS, PAGE, WEIGHTS

    tested = facts["report"]
    before, after = tested["calibration"]["before"], tested["calibration"]["after"]
    lines = [f"tested      {slides_in_words(tested)}, {len(tested['splits'])} of their splits"]
    for name, area in tested["auc"].items():
        said = "not to be told: the test lacks a class"
        if area["auc"] is not None:
            said = f"{area['auc']:.3f} ({area['low']:.3f} to {area['high']:.3f})"
        lines.append(f"AUC         {name}: {said}")
    lines += [
        f"calibration error {before['ece']:.3f} before, {after['ece']:.3f} after; "
        f"Brier score {before['brier']:.3f} before, {after['brier']:.3f} after",
        f"head        {folder / WEIGHTS}",
        f"report      {folder / PAGE}, {folder / FACTS}",
        f"registered  {registered}",
        "",
        f"Attention is where a head looks, no diagnosis. {RESEARCH_USE}.",
    ]
    return "\n".join(escape_control(line) for line in lines)
