"""What a command says: results on standard output, sentences on standard error, errors as one line."""

from __future__ import annotations

import io
import os
import sys

from viewer.common.errors import FoveolaError
from viewer.common.text import one_line


class OutputError(FoveolaError):
    """Standard output takes no more."""


def write_stdout(text: str) -> None:
    """Print ``text`` at once: a closed pipe and a full disk show here, and not when Python ends."""
    try:
        print(text, flush=True)  # knows what to do without a standard output
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise OutputError(f"the output cannot be written: {error.strerror}") from error


def write_stderr(sentence: str) -> None:
    """One line on standard error, for the person and not for the program that reads the result."""
    print(f"foveola: {one_line(sentence)}", file=sys.stderr)


def discard_output() -> None:
    """What cannot be written must not be tried again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def survive_odd_names() -> None:
    """Print what the terminal's encoding does not know as an escape: a file name must not end the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
