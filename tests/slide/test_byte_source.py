"""Positioned reads that a shrinking or closing file cannot crash."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from tests.messages import pattern
from viewer.slide import byte_source as file_bytes
from viewer.slide import strings
from viewer.slide.byte_source import FileBytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(params=[True, False], ids=["pread", "seek and read"])
def file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileBytes:
    if not request.param:
        monkeypatch.setattr(file_bytes, "_HAS_PREAD", False)
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))
    file = FileBytes(path)
    yield file
    file.close()


def test_reads_exactly_the_requested_bytes(file: FileBytes) -> None:
    assert file.size_bytes == 100
    assert file.read(10, 3) == bytes([10, 11, 12])
    assert file.read(100, 0) == b""


@pytest.mark.parametrize(("offset", "count"), [(99, 2), (-1, 5), (0, -1), (2**70, 1), (0, 2**70)])
def test_bytes_outside_the_file_are_an_error_before_any_allocation(
    file: FileBytes, offset: int, count: int
) -> None:
    with pytest.raises(EOFError, match=pattern(strings.BYTES_MISSING, size=100)):
        file.read(offset, count)


def test_file_cut_short_after_opening_is_an_error(file: FileBytes) -> None:
    os.truncate(file.locator.path, 50)
    assert file.read(0, 50) == bytes(range(50))
    with pytest.raises(EOFError, match=pattern(strings.FILE_TRUNCATED)):
        file.read(40, 20)


def test_closed_file_is_an_error_and_closing_twice_is_not(file: FileBytes) -> None:
    file.close()
    file.close()
    with pytest.raises(OSError, match=strings.CLOSED):
        file.read(0, 1)


def test_descriptor_stays_open_until_the_last_read_returns(
    file: FileBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number must not go to another file under a read in flight."""
    inside, go_on = threading.Event(), threading.Event()
    descriptors: list[int] = []

    def slowed(read: Callable[..., bytes]) -> Callable[..., bytes]:
        def slow(descriptor: int, *place: int) -> bytes:
            descriptors.append(descriptor)
            inside.set()
            assert go_on.wait(5)
            os.fstat(descriptor)
            return read(descriptor, *place)

        return slow

    for name in {"pread", "read"} & set(dir(os)):
        monkeypatch.setattr(os, name, slowed(getattr(os, name)))
    results: list[bytes] = []
    reader = threading.Thread(target=lambda: results.append(file.read(5, 2)))
    closer = threading.Thread(target=file.close)
    reader.start()
    assert inside.wait(5)
    closer.start()
    closer.join(0.1)  # it returns at once, or, where reads seek, after the read
    os.fstat(descriptors[0])
    go_on.set()
    reader.join()
    closer.join()
    assert results == [bytes([5, 6])]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptors[0])
