"""The relevance worker's process: of the lowest priority, runs the engine on a slide, reports why it ends.

Imported by the window's process, which starts it: torch and all that needs it come in only here, inside.
"""

from __future__ import annotations

import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from viewer.common.log import described
from viewer.common.priority import yield_to_others
from viewer.relevance.analysis.strings import NOT_SAVED
from viewer.relevance.worker import strings
from viewer.relevance.worker.messages import Failed, Note

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from viewer.relevance.encoders.protocols import Encoder
    from viewer.relevance.query.parsed import PhraseFinder
    from viewer.relevance.worker.messages import Analyse
    from viewer.relevance.worker.shared_memory import SharedGrid


def run_worker(
    connection: Connection,
    job: Analyse,
    memory: SharedGrid,
    make_encoder: Callable[[str], Encoder],
    load_phrase_finder: Callable[[], PhraseFinder | None],
) -> None:
    """The process from beginning to end. Ends quietly after ``Stop``, and when the other side is gone."""
    yield_to_others()
    try:
        with closing(connection), suppress(EOFError, BrokenPipeError, ConnectionResetError):
            try:
                _analyse(connection, job, memory, make_encoder, load_phrase_finder)
            except (EOFError, BrokenPipeError, ConnectionResetError):
                raise
            except Exception as error:
                connection.send(Failed(strings.HAS_ENDED.format(error=described(error))))
    except KeyboardInterrupt:  # Ctrl+C in the terminal reaches every process of the window
        sys.exit(0)


def _analyse(
    connection: Connection,
    job: Analyse,
    memory: SharedGrid,
    make_encoder: Callable[[str], Encoder],
    load_phrase_finder: Callable[[], PhraseFinder | None],
) -> None:
    import torch

    from viewer.common.atomic_write import SaveError
    from viewer.relevance.analysis.slide_analysis import Analysis
    from viewer.relevance.features.store import FeatureStore
    from viewer.relevance.features.store_key import StoreSubject
    from viewer.relevance.worker.engine import Engine
    from viewer.slide.formats.registry import open_slide

    torch.set_num_threads(1)  # a thread for each block uses all cores better
    with closing(open_slide(job.slide)) as source:
        encoder = make_encoder(job.encoder_id)
        _check_heads(encoder, memory)
        subject = StoreSubject.of(source, encoder.card, job.mpp_um, mpp_estimated=job.mpp_estimated)
        store = FeatureStore.open(subject, limit_bytes=job.store_bytes)
        try:
            analysis = Analysis(source, encoder, store, notes=subject.notes())
            analysis.use_fastest()
            with closing(
                Engine(connection, memory, analysis, job.threads, load_phrase_finder=load_phrase_finder)
            ) as engine:
                engine.run()
        finally:
            try:
                store.close()
            except SaveError as error:
                connection.send(Note(NOT_SAVED.format(error=error)))


def _check_heads(encoder: Encoder, memory: SharedGrid) -> None:
    """Raises EncoderError where the lists of models have changed since the memory was allocated."""
    from viewer.common.errors import EncoderError

    allocated = None if memory.attention is None else memory.attention.heads
    if encoder.card.attention_heads != allocated:
        raise EncoderError(strings.ENCODER_CHANGED)
