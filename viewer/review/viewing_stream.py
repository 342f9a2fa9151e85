"""The viewing stream of one slide: what the window displayed, one JSON object a line, for studies of reading.

One record for each rest of the view, and one a second while it moves: an hour stays below 1 MB. Acts as in
studies of pathologists' navigation (arXiv 2510.04587): *inspect* is one second at rest, or two of panning at
5x to 10x; *peek* is a view at 40x.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import degrees
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE_STATEMENT, __version__
from viewer.common.atomic_write import save_atomically
from viewer.view.camera import field_of_view

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from viewer.review.coverage import Display

_LONGEST_MOVE_S = 1.0
_INSPECT_REST_S, _INSPECT_PAN_S = 1.0, 2.0
_INSPECT_MAGNIFICATIONS = 5.0, 10.0
_PEEK_MAGNIFICATION = 38.0  # 40x, with what a screen's pixels round off


@dataclass(frozen=True, slots=True)
class Viewed:
    """One record. ``utc``: its begin, ISO 8601; ``at_s``: the same in seconds since the slide was opened.
    ``gaze``: the slide point that was fixated, None without an eye tracker. ``overlays``: names of the layers
    that were drawn over the slide.
    """

    utc: str
    at_s: float
    is_moving: bool
    display: Display
    pixel_ratio: float
    overlays: tuple[str, ...] = ()
    gaze: tuple[float, float] | None = None


class ViewingStream:
    """Records of one slide, in the order in which they happened."""

    def __init__(self) -> None:
        self._records: list[Viewed] = []

    def __len__(self) -> int:
        return len(self._records)

    def add(self, viewed: Viewed) -> None:
        """Add a sample; it prolongs the last record where that shows the same."""
        last = self._records[-1] if self._records else None
        if last is None or not _continues(last, viewed):
            self._records.append(viewed)
            return
        duration_s = last.display.duration_s + viewed.display.duration_s
        display = replace(viewed.display if viewed.is_moving else last.display, duration_s=duration_s)
        self._records[-1] = replace(last, display=display)

    def lines(self, slide: str, slide_px: tuple[int, int]) -> Iterator[str]:
        """A line on the whole, then one a record, without fields that do not apply. ``slide``: its content
        hash; no name, which may be a patient's.
        """
        yield _line(
            {
                "format": "foveola viewing stream 1",
                "slide": slide,
                "size": list(slide_px),
                "program": f"Foveola {__version__}",
                "records": len(self._records),
                "note": RESEARCH_USE_STATEMENT,
            }
        )
        panned_s = 0.0
        for viewed in self._records:
            is_panning = viewed.is_moving and _between(viewed.display.magnification, *_INSPECT_MAGNIFICATIONS)
            panned_s = panned_s + viewed.display.duration_s if is_panning else 0.0
            yield _line(_fields(viewed, panned_s))

    def save(self, path: Path, slide: str, slide_px: tuple[int, int]) -> None:
        """Write the lines to a file, all or nothing. Raises SaveError."""
        save_atomically(path, "".join(f"{line}\n" for line in self.lines(slide, slide_px)).encode())


def _continues(last: Viewed, viewed: Viewed) -> bool:
    if (last.is_moving, last.overlays) != (viewed.is_moving, viewed.overlays):
        return False
    if abs(last.at_s + last.display.duration_s - viewed.at_s) > _LONGEST_MOVE_S:
        return False  # nothing was displayed, or nobody was there, in between
    if viewed.is_moving:
        return last.display.duration_s + viewed.display.duration_s <= _LONGEST_MOVE_S
    same = replace(viewed.display, duration_s=last.display.duration_s)
    return last.display == same and last.gaze == viewed.gaze


def _fields(viewed: Viewed, panned_s: float) -> dict[str, Any]:
    display = viewed.display
    view = display.view
    field = field_of_view(view, display.size_px, display.aspect)
    fields = {
        "utc": viewed.utc,
        "at_s": round(viewed.at_s, 2),
        "event": "move" if viewed.is_moving else "rest",
        "act": _act(viewed, panned_s),
        "duration_s": round(display.duration_s, 2),
        "magnification": round(display.magnification, 2),
        "centre": [round(view.centre_x), round(view.centre_y)],
        "box": [round(edge) for edge in field],
        "rotation_deg": round(degrees(view.rotation_rad) % 360, 1),
        "container": [round(side) for side in display.size_px],
        "pixel_ratio": viewed.pixel_ratio,
        "sharp": display.is_sharp,
        "overlays": list(viewed.overlays) or None,
        "gaze": None if viewed.gaze is None else [round(place) for place in viewed.gaze],
    }
    return {name: value for name, value in fields.items() if value is not None}


def _act(viewed: Viewed, panned_s: float) -> str | None:
    display = viewed.display
    if display.magnification >= _PEEK_MAGNIFICATION:
        return "peek"
    if round(panned_s, 3) >= _INSPECT_PAN_S or (
        not viewed.is_moving and display.duration_s >= _INSPECT_REST_S
    ):
        return "inspect"
    return None


def _between(value: float, low: float, high: float) -> bool:
    return low <= value <= high


def _line(fields: dict[str, Any]) -> str:
    return json.dumps(fields, separators=(",", ":"), allow_nan=False)
