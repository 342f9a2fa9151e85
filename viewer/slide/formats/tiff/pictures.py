"""The pictures of a TIFF, each with its levels, and which of them is the slide.

A page is a picture of its own, a level of one, a plane of one, or a mask. What decides, in this order:
OME-XML, NewSubfileType, SubIFDs, descriptions, sizes; and pixels, where a level is claimed by a page of the
main chain (``same_picture``). Source: TIFF 6.0 (254, 255), Adobe's TIFF technical note 1 (SubIFDs), OGC
21-026 (overviews), OME-TIFF specification.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import TYPE_CHECKING

from viewer.slide.formats.tiff.ifd import MAX_SUB_IFDS, TiffFormatError, sub_ifds
from viewer.slide.formats.tiff.layout import image_from_ifd
from viewer.slide.formats.tiff.metadata import mpp_from_ifd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from viewer.slide.formats.tiff.ifd import Ifd
    from viewer.slide.formats.tiff.layout import TiffImage
    from viewer.slide.formats.tiff.ome import OmeFacts

    IsSame = Callable[[TiffImage, TiffImage], bool]

# Bits of NewSubfileType: a smaller version of another page; Aperio's macro.
_REDUCED_BIT, _MACRO_BIT = 1, 8

_KIND = r"(label|macro|thumbnail|overview|preview|barcode|navigation)"
_KIND_OF_PAGE = re.compile(
    rf"^[^\w\n]*(?:slide[ _])?{_KIND}(?:[ _]?(?:image|picture))?(?:[^\w\n]+\d+ ?x ?\d+)?[^\w\n]*$"
    rf"|(?:name|type|kind|role|image)\W{{1,4}}{_KIND}\b",
    re.IGNORECASE | re.MULTILINE,
)
# An image of pixels this much larger than another's is an overview of it.
_OVERVIEW_PIXELS = 8.0
# No camera of a scanner takes a macro of more; a slide of more may well lack levels.
_MOST_MACRO_PX = 2**25
_MAX_SUB_PAGES = 4000
_MAX_CANDIDATES = 64  # a pyramid has about ten levels


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: its pages as levels, finest first, the number of its first page (from 1), and what the
    file calls it. ``candidates`` are pages that may be levels too, if they show the same. ``stated``: where
    the directories lie of those that the file calls smaller versions. ``is_whole``: all these can be read.
    """

    number: int
    name: str
    levels: tuple[TiffImage, ...]
    candidates: tuple[TiffImage, ...] = ()
    ome: OmeFacts | None = None
    kind: str = ""
    stated: frozenset[int] = frozenset()
    is_whole: bool = True

    @property
    def finest(self) -> TiffImage:
        return self.levels[0]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the main chain, from 0: its image, those in its SubIFDs, and what it is called.

    ``finest`` is the page itself, or the image in its SubIFDs of which it is a thumbnail. ``is_whole``: all
    SubIFDs that it names can be read.
    """

    index: int
    image: TiffImage
    below: tuple[TiffImage, ...]
    finest: TiffImage
    kind: str
    is_reduced: bool
    is_whole: bool = True


def pages_of(ifds: Sequence[Ifd]) -> list[Page]:
    """The pages of the main chain, without masks and malformed ones. Raises TiffFormatError where all are."""
    pages, failure, sub_count = [], None, 0
    in_chain = {ifd.offset for ifd in ifds}
    for index, ifd in enumerate(ifds):
        try:
            image = image_from_ifd(ifd)
            kind = _kind(ifd)
        except TiffFormatError as error:
            failure = failure or error
            continue
        below_ifds, is_whole = _sub_ifds(ifd) if sub_count < _MAX_SUB_PAGES else ([], True)
        below, are_well_formed = _images([sub for sub in below_ifds if sub.offset not in in_chain])
        sub_count += len(below)
        if not image.is_mask:
            finest = max((image, *below), key=_area)
            is_whole = is_whole and are_well_formed
            pages.append(Page(index, image, below, finest, kind, _is_reduced(ifd), is_whole))
    if failure is not None and not pages:
        raise failure
    return pages


class Pictures:
    """Every picture of a file, in the order of its pages; planes beside the first are left out."""

    def __init__(self, pages: Sequence[Page], ome: Sequence[OmeFacts]) -> None:
        self._pages, self._ome = pages, ome
        named = {facts.first_page: facts for facts in ome if facts.first_page is not None}
        planes = frozenset[int]().union(*(facts.pages for facts in ome)) - named.keys()
        free = [page for page in pages if page.index not in planes]
        claims = {page.index: _claim(page, free) for page in free if page.is_reduced}
        taken: set[int] = set()
        self._pictures: list[Picture] = []
        for page in sorted(free, key=_rank):
            if page.index in taken:
                continue
            members = [
                other
                for other in free
                if other.image.width < page.finest.width  # the cheapest first: there may be 1000 pages
                and other.index not in named
                and _may_be_level(other, page)
                and claims.get(other.index) in (None, page.index)
            ]
            self._pictures.append(_picture(page, named.get(page.index), members))
            taken.update((page.index, *(member.index for member in members)))
        self._pictures.sort(key=lambda picture: picture.number)

    def __iter__(self) -> Iterator[Picture]:
        return iter(self._pictures)

    def slide(self, has_levels: Callable[[Picture], bool]) -> Picture:
        """The picture that is the slide: not called a label, macro or thumbnail, no overview by its pixel
        size, no smaller version; tiled; the largest; the first. One as small as a macro gives way to one that
        is its equal in all but size and, unlike it, has levels: ``has_levels`` compares pixels.
        """
        sizes_um = {each.number: _pixel_um(each) for each in self}
        stated_um = [um for um in sizes_um.values() if um and isfinite(um)]
        most_um = _OVERVIEW_PIXELS * min(stated_um, default=0.0)

        def standing(picture: Picture) -> tuple[bool, ...]:
            is_part = _is_reduced(picture.finest.ifd) and picture.ome is None
            is_coarse = (sizes_um[picture.number] or 0.0) > most_um
            return bool(picture.kind), is_coarse, is_part, not picture.finest.tiled

        def rank(picture: Picture) -> tuple[bool | int, ...]:
            return *standing(picture), -_area(picture.finest), picture.number

        first, *others = sorted(self, key=rank)
        equals = [each for each in others if standing(each) == standing(first) and _may_have_levels(each)]
        if not equals or _area(first.finest) > _MOST_MACRO_PX:
            return first
        if _may_have_levels(first) and has_levels(first):
            return first
        return next((each for each in equals if has_levels(each)), first)

    def numbered(self, number: int) -> Picture | None:
        """The picture whose first page is the one of this number, from 1."""
        return next((each for each in self if each.number == number), None)

    def claimed(self, number: int) -> tuple[Picture, list[Picture]] | None:
        """A page of this number that may be a level, as a picture of its own, and those of which it may be
        one; None where there is no such page.
        """
        for alone in Pictures([page for page in self._pages if page.index + 1 == number], self._ome):
            offset = alone.finest.ifd.offset
            return alone, [each for each in self if offset in (image.ifd.offset for image in each.candidates)]
        return None

    def others_than(self, shown: Picture) -> list[Picture]:
        """The pictures of the pages that are no levels of the one that is shown."""
        used = {level.ifd.offset for level in shown.levels}
        rest = [
            page
            for page in self._pages
            if page.index + 1 != shown.number and page.image.ifd.offset not in used
        ]
        return list(Pictures(rest, self._ome))


def with_levels(picture: Picture, is_same: IsSame) -> Picture:
    """The picture with those of its candidates as levels that show the same as the next finer level."""
    levels = list(picture.levels)
    for image in picture.candidates:
        finer = [level for level in levels if level.width > image.width]
        is_new = len(finer) == len(levels) or levels[len(finer)].width < image.width
        if finer and is_new and _is_level(image, finer[-1], picture.finest) and is_same(finer[-1], image):
            levels.insert(len(finer), image)
    return replace(picture, levels=tuple(levels), candidates=())


def _sub_ifds(ifd: Ifd) -> tuple[list[Ifd], bool]:
    """The directories below a page, and whether all that it names can be read."""
    try:
        found = sub_ifds(ifd)
        named = set(ifd.whole_numbers(330, at_most=MAX_SUB_IFDS))
    except TiffFormatError:
        return [], False
    return found, named <= {0, ifd.offset, *(sub.offset for sub in found)}


def _images(ifds: Iterable[Ifd]) -> tuple[tuple[TiffImage, ...], bool]:
    """The images of directories, without masks and malformed ones, and whether there are none of these."""
    images, are_well_formed = [], True
    for ifd in ifds:
        try:
            image = image_from_ifd(ifd)
        except TiffFormatError:
            are_well_formed = False
            continue
        if not image.is_mask:
            images.append(image)
    return tuple(images), are_well_formed


def _kind(ifd: Ifd) -> str:
    """What a page is called by its description or name: label, macro, thumbnail …; "" for a slide."""
    for code in (270, 285):
        if match := _KIND_OF_PAGE.search(ifd.text(code, cut_bytes=4096)):
            return (match[1] or match[2]).lower()
    return "macro" if ifd.number(254, 0) & _MACRO_BIT else ""


def _is_reduced(ifd: Ifd) -> bool:
    return bool(ifd.number(254, 0) & _REDUCED_BIT) or ifd.number(255, 1) == 2


def _rank(page: Page) -> tuple[bool | int, ...]:
    """Pages that may have levels come before those that may be such."""
    return bool(page.kind), page.is_reduced, -_area(page.finest), page.index


def _area(image: TiffImage) -> int:
    return image.width * image.height


def _picture(page: Page, facts: OmeFacts | None, members: list[Page]) -> Picture:
    """A page with its levels. The SubIFDs of an OME image are levels by definition; others are candidates,
    like the members, pages of the chain.
    """
    finest = page.finest
    family = sorted(
        (each for each in (page.image, *page.below) if each is not finest), key=_area, reverse=True
    )
    levels = [finest]
    for image in family if facts else ():
        if _is_level(image, levels[-1], finest):
            levels.append(image)
    candidates = [*(() if facts else family), *(member.image for member in members)]
    kept = sorted(candidates, key=_area, reverse=True)[:_MAX_CANDIDATES]
    called_smaller = {
        image.ifd.offset for image in (*family, *(member.image for member in members if member.is_reduced))
    }
    return Picture(
        number=page.index + 1,
        name=facts.name if facts and facts.name else page.kind,
        levels=tuple(levels),
        candidates=tuple(kept),
        stated=frozenset(called_smaller & {image.ifd.offset for image in (*levels[1:], *kept)}),
        ome=facts,
        kind=page.kind or _kind_of_name(facts),
    )


def _pixel_um(picture: Picture) -> float | None:
    """The width of its pixels in micrometres, as OME-XML or its tags state it; infinite where these are
    damaged: such a picture cannot be opened, and must not cost the others.
    """
    try:
        mpp_um = (picture.ome.mpp_um if picture.ome else None) or mpp_from_ifd(picture.finest.ifd)
    except TiffFormatError:
        return inf
    return mpp_um[0] if mpp_um else None


def _may_have_levels(picture: Picture) -> bool:
    return len(picture.levels) > 1 or bool(picture.candidates)


def _kind_of_name(facts: OmeFacts | None) -> str:
    match = re.search(rf"\b{_KIND}\b", facts.name.replace("_", " "), re.IGNORECASE) if facts else None
    return match[1].lower() if match else ""


def _may_be_level(level: Page, page: Page) -> bool:
    """A page in strips beside a slide in tiles is a thumbnail, unless it is called a smaller version."""
    is_cut_alike = level.is_reduced or level.image.tiled == page.finest.tiled
    return not (level.kind or page.kind) and is_cut_alike and _is_level(level.image, page.finest, page.finest)


def _claim(level: Page, pages: Iterable[Page]) -> int | None:
    """Of a page that is called a smaller version: the nearest page before it that it fits, else the nearest
    one behind. None where there is none: it may be that of any.
    """
    fitting = [page.index for page in pages if not page.is_reduced and _may_be_level(level, page)]
    before = [index for index in fitting if index < level.index]
    return before[-1] if before else next(iter(fitting), None)


def _is_level(image: TiffImage, finer: TiffImage, finest: TiffImage) -> bool:
    """Same shape (2 px or 2 % for rounding), smaller than the next finer level, same kind of samples."""
    if image.width >= finer.width or image.height > finer.height:
        return False
    expected_height = finest.height * image.width / finest.width
    same_shape = abs(image.height - expected_height) <= max(2.0, 0.02 * expected_height)
    return same_shape and (image.samples, image.bits) == (finest.samples, finest.bits)
