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

_COUNTS = "patches", "slides", "cases"
NO_THRESHOLD = 1.0
"""Of classes of which no value keeps false alarms rare enough."""


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

    @staticmethod
    def read(entry: Mapping[str, Any]) -> Meaning:
        """From a record's entry. Raises KeyError, TypeError and ValueError."""
        threshold = float(entry["threshold"])
        if not 0 < threshold <= 1:
            raise ValueError(strings.BAD_THRESHOLD)
        levels = [
            Level(float(one["at"]), *(int(one[name]) for name in _COUNTS), float(one["right"]))
            for one in entry["levels"]
        ]
        figures = (float(entry[name]) for name in ("recall", "false_alarms", "worst"))
        return Meaning(str(entry["title"]), threshold, *figures, tuple(levels))

    def of_value(self, value: float) -> str:
        """ "of 412 patches at 0.9 and more, 87 % were carcinoma, in 9 test slides"."""
        reached = [level for level in self.levels if level.patches and round(value, 4) >= level.at]
        if not reached:
            return strings.MEANS_NOTHING.format(title=self.title)
        level = max(reached, key=lambda one: one.at)
        template = strings.MEANS[level.slides == 1]
        return template.format(
            at=level.at, patches=level.patches, right=level.right, title=self.title, slides=level.slides
        )

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
