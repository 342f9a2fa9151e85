"""The window's side with real workers: answers, deaths, and an end within two seconds, whatever happens."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from PIL import Image

pytest.importorskip("torch")

from tests.messages import pattern
from tests.relevance import workers
from tests.relevance.colours import MPP_UM, MadeSlide, picture
from viewer.relevance.analysis.strings import CPU_USED
from viewer.relevance.encoders.card import SALIENCY_ID
from viewer.relevance.features import strings as feature_strings
from viewer.relevance.query.tree import Term
from viewer.relevance.worker import strings
from viewer.relevance.worker.client import RelevanceClient
from viewer.relevance.worker.messages import (
    Allocated,
    ComputingOn,
    Explained,
    Failed,
    Note,
    Progress,
    Published,
    Refused,
    TermsMatched,
    WorkerDied,
)
from viewer.slide.formats.registry import open_slide
from viewer.slide.geometry import Rect
from viewer.view.gaze import SlideGaze

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from viewer.relevance.encoders.protocols import Encoder
    from viewer.relevance.query.parsed import PhraseFinder
    from viewer.slide.source import Source

PATIENCE_S = 30.0
DARKNESS = Term("darkness")


class Listener:
    """All events, in the order they came, and a wait for the next that matters."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self._news = threading.Condition()
        self._read = 0

    def __call__(self, event: object) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def wait_until(self, matches: Callable[[Any], bool]) -> Any:
        """The first event that matches, after the one returned last."""
        deadline_s = time.monotonic() + PATIENCE_S
        with self._news:
            while True:
                for at in range(self._read, len(self.events)):
                    if matches(self.events[at]):
                        self._read = at + 1
                        return self.events[at]
                left_s = deadline_s - time.monotonic()
                assert left_s > 0, f"not received among {self.events[-5:]}"
                self._news.wait(left_s)

    def wait_for(self, kind: type) -> Any:
        return self.wait_until(lambda event: isinstance(event, kind))

    def wait_for_end(self) -> Any:
        return self.wait_until(lambda event: isinstance(event, Progress) and event.done == event.total)


@pytest.fixture
def slide(tmp_path: Path) -> Iterator[Source]:
    path = tmp_path / "made.png"
    Image.fromarray(picture()).save(path)
    with closing(open_slide(path)) as source:
        yield source


@pytest.fixture
def listener() -> Listener:
    return Listener()


def begin(
    source: Source,
    listener: Listener,
    make_encoder: Callable[[str], Encoder] = workers.colours,
    load_phrase_finder: Callable[[], PhraseFinder | None] = workers.greasy,
) -> RelevanceClient:
    client = RelevanceClient(listener, make_encoder=make_encoder, load_phrase_finder=load_phrase_finder)
    client.open(source, MPP_UM, mpp_estimated=True, encoder_id="colours", store_bytes=1 << 28, threads=1)
    return client


def worker_of_this_process() -> psutil.Process:
    """The newest child that is a worker; multiprocessing has a helper of its own beside it."""
    children = [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]
    return max(children, key=lambda child: child.create_time())


def kill_worker() -> None:
    os.kill(worker_of_this_process().pid, signal.SIGKILL)


def test_a_slide_is_analysed_and_searched_in_another_process_and_stays_known(
    slide: Source, listener: Listener
) -> None:
    with closing(begin(slide, listener)) as client:
        client.set_viewport(Rect(640, 320, 800, 480), SlideGaze(720.0, 400.0, 1e-3, 1.0), 1.0, moving=False)
        first = client.set_query(DARKNESS)
        assert listener.wait_for_end().failed == 0
        field = client.field()
        assert field is not None
        assert field.grid == client.grid
        assert field.known.all()
        assert field.scores[20, 45] > 0.5 > field.scores[20, 20] > field.scores[0, 0]
        assert (field.provenance.query, field.provenance.mpp_estimated) == ("darkness", True)
        loads = client.loads()
        assert loads is not None
        assert loads.weights[25, 45] > loads.weights[10, 45] > 1
        assert loads.levels.shape == client.grid.shape
        assert {Allocated, ComputingOn} <= {type(event) for event in listener.events}

        client.explain(0, 20, 45)
        event = listener.wait_for(Explained)
        assert (event.number, event.row, event.col, event.reasons[0].measurement) == (first, 20, 45, "red")

        assert client.set_query(Term("taste")) == first + 1
        assert listener.wait_for(Refused).number == first + 1
        if psutil.LINUX:
            assert worker_of_this_process().nice() == 19

    again = Listener()
    with closing(begin(slide, again)) as client:
        client.set_query(DARKNESS)
        first = again.wait_for(Progress)
        assert first.done == first.total
        assert any(isinstance(event, Published) for event in again.events)


