"""Files of the user's with one TOML table a model or head: read, and changed in place."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from viewer.common.atomic_write import save_atomically
from viewer.common.errors import EncoderError
from viewer.common.file_lock import locked
from viewer.relevance.encoders import strings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MAX_FILE_BYTES = 1 << 20


def read_tables(path: Path) -> dict[str, Any]:
    """The tables of a file by name; {} where there is none. Raises EncoderError where it cannot be read."""
    try:
        return tomllib.loads(_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise EncoderError(strings.FILE_UNREADABLE.format(path=path, error=error)) from error


def replace_table(path: Path, name: str, table: Mapping[str, Any] | None) -> None:
    """Put a table into a file in place of one of the same name, or take that out (None).

    Raises EncoderError where the file cannot be read or understood, SaveError.
    """
    import tomlkit  # slow to import, and every start of the window reads the lists without it

    with locked(path):
        try:
            text = _text(path)
            expected = tomllib.loads(text)
            document = tomlkit.parse(text)
            expected.pop(name, None)
            document.pop(name, None)
            if table is not None:
                expected[name] = document[name] = dict(table)
            text = tomlkit.dumps(document)
            if tomllib.loads(text) != expected:
                raise ValueError(strings.UNCHANGEABLE)
        except (OSError, ValueError, LookupError, RecursionError) as error:
            raise EncoderError(strings.NOT_CHANGED.format(path=path, name=name, error=error)) from error
        save_atomically(path, text.encode())


def _text(path: Path) -> str:
    if not path.is_file():
        return ""
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise ValueError(strings.TOO_LARGE_FOR_TABLES)
    return path.read_text(encoding="utf-8")


def value(table: Mapping[str, Any], key: str, *kinds: type) -> Any:
    """A value of an entry, of one of these kinds. Raises EncoderError."""
    found = table.get(key)
    if not isinstance(found, kinds) or isinstance(found, bool):
        reason = strings.MISSING_KEY if found is None else strings.BAD_VALUE
        raise EncoderError(reason.format(key=key, value=found))
    return found
