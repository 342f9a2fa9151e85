"""What the legend says of attention: which levels are compared in what is drawn, and which are not. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from viewer.overlay.attention_look import HierarchyLook

MANY = {"region": "regions", "patch": "patches", "token": "tokens"}
"""The levels, the coarsest first."""
ALL_LEVELS = tuple(MANY)
_WITHIN = {
    "region": "region within the slide",
    "patch": "patch within its region",
    "token": "token within its patch",
}
"""Whose average a level's value is relative to."""
_SEEN_FROM = 0.25
"""Of the weight of the level that weighs most: a level fading in is not seen before."""


def levels_drawn(look: HierarchyLook, patch_px: float) -> tuple[str, ...]:
    """The levels to be seen in a view in which a patch is ``patch_px`` wide on the screen: those that have
    faded in far enough."""
    weights = look.weights(patch_px)
    least = _SEEN_FROM * max(weights)
    return tuple(level for level, weight in weights._asdict().items() if weight >= least)


def compared_in_words(look: HierarchyLook, drawn: Sequence[str], told_apart: Collection[str]) -> str:
    """ "region × patch (tokens as one zooms in)".

    ``drawn``: by ``levels_drawn``; ``told_apart``: the levels that the encoder knows more of than evenness.
    Where it knows no more of what is drawn, a scale would mean nothing, and the words say so.
    """
    compared = [level for level in drawn if level in told_apart]
    finer = _finer(look, drawn, told_apart)
    if not compared:
        there = f"zoom in for {_listed(finer)}" if finer else "choose another level"
        return f"{_listed(drawn).capitalize()} are not compared, and the even colour says nothing ({there})"
    if look.mode == "blend":
        ranks = _listed(compared)
        words = f"ranks of {ranks}" if len(compared) == 1 else f"mean of the ranks of {ranks}"
    elif look.mode == "single" or len(compared) == 1:
        words = ", fading into ".join(_WITHIN[level] for level in compared)
    else:
        words = " × ".join(compared)
    missing = [level for level in drawn if level not in told_apart]
    notes = [f"{_listed(missing)} are not compared"] if missing else []
    notes += [f"{_listed(finer)} as one zooms in"] if finer else []
    return f"{words} ({'; '.join(notes)})" if notes else words


def _finer(look: HierarchyLook, drawn: Sequence[str], told_apart: Collection[str]) -> list[str]:
    """What fades in when one zooms in further."""
    if look.level != "zoom":
        return []
    after = ALL_LEVELS.index(drawn[-1]) + 1
    return [level for level in ALL_LEVELS[after:] if level in told_apart]


def _listed(levels: Sequence[str]) -> str:
    return " and ".join(MANY[level] for level in levels)
