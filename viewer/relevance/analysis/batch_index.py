"""Many slides analysed side by side through Dask: on this machine, or on a cluster.

One slide is one task. Complete slides are skipped, a slide that fails stops no other, and a task that is
killed continues where it stopped the next time. Each process of this machine has a graphics card of its own
where there are some; a cluster's workers use the cards that they were started with.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_from_bytes

from viewer.common.errors import FoveolaError
from viewer.common.log import described
from viewer.common.text import one_line
from viewer.relevance.analysis import strings
from viewer.relevance.analysis.open import card_of, open_analysis, pixel_size_of
from viewer.relevance.encoders.device_errors import take_card
from viewer.relevance.features.store import FeatureStore
from viewer.relevance.features.store_key import StoreSubject
from viewer.slide.formats.registry import open_slide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from distributed import Client

    from viewer.slide.locator import Locator

_TOPIC = "foveola-index"
_REPORT_EVERY_S = 0.5
_CONNECT_TIMEOUT_S = 20
_one_at_a_time = threading.Lock()
"""An encoder belongs to one thread; a cluster's workers may have several."""


class ClusterError(FoveolaError):
    """A Dask scheduler that cannot be used."""


@dataclass(frozen=True, slots=True)
class IndexJob:
    """The settings for every slide. ``threads``: of torch in each process; None: torch's default.

    ``folder``: where the stores lie, as the machines that work see it. ``cards``: graphics cards
    that processes of this machine take in turns; () leaves each all that it sees.
    """

    encoder_id: str
    mpp_um: float | None
    folder: str
    limit_bytes: int
    threads: int | None = None
    cards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexResult:
    """The outcome of one slide. ``notes``: sentences; ``failure``: why there is no index, "" where there is.
    ``store``: the file of its features.

    ``skipped``: it was complete before. ``failed_patches`` could not be read and are not analysed.
    """

    path: str
    store: str = ""
    skipped: bool = False
    patches: int = 0
    failed_patches: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    failure: str = ""


def index_slide(path: str, job: IndexJob, report: Callable[[float], None]) -> IndexResult:
    """Analyse one slide to the end. ``report`` is called with the share that is done, 0 to 1. Never raises
    for a bad slide: the result has the error.
    """
    started_s = time.monotonic()
    try:
        with _one_at_a_time, closing(open_slide(path)) as source:
            pixel_size = pixel_size_of(source, job.mpp_um)
            subject = StoreSubject.of(
                source, card_of(job.encoder_id), pixel_size.mpp_um, mpp_estimated=pixel_size.estimated
            )
            folder = Path(job.folder)
            with FeatureStore.open(subject, limit_bytes=job.limit_bytes, folder=folder) as store:
                if store.complete:
                    return IndexResult(
                        path, str(store.file), skipped=True, patches=store.count, notes=store.notes
                    )
            if job.threads is not None:
                import torch

                torch.set_num_threads(job.threads)
            with open_analysis(
                source,
                pixel_size,
                encoder_id=job.encoder_id,
                limit_bytes=job.limit_bytes,
                folder=folder,
            ) as analysis:
                analysis.run_to_end(_throttled(report))
                return IndexResult(
                    path,
                    str(analysis.store.file),
                    patches=analysis.store.count,
                    failed_patches=analysis.failed_count,
                    seconds=time.monotonic() - started_s,
                    notes=(*pixel_size.notes, *analysis.notes),
                )
    except Exception as error:
        words = described(error)
        failure = words if words.startswith(one_line(path)) else f"{path}: {words}"
        return IndexResult(path, seconds=time.monotonic() - started_s, failure=failure)


def index_slides(
    slides: Sequence[Path | Locator],
    job: IndexJob,
    *,
    processes: int,
    scheduler: str | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> Iterator[IndexResult]:
    """Analyse slides through Dask, giving each result as it comes.

    ``scheduler``: the address of a cluster whose machines see the same files; None: processes on this one,
    so many at most. Raises ClusterError.
    """
    paths = [str(path.absolute()) for path in slides]
    if not paths:
        return
    with _client(scheduler, min(processes, len(paths))) as client:
        yield from _results(client, paths, job, progress)


def _results(
    client: Client, paths: Sequence[str], job: IndexJob, progress: Callable[[float, float], None] | None
) -> Iterator[IndexResult]:
    from distributed import as_completed

    slides = {_name_on_cluster(path): path for path in paths}
    done = dict.fromkeys(slides, 0.0)

    def on_progress(event: tuple[float, Any]) -> None:
        name, part = event[1]
        done[name] = max(done.get(name, 0.0), part)
        if progress is not None:
            progress(sum(done.values()), len(done))

    client.subscribe_topic(_TOPIC, on_progress)
    futures = {
        client.submit(_task, path, job, key=f"foveola-{name}", pure=False): name
        for name, path in slides.items()
    }
    for future in as_completed(list(futures)):
        name = futures[future]
        error = future.exception()
        on_progress((0.0, (name, 1.0)))
        if error:
            yield IndexResult(slides[name], failure=_end_in_words(slides[name], error))
        else:
            yield future.result()


def _end_in_words(path: str, error: BaseException) -> str:
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return strings.PROCESS_DIED.format(path=path, count=error.allowed_failures + 1)
    return strings.PROCESS_ENDED.format(path=path, error=error)


def _name_on_cluster(path: str) -> str:
    """A path as Dask takes it for keys and events, in UTF-8; names of files need not be."""
    return quote_from_bytes(os.fsencode(path))


def _task(path: str, job: IndexJob) -> IndexResult:
    """Run by a process of Dask."""
    from distributed import get_worker

    worker, name = get_worker(), _name_on_cluster(path)
    if job.cards:
        # A local cluster's workers are called 0, 1, 2 and so on, and keep that when they are started again.
        take_card(job.cards[int(worker.name) % len(job.cards)])
    return index_slide(path, job, lambda part: worker.log_event(_TOPIC, (name, part)))


@contextmanager
def _client(scheduler: str | None, processes: int) -> Iterator[Client]:
    """A client of the cluster, or of processes that end with it."""
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=_CONNECT_TIMEOUT_S)
        except (OSError, ValueError, TimeoutError) as error:
            raise ClusterError(strings.NO_SCHEDULER.format(scheduler=scheduler, error=error)) from error
        with client:
            yield client
        return
    try:
        cluster = LocalCluster(
            n_workers=processes,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            memory_limit=0,  # an analysis bounds its own memory; a paused worker would never go on
            silence_logs="CRITICAL",
        )
    except (OSError, RuntimeError, TimeoutError) as error:
        raise ClusterError(strings.NO_PROCESSES.format(error=described(error))) from error
    with cluster, Client(cluster) as client:
        yield client


def _throttled(report: Callable[[float], None]) -> Callable[[float, float], None]:
    """Progress a few times a second: each report crosses a network."""
    last_s = 0.0

    def throttled(done: float, total: float) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= _REPORT_EVERY_S:
            last_s = now_s
            report(done / max(total, 1))

    return throttled
