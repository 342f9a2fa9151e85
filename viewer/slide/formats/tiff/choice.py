"""Which picture of a TIFF is opened, with which levels, and what else the file holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.codec import TileCodec
from viewer.slide.formats.tiff.ifd import TiffFormatError
from viewer.slide.formats.tiff.layout import read_tile_table, unsupported_reason
from viewer.slide.formats.tiff.level import TiffLevel
from viewer.slide.formats.tiff.measured_range import shown_range
from viewer.slide.formats.tiff.pictures import with_levels
from viewer.slide.formats.tiff.pieces import PieceDecoder
from viewer.slide.formats.tiff.same_picture import places_to_compare, shows_the_same
from viewer.slide.source import FileImage, SlideError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.slide.byte_source import ByteSource
    from viewer.slide.formats.slide_format import SlideFile
    from viewer.slide.formats.tiff.layout import TiffImage
    from viewer.slide.formats.tiff.pictures import Picture, Pictures


_MAX_STRIPPED_PX = 25_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """The picture to be shown, among those of the file, and the one that is its slide."""

    shown: Picture
    slide: Picture
    pictures: Pictures


def choose(file: SlideFile, pictures: Pictures, *, is_aperio: bool) -> Choice:
    """The picture that the locator names, else the slide. Of an Aperio file only the slide: its other images
    are associated images. Raises SlideError for an image that is not in the file.
    """
    slide = (pictures.numbered(1) if is_aperio else None) or pictures.slide(partial(_has_levels, file.bytes))
    number = file.locator.image
    if number is None or number == slide.number:
        return Choice(slide, slide, pictures)
    shown = None if is_aperio else pictures.numbered(number) or _unclaimed(file.bytes, pictures, number)
    if shown is None:
        numbers = [slide.number] if is_aperio else [each.number for each in pictures]
        listed = ", ".join(map(str, numbers[:20]))
        raise SlideError(str(file.locator), strings.NO_SUCH_IMAGE.format(number=number, numbers=listed))
    return Choice(shown, slide, pictures)


def _has_levels(file: ByteSource, picture: Picture) -> bool:
    return _is_readable(picture.finest) and len(with_file_levels(file, picture).levels) > 1


def _unclaimed(file: ByteSource, pictures: Pictures, number: int) -> Picture | None:
    """The picture of a page that looks like a level of another and shows something else."""
    alone, claimants = pictures.claimed(number) or (None, [])
    for claimant in claimants:
        levels = with_file_levels(file, claimant).levels
        if alone is not None and alone.finest.ifd.offset in (level.ifd.offset for level in levels):
            return None
    return alone


def with_file_levels(
    file: ByteSource, picture: Picture, openslide_sizes: Sequence[tuple[int, int]] = ()
) -> Picture:
    """The picture with those candidates as levels that show it. Pixels are not compared where the levels are
    just those that OpenSlide finds in an Aperio slide, and where whole large images would be decoded for it.
    Levels that cannot be decoded are left out; the picture is then no longer ``is_whole``.
    """
    levels = (picture.finest, *filter(_is_readable, picture.levels[1:]))
    candidates = tuple(filter(_is_readable, picture.candidates))
    is_whole = (len(levels), len(candidates)) == (len(picture.levels), len(picture.candidates))
    picture = replace(picture, levels=levels, candidates=candidates, is_whole=is_whole)
    if not candidates or not _is_readable(picture.finest):
        return replace(picture, candidates=())
    trusting = with_levels(picture, lambda _finer, _coarser: True)
    finest = picture.finest
    is_costly = not finest.tiled and finest.width * finest.height > _MAX_STRIPPED_PX
    if is_costly or [(level.width, level.height) for level in trusting.levels] == list(openslide_sizes):
        return trusting
    shown = shown_range(file, candidates[-1])

    @cache
    def level_at(offset: int) -> TiffLevel:
        image = next(each for each in (*picture.levels, *candidates) if each.ifd.offset == offset)
        decoder = PieceDecoder(image, partial(TileCodec, shown=shown))
        return TiffLevel(file, image, decoder, read_tile_table(image), background_rgb=(255, 255, 255))

    places = places_to_compare(level_at(candidates[-1].ifd.offset))

    def is_same(finer: TiffImage, coarser: TiffImage) -> bool:
        return shows_the_same(level_at(finer.ifd.offset), level_at(coarser.ifd.offset), places)

    return with_levels(picture, is_same)


def _is_readable(image: TiffImage) -> bool:
    """Whether a level can be decoded, as far as its directory shows."""
    if unsupported_reason(image):
        return False
    try:
        read_tile_table(image)
    except TiffFormatError:
        return False
    return True


def file_images(choice: Choice, shown: Picture) -> tuple[FileImage, ...]:
    """All images of the file where it holds several; ``shown`` with its levels."""
    others = choice.pictures.others_than(shown)
    return tuple(
        FileImage(
            number=picture.number,
            name=picture.name,
            width=picture.finest.width,
            height=picture.finest.height,
            is_shown=picture is shown,
            is_slide=picture.number == choice.slide.number,
        )
        for picture in (sorted((shown, *others), key=lambda each: each.number) if others else ())
    )
