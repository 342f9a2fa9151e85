"""What a legend states about a layer: the window's legend and the margins of pictures show it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from math import log10
from typing import TYPE_CHECKING

import numpy as np

from viewer.common.scale import pixel_size_in_words
from viewer.overlay import strings
from viewer.overlay.colour_map import colour_maps, colour_stops
from viewer.overlay.layer import cover, in_range
from viewer.relevance.patches.field import COMBINED, PROBABILITY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from viewer.overlay.layer import OverlayLook
    from viewer.overlay.outlines import Outlines
    from viewer.relevance.patches.field import Provenance, RelevanceField

Rgb = tuple[int, int, int]
BAR_STEPS = 256
_MOST_KEYS = 8
_CONTOURS = 0.25, 0.5, 0.75
LIKENESS = strings.UNLIKE, strings.ALIKE
_LIKELINESS = strings.UNLIKELY, strings.LIKELY
_DIGITS, _MOST_DIGITS = 4, 13


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One layer: its title, its colours, the value below which nothing is drawn, where it comes from, what
    the first colour and the last mean, and what dots mean; "" where there are none.

    ``ends``: the values of the first colour and the last; what lies beyond has the same. ``middle``: what 0.5
    means where that is a turning point. ``has_scale``: not where the colours have no meaning; the facts then
    state why. ``state``: how much is analysed; "" where that does not apply. ``keys``: of outlines, each
    colour and what it means. ``short_title``: where there is little room; "" for the title.
    ``lines``: contours, each with its colour and its value; ``has_fill``: there are not only these.
    ``threshold_in_words``: in the map's own numbers; "" for a likeness.

    ``low``, ``middle`` and ``high`` begin with their number, which stands alone where there is little room.
    """

    title: str
    colours: tuple[Rgb, ...]
    threshold: float
    facts: str
    low: str = strings.UNLIKE
    high: str = strings.ALIKE
    dotted: str = ""
    middle: str = ""
    ends: tuple[float, float] = (0.0, 1.0)
    has_scale: bool = True
    state: str = ""
    keys: tuple[tuple[Rgb, str], ...] = ()
    short_title: str = ""
    threshold_in_words: str = ""
    lines: tuple[tuple[Rgb, str], ...] = ()
    has_fill: bool = True

    @property
    def has_patches(self) -> bool:
        """Whether it is drawn in patches: those not analysed are hatched, large ones framed."""
        return not self.keys

    @property
    def lines_in_words(self) -> str:
        """Which contours are drawn; "" where there are none."""
        values = ", ".join(value for _, value in self.lines)
        return strings.LINES_AT.format(values=values) if values else ""

    @property
    def unfinished(self) -> str:
        """How much is analysed, where that is not all; "" where it is, or where that does not apply."""
        return "" if self.state == strings.ALL_ANALYSED else self.state

    @property
    def unfinished_in_short(self) -> str:
        """ "42 %" of "42 % analysed"."""
        share = re.search(r"\d+\s?%", self.unfinished)
        return self.unfinished if share is None else share[0]

    @property
    def note(self) -> str:
        """What a reader must know of this layer before its colours count: how much of it is analysed, and
        what its dots mean; "" where there is nothing."""
        if not self.dotted:
            return self.unfinished
        template = strings.STATE_AND_DOTS if self.unfinished else strings.ONLY_DOTS
        return template.format(state=self.unfinished, meaning=self.dotted)

    def bar(self) -> NDArray[np.uint8]:
        """(256, 4) RGBA from the first colour to the last, as clear where the slide is as clear."""
        values = np.linspace(*self.ends, BAR_STEPS)
        stops = np.linspace(*self.ends, len(self.colours))
        rgba = np.empty((BAR_STEPS, 4), np.uint8)
        for channel, of_stops in enumerate(np.array(self.colours, np.float64).T):
            rgba[:, channel] = np.rint(np.interp(values, stops, of_stops))
        rgba[:, 3] = np.rint(255 * cover(values, self.threshold, self.ends))
        return rgba

    @property
    def middle_at(self) -> float | None:
        """Where on the bar, 0 to 1, the turning point lies; None where there is none on it."""
        low, high = self.ends
        return (0.5 - low) / (high - low) if self.middle and low < 0.5 < high else None

    def in_words(self) -> str:
        """One sentence; of outlines two."""
        if self.keys:
            keys = ", ".join(meaning for _, meaning in self.keys)
            return strings.ENTRY_WITH_KEYS.format(title=self.title, facts=self.facts, keys=keys)
        template = strings.ENTRY_WITH_MIDDLE if self.middle_at is not None else strings.ENTRY
        return (template if self.has_scale else strings.ENTRY_WITHOUT_SCALE).format(
            title=self.title, facts=self.facts, low=self.low, middle=self.middle, high=self.high
        )


def title_of_values(unit: str) -> str:
    """What a legend calls scores of this unit; ``{query}`` stands for what they are of."""
    return {PROBABILITY: strings.PROBABILITY_OF, COMBINED: strings.SCORE_OF}.get(unit, strings.LIKENESS_TO)


