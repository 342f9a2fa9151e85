"""The slides of a case as they are now: opened where they are there and the same still, else why not."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.common.errors import FoveolaError
from viewer.review.report import strings
from viewer.slide.formats.registry import open_slide
from viewer.slide.given_scale import given_scale
from viewer.slide.identity import slide_identity
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viewer.review.worklist.case import Case
    from viewer.slide.source import Source


@dataclass(frozen=True, slots=True)
class SlideHere:
    """``number``: in the case, from 1. ``source`` is None where ``problem`` says why. ``mpp_um``: of level 0,
    given by a reader or stated by the file; None where unknown."""

    number: int
    slide_id: str | None
    source: Source | None
    problem: str
    mpp_um: float | None


@contextmanager
def slides_of(case: Case) -> Iterator[list[SlideHere]]:
    """Open those that can be, until the block ends."""
    with ExitStack() as stack:
        here = []
        for number, slide in enumerate(case.slides, 1):
            try:
                source = open_slide(slide.path)
                stack.enter_context(closing(source))
                is_same = slide.slide_id in (None, slide_identity(source))
            except (FoveolaError, OSError) as error:
                reason = error.reason if isinstance(error, SlideError) else str(error)
                here.append(SlideHere(number, slide.slide_id, None, reason, None))
                continue
            if is_same:
                here.append(SlideHere(number, slide.slide_id, source, "", _mpp_um(source)))
            else:
                here.append(SlideHere(number, slide.slide_id, None, strings.CHANGED, None))
        yield here


def _mpp_um(source: Source) -> float | None:
    try:
        given = given_scale(source)
    except FoveolaError:
        given = None
    mpp_um = source.info.mpp_um if given is None else given.mpp_um
    return None if mpp_um is None else sum(mpp_um) / 2
