"""Texts of the legend as tests expect them, made of the room's ``strings``."""

from __future__ import annotations

from viewer.overlay.strings import ENTRY
from viewer.ui.overlays import strings


def entry(title: str, facts: str, low: str, high: str) -> str:
    return ENTRY.format(title=title, facts=facts, low=low, high=high)


def listed(*levels: str) -> str:
    """ "regions and patches"."""
    return strings.AND.join(strings.LEVEL_PLURALS[level] for level in levels)


def product(*levels: str) -> str:
    """ "region × patch"."""
    return strings.TIMES.join(strings.LEVEL_NAMES[level] for level in levels)


def noted(text: str, note: str, *levels: str) -> str:
    """A text with a note on levels behind it."""
    return strings.WITH_NOTES.format(text=text, notes=note.format(levels=listed(*levels)))


def no_meaning(advice: str, *levels: str) -> str:
    """That the colours of levels have no meaning, and what to do."""
    return strings.NO_LEVEL_COMPARED.format(levels=listed(*levels).capitalize(), advice=advice)


def patch_head(number: int) -> str:
    """ "patch: head 1"."""
    head = strings.HEAD_NUMBER.format(number=number).lower()
    return strings.HEAD_OF_LEVEL.format(level=strings.LEVEL_NAMES["patch"], head=head)
