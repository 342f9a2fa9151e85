"""The kinds of events that make a reading, as they stand in the record, and the words of their payloads."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """Kinds of events of a reading. Those by the program have no reader."""

    OPENED = "reading opened"
    READ = "findings read"
    """By the program: what it found on one slide, and what it could not analyse."""
    OPINION = "opinion"
    REVEALED = "revealed"
    ANSWERED = "finding answered"
    ADDED = "finding added"
    WITHDRAWN = "finding withdrawn"
    RESOLVED = "discordance resolved"
    ADJUDICATED = "adjudicated"
    VIEWED = "viewed"
    """Where the view is, and what was displayed so far."""
    REPLACED = "slide replaced"
    SIGNED = "signed"


class Mode(StrEnum):
    """What a reader sees, and when; fixed when a case is opened."""

    BLINDED_FIRST = "blinded first"
    """Nothing of the program's before the first opinion is recorded."""
    CONCURRENT = "concurrent"
    UNAIDED = "unaided"


class Answer(StrEnum):
    """What a reader says about one finding."""

    AGREE = "agree"
    DISAGREE = "disagree"
    DEFER = "defer"
    NOT_SURE = "not sure"

    @property
    def settles(self) -> bool:
        """Whether nothing is left open."""
        return self in (Answer.AGREE, Answer.DISAGREE)


REASON_CODES = (
    "",
    "artefact",
    "benign mimic",
    "inflammation",
    "out of focus",
    "outside the tissue",
    "other place already marked",
    "other",
)
"""Why a reader disagrees or is not sure."""
