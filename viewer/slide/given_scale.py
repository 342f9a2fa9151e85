"""Pixel sizes that readers gave to slides, kept with the content of the slide, not with its name or place.

One JSON file of the reader's state, read by the window and by commands. Nothing is written into slides.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viewer.common.atomic_write import SaveError, save_atomically, set_aside
from viewer.common.errors import FoveolaError
from viewer.common.file_lock import locked
from viewer.common.log import logger
from viewer.common.paths import state_dir
from viewer.common.scale import format_magnification
from viewer.slide import strings
from viewer.slide.identity import slide_identity
from viewer.slide.resolution import check_given_mpp
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from viewer.slide.source import Source

log = logger("slide")

VERSION = 1


class GivenScalesError(FoveolaError):
    """The kept pixel sizes could not be read: which file, and where it is now."""


@dataclass(frozen=True, slots=True)
class GivenScale:
    """``mpp_um`` (x, y) of level 0, given on ``day`` (ISO 8601).

    ``estimated``: the reader accepted an estimate. ``power``: the objective from which it follows ("scanned
    at 20x"). ``overrides``: the reader wants it instead of the size that the file states. ``for_list``: given
    to all slides of a list at once, without a check of each. Raises ValueError for a size that is none.
    """

    mpp_um: tuple[float, float]
    day: str
    estimated: bool = False
    power: float | None = None
    overrides: bool = False
    for_list: bool = False

    def __post_init__(self) -> None:
        for side_um in self.mpp_um:
            check_given_mpp(side_um)

    @property
    def origin(self) -> str:
        """Half a sentence: who gave it, how, and when."""
        if self.estimated:
            origin = strings.ESTIMATE_ACCEPTED.format(day=self.day)
        elif self.power is not None:
            origin = strings.POWER_ENTERED.format(power=format_magnification(self.power), day=self.day)
        else:
            origin = strings.SIZE_ENTERED.format(day=self.day)
        return strings.INSTEAD_OF_FILE.format(origin=origin) if self.overrides else origin

    def counts_for(self, source: Source) -> bool:
        """Whether it is used: a size that the file states wins unless the reader overrides it."""
        return self.overrides or source.info.mpp_um is None


def given_scale(source: Source) -> GivenScale | None:
    """What a reader gave to this slide, None where nothing was or the file's own size wins.

    Raises GivenScalesError where what is kept cannot be read.
    """
    kept = _read()
    try:
        given = kept.get(slide_identity(source)) if kept else None
    except SlideError as error:  # the pixels may still be readable, as of a remote slide
        log.info("%s", error)
        return None
    return given if given is not None and given.counts_for(source) else None


def kept_scales() -> dict[str, GivenScale]:
    """What is kept, by ``slide_identity``. Raises GivenScalesError."""
    return _read()


def keep_scales(changes: Mapping[str, GivenScale | None]) -> None:
    """Keep what was given, by ``slide_identity``; None clears it. Raises GivenScalesError, SaveError."""
    with locked(_path()):
        kept: dict[str, GivenScale | None] = {**_read(), **changes}
        tables = {
            identity: {
                "mpp_um": list(given.mpp_um),
                "day": given.day,
                "estimated": given.estimated,
                "power": given.power,
                "overrides": given.overrides,
                "for_list": given.for_list,
            }
            for identity, given in kept.items()
            if given is not None
        }
        save_atomically(_path(), json.dumps({"version": VERSION, "slides": tables}, indent=1).encode())


def _path() -> Path:
    return state_dir() / "pixel_sizes.json"


def _read() -> dict[str, GivenScale]:
    """All that is kept. A damaged file is renamed, so that nothing is lost. Raises GivenScalesError."""
    path = _path()
    try:
        tables = json.loads(path.read_bytes())
        if tables["version"] != VERSION:
            raise ValueError(f"version {tables['version']!r} is not {VERSION}")
        return {str(identity): _given(table) for identity, table in tables["slides"].items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise GivenScalesError(strings.SCALES_UNREADABLE.format(path=path, reason=error.strerror)) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        log.warning("%s is damaged: %s", path, error)
        try:
            kept_as = set_aside(path)
        except SaveError as failure:
            raise GivenScalesError(strings.SCALES_NOT_RENAMED.format(reason=failure)) from error
        raise GivenScalesError(strings.SCALES_DAMAGED.format(path=path, kept_as=kept_as.name)) from error


def _given(table: dict[str, Any]) -> GivenScale:
    x, y = (float(side) for side in table["mpp_um"])
    power = table["power"]
    return GivenScale(
        (x, y),
        str(table["day"]),
        bool(table["estimated"]),
        None if power is None else float(power),
        bool(table["overrides"]),
        bool(table.get("for_list")),  # which older files lack
    )
