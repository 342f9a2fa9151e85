"""Text of strangers made safe to print on one line."""

from __future__ import annotations

import os
import unicodedata

from viewer.common.errors import FoveolaError

# Controls, halves of surrogate pairs (bytes of a name that are no UTF-8), separators of lines and paragraphs.
_NOT_SHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})


def escape_control(text: str) -> str:
    """Text as it may go to a terminal: control characters, which names of files and headers may hold, as
    escapes.
    """
    return "".join(
        repr(character)[1:-1] if unicodedata.category(character) in _NOT_SHOWN else character
        for character in text
    )


def in_words(error: BaseException) -> str:
    """An error as one line that names the file."""
    if isinstance(error, MemoryError):
        text = f"there is not enough memory for this: {error}".rstrip(": ")
    elif isinstance(error, OSError) and error.filename is not None:
        text = f"{os.fsdecode(error.filename)}: {error.strerror}"
    elif isinstance(error, FoveolaError):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error} (the log shows where)"
    return one_line(text)


def one_line(text: str) -> str:
    """Text without line breaks and control characters."""
    return escape_control(" ".join(text.split()))


def first_line(error: BaseException) -> str:
    """The first line of what a library says, at most 200 characters; its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
