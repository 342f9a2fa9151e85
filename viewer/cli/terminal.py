"""Output of commands: results on standard output, messages on standard error, one line each."""

from __future__ import annotations

import io
import os
import sys

from viewer.cli import strings
from viewer.common.errors import FoveolaError
from viewer.common.text import one_line


class OutputError(FoveolaError):
    """Standard output could not be written."""


def write_stdout(text: str) -> None:
    """Print ``text`` at once: a closed pipe and a full disk show here, and not when Python ends."""
    try:
        print(text, flush=True)  # does nothing where standard output is closed
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise OutputError(strings.OUTPUT_FAILED.format(error=error.strerror)) from error


def ask(question: str) -> str:
    """The line that the user types; "" where standard input ends, as in a script."""
    try:
        return input(question)
    except EOFError:
        write_stdout("")
        return ""


def write_stderr(message: str) -> None:
    """Print one line on standard error, for people and not for the program that reads the result."""
    print(strings.ERROR_LINE.format(error=one_line(message)), file=sys.stderr)


def discard_output() -> None:
    """Send standard output to nowhere, so that Python does not try to write it again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def escape_unencodable() -> None:
    """Print characters outside the terminal's encoding as escapes, so that no file name ends the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