def test_what_does_not_fit_the_graphics_processor_is_analysed_without_and_noted_once(
    slide: Source, listener: Listener
) -> None:
    with closing(begin(slide, listener, make_encoder=workers.cramped)):
        assert listener.wait_for_end().failed == 0
    notes = [event.text for event in listener.events if isinstance(event, Note)]
    assert notes.count(CPU_USED.format(error="Colours do not fit the memory of cuda")) == 1


def test_words_are_read_in_the_other_process_and_then_searched_for(slide: Source, listener: Listener) -> None:
    with closing(begin(slide, listener)) as client:
        first = client.match_terms(["greasy stuff", "flurb"])
        matched = listener.wait_for(TermsMatched)
        assert matched == TermsMatched(first, (("greasy stuff", "fat"),))
        assert client.set_query(DARKNESS) == first + 1
        assert listener.wait_for(Published).number == first + 1


def test_a_worker_that_a_sentence_model_kills_is_not_killed_for_ever(
    slide: Source, listener: Listener
) -> None:
    with closing(begin(slide, listener, load_phrase_finder=workers.deadly_finder)) as client:
        client.match_terms(["flurb"])
        assert listener.wait_for(WorkerDied).restarting
        assert not listener.wait_for(WorkerDied).restarting
        number = client.set_query(DARKNESS)
        assert listener.wait_for(Published).number == number


def test_relevance_by_another_worker_weighs_here_and_outlives_a_worker(
    slide: Source, listener: Listener
) -> None:
    with closing(begin(slide, listener)) as client:
        scores = np.zeros(client.grid.shape, np.float32)
        scores[8:38, 40:48] = 1
        client.set_relevance(scores)
        client.set_viewport(Rect(0, 0, 960, 800), None, 16.0, moving=False)
        for _ in range(2):
            listener.wait_for(Allocated)
            loads = client.loads()
            assert loads is not None
            assert loads.weights[20, 44] > loads.weights[20, 20]
            if not any(isinstance(event, WorkerDied) for event in listener.events):
                kill_worker()
                assert listener.wait_for(WorkerDied).restarting


def test_a_worker_that_is_killed_is_replaced_once(slide: Source, listener: Listener) -> None:
    with closing(begin(slide, listener)) as client:
        number = client.set_query(DARKNESS)
        listener.wait_for(Published)
        kill_worker()
        died = listener.wait_for(WorkerDied)
        assert died.restarting
        how = strings.BY_SIGNAL.format(number=9)
        assert died.reason == strings.DIED_RESTARTING.format(how=how)
        assert client.field() is not None
        assert listener.wait_for(Published).number == number
        kill_worker()
        assert not listener.wait_for(WorkerDied).restarting
        assert client.set_query(DARKNESS) == number + 1
        assert listener.wait_for(Published).number == number + 1


def test_a_worker_that_dies_at_once_stays_off(slide: Source, listener: Listener) -> None:
    with closing(begin(slide, listener, workers.deadly)):
        assert listener.wait_for(WorkerDied).restarting
        died = listener.wait_for(WorkerDied)
        assert not died.restarting
        assert died.reason == strings.DIED.format(how=strings.BY_EXIT_STATUS.format(code=3))


