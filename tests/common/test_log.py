"""The log: a bounded file, hooks for uncaught errors, and diagnostics without folder names."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from viewer.common import log, strings
from viewer.common.atomic_write import SaveError
from viewer.common.paths import log_dir
from viewer.common.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def logging_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[log.Logging]:
    """Logging over hooks that do nothing, so that pytest's own do not see the errors made here."""
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)
    running = log.Logging()
    running.start()
    yield running
    running.stop()


def test_lines_go_to_file_and_memory(logging_on: log.Logging) -> None:
    log.logger("slide").warning("tile %d cannot be decoded", 7)
    assert logging_on.path.parent == log_dir()
    assert "WARNING foveola.slide: tile 7 cannot be decoded" in logging_on.path.read_text()
    assert logging_on.last_lines()[-1].endswith("tile 7 cannot be decoded")


def test_memory_is_bounded(logging_on: log.Logging) -> None:
    for number in range(log.KEPT_LINES + 10):
        log.logger("slide").info("line %d", number)
    assert len(logging_on.last_lines()) == log.KEPT_LINES


def test_file_is_bounded(logging_on: log.Logging) -> None:
    assert log.FILE_BYTES * (log.OLD_FILES + 1) <= 10_000_000
    for _ in range(3):
        log.logger("slide").info("x" * (log.FILE_BYTES // 2))
    assert logging_on.path.stat().st_size <= log.FILE_BYTES
    assert logging_on.path.with_name("foveola.log.1").exists()


def test_an_uncaught_error_is_logged_with_its_place(logging_on: log.Logging) -> None:
    try:
        raise RuntimeError("nobody catches me")
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    text = "\n".join(logging_on.last_lines())
    assert "RuntimeError: nobody catches me" in text
    assert "test_log.py" in text


def test_an_uncaught_error_in_a_thread_is_logged(logging_on: log.Logging) -> None:
    def fail() -> None:
        raise RuntimeError("in a thread")

    thread = threading.Thread(target=fail, name="decoder-3")
    thread.start()
    thread.join()
    text = "\n".join(logging_on.last_lines())
    assert "uncaught error in thread decoder-3" in text
    assert "RuntimeError: in a thread" in text


def test_interruption_is_no_error(logging_on: log.Logging) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert "uncaught" not in "\n".join(logging_on.last_lines())


def test_a_defect_is_one_line_and_its_traceback_goes_to_the_log(logging_on: log.Logging) -> None:
    with pytest.raises(IndexError) as caught:
        [].pop()
    assert log.described(caught.value) == strings.DEFECT.format(
        kind="IndexError", error="pop from empty list"
    )
    text = logging_on.path.read_text()
    assert "Traceback" in text
    assert "test_log.py" in text


def test_a_defect_of_a_process_without_a_log_is_added_to_the_file() -> None:
    for _ in range(2):
        log.described(ZeroDivisionError("x"))
    assert (log_dir() / "foveola.log").read_text().count("ZeroDivisionError: x") == 2
    assert not logging.getLogger("foveola").handlers


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (SaveError(Path("a.png"), strings.DISK_FULL), f"a.png: {strings.DISK_FULL}"),
        (OSError(5, "Input/output error", "a.svs"), "a.svs: Input/output error"),
        (MemoryError(), strings.NOT_ENOUGH_MEMORY),
    ],
)
def test_an_expected_error_is_one_line_and_not_logged(error: Exception, message: str) -> None:
    assert log.described(error) == message
    assert not (log_dir() / "foveola.log").exists()


def test_hooks_are_restored() -> None:
    before = sys.excepthook, threading.excepthook
    running = log.Logging()
    running.start()
    assert sys.excepthook != before[0]
    running.stop()
    assert (sys.excepthook, threading.excepthook) == before


def test_without_a_log_file_the_program_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    running = log.Logging(folder=file / "log")
    running.start()
    running.stop()
    assert "no log file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "reduced"),
    [
        ("/data/John Smith/slide 1.svs: truncated", "…slide 1.svs: truncated"),
        ("cannot open '/data/O'Brien/x.svs'", "cannot open …x.svs'"),
        (r"C:\Patients\Smith John\x.svs: empty", "…x.svs: empty"),
        ("see /a/b.svs and /home/smith/c.svs", "see …c.svs"),
        ("slides/smith/x.svs", "…x.svs"),
        ("/x.svs", "…x.svs"),
        ("drawn in 3.5 ms", "drawn in 3.5 ms"),
    ],
)
def test_paths_are_cut_down_to_file_names(line: str, reduced: str) -> None:
    assert log.without_folders(line) == reduced


def test_diagnostics_hold_what_is_needed_and_no_folder() -> None:
    text = log.diagnostics(
        lines=["12:00 WARNING foveola.slide: /data/Smith/a.svs: tile lost"],
        settings=Settings.default().replace("viewing", last_folder="/data/Smith"),
        gl_info={"renderer": "llvmpipe"},
        facts={"slide": "/data/Smith/a.svs"},
    )
    assert "Smith" not in text
    for needed in (
        "Foveola: ",
        "Python: ",
        "numpy: ",
        "renderer: llvmpipe",
        "cpu_cache_bytes",
        "slide: …a.svs",
    ):
        assert needed in text
    assert "a.svs: tile lost" in text


def test_diagnostics_leave_out_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "LIBRARIES", ("numpy", "no-such-library"))
    text = log.diagnostics(lines=[])
    assert "numpy: " in text
    for absent in ("no-such-library", strings.GRAPHICS, strings.SETTINGS, strings.FACTS):
        assert absent not in text


def test_a_thread_that_ended_without_an_error_is_not_logged(logging_on: log.Logging) -> None:
    threading.excepthook(threading.ExceptHookArgs((RuntimeError, None, None, None)))
    assert not any("uncaught" in line for line in logging_on.last_lines())
