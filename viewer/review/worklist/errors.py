"""The errors of the worklist."""

from __future__ import annotations

from viewer.common.errors import FoveolaError


class WorklistError(FoveolaError):
    """Cases that could not be added or changed: which, why, and what to do. Nothing was half done."""


class TransitionError(WorklistError):
    """Something that cannot happen to a case in its present state."""
