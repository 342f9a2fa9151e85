"""TiffSource: tiled TIFFs (SVS, OME-TIFF, COG, plain pyramids) decoded from the file's own tile bytes.

Where OpenSlide opens the file too, facts and associated images are OpenSlide's, and the direct path is taken
only for levels that agree with OpenSlide's. Between JPEG levels that are 4x apart a level at 2x is derived:
the decoder's own half-size transform makes it for half the time of a tile, and the screen gets 4x fewer
pixels to fetch.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from viewer.slide.formats.array import ArraySource
from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.openslide import FORMAT_NAMES, facts_from_handle, read_level_region
from viewer.slide.formats.openslide_handle import OpenSlideHandle, vendor_of
from viewer.slide.formats.tiff import layout as tiff
from viewer.slide.formats.tiff import strings
from viewer.slide.formats.tiff.codec import TileCodec
from viewer.slide.formats.tiff.ifd import Ifd, TiffFormatError, begins_like_tiff
from viewer.slide.formats.tiff.layout import (
    TiffImage,
    coded_tile,
    pyramid_images,
    read_tile_table,
    spread_missing_tiles,
    unsupported_reason,
)
from viewer.slide.formats.tiff.level import MAX_DIRECT_TILE_PX, TiffLevel
from viewer.slide.formats.tiff.mask import TileMask, is_cut_alike, mask_of, with_alpha
from viewer.slide.formats.tiff.measured_range import range_note, shown_range
from viewer.slide.formats.tiff.metadata import (
    OmeFacts,
    icc_profile_from_ifd,
    is_cloud_optimised,
    mpp_from_ifd,
    ome_from_ifd,
    properties_from_ifd,
)
from viewer.slide.formats.tiff.planes import imagej_planes, in_colour, pages_like
from viewer.slide.formats.tiff.samples import read_stripped
from viewer.slide.formats.turned import TURNS, UPRIGHT, TurnedSource
from viewer.slide.geometry import Pyramid, Rect, TileKey
from viewer.slide.pixels import opaque_rgba
from viewer.slide.resolution import pixel_aspect
from viewer.slide.source import NotThisReader, SlideInfo, Source, TileError
from viewer.slide.strings import NO_SUCH_TILE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.byte_source import ByteSource
    from viewer.slide.formats.slide_format import SlideFile
    from viewer.slide.formats.tiff.level import CodedPieces

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

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        """See ``Source.read_tile``."""
        return self.decode_tile(key, None)

    def fetch_tile(self, key: TileKey) -> CodedPieces:
        """See ``Source.fetch_tile``."""
        region = self._region(key)
        return self._levels[key.level].fetch_region(*region)

    def decode_tile(self, key: TileKey, fetched: CodedPieces | None) -> NDArray[np.uint8]:
        """See ``Source.decode_tile``. None for a tile that was not fetched."""
        region = self._region(key)
        return self._levels[key.level].read_region(*region, fetched)

    def _region(self, key: TileKey) -> tuple[int, int, int, int]:
        """Corner and size of a tile in pixels of its level. Raises TileError where there is no such tile."""
        if not self._pyramid.contains(key):
            raise TileError(NO_SUCH_TILE.format(path=self._info.path, key=key))
        tile_width, tile_height = self._levels[key.level].engine_tile
        return key.col * tile_width, key.row * tile_height, *self._pyramid.tile_size(key)

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
    """Open a TIFF whose tiles Foveola decodes by itself.

    Raises NotThisReader, with the reason, for anything that another reader does better or that is not a
    valid TIFF. ``max_stripped_px`` bounds images without tiles, which are decoded as a whole.
    """
    try:
        if not begins_like_tiff(file.bytes):
            raise NotThisReader(file.path, strings.NOT_TIFF)
        source, orientation = _open(file, max_stripped_px)
        if orientation not in TURNS:
            return source
        return TurnedSource(source, TURNS[orientation], strings.ORIENTATION.format(number=orientation))
    except (TiffFormatError, CodecError, TileError, EOFError, OSError, ValueError) as error:
        raise NotThisReader(file.path, str(error).removeprefix(f"{file.locator}: ")) from error


def _open(file: SlideFile, max_stripped_px: int) -> tuple[Source, int]:
    """The slide as it is stored, and the tag Orientation."""
    path, (ifds, was_cut) = file.path, file.directories
    vendor = None if was_cut or not file.locator.is_local else vendor_of(file)
    if vendor not in _PLAIN_LAYOUTS:
        name = FORMAT_NAMES.get(str(vendor), vendor)
        raise NotThisReader(path, strings.LEFT_TO_OPENSLIDE.format(format=name))
    ome = ome_from_ifd(ifds[0], plane_limit=len(ifds))
    images, ome = _in_colour(pyramid_images(ifds), ifds, ome)
    for image in images:
        if reason := unsupported_reason(image):
            raise NotThisReader(path, reason)
    handle, refusal = _handle_if_openslide_opens(file, vendor)
    try:
        notes = _notes(images[0], ifds, ome, was_cut=was_cut)
        shown = shown_range(file.bytes, images[-1])
        if shown is not None and (note := range_note(images[0], shown)):
            notes.append(note)
        is_aperio = vendor == "aperio" or images[0].ifd.text(270).startswith("Aperio")
        codecs = [TileCodec(image, shown=shown, is_aperio=is_aperio) for image in images]
        masks = _masks(images, ifds, notes)
        fills_gaps = vendor == "aperio"
        if handle is None:
            info = _facts_from_tiff(path, images, ome)
        else:
            if _openslide_agrees(file.bytes, images[0], codecs[0]) and masks[0] is None:
                _check_agreement(path, images, handle, is_ome=ome is not None)
            else:
                fills_gaps = False
            info = facts_from_handle(handle, reader="", reader_reason="")
        if ome is not None:
            info = replace(info, format="OME-TIFF", planes=ome.planes, mpp_um=ome.mpp_um or info.mpp_um)
        elif axes := imagej_planes(ifds[0].text(270)):
            info = replace(info, planes=axes)
        if not images[0].tiled:
            array = read_stripped(file.bytes, images[0], codecs[0], max_px=max_stripped_px)
            if (mask := masks[0]) is not None:
                visible = read_stripped(file.bytes, mask.image, mask.codec, max_px=max_stripped_px)
                array = with_alpha(array, visible)
            notes = [*info.notes, *notes]
            info = replace(info, reader="tiff (whole)", reader_reason=strings.WHOLE, notes=tuple(notes))
            whole = ArraySource(info, array, pixel_aspect=pixel_aspect(info.mpp_um))
            return whole, images[0].orientation
        levels = _file_levels(file.bytes, images, codecs, masks, info, handle if fills_gaps else None)
        _probe(levels)
        beyond = sum(level.tiles_beyond_file for level in levels)
        if beyond:
            template = strings.TILE_BEYOND_FILE if beyond == 1 else strings.TILES_BEYOND_FILE
            notes.append(template.format(count=beyond))
        info = replace(
            info,
            reader="tiff (direct)",
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
    places = ome.colour_planes if ome is not None else None
    if ome is None or places is None or max(places) >= len(ifds):
        return images, ome
    red, green, blue = (ifds[place] for place in places)
    combined = in_colour(images, (red, green, blue))
    if combined is None:
        return images, replace(ome, colour_planes=None)
    return combined, replace(ome, planes=ome.planes._replace(channels=1))


def _masks(images: list[TiffImage], ifds: list[Ifd], notes: list[str]) -> list[TileMask | None]:
    """The mask of each level, None where it has none; a note is added where one is not used."""
    masks: list[TileMask | None] = []
    for image in images:
        mask = mask_of(image, ifds)
        if mask is not None and not is_cut_alike(mask, image):
            notes.extend([] if strings.MASK_UNUSED in notes else [strings.MASK_UNUSED])
            mask = None
        masks.append(TileMask(mask) if mask is not None else None)
    return masks


def _openslide_agrees(file: ByteSource, first: TiffImage, codec: TileCodec) -> bool:
    """Whether OpenSlide shows the image in the same colours and the same way up.

    It takes the upper byte of 16 bits, signed or not, and neither turns a picture nor asks what JPEG tiles
    themselves show about their colours.
    """
    if (first.bits, first.sample_kind, first.orientation) != (8, "unsigned", UPRIGHT):
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


def _check_agreement(path: Path, images: list[TiffImage], handle: OpenSlideHandle, *, is_ome: bool) -> None:
    """Refuse the direct path where it would show another pyramid than OpenSlide, or decode tiles too large
    for it.

    An OME-TIFF keeps its levels in SubIFDs, which OpenSlide does not read: there more levels than OpenSlide's
    are correct.
    """
    ours = [(image.width, image.height) for image in images]
    theirs = list(dict.fromkeys(handle.level_sizes))  # it counts the masks of overviews as levels
    if ours != theirs and not (is_ome and ours[0] == theirs[0]):
        raise NotThisReader(path, strings.OTHER_LEVELS.format(found=ours, expected=theirs))
    largest = max(max(image.tile_width, image.tile_height) for image in images)
    if largest > MAX_DIRECT_TILE_PX:
        raise NotThisReader(path, strings.CHEAPER_BY_OPENSLIDE.format(side=largest))


def _facts_from_tiff(path: Path, images: list[TiffImage], ome: OmeFacts | None) -> SlideInfo:
    """SlideInfo from the tags alone, for files that OpenSlide does not open."""
    first = images[0]
    return SlideInfo(
        path=path,
        format="Cloud-optimised GeoTIFF"
        if is_cloud_optimised(first.ifd)
        else "Tiled TIFF"
        if first.tiled
        else "TIFF",
        reader="",
        reader_reason="",
        bounds=Rect(0.0, 0.0, float(first.width), float(first.height)),
        file_levels=((first.width, first.height),),
        mpp_um=mpp_from_ifd(first.ifd),
        objective_power=ome.objective_power if ome else None,
        icc_profile=icc_profile_from_ifd(first.ifd),
        properties=properties_from_ifd(first.ifd),
    )


def _notes(first: TiffImage, ifds: list[Ifd], ome: OmeFacts | None, *, was_cut: bool) -> list[str]:
    """Notes on what is shown and what is not."""
    notes = []
    axes = ome.planes if ome else imagej_planes(ifds[0].text(270))
    if first.plane_ifds:
        notes.append(strings.COLOUR_PLANES)
    if axes is not None and axes.plane_count > 1:
        notes.append(strings.PLANES.format(planes=axes.plane_count))
    elif axes is None and (pages := pages_like(first, ifds)) > 1:
        notes.append(strings.PAGES.format(count=pages))
    if first.unseen_samples > 0:
        notes.append(strings.MORE_SAMPLES.format(count=first.unseen_samples))
    if first.photometric == tiff.CMYK:
        notes.append(strings.INKS)
    if was_cut:
        notes.append(strings.FIRST_IMAGES.format(count=len(ifds)))
    return notes


def _file_levels(
    file: ByteSource,
    images: list[TiffImage],
    codecs: list[TileCodec],
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
    levels = []
    parts = zip(images, codecs, tables, masks, strict=True)
    for index, (image, codec, table, mask) in enumerate(parts):
        missing = partial(read_level_region, aperio, index) if aperio and index else None
        background = info.background_rgb
        levels.append(
            TiffLevel(file, image, codec, table, background_rgb=background, mask=mask, missing=missing)
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
                level.read_piece(column, row)
            except TileError as error:
                failure = error
            else:
                return
    if failure is not None:
        raise failure


def _reason(first: TiffImage, refusal: str) -> str:
    template = strings.DIRECT_REFUSED if refusal else strings.DIRECT
    return template.format(
        coding=first.coding, width=first.tile_width, height=first.tile_height, refusal=refusal
    )
