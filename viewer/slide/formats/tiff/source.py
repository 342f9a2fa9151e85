"""TiffSource: TIFFs (SVS, OME-TIFF, COG, plain pyramids, large strips) decoded from the file's own bytes.

Where OpenSlide opens the file too, facts and associated images are OpenSlide's, and the direct path is taken
only for levels that agree with OpenSlide's. Between JPEG levels that are 4x apart a level at 2x is derived:
the decoder's own half-size transform makes it for half the time of a tile, and the screen gets 4x fewer
pixels to fetch.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from viewer.slide.formats.array import ArraySource
from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.engine_tiles import MAX_WHOLE_PX
from viewer.slide.formats.openslide import FORMAT_NAMES, facts_from_handle, read_level_region
from viewer.slide.formats.openslide_handle import OpenSlideHandle, vendor_of
from viewer.slide.formats.tiff import layout as tiff
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.choice import choose, file_images, with_file_levels
from viewer.slide.formats.tiff.codec import TileCodec
from viewer.slide.formats.tiff.ifd import Ifd, TiffFormatError, begins_like_tiff
from viewer.slide.formats.tiff.layout import (
    TiffImage,
    coded_tile,
    read_tile_table,
    spread_missing_tiles,
    unsupported_reason,
)
from viewer.slide.formats.tiff.level import TiffLevel
from viewer.slide.formats.tiff.mask import TileMask, masks_of, with_alpha
from viewer.slide.formats.tiff.measured_range import range_note, shown_range
from viewer.slide.formats.tiff.metadata import (
    icc_profile_from_ifd,
    is_cloud_optimised,
    mpp_from_ifd,
    objective_power_from_ifd,
    properties_from_ifd,
    vendor_mark,
)
from viewer.slide.formats.tiff.ome import OmeFacts, ome_from_ifd
from viewer.slide.formats.tiff.pictures import Pictures, pages_of
from viewer.slide.formats.tiff.pieces import PieceDecoder
from viewer.slide.formats.tiff.planes import imagej_planes, in_colour
from viewer.slide.formats.tiff.samples import read_stripped
from viewer.slide.formats.turned import TURNS, UPRIGHT, TurnedSource
from viewer.slide.geometry import Pyramid, Rect, TileKey
from viewer.slide.pixels import opaque_rgba
from viewer.slide.resolution import pixel_aspect
from viewer.slide.source import NotThisReader, SlideError, SlideInfo, Source, TileError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.byte_source import ByteSource
    from viewer.slide.formats.slide_format import SlideFile
    from viewer.slide.formats.tiff.choice import Choice
    from viewer.slide.formats.tiff.level import CodedPieces
    from viewer.slide.planes import PlaneAxes

# OpenSlide formats whose tiles lie in the file as in plain TIFF; the others move, overlap or leave out tiles.
_PLAIN_LAYOUTS = (None, "aperio", "generic-tiff")

# Neighbouring levels at least this far apart get one in between.
_DERIVE_FROM_RATIO = 3.5

MAX_STRIPPED_PX = 200_000_000


class TiffSource(Source):
    """A Source over the tiles of a TIFF."""

    def __init__(
        self, file: ByteSource, info: SlideInfo, levels: list[TiffLevel], handle: OpenSlideHandle | None
    ) -> None:
        self._file = file
        self._info = info
        self._levels = levels
        self._handle = handle
        self._pyramid = Pyramid.from_sizes(
            [(level.width, level.height) for level in levels],
            [level.engine_tile for level in levels],
            pixel_aspect=pixel_aspect(info.mpp_um),
        )

    @property
    def info(self) -> SlideInfo:
        return self._info

    @property
    def pyramid(self) -> Pyramid:
        return self._pyramid

    @property
    def is_remote(self) -> bool:
        return self._file.is_remote

    @property
    def decodes_along(self) -> Literal["rows", "columns"] | None:
        return "rows" if self._levels[-1].is_stripped else None

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        """See ``Source.read_tile``."""
        return self.decode_tile(key, None)

    def fetch_tile(self, key: TileKey) -> CodedPieces:
        """See ``Source.fetch_tile``."""
        region = self.tile_region(key)
        return self._levels[key.level].fetch_region(*region)

    def decode_tile(self, key: TileKey, fetched: CodedPieces | None) -> NDArray[np.uint8]:
        """See ``Source.decode_tile``. None for a tile that was not fetched."""
        region = self.tile_region(key)
        return self._levels[key.level].read_region(*region, fetched)

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        """See ``Source.read_associated_image``."""
        if self._handle is None:
            raise KeyError(name)
        return opaque_rgba(self._handle.read_associated_image(name), self._info.background_rgb)

    def close(self) -> None:
        """See ``Source.close``."""
        self._file.close()
        if self._handle is not None:
            self._handle.close()


def open_tiff(file: SlideFile, *, max_stripped_px: int = MAX_STRIPPED_PX) -> Source:
    """Open the image of a TIFF that the locator names, else the slide; its tiles are decoded by Foveola.

    Raises NotThisReader, with the reason, for anything that another reader does better or that is not a
    valid TIFF; SlideError where another reader would show another image. Images without tiles of up to
    ``max_stripped_px`` are decoded as a whole.
    """
    refusal: type[SlideError] = NotThisReader
    try:
        if not begins_like_tiff(file.bytes):
            raise NotThisReader(file.path, strings.NOT_TIFF)
        vendor, (ifds, damage) = _plain_vendor(file), file.directories
        ome, notes = _ome(ifds)
        pages = pages_of(ifds)
        choice = choose(file, Pictures(pages, ome), is_aperio=vendor == "aperio")
        if choice.shown.number != 1:
            refusal = SlideError
        notes += [damage] if damage else []
        lost = sorted({*ifds[0].damaged, *choice.shown.finest.ifd.damaged})
        notes += [strings.TAGS_LOST.format(codes=", ".join(map(str, lost)))] if lost else []
        is_whole = all(page.is_whole for page in pages)
        source, orientation = _open(file, vendor, choice, notes, max_stripped_px, is_whole=is_whole)
        if orientation not in TURNS:
            return source
        return TurnedSource(source, TURNS[orientation], strings.ORIENTATION.format(number=orientation))
    except (TiffFormatError, CodecError, TileError, EOFError, OSError, ValueError, NotThisReader) as error:
        reason = error.reason if isinstance(error, SlideError) else str(error)
        raise refusal(str(file.locator), reason.removeprefix(f"{file.path}: ")) from error


def _plain_vendor(file: SlideFile) -> str | None:
    """What OpenSlide calls the format. Raises NotThisReader where it is not laid out like a plain TIFF."""
    ifds, damage = file.directories
    # A damaged file is not passed to OpenSlide.
    vendor = vendor_of(file) if file.locator.is_local and not damage else vendor_mark(ifds[0])
    if vendor not in _PLAIN_LAYOUTS:
        name = FORMAT_NAMES.get(str(vendor), vendor)
        raise NotThisReader(file.path, strings.LEFT_TO_OPENSLIDE.format(format=name))
    return vendor


def _ome(ifds: list[Ifd]) -> tuple[tuple[OmeFacts, ...], list[str]]:
    """The images that the OME-XML describes, and a note where it is broken."""
    try:
        return ome_from_ifd(ifds[0], plane_limit=len(ifds)), []
    except TiffFormatError as error:
        return (), [strings.OME_NOT_USED.format(error=error)]


def _open(
    file: SlideFile,
    vendor: str | None,
    choice: Choice,
    notes: list[str],
    max_stripped_px: int,
    *,
    is_whole: bool,
) -> tuple[Source, int]:
    """The slide as it is stored, and the tag Orientation. ``notes`` get what is to be said about it;
    ``is_whole``: all images below pages can be read.
    """
    path, shown, is_aperio = file.path, choice.shown, vendor == "aperio"
    if reason := unsupported_reason(shown.finest):
        raise NotThisReader(path, reason)
    handle, refusal = None, strings.OPENSLIDE_OTHER_IMAGE
    if shown.number == 1:
        handle, refusal = _handle_if_openslide_opens(file, vendor)
    try:
        shown = with_file_levels(file.bytes, shown, handle.level_sizes if handle and is_aperio else ())
        notes += [] if is_whole and shown.is_whole else [strings.LEVELS_UNREADABLE]
        ifds = file.directories[0]
        images, ome = _in_colour(list(shown.levels), ifds, shown.ome)
        for image in images:
            if reason := unsupported_reason(image):
                raise NotThisReader(path, reason)
        axes = ome.planes if ome else imagej_planes(ifds[0].text(270))
        others = () if is_aperio or (axes and not ome) else file_images(choice, shown)
        by_aperio = is_aperio or images[0].ifd.text(270).startswith("Aperio")
        numbers = shown_range(file.bytes, images[-1])
        make_codec = partial(TileCodec, shown=numbers, is_aperio=by_aperio)
        decoders = [PieceDecoder(image, make_codec) for image in images]
        masks = masks_of(images, ifds, notes)
        same_pixels = masks[0] is None and _openslide_agrees(file.bytes, images[0], decoders[0].codec)
        if handle is not None and not _has_the_same_levels(images, handle):
            if is_aperio and same_pixels:
                found, expected = [(image.width, image.height) for image in images], handle.level_sizes
                raise NotThisReader(path, strings.OTHER_LEVELS.format(found=found, expected=expected))
            handle.close()
            handle, refusal = None, strings.OPENSLIDE_OTHER_LEVELS
        elif handle is not None and same_pixels and not others:
            _check_tile_size(path, images, handle)
        info = replace(_facts(path, images, handle, ome), images=others)
        if axes:
            info = replace(info, planes=axes)
        if others:
            size = {"width": images[0].width, "height": images[0].height}
            notes.insert(0, strings.SEVERAL_IMAGES.format(count=len(others), number=shown.number, **size))
        notes += _notes(images[0], axes)
        if numbers is not None and (note := range_note(images[0], numbers)):
            notes.append(note)
        if not any(read_tile_table(image)[1].any() for image in images):
            notes.append(strings.NO_PIXELS)
        if not images[0].tiled and images[0].width * images[0].height <= max_stripped_px:
            array = read_stripped(file.bytes, images[0], decoders[0])
            if (mask := masks[0]) is not None:
                visible_by = PieceDecoder(mask.image, lambda _image: mask.codec)
                visible = read_stripped(file.bytes, mask.image, visible_by)
                array = with_alpha(array, visible)
            notes = [*info.notes, *notes]
            info = replace(info, reader="tiff (whole)", reader_reason=strings.WHOLE, notes=tuple(notes))
            whole = ArraySource(info, array, pixel_aspect=pixel_aspect(info.mpp_um))
            return whole, images[0].orientation
        aperio = handle if is_aperio and same_pixels else None
        levels = _file_levels(file.bytes, images, decoders, masks, info, aperio)
        _probe(levels)
        beyond = sum(level.tiles_beyond_file for level in levels)
        if beyond:
            template = strings.TILE_BEYOND_FILE if beyond == 1 else strings.TILES_BEYOND_FILE
            notes.append(template.format(count=beyond))
        info = replace(
            info,
            reader="tiff (direct)" if images[0].tiled else "tiff (strips)",
            reader_reason=_reason(images[0], refusal),
            file_levels=tuple((level.width, level.height) for level in levels),
            notes=(*info.notes, *notes),
        )
        source = TiffSource(file.bytes, info, _with_derived_levels(levels), handle)
        file.keep_bytes()
        return source, images[0].orientation
    except BaseException:
        if handle is not None:
            handle.close()
        raise


def _in_colour(
    images: list[TiffImage], ifds: list[Ifd], ome: OmeFacts | None
) -> tuple[list[TiffImage], OmeFacts | None]:
    """The levels in colour, and the planes that are left to count, where three planes of an OME-TIFF are the
    red, green and blue of one picture; what was given where not.
    """
    places = ome.colour_pages if ome is not None else None
    if ome is None or places is None or max(places) >= len(ifds):
        return images, ome
    red, green, blue = (ifds[place] for place in places)
    combined = in_colour(images, (red, green, blue))
    if combined is None:
        return images, replace(ome, colour_pages=None)
    return combined, replace(ome, planes=ome.planes._replace(channels=1))


def _openslide_agrees(file: ByteSource, first: TiffImage, codec: TileCodec) -> bool:
    """Whether OpenSlide shows the image in the same colours and the same way up.

    It takes the upper byte of 16 bits, signed or not, and neither turns a picture nor asks what JPEG tiles
    themselves show about their colours.
    """
    is_plain = (first.bits, first.sample_kind, first.orientation) == (8, "unsigned", UPRIGHT)
    if not is_plain or first.photometric in tiff.LAB:
        return False
    offsets, counts = read_tile_table(first)
    present = np.flatnonzero(counts)
    if not present.size:
        return True
    try:
        data = coded_tile(first, file, int(offsets[present[0]]), int(counts[present[0]]))
        return not codec.overrules_tags(data)
    except (CodecError, TiffFormatError, EOFError, OSError):
        return True  # damaged: nothing says otherwise


def _handle_if_openslide_opens(file: SlideFile, vendor: str | None) -> tuple[OpenSlideHandle | None, str]:
    """The file opened by OpenSlide, or None and why not."""
    if vendor is None:
        return None, strings.UNKNOWN_TO_OPENSLIDE
    try:
        return OpenSlideHandle(file), ""
    except NotThisReader as error:
        return None, strings.OPENSLIDE_REFUSED.format(reason=error.reason)


def _has_the_same_levels(images: list[TiffImage], handle: OpenSlideHandle) -> bool:
    """Whether OpenSlide shows the same slide, if with fewer levels: it does not read those in SubIFDs."""
    ours, theirs = [(image.width, image.height) for image in images], handle.level_sizes
    return ours[0] == theirs[0] and set(theirs) <= set(ours)


def _check_tile_size(path: Path, images: list[TiffImage], handle: OpenSlideHandle) -> None:
    """Raise NotThisReader where nothing but its tiles, too large to be cut here, speaks against OpenSlide."""
    theirs = list(dict.fromkeys(handle.level_sizes))  # it counts the masks of overviews as levels
    largest = max(max(image.tile_width, image.tile_height) for image in images)
    if [(image.width, image.height) for image in images] == theirs and largest > MAX_WHOLE_PX:
        raise NotThisReader(path, strings.CHEAPER_BY_OPENSLIDE.format(side=largest))


def _facts(
    path: Path, images: list[TiffImage], handle: OpenSlideHandle | None, ome: OmeFacts | None
) -> SlideInfo:
    """SlideInfo as OpenSlide gives it, or from the tags alone; what OME-XML states comes first."""
    first = images[0]
    if handle is not None:
        info = facts_from_handle(handle, reader="", reader_reason="")
    else:
        name = "Tiled TIFF" if first.tiled else "TIFF"
        info = SlideInfo(
            path=path,
            format="Cloud-optimised GeoTIFF" if is_cloud_optimised(first.ifd) else name,
            reader="",
            reader_reason="",
            bounds=Rect(0.0, 0.0, float(first.width), float(first.height)),
            file_levels=((first.width, first.height),),
            icc_profile=icc_profile_from_ifd(first.ifd),
            properties=properties_from_ifd(first.ifd),
        )
    mpp_um, power = info.mpp_um, info.objective_power
    info = replace(
        info,
        mpp_um=mpp_um or mpp_from_ifd(first.ifd),
        objective_power=power or objective_power_from_ifd(first.ifd),
    )
    if ome is None:
        return info
    return replace(
        info,
        format="OME-TIFF",
        planes=ome.planes,
        mpp_um=ome.mpp_um or info.mpp_um,
        objective_power=ome.objective_power or info.objective_power,
    )


def _notes(first: TiffImage, axes: PlaneAxes | None) -> list[str]:
    """Notes on what is shown and what is not."""
    notes = []
    if first.plane_ifds:
        notes.append(strings.COLOUR_PLANES)
    if axes is not None and axes.plane_count > 1:
        notes.append(strings.PLANES.format(planes=axes.plane_count))
    if first.unseen_samples > 0:
        notes.append(strings.MORE_SAMPLES.format(count=first.unseen_samples))
    if first.photometric == tiff.CMYK:
        notes.append(strings.INKS)
    return notes


def _file_levels(
    file: ByteSource,
    images: list[TiffImage],
    decoders: list[PieceDecoder],
    masks: list[TileMask | None],
    info: SlideInfo,
    aperio: OpenSlideHandle | None,
) -> list[TiffLevel]:
    """The levels that the file stores. Tiles that an Aperio level leaves out are made from finer ones
    by OpenSlide.
    """
    tables = [read_tile_table(image) for image in images]
    if aperio is not None and not images[0].separate_planes:
        spread_missing_tiles(images, tables)
    theirs = {size: index for index, size in enumerate(aperio.level_sizes)} if aperio else {}
    levels = []
    parts = zip(images, decoders, tables, masks, strict=True)
    for index, (image, decoder, table, mask) in enumerate(parts):
        at = theirs.get((image.width, image.height))
        missing = partial(read_level_region, aperio, at) if aperio and index and at is not None else None
        background = info.background_rgb
        levels.append(
            TiffLevel(file, image, decoder, table, background_rgb=background, mask=mask, missing=missing)
        )
    return levels


def _with_derived_levels(levels: list[TiffLevel]) -> list[TiffLevel]:
    """The file's levels, with one at half size put in wherever the next one is 3.5x coarser or more."""
    out = []
    for level, coarser in zip(levels, [*levels[1:], None], strict=True):
        out.append(level)
        if coarser is not None and level.width >= _DERIVE_FROM_RATIO * coarser.width and level.can_halve:
            out.append(level.halved())
    return out


def _probe(levels: list[TiffLevel]) -> None:
    """Check that tiles can be decoded, by decoding one.

    Tries the first, middle and last tile of every level, coarsest first, until one works. Raises the last
    TileError where none does.
    """
    failure: TileError | None = None
    for level in reversed(levels):
        for column, row in level.sample_pieces(3):
            try:
                level.piece(column, row)
            except TileError as error:
                failure = error
            else:
                return
    if failure is not None:
        raise failure


def _reason(first: TiffImage, refusal: str) -> str:
    if not first.tiled:
        return strings.STRIPS.format(coding=first.coding)
    template = strings.DIRECT_REFUSED if refusal else strings.DIRECT
    return template.format(
        coding=first.coding, width=first.tile_width, height=first.tile_height, refusal=refusal
    )
