"""What a value of a word's classes meant on test slides, as the training recorded it. No torch.

A record has an entry for each choice of classes that words stand for. Other choices, as with weights that the
reader has changed, were not tested, and mean nothing known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viewer.relevance.encoders.tissue import strings
from viewer.relevance.encoders.tissue.classes import class_indices, tissue_classes
from viewer.relevance.query.lexicon import CLASS_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NO_THRESHOLD = 1.0
"""Of classes of which no value keeps false alarms rare enough."""


_ENOUGH = 20
"""Patches."""


@dataclass(frozen=True, slots=True)
class Level:
    """Patches of test slides with a value of ``at`` and more: how many, of how many slides and cases, and
    which share of them shows the class."""

    at: float
    patches: int
    slides: int
    cases: int
    right: float


@dataclass(frozen=True, slots=True)
class Meaning:
    """Of one choice of classes. ``threshold``: below it a value is weak; it was chosen on other slides than
    those that the rest is of. ``recall``: the share of the class's patches that reach it. ``false_alarms``
    and ``worst``: of tissue without the class, the share that reaches it, on average and on the worst
    slide."""

    title: str
    threshold: float
    recall: float
    false_alarms: float
    worst: float
    levels: tuple[Level, ...]
    """The lowest first."""

    @staticmethod
    def read(entry: Mapping[str, Any]) -> Meaning:
        """From a record's entry. Raises KeyError, TypeError and ValueError."""
        threshold = float(entry["threshold"])
        if not 0 < threshold <= 1:
            raise ValueError(strings.BAD_THRESHOLD)
        levels = [
            Level(
                at=float(one["at"]),
                right=float(one["right"]),
                **{name: int(one[name]) for name in ("patches", "slides", "cases")},
            )
            for one in entry["levels"]
        ]
        return Meaning(
            title=str(entry["title"]),
            threshold=threshold,
            levels=tuple(sorted(levels, key=lambda one: one.at)),
            **{name: float(entry[name]) for name in ("recall", "false_alarms", "worst")},
        )

    def of_value(self, value: float) -> str:
        """ "of 412 patches at 0.9 and more, 87 % were carcinoma, in 9 test slides"."""
        if self.levels and round(value, 4) < self.levels[0].at:
            return strings.MEANS_UNTESTED.format(at=self.levels[0].at)
        reached = [level for level in self.levels if level.patches and round(value, 4) >= level.at]
        return self._in_words(reached[-1]) if reached else strings.MEANS_NOTHING.format(title=self.title)

    @property
    def of_levels(self) -> tuple[str, ...]:
        """The same of each level that patches reached, the lowest first."""
        return tuple(self._in_words(level) for level in self.levels if level.patches)

    @property
    def of_highest(self) -> tuple[str, ...]:
        """The same of the highest level that enough patches reached to speak of shares; () where none was."""
        return tuple(self._in_words(level) for level in self.levels if level.patches >= _ENOUGH)[-1:]

    @property
    def of_threshold(self) -> str:
        """What the threshold keeps out, and what it costs."""
        template = strings.THRESHOLD if self.threshold < NO_THRESHOLD else strings.NO_THRESHOLD
        return template.format(
            title=self.title,
            threshold=self.threshold,
            recall=self.recall,
            false_alarms=self.false_alarms,
            worst=self.worst,
        )

    def _in_words(self, level: Level) -> str:
        return strings.MEANS[level.slides == 1].format(
            at=level.at, patches=level.patches, right=level.right, title=self.title, slides=level.slides
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of a query: ``threshold``, below which values are weak, and the ``meaning`` of values; None where that
    is not known."""

    threshold: float | None = None
    meaning: Meaning | None = None

    def of_value(self, value: float | None) -> str:
        """What a value meant on test slides, and that it is weak; "" where there is nothing known of it."""
        if value is None:
            return ""
        sentences = [] if self.meaning is None else [self.meaning.of_value(value)]
        if self.threshold is not None and value < self.threshold:
            sentences.append(strings.WEAK_VALUE.format(threshold=self.threshold))
        return "; ".join(sentences)

    @property
    def of_drawn(self) -> str:
        """For a legend: below what values are not drawn, and what the highest meant; "" where neither is
        known."""
        if self.threshold is None:
            return ""
        weak = strings.WEAK_BELOW if self.threshold < NO_THRESHOLD else strings.WEAK_ALL
        highest = () if self.meaning is None else self.meaning.of_highest
        return "; ".join([weak.format(threshold=self.threshold), *highest])


NOTHING_KNOWN = Judgement()


def class_weights(weights: Iterable[tuple[str, float]]) -> dict[str, float]:
    """By class id, of those of a term's weights that are classes: their weights against the heaviest's."""
    given = {
        name.removeprefix(CLASS_PREFIX): weight
        for name, weight in weights
        if name.startswith(CLASS_PREFIX) and weight > 0
    }
    known = {name: weight for name, weight in given.items() if name in class_indices()}
    heaviest = max(known.values(), default=1.0)
    return {name: weight / heaviest for name, weight in known.items()}


def key_of_classes(classes: Mapping[str, float]) -> str:
    """The key of a record's entry: "lymphoid+germinal_centre*0.5", in the order of the classes."""
    order = class_indices()
    return "+".join(
        name if weight == 1 else f"{name}*{weight:.3g}"
        for name, weight in sorted(classes.items(), key=lambda one: order[one[0]])
    )


def title_of_classes(classes: Mapping[str, float]) -> str:
    """The classes as words: all tumours are "tumour"."""
    if set(classes) == {one.id for one in tissue_classes() if one.tumour}:
        return strings.ANY_TUMOUR
    return strings.OR.join(one.title for one in tissue_classes() if one.id in classes)
