"""What was asked before, and the queries that the reader saved under a name: one small file.

Saved whole and at once, with what another Foveola has put there meanwhile. A file that makes no sense is set
aside under another name and said; nothing is lost.
"""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from viewer.common.atomic_write import SaveError, save_atomically, save_failure
from viewer.common.paths import state_dir
from viewer.relevance.query.tree import MAX_TEXT, Query, QueryError, from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_ASKED = 200
MAX_SAVED = 500
MAX_NAME = 100
_MAX_FILE_BYTES = 64_000_000
_VERSION = 1
_LOCK_WAIT_S = 1.0
"""Another Foveola writes for a few milliseconds; one that hangs must not stop the window."""

log = logging.getLogger(__name__)


class QueryHistory:
    """The texts asked, newest first, and saved queries by name. Changes stay in memory until ``save``."""

    def __init__(self, path: Path, *, notice: str | None = None) -> None:
        self.notice = notice
        """What to tell the reader about the file; None where all is well."""
        self._path = path
        self._untouchable = ""
        """Why the file must stay as it is; "" where it may be written."""
        self._found = False
        """Whether the file was there and made sense."""
        self._asked: list[str] = []
        self._saved: dict[str, Query] = {}
        # Since the file was read or written: only this is put into it, so that what others removed stays so.
        self._newly_asked: list[str] = []
        self._forgot = False
        self._changed: set[str] = set()

    @classmethod
    def load(cls, path: Path | None = None) -> QueryHistory:
        """The history in ``path`` (None: the usual file)."""
        file = path or state_dir() / "queries.json"
        history = cls(file)
        try:
            if file.stat().st_size > _MAX_FILE_BYTES:
                raise ValueError(f"it is larger than {_MAX_FILE_BYTES // 1_000_000} MB")
            history._restore(json.loads(file.read_bytes()))
        except FileNotFoundError:
            pass  # nothing was asked yet
        except OSError as error:
            reason = error.strerror or error
            history = cls(file, notice=f"{file}: earlier and saved queries cannot be read: {reason}")
            history._untouchable = "not saved, what it holds could not be read and would be lost"
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            log.warning("%s makes no sense: %s", file, error)
            history = cls(file)
            history._set_aside()
        return history

    @property
    def asked(self) -> tuple[str, ...]:
        """What was asked, newest first, each once."""
        return tuple(self._asked)

    @property
    def saved(self) -> tuple[tuple[str, Query], ...]:
        """The saved queries with their names, by alphabet."""
        return tuple(sorted(self._saved.items(), key=lambda item: item[0].casefold()))

    def remember(self, text: str) -> None:
        """Put a text on top; empty or overlong ones are not remembered."""
        text = " ".join(text.split())
        if text and len(text) <= MAX_TEXT:
            self._asked = _each_once([text, *self._asked])
            self._newly_asked = _each_once([text, *self._newly_asked])

    def forget_asked(self) -> None:
        """Forget what was asked; saved queries stay."""
        self._asked, self._newly_asked, self._forgot = [], [], True

    def keep(self, name: str, query: Query) -> None:
        """Save a query under a name, in place of one of the same name.

        Raises ValueError, in words for the reader: no name, a name too long, too many saved.
        """
        name = " ".join(name.split())
        if not name:
            raise ValueError("A saved query needs a name.")
        if len(name) > MAX_NAME:
            raise ValueError(f"A name has {MAX_NAME} characters at most.")
        if name not in self._saved and len(self._saved) >= MAX_SAVED:
            raise ValueError(f"{MAX_SAVED} queries are saved, which is the most; remove one first.")
        self._saved[name] = query
        self._changed.add(name)

    def remove(self, name: str) -> None:
        """Remove a saved query. Raises KeyError where there is none of that name."""
        del self._saved[name]
        self._changed.add(name)

    def save(self) -> None:
        """Write the file, with what another Foveola has put there meanwhile, which is known here then too.

        Raises SaveError: the old file is whole then, and where it could not be read.
        """
        with self._locked():
            self._merge(QueryHistory.load(self._path))
            tables = {
                "version": _VERSION,
                "asked": self._asked,
                "saved": {name: json.loads(to_json(query)) for name, query in self._saved.items()},
            }
            save_atomically(self._path, json.dumps(tables, ensure_ascii=False, indent=1).encode())
        self._settle()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """No other Foveola writes the file meanwhile. Raises SaveError."""
        lock = FileLock(f"{self._path}.lock", timeout=_LOCK_WAIT_S, poll_interval=0.01)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            why = "not saved, another Foveola keeps it locked; try again"
            raise SaveError(self._path, why) from None
        except OSError as error:
            raise SaveError(self._path, save_failure(error)) from error
        try:
            yield
        finally:
            lock.release()

    def _merge(self, theirs: QueryHistory) -> None:
        """Take over what the file holds now, but for what was changed here. Raises SaveError."""
        if theirs._untouchable:
            raise SaveError(self._path, theirs._untouchable)
        if not theirs._found:
            return  # it was removed or damaged: what is known here is all there is
        saved = {name: query for name, query in theirs._saved.items() if name not in self._changed}
        saved |= {name: query for name, query in self._saved.items() if name in self._changed}
        if len(saved) > MAX_SAVED:
            why = f"not saved, with another Foveola's there are more than {MAX_SAVED} queries; remove some"
            raise SaveError(self._path, why)
        self._saved = saved
        self._asked = _each_once([*self._newly_asked, *([] if self._forgot else theirs._asked)])

    def _settle(self) -> None:
        """What is known here is what the file holds."""
        self._newly_asked, self._forgot, self._found = [], False, True
        self._changed.clear()

    def _restore(self, tables: dict[str, Any]) -> None:
        """Take over what a file holds. Raises one of the errors of wrong types where it makes no sense."""
        if tables["version"] != _VERSION:
            raise ValueError(f"version {tables['version']!r} is not {_VERSION}")
        saved = {name: _query(plain) for name, plain in tables["saved"].items()}
        "".join(saved).encode()
        if len(saved) > MAX_SAVED or any(len(name) > MAX_NAME for name in saved):
            raise ValueError("more or longer names than can be saved")
        for text in reversed(tables["asked"]):
            if not isinstance(text, str):
                raise TypeError(f"{text!r} is no text")
            text.encode()  # half of a letter can be read, and not be written again
            self.remember(text)
        self._saved = saved
        self._settle()

    def _set_aside(self) -> None:
        """Rename a file that cannot be used, and tell the reader."""
        file = self._path
        aside = file.with_name(file.name + ".unreadable")
        number = 1
        while aside.exists():  # an earlier one may hold what the reader still wants
            number += 1
            aside = file.with_name(f"{file.name}.unreadable-{number}")
        try:
            file.rename(aside)
        except OSError as error:
            self.notice = f"{file}: saved queries are damaged and could not be set aside: {error.strerror}"
            self._untouchable = "not saved, what it holds is damaged and would be lost"
        else:
            self.notice = (
                f"{file}: saved queries were damaged and start afresh; the old file is now {aside.name}"
            )


def _query(plain: Any) -> Query:
    try:
        return from_json(json.dumps(plain))
    except QueryError as error:
        raise ValueError(str(error)) from error


def _each_once(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))[:MAX_ASKED]
