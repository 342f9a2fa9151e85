"""Errors that are said to the reader in words. Everything else is a defect, with a traceback in the log."""

from __future__ import annotations


class EncoderError(Exception):
    """An encoder that cannot be used: which, why, and what to do, in words for the reader."""


class EncoderMemoryError(EncoderError):
    """The memory of the device does not suffice for this block: a smaller one may fit, or the CPU."""


class EncoderDeviceError(EncoderError):
    """The device is lost to this process: nothing more can be computed there; the CPU can go on."""


class UnsupportedTermError(EncoderError):
    """This encoder cannot look for this term on this slide, and says why."""
