"""What this room says to the reader; ``{name}`` stands for a value. Most follow a file's name and a colon."""

from __future__ import annotations

# Why a file is no slide that this room reads.
NOT_DICOM = "it is not DICOM"
NOT_A_SLIDE = "it is DICOM, but no whole-slide image"
NO_VOLUME = "it holds no picture of the slide, only a label or an overview"
CUT_SHORT = "it ends within its header: {error}"
TOO_DEEP = "its header nests deeper than any DICOM"
TOO_MANY_ELEMENTS = "its header has more than {count:,} elements"
VALUE_SIZE = "element {tag} claims {size:,} bytes"
ITEM_EXPECTED = "an item is expected at byte {offset}"
SYNTAX = "its transfer syntax {uid} is not one that Foveola decodes"
NO_PIXELS = "it has no pixel data"
SIZES = "it claims {width}×{height} px in frames of {frame_width}×{frame_height}"
SAMPLES = "it has {samples} samples of {bits} bits a pixel ({colours})"
PALETTE = "the tables of its palette do not fit their description"
PALETTE_SEGMENTED = (
    "its palette is stored in segments, which Foveola does not read; save it with a plain palette or as RGB"
)
INFLATED_SIZE = "it inflates to more than {most_mib} MiB; save it without deflate, or with JPEG frames"
NOT_DEFLATED = "its deflated elements are damaged: {error}"
BEYOND_INFLATED = "it ends before byte {end:,}: inflated it has {size:,}"
FRAME_COUNT = "it claims {claimed} frames and holds {found}"
OFF_GRID = "its frames do not lie on a grid"

# Why a frame cannot be shown.
FRAME = "{path}: frame {frame} cannot be read: {error}"
FRAME_BYTES = "it holds {found} bytes, not {expected}"
FRAME_CLAIM = "it claims {count:,} bytes, more than twice its pixels"

# How a slide is read, and what is to be noted about it.
REASON = "Its {coding} frames of {width}×{height} px are decoded straight from the file{why}."
COLOURS_OTHERWISE = ": they hold other colours than its header states"
OPENSLIDE_REFUSES = "; OpenSlide: {reason}"
NOT_FOR_OPENSLIDE = "a damaged or unusual DICOM header in this folder is not passed to it"
SIGNED = "Samples are signed; {black} is shown as black and {white} as white."
SHOWN_IN_8_BITS = "Samples of {bits} bits are shown in 8: {white} and above is white."
INVERTED_IN_8_BITS = "Samples of {bits} bits are shown in 8: {black} and above is black."
