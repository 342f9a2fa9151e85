"""What the legend states about attention: which levels are compared in what is drawn, and which are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.ui.overlays import strings

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from viewer.overlay.attention_look import HierarchyLook

ALL_LEVELS = "region", "patch", "token"
"""The coarsest first."""
_VISIBLE_FROM = 0.25
"""Share of the largest weight of a level from which a level that fades in can be seen."""


def levels_drawn(look: HierarchyLook, patch_px: float) -> tuple[str, ...]:
    """The levels that are visible while a patch is ``patch_px`` pixels wide on the screen."""
    weights = look.weights(patch_px)
    least = _VISIBLE_FROM * max(weights)
    return tuple(level for level, weight in weights._asdict().items() if weight >= least)


def compared_in_words(look: HierarchyLook, drawn: Sequence[str], compared: Collection[str]) -> str:
    """ "region × patch (tokens as one zooms in)".

    ``drawn``: from ``levels_drawn``; ``compared``: the levels at which the encoder gives more than one value.
    Where none of them is drawn, colours have no meaning, and the text states that.
    """
    meant = [level for level in drawn if level in compared]
    finer = _finer(look, drawn, compared)
    if not meant:
        advice = strings.ZOOM_IN.format(levels=_listed(finer)) if finer else strings.CHOOSE_ANOTHER_LEVEL
        return strings.NO_LEVEL_COMPARED.format(levels=_listed(drawn).capitalize(), advice=advice)
    if look.mode == "blend":
        template = strings.RANKS_OF if len(meant) == 1 else strings.MEAN_RANKS_OF
        text = template.format(levels=_listed(meant))
    elif look.mode == "single" or len(meant) == 1:
        text = strings.FADING_INTO.join(strings.WITHIN[level] for level in meant)
    else:
        text = strings.TIMES.join(strings.LEVEL_NAMES[level] for level in meant)
    missing = [level for level in drawn if level not in compared]
    notes = [strings.NOT_COMPARED.format(levels=_listed(missing))] if missing else []
    notes += [strings.FINER_LEVELS.format(levels=_listed(finer))] if finer else []
    return strings.WITH_NOTES.format(text=text, notes=strings.BETWEEN_NOTES.join(notes)) if notes else text


def _finer(look: HierarchyLook, drawn: Sequence[str], compared: Collection[str]) -> list[str]:
    """The levels that fade in when the view zooms in further."""
    if look.level != "zoom":
        return []
    after = ALL_LEVELS.index(drawn[-1]) + 1
    return [level for level in ALL_LEVELS[after:] if level in compared]


def _listed(levels: Sequence[str]) -> str:
    return strings.AND.join(strings.LEVEL_PLURALS[level] for level in levels)
