"""DicomSource: a slide of one or more DICOM files, its frames decoded by themselves.

OpenSlide reads the plain ones. Here are read those that it refuses (JPEG-LS, HTJ2K, JPEG XL, RLE, grey, 16
bits), and those whose frames hold other colours than their header states.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from typing import TYPE_CHECKING

from viewer.slide.byte_source import open_bytes
from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.dicom import strings
from viewer.slide.formats.dicom.codec import INVERTED, NATIVE, FrameCodec
from viewer.slide.formats.dicom.dataset import FRAME_GROUPS, DicomError, begins_like_dicom, read_dataset
from viewer.slide.formats.dicom.frames import first_in_items
from viewer.slide.formats.dicom.inflated import MAX_INFLATED_BYTES, inflated, inflated_start
from viewer.slide.formats.dicom.instance import SERIES, DicomImage, frame_form, image_from_header, is_slide
from viewer.slide.formats.dicom.openslide_guard import are_measured_to_pixels, is_measured
from viewer.slide.formats.engine_tiles import cached_if_cut, engine_tile_size, region_of_pieces
from viewer.slide.formats.openslide import open_openslide
from viewer.slide.formats.strings import ASSOCIATED_SIZE
from viewer.slide.formats.tiff.strings import PLANES
from viewer.slide.geometry import Pyramid, Rect, TileKey
from viewer.slide.locator import Locator
from viewer.slide.pixels import background_tile
from viewer.slide.resolution import pixel_aspect
from viewer.slide.source import NotThisReader, SlideError, SlideInfo, Source, TileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from viewer.slide.byte_source import ByteSource
    from viewer.slide.formats.dicom.codec import FrameForm
    from viewer.slide.formats.dicom.dataset import Dataset
    from viewer.slide.formats.slide_format import SlideFile

_WHITE = (255, 255, 255)
_VOLUME = "VOLUME"
_ASSOCIATED = {"LABEL": "label", "OVERVIEW": "macro", "THUMBNAIL": "thumbnail"}
_MAX_FILES = 2000
_MAX_ASSOCIATED_PX = 100_000_000


class _Level:
    """One picture, of one file or of several parts of it that are cut alike."""

    def __init__(self, parts: list[DicomImage]) -> None:
        self.first = first = parts[0]
        self._parts = [(part, FrameCodec(part.form)) for part in parts]
        self.size = first.width, first.height
        self.frame_size = first.form.width, first.form.height
        self.engine_tile = engine_tile_size(*self.frame_size)
        self.read_frame = cached_if_cut(self._read_frame, *self.frame_size)

    def read_region(self, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        """(height, width, 4) opaque RGBA of a rectangle inside the picture. Raises TileError."""
        return region_of_pieces(self.read_frame, self.frame_size, (x, y, width, height), _WHITE)

    def _read_frame(self, column: int, row: int) -> NDArray[np.uint8]:
        """One frame, whole, as ``FrameCodec.decode`` gives it; background where no file holds it. Raises
        TileError.
        """
        for part, codec in self._parts:
            frame = part.places.get((column, row))
            if frame is None:
                continue
            try:
                return codec.decode(part.read_frame(frame))
            except (CodecError, EOFError, OSError) as error:
                path = part.file.locator.path
                raise TileError(strings.FRAME.format(path=path, frame=frame + 1, error=error)) from error
        return background_tile(*self.frame_size, _WHITE)


class DicomSource(Source):
    """A Source over the frames of DICOM files. It takes over ``files``, and closes them."""

    def __init__(
        self, info: SlideInfo, levels: list[_Level], associated: dict[str, _Level], files: ExitStack
    ) -> None:
        self._info = info
        self._levels = levels
        self._associated = associated
        self._pyramid = Pyramid.from_sizes(
            [level.size for level in levels],
            [level.engine_tile for level in levels],
            pixel_aspect=pixel_aspect(info.mpp_um),
        )
        self._files = files.pop_all()

    @property
    def info(self) -> SlideInfo:
        return self._info

    @property
    def pyramid(self) -> Pyramid:
        return self._pyramid

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        """See ``Source.read_tile``."""
        region = self.tile_region(key)
        return self._levels[key.level].read_region(*region)

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        """See ``Source.read_associated_image``."""
        level = self._associated[name]
        width, height = level.size
        if width * height > _MAX_ASSOCIATED_PX:
            path = level.first.file.locator.path
            raise SlideError(path, ASSOCIATED_SIZE.format(name=name, width=width, height=height))
        return level.read_region(0, 0, width, height)

    def close(self) -> None:
        """See ``Source.close``."""
        self._files.close()


def open_dicom(file: SlideFile) -> Source:
    """Open a slide by one of its files: by OpenSlide where its colours are those that the header states.

    Raises NotThisReader, with the reason, for what is no DICOM slide or not supported.
    """
    try:
        if not begins_like_dicom(file.bytes):
            raise NotThisReader(file.path, strings.NOT_DICOM)
        with ExitStack() as files:
            headers, for_openslide = _headers(file, files)
            why = strings.COLOURS_OTHERWISE
            if not for_openslide:
                why = strings.OPENSLIDE_REFUSES.format(reason=strings.NOT_FOR_OPENSLIDE)
            elif all(_agrees(each, header) for each, header in headers):
                try:
                    return open_openslide(file, is_checked_dicom=True)
                except NotThisReader as error:
                    why = strings.OPENSLIDE_REFUSES.format(reason=error.reason)
            source = _source(file, _images(headers), why, files)
        file.keep_bytes()
        return source
    except (DicomError, CodecError, TileError, EOFError, OSError, ValueError) as error:
        raise NotThisReader(file.path, str(error).removeprefix(f"{file.path}: ")) from error


def _headers(file: SlideFile, files: ExitStack) -> tuple[list[tuple[ByteSource, Dataset]], bool]:
    """The files of the opened one's series, itself first, with their headers up to the positions of frames,
    and whether OpenSlide may read all headers of the folder. What lies beside it and is damaged is left out.
    Raises DicomError.
    """
    opened = inflated(file.bytes, MAX_INFLATED_BYTES)
    left_bytes = MAX_INFLATED_BYTES - (0 if opened is file.bytes else opened.size_bytes)
    header = read_dataset(opened, until=FRAME_GROUPS)
    if not is_slide(header):
        raise DicomError(strings.NOT_A_SLIDE)
    frame_form(header)
    headers = [(opened, header)]
    series = header.text(SERIES)
    paths = sorted(file.path.parent.iterdir())
    for_openslide = is_measured(header) and len(paths) <= _MAX_FILES
    for beside in _files_beside(file, paths[:_MAX_FILES]):
        try:
            begin = inflated_start(beside) if begins_like_dicom(beside) else None
            if begin is not None and begin is not beside:
                for_openslide = False  # it reads deflated headers as if they were plain ones
                begin = begin if read_dataset(begin, until=SERIES + 1).text(SERIES) == series else None
            if begin is not None:
                plain = inflated(beside, left_bytes)
                other = read_dataset(plain, until=FRAME_GROUPS)
                for_openslide = for_openslide and is_measured(other)
                if series and other.text(SERIES) == series and is_slide(other):
                    headers.append((plain, other))
                    files.callback(plain.close)
                    left_bytes -= 0 if plain is beside else plain.size_bytes
                    continue
        except (DicomError, EOFError, OSError):
            for_openslide = False
        beside.close()
    return headers, for_openslide and are_measured_to_pixels(each for each, _ in headers)


def _images(headers: list[tuple[ByteSource, Dataset]]) -> list[DicomImage]:
    """The images of the files, the opened one first; others of a kind that is not supported are left out.
    Raises DicomError.
    """
    images = [image_from_header(headers[0][0], read_dataset(headers[0][0]))]
    for beside, _ in headers[1:]:
        try:
            images.append(image_from_header(beside, read_dataset(beside)))
        except (DicomError, EOFError, OSError):
            continue
    return images


def _files_beside(file: SlideFile, paths: list[Path]) -> Iterator[ByteSource]:
    """Files of its folder but itself, opened; those that cannot be are left out."""
    for path in paths:
        if path == file.path or not path.is_file():
            continue
        try:
            yield open_bytes(Locator.parse(path))
        except SlideError:
            continue


def _agrees(file: ByteSource, header: Dataset) -> bool:
    """Whether the first frame holds the colours that the header states; a damaged one denies nothing."""
    try:
        form = frame_form(header)
        if form.coding == NATIVE:
            return True
        return FrameCodec(form).agrees_with_header(first_in_items(file, header.end, form.max_coded_bytes))
    except (CodecError, DicomError, EOFError, OSError):
        return True


def _source(file: SlideFile, images: list[DicomImage], why: str, files: ExitStack) -> DicomSource:
    levels = _levels([image for image in images if image.kind == _VOLUME])
    if not levels:
        raise DicomError(strings.NO_VOLUME)
    associated = {
        name: _Level([image])
        for kind, name in _ASSOCIATED.items()
        for image in reversed(images)
        if image.kind == kind
    }
    finest = levels[0].first
    notes = _sample_notes(finest.form)
    if finest.planes > 1:
        notes.append(PLANES.format(planes=finest.planes))
    form = finest.form
    info = SlideInfo(
        path=file.path,
        format="DICOM WSI",
        reader="dicom",
        reader_reason=strings.REASON.format(
            coding=form.coding, width=form.width, height=form.height, why=why
        ),
        bounds=Rect(0.0, 0.0, float(finest.width), float(finest.height)),
        file_levels=tuple(level.size for level in levels),
        mpp_um=finest.mpp_um,
        objective_power=finest.objective_power,
        associated_images=tuple(associated),
        icc_profile=finest.icc_profile,
        notes=tuple(notes),
        properties=finest.properties,
    )
    _probe(levels)
    files.callback(file.bytes.close)
    return DicomSource(info, levels, associated, files)


def _sample_notes(form: FrameForm) -> list[str]:
    """How numbers are shown that are not those of the screen."""
    is_inverted = form.colours == INVERTED
    if form.palette is not None:
        return []
    if form.is_signed:
        half = 1 << (form.bits - 1)
        ends = (half - 1, -half) if is_inverted else (-half, half - 1)
        return [strings.SIGNED.format(black=ends[0], white=ends[1])]
    if form.bits == 8:
        return []
    highest = (1 << form.bits) - 1
    if is_inverted:
        return [strings.INVERTED_IN_8_BITS.format(bits=form.bits, black=highest)]
    return [strings.SHOWN_IN_8_BITS.format(bits=form.bits, white=highest)]


def _levels(volumes: list[DicomImage]) -> list[_Level]:
    """Levels, finest first: images of one size are parts of one picture."""
    by_size: defaultdict[tuple[int, int], list[DicomImage]] = defaultdict(list)
    for image in volumes:
        by_size[image.width, image.height].append(image)
    levels: list[_Level] = []
    for size in sorted(by_size, reverse=True):
        first = by_size[size][0].form
        cut = first.width, first.height
        alike = [image for image in by_size[size] if (image.form.width, image.form.height) == cut]
        if not levels or (size[0] < levels[-1].size[0] and size[1] <= levels[-1].size[1]):
            levels.append(_Level(alike))
    return levels


def _probe(levels: list[_Level]) -> None:
    """Decode a frame of the coarsest level: the first, the middle or the last. Raises the last TileError
    where none can be.
    """
    places = list(levels[-1].first.places) or [(0, 0)]
    failures: list[TileError] = []
    for place in (places[0], places[len(places) // 2], places[-1]):
        try:
            levels[-1].read_frame(*place)
        except TileError as error:
            failures.append(error)
        else:
            return
    raise failures[-1]
