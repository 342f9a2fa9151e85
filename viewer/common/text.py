"""Untrusted text made safe to print on one line."""

from __future__ import annotations

import os
import unicodedata

from viewer.common import strings
from viewer.common.errors import FoveolaError

# Controls, halves of surrogate pairs (bytes of names that are not UTF-8), line and paragraph separators.
_ESCAPED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def escape_control(text: str) -> str:
    """Text with control characters, which file names and headers may hold, as escapes: safe in a terminal."""
    return "".join(
        repr(character)[1:-1] if unicodedata.category(character) in _ESCAPED_CATEGORIES else character
        for character in text
    )


def in_words(error: BaseException) -> str:
    """An error as one line that names the file."""
    if isinstance(error, MemoryError):
        need = str(error)
        text = strings.NOT_ENOUGH_MEMORY_FOR.format(need=need) if need else strings.NOT_ENOUGH_MEMORY
    elif isinstance(error, OSError) and error.filename is not None:
        text = strings.FILE_ERROR.format(path=os.fsdecode(error.filename), reason=error.strerror)
    elif isinstance(error, FoveolaError):
        text = str(error)
    else:
        text = strings.DEFECT.format(kind=type(error).__name__, error=error)
    return one_line(text)


def one_line(text: str) -> str:
    """Text without line breaks and control characters."""
    return escape_control(" ".join(text.split()))


def shortened(text: str, most: int) -> str:
    """The text, cut where it has more than ``most`` letters."""
    return text if len(text) <= most else f"{text[:most]}…"


def first_line(error: BaseException) -> str:
    """The first line of what a library says, at most 200 characters; its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