def field_entry(
    field: RelevanceField,
    look: OverlayLook,
    title: str,
    *,
    imported: bool = False,
    state: str = "",
    meaning: str = "",
) -> LegendEntry:
    """The entry of a field. ``title``: its query, or where it was ``imported`` the name of the map.
    ``meaning``: of its values, in a sentence."""
    value_in_words = partial(source_value_in_words, field.provenance) if imported else "{:.2g}".format
    ends = _LIKELINESS if field.provenance.unit == PROBABILITY else LIKENESS
    return LegendEntry(
        title if imported else title_of_values(field.provenance.unit).format(query=title),
        colour_stops(look.colour_map),
        look.threshold,
        field.provenance.normalisation if imported else _facts(field.provenance, meaning),
        *(_source_ends(field.provenance, look) if imported else ends_in_words(look, *ends)),
        dotted=strings.ESTIMATED if field.estimated.any() else "",
        ends=look.ends,
        threshold_in_words=source_value_in_words(field.provenance, look.threshold) if imported else "",
        state=state,
        short_title=title,
        lines=_lines(look, value_in_words),
        has_fill=look.fill,
    )


def outlines_entry(outlines: Outlines, file_name: str, source: str) -> LegendEntry:
    """The entry of the outlines of a file; ``source`` is the program that wrote it."""
    kinds, facts = outlines.kinds, strings.OUTLINES_OF.format(source=source, count=len(outlines))
    if len(kinds) > _MOST_KEYS:
        facts += strings.MORE_KINDS.format(count=len(kinds) - _MOST_KEYS)
    keys = [
        (kind.rgb, strings.KIND_AND_COUNT.format(kind=kind.name, count=kind.outlines))
        for kind in kinds[:_MOST_KEYS]
    ]
    title = strings.OUTLINES_TITLE.format(file=file_name)
    return LegendEntry(title, (), 0.0, facts, has_scale=False, keys=tuple(keys))


def dots_in_words(entries: Sequence[LegendEntry]) -> str:
    """What dots mean over these layers, and in which where not in all; "" where there are none."""
    titles: dict[str, list[str]] = {}
    for entry in entries:
        if entry.dotted:
            titles.setdefault(entry.dotted, []).append(entry.short_title or entry.title)
    return strings.OR.join(
        meaning
        if len(having) == len(entries)
        else strings.OF_LAYERS.format(meaning=meaning, titles=", ".join(having))
        for meaning, having in titles.items()
    )


def ends_in_words(
    look: OverlayLook, zero: str, one: str, value_in_words: Callable[[float], str] = "{:.2f}".format
) -> tuple[str, str]:
    """What the first colour and the last mean: ``zero`` and ``one``, or the values from which on all have
    that colour."""
    return (
        strings.AT_MOST.format(value=value_in_words(look.low)) if look.low > 0 else zero,
        strings.AT_LEAST.format(value=value_in_words(look.high)) if look.high < 1 else one,
    )


def provenance_in_words(provenance: Provenance) -> str:
    """ "measured concepts, 0.38 µm/px (estimated)"."""
    size = pixel_size_in_words(provenance.mpp_um, estimated=provenance.mpp_estimated)
    return strings.SOURCE_AND_SIZE.format(source=provenance.encoder, size=size)


def _facts(provenance: Provenance, meaning: str) -> str:
    facts = provenance_in_words(provenance)
    return strings.FACTS_AND_MEANING.format(facts=facts, meaning=meaning) if meaning else facts


def _lines(look: OverlayLook, value_in_words: Callable[[float], str]) -> tuple[tuple[Rgb, str], ...]:
    """The contours of a look, the lowest first: shaders/overlay.frag draws them at the same likeness."""
    if not look.contours:
        return ()
    at = sorted({level for level in _CONTOURS if level >= look.threshold} | ({look.threshold} - {0.0}))
    steps = np.rint(255 * in_range(np.array(at), look.ends)).astype(int)
    colours = [(int(r), int(g), int(b)) for r, g, b in colour_maps()[look.colour_map][steps]]
    return tuple((rgb, value_in_words(level)) for rgb, level in zip(colours, at, strict=True))


def _source_ends(provenance: Provenance, look: OverlayLook) -> tuple[str, str]:
    """What the first colour and the last mean, in the numbers of the map's file."""
    zero, one = (source_value_in_words(provenance, score) for score in (0.0, 1.0))
    return ends_in_words(
        look,
        strings.LOW.format(value=zero),
        strings.HIGH.format(value=one),
        lambda score: source_value_in_words(provenance, score),
    )


def source_value_in_words(provenance: Provenance, score: float) -> str:
    """The number in the map's file of a score, with more digits where the map's range is narrow."""
    low, high = provenance.source_values[0], provenance.source_values[-1]
    half_span = max(high / 2 - low / 2, 1e-300)  # the difference of two large numbers may be none
    digits = _DIGITS + min(max(0, int(log10(max(abs(low), abs(high), 1e-300) / half_span))), _MOST_DIGITS)
    return f"{provenance.source_value(score):.{digits}g}".replace("-", "−")