def test_a_worker_that_cannot_start_is_reported_and_the_next_question_starts_another(
    slide: Source, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_process(*_args: object, **_facts: object) -> None:
        raise RuntimeError("no more processes")

    with monkeypatch.context() as patch:
        patch.setattr(get_context("spawn"), "Process", no_process)
        client = begin(slide, listener)
        died = listener.wait_for(WorkerDied)
        assert not died.restarting
        assert re.fullmatch(pattern(strings.CANNOT_START), died.reason)
        assert "no more processes" in died.reason
        client.set_viewport(Rect(0, 0, 100, 100), None, 1.0, moving=False)  # no worker receives it
    with closing(client):
        number = client.set_query(DARKNESS)
        assert listener.wait_for(Published).number == number


def test_an_encoder_that_became_another_while_it_was_started_is_reported(
    slide: Source, listener: Listener
) -> None:
    with closing(begin(slide, listener, workers.saliency)):
        expected = strings.HAS_ENDED.format(error=strings.ENCODER_CHANGED)
        assert listener.wait_for(Failed).reason == expected


def test_a_slide_that_is_gone_is_reported_by_name(slide: Source, listener: Listener) -> None:
    slide.info.path.unlink()
    with closing(begin(slide, listener)):
        failed = listener.wait_for(Failed)
        assert "made.png" in failed.reason
        assert "no such file" in failed.reason


def test_a_worker_that_hangs_ends_within_two_seconds(slide: Source, listener: Listener) -> None:
    client = begin(slide, listener, workers.hanging)
    listener.wait_for(Progress)
    started_s = time.monotonic()
    client.close()
    assert time.monotonic() - started_s < 2
    client.close()
    assert not any(isinstance(event, WorkerDied) for event in listener.events)


def test_a_released_worker_is_waited_for_by_the_next_alone(slide: Source, listener: Listener) -> None:
    first = begin(slide, listener, workers.hanging)
    listener.wait_for(Progress)
    hanging = worker_of_this_process()
    started_s = time.monotonic()
    first.release()
    assert time.monotonic() - started_s < 0.2
    later = Listener()
    second = RelevanceClient(later, make_encoder=workers.colours)
    second.open(
        slide, MPP_UM, mpp_estimated=True, encoder_id="colours", store_bytes=1 << 28, threads=1, after=[first]
    )
    with closing(second):
        assert later.wait_for_end().failed == 0
        assert not first.running
        assert not hanging.is_running()
        # Two at once would say that what the second measures is not kept.
        assert not [event for event in later.events if isinstance(event, Note) and "elsewhere" in event.text]
    assert not second.running


def test_one_that_waits_for_another_ends_at_once(slide: Source, listener: Listener) -> None:
    first = begin(slide, listener)
    listener.wait_for(Progress)
    second = RelevanceClient(listener, make_encoder=workers.colours)
    second.open(slide, MPP_UM, mpp_estimated=True, encoder_id="colours", store_bytes=1 << 28, after=[first])
    second.set_viewport(Rect(0, 0, 100, 100), None, 1.0, moving=False)
    started_s = time.monotonic()
    second.close()
    assert time.monotonic() - started_s < 0.5
    first.close()


def test_a_worker_that_takes_no_messages_holds_nobody_up(slide: Source, listener: Listener) -> None:
    client = begin(slide, listener)
    listener.wait_for(Progress)
    os.kill(worker_of_this_process().pid, signal.SIGSTOP)
    started_s = time.monotonic()
    for _ in range(5000):
        client.set_viewport(Rect(0, 0, 100, 100), None, 1.0, moving=True)
    client.close()
    assert time.monotonic() - started_s < 2


def test_a_pixel_size_that_cannot_be_right_is_refused(listener: Listener) -> None:
    client = RelevanceClient(listener)
    with pytest.raises(ValueError, match="pixel size"):
        client.open(
            MadeSlide(picture()), (500.0, 500.0), mpp_estimated=False, encoder_id="measured", store_bytes=1
        )
    assert client.field() is None
    client.close()


def test_the_worker_ends_with_the_window(slide: Source) -> None:
    script = (
        "import os, signal, sys, time, psutil\n"
        "from tests.relevance.worker import test_client as t\n"
        "if __name__ == '__main__':\n"
        "    listener = t.Listener()\n"
        "    source = t.open_slide(sys.argv[1])\n"
        "    t.begin(source, listener)\n"
        "    listener.wait_for(t.Progress)\n"
        "    print(t.worker_of_this_process().pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).resolve().parents[3]
    file = slide.info.path.with_name("window.py")
    file.write_text(script)
    environment = os.environ | {"PYTHONPATH": str(root)}
    ended = subprocess.run(
        [sys.executable, str(file), str(slide.info.path)],
        stdout=subprocess.PIPE,
        timeout=PATIENCE_S,
        env=environment,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    worker = int(ended.stdout)
    deadline_s = time.monotonic() + 5
    while psutil.pid_exists(worker) and psutil.Process(worker).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline_s, "the worker outlives its window"
        time.sleep(0.05)


def test_a_slide_too_coarse_for_its_encoder_is_noted(slide: Source, listener: Listener) -> None:
    client = RelevanceClient(listener, make_encoder=workers.saliency)
    with closing(client):
        client.open(slide, (8.0, 8.0), mpp_estimated=False, encoder_id=SALIENCY_ID, store_bytes=1 << 28)
        assert re.fullmatch(pattern(feature_strings.COARSE_PIXELS), listener.wait_for(Note).text)
