"""Earlier queries, and queries that the reader saved under a name: one small file.

Saved atomically, merged with what another Foveola has written meanwhile. A damaged file is set aside under
another name, with a notice; nothing is lost.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from viewer.common.atomic_write import SaveError, save_atomically
from viewer.common.file_lock import locked
from viewer.common.paths import state_dir
from viewer.relevance.query import strings
from viewer.relevance.query.tree import MAX_TEXT, Query, QueryError, from_json, to_json

if TYPE_CHECKING:
    from pathlib import Path

MAX_ASKED = 200
MAX_SAVED = 500
MAX_NAME = 100
_MAX_FILE_BYTES = 64_000_000
_VERSION = 1

log = logging.getLogger(__name__)


class QueryHistory:
    """The texts asked, newest first, and saved queries by name. Changes stay in memory until ``save``."""

    def __init__(self, path: Path, *, notice: str | None = None) -> None:
        self.notice = notice
        """A message for the reader about the file; None where all is well."""
        self._path = path
        self._untouchable = ""
        """Why the file must stay as it is; "" where it may be written."""
        self._found = False
        """Whether the file existed and was valid."""
        self._asked: list[str] = []
        self._saved: dict[str, Query] = {}
        # Changes since the file was read or written: only these are merged into it.
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
                raise ValueError(strings.HISTORY_TOO_LARGE.format(most_mb=_MAX_FILE_BYTES // 1_000_000))
            history._restore(json.loads(file.read_bytes()))
        except FileNotFoundError:
            pass  # no queries yet
        except OSError as error:
            reason = error.strerror or error
            history = cls(file, notice=strings.HISTORY_UNREADABLE.format(path=file, reason=reason))
            history._untouchable = strings.NOT_SAVED_UNREADABLE
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            log.warning("%s is damaged: %s", file, error)
            history = cls(file)
            history._set_aside()
        return history

    @property
    def asked(self) -> tuple[str, ...]:
        """Earlier queries, newest first, each once."""
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
        """Remove all earlier queries; saved queries stay."""
        self._asked, self._newly_asked, self._forgot = [], [], True

    def keep(self, name: str, query: Query) -> None:
        """Save a query under a name, in place of one of the same name.

        Raises ValueError with a message for the reader: no name, a name too long, too many saved.
        """
        name = " ".join(name.split())
        if not name:
            raise ValueError(strings.NAME_MISSING)
        if len(name) > MAX_NAME:
            raise ValueError(strings.NAME_TOO_LONG.format(most=MAX_NAME))
        if name not in self._saved and len(self._saved) >= MAX_SAVED:
            raise ValueError(strings.TOO_MANY_SAVED.format(most=MAX_SAVED))
        self._saved[name] = query
        self._changed.add(name)

    def remove(self, name: str) -> None:
        """Remove a saved query. Raises KeyError where there is none of that name."""
        del self._saved[name]
        self._changed.add(name)

    def save(self) -> None:
        """Write the file, merged with what another Foveola has written meanwhile.

        Raises SaveError, also where the old file could not be read; that file stays whole then.
        """
        with locked(self._path):
            self._merge(QueryHistory.load(self._path))
            tables = {
                "version": _VERSION,
                "asked": self._asked,
                "saved": {name: json.loads(to_json(query)) for name, query in self._saved.items()},
            }
            save_atomically(self._path, json.dumps(tables, ensure_ascii=False, indent=1).encode())
        self._settle()

    def _merge(self, theirs: QueryHistory) -> None:
        """Add the present content of the file to what was changed here. Raises SaveError."""
        if theirs._untouchable:
            raise SaveError(self._path, theirs._untouchable)
        if not theirs._found:
            return  # it was removed or damaged: only the queries in memory are left
        saved = {name: query for name, query in theirs._saved.items() if name not in self._changed}
        saved |= {name: query for name, query in self._saved.items() if name in self._changed}
        if len(saved) > MAX_SAVED:
            raise SaveError(self._path, strings.NOT_SAVED_TOO_MANY.format(most=MAX_SAVED))
        self._saved = saved
        self._asked = _each_once([*self._newly_asked, *([] if self._forgot else theirs._asked)])

    def _settle(self) -> None:
        """The file and the memory are the same now."""
        self._newly_asked, self._forgot, self._found = [], False, True
        self._changed.clear()

    def _restore(self, tables: dict[str, Any]) -> None:
        """Load the content of a file. Raises ValueError, TypeError, KeyError or AttributeError for damage."""
        if tables["version"] != _VERSION:
            raise ValueError(f"version {tables['version']!r} is not {_VERSION}")
        saved = {name: _query(plain) for name, plain in tables["saved"].items()}
        "".join(saved).encode()
        if len(saved) > MAX_SAVED or any(len(name) > MAX_NAME for name in saved):
            raise ValueError("more or longer names than can be saved")
        for text in reversed(tables["asked"]):
            if not isinstance(text, str):
                raise TypeError(f"{text!r} is no text")
            text.encode()  # half a surrogate pair can be read, but not written
            self.remember(text)
        self._saved = saved
        self._settle()

    def _set_aside(self) -> None:
        """Rename a file that cannot be used, with a notice."""
        file = self._path
        aside = file.with_name(file.name + ".unreadable")
        number = 1
        while aside.exists():  # keep earlier ones
            number += 1
            aside = file.with_name(f"{file.name}.unreadable-{number}")
        try:
            file.rename(aside)
        except OSError as error:
            self.notice = strings.HISTORY_DAMAGED.format(path=file, reason=error.strerror)
            self._untouchable = strings.NOT_SAVED_DAMAGED
        else:
            self.notice = strings.HISTORY_SET_ASIDE.format(path=file, name=aside.name)


def _query(plain: Any) -> Query:
    try:
        return from_json(json.dumps(plain))
    except QueryError as error:
        raise ValueError(str(error)) from error


def _each_once(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))[:MAX_ASKED]
