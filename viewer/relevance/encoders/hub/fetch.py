"""Fetches the files of a model into a folder of Foveola's own: resumed, pinned at the first fetch, checked by
digest.

What is written before anything comes (``fetched.json``) names the commit and the digest of every file: a
later attempt, after Ctrl+C or a crash, continues with these and no others. A file has its name only once its
content is right.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, BinaryIO

from viewer.common.atomic_write import SaveError, save_atomically, save_failure
from viewer.common.file_lock import locked
from viewer.common.paths import state_dir
from viewer.relevance.encoders.hub import strings
from viewer.relevance.encoders.hub.client import HubConnectionError, content
from viewer.relevance.encoders.hub.published import HubError, HubFile, Published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

PIN = "fetched.json"
_MOST_ATTEMPTS = 3
"""In a row without a byte; a long download outlives any number of lost connections."""
_PIECE_BYTES = 1 << 20


def model_dir(name: str) -> Path:
    """Where a model's files lie that Foveola fetched or copied. May not exist yet."""
    return state_dir() / "models" / name


def pinned(folder: Path) -> Published | None:
    """What the first fetch into a folder kept to; None before it. Raises HubError where that cannot be
    read.
    """
    path = folder / PIN
    if not path.is_file():
        return None
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        files = tuple(HubFile(**file) for file in facts.pop("files"))
        return Published(**facts, files=files)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise HubError(strings.PIN_UNREADABLE.format(path=path)) from error


def arrived_bytes(folder: Path, published: Published) -> int:
    """How much of a model lies in the folder, parts of files included."""
    return sum(
        path.stat().st_size
        for file in published.files
        for path in (folder / file.name, _part(folder, file))
        if path.is_file()
    )


def fetch(published: Published, folder: Path, progress: Callable[[float, float], None]) -> None:
    """Fetch what is missing of a model; ``progress`` is given (bytes there, bytes in all).

    Raises HubError, HubConnectionError where another attempt may succeed, SaveError.
    """
    with locked(folder):
        kept = pinned(folder)
        if kept is None:
            content_ = json.dumps(asdict(published), indent=1)
            save_atomically(folder / PIN, content_.encode())
        elif kept.files != published.files:
            raise HubError(strings.CHANGED.format(folder=folder, name=folder.name))
        _check_room(folder, published.size_bytes - arrived_bytes(folder, published))
        done, total = 0, published.size_bytes or 1
        for file in published.files:

            def show(there: int, before: int = done) -> None:
                progress(before + there, total)

            _fetch_file(file, folder, show)
            done += file.size_bytes


def _part(folder: Path, file: HubFile) -> Path:
    return folder / f".{file.name}.part"


def _check_room(folder: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if needed_bytes > free_bytes:
        raise HubError(
            strings.NO_ROOM.format(folder=folder, needed_mb=needed_bytes / 1e6, free_mb=free_bytes / 1e6)
        )


def _fetch_file(file: HubFile, folder: Path, progress: Callable[[int], None]) -> None:
    target, part = folder / file.name, _part(folder, file)
    if target.is_file() and _is_right(file, target):
        progress(file.size_bytes)
        return
    attempts = 0
    try:
        while (there := part.stat().st_size if part.exists() else 0) < file.size_bytes or not part.exists():
            progress(there)
            try:
                _continue(file, part, there, progress)
            except HubConnectionError:
                attempts = attempts + 1 if part.exists() and part.stat().st_size <= there else 0
                if attempts == _MOST_ATTEMPTS:
                    raise
        if part.stat().st_size > file.size_bytes:
            raise HubError(strings.TOO_LONG.format(name=file.name, size_bytes=file.size_bytes))
        if not _is_right(file, part):
            raise HubError(strings.WRONG_CONTENT.format(name=file.name))
        part.replace(target)
    except HubConnectionError:
        raise
    except HubError:
        part.unlink(missing_ok=True)
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise HubError(strings.DISK_FULL.format(path=folder)) from error
        raise SaveError(part, save_failure(part, error)) from error


def _continue(file: HubFile, part: Path, there: int, progress: Callable[[int], None]) -> None:
    """One request: append what comes to the part, and one byte more than was stated at most."""
    with content(file, there) as (start, pieces), part.open("r+b" if part.exists() else "wb") as out:
        out.truncate(start)
        out.seek(start)
        _append(out, pieces, file.size_bytes + 1 - start, lambda count: progress(start + count))
        out.flush()
        os.fsync(out.fileno())
    if part.stat().st_size < file.size_bytes:
        raise HubConnectionError(strings.TOO_SHORT.format(name=file.name))


def _append(out: BinaryIO, pieces: Iterable[bytes], most_bytes: int, progress: Callable[[int], None]) -> None:
    count = 0
    for piece in pieces:
        out.write(piece[: most_bytes - count])
        count = min(most_bytes, count + len(piece))
        progress(count)
        if count == most_bytes:
            return


def _is_right(file: HubFile, path: Path) -> bool:
    """Whether a file's content is what the hub stated: by SHA-256, or by git's digest of a blob."""
    if path.stat().st_size != file.size_bytes:
        return False
    digest = (
        hashlib.sha256()
        if file.sha256
        else hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False)
    )
    with path.open("rb") as opened:
        while piece := opened.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest() == (file.sha256 or file.blob)
