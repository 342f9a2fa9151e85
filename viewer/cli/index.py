"""``foveola index``: analyses slides ahead, on all cores or a cluster, for queries without a wait."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from viewer.cli import arguments, strings, strings_help, terminal
from viewer.cli.output import card_with_terms, encoder_of
from viewer.common.text import one_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from viewer.relevance.analysis.batch_index import IndexResult
    from viewer.relevance.encoders.card import EncoderCard
    from viewer.slide.locator import Locator


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    command = add("index", _index, strings_help.INDEX)
    command.add_argument(
        "paths", metavar="PATH", nargs="+", type=arguments.slides, help=strings_help.INDEX_PATHS
    )
    arguments.add_analysis_options(command)
    command.add_argument("--scheduler", metavar="ADDRESS", help=strings_help.SCHEDULER)


def _index(options: argparse.Namespace) -> int:
    from viewer.slide.formats.listing import slides_among

    card = card_with_terms(encoder_of(options))
    unreadable = False

    def say_unreadable(folder: Path, error: OSError) -> None:
        nonlocal unreadable
        unreadable = True
        terminal.write_stderr(strings.FOLDER_UNREADABLE.format(folder=folder, error=error.strerror or error))

    slides = slides_among(options.paths, say_unreadable)
    if not slides:
        raise arguments.UsageError(strings.NO_SLIDES)
    results = analyse_slides(slides, card, mpp_um=options.mpp, scheduler=options.scheduler)
    return 1 if unreadable or any(result.failure for result in results) else 0


def analyse_slides(
    slides: Sequence[Path | Locator],
    card: EncoderCard,
    *,
    mpp_um: float | None = None,
    scheduler: str | None = None,
) -> list[IndexResult]:
    """Analyse slides on all cores, or a cluster, printing a line for each. Raises ClusterError."""
    from tqdm import tqdm

    from viewer.common.cores import core_count
    from viewer.common.progress import progress_bar
    from viewer.common.settings import Settings
    from viewer.relevance.analysis.batch_index import IndexJob, index_slides
    from viewer.relevance.encoders.device_errors import graphics_cards
    from viewer.relevance.features.cache_folder import features_dir

    cores = core_count()
    graphics = () if scheduler else graphics_cards()
    processes = max(1, min(len(graphics) or cores, len(slides)))
    job = IndexJob(
        card.id,
        mpp_um,
        str(features_dir().absolute()),
        Settings.load().relevance.store_bytes,
        threads=None if scheduler else max(1, cores // processes),
        cards=graphics,
    )
    results: list[IndexResult] = []
    counted = strings.SLIDES[len(slides) == 1].format(count=len(slides))
    with progress_bar(counted) as progress:
        for result in index_slides(slides, job, processes=processes, scheduler=scheduler, progress=progress):
            results.append(result)
            with tqdm.external_write_mode():  # the bar makes room for a line
                if result.failure:
                    terminal.write_stderr(result.failure)
                else:
                    terminal.write_stdout(_index_line(result))
                    for note in result.notes:
                        name = Path(result.path).name
                        terminal.write_stderr(strings.SLIDE_NOTE.format(slide=name, note=note))
    failed = sum(bool(result.failure) for result in results)
    if failed:
        terminal.write_stderr(strings.SLIDES_FAILED.format(failed=failed, slides=counted))
    return results


def _index_line(result: IndexResult) -> str:
    if result.skipped:
        template = strings.INDEX_COMPLETE
    elif result.failed_patches:
        template = strings.INDEX_ANALYSED_PARTLY
    else:
        template = strings.INDEX_ANALYSED
    return template.format(
        slide=one_line(result.path),
        patches=strings.PATCHES[result.patches == 1].format(count=result.patches),
        failed=result.failed_patches,
        seconds=result.seconds,
    )
