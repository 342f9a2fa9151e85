"""Which DICOM headers OpenSlide may read: those whose nesting was measured here.

OpenSlide descends into sequences without a bound, in each DICOM file of the folder: some ten thousand in each
other end the process. A header counts as measured only where OpenSlide reads the same elements in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.slide.formats.dicom.dataset import (
    BIG_ENDIAN,
    DEFLATED,
    FRAME_GROUPS,
    IMPLICIT,
    PIXEL_DATA,
    TRANSFER_SYNTAX,
    DicomError,
    read_dataset,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from viewer.slide.byte_source import ByteSource
    from viewer.slide.formats.dicom.dataset import Dataset

# In implicit VR OpenSlide finds sequences by a dictionary; of the others it reads the bytes as if they were
# little-endian elements.
_READ_OTHERWISE = (IMPLICIT, BIG_ENDIAN, DEFLATED)

# Any other tag ends the reading here, and not there.
_ENDS = (FRAME_GROUPS, PIXEL_DATA, None)


def is_measured(header: Dataset) -> bool:
    """Whether a header, read up to its frames without a DicomError, holds all that OpenSlide descends into
    when it searches a folder.
    """
    return header.text(TRANSFER_SYNTAX) not in _READ_OTHERWISE and header.end_tag in _ENDS


def are_measured_to_pixels(files: Iterable[ByteSource]) -> bool:
    """Whether the same holds for files up to their pixels, as OpenSlide reads those of the slide."""
    try:
        return all(read_dataset(file).end_tag == PIXEL_DATA for file in files)
    except (DicomError, OSError):
        return False
