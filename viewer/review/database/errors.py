"""The error of the record."""

from __future__ import annotations

from viewer.common.errors import FoveolaError


class RecordError(FoveolaError):
    """The record could not be read or written: which, why, and what to do. Nothing was half written."""
