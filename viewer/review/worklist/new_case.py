"""Cases to be added, and those of a folder: each slide in it, and each folder in it with its slides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from viewer.review.worklist import strings
from viewer.review.worklist.case import CaseSlide
from viewer.review.worklist.errors import WorklistError
from viewer.slide.formats.listing import slides_among


@dataclass(frozen=True, slots=True)
class NewCase:
    """``place``: where it stands in a file that names cases, for messages; "" where it has no name of its own
    and another may have the same."""

    title: str
    slides: tuple[CaseSlide, ...]
    question: str = ""
    protocol: str = ""
    reference: str | None = None
    place: str = ""


def cases_of_folder(folder: Path, protocol: str) -> list[NewCase]:
    """The cases of a folder. Raises WorklistError where it cannot be listed or has none."""
    inside: dict[str, list[Path]] = {}
    if not folder.is_dir():
        raise WorklistError(strings.NO_FOLDER.format(path=folder))
    try:
        for slide in slides_among([folder]):
            assert isinstance(slide, Path), "images of a file are named one by one"
            first, *_ = (*slide.relative_to(folder).parts, folder.name)  # the folder itself may be a slide
            inside.setdefault(first, []).append(slide)
    except OSError as error:
        raise WorklistError(strings.UNREADABLE.format(path=folder, error=error.strerror)) from error
    if not inside:
        raise WorklistError(strings.NO_SLIDES.format(path=folder))
    cases = []
    for name, slides in inside.items():
        title = slides[0].stem if slides[0].parent == folder else name
        cases.append(
            NewCase(title, tuple(CaseSlide(str(one.absolute())) for one in slides), protocol=protocol)
        )
    return cases
