"""Many slides: what is done is skipped, what is bad stops nobody, processes of Dask do the work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, Mock

import pytest

from tests.messages import pattern
from tests.relevance.models.test_hipt import saved, small
from viewer.relevance.analysis import strings
from viewer.relevance.analysis.batch_index import (
    ClusterError,
    IndexJob,
    index_slide,
    index_slides,
)
from viewer.relevance.analysis.open import open_analysis, pixel_size_of
from viewer.relevance.encoders.model_registry import registry_file
from viewer.relevance.heatmap.whole_slide import attention_of
from viewer.slide.formats.registry import open_slide

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]


@pytest.fixture
def registered_hipt(tmp_path: Path) -> None:
    """Small weights of patches alone."""
    folder = tmp_path / "weights"
    folder.mkdir()
    saved(folder / "patches.pth", small(2, 128))
    registry_file().parent.mkdir(parents=True, exist_ok=True)
    registry_file().write_text(f'[hipt]\nfolder = "{folder}"\nheads = [2, 6]\n', encoding="utf-8")


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory, copy_phantom: Callable[[Path, int], Path]) -> Path:
    return copy_phantom(tmp_path_factory.mktemp("slides") / "phantom.tif", 512)


def job(folder: Path) -> IndexJob:
    return IndexJob("measured", None, str(folder / "stores"), 1 << 30, threads=1)


def test_a_slide_is_analysed_once(slide: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    first = index_slide(str(slide), job(tmp_path), shares.append)
    assert first.failure == ""
    assert not first.skipped
    assert first.patches > 0
    assert all(0 < part <= 1 for part in shares)
    copy = tmp_path / "copy.tif"
    shutil.copy(slide, copy)
    second = index_slide(str(copy), job(tmp_path), shares.append)
    assert second.skipped
    assert second.patches == first.patches


def test_what_is_wrong_stands_in_the_result(tmp_path: Path) -> None:
    (tmp_path / "bad.svs").write_bytes(b"nothing")
    assert "cannot be opened" in index_slide(str(tmp_path / "bad.svs"), job(tmp_path), print).failure
    assert "no such file" in index_slide(str(tmp_path / "missing.svs"), job(tmp_path), print).failure


def test_a_name_that_is_not_utf_8_stands_once_in_the_failure(tmp_path: Path) -> None:
    bad = tmp_path / os.fsdecode(b"gr\xf6\xdfe.svs")
    bad.write_bytes(b"nothing")
    assert index_slide(str(bad), job(tmp_path), print).failure.count("gr") == 1


def foveola_index(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own: Dask leaves threads behind."""
    command = [sys.executable, "-m", "viewer", "index", *words]
    environment = os.environ | {"FOVEOLA_HOME": str(folder / "home")}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_a_failure_names_the_slide(slide: Path, tmp_path: Path) -> None:
    unknown = IndexJob("nobody", None, str(tmp_path), 1 << 30)
    failure = index_slide(str(slide), unknown, print).failure
    assert failure.startswith(f"{slide}: there is no encoder 'nobody'")


def test_processes_of_dask_do_all_slides_and_name_the_bad_one(slide: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.svs"
    bad.write_bytes(b"nothing")
    copy = tmp_path / os.fsdecode(b"gr\xf6\xdfe.tif")  # a name that is not UTF-8
    copy.write_bytes(slide.read_bytes() + b"another content")  # else both are one slide, analysed once
    done = foveola_index(tmp_path, slide, copy, bad)
    assert done.returncode == 1
    assert done.stdout.count("\n") == 2
    assert str(slide) in done.stdout
    assert f"{bad}: it cannot be opened" in done.stderr
    assert done.stderr.count("\n") == 2
    assert len(list((tmp_path / "home" / "cache" / "features").glob("*.h5"))) == 2
    again = foveola_index(tmp_path, slide)
    assert again.returncode == 0
    assert again.stdout.startswith("complete")
    assert again.stderr == ""


def test_a_scheduler_that_is_not_there_is_reported(slide: Path, tmp_path: Path) -> None:
    done = foveola_index(tmp_path, slide, "--scheduler", "nonsense://?")
    assert done.returncode == 1
    assert re.search(pattern(strings.NO_SCHEDULER, scheduler="nonsense://?"), done.stderr)
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("registered_hipt")
def test_hipt_is_indexed_and_gone_on_from(slide: Path, tmp_path: Path) -> None:
    done = index_slide(str(slide), replace(job(tmp_path), encoder_id="hipt"), print)
    assert done.failure == ""
    assert done.patches == 4
    assert any("no level of regions" in note for note in done.notes)
    with closing(open_slide(slide)) as source:
        size = pixel_size_of(source, None)
        with open_analysis(
            source, size, encoder_id="hipt", limit_bytes=1 << 30, folder=tmp_path / "stores"
        ) as analysis:
            assert analysis.store.complete
            assert not analysis.pending.any()
            attention = attention_of(analysis)
    assert attention.patches_known.sum() == attention.tokens_known.sum() == 4


def test_processes_take_cards_in_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Dask is replaced by its calls: what is submitted runs here, as the worker of a given name."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    worker, dask = MagicMock(), MagicMock()
    done = Mock(exception=Mock(return_value=None))
    client = dask.Client.return_value.__enter__.return_value

    def submit(task: Callable[..., Any], *args: Any, **_: Any) -> Mock:
        done.result.return_value = task(*args)
        return done

    client.submit = submit
    monkeypatch.setattr("distributed.Client", dask.Client)
    monkeypatch.setattr("distributed.LocalCluster", dask.LocalCluster)
    monkeypatch.setattr("distributed.as_completed", iter)
    monkeypatch.setattr("distributed.get_worker", lambda: worker)

    def index_missing(worker_name: int | str, cards: tuple[str, ...]) -> str:
        worker.name = worker_name
        (result,) = index_slides([Path("missing.svs")], replace(job(tmp_path), cards=cards), processes=1)
        return result.failure

    for name, card in ((0, "2"), (1, "GPU-5"), (2, "2")):
        index_missing(name, ("2", "GPU-5"))
        assert os.environ["CUDA_VISIBLE_DEVICES"] == card
    assert "no such file" in index_missing("tcp://elsewhere:5", ())
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2", "as it was"


def test_a_slide_that_ends_its_process_is_one_sentence(
    slide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import KilledWorker

    killed = KilledWorker("foveola-a", Mock(), 3)
    future = Mock(exception=Mock(return_value=killed))
    client = MagicMock()
    client.return_value.__enter__.return_value.submit.return_value = future
    monkeypatch.setattr("distributed.Client", client)
    monkeypatch.setattr("distributed.LocalCluster", MagicMock())
    monkeypatch.setattr("distributed.as_completed", iter)
    (result,) = index_slides([slide], job(tmp_path), processes=1)
    assert result.failure == strings.PROCESS_DIED.format(path=slide, count=4)
    future.exception.return_value = ValueError("no worker")
    (result,) = index_slides([slide], job(tmp_path), processes=1)
    assert result.failure == strings.PROCESS_ENDED.format(path=slide, error="no worker")


def test_no_slides_need_no_processes(tmp_path: Path) -> None:
    assert list(index_slides([], job(tmp_path), processes=2)) == []


def test_processes_that_cannot_be_started_are_one_sentence(
    slide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import distributed

    def fail(**_settings: Any) -> None:
        raise RuntimeError("Nanny failed to start")

    monkeypatch.setattr(distributed, "LocalCluster", fail)
    with pytest.raises(ClusterError, match=pattern(strings.NO_PROCESSES)):
        list(index_slides([slide], job(tmp_path), processes=1))
