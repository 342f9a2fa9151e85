"""DicomImage: one DICOM file of a slide: a level of its pyramid, a part of one, a label or an overview.

Source: DICOM PS3.3, C.8.12.4 (whole-slide images), C.7.6.16 (functional groups), C.7.6.17 (tiles).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.slide.formats.codecs.codec_error import CodecError
from viewer.slide.formats.dicom import strings
from viewer.slide.formats.dicom.codec import CODINGS, COLOURS, PALETTE, FrameForm
from viewer.slide.formats.dicom.dataset import (
    BIG_ENDIAN,
    FRAME_GROUPS,
    OPTICAL_PATHS,
    PIXEL_MEASURES,
    PLANE_POSITION,
    SHARED_GROUPS,
    TRANSFER_SYNTAX,
    Dataset,
    DicomError,
)
from viewer.slide.formats.dicom.frames import MAX_FRAMES, frames_in_items, native_frames
from viewer.slide.formats.dicom.palette import palette_from_header
from viewer.slide.resolution import credible_mpp

if TYPE_CHECKING:
    from viewer.slide.byte_source import ByteSource
    from viewer.slide.formats.dicom.frames import FrameTable

SERIES = 0x0020000E
_SOP_CLASS, _WHOLE_SLIDE = 0x00080016, "1.2.840.10008.5.1.4.1.1.77.1.6"
_IMAGE_TYPE, _FRAMES, _FRAME_OFFSET = 0x00080008, 0x00280008, 0x00209228
_ROWS, _COLUMNS, _MATRIX_COLUMNS, _MATRIX_ROWS = 0x00280010, 0x00280011, 0x00480006, 0x00480007
_SAMPLES, _COLOURS, _PLANAR = 0x00280002, 0x00280004, 0x00280006
_ALLOCATED, _STORED, _SIGNED = 0x00280100, 0x00280101, 0x00280103
_ORGANISATION, _FOCAL_PLANES, _PATHS = 0x00209311, 0x00480303, 0x00480302
_SPACING, _LEFT, _TOP = 0x00280030, 0x0048021E, 0x0048021F
_LENS_POWER, _ICC = 0x00480112, 0x00282000
_TEXTS = {0x00080070: "Manufacturer", 0x00080060: "Modality", 0x0008103E: "SeriesDescription"}
_MAX_SIDE_PX = 2**31
_MIN_FRAME_PX, _MAX_FRAME_PX = 8, 2**26  # of a side, and of all


@dataclass(frozen=True, slots=True)
class DicomImage:
    """``width`` and ``height`` are those of the whole picture, whose tiles are the frames; ``places`` gives
    the frame of each tile that the file holds, by (column, row), in the first focal plane and optical path.
    """

    file: ByteSource
    kind: str
    width: int
    height: int
    form: FrameForm
    places: dict[tuple[int, int], int]
    frames: FrameTable
    planes: int
    mpp_um: tuple[float, float] | None
    objective_power: float | None
    icc_profile: bytes | None
    properties: dict[str, str]

    def read_frame(self, index: int) -> bytes:
        """The bytes of a frame. Raises CodecError where they are more than it can need, EOFError, OSError."""
        size = sum(count for _, count in self.frames[index])
        if size > self.form.max_coded_bytes:
            raise CodecError(strings.FRAME_CLAIM.format(count=size))
        return b"".join(self.file.read(offset, count) for offset, count in self.frames[index])


def is_slide(header: Dataset) -> bool:
    """Whether a file is a whole-slide image that states what it shows."""
    return header.text(_SOP_CLASS) == _WHOLE_SLIDE and len(header.texts(_IMAGE_TYPE)) >= 3


def image_from_header(file: ByteSource, header: Dataset) -> DicomImage:
    """The facts of a file for which ``is_slide``. Raises DicomError where they contradict each other or are
    not supported.
    """
    form = frame_form(header)
    width, height = header.whole(_MATRIX_COLUMNS, form.width), header.whole(_MATRIX_ROWS, form.height)
    if not (0 < width < _MAX_SIDE_PX and 0 < height < _MAX_SIDE_PX):
        raise DicomError(_sizes(width, height, form))
    if header.pixel_data is None:
        raise DicomError(strings.NO_PIXELS)
    claimed = header.reals(_FRAMES)
    count = int(claimed[0]) if claimed else 1
    columns, rows = -(-width // form.width), -(-height // form.height)
    if columns * rows > 1 and min(form.width, form.height) < _MIN_FRAME_PX:
        raise DicomError(_sizes(width, height, form))
    if not (0 < count <= MAX_FRAMES and columns * rows <= MAX_FRAMES):
        raise DicomError(strings.FRAME_COUNT.format(claimed=count, found=columns * rows))
    offset, length = header.pixel_data
    if length is None:
        frames = frames_in_items(file, offset, count)
    else:
        frames = native_frames(offset, min(length, file.size_bytes - offset), count, form.frame_bytes)
    if header.sequences.get(FRAME_GROUPS) and header.text(_ORGANISATION) != "TILED_FULL":
        places = _stated_places(header, form, count)
    else:
        first = header.whole(_FRAME_OFFSET)
        whole = range(max(first, 0), min(first + count, columns * rows))
        places = {(at % columns, at // columns): at - first for at in whole}
    paths = header.items(OPTICAL_PATHS)
    power = paths[0].reals(_LENS_POWER) if paths else []
    return DicomImage(
        file=file,
        kind=header.texts(_IMAGE_TYPE)[2],
        width=width,
        height=height,
        form=form,
        places=places,
        frames=frames,
        planes=max(1, header.whole(_FOCAL_PLANES, 1)) * max(1, header.whole(_PATHS, 1)),
        mpp_um=_mpp_um(header),
        objective_power=power[0] if power and 0 < power[0] < 1000 else None,
        icc_profile=paths[0].values.get(_ICC) if paths else None,
        properties={f"dicom.{name}": header.text(tag) for tag, name in _TEXTS.items() if header.text(tag)},
    )


def frame_form(header: Dataset) -> FrameForm:
    """How the frames are coded. Raises DicomError where that is not supported."""
    syntax, colours = header.text(TRANSFER_SYNTAX), header.text(_COLOURS)
    if syntax not in CODINGS:
        raise DicomError(strings.SYNTAX.format(uid=syntax or "?"))
    samples, stored = header.whole(_SAMPLES, 1), header.whole(_STORED, 8)
    allocated = header.whole(_ALLOCATED, 8)
    is_signed = header.whole(_SIGNED) == 1
    fits = allocated in (8, 16) and allocated - 8 < stored <= allocated
    fits = fits and not (is_signed and samples > 1)
    if COLOURS.get(colours) != samples or not fits:
        raise DicomError(strings.SAMPLES.format(samples=samples, bits=stored, colours=colours))
    form = FrameForm(
        coding=CODINGS[syntax],
        width=header.whole(_COLUMNS) & 0xFFFF,
        height=header.whole(_ROWS) & 0xFFFF,
        colours=colours,
        bits=stored,
        is_planar=header.whole(_PLANAR) == 1,
        is_big_endian=syntax == BIG_ENDIAN,
        is_signed=is_signed,
        palette=palette_from_header(header, is_signed=is_signed) if colours == PALETTE else None,
    )
    if not 0 < form.width * form.height <= _MAX_FRAME_PX or (form.is_halved and form.width % 2):
        raise DicomError(_sizes(0, 0, form))
    return form


def _sizes(width: int, height: int, form: FrameForm) -> str:
    return strings.SIZES.format(width=width, height=height, frame_width=form.width, frame_height=form.height)


def _stated_places(header: Dataset, form: FrameForm, count: int) -> dict[tuple[int, int], int]:
    """Frames by the position that each states; the first of several at one position."""
    places: dict[tuple[int, int], int] = {}
    for index, groups in enumerate(header.sequences[FRAME_GROUPS][:count]):
        for position in groups.items(PLANE_POSITION)[:1]:
            left, top = position.whole(_LEFT, 1) - 1, position.whole(_TOP, 1) - 1
            if left % form.width or top % form.height:
                raise DicomError(strings.OFF_GRID)
            places.setdefault((left // form.width, top // form.height), index)
    return places


def _mpp_um(header: Dataset) -> tuple[float, float] | None:
    """From the spacing of rows and columns in millimetres; None where the file states none."""
    for measures in header.items(SHARED_GROUPS, PIXEL_MEASURES)[:1]:
        spacing = measures.reals(_SPACING)
        if len(spacing) == 2:
            return credible_mpp(1000 * spacing[1], 1000 * spacing[0])
    return None
