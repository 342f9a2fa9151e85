"""Errors with a message for the user. Every other error is a defect, with a traceback in the log."""

from __future__ import annotations


class FoveolaError(Exception):
    """An error with a message for the user: what went wrong, with which file, and what to do."""


class EncoderError(FoveolaError):
    """An encoder that cannot be used: which, why, and what to do."""


class EncoderMemoryError(EncoderError):
    """The device has too little memory for this block; a smaller block may fit, or the CPU may do."""


class EncoderDeviceError(EncoderError):
    """This process can no longer use the device; the CPU can go on."""


class UnsupportedTermError(EncoderError):
    """A term that this encoder cannot search for on this slide, and why."""


def is_defect(error: BaseException) -> bool:
    """Whether an error is unexpected: no FoveolaError, none of the system about a file, none of memory."""
    expected = isinstance(error, FoveolaError | MemoryError | KeyboardInterrupt)
    return not expected and not (isinstance(error, OSError) and error.filename is not None)
