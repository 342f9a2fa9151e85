"""``foveola index``: slides analysed ahead on all cores or a cluster; queries are then answered at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from viewer.cli import arguments, terminal
from viewer.cli.output import card_with_terms
from viewer.common.text import one_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from viewer.relevance.analysis.batch_index import IndexResult


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    command = add("index", _index, "analyse slides, so that queries are answered at once")
    command.add_argument(
        "paths", metavar="PATH", nargs="+", type=arguments.file, help="slides, and folders of slides"
    )
    arguments.add_question_options(command)
    command.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster, as tcp://host:8786, that sees the files"
    )


def _index(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from viewer.common.cores import core_count
    from viewer.common.progress import progress_bar
    from viewer.common.settings import Settings
    from viewer.relevance.analysis.batch_index import IndexJob, index_slides, slides_among
    from viewer.relevance.encoders.device_errors import graphics_cards
    from viewer.relevance.features.cache_folder import features_dir

    card = card_with_terms(options.encoder)
    slides = slides_among(options.paths)
    if not slides:
        raise arguments.UsageError("there are no slides in these folders")
    cores = core_count()
    graphics = () if options.scheduler else graphics_cards()
    processes = min(len(graphics) or cores, len(slides))
    job = IndexJob(
        card.id,
        options.mpp,
        str(features_dir().absolute()),
        Settings.load().relevance.store_bytes,
        threads=None if options.scheduler else max(1, cores // processes),
        cards=graphics,
    )
    failed = 0
    with progress_bar(f"{len(slides):,} slides") as progress:
        results = index_slides(
            slides, job, processes=processes, scheduler=options.scheduler, progress=progress
        )
        for result in results:
            failed += bool(result.failure)
            with tqdm.external_write_mode():  # the bar steps aside for a line
                if result.failure:
                    terminal.write_stderr(result.failure)
                else:
                    terminal.write_stdout(_index_line(result))
                    for note in result.notes:
                        terminal.write_stderr(f"{Path(result.path).name}: {note}")
    if failed:
        terminal.write_stderr(f"{failed:,} of {len(slides):,} slides could not be analysed")
    return 1 if failed else 0


def _index_line(result: IndexResult) -> str:
    name = one_line(result.path)
    if result.skipped:
        return f"complete   {name}: {result.patches:,} patches were there"
    unread = f", {result.failed_patches:,} could not be read" if result.failed_patches else ""
    return f"analysed   {name}: {result.patches:,} patches{unread}, {result.seconds:.1f} s"
