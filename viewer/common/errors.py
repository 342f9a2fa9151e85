"""Errors that are said to the user in words. Everything else is a defect, with a traceback in the log."""

from __future__ import annotations


class FoveolaError(Exception):
    """What went wrong, with which file, and what to do, as a sentence for the user."""


class EncoderError(FoveolaError):
    """An encoder that cannot be used: which, why, and what to do, in words for the reader."""


class EncoderMemoryError(EncoderError):
    """The memory of the device does not suffice for this block: a smaller one may fit, or the CPU."""


class EncoderDeviceError(EncoderError):
    """The device is lost to this process: nothing more can be computed there; the CPU can go on."""


class UnsupportedTermError(EncoderError):
    """This encoder cannot look for this term on this slide, and says why."""


def is_defect(error: BaseException) -> bool:
    """Whether nobody foresaw this error: it is none of ours, of the system, or of a full memory."""
    foreseen = isinstance(error, FoveolaError | MemoryError | KeyboardInterrupt)
    return not foreseen and not (isinstance(error, OSError) and error.filename is not None)
