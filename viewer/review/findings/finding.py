"""Finding: one place on a slide, what it is said to be, and by whom; as JSON for the record."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from math import hypot, isfinite
from typing import TYPE_CHECKING, Any

from viewer.common.errors import FoveolaError
from viewer.review.findings import strings
from viewer.slide.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_TEXT = 10_000


class FindingError(FoveolaError):
    """A finding that cannot be read, and why."""


def new_id() -> str:
    """An id that no other finding of any record has."""
    return f"f-{secrets.token_hex(6)}"


@dataclass(frozen=True, slots=True)
class Maker:
    """The model behind a finding of the program: what repeats its score.

    ``weights``: the SHA-256 of its weights, or the version of an encoder without. ``query``: as it was asked;
    ``unit``: of the score, as text; ``threshold``: what a place had to reach.
    """

    encoder: str
    title: str
    weights: str
    query: str
    threshold: float
    unit: str

    def as_json(self) -> dict[str, Any]:
        """For the record."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """``point`` (x, y) and ``extent`` in level-0 pixels of the slide with the content hash ``slide_id``.

    ``score`` and ``maker`` are None for what a reader marked. ``reasons``: what lies behind the score, in
    words. ``outline``: the corners that a reader drew; () for a place without one.
    """

    id: str
    slide_id: str
    label: str
    point: tuple[float, float]
    extent: Rect
    score: float | None = None
    maker: Maker | None = None
    reasons: tuple[str, ...] = ()
    outline: tuple[tuple[float, float], ...] = ()

    @property
    def by_program(self) -> bool:
        """Whether the program found it; else a reader did."""
        return self.maker is not None

    def distance_px(self, other: Finding) -> float:
        """From point to point; only of findings of one slide."""
        return hypot(self.point[0] - other.point[0], self.point[1] - other.point[1])

    def as_json(self) -> dict[str, Any]:
        """For the record, without fields that do not apply."""
        maker = self.maker
        fields: dict[str, Any] = {
            "id": self.id,
            "slide_id": self.slide_id,
            "label": self.label,
            "point": list(self.point),
            "extent": list(self.extent),
            "score": self.score,
            "maker": None if maker is None else maker.as_json(),
            "reasons": list(self.reasons),
            "outline": [list(corner) for corner in self.outline],
        }
        return {name: value for name, value in fields.items() if value not in (None, [])}

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> Finding:
        """Raises FindingError for what ``as_json`` could not have made."""
        try:
            maker = fields.get("maker")
            x, y = _numbers(fields["point"], 2)
            left, top, right, bottom = _numbers(fields["extent"], 4)
            return Finding(
                _text(fields["id"]),
                _text(fields["slide_id"]),
                _text(fields["label"]),
                (x, y),
                Rect(left, top, right, bottom),
                None if fields.get("score") is None else _numbers([fields["score"]], 1)[0],
                None if maker is None else _maker(maker),
                tuple(_text(reason) for reason in fields.get("reasons", ())),
                tuple(
                    (corner[0], corner[1]) for corner in (_numbers(c, 2) for c in fields.get("outline", ()))
                ),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FindingError(strings.BAD_FINDING.format(reason=error)) from error


def _maker(fields: Mapping[str, Any]) -> Maker:
    names = "encoder", "title", "weights", "query", "unit"
    texts = {name: _text(fields[name]) for name in names}
    return Maker(**texts, threshold=_numbers([fields["threshold"]], 1)[0])


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise TypeError(f"{value!r:.50} is no text of at most {_LONGEST_TEXT} letters")
    return value


def _numbers(values: Any, count: int) -> list[float]:
    numbers = [float(value) for value in values]
    if len(numbers) != count or not all(map(isfinite, numbers)):
        raise ValueError(f"{values!r:.50} are not {count} numbers")
    return numbers
